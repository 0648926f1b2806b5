/**
 * The part of a WebAssembly program's memory that a file is read into. It is the last one, so that it can grow.
 */

const PAGE = 1 << 16;
/** Bytes behind the file that belong to nothing: names are compared without looking where the file ends. */
const SLACK = 64;

export class FileRoom {
  readonly #memory: WebAssembly.Memory;
  readonly #at: number;
  readonly #moved: () => void;
  #buffer!: Uint8Array<ArrayBuffer>;

  /**
   * @param at where the room begins in the memory, in bytes
   * @param moved called now, and whenever the memory has grown: it is another ArrayBuffer then, and views of the old one are empty
   */
  constructor(memory: WebAssembly.Memory, at: number, moved: () => void) {
    this.#memory = memory;
    this.#at = at >>> 0;
    this.#moved = moved;
    this.#look();
  }

  /** The room; another array after `grow`. Starts on an 8-byte boundary. */
  get buffer(): Uint8Array<ArrayBuffer> {
    return this.#buffer;
  }

  /** Makes `buffer` at least `size` bytes large; it keeps what it holds. Throws RangeError where there is no memory for it. */
  grow(size: number): void {
    const missing = size - this.#buffer.length;
    if (missing <= 0) return;
    try {
      this.#memory.grow(Math.ceil(missing / PAGE));
    } catch (cause) {
      // What V8 says of every other array for which there is no memory.
      throw new RangeError('Array buffer allocation failed', { cause });
    }
    this.#look();
  }

  #look(): void {
    const { buffer } = this.#memory;
    this.#buffer = new Uint8Array(buffer, this.#at, buffer.byteLength - this.#at - SLACK);
    this.#moved();
  }
}
