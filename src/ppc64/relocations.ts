/**
 * Relocations as computations: the value that a type asks for, whether it fits, and how it is laid into the words at P.
 *
 * All of it comes from the rows of `relocation-types.ts` (the ABI) and `relocation-kernel.ts` (the module loader).
 * Addresses are 64-bit `bigint`s; differences are taken modulo 2^64 and read as signed, as hardware and kernel do.
 * Words are those of a little-endian file: the 32-bit word read at P and the one at P + 4. A `half16` therefore is the low
 * half of the first word, which on little-endian is where P itself points.
 */
import { kernelRule } from './relocation-kernel.ts';
import {
  type Overflow,
  type RelocationBase,
  type RelocationField,
  type RelocationPart,
  relocationRows,
} from './relocation-types.ts';

export interface RelocationFacts {
  readonly type: number;
  readonly name: string;
  readonly field: RelocationField;
  readonly base: RelocationBase;
  readonly part: RelocationPart;
  /** The formula in the letters of the specification, such as `#ha(S + A - .TOC.)`. */
  readonly formula: string;
  readonly overflow: Overflow;
  /** Bits that the value must fit in, before the field's own scaling; 64 where anything fits. */
  readonly bits: number;
  /** The value must be a multiple of this many bytes. */
  readonly alignment: number;
  /** Section of the ELF V2 ABI 1.5, or `GNU` for a type that only the GNU tools define. */
  readonly source: string;
}

/** The inputs of a formula. `S` is the address that counts (for REL24 to a function: its local entry), `P` the place. */
export interface RelocationInputs {
  readonly type: number;
  readonly S: bigint;
  readonly A: bigint;
  readonly P: bigint;
  /** The value of `.TOC.`. */
  readonly toc: bigint;
}

/** Why a value cannot be stored. */
export interface RelocationFinding {
  readonly rule: 'unknown type' | 'range' | 'alignment';
  readonly expected: string;
  readonly found: string;
}

interface FieldShape {
  /** Bytes that the field's unit takes at P. */
  readonly width: number;
  /** Bits of the value, counted before the low ones that the field drops. */
  readonly bits: number;
  readonly alignment: number;
}

/** Fields of section 3.5.1. `low24` and `low14` hold a byte distance without its two low bits. */
const shapes: Readonly<Record<RelocationField, FieldShape>> = {
  none: { width: 0, bits: 64, alignment: 1 },
  word64: { width: 8, bits: 64, alignment: 1 },
  word32: { width: 4, bits: 32, alignment: 1 },
  word30: { width: 4, bits: 32, alignment: 4 },
  low24: { width: 4, bits: 26, alignment: 4 },
  low14: { width: 4, bits: 16, alignment: 4 },
  half16: { width: 2, bits: 16, alignment: 1 },
  half16ds: { width: 2, bits: 16, alignment: 4 },
  half16dq: { width: 2, bits: 16, alignment: 16 },
  split16: { width: 4, bits: 16, alignment: 1 },
  prefix34: { width: 8, bits: 34, alignment: 1 },
  prefix28: { width: 8, bits: 28, alignment: 1 },
};

const partNames: Readonly<Record<RelocationPart, string>> = {
  whole: '',
  lo: '#lo',
  hi: '#hi',
  ha: '#ha',
  higher: '#higher',
  highera: '#highera',
  highest: '#highest',
  highesta: '#highesta',
  lo34: '#lo34',
  hi30: '#hi30',
  ha30: '#ha30',
  higher34: '#higher34',
  highera34: '#highera34',
  highest34: '#highest34',
  highesta34: '#highesta34',
};

function formulaText(base: RelocationBase, part: RelocationPart): string {
  if (base === 'none') return 'none';
  const text = base.startsWith('@') ? `(S + A)${base}` : base.replaceAll(/[+-]/g, sign => ` ${sign} `);
  return part === 'whole' ? text : `${partNames[part]}(${text})`;
}

const byType = new Map<number, RelocationFacts>();
const byName = new Map<string, number>();
for (const [type, name, field, base, part, overflow, source] of relocationRows) {
  const { bits, alignment } = shapes[field];
  byName.set(name, type);
  byType.set(type, {
    type,
    name,
    field,
    base,
    part,
    formula: formulaText(base, part),
    overflow,
    bits,
    alignment,
    source,
  });
}

/** The facts of a type, or undefined for a number that no specification defines. */
export function relocationFacts(type: number): RelocationFacts | undefined {
  return byType.get(type);
}

/** All types in ascending order. */
export function relocationTypes(): readonly RelocationFacts[] {
  return [...byType.values()];
}

/** `R_PPC64_REL24`, or `R_PPC64_<number>` for a type that is not defined. */
export function relocationName(type: number): string {
  return byType.get(type)?.name ?? `R_PPC64_<${type}>`;
}

