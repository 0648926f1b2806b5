/** The transfer function for primary opcode 31: moves, sums, indexed accesses, special registers and the condition register. */
import { chain, indexed, loaded, loadedPart, putBack, type Surroundings, stored } from './accesses.ts';
import { FINE } from './faults.ts';
import { finish, forget, moveGeneral, setGeneral } from './general-registers.ts';
import type { State } from './state.ts';
import {
  ADDRESS,
  CR2,
  CR4,
  CTR,
  difference,
  entry,
  isStack,
  kindOf,
  LR,
  payloadOf,
  plus,
  RAW,
  raw,
  SAVED,
  saved,
  stackOffset,
  sum,
  TABLE,
  table,
  UNKNOWN,
  type Value,
} from './values.ts';

/** Bytes that indexed stores write, and their extended opcodes. */
const STORES: readonly (readonly [width: number, opcodes: readonly number[]])[] = [
  // stdx, stdux, stfdx, stfdux, stdcx., stdbrx, stxsdx, stxvrdx
  [8, [149, 181, 727, 759, 214, 660, 716, 237]],
  // stwx, stwux, stwcx., stwbrx, stfsx, stfsux, stfiwx, stxsiwx, stxsspx, stvewx, stxvrwx
  [4, [151, 183, 150, 662, 663, 695, 983, 140, 652, 199, 205]],
  // sthx, sthux, sthbrx, sthcx., stxsihx, stvehx, stxvrhx
  [2, [407, 439, 918, 726, 941, 167, 173]],
  // stbx, stbux, stbcx., stxsibx, stvebx, stxvrbx
  [1, [215, 247, 694, 909, 135, 141]],
  // stvx, stvxl, stxvd2x, stxvw4x, stxvx, stxvh8x, stxvb16x, stqcx.
  [16, [231, 487, 972, 908, 396, 940, 1004, 182]],
  // stxvpx
  [32, [461]],
];
/** stxvl, stxvll, lwat, ldat, stwat, stdat: at (RA), 16 bytes at most. What RB stands for is no distance. */
const atBase = new Set([397, 429, 582, 614, 710, 742]);
/** stvx, stvxl, stvewx, stvehx leave out low bits of the address. */
const alignsDown = new Set([231, 487, 199, 167]);
/** dcbz clears the block of 128 bytes that the address lies in. */
const CLEARS_BLOCK = 1014;
const BLOCK = 128;
/** hashst, hashstp: somewhere in the 512 bytes below (RA). */
const hashes = new Set([722, 658]);
const HASH_REACH = 512;
/** The same by extended opcode; 0 for other instructions. */
const storeWidth = new Uint8Array(1024);
for (const [width, opcodes] of STORES) for (const opcode of opcodes) storeWidth[opcode] = width;

/** Bytes that indexed loads read, and their extended opcodes; those that have a case of their own are not among them. */
const LOADS: readonly (readonly [width: number, opcodes: readonly number[]])[] = [
  // lbzx, lbzux, lhzx, lhzux, lhax, lhaux, lwzux, lwaux, ldux, lwbrx, lhbrx, ldbrx, lbarx, lharx, lwarx, ldarx: inside a doubleword
  [1, [87, 119, 279, 311, 343, 375, 55, 373, 53, 534, 790, 532, 52, 116, 20, 84]],
  // lfsx, lfsux, lfdx, lfdux, lfiwax, lfiwzx, lvebx, lvehx, lvewx, lxsdx, lxsiwax, lxsiwzx, lxsspx, lxsibzx, lxsihzx, lxvdsx, lxvwsx, lxvr[bhwd]x
  [1, [535, 567, 599, 631, 855, 887, 7, 39, 71, 588, 76, 12, 524, 781, 813, 332, 364, 13, 45, 77, 109]],
  // lvx, lvxl, lxvd2x, lxvx, lxvw4x, lxvh8x, lxvb16x, lqarx
  [16, [103, 359, 844, 268, 780, 812, 876, 276]],
  // lxvpx
  [32, [333]],
];
const loadWidth = new Uint8Array(1024);
for (const [width, opcodes] of LOADS) for (const opcode of opcodes) loadWidth[opcode] = width;

/** 1 for extended opcodes that have a case of their own. */
const hasCase = new Uint8Array(1024);
for (const opcode of [444, 266, 778, 40, 986, 341, 23, 21, 339, 467, 19, 144]) hasCase[opcode] = 1;

/** Whether there is more to an instruction of primary opcode 31 than what it makes unknown. */
export function hasCase31(extended: number): boolean {
  return hasCase[extended] === 1 || (storeWidth[extended]! | loadWidth[extended]!) !== 0 || isUnusual(extended);
}

/** Loads of which nothing is followed but where they read. */
export function isIndexedLoad(extended: number): boolean {
  return loadWidth[extended] !== 0;
}

/** Stores to other places than (RA|0) + (RB). */
function isUnusual(extended: number): boolean {
  return atBase.has(extended) || hashes.has(extended) || extended === CLEARS_BLOCK;
}

