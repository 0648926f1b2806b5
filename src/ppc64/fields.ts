/**
 * Named bit fields of an instruction word, in the bit numbers of the Power ISA (bit 0 is the most significant of 32).
 *
 * This file is the only place that turns the manual's numbers into shifts: everything else names fields.
 */

/** First and last bit of a field, both included, counted as the manual does. */
export type BitRange = readonly [first: number, last: number];

/** Where a field's lowest bit lies, and its mask once it has been shifted down. */
export interface FieldPosition {
  readonly shift: number;
  readonly mask: number;
  readonly width: number;
}

/** Converts the manual's bit numbers. */
export function fieldPosition([first, last]: BitRange): FieldPosition {
  const width = last - first + 1;
  return { shift: 31 - last, mask: width === 32 ? 0xffffffff : 2 ** width - 1, width };
}

/**
 * Fields by the names of the manual, and extended opcodes by the name of the form that has them (`X` for the ten bits of
 * an X-form, `XO` for the nine of an XO-form and so on). Several names may mean the same bits.
 */
export const fields: Readonly<Record<string, BitRange>> = {
  PO: [0, 5],
  RT: [6, 10],
  RS: [6, 10],
  BO: [6, 10],
  TO: [6, 10],
  BT: [6, 10],
  TH: [6, 10],
  BF: [6, 8],
  L: [10, 10],
  L2: [9, 10],
  L3: [8, 10],
  RA: [11, 15],
  BI: [11, 15],
  BA: [11, 15],
  BFA: [11, 13],
  RB: [16, 20],
  BB: [16, 20],
  SH: [16, 20],
  RC: [21, 25],
  MB: [21, 25],
  ME: [26, 30],
  BH: [19, 20],
  SR: [12, 15],
  AA: [30, 30],
  LK: [31, 31],
  Rc: [31, 31],
  OE: [21, 21],
  A: [26, 30],
  DS: [30, 31],
  DQ: [28, 31],
  DQ3: [29, 31],
  MD: [27, 29],
  MDS: [27, 30],
  VA: [26, 31],
  VC: [22, 31],
  VX: [21, 31],
  X: [21, 30],
  XO: [22, 30],
  XSO: [21, 29],
  XX2: [21, 29],
  XX3: [21, 28],
  XX4: [26, 27],
  Z22: [22, 30],
  Z23: [23, 30],
};

/** The range that a name or a pair of bit numbers such as `16:20` (or a single `31`) means; undefined for neither. */
export function bitRange(name: string): BitRange | undefined {
  const known = fields[name];
  if (known !== undefined) return known;
  const match = /^(\d+)(?::(\d+))?$/.exec(name);
  if (match === null) return undefined;
  const first = Number(match[1]);
  return [first, match[2] === undefined ? first : Number(match[2])];
}
