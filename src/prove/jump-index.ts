/**
 * What compilers put in front of a jump through a table: the check that keeps the index in bounds. It is looked for in the words
 * before the jump, and only where control cannot come in between; a jump without one is not followed.
 *
 *     cmplwi index,N · bgt out      or, of a byte or halfword:  clrlwi c,index,24 · cmplwi c,N · bgt out
 *     rldic  i,index,2,..           no check where the mask leaves few bits
 *     lwax   d,table,i
 *     add    t,d,table
 *     mtctr  t
 *     bctr
 */
import { changedBy } from './effects.ts';
import { LEADER } from './subject.ts';

/** Words between a table's jump and what keeps its index in bounds. */
const FARTHEST = 48;
/** A mask that leaves so many bits is a check by itself. */
const FEW_BITS = 8;
const ALL_BITS = 64;
/** r0 and r3 to r12; CR0, CR1 and CR5 to CR7: what a call does not keep. */
const VOLATILE = 0x1ff9;
const VOLATILE_FIELDS = 0xe3;

const primary = (word: number): number => word >>> 26;
const first = (word: number): number => (word >>> 21) & 31;
const second = (word: number): number => (word >>> 16) & 31;
const third = (word: number): number => (word >>> 11) & 31;
const isExtended = (word: number, opcode: number): boolean => primary(word) === 31 && ((word >>> 1) & 0x3ff) === opcode;
/** `mb` and `me` of rlwinm. */
const maskBegin = (word: number): number => (word >>> 6) & 31;
const maskEnd = (word: number): number => (word >>> 1) & 31;
/** `mb` of rldicl and rldic, bit 5 last. */
const maskBegin64 = (word: number): number => ((word >>> 6) & 31) | (word & 32);
const shift64 = (word: number): number => third(word) | ((word & 2) << 4);

/**
 * How many entries a table has at least, as the words before the `bctr` at `pc` tell.
 *
 * @param start of the function, bytes from the origin as `pc`
 * @returns 0 where nothing keeps the index in bounds
 */
export function entriesOf(code: Uint32Array, marks: Uint8Array, start: number, pc: number): number {
  return new Search(code, marks, start, pc).entries();
}

class Search {
  readonly #code: Uint32Array;
  readonly #marks: Uint8Array;
  readonly #first: number;
  /** The word that was looked at last; those before it come next. */
  #at: number;

  constructor(code: Uint32Array, marks: Uint8Array, start: number, pc: number) {
    this.#code = code;
    this.#marks = marks;
    this.#first = Math.max(start >> 2, (pc >> 2) - FARTHEST);
    this.#at = pc >> 2;
  }

  entries(): number {
    const toCtr = this.#back(word => isExtended(word, 467) && (word & 0x1f_f800) === 0x9_0000);
    if (toCtr === undefined) return 0;
    const sum = this.#definition([first(toCtr)], word => isExtended(word, 266));
    const load = sum && this.#definition([second(sum), third(sum)], word => isExtended(word, 341));
    const shift = load && this.#definition([second(load), third(load)], isShiftByTwo);
    if (shift === undefined) return 0;
    const bits = bitsOf(shift);
    const checked = this.#check(first(shift), bits);
    return checked > 0 || bits > FEW_BITS ? checked : 2 ** bits;
  }

