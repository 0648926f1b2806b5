/** Checks files one after the other with one read buffer for all of them. */
import { decompressSync, detectForm, type Form, prepare } from '../../io/compression.ts';
import { createReadPool, readObject, readPlainInto, STDIN } from '../../io/read.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import type { CheckedFile } from '../../report/check/document.ts';
import { InputError, inFile } from '../../util/errors.ts';
import { checkKernel, checkModule, isKernelImage } from '../../verify/check/check.ts';
import { Exporters, type ExportingFile } from '../../verify/check/exporters.ts';
import type { CheckResult } from '../../verify/check/finding.ts';
import { mentionsCopies } from '../../verify/proof/copies.ts';
import { ExportReader } from './exports.ts';

/** What every check of one run has in common; plain data, so that a thread can be told. */
export interface CheckRequest {
  /** Paths of modules that import from one another, those to be checked first. */
  readonly context: readonly string[];
  readonly parameters: string | undefined;
  /** `false`: only what the kernel does with a module. */
  readonly proof: boolean;
  /** `false`: signatures are not verified. */
  readonly signatures: boolean;
  readonly allowUnproved: boolean;
  /** `false`: paths are told of refuted functions alone. */
  readonly paths: boolean;
  /** Name of a function whose verdict is to be derived. */
  readonly explain: string | undefined;
}

export class FileChecker {
  readonly #pool = createReadPool();
  readonly #kernel: KernelKnowledge | undefined;
  readonly #request: CheckRequest;
  #exporters: Exporters | undefined;

  /** @param kernel only kernel images can be checked without one */
  constructor(kernel: KernelKnowledge | undefined, request: CheckRequest) {
    this.#kernel = kernel;
    this.#request = request;
  }

  /** Reads what the modules of the context export, unless that was done. */
  async readContext(): Promise<Exporters> {
    if (this.#exporters === undefined) {
      const reader = new ExportReader();
      const files: ExportingFile[] = [];
      for (const file of this.#request.context) {
        const exports = await reader.read(file);
        if (exports !== undefined) files.push({ file, exports });
      }
      this.#exporters = new Exporters(files);
    }
    return this.#exporters;
  }

  /** What somebody else has read. */
  useContext(exporters: Exporters): void {
    this.#exporters = exporters;
  }

  /**
   * @param missing files whose modules are not there to import from
   */
  async check(path: string, missing: ReadonlySet<string> = new Set()): Promise<CheckedFile> {
    try {
      const bytes = await this.#bytesOf(path);
      if (isKernelImage(bytes)) return { file: path, result: this.#checkImage(bytes) };
      const kernel = this.#kernel ?? noKernel();
      if (isLivepatch(bytes) || mentionsCopies(bytes)) await this.#prepareContext();
      const first = this.#checkBytes(kernel, path, bytes, missing);
      if (first !== 'context wanted') return { file: path, result: first };
      await this.readContext();
      const second = this.#checkBytes(kernel, path, bytes, missing);
      if (second === 'context wanted') throw new Error('the context was read and is still wanted');
      return { file: path, result: second };
    } catch (error) {
      const placed = inFile(error, path);
      if (placed instanceof InputError) return { file: path, complaint: placed.complaint };
      throw error;
    }
  }

  #checkImage(bytes: Uint8Array): CheckResult {
    const { proof, allowUnproved, paths, explain } = this.#request;
    if (!proof)
      throw new InputError({
        code: 'CLI013',
        message: 'of a kernel image nothing but the proof is checked',
        remedy: 'leave --no-proof out, or give modules',
      });
    return checkKernel(bytes, { allowUnproved, paths, explain });
  }

  /** Reading the context may wait, the twin does not: where it turns out to be needed, the check is begun anew. */
  #checkBytes(kernel: KernelKnowledge, path: string, bytes: Uint8Array, missing: ReadonlySet<string>) {
    const exporters = this.#exporters;
    let isWanted = false;
    const hasContext = this.#request.context.some(file => file !== path);
    const own = exporters?.moduleOf(path);
    const result = checkModule({
      bytes,
      kernel,
      parameters: this.#request.parameters,
      proof: this.#request.proof,
      signatures: this.#request.signatures,
      moduleNamed: name => this.#moduleNamed(name),
      allowUnproved: this.#request.allowUnproved,
      paths: this.#request.paths,
      explain: this.#request.explain,
      exporterOf: symbol => {
        if (exporters === undefined) {
          isWanted = hasContext;
          return undefined;
        }
        return exporters.of(symbol, (file, module) => file !== path && module !== own && !missing.has(file));
      },
    });
    return isWanted ? ('context wanted' as const) : result;
  }

  /** So that a module of the context can be read without waiting. */
  async #prepareContext(): Promise<void> {
    for (const form of new Set(this.#request.context.map(formOfName))) await prepare(form);
  }

  /** A module of the context by its name; `undefined` where there is none, or where it cannot be read. */
  #moduleNamed(name: string): Uint8Array | undefined {
    const { context } = this.#request;
    const file = this.#exporters?.fileOf(name) ?? context.find(path => moduleNameOf(path) === name);
    if (file === undefined) return undefined;
    try {
      const stored = readPlainInto(createReadPool(), file);
      const form = detectForm(stored);
      return form === 'plain' ? stored : decompressSync(stored, form);
    } catch (error) {
      if (error instanceof InputError) return undefined;
      throw error;
    }
  }

  async #bytesOf(path: string): Promise<Uint8Array> {
    if (path === STDIN) return (await readObject(path)).bytes;
    const stored = readPlainInto(this.#pool, path);
    const form = detectForm(stored);
    if (form === 'plain') return stored;
    await prepare(form);
    return decompressSync(stored, form);
  }
}

const MARK = Buffer.from('livepatch=', 'latin1');

function isLivepatch(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(MARK);
}

/** What the kernel calls the module in a file: the build makes it of the file's name. */
function moduleNameOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.(?:ko|o)(?:\.(?:xz|zst|gz))?$/, '');
  return name.replaceAll('-', '_');
}

function formOfName(path: string): Form {
  if (path.endsWith('.xz')) return 'xz';
  if (path.endsWith('.zst')) return 'zstd';
  return path.endsWith('.gz') ? 'gzip' : 'plain';
}

function noKernel(): never {
  throw new InputError({
    code: 'CLI012',
    message: 'what becomes of a module depends on the kernel, and none is given',
    remedy: 'say for which kernel: --kernel K',
  });
}
