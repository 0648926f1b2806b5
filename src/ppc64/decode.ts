/**
 * From words to rows of the instruction table, and to operand values.
 *
 * Scanning code asks `opcodeIndex` once per word, millions of times: it allocates nothing. Each primary opcode has a
 * selector, the bits of the extended opcode that its rows look at, and for each value of those bits a short list of rows.
 */
import { lazy } from '../util/lazy.ts';
import { type Condition, type Instruction, instructions, type Operand } from './instructions.ts';
import type { CompiledPart } from './operands.ts';

/** A word (or pair of words) that the table knows. */
export interface DecodedInstruction {
  readonly known: true;
  readonly instruction: Instruction;
  /** Values in the row's order: register numbers, sign-extended displacements in bytes, numbers. */
  readonly values: readonly number[];
  /** 4, or 8 for a prefixed instruction. */
  readonly bytes: 4 | 8;
}

/** Unknown is an answer, not a failure: code sections hold data too. */
export interface UnknownInstruction {
  readonly known: false;
  readonly word: number;
  readonly bytes: 4;
}

export type Decoded = DecodedInstruction | UnknownInstruction;

/** Bits 21 to 31 hold every extended opcode; conditional branches have none, and are told apart by BO, AA and LK. */
function selectorBits(word: number, primary: number): number {
  return primary === 16 ? ((word >>> 19) & 0x7c) | (word & 3) : word & 0x7ff;
}

/** Ends a list of rows, and stands for the list of a selector that no row has. */
const listEnd = 0xffff;

interface Lists {
  /** For each primary opcode: the selector bits that matter, and where its part of `starts` begins. */
  readonly selectors: Uint16Array;
  readonly bases: Uint32Array;
  /** Start in `lists` of the list of each selector value. */
  readonly starts: Uint32Array;
  readonly lists: Uint16Array;
}

function rowsBySelector(rows: readonly Instruction[], primary: number, selector: number): Map<number, number[]> {
  const result = new Map<number, number[]>();
  for (const { index, mask, value } of rows) {
    const open = selector & ~selectorBits(mask, primary);
    const fixed = selectorBits(value, primary);
    // Every subset of the selector bits that this row leaves open.
    for (let subset = open; ; subset = (subset - 1) & open) {
      const list = result.get(fixed | subset);
      if (list === undefined) result.set(fixed | subset, [index]);
      else list.push(index);
      if (subset === 0) break;
    }
  }
  return result;
}

function buildLists(all: readonly Instruction[]): Lists {
  const selectors = new Uint16Array(64);
  const bases = new Uint32Array(64);
  const starts: number[] = [];
  const flat: number[] = [listEnd];
  const byPrimary: Instruction[][] = Array.from({ length: 64 }, () => []);
  for (const instruction of all)
    if (!instruction.prefixed) (byPrimary[instruction.value >>> 26] as Instruction[]).push(instruction);
  for (const [primary, rows] of byPrimary.entries()) {
    const selector = rows.reduce((bits, { mask }) => bits | selectorBits(mask, primary), 0);
    selectors[primary] = selector;
    bases[primary] = starts.length;
    const bySelector = rowsBySelector(rows, primary, selector);
    for (let key = 0; key <= selector; key++) {
      const list = bySelector.get(key);
      starts.push(list === undefined ? 0 : flat.length);
      if (list === undefined) continue;
      for (const index of list) flat.push(index);
      flat.push(listEnd);
    }
  }
  return { selectors, bases, starts: new Uint32Array(starts), lists: new Uint16Array(flat) };
}

/** The rows in the form that decoding looks at; made when the first word is decoded. */
const compiled = lazy(() => {
  const rows = instructions();
  return {
    rows,
    ...buildLists(rows),
    masks: new Uint32Array(rows.map(({ mask }) => mask)),
    fixedBits: new Uint32Array(rows.map(({ value }) => value)),
    /** 1 where more than mask and value decides. */
    conditional: new Uint8Array(
      rows.map(({ conditions, operands }) =>
        conditions.length > 0 || operands.some(operand => operand.oneBit) ? 1 : 0,
      ),
    ),
    prefixedRows: rows.filter(({ prefixed }) => prefixed),
  };
});

