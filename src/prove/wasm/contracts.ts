/** What functions owe one another: `prove/contracts.ts`. */
import { PARAMETERS, passOn, savesLink, use, useIsVariadic, useReadEnd, useReads, useWriteEnd } from './areas';
import { comesBack, contractOf, fail, failed, HOME_BACK, neverReturns, relyOn } from './judge';
import {
  CALLERS_TOC_SLOT,
  CR_AT_RETURN,
  FRAME_AT_CALL,
  LEAVES_BY_SIBLING,
  LR_AT_RETURN,
  NO_CODE,
  NO_FRAME,
  NO_FUNCTION,
  R1_AT_RETURN,
  R12_AT_CALL,
  REGISTER_AT_RETURN,
  SITE_STATE,
  STACK_ARGUMENTS,
  TOC_AT_CALL,
  TOC_AT_RETURN,
  TOC_AT_STUB,
} from './reasons';
import { find, NONE, without, withoutCallees } from './slots';
import {
  argumentsPut,
  get,
  NO_TOP,
  put,
  r12IsCtr,
  set,
  setArguments,
  setSameAsCtr,
  setSameAsR12,
  setSlots,
  slotsOf,
  storeSlot,
  top,
} from './state';
import * as stubs from './stubs';
import { calledAt, home, homeInRegister, isCode, locals, lrIsSavedAtSite, noReturn } from './subject';
import {
  ADDRESS,
  address,
  CLOBBERED,
  CR2,
  CR4,
  CTR,
  EXTERNAL,
  entry,
  FOREIGN,
  isAddress,
  isStack,
  kindOf,
  LR,
  payloadOf,
  stack,
  UNKNOWN,
} from './values';

/** A callee need not keep r0 and r3 to r12, LR, CTR and r2 left aside. */
const LAST_VOLATILE: u32 = 12;

/** The contract of the function that is followed. */
let own: u32 = 0;

/** From now on the contract of function `index` is the one to keep. */
export function keepContractOf(index: u32): void {
  own = contractOf(index);
}

/** `blr` */
export function returnsFrom(pc: i32): void {
  comesBack();
  if (get(LR) !== entry(LR)) {
    // It goes on somewhere else, and what is owed to the caller is not due there.
    fail(LR_AT_RETURN, pc, get(LR), LR);
    return;
  }
  if (get(1) !== stack(0)) fail(R1_AT_RETURN, pc, get(1), 1);
  tocBack(pc);
  for (let i: u32 = 14; i < 32; i++) if (get(i) !== entry(i)) fail(REGISTER_AT_RETURN, pc, get(i), i);
  for (let i = CR2; i <= CR4; i++) if (get(i) !== entry(i)) fail(CR_AT_RETURN, pc, get(i), i);
}

function tocBack(pc: i32): void {
  if (own === 1) return;
  if (get(2) !== (own === 0 ? entry(2) : home)) fail(TOC_AT_RETURN, pc, get(2), 2);
}

/** Whether all is back that a function owes its caller, r2 left aside: then a jump to a function is a sibling call. */
export function isBalanced(): bool {
  if (get(1) !== stack(0) || get(LR) !== entry(LR)) return false;
  for (let i: u32 = 14; i < 32; i++) if (get(i) !== entry(i)) return false;
  for (let i = CR2; i <= CR4; i++) if (get(i) !== entry(i)) return false;
  return true;
}

/** A sibling call of a function of the object: it returns to this one's caller, who expects what this one owes. */
export function sibling(callee: u32, target: i32, pc: i32): void {
  owed(callee, target, pc);
  relyOn(callee);
  comesBack();
  if (use(callee)) passArguments(pc);
  const theirs = contractOf(callee);
  if (theirs === 0) tocBack(pc);
  else if (theirs === 1) {
    if (own !== 1) fail(TOC_AT_RETURN, pc, FOREIGN, 2);
  } else if (own === 0) failed(TOC_AT_RETURN, pc, homeInRegister, 2, true);
}