/** The number of a type by its GNU name, or undefined. */
export function relocationType(name: string): number | undefined {
  return byName.get(name);
}

/** Bytes at P that the type writes; 0 for markers and for types that are not defined. */
export function fieldWidth(type: number): number {
  const facts = byType.get(type);
  return facts === undefined ? 0 : shapes[facts.field].width;
}

function baseValue(base: RelocationBase, { S, A, P, toc }: RelocationInputs): bigint | null {
  if (base === 'S+A') return BigInt.asIntN(64, S + A);
  if (base === 'S+A-P') return BigInt.asIntN(64, S + A - P);
  if (base === 'S+A-.TOC.') return BigInt.asIntN(64, S + A - toc);
  if (base === '.TOC.') return BigInt.asIntN(64, toc);
  return null;
}

/** [right shift, what is added first so that the sign of the parts below comes out right]. */
const partShifts: Readonly<Record<RelocationPart, readonly [shift: bigint, adjust: bigint]>> = {
  whole: [0n, 0n],
  lo: [0n, 0n],
  hi: [16n, 0n],
  ha: [16n, 0x8000n],
  higher: [32n, 0n],
  highera: [32n, 0x8000n],
  highest: [48n, 0n],
  highesta: [48n, 0x8000n],
  lo34: [0n, 0n],
  hi30: [34n, 0n],
  ha30: [34n, 1n << 33n],
  higher34: [34n, 0n],
  highera34: [34n, 1n << 33n],
  highest34: [50n, 0n],
  highesta34: [50n, 1n << 33n],
};

function takePart(value: bigint, part: RelocationPart): bigint {
  const [shift, adjust] = partShifts[part];
  // Only 30 or 14 bits are left above bit 34 or 50: the upper ones of the field are 0, as GNU ld stores them.
  if (shift >= 34n && shift !== 48n) return BigInt.asUintN(64, value + adjust) >> shift;
  return BigInt.asIntN(64, value + adjust) >> shift;
}

/**
 * The value that the ABI's formula gives, signed and untruncated (branches in bytes), or null where the type computes
 * nothing or needs a GOT, PLT or TLS block. The field of the value may be narrower: see `checkPsabi` and `encodeField`.
 */
export function psabiValue(inputs: RelocationInputs): bigint | null {
  const facts = byType.get(inputs.type);
  if (facts === undefined) return null;
  const base = baseValue(facts.base, inputs);
  return base === null ? null : takePart(base, facts.part);
}

/** As `psabiValue`, for the value that the kernel's loader stores; null where it stores none or refuses the type. */
export function kernelValue(inputs: RelocationInputs, pcrel = false): bigint | null {
  const rule = kernelRule(inputs.type, pcrel);
  if (rule === undefined) return null;
  const base = baseValue(rule.base, inputs);
  return base === null ? null : takePart(base, rule.part);
}

function hexadecimal(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

function rangeFinding(value: bigint, bits: number, overflow: Overflow): RelocationFinding | null {
  if (overflow === 'none' || bits >= 64) return null;
  const half = 1n << BigInt(bits - 1);
  const last = overflow === 'bitfield' ? 2n * half - 1n : half - 1n;
  if (value >= -half && value <= last) return null;
  return {
    rule: 'range',
    expected: `${hexadecimal(-half)}..${hexadecimal(last)}`,
    found: hexadecimal(value),
  };
}

function alignmentFinding(value: bigint, alignment: number): RelocationFinding | null {
  if (alignment === 1 || value % BigInt(alignment) === 0n) return null;
  return { rule: 'alignment', expected: `a multiple of ${alignment}`, found: hexadecimal(value) };
}

function unknownType(type: number): RelocationFinding {
  return { rule: 'unknown type', expected: 'a relocation type that is known here', found: relocationName(type) };
}

/** Does the ABI's value fit its field? Null when it does, or when the type has nothing to compute from these inputs. */
export function checkPsabi(inputs: RelocationInputs): RelocationFinding | null {
  const facts = byType.get(inputs.type);
  if (facts === undefined) return unknownType(inputs.type);
  const value = psabiValue(inputs);
  if (value === null) return null;
  return alignmentFinding(value, facts.alignment) ?? rangeFinding(value, facts.bits, facts.overflow);
}

/** Would the kernel's loader take it? `pcrel`: the kernel has CONFIG_PPC_KERNEL_PCREL. Null means that it would. */
export function checkKernel(inputs: RelocationInputs, pcrel = false): RelocationFinding | null {
  const rule = kernelRule(inputs.type, pcrel);
  if (rule === undefined) return unknownType(inputs.type);
  const value = baseValue(rule.base, inputs);
  if (value === null) return null;
  return (
    alignmentFinding(value, rule.alignment) ??
    (rule.signedBits === 0 ? null : rangeFinding(value, rule.signedBits, 'signed'))
  );
}
