/**
 * The states that are kept while a function is followed: one for each block that control was seen to reach, and which of the
 * blocks have to be executed again because their state has changed since.
 */
import { State } from './state.ts';

/**
 * States that are in use while one function is followed. All frontiers share them: a function is followed to its end before the
 * next one, and thousands of objects are proved one after another.
 */
const pool: State[] = [];
/** By word: 1 + number of the state that is kept for it, and whether it waits. Zeroes, but for the function that is followed. */
let stateAt = new Int32Array(0);
let isWaiting = new Uint8Array(0);

export class Frontier {
  readonly #stateAt: Int32Array;
  readonly #isWaiting: Uint8Array;
  readonly #touched: number[] = [];
  /** Waiting words: a binary heap, lowest first. */
  readonly #heap: number[] = [];

  constructor(words: number) {
    if (words > stateAt.length) {
      stateAt = new Int32Array(words);
      isWaiting = new Uint8Array(words);
    }
    this.#stateAt = stateAt;
    this.#isWaiting = isWaiting;
  }

  /** Control reaches the block at `target`, bytes from the origin, in `state`. */
  reach(target: number, state: State): void {
    const word = target >> 2;
    const kept = this.#stateAt[word]!;
    if (kept === 0) this.#keep(word, state);
    else if (!pool[kept - 1]!.join(state)) return;
    if (this.#isWaiting[word] === 0) this.#push(word);
  }

  /**
   * Control falls into the block at `target`. As `reach`, and if that block is what `take` would give next, it is taken.
   *
   * @param state gets what is known at its start, where it is taken
   * @returns whether it is taken
   */
  fallInto(target: number, state: State): boolean {
    const word = target >> 2;
    const kept = this.#stateAt[word]!;
    const isFirst = this.#heap.length === 0 || word <= this.#heap[0]!;
    if (kept === 0) {
      this.#keep(word, state);
      if (!isFirst) this.#push(word);
      return isFirst;
    }
    const slot = pool[kept - 1]!;
    const isWaiting = this.#isWaiting[word] === 1;
    if (!slot.join(state) && !isWaiting) return false;
    if (!isFirst) {
      if (!isWaiting) this.#push(word);
      return false;
    }
    if (isWaiting) this.#pop();
    state.copyFrom(slot);
    return true;
  }

  /** Keeps what is known at a word that is reached for the first time. */
  #keep(word: number, state: State): void {
    const used = this.#touched.length;
    let slot = pool[used];
    if (slot === undefined) {
      slot = new State();
      pool.push(slot);
    }
    slot.copyFrom(state);
    this.#touched.push(word);
    this.#stateAt[word] = used + 1;
  }

  /**
   * Takes the waiting block with the lowest address, so that most blocks are executed after those in front of them.
   *
   * @param state gets what is known at its start
   * @returns where it begins, or -1 if none is left
   */
  take(state: State): number {
    if (this.#heap.length === 0) return -1;
    const first = this.#pop();
    state.copyFrom(pool[this.#stateAt[first]! - 1]!);
    return first * 4;
  }

  /** The lowest waiting word, which no longer waits. */
  #pop(): number {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    const { length } = heap;
    if (length > 0) {
      let at = 0;
      for (;;) {
        let child = at * 2 + 1;
        if (child >= length) break;
        if (child + 1 < length && heap[child + 1]! < heap[child]!) child++;
        if (heap[child]! >= last) break;
        heap[at] = heap[child]!;
        at = child;
      }
      heap[at] = last;
    }
    this.#isWaiting[first] = 0;
    return first;
  }

  #push(word: number): void {
    this.#isWaiting[word] = 1;
    const heap = this.#heap;
    let at = heap.length;
    heap.push(word);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]! <= word) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = word;
  }

  clear(): void {
    for (const word of this.#touched) {
      this.#stateAt[word] = 0;
      this.#isWaiting[word] = 0;
    }
    this.#touched.length = 0;
    this.#heap.length = 0;
  }
}
