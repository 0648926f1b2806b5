/** The transfer function for primary opcode 31: moves, sums, indexed accesses, special registers and the condition register. */
import { chain, indexed, loaded, putBack, type Surroundings, stored } from './accesses.ts';
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
  kindOf,
  LR,
  payloadOf,
  RAW,
  raw,
  SAVED,
  saved,
  sum,
  TABLE,
  table,
  UNKNOWN,
  type Value,
} from './values.ts';

/** Bytes that indexed stores write, and their extended opcodes. */
const STORES: readonly (readonly [width: number, opcodes: readonly number[]])[] = [
  // stdx, stdux, stfdx, stfdux, stdcx., stdbrx, stxsdx
  [8, [149, 181, 727, 759, 214, 660, 716]],
  // stwx, stwux, stwcx., stwbrx, stfsx, stfsux, stfiwx, stxsiwx, stxsspx, stvewx
  [4, [151, 183, 150, 662, 663, 695, 983, 140, 652, 199]],
  // sthx, sthux, sthbrx, sthcx., stxsihx, stvehx
  [2, [407, 439, 918, 726, 941, 167]],
  // stbx, stbux, stbcx., stxsibx, stvebx
  [1, [215, 247, 694, 909, 135]],
  // stvx, stvxl, stxvd2x, stxvw4x, stxvx, stxvh8x, stxvb16x, stxvl and stxvll (at most), stqcx.
  [16, [231, 487, 972, 908, 396, 940, 1004, 397, 429, 182]],
];
/** The same by extended opcode; 0 for other instructions. */
const storeWidth = new Uint8Array(1024);
for (const [width, opcodes] of STORES) for (const opcode of opcodes) storeWidth[opcode] = width;

/** 1 for extended opcodes that have a case of their own. */
const hasCase = new Uint8Array(1024);
for (const opcode of [444, 266, 778, 40, 986, 341, 23, 21, 339, 467, 19, 144]) hasCase[opcode] = 1;

/** Whether there is more to an instruction of primary opcode 31 than what it makes unknown. */
export function hasCase31(extended: number): boolean {
  return hasCase[extended] === 1 || storeWidth[extended] !== 0;
}

/** As `transfer`, for words of primary opcode 31. */
export function transfer31(around: Surroundings, state: State, word: number, next: number): number {
  const extended = (word >>> 1) & 0x3ff;
  if (hasCase[extended] === 1) return transferCase(around, state, word, extended);
  const width = storeWidth[extended]!;
  return width === 0 ? finish(state, word, next) : storeIndexed(around, state, word, extended, width);
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
      const word = extended === 341 ? table : raw;
      const value =
        kindOf(base) === ADDRESS && ra !== 0
          ? word(payloadOf(base))
          : kindOf(index) === ADDRESS
            ? word(payloadOf(index))
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
  const hit = stored(around, state, at, width, general ? state.places[rt]! : UNKNOWN);
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
