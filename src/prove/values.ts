/**
 * The lattice: what is known of a register or a stack slot. An abstract value is one 32-bit integer, so that states are plain
 * Int32Arrays, comparing two values is comparing two numbers, and no value is ever an object.
 *
 *     UNKNOWN        nothing is known: the top of the lattice
 *     CLOBBERED      what a callee left in a register that it need not keep
 *     FOREIGN        what r2 holds after a call that may have left the object: the TOC of some object, nobody knows which
 *     entry(n)       what register n held when the function was entered
 *     stack(c)       r1 at entry + c
 *     address(o)     the object's origin + o: code, data, and the TOC among them
 *     number(c)      the integer c
 *     external(i)    the address of something outside of the object, number i of the subject's list
 *     table(o)       a signed 32-bit word of the table at address(o), which one is not known
 *     raw(o)         the same word without its sign, as lwzx loads it
 *     label(o)       address(o) + a word of the table at address(o): where a `switch` goes
 *     saved(m)       the condition register, of which the fields in the bit mask m still are those of the entry
 *
 * A join of two different values is UNKNOWN: the lattice has three levels, so every loop comes to rest.
 */

export const UNKNOWN = 0;
export const CLOBBERED = 1;
export const FOREIGN = 2;

const ENTRY = 16;
/** Numbers of what is not a general register, in `entry` and in a state. */
export const LR = 32;
export const CTR = 33;
export const CR2 = 34;
export const CR4 = 36;
/** How many there are. */
export const PLACES = 37;

/** Distance between kinds; payloads are smaller than half of it, so sums with small numbers stay inside their kind. */
const UNIT = 2 ** 28;
const HALF = UNIT / 2;
/** Payloads that are not smaller become UNKNOWN: numbers, and bytes between two places of one object. */
export const LIMIT = 2 ** 27;

export const STACK = 1;
export const ADDRESS = 2;
export const NUMBER = 3;
export const EXTERNAL = 4;
export const TABLE = 5;
export const LABEL = 6;
export const SAVED = 7;
export const RAW = -1;

export type Value = number;

export function entry(place: number): Value {
  return ENTRY + place;
}

/** The register whose value at entry this is, or -1. */
export function entryOf(value: Value): number {
  return value >= ENTRY && value < ENTRY + PLACES ? value - ENTRY : -1;
}

/** 0 for what has no payload. */
export function kindOf(value: Value): number {
  return (value + HALF) >> 28;
}

export function payloadOf(value: Value): number {
  return value - kindOf(value) * UNIT;
}

function make(kind: number, payload: number): Value {
  return payload > -LIMIT && payload < LIMIT ? (kind * UNIT + payload) | 0 : UNKNOWN;
}

export const stack = (offset: number): Value => make(STACK, offset);
export const address = (offset: number): Value => make(ADDRESS, offset);
export const number = (value: number): Value => make(NUMBER, value);
export const external = (index: number): Value => make(EXTERNAL, index);
export const table = (offset: number): Value => make(TABLE, offset);
export const raw = (offset: number): Value => make(RAW, offset);
export const label = (offset: number): Value => make(LABEL, offset);
export const saved = (mask: number): Value => make(SAVED, mask);

export function isStack(value: Value): boolean {
  return value > UNIT - HALF && value < UNIT + HALF;
}

export function isAddress(value: Value): boolean {
  return value > 2 * UNIT - HALF && value < 2 * UNIT + HALF;
}

export function isNumber(value: Value): boolean {
  return value > 3 * UNIT - HALF && value < 3 * UNIT + HALF;
}

/** Offset of a `stack` value; meaningless for another. */
export function stackOffset(value: Value): number {
  return value - UNIT;
}

export function addressOffset(value: Value): number {
  return value - 2 * UNIT;
}

export function numberOf(value: Value): number {
  return value - 3 * UNIT;
}

/** `value` + a constant. */
export function plus(value: Value, constant: number): Value {
  const kind = kindOf(value);
  if (kind === 0) return constant === 0 ? value : UNKNOWN;
  if (kind < STACK || kind > NUMBER) return constant === 0 ? value : UNKNOWN;
  return make(kind, value - kind * UNIT + constant);
}

/** The sum of two registers. */
export function sum(a: Value, b: Value): Value {
  const left = kindOf(a);
  const right = kindOf(b);
  if (right === NUMBER) return plus(a, numberOf(b));
  if (left === NUMBER) return plus(b, numberOf(a));
  if (left === TABLE && right === ADDRESS && payloadOf(a) === payloadOf(b)) return label(payloadOf(a));
  if (right === TABLE && left === ADDRESS && payloadOf(a) === payloadOf(b)) return label(payloadOf(a));
  return UNKNOWN;
}

/** b - a, as `subf` computes it. */
export function difference(a: Value, b: Value): Value {
  const left = kindOf(a);
  const right = kindOf(b);
  if (left === NUMBER) return plus(b, -numberOf(a));
  if (left === right && (left === STACK || left === ADDRESS)) return number(payloadOf(b) - payloadOf(a));
  return UNKNOWN;
}

const names: Readonly<Record<number, string>> = { [LR]: 'LR', [CTR]: 'CTR', 34: 'CR2', 35: 'CR3', 36: 'CR4' };

/** `r14`, `LR`, `CR2`. */
export function placeName(place: number): string {
  return names[place] ?? `r${place}`;
}

function signed(offset: number): string {
  return offset === 0 ? '' : offset < 0 ? ` - ${-offset}` : ` + ${offset}`;
}

/** For people. `toc`: offset of the home's TOC; `nameOf` names a place in the object. */
export function valueText(value: Value, toc?: number, nameOf?: (offset: number) => string): string {
  const from = entryOf(value);
  if (from >= 0) return from === LR ? 'the return address' : `${placeName(from)} of the caller`;
  const payload = payloadOf(value);
  switch (kindOf(value)) {
    case STACK:
      return `r1 at entry${signed(payload)}`;
    case ADDRESS:
      return payload === toc ? "the home's TOC" : (nameOf?.(payload) ?? `address +0x${payload.toString(16)}`);
    case NUMBER:
      return `${payload}`;
    case EXTERNAL:
      return 'an address outside of the object';
    case TABLE:
    case RAW:
    case LABEL:
      return 'a jump table’s label';
    case SAVED:
      return 'the condition register';
  }
  if (value === CLOBBERED) return 'whatever the callee left there';
  if (value === FOREIGN) return "another object's TOC, perhaps";
  return 'not known';
}
