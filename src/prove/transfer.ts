/**
 * The transfer function: what one instruction, other than a branch, does to what is known. Power ISA 3.1, Book I; each case
 * says less than the manual where that is enough, and whatever has no case of its own makes what it writes UNKNOWN.
 *
 * Memory is the stack frame alone. A store whose address is not r1 at entry plus a known number is taken to miss the slots
 * that are known here: compiled code does not write over saved registers through pointers, and where it does, because an
 * array was overrun, no register convention holds anyway. docs/proof.md lists this among what is trusted.
 */
import { forgetWritten } from './effects.ts';
import { argumentBits, type ParameterAreas } from './parameters.ts';
import type { State } from './state.ts';
import {
  ADDRESS,
  address,
  addressOffset,
  CR2,
  CR4,
  CTR,
  difference,
  entry,
  entryOf,
  isAddress,
  isNumber,
  isStack,
  kindOf,
  LR,
  number,
  numberOf,
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

/** What is wrong with an instruction. */
export const FINE = 0;
/** No row of the instruction table fits. */
export const UNKNOWN_INSTRUCTION = 1;
/** r2 is used as the TOC and does not hold the home's, as far as is known. */
export const TOC_USE = 2;
/** The caller's back chain is overwritten. */
export const BACK_CHAIN = 3;
/** The caller's TOC save slot is overwritten. */
export const TOC_SLOT = 4;
/** r13, the PACA or thread pointer, is changed. */
export const R13_WRITTEN = 5;
/** The caller's LR slot gets something that is not the return address. */
export const LR_SLOT = 6;
/** Something of the caller's frame is overwritten that is not known to be an argument. */
export const PARAMETER_AREA = 7;

export interface Surroundings {
  /** `address` value of the home's TOC, or UNKNOWN where there is none. */
  readonly home: Value;
  readonly pacaToc: number | undefined;
  constant(offset: number): Value;
  /** Is told what is done to the caller's frame. */
  readonly areas: ParameterAreas;
}

const signed16 = (word: number) => (word << 16) >> 16;

/** The effective address of a displacement form. */
function effective(state: State, word: number, displacement: number): Value {
  const base = (word >>> 16) & 31;
  return base === 0 ? number(displacement) : plus(state.places[base]!, displacement);
}

/** The effective address of an indexed form. */
function indexed(state: State, word: number): Value {
  const base = (word >>> 16) & 31;
  const index = state.places[(word >>> 11) & 31]!;
  return base === 0 ? index : sum(state.places[base]!, index);
}

function loaded(around: Surroundings, state: State, at: Value, width: number): Value {
  if (isStack(at)) {
    const offset = stackOffset(at);
    if (offset > 0) around.areas.read(offset, width);
    return state.load(offset, width);
  }
  if (width === 8 && isAddress(at)) return around.constant(addressOffset(at));
  return UNKNOWN;
}

/** A load of which nothing is followed but where it reads. */
function loadedPart(around: Surroundings, at: Value, width: number): Value {
  if (isStack(at)) around.areas.read(stackOffset(at), width);
  return UNKNOWN;
}

function setGeneral(state: State, register: number, value: Value): number {
  if (register === 1) state.moveStack(value);
  else state.set(register, value);
  return register === 13 ? R13_WRITTEN : FINE;
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
function lowWord(value: Value): Value {
  return kindOf(value) === SAVED ? value : UNKNOWN;
}

/** Stores into the frame; tells what of the caller's is hit. */
function stored(around: Surroundings, state: State, at: Value, width: number, value: Value): number {
  if (!isStack(at)) return FINE;
  const offset = stackOffset(at);
  state.store(offset, width, isLinkage(around, value) ? value : UNKNOWN);
  state.arguments |= argumentBits(offset - state.top, width);
  if (offset > 0 && !around.areas.write(offset, width, value)) return PARAMETER_AREA;
  if (offset + width <= 0 || offset >= 32) return FINE;
  if (offset < 8) return BACK_CHAIN;
  if (offset + width > 24) return TOC_SLOT;
  if (offset + width > 16 && value !== entry(LR)) return LR_SLOT;
  return FINE;
}

/** The back chain of a new frame at `at`: where r1 was. */
function chain(state: State, at: Value): void {
  if (isStack(at)) state.store(stackOffset(at), 8, state.places[1]!);
}

/** Loads with update put the address back. */
function putBack(state: State, word: number, at: Value): number {
  return setGeneral(state, (word >>> 16) & 31, at);
}

/** Uses of r2 by the instructions that compiled code reaches the TOC with. */
function usesToc(around: Surroundings, state: State, word: number): boolean {
  return ((word >>> 16) & 31) === 2 && state.places[2] !== around.home;
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

/**
 * Executes the word at `pc` (bytes from the origin). `next` is the word behind it, for prefixed instructions.
 *
 * @returns FINE, or what is wrong with it
 */
export function transfer(around: Surroundings, state: State, word: number, next: number, pc: number): number {
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
      if ((word & 0xffff) === 0) {
        if (ra !== rt) moveGeneral(state, ra, rt);
        return ra === 13 && rt !== 13 ? R13_WRITTEN : FINE;
      }
      const value = state.places[rt]!;
      const bits = word >>> 26 === 24 ? word & 0xffff : (word & 0xffff) * 65536;
      const result =
        isNumber(value) && numberOf(value) % (word >>> 26 === 24 ? 65536 : 2 ** 32) === 0 ? plus(value, bits) : UNKNOWN;
      return setGeneral(state, ra, result);
    }
    case 32: // lwz
    case 33: {
      const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
      const at = effective(state, word, signed16(word));
      const bad = setGeneral(state, rt, loaded(around, state, at, 4));
      return (word >>> 26 === 33 ? putBack(state, word, at) : FINE) || wrong || bad;
    }
    case 58: {
      // ld, ldu, lwa
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
    case 62: {
      // std, stdu, stq
      const form = word & 3;
      if (form === 3) return UNKNOWN_INSTRUCTION;
      const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
      const at = effective(state, word, signed16(word & 0xfffc));
      const hit = form === 2 ? stored(around, state, at, 16, UNKNOWN) : stored(around, state, at, 8, state.places[rt]!);
      if (form === 1 && rt === 1 && ra === 1) chain(state, at);
      return wrong || hit || (form === 1 ? putBack(state, word, at) : FINE);
    }
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
      // lxv, stxv, stxsd, stxssp: the last three bits tell
      const form = word & 7;
      const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
      const at = effective(state, word, signed16(form === 5 || form === 1 ? word & 0xfff0 : word & 0xfffc));
      if (form === 1) {
        loadedPart(around, at, 16);
        return wrong;
      }
      return wrong || stored(around, state, at, form === 5 ? 16 : 8, UNKNOWN);
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
    case 57: {
      const wrong = usesToc(around, state, word) ? TOC_USE : FINE;
      // The widest of them reads eight bytes; none leaves its doubleword.
      if (isStack(state.places[ra]!)) loadedPart(around, effective(state, word, signed16(word)), 1);
      return finish(state, word, next) || wrong;
    }
    default:
      return finish(state, word, next);
  }
}

function moveGeneral(state: State, to: number, from: number): void {
  if (to === 1) state.moveStack(state.places[from]!);
  else state.move(to, from);
}

/** Everything that has no case of its own. */
function finish(state: State, word: number, next: number): number {
  const r13 = state.places[13];
  if (!forgetWritten(state, word, next)) return UNKNOWN_INSTRUCTION;
  return state.places[13] === r13 ? FINE : R13_WRITTEN;
}

/** Bytes that an indexed store writes, by extended opcode; 0 for other instructions. Forms with update are odd ones out. */
function storeWidth(extended: number): number {
  switch (extended) {
    case 149: // stdx
    case 181: // stdux
    case 727: // stfdx
    case 759:
    case 214: // stdcx.
    case 660: // stdbrx
    case 716: // stxsdx
      return 8;
    case 151: // stwx
    case 183:
    case 150: // stwcx.
    case 662: // stwbrx
    case 663: // stfsx
    case 695:
    case 983: // stfiwx
    case 140: // stxsiwx
    case 652: // stxsspx
    case 199: // stvewx
      return 4;
    case 407: // sthx
    case 439:
    case 918: // sthbrx
    case 726: // sthcx.
    case 941: // stxsihx
    case 167: // stvehx
      return 2;
    case 215: // stbx
    case 247:
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
    case 397: // stxvl: at most
    case 429: // stxvll
    case 182: // stqcx.
      return 16;
    default:
      return 0;
  }
}

function transfer31(around: Surroundings, state: State, word: number, next: number): number {
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const rb = (word >>> 11) & 31;
  const extended = (word >>> 1) & 0x3ff;
  switch (extended) {
    case 444: // or
      if (rt === rb) {
        if (ra !== rt) moveGeneral(state, ra, rt);
        return ra === 13 && rt !== 13 ? R13_WRITTEN : FINE;
      }
      return setGeneral(state, ra, UNKNOWN);
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
    case 144: // mtcrf, mtocrf
      moveToFields(state, state.places[rt]!, (word >>> 12) & 0xff);
      return FINE;
  }
  const width = storeWidth(extended);
  if (width === 0) return finish(state, word, next);
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

/** Eight-byte instructions: the address arithmetic and doubleword accesses of pc-relative code; of the rest, what they write. */
function transferPrefixed(around: Surroundings, state: State, word: number, next: number, pc: number): number {
  const type = (word >>> 24) & 3;
  const relative = ((word >>> 20) & 1) === 1;
  const immediate = (((word & 0x3ffff) << 14) >> 14) * 65536 + (next & 0xffff);
  const rt = (next >>> 21) & 31;
  const ra = (next >>> 16) & 31;
  const opcode = next >>> 26;
  if (ra === 2 && !relative && type !== 1 && type !== 3 && rt !== 2 && state.places[2] !== around.home) {
    finish(state, word, next);
    return TOC_USE;
  }
  const at = relative ? address(pc + immediate) : ra === 0 ? number(immediate) : plus(state.places[ra]!, immediate);
  if (type === 2 && opcode === 14) return setGeneral(state, rt, at); // paddi
  if (type === 0 && opcode === 57) return setGeneral(state, rt, loaded(around, state, at, 8)); // pld
  if (type === 0 && opcode === 61) return stored(around, state, at, 8, state.places[rt]!); // pstd
  if (type === 2 && opcode === 36) return stored(around, state, at, 4, lowWord(state.places[rt]!)); // pstw
  if (type === 2 && opcode === 38) return stored(around, state, at, 1, UNKNOWN); // pstb
  if (type === 2 && opcode === 44) return stored(around, state, at, 2, UNKNOWN); // psth
  if (type === 2 && (opcode === 52 || opcode === 54)) return stored(around, state, at, opcode === 52 ? 4 : 8, UNKNOWN);
  if (type === 0 && (opcode === 60 || opcode === 62 || opcode >>> 1 === 27 || opcode === 46 || opcode === 47))
    return (
      stored(around, state, at, opcode === 60 ? 16 : opcode === 62 ? 32 : 16, UNKNOWN) || finish(state, word, next)
    );
  return finish(state, word, next);
}
