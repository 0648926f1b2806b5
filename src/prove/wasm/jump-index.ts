/** The check that keeps the index of a jump table in bounds: `prove/jump-index.ts`, which shows what is looked for. */
import { changed, changedFields, changedRegisters } from './effects';
import { LEADER, markOf, wordAt } from './subject';

/** Words between a table's jump and what keeps its index in bounds. */
const FARTHEST: u32 = 48;
/** A mask that leaves so many bits is a check by itself. */
const FEW_BITS: u32 = 8;
const ALL_BITS: u32 = 64;
/** r0 and r3 to r12; CR0, CR1 and CR5 to CR7: what a call does not keep. */
const VOLATILE: u32 = 0x1ff9;
const VOLATILE_FIELDS: u32 = 0xe3;

let limit: u32 = 0;
/** The word that was looked at last, by its number; those before it come next. */
let at: u32 = 0;
/** That word. */
let word: u32 = 0;

function primary(word: u32): u32 {
  return word >>> 26;
}

function first(word: u32): u32 {
  return (word >>> 21) & 31;
}

function second(word: u32): u32 {
  return (word >>> 16) & 31;
}

function third(word: u32): u32 {
  return (word >>> 11) & 31;
}

function isExtended(word: u32, opcode: u32): bool {
  return primary(word) === 31 && ((word >>> 1) & 0x3ff) === opcode;
}

/** `mb` and `me` of rlwinm. */
function maskBegin(word: u32): u32 {
  return (word >>> 6) & 31;
}

function maskEnd(word: u32): u32 {
  return (word >>> 1) & 31;
}

/** `mb` of rldicl and rldic, bit 5 last. */
function maskBegin64(word: u32): u32 {
  return ((word >>> 6) & 31) | (word & 32);
}

function shift64(word: u32): u32 {
  return third(word) | ((word & 2) << 4);
}

/**
 * How many entries a table has at least, as the words before the `bctr` at `pc` tell; 0 where nothing keeps the index in bounds.
 *
 * @param start of the function, bytes from the origin as `pc`
 */
export function entriesOf(start: i32, pc: i32): u32 {
  at = u32(pc) >>> 2;
  const farthest = at > FARTHEST ? at - FARTHEST : 0;
  limit = max(u32(start) >>> 2, farthest);
  do if (!previous()) return 0;
  while (!isExtended(word, 467) || (word & 0x1f_f800) !== 0x9_0000);
  const target = first(word);
  if (!definition(ADD, 1 << target)) return 0;
  const sum = word;
  if (!definition(LOAD, (1 << second(sum)) | (1 << third(sum)))) return 0;
  const read = word;
  if (!definition(SHIFT, (1 << second(read)) | (1 << third(read)))) return 0;
  const shift = word;
  const bits = bitsOf(shift);
  const checked = check(first(shift), bits);
  return checked > 0 || bits > FEW_BITS ? checked : 1 << bits;
}

/** Goes to the word before, where control comes from nowhere else. */
function previous(): bool {
  if ((markOf(at) & LEADER) !== 0 || at <= limit) return false;
  at--;
  word = wordAt(at);
  // The second word of a prefixed instruction.
  return at === 0 || primary(wordAt(at - 1)) !== 1;
}

const ADD: u32 = 0;
const LOAD: u32 = 1;
const SHIFT: u32 = 2;

function isKind(kind: u32): bool {
  return kind === ADD ? isExtended(word, 266) : kind === LOAD ? isExtended(word, 341) : isShiftByTwo(word);
}

/** Goes to the instruction that gives one of the registers its value, if it is of the kind that is wanted. */
function definition(kind: u32, registers: u32): bool {
  while (previous()) {
    const target = primary(word) === 31 ? first(word) : second(word);
    if (isKind(kind) && ((registers >>> target) & 1) !== 0) return true;
    // Of the two that are added one is the table, which may come from anywhere.
    if (kind === ADD) {
      changed(word);
      if ((changedRegisters & registers) !== 0) return false;
    }
    if (!fallsThrough(word)) return false;
  }
  return false;
}