/** A sibling call that leaves the object: nobody puts r2 back, and a stub would store it in the caller's own slot. */
export function siblingOutside(pc: i32): void {
  comesBack();
  if (own !== 1) fail(LEAVES_BY_SIBLING, pc, FOREIGN, 2);
}

/** What a function of the object is owed at the entry that is taken. */
function owed(callee: u32, target: i32, pc: i32): void {
  const wants = contractOf(callee);
  if (wants < 2 || wants === HOME_BACK) return;
  if (target === load<i32>(locals + 4 * callee)) {
    if (get(2) !== home) fail(TOC_AT_CALL, pc, get(2), 2);
  } else if (get(12) !== address(target)) fail(R12_AT_CALL, pc, get(12), 12);
}

/** Whether the callee, which `use` was asked about, finds its stack arguments. */
function passArguments(pc: i32): void {
  const r1 = top();
  const hasTop = r1 !== NO_TOP;
  if (r1 === 0) passOn();
  else if (hasTop && useWriteEnd + r1 > 0) fail(STACK_ARGUMENTS, pc, get(1), 1);
  else if (hasTop && useReadEnd + r1 > 0) failed(STACK_ARGUMENTS, pc, get(1), 1, !useIsVariadic);
  else if ((useReads & ~argumentsPut()) !== 0) failed(STACK_ARGUMENTS, pc, get(1), 1, false);
  if (useWriteEnd > 0 && hasTop) setSlots(without(slotsOf(), r1 + PARAMETERS, r1 + useWriteEnd));
}

/** At a call r1 is not above where it was at entry, and the back chain leads to the caller's frame. */
function chained(pc: i32): void {
  let r1 = top();
  if (r1 === NO_TOP || r1 > 0) {
    fail(FRAME_AT_CALL, pc, get(1), 1);
    return;
  }
  while (r1 < 0) {
    const before = find(slotsOf(), r1, 8);
    if (!isStack(before) || payloadOf(before) <= r1 || payloadOf(before) > 0) {
      fail(FRAME_AT_CALL, pc, before, 1);
      return;
    }
    r1 = payloadOf(before);
  }
}

/** After a callee: the volatile registers are gone, and what lies in the slots that it may write. */
function clobber(pc: i32, toc: i32, left: i32, linkSaved: bool): void {
  put(0, left);
  for (let register: u32 = 3; register <= LAST_VOLATILE; register++) put(register, left);
  put(CTR, left);
  put(LR, address(pc + 4));
  put(2, toc);
  setSameAsCtr(0);
  setSameAsR12(0);
  setArguments(0);
  const r1 = top();
  if (r1 === NO_TOP) {
    setSlots(NONE);
    return;
  }
  const link = find(slotsOf(), r1 + 16, 8);
  setSlots(withoutCallees(slotsOf(), r1));
  if (linkSaved && link !== UNKNOWN) storeSlot(r1 + 16, 8, CLOBBERED);
}

/** `bl target`. @returns false if nothing goes on behind it */
export function call(target: i32, pc: i32): bool {
  if (!isCode(target)) {
    fail(NO_CODE, pc, UNKNOWN, 0);
    return false;
  }
  const callee = calledAt(target);
  if (callee < 0) return callStub(target, pc);
  owed(callee, target, pc);
  relyOn(callee);
  if (use(callee)) passArguments(pc);
  chained(pc);
  if (neverReturns(callee)) return false;
  const theirs = contractOf(callee);
  // A callee in the same object may in truth leave a register alone, and hand-written code counts on it.
  const toc = theirs === 0 ? get(2) : theirs === 1 ? FOREIGN : homeInRegister;
  clobber(pc, toc, UNKNOWN, savesLink(callee));
  return true;
}

