/**
 * The operands that rows of the instruction tables name, and how each is laid out and printed.
 *
 * A row's operand list is written as in assembly, `RT,D(RA0)`, with four marks:
 *
 * - `RA*`: the register is written (RT, FRT, VRT and XT are so without the mark, and every other one is read);
 * - `RA^`: the register is read and written, as the base of an update form;
 * - `BF?`: left out of the text when it and all marked operands after it are 0 (`TH?8`: are 8), as GNU objdump does;
 * - `31-ME`: the operand is 31 minus the field, as in `clrrwi`;
 * - `U12:15`, `S11:15`: an unsigned or signed number in bits that the manual gives no name of their own;
 * - `#2`: always the number 2, which the pattern implies.
 */
import { type BitRange, type FieldPosition, fieldPosition } from './fields.ts';

/**
 * How a value is printed. `gpr0` is the manual's (RA|0): register 0 stands for the number 0. `relative` and `absolute` are
 * branch targets; `pcrel` is a distance of data from the instruction.
 */
export type OperandKind =
  | 'gpr'
  | 'gpr0'
  | 'fpr'
  | 'vr'
  | 'vsr'
  | 'acc'
  | 'cr'
  | 'crbit'
  | 'signed'
  | 'unsigned'
  | 'pcrel'
  | 'relative'
  | 'absolute';

export interface OperandSpec {
  readonly kind: OperandKind;
  /** Parts of the value, most significant first, in the instruction word (of a prefixed instruction: the second word). */
  readonly parts: readonly BitRange[];
  /** Parts in the prefix word; they come before all others. */
  readonly prefixParts?: readonly BitRange[];
  /** The value is the field times 2^scale. */
  readonly scale?: number;
  /** A field of 0 stands for this value. */
  readonly zeroMeans?: number;
  /** Exactly one bit must be set, else the word is no instruction. */
  readonly oneBit?: boolean;
  /** Added to the value once the sign is extended, before scaling. */
  readonly bias?: number;
}

const ra: BitRange = [11, 15];
const rb: BitRange = [16, 20];
const rt: BitRange = [6, 10];
const rc: BitRange = [21, 25];

function one(kind: OperandKind, part: BitRange, scale?: number): OperandSpec {
  return scale === undefined ? { kind, parts: [part] } : { kind, parts: [part], scale };
}

