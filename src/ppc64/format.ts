/**
 * Text of decoded instructions, to the letter as GNU objdump prints it with `-d -Mpower10`.
 *
 * Registers carry their letter, CR bits read `4*cr1+eq`, displacements and immediates are decimal, branch targets are
 * addresses. A mnemonic is padded to eight columns, and always followed by at least one space when there are operands.
 */
import type { Decoded, DecodedInstruction } from './decode.ts';
import type { Operand } from './instructions.ts';
import type { OperandKind } from './operands.ts';

/** Turns the target of a branch into text, such as `6c <init_module+0x6c>`. The address is unsigned. */
export type TargetFormatter = (address: bigint) => string;

const plainTarget: TargetFormatter = address => `0x${address.toString(16)}`;

const conditionBits = ['lt', 'gt', 'eq', 'so'] as const;

function conditionBit(bit: number): string {
  const name = conditionBits[bit & 3] as string;
  return bit < 4 ? name : `4*cr${bit >> 2}+${name}`;
}

const registerPrefixes: Partial<Record<OperandKind, string>> = {
  gpr: 'r',
  fpr: 'f',
  vr: 'v',
  vsr: 'vs',
  acc: 'a',
  cr: 'cr',
};

function operandText(kind: OperandKind, value: number, pc: bigint, target: TargetFormatter): string {
  const prefix = registerPrefixes[kind];
  if (prefix !== undefined) return `${prefix}${value}`;
  switch (kind) {
    case 'gpr0':
      return value === 0 ? '0' : `r${value}`;
    case 'crbit':
      return conditionBit(value);
    case 'relative':
      return target(BigInt.asUintN(64, pc + BigInt(value)));
    case 'absolute':
      // The processor extends the sign to 64 bits; objdump prints the low 32.
      return target(BigInt.asUintN(32, BigInt(value)));
    default:
      return `${value}`;
  }
}

/** Are this optional operand and all optional ones after it at the values that text leaves out? */
function omitted(operands: readonly Operand[], values: readonly number[], from: number): boolean {
  for (let at = from; at < operands.length; at++) {
    const { omittedAt } = operands[at] as Operand;
    if (omittedAt !== undefined && values[at] !== omittedAt) return false;
  }
  return true;
}

function operandsText({ instruction, values }: DecodedInstruction, pc: bigint, target: TargetFormatter): string {
  const { operands } = instruction;
  let text = '';
  for (let at = 0; at < operands.length; at++) {
    const operand = operands[at] as Operand;
    if (operand.omittedAt !== undefined && omitted(operands, values, at)) continue;
    const item = operandText(operand.kind, values[at] as number, pc, target);
    if (operand.base) text += `(${item})`;
    else text += text === '' ? item : `,${item}`;
  }
  return text;
}

/** What an operand relative to the instruction points at, as the comment that objdump adds. */
function dataTarget({ instruction, values }: DecodedInstruction, pc: bigint): string {
  const at = instruction.prefixed ? instruction.operands.findIndex(({ kind }) => kind === 'pcrel') : -1;
  return at < 0 ? '' : `\t# ${BigInt.asUintN(64, pc + BigInt(values[at] as number)).toString(16)}`;
}

/** One line. `pc` is the address of the instruction; without `target`, addresses are printed as `0x...`. */
export function formatInstruction(decoded: Decoded, pc: bigint, target: TargetFormatter = plainTarget): string {
  if (!decoded.known) return `.long 0x${decoded.word.toString(16)}`;
  const { mnemonic } = decoded.instruction;
  const text = operandsText(decoded, pc, target);
  if (text === '') return mnemonic;
  return `${mnemonic.padEnd(7)} ${text}${dataTarget(decoded, pc)}`;
}
