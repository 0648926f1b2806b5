/** The transfer function for primary opcode 31: `prove/transfer-31.ts`. */
import { chain, indexed, loaded, loadedPart, putBack, stored } from './accesses';
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
  isStack,
  kindOf,
  LR,
  payloadOf,
  plus,
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
    case 237: // stxvrdx
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
    case 205: // stxvrwx
      return 4;
    case 407: // sthx
    case 439: // sthux
    case 918: // sthbrx
    case 726: // sthcx.
    case 941: // stxsihx
    case 167: // stvehx
    case 173: // stxvrhx
      return 2;
    case 215: // stbx
    case 247: // stbux
    case 694: // stbcx.
    case 909: // stxsibx
    case 135: // stvebx
    case 141: // stxvrbx
      return 1;
    case 231: // stvx
    case 487: // stvxl
    case 972: // stxvd2x
    case 908: // stxvw4x
    case 396: // stxvx
    case 940: // stxvh8x
    case 1004: // stxvb16x
    case 182: // stqcx.
      return 16;
    case 461: // stxvpx
      return 32;
  }
  return 0;
}

/** Bytes that an indexed load of which nothing is followed reads; 0 for other instructions. */
function loadWidth(extended: u32): i32 {
  switch (extended) {
    case 87: // lbzx
    case 119: // lbzux
    case 279: // lhzx
    case 311: // lhzux
    case 343: // lhax
    case 375: // lhaux
    case 55: // lwzux
    case 373: // lwaux
    case 53: // ldux
    case 534: // lwbrx
    case 790: // lhbrx
    case 532: // ldbrx
    case 52: // lbarx
    case 116: // lharx
    case 20: // lwarx
    case 84: // ldarx
    case 535: // lfsx
    case 567: // lfsux
    case 599: // lfdx
    case 631: // lfdux
    case 855: // lfiwax
    case 887: // lfiwzx
    case 7: // lvebx
    case 39: // lvehx
    case 71: // lvewx
    case 588: // lxsdx
    case 76: // lxsiwax
    case 12: // lxsiwzx
    case 524: // lxsspx
    case 781: // lxsibzx
    case 813: // lxsihzx
    case 332: // lxvdsx
    case 364: // lxvwsx
    case 13: // lxvrbx
    case 45: // lxvrhx
    case 77: // lxvrwx
    case 109: // lxvrdx
      return 1;
    case 103: // lvx
    case 359: // lvxl
    case 844: // lxvd2x
    case 268: // lxvx
    case 780: // lxvw4x
    case 812: // lxvh8x
    case 876: // lxvb16x
    case 276: // lqarx
      return 16;
    case 333: // lxvpx
      return 32;
  }
  return 0;
}

/** Stores to other places than (RA|0) + (RB). */
function isUnusual(extended: u32): bool {
  switch (extended) {
    case 397: // stxvl
    case 429: // stxvll
    case 582: // lwat
    case 614: // ldat
    case 710: // stwat
    case 742: // stdat
    case 722: // hashst
    case 658: // hashstp
    case 1014: // dcbz
      return true;
  }
  return false;
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
      if (isStack(get(ra)) || isStack(get(rb))) loadedPart(indexed(word), 1);
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
  if (width !== 0) return storeIndexed(word, extended, width);
  if (isUnusual(extended)) return storeUnusual(word, next, extended);
  const read = loadWidth(extended);
  if (read !== 0) loadedPart(indexed(word), read);
  return finish(word, next);
}

function storeUnusual(word: u32, next: u32, extended: u32): u32 {
  const base = (word >>> 16) & 31;
  let hit: u32 = FINE;
  // dcbz clears the block of 128 bytes that the address lies in; hashst stores in the 512 bytes below (RA), the others at (RA).
  if (extended === 1014) hit = stored(plus(indexed(word), -127), 255, UNKNOWN);
  else {
    const at = base === 0 ? UNKNOWN : get(base);
    if (extended === 722 || extended === 658) hit = stored(plus(at, -512), 512, UNKNOWN);
    else hit = stored(at, 16, UNKNOWN);
  }
  return hit !== FINE ? hit : finish(word, next);
}

/** Bytes by which stvx, stvxl, stvewx and stvehx may lie below the address, whose low bits they leave out. */
function alignedDown(extended: u32, at: i32, width: i32): i32 {
  const aligns = extended === 231 || extended === 487 || extended === 199 || extended === 167;
  return aligns && isStack(at) && payloadOf(at) % width !== 0 ? width - 1 : 0;
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
  const less = alignedDown(extended, at, width);
  const hit = stored(plus(at, -less), width + less, isGeneral ? get(rt) : UNKNOWN);
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
