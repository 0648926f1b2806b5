/**
 * What is known of the machine at one place of a function: registers, and the stack slots that hold something known. Stack
 * places are counted in bytes from r1 at the function's entry: negative ones are in frames of its own, 0 is the caller's
 * back chain, 8 the caller's slot for CR, 16 for LR, 24 for the TOC.
 */
import { Slots } from './slots.ts';
import { CTR, isStack, PLACES, stackOffset, UNKNOWN, type Value } from './values.ts';

/** Bytes below r1 that interrupts leave alone (KERNEL_REDZONE_SIZE, ELF V2 ABI 2.2.3.4). */
export const PROTECTED_ZONE = 288;
/** Places are compared two at a time. */
const PAIRS = (PLACES + 1) >> 1;

export class State {
  /** Indexed by register number; LR, CTR and CR2 to CR4 behind the general registers, and one that is always 0. */
  readonly places = new Int32Array(PAIRS * 2);
  /** The same two by two. Values that look equal as doubles are equal: no value is -2^31, so none is -0. A NaN equals nothing. */
  readonly #pairs = new Float64Array(this.places.buffer);
  slots = Slots.none;
  /**
   * Those of them that lay below r1 when it was last moved up. What ends a frame may still read them (`addi 1,1,N; ld 31,-8(1)`);
   * in the next frame they are where its variables are, which are written through pointers.
   */
  #stale = Slots.none;
  /** Bit n: CTR holds the same number as rn. */
  sameAsCtr = 0;
  /** Bit n: r12 holds the same number as rn. */
  sameAsR12 = 0;
  /** Bit n: since the last call, and since r1 last changed, something was stored into the doubleword at 32 + 8n(r1). */
  arguments = 0;

  /** Nothing is known but what the registers hold. */
  clear(): void {
    this.slots = Slots.none;
    this.#stale = Slots.none;
    this.sameAsCtr = 0;
    this.sameAsR12 = 0;
    this.arguments = 0;
  }

  copyFrom(other: State): void {
    this.places.set(other.places);
    this.slots = other.slots;
    this.#stale = other.#stale;
    this.sameAsCtr = other.sameAsCtr;
    this.sameAsR12 = other.sameAsR12;
    this.arguments = other.arguments;
  }

  /** Joins `other` into this one; true if something known was lost. */
  join(other: State): boolean {
    let changed = false;
    const pairs = this.#pairs;
    const others = other.#pairs;
    for (let i = 0; i < PAIRS; i++) if (pairs[i] !== others[i] && this.#joinPair(other, i)) changed = true;
    const slots = this.slots.joined(other.slots);
    const ctr = this.sameAsCtr & other.sameAsCtr;
    const r12 = this.sameAsR12 & other.sameAsR12;
    const put = this.arguments & other.arguments;
    if (slots !== this.slots || ctr !== this.sameAsCtr || r12 !== this.sameAsR12 || put !== this.arguments)
      changed = true;
    this.slots = slots;
    if (this.#stale !== other.#stale && this.#joinStale(other)) changed = true;
    this.sameAsCtr = ctr;
    this.sameAsR12 = r12;
    this.arguments = put;
    return changed;
  }

  /** What is stale in one of them is stale. */
  #joinStale(other: State): boolean {
    const stale = this.slots.among(this.#stale, other.#stale);
    const changed = !this.slots.among(this.#stale).covers(stale);
    this.#stale = stale;
    return changed;
  }

  #joinPair({ places: from }: State, pair: number): boolean {
    const { places } = this;
    let changed = false;
    for (let i = pair * 2; i < pair * 2 + 2; i++) {
      const mine = places[i]!;
      if (mine === from[i] || mine === UNKNOWN) continue;
      places[i] = UNKNOWN;
      changed = true;
    }
    return changed;
  }

  get(register: number): Value {
    return this.places[register]!;
  }

  /** Puts a value into a general register. */
  set(register: number, value: Value): void {
    this.places[register] = value;
    if ((this.sameAsCtr | this.sameAsR12) === 0) return;
    const keep = ~(1 << register);
    this.sameAsCtr &= keep;
    if (register === 12) this.sameAsR12 = 0;
    else this.sameAsR12 &= keep;
  }

  /** rD = rS. */
  move(to: number, from: number): void {
    if (to === from) return;
    if ((this.sameAsCtr | this.sameAsR12) === 0 && to !== 12 && from !== 12) {
      this.places[to] = this.places[from]!;
      return;
    }
    const alsoCtr = (this.sameAsCtr >>> from) & 1;
    const alsoR12 = from === 12 ? 1 : (this.sameAsR12 >>> from) & 1;
    const equals = this.sameAsR12;
    this.set(to, this.places[from]!);
    this.sameAsCtr |= alsoCtr << to;
    if (to === 12) this.sameAsR12 = alsoR12 === 1 && from !== 12 ? equals | (1 << from) : 1 << from;
    else this.sameAsR12 |= alsoR12 << to;
  }

  setCtr(from: number): void {
    this.places[CTR] = this.places[from]!;
    this.sameAsCtr = 1 << from;
    if (((this.sameAsR12 >>> from) & 1) === 1) this.sameAsCtr |= 1 << 12;
  }

  /** rn has just been set to what CTR holds. */
  copiedCtr(register: number): void {
    if (register !== 12 && this.r12IsCtr) this.sameAsR12 |= 1 << register;
    this.sameAsCtr |= 1 << register;
  }

  /** Whether r12 is shown to hold what CTR holds. */
  get r12IsCtr(): boolean {
    return ((this.sameAsCtr >>> 12) & 1) === 1;
  }

  /** r1 as an offset from r1 at entry, or NaN. */
  get top(): number {
    const r1 = this.places[1]!;
    return isStack(r1) ? stackOffset(r1) : Number.NaN;
  }

  load(offset: number, width: number): Value {
    return this.slots.load(offset, width);
  }

  /** `width` bytes at `offset` now hold `value`. */
  store(offset: number, width: number, value: Value): void {
    this.slots = this.slots.store(offset, width, value);
    if (this.#stale !== Slots.none) this.#stale = this.#stale.without(offset, offset + width);
  }

  /** Forgets every slot that touches [from, to). */
  forget(from: number, to: number): void {
    this.slots = this.slots.without(from, to);
  }

  /** r1 gets a new value; what lies beyond the protected zone may be gone at any moment. */
  moveStack(value: Value): void {
    const before = this.top;
    this.set(1, value);
    this.arguments = 0;
    if (!isStack(value)) return;
    const top = stackOffset(value);
    if (top < before && this.#stale !== Slots.none) {
      this.slots = this.slots.withoutThose(this.#stale, before);
      this.#stale = Slots.none;
    } else if (!(top <= before)) this.#stale = this.slots;
    this.slots = this.slots.withoutBelow(top - PROTECTED_ZONE);
  }
}
