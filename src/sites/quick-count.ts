/**
 * Counting straight from the bytes of a file, in WebAssembly.
 *
 * `summarize` walks the structures that everything else uses. For a tree of thousands of modules, and for a kernel, most of
 * its time would go into making them and into code that V8 has not optimised yet; the code in `wasm/` makes nothing and is
 * fast from the first file on. It answers for files that are laid out in the usual way and in which every check holds,
 * and leaves any other file, damaged ones included, to `summarize`. Tests hold the two together on stock modules and
 * kernels, on made objects and on damaged ones.
 */
import type { ObjectKind } from '../kernel/kind.ts';
import { FileRoom } from '../util/file-room.ts';
import { COUNTING_CODE } from './counting-code.ts';
import type { Profiling } from './forms.ts';
import type { ScanSummary } from './scan.ts';

/** In the order of the numbers in `wasm/count.ts`. */
const KINDS: readonly ObjectKind[] = ['object', 'module', 'vmlinux'];
const PROFILINGS: readonly Profiling[] = ['none', 'mprofile-kernel', 'patchable', 'patchable-out-of-line'];
const RESULT_WORDS = 10;

type ResultWords = readonly [number, number, number, number, number, number, number, number, number, number];

/** What `wasm/count.ts` exports. Addresses and sizes in bytes. */
interface CountingCode {
  readonly memory: WebAssembly.Memory;
  fileAt(): number;
  resultAt(): number;
  count(size: number): number;
}

export class QuickCounter {
  readonly #code: CountingCode;
  readonly #room: FileRoom;
  #result!: Uint32Array<ArrayBuffer>;

  private constructor() {
    const module = new WebAssembly.Module(Buffer.from(COUNTING_CODE, 'base64'));
    this.#code = new WebAssembly.Instance(module).exports as CountingCode;
    const { memory } = this.#code;
    this.#room = new FileRoom(memory, this.#code.fileAt(), () => {
      this.#result = new Uint32Array(memory.buffer, this.#code.resultAt() >>> 0, RESULT_WORDS);
    });
  }

  /** `undefined` where there is no WebAssembly (`node --jitless`) or no room for its memory. */
  static create(): QuickCounter | undefined {
    try {
      return new QuickCounter();
    } catch {
      return undefined;
    }
  }

  /** Where the file that is to be counted belongs. Starts on an 8-byte boundary; another array after `grow`. */
  get buffer(): Uint8Array<ArrayBuffer> {
    return this.#room.buffer;
  }

  /** Makes `buffer` at least `size` bytes large; it keeps what it holds. */
  grow(size: number): void {
    this.#room.grow(size);
  }

  /** The counts of the file that fills the first `size` bytes of `buffer`, or `undefined` where `summarize` has to look. */
  count(size: number): ScanSummary | undefined {
    if (this.#code.count(size) === 0) return undefined;
    const [
      kind,
      profiling,
      functions,
      callSites,
      recordedSites,
      localCalls,
      externalCalls,
      siblingCalls,
      indirectCalls,
      droppedRecords,
    ] = this.#result as unknown as ResultWords;
    return {
      kind: KINDS[kind]!,
      profiling: PROFILINGS[profiling]!,
      counts: {
        functions,
        callSites,
        recordedSites,
        entryPoints: functions,
        localCalls,
        externalCalls,
        siblingCalls,
        indirectCalls,
      },
      strayRecords: 0,
      droppedRecords,
    };
  }

  /** The same for a file that lies elsewhere. */
  countCopy(bytes: Uint8Array): ScanSummary | undefined {
    this.grow(bytes.length);
    this.buffer.set(bytes);
    return this.count(bytes.length);
  }
}