function callStub(target: i32, pc: i32): bool {
  const kind = stubs.stubAt(target);
  if (kind === 0 || kind === stubs.UNKNOWN_STUB) {
    fail(NO_FUNCTION, pc, UNKNOWN, 0);
    return false;
  }
  if (stubs.needsToc && get(2) !== home) fail(TOC_AT_STUB, pc, get(2), 2);
  if (kind === stubs.JUMP) return call(stubs.target, pc);
  const callee = stubs.callee;
  const returns = stubs.returns;
  if (isAddress(callee) && !stubs.savesToc) {
    // A thunk of the linker to a function of this object: r12 is right, and r2 stays as between any two of its functions.
    set(12, callee);
    return call(payloadOf(callee), pc);
  }
  if (stubs.savesToc) saveToc(pc);
  if (usesArea(callee)) passArguments(pc);
  chained(pc);
  if (!returns) return false;
  clobber(pc, FOREIGN, CLOBBERED, true);
  return true;
}

function saveToc(pc: i32): void {
  const r1 = top();
  if (r1 === NO_TOP) fail(NO_FRAME, pc, UNKNOWN, 1);
  else if (r1 + 24 >= 0) fail(CALLERS_TOC_SLOT, pc, get(1), 1);
  else storeSlot(r1 + 24, 8, get(2));
}

/** `bctrl`. @returns false if nothing goes on behind it */
export function callPointer(pc: i32): bool {
  const target = get(CTR);
  const isKnown = kindOf(target) === ADDRESS || kindOf(target) === EXTERNAL;
  if (!r12IsCtr() && !(isKnown && get(12) === target)) failed(R12_AT_CALL, pc, get(12), 12, false);
  if (isAddress(target)) calledByAddress(payloadOf(target), pc);
  if (isKnown && usesArea(target)) passArguments(pc);
  chained(pc);
  if (isKnown && noReturn(target)) return false;
  clobber(pc, FOREIGN, CLOBBERED, true);
  return true;
}

/** A call of a place of the object by its address, which is that of a function. */
function calledByAddress(target: i32, pc: i32): void {
  const callee = isCode(target) ? calledAt(target) : -1;
  if (callee < 0) fail(NO_FUNCTION, pc, UNKNOWN, 0);
  else {
    owed(callee, target, pc);
    relyOn(callee);
  }
}

/** Whether a function of the object, given its address, uses its caller's frame. Of others nothing is known here. */
function usesArea(target: i32): bool {
  const callee = isAddress(target) ? calledAt(payloadOf(target)) : -1;
  return callee >= 0 && use(callee);
}

/** The return address in r0, and r2 where that is asked for, are put away: see `prove/contracts.ts`. */
export function keeps(pc: i32, withToc: bool): void {
  if (get(1) !== stack(0)) failed(R1_AT_RETURN, pc, get(1), 1, false);
  if (get(0) !== entry(LR)) failed(LR_AT_RETURN, pc, get(0), 0, false);
  if (withToc && get(2) !== tocOnEntry(home)) failed(TOC_AT_RETURN, pc, get(2), 2, false);
}

/** What `keeps` has put away has come back. */
export function gives(withToc: bool): void {
  if (get(1) !== stack(0)) return;
  set(0, entry(LR));
  if (withToc) set(2, tocOnEntry(homeInRegister));
}

function tocOnEntry(home: i32): i32 {
  return own < 2 || own === HOME_BACK ? entry(2) : home;
}

/** The tracer may put a call here: see `prove/contracts.ts`. */
export function tracerSite(pc: i32): void {
  if (get(LR) !== entry(LR)) fail(SITE_STATE, pc, get(LR), LR);
  if (get(1) !== stack(0)) fail(SITE_STATE, pc, get(1), 1);
  if (lrIsSavedAtSite && get(0) !== entry(LR)) fail(SITE_STATE, pc, get(0), 0);
  if (get(0) !== entry(LR)) set(0, UNKNOWN);
  set(11, UNKNOWN);
  set(12, UNKNOWN);
  put(CTR, UNKNOWN);
  setSameAsCtr(0);
}
