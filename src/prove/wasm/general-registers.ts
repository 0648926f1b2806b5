/** What instructions do to the general registers: `prove/general-registers.ts`. */
import { forgetWritten } from './effects';
import { FINE, R13_WRITTEN, UNKNOWN_INSTRUCTION } from './faults';
import { get, move, moveStack, set } from './state';
import { UNKNOWN } from './values';

/** Bit n: writing rn moves no stack, and is not forbidden. */
const ORDINARY: u32 = ~((1 << 1) | (1 << 13));

export function isOrdinary(register: u32): bool {
  return ((ORDINARY >>> register) & 1) === 1;
}

export function setGeneral(register: u32, value: i32): u32 {
  if (isOrdinary(register)) {
    set(register, value);
    return FINE;
  }
  if (register === 13) {
    set(register, value);
    return R13_WRITTEN;
  }
  moveStack(value);
  return FINE;
}

/** `rX = rY` */
export function moveGeneral(to: u32, from: u32): u32 {
  if (to === from) return FINE;
  if (to === 1) moveStack(get(from));
  else move(to, from);
  return to === 13 ? R13_WRITTEN : FINE;
}

/** What becomes of a register of whose new contents nothing is known. */
export function forget(register: u32): u32 {
  return setGeneral(register, UNKNOWN);
}

/** Everything that has no case of its own. `next` is the word behind it, for prefixed instructions. */
export function finish(word: u32, next: u32): u32 {
  const r13 = get(13);
  if (!forgetWritten(word, next)) return UNKNOWN_INSTRUCTION;
  return get(13) === r13 ? FINE : R13_WRITTEN;
}
