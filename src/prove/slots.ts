/**
 * The stack slots that hold something known: bytes from r1 at the function's entry, width in bytes, value. A set of them never
 * changes, so that states share it: it is made in a function's first instructions and is the same in nearly all of its blocks.
 */
import { UNKNOWN, type Value } from './values.ts';

/** More known slots than this are forgotten: honest, and no compiled function has needed them. */
const MOST_SLOTS = 64;
/** Numbers that one slot takes in `Slots.#list`: offset, width, value. */
const FIELDS = 3;

export class Slots {
  static readonly none = new Slots([]);
  readonly #list: readonly number[];
  /** The last set that `store` made of this one: what follows one block is often what follows another. */
  #nextOffset = 0;
  #nextWidth = 0;
  #nextValue = UNKNOWN;
  #next: Slots | undefined;
  /** The same for `withoutCallees`. */
  #top = 0;
  #afterCall: Slots | undefined;

  private constructor(list: readonly number[]) {
    this.#list = list;
  }

  static #of(list: readonly number[]): Slots {
    return list.length === 0 ? Slots.none : new Slots(list);
  }

  /** Every slot; bytes from r1 at entry, bytes. */
  *all(): Generator<{ readonly offset: number; readonly width: number; readonly value: Value }> {
    const list = this.#list;
    for (let i = 0; i < list.length; i += FIELDS) yield { offset: list[i]!, width: list[i + 1]!, value: list[i + 2]! };
  }

  /** What `width` bytes at `offset` are known to hold. */
  load(offset: number, width: number): Value {
    const list = this.#list;
    for (let i = 0; i < list.length; i += FIELDS) if (list[i] === offset && list[i + 1] === width) return list[i + 2]!;
    return UNKNOWN;
  }

  /** `width` bytes at `offset` now hold `value`. */
  store(offset: number, width: number, value: Value): Slots {
    const list = this.#list;
    const end = offset + width;
    let overlaps = false;
    for (let i = 0; i < list.length; i += FIELDS) {
      const at = list[i]!;
      if (at >= end || at + list[i + 1]! <= offset) continue;
      // Slots do not overlap one another: where one is what is stored there is no other to forget.
      if (at === offset && list[i + 1] === width && list[i + 2] === value) return this;
      overlaps = true;
    }
    if (value === UNKNOWN || offset !== (offset | 0)) return overlaps ? this.without(offset, end) : this;
    if (
      this.#next !== undefined &&
      this.#nextOffset === offset &&
      this.#nextWidth === width &&
      this.#nextValue === value
    )
      return this.#next;
    const kept = overlaps ? this.without(offset, end).#list : list;
    const next = kept.length === MOST_SLOTS * FIELDS ? Slots.#of(kept) : new Slots([...kept, offset, width, value]);
    this.#nextOffset = offset;
    this.#nextWidth = width;
    this.#nextValue = value;
    this.#next = next;
    return next;
  }

  /** Forgets every slot that touches [from, to). */
  without(from: number, to: number): Slots {
    const list = this.#list;
    for (let i = 0; i < list.length; i += FIELDS)
      if (list[i]! < to && list[i]! + list[i + 1]! > from) return this.#filtered((at, end) => at >= to || end <= from);
    return this;
  }

  /** Forgets every slot that begins below `limit`. */
  withoutBelow(limit: number): Slots {
    const list = this.#list;
    for (let i = 0; i < list.length; i += FIELDS) if (list[i]! < limit) return this.#filtered(at => at >= limit);
    return this;
  }

  /** Forgets what a callee may have changed: everything below `top`, and the CR and LR slots of the frame there. */
  withoutCallees(top: number): Slots {
    if (this.#afterCall === undefined || this.#top !== top) {
      this.#top = top;
      this.#afterCall = this.withoutBelow(top).without(top + 8, top + 24);
    }
    return this.#afterCall;
  }

  /** What both know. This one itself where `other` knows all of it. */
  joined(other: Slots): Slots {
    if (other === this) return this;
    const list = this.#list;
    for (let i = 0; i < list.length; i += FIELDS)
      if (!other.#has(list, i)) return this.#filtered((at, end, value) => other.load(at, end - at) === value);
    return this;
  }

  /** Those of them that are in one of the others as well. */
  among(...others: readonly Slots[]): Slots {
    return this.#filtered((at, end, value) => others.some(other => other.load(at, end - at) === value));
  }

  /** Without those of `others` that begin below `limit`. */
  withoutThose(others: Slots, limit: number): Slots {
    return this.#filtered((at, end, value) => at >= limit || others.load(at, end - at) !== value);
  }

  /** Whether all of `others` are here. */
  covers(others: Slots): boolean {
    return others.joined(this) === others;
  }

  /** Whether slot `i` of a list is here too; most often two lists have the same order. */
  #has(list: readonly number[], i: number): boolean {
    const own = this.#list;
    if (i < own.length && own[i] === list[i] && own[i + 1] === list[i + 1] && own[i + 2] === list[i + 2]) return true;
    return this.load(list[i]!, list[i + 1]!) === list[i + 2];
  }

  #filtered(keeps: (at: number, end: number, value: Value) => boolean): Slots {
    const list = this.#list;
    const kept: number[] = [];
    for (let i = 0; i < list.length; i += FIELDS)
      if (keeps(list[i]!, list[i]! + list[i + 1]!, list[i + 2]!)) kept.push(list[i]!, list[i + 1]!, list[i + 2]!);
    return Slots.#of(kept);
  }
}
