/**
 * What is known of the machine at one place of a function: registers, and the stack slots that hold something known. Stack
 * places are counted in bytes from r1 at the function's entry: negative ones are in frames of its own, 0 is the caller's
 * back chain, 8 the caller's slot for CR, 16 for LR, 24 for the TOC.
 */
import { isStack, PLACES, stackOffset, UNKNOWN, type Value } from './values.ts';

/** More known slots than this are forgotten: honest, and no compiled function has needed them. */
const MOST_SLOTS = 64;
/** Bytes below r1 that interrupts leave alone (KERNEL_REDZONE_SIZE, ELF V2 ABI 2.2.3.4). */
const PROTECTED_ZONE = 288;

export class State {
  /** Indexed by register number; LR, CTR and CR2 to CR4 behind the general registers. */
  readonly places = new Int32Array(PLACES);
  readonly slotOffset = new Int32Array(MOST_SLOTS);
  readonly slotWidth = new Uint8Array(MOST_SLOTS);
  readonly slotValue = new Int32Array(MOST_SLOTS);
  slots = 0;
  /** Bit n: CTR holds the same number as rn. */
  sameAsCtr = 0;
  /** Bit n: r12 holds the same number as rn. */
  sameAsR12 = 0;
  /** Bit n: since the last call, and since r1 last changed, something was stored into the doubleword at 32 + 8n(r1). */
  arguments = 0;

  /** Nothing is known but what the registers hold. */
  clear(): void {
    this.slots = 0;
    this.sameAsCtr = 0;
    this.sameAsR12 = 0;
    this.arguments = 0;
  }

  copyFrom(other: State): void {
    const { places } = this;
    const from = other.places;
    for (let i = 0; i < PLACES; i++) places[i] = from[i]!;
    const count = other.slots;
    for (let i = 0; i < count; i++) {
      this.slotOffset[i] = other.slotOffset[i]!;
      this.slotWidth[i] = other.slotWidth[i]!;
      this.slotValue[i] = other.slotValue[i]!;
    }
    this.slots = count;
    this.sameAsCtr = other.sameAsCtr;
    this.sameAsR12 = other.sameAsR12;
    this.arguments = other.arguments;
  }

  /** Joins `other` into this one; true if something known was lost. */
  join(other: State): boolean {
    let changed = false;
    const { places } = this;
    const from = other.places;
    for (let i = 0; i < PLACES; i++) {
      const mine = places[i]!;
      if (mine !== UNKNOWN && mine !== from[i]!) {
        places[i] = UNKNOWN;
        changed = true;
      }
    }
    for (let i = this.slots - 1; i >= 0; i--) {
      if (this.#isSlot(other, i) || other.load(this.slotOffset[i]!, this.slotWidth[i]!) === this.slotValue[i]!)
        continue;
      this.#drop(i);
      changed = true;
    }
    const ctr = this.sameAsCtr & other.sameAsCtr;
    const r12 = this.sameAsR12 & other.sameAsR12;
    const put = this.arguments & other.arguments;
    if (ctr !== this.sameAsCtr || r12 !== this.sameAsR12 || put !== this.arguments) changed = true;
    this.sameAsCtr = ctr;
    this.sameAsR12 = r12;
    this.arguments = put;
    return changed;
  }

  /** Whether slot `i` of both is the same; most often the slots of two states are in the same order. */
  #isSlot(other: State, i: number): boolean {
    return (
      i < other.slots &&
      other.slotOffset[i] === this.slotOffset[i] &&
      other.slotWidth[i] === this.slotWidth[i] &&
      other.slotValue[i] === this.slotValue[i]
    );
  }

  get(register: number): Value {
    return this.places[register]!;
  }

  /** Puts a value into a general register. */
  set(register: number, value: Value): void {
    this.places[register] = value;
    const keep = ~(1 << register);
    this.sameAsCtr &= keep;
    if (register === 12) this.sameAsR12 = 0;
    else this.sameAsR12 &= keep;
  }

  /** rD = rS. */
  move(to: number, from: number): void {
    if (to === from) return;
    const alsoCtr = (this.sameAsCtr >>> from) & 1;
    const alsoR12 = from === 12 ? 1 : (this.sameAsR12 >>> from) & 1;
    const equals = this.sameAsR12;
    this.set(to, this.places[from]!);
    this.sameAsCtr |= alsoCtr << to;
    if (to === 12) this.sameAsR12 = alsoR12 === 1 && from !== 12 ? equals | (1 << from) : 1 << from;
    else this.sameAsR12 |= alsoR12 << to;
  }

  setCtr(from: number): void {
    this.places[33] = this.places[from]!;
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
    for (let i = 0; i < this.slots; i++)
      if (this.slotOffset[i] === offset && this.slotWidth[i] === width) return this.slotValue[i]!;
    return UNKNOWN;
  }

  /** `width` bytes at `offset` now hold `value`. */
  store(offset: number, width: number, value: Value): void {
    const end = offset + width;
    for (let i = this.slots - 1; i >= 0; i--) {
      const at = this.slotOffset[i]!;
      if (at < end && at + this.slotWidth[i]! > offset) this.#drop(i);
    }
    if (value === UNKNOWN || this.slots === MOST_SLOTS || offset !== (offset | 0)) return;
    const i = this.slots++;
    this.slotOffset[i] = offset;
    this.slotWidth[i] = width;
    this.slotValue[i] = value;
  }

  /** Forgets every slot that touches [from, to). */
  forget(from: number, to: number): void {
    for (let i = this.slots - 1; i >= 0; i--) {
      const at = this.slotOffset[i]!;
      if (at < to && at + this.slotWidth[i]! > from) this.#drop(i);
    }
  }

  /** Forgets what lies below r1 + `below`: a callee or an interrupt may have used it. */
  forgetBelow(limit: number): void {
    for (let i = this.slots - 1; i >= 0; i--) if (this.slotOffset[i]! < limit) this.#drop(i);
  }

  /** r1 gets a new value; what lies beyond the protected zone may be gone at any moment. */
  moveStack(value: Value): void {
    this.set(1, value);
    this.arguments = 0;
    const { top } = this;
    if (!Number.isNaN(top)) this.forgetBelow(top - PROTECTED_ZONE);
  }

  #drop(i: number): void {
    const last = --this.slots;
    this.slotOffset[i] = this.slotOffset[last]!;
    this.slotWidth[i] = this.slotWidth[last]!;
    this.slotValue[i] = this.slotValue[last]!;
  }
}
