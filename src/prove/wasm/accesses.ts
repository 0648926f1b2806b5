/** Loads and stores: `prove/accesses.ts`. Memory is the stack frame alone. */
import { argumentBits, read, write } from './areas';
import { BACK_CHAIN, FINE, LR_SLOT, PARAMETER_AREA, TOC_SLOT } from './faults';
import { setGeneral } from './general-registers';
import { find } from './slots';
import { argumentsPut, get, NO_TOP, PROTECTED_ZONE, setArguments, slotsOf, storeSlot, top } from './state';
import { constant, home } from './subject';
import { entry, entryOf, isAddress, isStack, kindOf, LR, number, payloadOf, plus, SAVED, sum, UNKNOWN } from './values';

/** Whether what lies at a displacement from register `base` is neither the frame nor a constant, nor reached through r2. */
export function isElsewhere(base: u32): bool {
  return base !== 0 && base !== 2 && kindOf(get(base)) === 0;
}

/** The effective address of a displacement form. */
export function effective(word: u32, displacement: i32): i32 {
  const base = (word >>> 16) & 31;
  return base === 0 ? number(displacement) : plus(get(base), displacement);
}

/** The effective address of an indexed form. */
export function indexed(word: u32): i32 {
  const base = (word >>> 16) & 31;
  const index = get((word >>> 11) & 31);
  return base === 0 ? index : sum(get(base), index);
}

export function loaded(at: i32, width: i32): i32 {
  if (isStack(at)) {
    const offset = payloadOf(at);
    if (offset > 0) read(offset, width);
    return find(slotsOf(), offset, width);
  }
  if (width === 8 && isAddress(at)) return constant(payloadOf(at));
  return UNKNOWN;
}

/** A load of which nothing is followed but where it reads. */
export function loadedPart(at: i32, width: i32): i32 {
  if (isStack(at)) read(payloadOf(at), width);
  return UNKNOWN;
}

/** What a slot is remembered to hold: only what calling conventions put there. */
function isLinkage(value: i32): bool {
  const register = entryOf(value);
  return register >= 14 || register === 2 || kindOf(value) === SAVED || (value === home && value !== UNKNOWN);
}

/** What four bytes keep of a register: the condition register is in the lower half. */
export function lowWord(value: i32): i32 {
  return kindOf(value) === SAVED ? value : UNKNOWN;
}

/** Stores into the frame; tells what of the caller's is hit. */
export function stored(at: i32, width: i32, value: i32): u32 {
  if (!isStack(at)) return FINE;
  const offset = payloadOf(at);
  const r1 = top();
  // What lies beyond the protected zone may be gone at any moment.
  const stays = r1 === NO_TOP || offset >= r1 - PROTECTED_ZONE;
  storeSlot(offset, width, stays && isLinkage(value) ? value : UNKNOWN);
  if (r1 !== NO_TOP) setArguments(argumentsPut() | argumentBits(offset - r1, width));
  if (offset > 0 && !write(offset, width, value)) return PARAMETER_AREA;
  if (offset + width <= 0 || offset >= 32) return FINE;
  if (offset < 8) return BACK_CHAIN;
  if (offset + width > 24) return TOC_SLOT;
  if (offset + width > 16 && value !== entry(LR)) return LR_SLOT;
  return FINE;
}

/** The back chain of a new frame at `at`: where r1 was. */
export function chain(at: i32): void {
  if (isStack(at)) storeSlot(payloadOf(at), 8, get(1));
}

/** Forms with update put the address back. */
export function putBack(word: u32, at: i32): u32 {
  return setGeneral((word >>> 16) & 31, at);
}

/** Uses of r2 by the instructions that compiled code reaches the TOC with. */
export function usesToc(word: u32): bool {
  return ((word >>> 16) & 31) === 2 && get(2) !== home;
}
