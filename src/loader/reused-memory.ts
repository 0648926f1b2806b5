/**
 * Memory for one load after another: making and clearing megabytes for each of thousands of modules costs more than copying the
 * modules into them.
 */
export class ReusedMemory {
  #bytes = new Uint8Array(0);
  #used = 0;

  /** Everything that was taken may be overwritten from now on. */
  clear(): void {
    // What did not fit the last time will fit this time.
    if (this.#used > this.#bytes.length) this.#bytes = new Uint8Array(Math.ceil(this.#used * 1.25));
    this.#used = 0;
  }

  /** @param length bytes */
  zeroed(length: number): Uint8Array {
    return this.#take(length)?.fill(0) ?? new Uint8Array(length);
  }

  copyOf(bytes: Uint8Array): Uint8Array {
    const copy = this.#take(bytes.length);
    if (copy === undefined) return new Uint8Array(bytes);
    copy.set(bytes);
    return copy;
  }

  /** `undefined` where there is too little left. */
  #take(length: number): Uint8Array | undefined {
    const start = this.#used;
    // Words of all sizes are read there.
    this.#used += (length + 15) & ~15;
    return this.#used <= this.#bytes.length ? this.#bytes.subarray(start, start + length) : undefined;
  }
}
