/**
 * What is known of the machine: `prove/state.ts`. One state is the one that is executed, at a fixed place, so that no instruction
 * has to say which; others are kept beside it and copied.
 */
import * as slots from './slots';
import { CTR, isStack, PLACES, payloadOf, UNKNOWN } from './values';

/** Below what the file's parts use (0x1_0000), above the program's own data; `ready` of `prover.ts` makes sure. */
export const STATE: u32 = 0xc000;
/** Registers, LR, CTR, CR2 to CR4, three that are always 0; then what the getters below name. Bytes. */
export const STATE_SIZE: u32 = 192;
const VECTORS: u32 = 160;
const SLOTS: u32 = 160;
const SAME_AS_CTR: u32 = 164;
const SAME_AS_R12: u32 = 168;
const ARGUMENTS: u32 = 172;
const STALE: u32 = 176;

/** Bytes below r1 that interrupts leave alone (KERNEL_REDZONE_SIZE, ELF V2 ABI 2.2.3.4). */
export const PROTECTED_ZONE: i32 = 288;

/** r1 is not known as an offset from where it was at entry. */
export const NO_TOP: i32 = i32.MIN_VALUE;

export function get(place: u32): i32 {
  return load<i32>(place << 2, STATE);
}

/** Puts a value where nothing else depends on it: LR, CTR, CR fields, or all of a new state. */
export function put(place: u32, value: i32): void {
  store<i32>(place << 2, value, STATE);
}

export function slotsOf(): u32 {
  return load<u32>(STATE + SLOTS);
}

export function setSlots(set: u32): void {
  store<u32>(STATE + SLOTS, set);
}

/** Slots that lay below r1 when it was last moved up: see `prove/state.ts`. */
function stale(): u32 {
  return load<u32>(STATE + STALE);
}

function setStale(set: u32): void {
  store<u32>(STATE + STALE, set);
}

/** `width` bytes at `offset` now hold `value`. */
export function storeSlot(offset: i32, width: u32, value: i32): void {
  setSlots(slots.stored(slotsOf(), offset, width, value));
  if (stale() !== slots.NONE) setStale(slots.without(stale(), offset, offset + i32(width)));
}

export function sameAsCtr(): u32 {
  return load<u32>(STATE + SAME_AS_CTR);
}

export function setSameAsCtr(registers: u32): void {
  store<u32>(STATE + SAME_AS_CTR, registers);
}

export function sameAsR12(): u32 {
  return load<u32>(STATE + SAME_AS_R12);
}

export function setSameAsR12(registers: u32): void {
  store<u32>(STATE + SAME_AS_R12, registers);
}

export function argumentsPut(): u32 {
  return load<u32>(STATE + ARGUMENTS);
}

export function setArguments(doublewords: u32): void {
  store<u32>(STATE + ARGUMENTS, doublewords);
}

/** Nothing is known but what the registers hold. */
export function clear(): void {
  for (let place = PLACES; place < VECTORS / 4; place++) put(place, UNKNOWN);
  setSlots(slots.NONE);
  setStale(slots.NONE);
  setSameAsCtr(0);
  setSameAsR12(0);
  setArguments(0);
}

export function copyState(to: u32, from: u32): void {
  for (let at: u32 = 0; at < STATE_SIZE; at += 16) v128.store(to + at, v128.load(from + at));
}

/** Joins the state that is executed into the one at `kept`; true if something known was lost. */
export function joinInto(kept: u32): bool {
  let changed = false;
  for (let at: u32 = 0; at < VECTORS; at += 16) {
    const mine = v128.load(kept + at);
    const theirs = v128.load(STATE + at);
    const same = i32x4.eq(mine, theirs);
    if (i32x4.all_true(same)) continue;
    // Different values become UNKNOWN, which is 0.
    const joined = v128.and(mine, same);
    if (!v128.any_true(v128.xor(joined, mine))) continue;
    v128.store(kept + at, joined);
    changed = true;
  }
  const known = load<u32>(kept + SLOTS);
  const joined = slots.joined(known, slotsOf());
  if (joined !== known) {
    store<u32>(kept + SLOTS, joined);
    changed = true;
  }
  if (load<u32>(kept + STALE) !== stale() && joinStale(kept, joined)) changed = true;
  for (let at = SAME_AS_CTR; at <= ARGUMENTS; at += 4) {
    const mine = load<u32>(kept + at);
    const both = mine & load<u32>(STATE + at);
    if (both === mine) continue;
    store<u32>(kept + at, both);
    changed = true;
  }
  return changed;
}

/** What is stale in one of them is stale. @param known the slots that both know */
function joinStale(kept: u32, known: u32): bool {
  const mine = load<u32>(kept + STALE);
  const both = slots.among(known, mine, stale());
  store<u32>(kept + STALE, both);
  return !slots.covers(slots.among(known, mine, mine), both);
}

/** Puts a value into a general register. */
export function set(register: u32, value: i32): void {
  put(register, value);
  if ((sameAsCtr() | sameAsR12()) !== 0) forgetEquals(register);
}

function forgetEquals(register: u32): void {
  const keep: u32 = ~(1 << register);
  setSameAsCtr(sameAsCtr() & keep);
  setSameAsR12(register === 12 ? 0 : sameAsR12() & keep);
}

/** rD = rS. */
export function move(to: u32, from: u32): void {
  if (to === from) return;
  if ((sameAsCtr() | sameAsR12()) === 0 && to !== 12 && from !== 12) {
    put(to, get(from));
    return;
  }
  const alsoCtr: u32 = (sameAsCtr() >>> from) & 1;
  const alsoR12: u32 = from === 12 ? 1 : (sameAsR12() >>> from) & 1;
  const equals = sameAsR12();
  set(to, get(from));
  setSameAsCtr(sameAsCtr() | (alsoCtr << to));
  if (to === 12) setSameAsR12(alsoR12 === 1 && from !== 12 ? equals | (1 << from) : 1 << from);
  else setSameAsR12(sameAsR12() | (alsoR12 << to));
}

export function setCtr(from: u32): void {
  put(CTR, get(from));
  let same: u32 = 1 << from;
  if (((sameAsR12() >>> from) & 1) === 1) same |= 1 << 12;
  setSameAsCtr(same);
}

/** rn has just been set to what CTR holds. */
export function copiedCtr(register: u32): void {
  if (register !== 12 && r12IsCtr()) setSameAsR12(sameAsR12() | (1 << register));
  setSameAsCtr(sameAsCtr() | (1 << register));
}

/** Whether r12 is shown to hold what CTR holds. */
export function r12IsCtr(): bool {
  return ((sameAsCtr() >>> 12) & 1) === 1;
}

/** r1 as an offset from r1 at entry, or NO_TOP. */
export function top(): i32 {
  const r1 = get(1);
  return isStack(r1) ? payloadOf(r1) : NO_TOP;
}

/** r1 gets a new value; what lies beyond the protected zone may be gone at any moment. */
export function moveStack(value: i32): void {
  const before = top();
  set(1, value);
  setArguments(0);
  if (!isStack(value)) return;
  const after = payloadOf(value);
  if (before !== NO_TOP && after < before && stale() !== slots.NONE) {
    setSlots(slots.withoutThose(slotsOf(), stale(), before));
    setStale(slots.NONE);
  } else if (before === NO_TOP || after > before) setStale(slotsOf());
  setSlots(slots.withoutBelow(slotsOf(), after - PROTECTED_ZONE));
}
