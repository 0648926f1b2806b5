/** The transfer function for primary opcode 31: `prove/transfer-31.ts`. */
import { chain, indexed, loaded, putBack, stored } from './accesses';
import { FINE, or } from './faults';
import { finish, forget, moveGeneral, setGeneral } from './general-registers';
import { copiedCtr, get, put, setCtr } from './state';
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
} from './values';

/** Bytes that an indexed store writes; 0 for other instructions. */
function storeWidth(extended: u32): i32 {
  switch (extended) {
    case 149: // stdx
    case 181: // stdux
    case 727: // stfdx
    case 759: // stfdux
    case 214: // stdcx.
    case 660: // stdbrx
    case 716: // stxsdx
      return 8;
    case 151: // stwx
    case 183: // stwux
    case 150: // stwcx.
    case 662: // stwbrx
    case 663: // stfsx
    case 695: // stfsux
    case 983: // stfiwx
    case 140: // stxsiwx
    case 652: // stxsspx
    case 199: // stvewx
      return 4;
    case 407: // sthx
    case 439: // sthux
    case 918: // sthbrx
    case 726: // sthcx.
    case 941: // stxsihx
    case 167: // stvehx
      return 2;
    case 215: // stbx
    case 247: // stbux
    case 694: // stbcx.
    case 909: // stxsibx
    case 135: // stvebx
      return 1;
    case 231: // stvx
    case 487: // stvxl
    case 972: // stxvd2x
    case 908: // stxvw4x
    case 396: // stxvx
    case 940: // stxvh8x
    case 1004: // stxvb16x
    case 397: // stxvl
    case 429: // stxvll
    case 182: // stqcx.
      return 16;
  }
  return 0;
}

/** As `transfer`, for words of primary opcode 31. */
export function transfer31(word: u32, next: u32): u32 {
  const extended = (word >>> 1) & 0x3ff;
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const rb = (word >>> 11) & 31;
  switch (extended) {
    case 444: // or
      return rt === rb ? moveGeneral(ra, rt) : forget(ra);
    case 266: // add
    case 778: // addo
      return setGeneral(rt, sum(get(ra), get(rb)));
    case 40: // subf
      return setGeneral(rt, difference(get(ra), get(rb)));
    case 986: {
      // extsw gives a jump table's word its sign; of anything else nothing is known
      const value = get(rt);
      const kind = kindOf(value);
      return setGeneral(ra, kind === TABLE ? value : kind === RAW ? table(payloadOf(value)) : UNKNOWN);
    }
    case 341: // lwax
    case 23: // lwzx
      return setGeneral(rt, tableWord(extended === 341, ra, get(ra), get(rb)));
    case 21: // ldx
      return setGeneral(rt, loaded(indexed(word), 8));
    case 339: {
      // mfspr
      const wrong = setGeneral(rt, fromSpecial(word));
      if (specialNumber(word) === 9) copiedCtr(rt);
      return wrong;
    }
    case 467: // mtspr
      toSpecial(word, rt);
      return FINE;
    case 19: // mfcr, mfocrf
      return setGeneral(rt, conditionRegister(((word >>> 20) & 1) === 1 ? (word >>> 12) & 0xff : 0xff));
    case 144: // mtcrf, mtocrf
      moveToFields(get(rt), (word >>> 12) & 0xff);
      return FINE;
  }
  const width = storeWidth(extended);
  return width === 0 ? finish(word, next) : storeIndexed(word, extended, width);
}

function tableWord(isSigned: bool, ra: u32, base: i32, index: i32): i32 {
  let at = UNKNOWN;
  if (kindOf(base) === ADDRESS && ra !== 0) at = payloadOf(base);
  else if (kindOf(index) === ADDRESS) at = payloadOf(index);
  else return UNKNOWN;
  return isSigned ? table(at) : raw(at);
}

function storeIndexed(word: u32, extended: u32, width: i32): u32 {
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const at = indexed(word);
  const isGeneral = extended === 149 || extended === 181;
  const hit = stored(at, width, isGeneral ? get(rt) : UNKNOWN);
  if (extended === 181 && rt === 1 && ra === 1) chain(at);
  const updates =
    extended === 181 ||
    extended === 183 ||
    extended === 439 ||
    extended === 247 ||
    extended === 759 ||
    extended === 695;
  return or(updates ? putBack(word, at) : FINE, hit);
}

/** The ten bits of a special register's number stand with their halves swapped. */
function specialNumber(word: u32): u32 {
  return ((word >>> 16) & 31) | ((word >>> 6) & 0x3e0);
}

function fromSpecial(word: u32): i32 {
  const special = specialNumber(word);
  return special === 8 ? get(LR) : special === 9 ? get(CTR) : UNKNOWN;
}

function toSpecial(word: u32, from: u32): void {
  const special = specialNumber(word);
  if (special === 8) put(LR, get(from));
  else if (special === 9) setCtr(from);
}

/** Bits of `saved`. `fields` is the mask of an FXM operand, CR0 first. */
function conditionRegister(fields: u32): i32 {
  let mask = 0;
  for (let place = CR2; place <= CR4; place++)
    if (((fields >>> (5 - (place - CR2))) & 1) === 1 && get(place) === entry(place)) mask |= 1 << (place - CR2);
  return saved(mask);
}

function moveToFields(value: i32, fields: u32): void {
  const kept: u32 = kindOf(value) === SAVED ? payloadOf(value) : 0;
  for (let place = CR2; place <= CR4; place++) {
    if (((fields >>> (5 - (place - CR2))) & 1) === 0) continue;
    put(place, ((kept >>> (place - CR2)) & 1) === 1 ? entry(place) : UNKNOWN);
  }
}
