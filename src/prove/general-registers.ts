/** What instructions do to the general registers: r1 moves the stack, and nobody may change r13. */
import { forgetWritten } from './effects.ts';
import { FINE, R13_WRITTEN, UNKNOWN_INSTRUCTION } from './faults.ts';
import type { State } from './state.ts';
import { UNKNOWN, type Value } from './values.ts';

/** Bit n: writing rn moves no stack, and is not forbidden. */
const ORDINARY = ~((1 << 1) | (1 << 13));

export function isOrdinary(register: number): boolean {
  return ((ORDINARY >>> register) & 1) === 1;
}

export function setGeneral(state: State, register: number, value: Value): number {
  if (isOrdinary(register)) {
    state.set(register, value);
    return FINE;
  }
  if (register === 13) {
    state.set(register, value);
    return R13_WRITTEN;
  }
  state.moveStack(value);
  return FINE;
}

/** `rX = rY` */
export function moveGeneral(state: State, to: number, from: number): number {
  if (to === from) return FINE;
  if (to === 1) state.moveStack(state.places[from]!);
  else state.move(to, from);
  return to === 13 ? R13_WRITTEN : FINE;
}

/** What becomes of a register of whose new contents nothing is known. */
export function forget(state: State, register: number): number {
  return setGeneral(state, register, UNKNOWN);
}

/** Everything that has no case of its own. `next` is the word behind it, for prefixed instructions. */
export function finish(state: State, word: number, next: number): number {
  const r13 = state.places[13];
  if (!forgetWritten(state, word, next)) return UNKNOWN_INSTRUCTION;
  return state.places[13] === r13 ? FINE : R13_WRITTEN;
}
