/** The constants and small encoders say the same as the instruction table. */
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ppc64/decode.ts';
import { encode } from '../../../src/ppc64/encode.ts';
import { formatInstruction } from '../../../src/ppc64/format.ts';
import * as words from '../../../src/ppc64/words.ts';

const texts: Readonly<Record<string, string>> = {
  NOP: 'nop',
  BLR: 'blr',
  BCTR: 'bctr',
  BCTRL: 'bctrl',
  TRAP: 'trap',
  MFLR_R0: 'mflr r0',
  MTLR_R0: 'mtlr r0',
  MFLR_R12: 'mflr r12',
  MTLR_R12: 'mtlr r12',
  MTCTR_R12: 'mtctr r12',
  STD_R0_16_R1: 'std r0,16(r1)',
  LD_R0_16_R1: 'ld r0,16(r1)',
  STD_R2_24_R1: 'std r2,24(r1)',
  LD_R2_24_R1: 'ld r2,24(r1)',
  LD_R2_MINUS_8_R12: 'ld r2,-8(r12)',
  ADD_R2_R2_R12: 'add r2,r2,r12',
  ADDIS_R2_R12: 'addis r2,r12,0',
  ADDI_R2_R2: 'addi r2,r2,0',
  B: 'b 0x0',
  BL: 'bl 0x0',
  BCL_20_31_4: 'bcl 20,4*cr7+so,0x4',
  ISYNC: 'isync',
};

describe('words', () => {
  it('read as their names say', () => {
    const constants = Object.entries(words).filter(([, value]) => typeof value === 'number');
    const read = constants.map(([name, word]) => [
      name,
      formatInstruction(decode(word as number), 0n).replace(/ +/, ' '),
    ]);
    expect(Object.fromEntries(read)).toEqual(texts);
  });

  it('are encoded as by the table', () => {
    expect(words.encodeB(-8)).toBe(encode('b', [-8])[0]);
    expect(words.encodeBl(0x1fffffc)).toBe(encode('bl', [0x1fffffc])[0]);
    expect(words.encodeAddi(3, 1, -32768)).toBe(encode('addi', [3, 1, -32768])[0]);
    expect(words.encodeAddis(2, 12, 32767)).toBe(encode('addis', [2, 12, 32767])[0]);
    expect(words.encodeLd(2, 24, 1)).toBe(encode('ld', [2, 24, 1])[0]);
    expect(words.encodeStd(31, -8, 1)).toBe(encode('std', [31, -8, 1])[0]);
    expect(words.encodeStdu(1, -112, 1)).toBe(encode('stdu', [1, -112, 1])[0]);
    expect(words.encodeMr(4, 3)).toBe(encode('mr', [4, 3])[0]);
    expect(words.encodeMflr(12)).toBe(encode('mflr', [12])[0]);
    expect(words.encodeMtlr(12)).toBe(encode('mtlr', [12])[0]);
    expect(words.encodeMtctr(12)).toBe(encode('mtctr', [12])[0]);
    expect(words.encodeMfctr(12)).toBe(encode('mfctr', [12])[0]);
  });

  it('refuse what does not fit', () => {
    expect(() => words.encodeB(0x2000000)).toThrow(RangeError);
    expect(() => words.encodeBl(2)).toThrow(RangeError);
    expect(() => words.encodeLd(2, 6, 1)).toThrow(RangeError);
    expect(() => words.encodeAddi(2, 1, 0x8000)).toThrow(RangeError);
  });

  it('split offsets for addis and addi', () => {
    for (const value of [0, 1, 0x7fff, 0x8000, 0xffff, -1, -0x8000, -0x8001, 0x7fff7fff, -0x80008000]) {
      const { high, low } = words.splitHighAdjusted(value);
      expect(high * 0x10000 + low).toBe(value);
      expect(Math.abs(low + 0.5)).toBeLessThanOrEqual(0x8000);
      expect(Math.abs(high + 0.5)).toBeLessThanOrEqual(0x8000);
    }
    expect(() => words.splitHighAdjusted(0x7fff8000)).toThrow(RangeError);
  });
});
