/**
 * Instruction words that are written or looked for all the time, and encoders for the few instructions that generated code
 * is made of. Each encoder is plain arithmetic: it needs no table. Values are unsigned 32-bit numbers.
 */

/** ori r0,r0,0 */
export const NOP = 0x60000000;
/** blr */
export const BLR = 0x4e800020;
/** bctr */
export const BCTR = 0x4e800420;
/** bctrl */
export const BCTRL = 0x4e800421;
/** trap */
export const TRAP = 0x7fe00008;
/** mflr r0 */
export const MFLR_R0 = 0x7c0802a6;
/** mtlr r0 */
export const MTLR_R0 = 0x7c0803a6;
/** mflr r12 */
export const MFLR_R12 = 0x7d8802a6;
/** mtlr r12 */
export const MTLR_R12 = 0x7d8803a6;
/** mtctr r12 */
export const MTCTR_R12 = 0x7d8903a6;
/** std r0,16(r1): the link register's home in the caller's frame */
export const STD_R0_16_R1 = 0xf8010010;
/** ld r0,16(r1) */
export const LD_R0_16_R1 = 0xe8010010;
/** std r2,24(r1): the TOC's home in the frame of whoever calls */
export const STD_R2_24_R1 = 0xf8410018;
/** ld r2,24(r1): what the loader makes of the nop after an external call */
export const LD_R2_24_R1 = 0xe8410018;
/** ld r2,-8(r12): first half of the large model's TOC set-up */
export const LD_R2_MINUS_8_R12 = 0xe84cfff8;
/** add r2,r2,r12: its second half */
export const ADD_R2_R2_R12 = 0x7c426214;
/** addis r2,r12,0: the upper half of a TOC offset goes into the low 16 bits */
export const ADDIS_R2_R12 = 0x3c4c0000;
/** addi r2,r2,0 */
export const ADDI_R2_R2 = 0x38420000;
/** b . */
export const B = 0x48000000;
/** bl . */
export const BL = 0x48000001;
/** bcl 20,31,.+4: the next address into LR, without upsetting the branch predictor's stack of returns */
export const BCL_20_31_4 = 0x429f0005;
/** isync */
export const ISYNC = 0x4c00012c;

function dForm(primary: number, target: number, base: number, immediate: number): number {
  return ((primary << 26) | (target << 21) | (base << 16) | (immediate & 0xffff)) >>> 0;
}

function checked(value: number, low: number, high: number, step: number, what: string): number {
  if (!Number.isInteger(value) || value < low || value > high || value % step !== 0)
    throw new RangeError(`${what} ${value} is not a multiple of ${step} in ${low}..${high}`);
  return value;
}

function displacement(value: number, step: number): number {
  return checked(value, -0x8000, 0x7fff, step, 'displacement');
}

/** b .+distance, in bytes: a multiple of 4 within ±32 MB. Throws RangeError. */
export function encodeB(distance: number): number {
  return (B | (checked(distance, -0x2000000, 0x1fffffc, 4, 'branch distance') & 0x03fffffc)) >>> 0;
}

/** bl .+distance */
export function encodeBl(distance: number): number {
  return encodeB(distance) + 1;
}

/** addi rt,ra,value; with ra = 0 this is `li` */
export function encodeAddi(rt: number, ra: number, value: number): number {
  return dForm(14, rt, ra, displacement(value, 1));
}

/** addis rt,ra,value; with ra = 0 this is `lis` */
export function encodeAddis(rt: number, ra: number, value: number): number {
  return dForm(15, rt, ra, displacement(value, 1));
}

/** ld rt,offset(ra): offset in bytes, a multiple of 4 */
export function encodeLd(rt: number, offset: number, ra: number): number {
  return dForm(58, rt, ra, displacement(offset, 4));
}

/** std rs,offset(ra): offset in bytes, a multiple of 4 */
export function encodeStd(rs: number, offset: number, ra: number): number {
  return dForm(62, rs, ra, displacement(offset, 4));
}

/** stdu rs,offset(ra) */
export function encodeStdu(rs: number, offset: number, ra: number): number {
  return dForm(62, rs, ra, displacement(offset, 4)) + 1;
}

/** or rt,rs,rs: `mr rt,rs` */
export function encodeMr(rt: number, rs: number): number {
  return (0x7c000378 | (rs << 21) | (rt << 16) | (rs << 11)) >>> 0;
}

/** mflr rt */
export function encodeMflr(rt: number): number {
  return (0x7c0802a6 | (rt << 21)) >>> 0;
}

/** mtlr rs */
export function encodeMtlr(rs: number): number {
  return (0x7c0803a6 | (rs << 21)) >>> 0;
}

/** mtctr rs */
export function encodeMtctr(rs: number): number {
  return (0x7c0903a6 | (rs << 21)) >>> 0;
}

/** mfctr rt */
export function encodeMfctr(rt: number): number {
  return (0x7c0902a6 | (rt << 21)) >>> 0;
}

/** The halves that `addis` and `addi` add up to `value`: `#ha` and `#lo`, both signed. `value` fits in 32 bits, about ±2 GB. */
export function splitHighAdjusted(value: number): { readonly high: number; readonly low: number } {
  checked(value, -0x80008000, 0x7fff7fff, 1, 'offset');
  const low = ((value & 0xffff) ^ 0x8000) - 0x8000;
  return { high: (value - low) / 0x10000, low };
}
