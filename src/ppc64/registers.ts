/**
 * Which general registers an instruction reads and writes, and how it touches memory: what the analysis of stack frames and
 * of r2's life needs. It follows from the operand lists of the instruction table, with the exceptions listed below.
 *
 * Sets of registers are 32-bit masks, bit n for rn. A word that the table does not know yields all registers, so whoever
 * asks "is r2 left alone?" is told no. Calls are not expanded: that a callee may change r0 and r3 to r12 is the business of
 * whoever knows the ABI.
 */
import { isPrefix, opcodeIndex, operandValue, prefixedIndex } from './decode.ts';
import { type Instruction, instructions, type Operand } from './instructions.ts';
import { memoryMnemonics } from './memory-mnemonics.ts';

/** Every register: the answer for an unknown word. */
export const allRegisters = 0xffffffff;

/** An access to memory through a base register. */
export interface MemoryAccess {
  readonly kind: 'load' | 'store';
  /** Number of the base register, or undefined where the base is the number 0 or the instruction's own address. */
  readonly base: number | undefined;
  /** Bytes added to the base (or to the instruction's address); undefined for indexed forms. */
  readonly displacement: number | undefined;
  /** Bytes read or written; undefined where a register or the operands say how many. */
  readonly size: number | undefined;
  /** Is the effective address put back into the base register? */
  readonly updates: boolean;
}

/** The row and its words; `next` is needed for prefixed instructions only. */
function rowOf(word: number, next: number | undefined): Instruction | undefined {
  const prefixed = isPrefix(word);
  if (prefixed && next === undefined) return undefined;
  return instructions()[prefixed ? prefixedIndex(word, next as number) : opcodeIndex(word)];
}

function valueIn(instruction: Instruction, operand: Operand, word: number, next: number | undefined): number {
  return instruction.prefixed ? operandValue(operand, next as number, word) : operandValue(operand, word);
}

function registers(from: number, count: number): number {
  let mask = 0;
  for (let at = 0; at < count; at++) mask |= 1 << ((from + at) & 31);
  return mask;
}

/** Registers after the first that instructions with a register range take: by mnemonic, from that first register. */
function rangeFrom(mnemonic: string, first: number, word: number, next = 0): number {
  switch (mnemonic) {
    case 'lmw':
    case 'stmw':
      return registers(first, 32 - first);
    case 'lswi':
    case 'stswi':
      return registers(first, Math.ceil(((word >>> 11) & 31 || 32) / 4));
    case 'lswx':
    case 'stswx':
      return allRegisters;
    // Nothing keeps these from naming an odd register, which is an invalid form; machines may take it for the first one.
    case 'plq':
    case 'pstq':
      return registers(first, 2 + ((next >>> 21) & 1));
    case 'lq':
    case 'stq':
    case 'lqarx':
    case 'stqcx.':
      return registers(first, 2);
    default:
      return registers(first, 1);
  }
}

function collect(word: number, next: number | undefined, wanted: 'read' | 'write'): number {
  const instruction = rowOf(word, next);
  if (instruction === undefined) return allRegisters;
  let mask = 0;
  for (const operand of instruction.operands) {
    if (operand.kind !== 'gpr' && operand.kind !== 'gpr0') continue;
    if (operand.access !== wanted && operand.access !== 'both') continue;
    const register = valueIn(instruction, operand, word, next);
    if (operand.kind === 'gpr0' && register === 0) continue;
    const isFirst = operand === instruction.operands[0];
    mask |= isFirst ? rangeFrom(instruction.mnemonic, register, word, next) : 1 << register;
  }
  // Atomic loads take their other operands from the two registers after RT (Power ISA 3.1, Book II 4.5).
  if (wanted === 'read' && (instruction.mnemonic === 'lwat' || instruction.mnemonic === 'ldat'))
    mask |= registers(((word >>> 21) & 31) + 1, 2);
  return mask >>> 0;
}

/** Mask of the general registers whose contents the instruction uses. `next`: the word after it, if `word` is a prefix. */
export function registersRead(word: number, next?: number): number {
  return collect(word, next, 'read');
}

/** Mask of the general registers that the instruction changes. */
export function registersWritten(word: number, next?: number): number {
  return collect(word, next, 'write');
}

/** Does the instruction use rn? True for unknown words. */
export function readsRegister(word: number, n: number, next?: number): boolean {
  return ((registersRead(word, next) >>> n) & 1) === 1;
}

/** Does the instruction change rn? True for unknown words. */
export function writesRegister(word: number, n: number, next?: number): boolean {
  return ((registersWritten(word, next) >>> n) & 1) === 1;
}

/** The access that a load or store makes, or undefined for other instructions, cache control and unknown words. */
export function memoryAccess(word: number, next?: number): MemoryAccess | undefined {
  const instruction = rowOf(word, next);
  const facts = instruction === undefined ? undefined : memoryMnemonics.get(instruction.mnemonic);
  if (instruction === undefined || facts === undefined) return undefined;
  const base = instruction.operands.find(({ name }) => name === 'RA0' || name === 'RA');
  const number = base === undefined ? 0 : valueIn(instruction, base, word, next);
  const distance = instruction.operands.find(({ kind }) => kind === 'signed' || kind === 'pcrel');
  return {
    ...facts,
    base: base === undefined || (base.kind === 'gpr0' && number === 0) ? undefined : number,
    displacement: distance === undefined ? undefined : valueIn(instruction, distance, word, next),
    updates: base?.access === 'both',
  };
}

/**
 * What an instruction does to the stack pointer.
 *
 * - `none`: nothing.
 * - `adjust`: r1 changes by `bytes`, as in `stdu r1,-112(r1)` (-112; the back chain is stored) or `addi r1,r1,112`.
 * - `pop`: `ld r1,0(r1)` follows the back chain.
 * - `unknown`: r1 changes by an amount that the word does not say (`stdux r1,r1,rN`, `mr r1,rN`), or the word is unknown.
 */
export type StackEffect =
  | { readonly kind: 'none' | 'pop' | 'unknown' }
  | { readonly kind: 'adjust'; readonly bytes: number };

const noEffect: StackEffect = { kind: 'none' };
const popEffect: StackEffect = { kind: 'pop' };
const unknownEffect: StackEffect = { kind: 'unknown' };

/** See `StackEffect`. */
export function stackEffect(word: number, next?: number): StackEffect {
  if ((word & 0xffff0003) >>> 0 === 0xf8210001) return { kind: 'adjust', bytes: ((word & 0xfffc) << 16) >> 16 };
  if ((word & 0xffff0000) >>> 0 === 0x38210000) return { kind: 'adjust', bytes: (word << 16) >> 16 };
  if (word >>> 0 === 0xe8210000) return popEffect;
  return writesRegister(word, 1, next) ? unknownEffect : noEffect;
}
