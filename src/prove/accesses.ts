/**
 * Loads and stores. Memory is the stack frame alone. A store whose address is not r1 at entry plus a known number is taken to
 * miss the slots that are known here: compiled code does not write over saved registers through pointers, and where it does,
 * because an array was overrun, no register convention holds anyway. docs/proof.md lists this among what is trusted.
 */
import { BACK_CHAIN, FINE, LR_SLOT, PARAMETER_AREA, TOC_SLOT } from './faults.ts';
import { setGeneral } from './general-registers.ts';
import { argumentBits, type ParameterAreas } from './parameters.ts';
import { PROTECTED_ZONE, type State } from './state.ts';
import {
  addressOffset,
  entry,
  entryOf,
  isAddress,
  isStack,
  kindOf,
  LR,
  number,
  plus,
  SAVED,
  stackOffset,
  sum,
  UNKNOWN,
  type Value,
} from './values.ts';

/** What instructions meet outside of the registers. */
export interface Surroundings {
  /** `address` value of the home's TOC, or NaN where there is none. */
  readonly home: Value;
  readonly pacaToc: number | undefined;
  constant(offset: number): Value;
  /** Is told what is done to the caller's frame. */
  readonly areas: ParameterAreas;
}

/**
 * Whether what lies at a displacement from register `base` is neither the frame nor a constant, nor reached through r2: most
 * loads and stores are such, and nothing has to be computed for them.
 */
export function isElsewhere(state: State, base: number): boolean {
  return base !== 0 && base !== 2 && kindOf(state.places[base]!) === 0;
}

/** The effective address of a displacement form. */
export function effective(state: State, word: number, displacement: number): Value {
  const base = (word >>> 16) & 31;
  return base === 0 ? number(displacement) : plus(state.places[base]!, displacement);
}

/** The effective address of an indexed form. */
export function indexed(state: State, word: number): Value {
  const base = (word >>> 16) & 31;
  const index = state.places[(word >>> 11) & 31]!;
  return base === 0 ? index : sum(state.places[base]!, index);
}

export function loaded(around: Surroundings, state: State, at: Value, width: number): Value {
  if (isStack(at)) {
    const offset = stackOffset(at);
    if (offset > 0) around.areas.read(offset, width);
    return state.load(offset, width);
  }
  if (width === 8 && isAddress(at)) return around.constant(addressOffset(at));
  return UNKNOWN;
}

/** A load of which nothing is followed but where it reads. */
export function loadedPart(around: Surroundings, at: Value, width: number): Value {
  if (isStack(at)) around.areas.read(stackOffset(at), width);
  return UNKNOWN;
}

/**
 * What a slot is remembered to hold: only what calling conventions put there. Other values may be data of the program, whose
 * address is elsewhere too, so that stores which cannot be followed may change them.
 */
function isLinkage(around: Surroundings, value: Value): boolean {
  const register = entryOf(value);
  return register >= 14 || register === 2 || kindOf(value) === SAVED || (value === around.home && value !== UNKNOWN);
}

/** What four bytes keep of a register: the condition register is in the lower half, of anything else half is lost. */
export function lowWord(value: Value): Value {
  return kindOf(value) === SAVED ? value : UNKNOWN;
}

/** Stores into the frame; tells what of the caller's is hit. */
export function stored(around: Surroundings, state: State, at: Value, width: number, value: Value): number {
  if (!isStack(at)) return FINE;
  const offset = stackOffset(at);
  // What lies beyond the protected zone may be gone at any moment.
  const stays = !(offset < state.top - PROTECTED_ZONE);
  state.store(offset, width, stays && isLinkage(around, value) ? value : UNKNOWN);
  state.arguments |= argumentBits(offset - state.top, width);
  if (offset > 0 && !around.areas.write(offset, width, value)) return PARAMETER_AREA;
  if (offset + width <= 0 || offset >= 32) return FINE;
  if (offset < 8) return BACK_CHAIN;
  if (offset + width > 24) return TOC_SLOT;
  if (offset + width > 16 && value !== entry(LR)) return LR_SLOT;
  return FINE;
}

/** The back chain of a new frame at `at`: where r1 was. */
export function chain(state: State, at: Value): void {
  if (isStack(at)) state.store(stackOffset(at), 8, state.places[1]!);
}

/** Forms with update put the address back. */
export function putBack(state: State, word: number, at: Value): number {
  return setGeneral(state, (word >>> 16) & 31, at);
}

/** Uses of r2 by the instructions that compiled code reaches the TOC with. */
export function usesToc(around: Surroundings, state: State, word: number): boolean {
  return ((word >>> 16) & 31) === 2 && state.places[2] !== around.home;
}