  /** The word before, where control comes from nowhere else. */
  #previous(): number | undefined {
    if ((this.#marks[this.#at]! & LEADER) !== 0 || this.#at <= this.#first) return undefined;
    this.#at--;
    // The second word of a prefixed instruction.
    return primary(this.#code[this.#at - 1]!) === 1 ? undefined : this.#code[this.#at]!;
  }

  #back(isWanted: (word: number) => boolean): number | undefined {
    for (let word = this.#previous(); word !== undefined; word = this.#previous()) if (isWanted(word)) return word;
    return undefined;
  }

  /** The instruction that gives one of the registers its value, if it is of the kind that is wanted. */
  #definition(registers: readonly number[], isWanted: (word: number) => boolean): number | undefined {
    for (let word = this.#previous(); word !== undefined; word = this.#previous()) {
      const target = primary(word) === 31 ? first(word) : second(word);
      if (isWanted(word) && registers.includes(target)) return word;
      // Of the two that are added one is the table, which may come from anywhere.
      if (registers.length === 1 && (changedBy(word)[0] & (1 << registers[0]!)) !== 0) return undefined;
      if (!fallsThrough(word)) return undefined;
    }
    return undefined;
  }

  /** From `cmplwi index,N` and `bgt`: N + 1. */
  #check(register: number, bits: number): number {
    let index = register;
    /** CR fields whose GT has been seen to lead away. */
    let guards = 0;
    /** A register that has been compared, and may turn out to hold the lowest `bits` of the index. */
    let compared = -1;
    let bound = 0;
    for (let word = this.#previous(); word !== undefined; word = this.#previous()) {
      if (!fallsThrough(word)) return 0;
      if (isIfGreater(word)) {
        guards |= 1 << ((word >>> 18) & 7);
        continue;
      }
      const field = 1 << (first(word) >>> 2);
      if (primary(word) === 10 && (guards & field) !== 0) {
        if (second(word) === index) return (word & 0xffff) + 1;
        compared = second(word);
        bound = (word & 0xffff) + 1;
        guards &= ~field;
        continue;
      }
      const [to, from] = [second(word), first(word)];
      if (to === compared && from === index && (isMove(word) || lowBits(word) === bits)) return bound;
      if (to === index && isMove(word)) {
        if (from === compared) return bound;
        index = from;
        continue;
      }
      const [registers, fields] = isCall(word) ? [VOLATILE, VOLATILE_FIELDS] : changedBy(word);
      guards &= ~fields;
      if (compared >= 0 && (registers & (1 << compared)) !== 0) compared = -1;
      if ((registers & (1 << index)) !== 0) return 0;
    }
    return 0;
  }
}

/** `rldic`, `sldi` and `slwi` by 2. */
function isShiftByTwo(word: number): boolean {
  // A mask that goes around leaves what is no index: the upper half of the register, or bits from the other end.
  if (primary(word) === 21) return third(word) === 2 && maskBegin(word) <= maskEnd(word) && maskEnd(word) <= 29;
  const kind = (word >>> 2) & 7;
  if (primary(word) !== 30 || shift64(word) !== 2) return false;
  return kind === 1 || (kind === 2 && maskBegin64(word) <= 61);
}

/** How many bits of the index a shift by two leaves. */
function bitsOf(word: number): number {
  if (primary(word) === 21) return 30 - maskBegin(word);
  return ((word >>> 2) & 7) === 2 ? 62 - maskBegin64(word) : ALL_BITS;
}

/** `mr` */
function isMove(word: number): boolean {
  return isExtended(word, 444) && first(word) === third(word) && (word & 1) === 0;
}

/** How many of the lowest bits `clrlwi` and `clrldi` leave; 0 for anything else. */
function lowBits(word: number): number {
  if (primary(word) === 21) return third(word) === 0 && ((word >>> 1) & 31) === 31 ? 32 - ((word >>> 6) & 31) : 0;
  return primary(word) === 30 && ((word >>> 2) & 7) === 0 && shift64(word) === 0 ? 64 - maskBegin64(word) : 0;
}

/** `bgt` and `bgtlr`: away where bit 1 of a field, GT, is set. */
function isIfGreater(word: number): boolean {
  const isBranch = primary(word) === 16 || (primary(word) === 19 && ((word >>> 1) & 0x3ff) === 16);
  return isBranch && (word & 1) === 0 && (first(word) & 0x1e) === 12 && (second(word) & 3) === 1;
}

function isCall(word: number): boolean {
  return [16, 18, 19].includes(primary(word)) && (word & 1) === 1;
}

/** Whether control may go on behind the instruction. */
function fallsThrough(word: number): boolean {
  if (primary(word) === 18) return (word & 1) === 1;
  if (primary(word) !== 19) return true;
  const extended = (word >>> 1) & 0x3ff;
  return (extended !== 16 && extended !== 528) || (word & 1) === 1 || (first(word) & 20) !== 20;
}
