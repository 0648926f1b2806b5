/**
 * What instructions read and write of the registers that a callee may change (ABI 2.2.1.1), as masks:
 *
 *     0, 3 to 12   r0, r3 to r12
 *     16 to 23     CR0 to CR7, of which CR2 to CR4 are kept
 *     24           CA and OV of XER
 *     25           all floating-point, vector and vector-scalar registers that may change, together
 *     31           CTR
 *
 * What is read is never less than the instruction reads; what is written never more than it writes as a whole, so nothing ever writes 25.
 */
import { isPrefix, opcodeIndex, operandValue, prefixedIndex } from '../../ppc64/decode.ts';
import { type Instruction, instructions, type Operand } from '../../ppc64/instructions.ts';
import { registersRead, registersWritten } from '../../ppc64/registers.ts';

const GENERAL = 1 | 0x1ff8;
/** r3 and r4. */
export const RESULTS = 0x18;
const XER = 1 << 24;
const VECTOR = 1 << 25;
const CTR = 1 << 31;
const ALL_CR = 0b1110_0011 << 16;
/** All of them but results. */
export const VOLATILE = ((GENERAL & ~RESULTS) | ALL_CR | XER | VECTOR | CTR) >>> 0;
/** r12. */
export const R12 = 1 << 12;
/** What a caller passes nothing in: all but arguments (ABI 2.2.3), and vector and floating-point registers, which no code of a patch touches. */
export const TAKEN = (1 | (1 << 11) | R12 | ALL_CR | XER | CTR) >>> 0;

const crField = (field: number) => (1 << (16 + field)) & ALL_CR;

const BRANCH_CONDITIONAL = 16;
const XL_FORM = 19;
const BCLR = 16;
const BCCTR = 528;
const BCTAR = 560;
const SPR_XER = 1;
const SPR_CTR = 9;
const CARRIES_IN = /^(adde|addze|addme|subfe|subfze|subfme|addex|mcrxrx)/;
const CARRIES_OUT = /^(addc|addic|subfc|subfic|adde|addze|addme|subfe|subfze|subfme|sra[wd]i?)o?\.?$/;

/** @param next the word behind it */
export function readBy(word: number, next = 0): number {
  const opcode = word >>> 26;
  const xo = (word >>> 1) & 0x3ff;
  const [s, a, b] = [(word >>> 21) & 31, (word >>> 16) & 31, (word >>> 11) & 31];
  if (opcode === BRANCH_CONDITIONAL || (opcode === XL_FORM && (xo === BCLR || xo === BCTAR))) return conditionOf(word);
  if (opcode === XL_FORM && xo === BCCTR) return conditionOf(word) | CTR;
  if (opcode === 31) {
    if (isSpecial(word, 339, SPR_CTR)) return CTR;
    if (isSpecial(word, 339, SPR_XER)) return XER;
    if (xo === 19) return isOneField(word) ? fieldsOf(word) : ALL_CR;
    // `or x,x,x` says how urgent a thread is; `xor x,y,y` and `subf x,y,y` make 0, `subfe x,y,y` 0 or -1 of the carry.
    if (xo === 444 && s === a && s === b) return 0;
    if (xo === 316 && s === b) return 0;
    if ([8, 40, 136].includes(xo & 0x1ff) && a === b) return (xo & 0x1ff) === 136 ? XER : 0;
  }
  let read = registersRead(word, next) & GENERAL;
  const row = rowOf(word, next);
  if (row === undefined) return read;
  if (CARRIES_IN.test(row.mnemonic)) read |= XER;
  for (const operand of row.operands) {
    const value = numberIn(operand, word, next);
    // Some add to what their target holds, or keep a part of it.
    if (isVolatileVector(operand, value) && (operand.access !== 'write' || !isPlainLoad(row.mnemonic))) read |= VECTOR;
    if (operand.access === 'write') continue;
    if (operand.kind === 'cr') read |= crField(value);
    else if (operand.kind === 'crbit') read |= crField(value >> 2);
  }
  return read;
}

/** @param next the word behind it */
export function writtenBy(word: number, next = 0): number {
  const opcode = word >>> 26;
  if (isSpecial(word, 467, SPR_CTR)) return CTR;
  if (isSpecial(word, 467, SPR_XER)) return XER;
  if (opcode === 31 && ((word >>> 1) & 0x3ff) === 144) return fieldsOf(word);
  const row = rowOf(word, next);
  if (row === undefined) return 0;
  let written = registersWritten(word, next) & GENERAL;
  if (row.mnemonic.endsWith('.') && [13, 20, 21, 23, 28, 29, 30, 31].includes(opcode)) written |= crField(0);
  if (CARRIES_OUT.test(row.mnemonic)) written |= XER;
  for (const operand of row.operands)
    if (operand.kind === 'cr' && operand.access === 'write') written |= crField(numberIn(operand, word, next));
  return written;
}

/** The first of them: `r10`, `CR7`, `CTR`. */
export function nameOf(registers: number): string {
  const n = 31 - Math.clz32(registers & -registers);
  if (n < 16) return `r${n}`;
  if (n < 24) return `CR${n - 16}`;
  return new Map([
    [24, 'XER'],
    [25, 'vector or floating-point registers'],
    [31, 'CTR'],
  ]).get(n)!;
}

function rowOf(word: number, next: number): Instruction | undefined {
  return instructions()[isPrefix(word) ? prefixedIndex(word, next) : opcodeIndex(word)];
}

function numberIn(operand: Operand, word: number, next: number): number {
  return isPrefix(word) ? operandValue(operand, next, word) : operandValue(operand, word);
}

/** Loads write all of their target. */
function isPlainLoad(mnemonic: string): boolean {
  return /^p?l/.test(mnemonic);
}

function isVolatileVector({ kind }: Operand, value: number): boolean {
  if (kind === 'fpr') return value < 14;
  if (kind === 'vr') return value < 20;
  // Of vs14 to vs31 a callee keeps a half.
  return kind === 'acc' || (kind === 'vsr' && value < 52);
}

/** What a conditional branch looks at: its field of CR, and CTR where it counts. */
function conditionOf(word: number): number {
  const [bo, bi] = [(word >>> 21) & 31, (word >>> 16) & 31];
  return ((bo & 16) === 0 ? crField(bi >> 2) : 0) | ((bo & 4) === 0 ? CTR : 0);
}

/** mfspr (339) or mtspr (467) of a special register. */
function isSpecial(word: number, xo: number, spr: number): boolean {
  return (word & 0xfc1fffff) >>> 0 === ((31 << 26) | (spr << 16) | (xo << 1)) >>> 0;
}

/** mfocrf and mtocrf, not mfcr and mtcrf. */
function isOneField(word: number): boolean {
  return (word & 0x00100000) !== 0;
}

/** FXM of mtcrf, mtocrf and mfocrf. */
function fieldsOf(word: number): number {
  let fields = 0;
  for (let field = 0; field < 8; field++) if (((word >>> (19 - field)) & 1) === 1) fields |= crField(field);
  return fields;
}