/** As `transfer`, for words of primary opcode 31. */
export function transfer31(around: Surroundings, state: State, word: number, next: number): number {
  const extended = (word >>> 1) & 0x3ff;
  if (hasCase[extended] === 1) return transferCase(around, state, word, extended);
  const width = storeWidth[extended]!;
  if (width !== 0) return storeIndexed(around, state, word, extended, width);
  if (isUnusual(extended)) return storeUnusual(around, state, word, next, extended);
  if (loadWidth[extended] !== 0) loadedPart(around, indexed(state, word), loadWidth[extended]!);
  return finish(state, word, next);
}

function storeUnusual(around: Surroundings, state: State, word: number, next: number, extended: number): number {
  const base = (word >>> 16) & 31;
  const at = extended === CLEARS_BLOCK ? indexed(state, word) : base === 0 ? UNKNOWN : state.places[base]!;
  const hit =
    extended === CLEARS_BLOCK
      ? stored(around, state, plus(at, 1 - BLOCK), 2 * BLOCK - 1, UNKNOWN)
      : hashes.has(extended)
        ? stored(around, state, plus(at, -HASH_REACH), HASH_REACH, UNKNOWN)
        : stored(around, state, at, 16, UNKNOWN);
  return hit || finish(state, word, next);
}

function transferCase(around: Surroundings, state: State, word: number, extended: number): number {
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const rb = (word >>> 11) & 31;
  switch (extended) {
    case 444: // or
      return rt === rb ? moveGeneral(state, ra, rt) : forget(state, ra);
    case 266: // add
    case 778: // addo
      return setGeneral(state, rt, sum(state.places[ra]!, state.places[rb]!));
    case 40: // subf
      return setGeneral(state, rt, difference(state.places[ra]!, state.places[rb]!));
    case 986: {
      // extsw gives a jump table's word its sign; of anything else nothing is known
      const value = state.places[rt]!;
      const kind = kindOf(value);
      return setGeneral(state, ra, kind === TABLE ? value : kind === RAW ? table(payloadOf(value)) : UNKNOWN);
    }
    case 341: // lwax
    case 23: {
      // lwzx
      const base = state.places[ra]!;
      const index = state.places[rb]!;
      const ofTable = extended === 341 ? table : raw;
      if (isStack(base) || isStack(index)) loadedPart(around, indexed(state, word), 1);
      const value =
        kindOf(base) === ADDRESS && ra !== 0
          ? ofTable(payloadOf(base))
          : kindOf(index) === ADDRESS
            ? ofTable(payloadOf(index))
            : UNKNOWN;
      return setGeneral(state, rt, value);
    }
    case 21: // ldx
      return setGeneral(state, rt, loaded(around, state, indexed(state, word), 8));
    case 339: {
      // mfspr
      const wrong = setGeneral(state, rt, fromSpecial(state, word));
      if (specialNumber(word) === 9) state.copiedCtr(rt);
      return wrong;
    }
    case 467: // mtspr
      toSpecial(state, word, rt);
      return FINE;
    case 19: // mfcr, mfocrf
      return setGeneral(state, rt, conditionRegister(state, ((word >>> 20) & 1) === 1 ? (word >>> 12) & 0xff : 0xff));
    default: // mtcrf, mtocrf
      moveToFields(state, state.places[rt]!, (word >>> 12) & 0xff);
      return FINE;
  }
}

function storeIndexed(around: Surroundings, state: State, word: number, extended: number, width: number): number {
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const at = indexed(state, word);
  const general = extended === 149 || extended === 181;
  const less = alignsDown.has(extended) && isStack(at) && stackOffset(at) % width !== 0 ? width - 1 : 0;
  const hit = stored(around, state, plus(at, -less), width + less, general ? state.places[rt]! : UNKNOWN);
  if (extended === 181 && rt === 1 && ra === 1) chain(state, at);
  const updates =
    extended === 181 ||
    extended === 183 ||
    extended === 439 ||
    extended === 247 ||
    extended === 759 ||
    extended === 695;
  return (updates ? putBack(state, word, at) : FINE) || hit;
}

/** The ten bits of a special register's number stand with their halves swapped. */
function specialNumber(word: number): number {
  return ((word >>> 16) & 31) | ((word >>> 6) & 0x3e0);
}

function fromSpecial(state: State, word: number): Value {
  const special = specialNumber(word);
  return special === 8 ? state.places[LR]! : special === 9 ? state.places[CTR]! : UNKNOWN;
}

function toSpecial(state: State, word: number, from: number): void {
  const special = specialNumber(word);
  if (special === 8) state.places[LR] = state.places[from]!;
  else if (special === 9) state.setCtr(from);
}

/**
 * Bits of `saved`: one for each of CR2, CR3, CR4 that still is the caller's and that the instruction reads. `fields` is the
 * mask of an FXM operand, CR0 first.
 */
function conditionRegister(state: State, fields: number): Value {
  let mask = 0;
  for (let place = CR2; place <= CR4; place++)
    if (((fields >>> (5 - (place - CR2))) & 1) === 1 && state.places[place] === entry(place))
      mask |= 1 << (place - CR2);
  return saved(mask);
}

function moveToFields(state: State, value: Value, fields: number): void {
  const kept = kindOf(value) === SAVED ? payloadOf(value) : 0;
  for (let place = CR2; place <= CR4; place++) {
    if (((fields >>> (5 - (place - CR2))) & 1) === 0) continue;
    state.places[place] = ((kept >>> (place - CR2)) & 1) === 1 ? entry(place) : UNKNOWN;
  }
}