/** By name. Names are the manual's, with a suffix where one name means several things. */
export const operandSpecs: Readonly<Record<string, OperandSpec>> = {
  RT: one('gpr', rt),
  RS: one('gpr', rt),
  RTp: one('gpr', [6, 9], 1),
  RSp: one('gpr', [6, 9], 1),
  RT0: one('gpr0', rt),
  RA: one('gpr', ra),
  RA0: one('gpr0', ra),
  RB: one('gpr', rb),
  RB0: one('gpr0', rb),
  RC: one('gpr', rc),
  FRT: one('fpr', rt),
  FRS: one('fpr', rt),
  FRA: one('fpr', ra),
  FRB: one('fpr', rb),
  FRC: one('fpr', rc),
  VRT: one('vr', rt),
  VRS: one('vr', rt),
  VRA: one('vr', ra),
  VRB: one('vr', rb),
  VRC: one('vr', rc),
  XT: {
    kind: 'vsr',
    parts: [
      [31, 31],
      [6, 10],
    ],
  },
  XS: {
    kind: 'vsr',
    parts: [
      [31, 31],
      [6, 10],
    ],
  },
  XTQ: {
    kind: 'vsr',
    parts: [
      [28, 28],
      [6, 10],
    ],
  },
  XSQ: {
    kind: 'vsr',
    parts: [
      [28, 28],
      [6, 10],
    ],
  },
  XT5: {
    kind: 'vsr',
    parts: [
      [5, 5],
      [6, 10],
    ],
  },
  XTD: {
    kind: 'vsr',
    parts: [
      [15, 15],
      [6, 10],
    ],
  },
  XTP: {
    kind: 'vsr',
    parts: [
      [10, 10],
      [6, 9],
    ],
    scale: 1,
  },
  XA: {
    kind: 'vsr',
    parts: [
      [29, 29],
      [11, 15],
    ],
  },
  XB: {
    kind: 'vsr',
    parts: [
      [30, 30],
      [16, 20],
    ],
  },
  XC: {
    kind: 'vsr',
    parts: [
      [28, 28],
      [21, 25],
    ],
  },
  AT: one('acc', [6, 8]),
  BF: one('cr', [6, 8]),
  BFA: one('cr', [11, 13]),
  BFI: one('cr', [11, 13]),
  BFC: one('cr', [21, 23]),
  BT: one('crbit', rt),
  BA: one('crbit', ra),
  BB: one('crbit', rb),
  BI: one('crbit', ra),
  BC: one('crbit', rc),
  BO: one('unsigned', rt),
  TO: one('unsigned', rt),
  TH: one('unsigned', rt),
  BH: one('unsigned', [19, 20]),
  U5: one('unsigned', rt),
  L: one('unsigned', [10, 10]),
  L2: one('unsigned', [9, 10]),
  L3: one('unsigned', [8, 10]),
  L15: one('unsigned', [15, 15]),
  R14: one('unsigned', [14, 14]),
  R15: one('unsigned', [15, 15]),
  PL: one('unsigned', [14, 15]),
  SC2: one('unsigned', [14, 15]),
  RIC: one('unsigned', [12, 13]),
  PRS: one('unsigned', [14, 14]),
  IH: one('unsigned', [8, 10]),
  SR: one('unsigned', [12, 15]),
  SH: one('unsigned', rb),
  NB: one('unsigned', rb),
  MB: one('unsigned', rc),
  ME: one('unsigned', [26, 30]),
  SH6: {
    kind: 'unsigned',
    parts: [
      [30, 30],
      [16, 20],
    ],
  },
  MB6: {
    kind: 'unsigned',
    parts: [
      [26, 26],
      [21, 25],
    ],
  },
  D: one('signed', [16, 31]),
  SI: one('signed', [16, 31]),
  UI: one('unsigned', [16, 31]),
  SIS: one('signed', [16, 31]),
  DS: one('signed', [16, 29], 2),
  DQ: one('signed', [16, 27], 4),
  DX: {
    kind: 'signed',
    parts: [
      [16, 25],
      [11, 15],
      [31, 31],
    ],
  },
  DHASH: {
    kind: 'unsigned',
    parts: [
      [31, 31],
      [6, 10],
    ],
    scale: 3,
    bias: -64,
  },
  D34: { kind: 'signed', parts: [[16, 31]], prefixParts: [[14, 31]] },
  SI34: { kind: 'signed', parts: [[16, 31]], prefixParts: [[14, 31]] },
  P34: { kind: 'pcrel', parts: [[16, 31]], prefixParts: [[14, 31]] },
  IMM32: { kind: 'unsigned', parts: [[16, 31]], prefixParts: [[16, 31]] },
  IMM8: { kind: 'unsigned', parts: [], prefixParts: [[24, 31]] },
  UIM3: { kind: 'unsigned', parts: [], prefixParts: [[29, 31]] },
  XS5: {
    kind: 'vsr',
    parts: [
      [5, 5],
      [6, 10],
    ],
  },
  FRTp: one('fpr', [6, 9], 1),
  FRAp: one('fpr', [11, 14], 1),
  FRBp: one('fpr', [16, 19], 1),
  DCMX: {
    kind: 'unsigned',
    parts: [
      [25, 25],
      [29, 29],
      [11, 15],
    ],
  },
  BD: one('relative', [16, 29], 2),
  BDA: one('absolute', [16, 29], 2),
  LI: one('relative', [6, 29], 2),
  LIA: one('absolute', [6, 29], 2),
  LEV: one('unsigned', [20, 26]),
  FXM: one('unsigned', [12, 19]),
  SPR: {
    kind: 'unsigned',
    parts: [
      [16, 20],
      [11, 15],
    ],
  },
  BHRBE: one('unsigned', [11, 20]),
  SIM: one('signed', ra),
  UIM: one('unsigned', ra),
  SIM5: one('signed', rb),
  FC: one('unsigned', rb),
  EH: one('unsigned', [31, 31]),
  CY: one('unsigned', [21, 22]),
  CT: one('unsigned', [7, 10]),
  STRM: one('unsigned', [9, 10]),
  S: one('unsigned', [20, 20]),
  R10: one('unsigned', [10, 10]),
  FXM1: { ...one('unsigned', [12, 19]), oneBit: true },
  NB32: { ...one('unsigned', rb), zeroMeans: 32 },
  XSP: {
    kind: 'vsr',
    parts: [
      [10, 10],
      [6, 9],
    ],
    scale: 1,
  },
};

/** A field's bits and how to move between it and the words; offsets are those of the least significant bit. */
export interface CompiledPart extends FieldPosition {
  /** In the prefix word. */
  readonly prefix: boolean;
}

/** Numbers and distances with a sign are sign-extended; the rest are not. */
export function isSigned(kind: OperandKind): boolean {
  return kind === 'signed' || kind === 'relative' || kind === 'absolute' || kind === 'pcrel';
}

/** Parts with shifts, most significant first. */
export function compileParts(spec: OperandSpec): readonly CompiledPart[] {
  return [
    ...(spec.prefixParts ?? []).map(part => ({ ...fieldPosition(part), prefix: true })),
    ...spec.parts.map(part => ({ ...fieldPosition(part), prefix: false })),
  ];
}
