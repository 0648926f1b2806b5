/**
 * The transfer function: what one instruction, other than a branch, does to what is known. Power ISA 3.1, Book I; each case
 * says less than the manual where that is enough, and whatever has no case of its own makes what it writes UNKNOWN.
 */
import {
  chain,
  effective,
  loaded,
  loadedPart,
  lowWord,
  putBack,
  type Surroundings,
  stored,
  usesToc,
} from './accesses.ts';
import { DONE, executeCommon } from './common.ts';
import { FINE, TOC_USE, UNKNOWN_INSTRUCTION } from './faults.ts';
import { finish, moveGeneral, setGeneral } from './general-registers.ts';
import type { State } from './state.ts';
import { transfer31 } from './transfer-31.ts';
import { transferPrefixed } from './transfer-prefixed.ts';
import { isNumber, isStack, number, numberOf, plus, UNKNOWN } from './values.ts';

const signed16 = (word: number) => (word << 16) >> 16;

/**
 * Executes the word at `pc` (bytes from the origin). `next` is the word behind it, for prefixed instructions.
 *
 * @returns FINE, or what is wrong with it
 */
export function transfer(around: Surroundings, state: State, word: number, next: number, pc: number): number {
  return executeCommon(state, word) === DONE ? FINE : transferRest(around, state, word, next, pc);
}

/** The same for what `executeCommon` does not execute. */
export function transferRest(around: Surroundings, state: State, word: number, next: number, pc: number): number {
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  switch (word >>> 26) {
    case 14: // addi
    case 15: {
      // addis
      // r2 being set up is built on itself: `addi r2,r2,lo`.
      const wrong = rt !== 2 && usesToc(around, state, word) ? TOC_USE : FINE;
      const immediate = word >>> 26 === 14 ? signed16(word) : signed16(word) * 65536;
      return setGeneral(state, rt, ra === 0 ? number(immediate) : plus(state.places[ra]!, immediate)) || wrong;
    }
    case 24: // ori
    case 25: {
      // oris
      if ((word & 0xffff) === 0) return moveGeneral(state, ra, rt);
      const value = state.places[rt]!;
      const bits = word >>> 26 === 24 ? word & 0xffff : (word & 0xffff) * 65536;
      const result =
        isNumber(value) && numberOf(value) % (word >>> 26 === 24 ? 65536 : 2 ** 32) === 0 ? plus(value, bits) : UNKNOWN;
      return setGeneral(state, ra, result);
    }
    case 32: // lwz
    case 33: // lwzu
      return loadWord(around, state, word, rt);
    case 58: // ld, ldu, lwa
      return loadDoubleword(around, state, word, rt, ra);
    case 62: // std, stdu, stq
      return storeDoubleword(around, state, word, rt, ra);
    case 36: // stw
    case 37: {
      const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
      const at = effective(state, word, signed16(word));
      const hit = stored(around, state, at, 4, lowWord(state.places[rt]!));
      return wrong || hit || (word >>> 26 === 37 ? putBack(state, word, at) : FINE);
    }
    case 38: // stb
    case 39:
    case 44: // sth
    case 45:
    case 52: // stfs
    case 53:
    case 54: // stfd
    case 55: {
      const opcode = word >>> 26;
      const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
      const at = effective(state, word, signed16(word));
      const width = opcode < 40 ? 1 : opcode < 46 ? 2 : opcode < 54 ? 4 : 8;
      const hit = stored(around, state, at, width, UNKNOWN);
      return wrong || hit || ((opcode & 1) === 1 ? putBack(state, word, at) : FINE);
    }
    case 61: {
      // lxv, stxv, stxsd, stxssp: the last three bits tell. stfdp is no instruction of the table.
      const form = word & 7;
      if ((form & 3) === 0) return UNKNOWN_INSTRUCTION;
      const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
      const at = effective(state, word, signed16(form === 5 || form === 1 ? word & 0xfff0 : word & 0xfffc));
      if (form === 1) {
        loadedPart(around, at, 16);
        return wrong;
      }
      return wrong || stored(around, state, at, form === 5 ? 16 : 8, UNKNOWN);
    }
    case 6: {
      // lxvp, stxvp: the last four bits tell
      const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
      const at = effective(state, word, signed16(word & 0xfff0));
      if ((word & 15) === 1) return wrong || stored(around, state, at, 32, UNKNOWN);
      if (isStack(at)) loadedPart(around, at, 32);
      return finish(state, word, next) || wrong;
    }
    case 31:
      return transfer31(around, state, word, next);
    case 1:
      return transferPrefixed(around, state, word, next, pc);
    case 34: // lbz
    case 40: // lhz
    case 42: // lha
    case 48: // lfs
    case 50: // lfd
    case 57:
      return loadPart(around, state, word, next);
    default:
      return finish(state, word, next);
  }
}

function loadWord(around: Surroundings, state: State, word: number, rt: number): number {
  const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
  const at = effective(state, word, signed16(word));
  const bad = setGeneral(state, rt, loaded(around, state, at, 4));
  return (word >>> 26 === 33 ? putBack(state, word, at) : FINE) || wrong || bad;
}

function loadDoubleword(around: Surroundings, state: State, word: number, rt: number, ra: number): number {
  const form = word & 3;
  if (form === 3) return UNKNOWN_INSTRUCTION;
  const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
  const displacement = signed16(word & 0xfffc);
  const at = effective(state, word, displacement);
  let value = form === 2 ? loadedPart(around, at, 4) : loaded(around, state, at, 8);
  if (rt === 2 && ra === 13 && displacement === around.pacaToc) value = around.home;
  const bad = setGeneral(state, rt, value);
  return (form === 1 ? putBack(state, word, at) : FINE) || wrong || bad;
}

/** Loads of less than a word, and into other registers. */
function loadPart(around: Surroundings, state: State, word: number, next: number): number {
  const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
  // The widest of them reads eight bytes; none leaves its doubleword.
  if (isStack(state.places[(word >>> 16) & 31]!)) loadedPart(around, effective(state, word, signed16(word)), 1);
  return finish(state, word, next) || wrong;
}

function storeDoubleword(around: Surroundings, state: State, word: number, rt: number, ra: number): number {
  const form = word & 3;
  if (form === 3) return UNKNOWN_INSTRUCTION;
  const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
  const at = effective(state, word, signed16(word & 0xfffc));
  const hit = form === 2 ? stored(around, state, at, 16, UNKNOWN) : stored(around, state, at, 8, state.places[rt]!);
  if (form === 1 && rt === 1 && ra === 1) chain(state, at);
  return wrong || hit || (form === 1 ? putBack(state, word, at) : FINE);
}