function readParts(parts: readonly CompiledPart[], word: number, prefix: number): number {
  let value = 0;
  for (const part of parts)
    value = value * 2 ** part.width + (((part.prefix ? prefix : word) >>> part.shift) & part.mask);
  return value;
}

/** A load string must not fill its own base register (Power ISA 3.1, Book I 3.3.10). */
function leavesBaseAlone(word: number): boolean {
  const bytes = (word >>> 11) & 31 || 32;
  const distance = (((word >>> 16) & 31) - ((word >>> 21) & 31) + 32) % 32;
  return distance >= Math.ceil(bytes / 4);
}

function holds({ test, left, right, number }: Condition, word: number): boolean {
  if (test === 'outside') return leavesBaseAlone(word);
  const first = readParts(left, word, 0);
  const second = right.length > 0 ? readParts(right, word, 0) : number;
  if (test === 'sum') return first + second === number;
  if (test === 'equal') return first === second;
  if (test === 'less' || test === 'below') return first < second;
  return first !== second;
}

function isOneBit(operand: Operand, word: number): boolean {
  const value = readParts(operand.parts, word, 0);
  return value !== 0 && (value & (value - 1)) === 0;
}

/** Do the row's conditions hold in `word`, which already has its mask and value? */
export function conditionsHold(index: number, word: number): boolean {
  const { conditions, operands } = compiled().rows[index] as Instruction;
  return (
    conditions.every(condition => holds(condition, word)) &&
    operands.every(operand => !operand.oneBit || isOneBit(operand, word))
  );
}

/**
 * The row that names `word`, as an index into `instructions`, or -1. A prefix (primary opcode 1) is never known by itself:
 * see `prefixedIndex`.
 */
export function opcodeIndex(word: number): number {
  const { selectors, bases, starts, lists, masks, fixedBits, conditional } = compiled();
  const primary = word >>> 26;
  const selector = selectorBits(word, primary) & (selectors[primary] as number);
  let at = starts[(bases[primary] as number) + selector] as number;
  for (let index = lists[at] as number; index !== listEnd; index = lists[++at] as number) {
    if ((word & (masks[index] as number)) >>> 0 !== fixedBits[index]) continue;
    if (conditional[index] === 0 || conditionsHold(index, word)) return index;
  }
  return -1;
}

/** Is this the first word of an instruction of eight bytes? */
export function isPrefix(word: number): boolean {
  return word >>> 26 === 1;
}

/** The row of a prefixed instruction by its two words, or -1. */
export function prefixedIndex(prefix: number, suffix: number): number {
  for (const { index, mask, value, prefixMask, prefixValue, conditions } of compiled().prefixedRows) {
    if ((suffix & mask) >>> 0 !== value || (prefix & prefixMask) >>> 0 !== prefixValue) continue;
    if (conditions.every(condition => holds(condition, suffix))) return index;
  }
  return -1;
}

/** The value of one operand of a row in the words of an instruction (`prefix` matters only to prefixed ones). */
export function operandValue(operand: Operand, word: number, prefix = 0): number {
  if (operand.parts.length === 0) return operand.literal;
  const field = readParts(operand.parts, word, prefix);
  if (operand.minuend >= 0) return operand.minuend - field;
  if (field === 0 && operand.zeroMeans !== 0) return operand.zeroMeans;
  const limit = 2 ** operand.width;
  const extended = operand.signed && field >= limit / 2 ? field - limit : field;
  return (extended + operand.bias) * 2 ** operand.scale;
}

/** The instruction at `word`; `next` is the word after it, needed only when `word` is a prefix. */
export function decode(word: number, next?: number): Decoded {
  const prefixed = isPrefix(word);
  const index = prefixed ? (next === undefined ? -1 : prefixedIndex(word, next)) : opcodeIndex(word);
  if (index < 0) return { known: false, word: word >>> 0, bytes: 4 };
  const instruction = compiled().rows[index] as Instruction;
  const body = prefixed ? (next as number) : word;
  return {
    known: true,
    instruction,
    values: instruction.operands.map(operand => operandValue(operand, body, word)),
    bytes: prefixed ? 8 : 4,
  };
}
