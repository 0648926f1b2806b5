/**
 * What an instruction changes, where the transfer function has nothing better to say: registers and CR fields whose contents
 * become unknown. Common opcodes are told by their numbers; the rest by the instruction table, whose answers are kept.
 */
import { isPrefix, opcodeIndex, operandValue, prefixedIndex } from '../ppc64/decode.ts';
import { instructions } from '../ppc64/instructions.ts';
import { allRegisters, registersWritten } from '../ppc64/registers.ts';
import type { State } from './state.ts';
import { CR2, UNKNOWN } from './values.ts';
import { WRITTEN_31 } from './written-31.ts';

/** As `WRITTEN_31`, for opcodes without an extended one: 0 ask the table, 1 none, 2 RT, 3 RA, 4 RT and RA. */
const byPrimary = new Uint8Array(64);
const NONE = 1;
const RT = 2;
const RA = 3;
const BOTH = 4;
for (const opcode of [2, 3, 10, 11, 36, 38, 44, 48, 50, 52, 54, 61]) byPrimary[opcode] = NONE;
for (const opcode of [7, 8, 12, 13, 14, 15, 32, 34, 40, 42]) byPrimary[opcode] = RT;
for (const opcode of [20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 37, 39, 45, 49, 51, 53, 55]) byPrimary[opcode] = RA;
for (const opcode of [33, 35, 41, 43]) byPrimary[opcode] = BOTH;

const by31 = Uint8Array.from(WRITTEN_31, letter => Math.max(0, '?-TAB'.indexOf(letter)));

/** What is known without asking, by primary opcode and from 64 on by extended opcode of 31; see `byPrimary`. */
export function effectsByOpcode(): Uint8Array {
  const effects = new Uint8Array(64 + by31.length);
  effects.set(byPrimary);
  effects.set(by31, 64);
  return effects;
}

/** Other instructions of opcode 31 that change CR fields: mtcrf, cmprb, cmpeqb, mcrxrx, tcheck. */
const INTO_CR = new Set([144, 192, 224, 576, 718]);

/** The answers of the instruction table: registers in the low half, CR fields above, by word. */
const known = new Map<number, readonly [registers: number, fields: number]>();

/** What an instruction writes, as the instruction table says. `next` is the word behind it, for prefixed instructions. */
export function asked(word: number, next: number): readonly [registers: number, fields: number] {
  const prefixed = isPrefix(word);
  const remembered = prefixed ? undefined : known.get(word);
  if (remembered !== undefined) return remembered;
  const row = instructions()[prefixed ? prefixedIndex(word, next) : opcodeIndex(word)];
  let fields = row === undefined ? 0xff : 0;
  if (row !== undefined)
    for (const operand of row.operands) {
      if (operand.access !== 'write' && operand.access !== 'both') continue;
      const value = prefixed ? operandValue(operand, next, word) : operandValue(operand, word);
      if (operand.kind === 'cr') fields |= 1 << value;
      else if (operand.kind === 'crbit') fields |= 1 << (value >> 2);
    }
  const answer = [registersWritten(word, next), fields] as const;
  if (!prefixed) known.set(word, answer);
  return answer;
}

/** All that an instruction changes: general registers, and CR fields, CR0 of record forms included. */
export function changedBy(word: number): readonly [registers: number, fields: number] {
  const primary = word >>> 26;
  const [registers, fields] = asked(word, 0);
  if (primary === 31 && INTO_CR.has((word >>> 1) & 0x3ff)) return [registers, 0xff];
  const isRecord = [13, 28, 29].includes(primary) || ([20, 21, 23, 30, 31].includes(primary) && (word & 1) === 1);
  return isRecord ? [registers, fields | 1] : [registers, fields];
}

function forgetField(state: State, field: number): void {
  if (field >= 2 && field <= 4) state.places[CR2 + field - 2] = UNKNOWN;
}

/**
 * Which one of its fields names the register that an instruction changes, where that is all it changes of what is followed.
 * `undefined` where it changes more, or the instruction table has to be asked. Comparisons may change a CR field besides.
 */
export function onlyForgets(word: number): 'none' | 'RT' | 'RA' | undefined {
  const primary = word >>> 26;
  const extended = (word >>> 1) & 0x3ff;
  const kind = primary === 31 ? by31[extended]! : byPrimary[primary]!;
  if (kind === NONE && primary === 31 && INTO_CR.has(extended)) return undefined;
  return kind === NONE ? 'none' : kind === RT ? 'RT' : kind === RA ? 'RA' : undefined;
}

/**
 * Forgets what the instruction changes. `next` is the word behind it, for prefixed instructions.
 *
 * @returns whether the instruction is known at all
 */
export function forgetWritten(state: State, word: number, next: number): boolean {
  const primary = word >>> 26;
  let kind = byPrimary[primary]!;
  if (primary === 31) {
    const extended = (word >>> 1) & 0x3ff;
    kind = by31[extended]!;
    if (kind === NONE) {
      // cmp and cmpl have a CR field where other instructions have RT.
      if (extended === 0 || extended === 32) forgetField(state, (word >>> 23) & 7);
      else if (INTO_CR.has(extended)) return forgetAsked(state, word, next);
      return true;
    }
  } else if (primary === 10 || primary === 11) {
    forgetField(state, (word >>> 23) & 7);
    return true;
  }
  if (kind === 0) return forgetAsked(state, word, next);
  if (kind === RT || kind === BOTH) forgetRegister(state, (word >>> 21) & 31);
  if (kind === RA || kind === BOTH) forgetRegister(state, (word >>> 16) & 31);
  return true;
}

function forgetAsked(state: State, word: number, next: number): boolean {
  const [registers, fields] = asked(word, next);
  if (registers !== 0)
    for (let register = 0; register < 32; register++)
      if (((registers >>> register) & 1) === 1) forgetRegister(state, register);
  for (let field = 2; field <= 4; field++) if (((fields >> field) & 1) === 1) forgetField(state, field);
  return registers !== allRegisters || fields !== 0xff;
}

function forgetRegister(state: State, register: number): void {
  if (register === 1) state.moveStack(UNKNOWN);
  else state.set(register, UNKNOWN);
}
