/**
 * Modules of which it can be told quickly that the kernel takes them and that there is nothing to say: all of those that a
 * distribution ships with its kernel, thousands of them, for which the twin's structures and code that V8 has not optimised yet
 * would take most of the time. The code in `wasm/` looks at each file once, where it was read to, and leaves every file that
 * is not plain to the loader twin and the audits, which alone refuse and remark.
 *
 * What a module imports from others is settled when all have been seen. Several threads may each look at some of the files and
 * tell one of them (`share`). Tests hold the answers together with the twin's: on stock modules and on damaged ones.
 */
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import { isPlainKernelData } from '../../loader/kernel-addresses.ts';
import { NOTICES } from '../../loader/modinfo-checks.ts';
import { FileRoom } from '../../util/file-room.ts';
import { type CheckResult, notJudged } from './finding.ts';
import { numberOfName, PLACES, type ScreeningCode, setKernel, setProof } from './plain-kernel.ts';
import { PlainProof, type ProvingCode, proverImports } from './plain-proof.ts';
import { type PlainShare, renumber } from './plain-share.ts';
import { type ForeignExports, RECORD_WORDS, type SettledFile, settle } from './plain-together.ts';
import type { ProofOptions } from './proved.ts';
import { PROVING_CODE } from './proving-code.ts';
import { SCREENING_CODE } from './screening-code.ts';

/** By the text that they are kept as. */
const compiled: Record<string, WebAssembly.Module> = {};
/** Words that `screen` of `wasm/screen.ts` leaves. */
const RESULT_WORDS = 5;
/** More than the bytes from an export of the kernel to a key behind it. */
const KEYS_PER_EXPORT = 1 << 12;

export class PlainModules {
  readonly #code: ScreeningCode;
  readonly #kernel: KernelKnowledge;
  /** By number of the export and distance from it. */
  readonly #keys = new Map<number, boolean>();
  readonly #room: FileRoom;
  readonly #proof: PlainProof | undefined;
  #result!: Uint32Array<ArrayBuffer>;
  #memory!: Buffer<ArrayBuffer>;
  readonly #builtin: ReadonlySet<string>;
  readonly #files: SettledFile[] = [];
  readonly #shared: Int32Array[] = [];
  readonly #foreign: ForeignExports = { modules: new Set(), names: new Set() };
  #hasRoom = true;

