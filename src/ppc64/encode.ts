/**
 * From a row and operand values to words: the inverse of `decode`.
 *
 * Bits that a row leaves open are 0 in the result, so `encode(decode(word))` gives the canonical word, which is `word`
 * itself except where the manual reserves a bit and the disassembler does not look at it.
 */
import { conditionsHold } from './decode.ts';
import { type Condition, type Instruction, instructionsNamed, type Operand } from './instructions.ts';
import type { CompiledPart } from './operands.ts';

/** A word and the prefix before it, while fields are put in. */
interface Draft {
  word: number;
  prefix: number;
  /** Bits of `word` that operands have set. */
  taken: number;
}

function writeParts(draft: Draft, parts: readonly CompiledPart[], value: number): void {
  let rest = value;
  for (const part of parts.toReversed()) {
    const size = 2 ** part.width;
    const bits = ((rest % size) << part.shift) >>> 0;
    const mask = (part.mask << part.shift) >>> 0;
    if (part.prefix) draft.prefix = ((draft.prefix & ~mask) | bits) >>> 0;
    else {
      draft.word = ((draft.word & ~mask) | bits) >>> 0;
      draft.taken = (draft.taken | mask) >>> 0;
    }
    rest = Math.floor(rest / size);
  }
}

function readField(word: number, parts: readonly CompiledPart[]): number {
  return parts.reduce((value, part) => (value << part.width) | ((word >>> part.shift) & part.mask), 0);
}

/** What goes into the field for an operand's value, or null where it has no place: out of range, or not a multiple. */
function fieldValue(operand: Operand, value: number): number | null {
  if (!Number.isInteger(value)) return null;
  const limit = 2 ** operand.width;
  if (operand.minuend >= 0) {
    const field = operand.minuend - value;
    return field >= 0 && field < limit ? field : null;
  }
  if (operand.zeroMeans !== 0 && value === operand.zeroMeans) return 0;
  if (operand.zeroMeans !== 0 && value === 0) return null;
  const scaled = value / 2 ** operand.scale - operand.bias;
  if (!Number.isInteger(scaled)) return null;
  const lowest = operand.signed ? -limit / 2 : 0;
  if (scaled < lowest || scaled >= lowest + limit) return null;
  return scaled < 0 ? scaled + limit : scaled;
}

function isTaken(draft: Draft, parts: readonly CompiledPart[]): boolean {
  return parts.some(part => (draft.taken & (part.mask << part.shift)) !== 0);
}

/** Sets the field that an equality or a sum leaves to be derived, such as ME of `slwi`. */
function derive(draft: Draft, { test, left, right, number }: Condition): void {
  if (test === 'equal') writeParts(draft, left, right.length > 0 ? readField(draft.word, right) : number);
  if (test !== 'sum') return;
  const [given, derived] = isTaken(draft, left) ? [left, right] : [right, left];
  const value = number - readField(draft.word, given);
  if (value >= 0) writeParts(draft, derived, value);
}

/**
 * The words of one row with these operand values (one, or prefix and suffix), or null where a value does not fit its
 * field, contradicts what the row fixes, or breaks a condition.
 */
export function encodeInstruction(instruction: Instruction, values: readonly number[]): readonly number[] | null {
  const { operands, mask, value, prefixMask, prefixValue, conditions, prefixed, index } = instruction;
  if (values.length !== operands.length) return null;
  const draft: Draft = { word: value, prefix: prefixValue, taken: 0 };
  for (const [at, operand] of operands.entries()) {
    if (operand.parts.length === 0) {
      if (values[at] !== operand.literal) return null;
      continue;
    }
    const field = fieldValue(operand, values[at] as number);
    if (field === null) return null;
    writeParts(draft, operand.parts, field);
  }
  for (const condition of conditions) derive(draft, condition);
  if ((draft.word & mask) >>> 0 !== value || (draft.prefix & prefixMask) >>> 0 !== prefixValue) return null;
  if (!conditionsHold(index, draft.word)) return null;
  return prefixed ? [draft.prefix, draft.word] : [draft.word];
}

/**
 * The words of an instruction by mnemonic and operand values in the order of its text; optional operands must be given.
 * Throws when the table has no such instruction or no row takes these values: that is a mistake of the caller.
 */
export function encode(mnemonic: string, values: readonly number[]): readonly number[] {
  for (const instruction of instructionsNamed(mnemonic)) {
    const words = encodeInstruction(instruction, values);
    if (words !== null) return words;
  }
  throw new RangeError(`no encoding of ${mnemonic} ${values.join(',')}`);
}