/** From `cmplwi index,N` and `bgt`: N + 1. */
function check(register: u32, bits: u32): u32 {
  let index = register;
  /** CR fields whose GT has been seen to lead away. */
  let guards: u32 = 0;
  /** A register that has been compared, and may turn out to hold the lowest `bits` of the index. */
  let compared = -1;
  let bound: u32 = 0;
  while (previous()) {
    if (!fallsThrough(word)) return 0;
    if (isIfGreater(word)) {
      guards |= 1 << ((word >>> 18) & 7);
      continue;
    }
    const field: u32 = 1 << (first(word) >>> 2);
    if (primary(word) === 10 && (guards & field) !== 0) {
      if (second(word) === index) return (word & 0xffff) + 1;
      compared = second(word);
      bound = (word & 0xffff) + 1;
      guards &= ~field;
      continue;
    }
    const to = second(word);
    const from = first(word);
    if (i32(to) === compared && from === index && (isMove(word) || lowBits(word) === bits)) return bound;
    if (to === index && isMove(word)) {
      if (i32(from) === compared) return bound;
      index = from;
      continue;
    }
    let registers = VOLATILE;
    let fields = VOLATILE_FIELDS;
    if (!isCall(word)) {
      changed(word);
      registers = changedRegisters;
      fields = changedFields;
    }
    guards &= ~fields;
    if (compared >= 0 && (registers & (1 << compared)) !== 0) compared = -1;
    if ((registers & (1 << index)) !== 0) return 0;
  }
  return 0;
}

/** `rldic`, `sldi` and `slwi` by 2. */
function isShiftByTwo(word: u32): bool {
  if (primary(word) === 21) return third(word) === 2 && maskBegin(word) <= maskEnd(word) && maskEnd(word) <= 29;
  const kind = (word >>> 2) & 7;
  if (primary(word) !== 30 || shift64(word) !== 2) return false;
  return kind === 1 || (kind === 2 && maskBegin64(word) <= 61);
}

/** How many bits of the index a shift by two leaves. */
function bitsOf(word: u32): u32 {
  if (primary(word) === 21) return 30 - maskBegin(word);
  return ((word >>> 2) & 7) === 2 ? 62 - maskBegin64(word) : ALL_BITS;
}

/** `mr` */
function isMove(word: u32): bool {
  return isExtended(word, 444) && first(word) === third(word) && (word & 1) === 0;
}

/** How many of the lowest bits `clrlwi` and `clrldi` leave; 0 for anything else. */
function lowBits(word: u32): u32 {
  if (primary(word) === 21) return third(word) === 0 && ((word >>> 1) & 31) === 31 ? 32 - ((word >>> 6) & 31) : 0;
  return primary(word) === 30 && ((word >>> 2) & 7) === 0 && shift64(word) === 0 ? 64 - maskBegin64(word) : 0;
}

/** `bgt` and `bgtlr`: away where bit 1 of a field, GT, is set. */
function isIfGreater(word: u32): bool {
  const isBranch = primary(word) === 16 || (primary(word) === 19 && ((word >>> 1) & 0x3ff) === 16);
  return isBranch && (word & 1) === 0 && (first(word) & 0x1e) === 12 && (second(word) & 3) === 1;
}

function isCall(word: u32): bool {
  const opcode = primary(word);
  return (opcode === 16 || opcode === 18 || opcode === 19) && (word & 1) === 1;
}

/** Whether control may go on behind the instruction. */
function fallsThrough(word: u32): bool {
  if (primary(word) === 18) return (word & 1) === 1;
  if (primary(word) !== 19) return true;
  const extended = (word >>> 1) & 0x3ff;
  return (extended !== 16 && extended !== 528) || (word & 1) === 1 || (first(word) & 20) !== 20;
}