  private constructor(code: ScreeningCode | ProvingCode, kernel: KernelKnowledge, proof: ProofOptions | undefined) {
    this.#code = code;
    this.#kernel = kernel;
    this.#builtin = new Set(kernel.builtin);
    const { memory } = code;
    this.#room = new FileRoom(memory, code.place(PLACES.file), () => {
      this.#result = new Uint32Array(memory.buffer, code.place(PLACES.result) >>> 0, RESULT_WORDS);
      this.#memory = Buffer.from(memory.buffer);
    });
    this.#proof = proof && new PlainProof(code as ProvingCode, this.#room, proof);
  }

  /**
   * `undefined` for kernels whose loader does what the screen does not know, and where there is no WebAssembly
   * (`node --jitless`) or no room for its memory.
   *
   * @param proof functions are to be judged as well
   */
  static create(kernel: KernelKnowledge, proof?: ProofOptions): PlainModules | undefined {
    let code: ScreeningCode | ProvingCode;
    try {
      const text = proof ? PROVING_CODE : SCREENING_CODE;
      compiled[text] ??= new WebAssembly.Module(Buffer.from(text, 'base64'));
      code = new WebAssembly.Instance(compiled[text], proverImports).exports as ScreeningCode | ProvingCode;
    } catch {
      return undefined;
    }
    if (!setKernel(code, kernel) || (proof && !setProof(code as ProvingCode, kernel))) return undefined;
    return new PlainModules(code, kernel, proof);
  }

  /** Where the file that is to be screened belongs. Starts on an 8-byte boundary; another array after `grow`. */
  get buffer(): Uint8Array<ArrayBuffer> {
    return this.#room.buffer;
  }

  /** Makes `buffer` at least `size` bytes large; it keeps what it holds. */
  grow(size: number): void {
    this.#room.grow(size);
  }

  /**
   * Screens the file that fills the first `size` bytes of `buffer`. Where functions are to be judged and the file is plain,
   * these bytes are changed.
   *
   * @returns the number of its answer in what `settle` gives, or -1 where it is not plain; then `exports` has to be told
   *   what it exports
   */
  screen(size: number): number {
    const number = this.#files.length;
    if (this.#code.screen(size, number + 1) === 0) return -1;
    const result = this.#result;
    const module = this.#memory.toString('latin1', result[1]!, result[1]! + result[2]!);
    if (this.#builtin.has(module)) return -1;
    this.#code.keepRecords();
    this.#files.push({
      module,
      functions: result[0]!,
      isStaging: result[3] === 1,
      isTest: result[4] === 1,
      uses: [],
      isExporter: false,
      ...(this.#proof && { proof: this.#proof.prove(size) ?? 'none' }),
    });
    return number;
  }

  /**
   * What was given to the prover of the file that was screened last and is plain; until the next one is read. `undefined` where its
   * proof was left to the twin.
   */
  subject(): ReturnType<PlainProof['subject']> | undefined {
    return this.#files.at(-1)?.proof === 'none' ? undefined : this.#proof?.subject();
  }

  /** What was found of its functions. */
  found(): ReturnType<PlainProof['found']> | undefined {
    return this.#files.at(-1)?.proof === 'none' ? undefined : this.#proof?.found();
  }

  /** A module that was not screened, or that is not plain, exports these names: whoever imports them is left to the twin. */
  exports(module: string, names: readonly string[]): void {
    this.#foreign.modules.add(module);
    for (const name of names) {
      const number = numberOfName(this.#code, Buffer.from(name, 'latin1'));
      if (number < 0) this.#hasRoom = false;
      else this.#foreign.names.add(number);
    }
  }

  /** All that was found, as plain data for another thread; without what `exports` told. */
  share(): PlainShare {
    const { buffer } = this.#code.memory;
    const first = this.#kernel.exports.count;
    const count = this.#code.nameCount() - first;
    const strings = this.#code.place(PLACES.otherStrings);
    return {
      files: this.#files,
      records: this.#records().slice(),
      names: new Uint8Array(buffer, strings, this.#code.otherBytes()).slice(),
      starts: new Uint32Array(buffer, this.#code.place(PLACES.otherStarts), count).slice(),
    };
  }

  /** Takes what another thread found for the same kernel. @returns what is to be added to its numbers of files */
  take(share: PlainShare): number {
    const { names, starts } = share;
    const first = this.#files.length;
    this.grow(names.length);
    this.buffer.set(names);
    const at = this.#code.place(PLACES.file);
    const numbers = new Int32Array(starts.length);
    for (let i = 0; i < starts.length; i++) {
      numbers[i] = this.#code.numberOf(at + starts[i]!);
      if (numbers[i]! < 0) this.#hasRoom = false;
    }
    for (const file of share.files) this.#files.push(file);
    this.#shared.push(renumber(share.records, first, this.#kernel.exports.count, numbers));
    return first;
  }

  #records(): Int32Array {
    const { memory } = this.#code;
    return new Int32Array(memory.buffer, this.#code.place(PLACES.records), this.#code.recordCount() * RECORD_WORDS);
  }

  /**
   * What is known of the files that were screened, now that all have been seen, by their numbers; `undefined` for those
   * that the twin has to look at after all.
   */
  settle(): readonly (CheckResult | undefined)[] {
    if (!this.#hasRoom) return this.#files.map(() => undefined);
    const records = [this.#records(), ...this.#shared];
    const isPlain = settle(this.#files, records, this.#code.nameCount(), this.#foreign, this.#isKey);
    return this.#files.map((file, i) =>
      isPlain[i] === 0 || file.proof === 'none'
        ? undefined
        : {
            kind: 'module',
            loads: true,
            toc: file.proof?.toc ?? notJudged(file.functions),
            findings: file.proof?.findings ?? [],
            log: this.#logOf(file),
            module: file.module,
            uses: file.uses,
          },
    );
  }

  /** Whether the file with this number exports something; known once `settle` was called. */
  isExporter(number: number): boolean {
    return this.#files[number]!.isExporter;
  }

  #logOf({ module, isStaging, isTest }: SettledFile): string[] {
    const log: string[] = [];
    if (isStaging) log.push(NOTICES.staging(module));
    if (isTest) log.push(NOTICES.test(module));
    if (this.#kernel.options.moduleSig) log.push(NOTICES.unsigned(module));
    return log;
  }

  #isKey = (name: number, distance: number): boolean => {
    const { exports } = this.#kernel;
    const key = name * KEYS_PER_EXPORT + distance;
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const low = exports.addressLow(name) + distance;
    const request = { running: undefined };
    const isKey =
      low <= 0xffff_ffff && isPlainKernelData({ kernel: this.#kernel, request }, low, exports.addressHigh(name));
    this.#keys.set(key, isKey);
    return isKey;
  };
}
