/** The transfer function: `prove/transfer.ts`. */
import { chain, effective, loaded, loadedPart, lowWord, putBack, stored, usesToc } from './accesses';
import { DONE, executeCommon } from './common';
import { FINE, or, TOC_USE, UNKNOWN_INSTRUCTION } from './faults';
import { finish, moveGeneral, setGeneral } from './general-registers';
import { get } from './state';
import { transfer31 } from './transfer-31';
import { transferPrefixed } from './transfer-prefixed';
import { isStack, kindOf, NUMBER, number, payloadOf, plus, UNKNOWN } from './values';

function signed16(word: u32): i32 {
  return (i32(word) << 16) >> 16;
}

/** Executes the word at `pc` (bytes from the origin). @returns FINE, or what is wrong with it */
export function transfer(word: u32, next: u32, pc: i32): u32 {
  return executeCommon(word) === DONE ? FINE : transferRest(word, next, pc);
}

function tocFault(word: u32): u32 {
  return usesToc(word) ? TOC_USE : FINE;
}

/** The same for what `executeCommon` does not execute. */
export function transferRest(word: u32, next: u32, pc: i32): u32 {
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const opcode = word >>> 26;
  switch (opcode) {
    case 14: // addi
    case 15: {
      // addis
      // r2 being set up is built on itself: `addi r2,r2,lo`.
      const wrong = rt !== 2 ? tocFault(word) : FINE;
      const immediate: i64 = opcode === 14 ? i64(signed16(word)) : i64(signed16(word)) * 65536;
      return or(setGeneral(rt, ra === 0 ? number(immediate) : plus(get(ra), immediate)), wrong);
    }
    case 24: // ori
    case 25: {
      // oris
      if ((word & 0xffff) === 0) return moveGeneral(ra, rt);
      const value = get(rt);
      const bits: i64 = opcode === 24 ? i64(word & 0xffff) : i64(word & 0xffff) * 65536;
      const isEmpty = opcode === 24 ? payloadOf(value) % 65536 === 0 : payloadOf(value) === 0;
      return setGeneral(ra, kindOf(value) === NUMBER && isEmpty ? plus(value, bits) : UNKNOWN);
    }
    case 32: // lwz
    case 33: // lwzu
      return loadWord(word, rt, opcode);
    case 58: // ld, ldu, lwa
      return loadDoubleword(word, rt);
    case 62: // std, stdu, stq
      return storeDoubleword(word, rt, ra);
    case 36: // stw
    case 37: {
      const wrong = tocFault(word);
      const at = effective(word, signed16(word));
      const hit = stored(at, 4, lowWord(get(rt)));
      return storeEnd(wrong, hit, opcode === 37, word, at);
    }
    case 38: // stb
    case 39:
    case 44: // sth
    case 45:
    case 52: // stfs
    case 53:
    case 54: // stfd
    case 55: {
      const wrong = tocFault(word);
      const at = effective(word, signed16(word));
      const width = opcode < 40 ? 1 : opcode < 46 ? 2 : opcode < 54 ? 4 : 8;
      const hit = stored(at, width, UNKNOWN);
      return storeEnd(wrong, hit, (opcode & 1) === 1, word, at);
    }
    case 61: {
      // lxv, stxv, stxsd, stxssp: the last three bits tell. stfdp is no instruction of the table.
      const form = word & 7;
      if ((form & 3) === 0) return UNKNOWN_INSTRUCTION;
      const wrong = tocFault(word);
      const at = effective(word, signed16(form === 5 || form === 1 ? word & 0xfff0 : word & 0xfffc));
      if (form === 1) {
        loadedPart(at, 16);
        return wrong;
      }
      return wrong !== FINE ? wrong : stored(at, form === 5 ? 16 : 8, UNKNOWN);
    }
    case 6: {
      // lxvp, stxvp: the last four bits tell
      const wrong = tocFault(word);
      const at = effective(word, signed16(word & 0xfff0));
      if ((word & 15) === 1) return wrong !== FINE ? wrong : stored(at, 32, UNKNOWN);
      if (isStack(at)) loadedPart(at, 32);
      return or(finish(word, next), wrong);
    }
    case 31:
      return transfer31(word, next);
    case 1:
      return transferPrefixed(word, next, pc);
    case 34: // lbz
    case 40: // lhz
    case 42: // lha
    case 48: // lfs
    case 50: // lfd
    case 57:
      return loadPart(word, next);
  }
  return finish(word, next);
}

/** Forms with update put the address back, unless something is wrong already. */
function storeEnd(wrong: u32, hit: u32, updates: bool, word: u32, at: i32): u32 {
  const first = or(wrong, hit);
  return first === FINE && updates ? putBack(word, at) : first;
}

function loadWord(word: u32, rt: u32, opcode: u32): u32 {
  const wrong = tocFault(word);
  const at = effective(word, signed16(word));
  const bad = setGeneral(rt, loaded(at, 4));
  const back = opcode === 33 ? putBack(word, at) : FINE;
  return or(back, or(wrong, bad));
}

function loadDoubleword(word: u32, rt: u32): u32 {
  const form = word & 3;
  if (form === 3) return UNKNOWN_INSTRUCTION;
  const wrong = tocFault(word);
  const at = effective(word, signed16(word & 0xfffc));
  const bad = setGeneral(rt, form === 2 ? loadedPart(at, 4) : loaded(at, 8));
  const back = form === 1 ? putBack(word, at) : FINE;
  return or(back, or(wrong, bad));
}

/** Loads of less than a word, and into other registers. */
function loadPart(word: u32, next: u32): u32 {
  const wrong = tocFault(word);
  // The widest of them reads eight bytes; none leaves its doubleword.
  if (isStack(get((word >>> 16) & 31))) loadedPart(effective(word, signed16(word)), 1);
  return or(finish(word, next), wrong);
}

function storeDoubleword(word: u32, rt: u32, ra: u32): u32 {
  const form = word & 3;
  if (form === 3) return UNKNOWN_INSTRUCTION;
  const wrong = tocFault(word);
  const at = effective(word, signed16(word & 0xfffc));
  const hit = form === 2 ? stored(at, 16, UNKNOWN) : stored(at, 8, get(rt));
  if (form === 1 && rt === 1 && ra === 1) chain(at);
  return storeEnd(wrong, hit, form === 1, word, at);
}
