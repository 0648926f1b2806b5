import { describe, expect, it } from 'vitest';
import {
  allRegisters,
  memoryAccess,
  readsRegister,
  registersRead,
  registersWritten,
  stackEffect,
  writesRegister,
} from '../../../src/ppc64/registers.ts';

/** The numbers of the bits that are set. */
function list(mask: number): readonly number[] {
  return Array.from({ length: 32 }, (_, n) => n).filter(n => (mask >>> n) & 1);
}

/** [text, words, read, written] */
const cases: readonly [string, readonly [number, number?], readonly number[], readonly number[]][] = [
  ['nop', [0x60000000], [], []],
  ['li r3,0', [0x38600000], [], [3]],
  ['addi r3,r1,16', [0x38610010], [1], [3]],
  ['addis r2,r12,1', [0x3c4c0001], [12], [2]],
  ['add r2,r2,r12', [0x7c426214], [2, 12], [2]],
  ['mr r4,r3', [0x7c641b78], [3], [4]],
  ['and r4,r3,r5', [0x7c642838], [3, 5], [4]],
  ['rldimi r4,r3,8,0', [0x7864400c], [3, 4], [4]],
  ['sldi r4,r3,8', [0x786445e4], [3], [4]],
  ['cmpdi r3,0', [0x2c230000], [3], []],
  ['ld r2,24(r1)', [0xe8410018], [1], [2]],
  ['std r2,24(r1)', [0xf8410018], [1, 2], []],
  ['stdu r1,-112(r1)', [0xf821ff91], [1], [1]],
  ['lwzu r4,4(r3)', [0x84830004], [3], [3, 4]],
  ['ldx r4,0,r3', [0x7c80182a], [3], [4]],
  ['stdux r1,r1,r0', [0x7c21016a], [0, 1], [1]],
  ['lmw r29,0(r1)', [0xbba10000], [1], [29, 30, 31]],
  ['stmw r30,0(r1)', [0xbfc10000], [1, 30, 31], []],
  ['lq r4,0(r3)', [0xe0830000], [3], [4, 5]],
  ['stq r4,0(r3)', [0xf8830002], [3, 4, 5], []],
  ['lwat r3,r4,0', [0x7c64048c], [4, 5], [3]],
  ['lswi r30,r3,12', [0x7fc364aa], [3], [0, 30, 31]],
  ['mflr r0', [0x7c0802a6], [], [0]],
  ['mtctr r12', [0x7d8903a6], [12], []],
  ['stdcx. r4,0,r3', [0x7c8019ad], [3, 4], []],
  ['isel r3,0,r5,so', [0x7c6028de], [5], [3]],
  ['lfd f1,8(r3)', [0xc8230008], [3], []],
  ['mffprd r3,f1', [0x7c230066], [], [3]],
  ['mtfprd f1,r3', [0x7c230166], [3], []],
  ['bl .+8', [0x48000009], [], []],
  ['pld r3,16', [0x04100000, 0xe4600010], [], [3]],
  ['paddi r3,r4,1', [0x06000000, 0x38640001], [4], [3]],
];

describe('registers', () => {
  it.each(cases)('%s', (_, [word, next], read, written) => {
    expect(list(registersRead(word, next))).toEqual(read);
    expect(list(registersWritten(word, next))).toEqual(written);
  });

  it('are all of them for an unknown word', () => {
    expect(registersWritten(0)).toBe(allRegisters);
    expect(writesRegister(0, 2)).toBe(true);
    expect(readsRegister(0x04100000, 7)).toBe(true);
    expect(writesRegister(0x60000000, 2)).toBe(false);
  });
});

describe('memory accesses', () => {
  it('have a base, a displacement and a size', () => {
    expect(memoryAccess(0xf8410018)).toEqual({ kind: 'store', base: 1, displacement: 24, size: 8, updates: false });
    expect(memoryAccess(0xf821ff91)).toEqual({ kind: 'store', base: 1, displacement: -112, size: 8, updates: true });
    expect(memoryAccess(0x84830004)).toEqual({ kind: 'load', base: 3, displacement: 4, size: 4, updates: true });
    expect(memoryAccess(0x7c80182a)).toEqual({
      kind: 'load',
      base: undefined,
      displacement: undefined,
      size: 8,
      updates: false,
    });
    expect(memoryAccess(0xbba10000)).toMatchObject({ kind: 'load', size: undefined });
    expect(memoryAccess(0x04100000, 0xe4600010)).toEqual({
      kind: 'load',
      base: undefined,
      displacement: 16,
      size: 8,
      updates: false,
    });
    expect(memoryAccess(0x38610010)).toBeUndefined();
    expect(memoryAccess(0)).toBeUndefined();
  });
});

describe('stack effects', () => {
  it('are what frames are made of', () => {
    expect(stackEffect(0xf821ff91)).toEqual({ kind: 'adjust', bytes: -112 });
    expect(stackEffect(0x38210070)).toEqual({ kind: 'adjust', bytes: 112 });
    expect(stackEffect(0xe8210000)).toEqual({ kind: 'pop' });
    expect(stackEffect(0x7c21016a)).toEqual({ kind: 'unknown' });
    expect(stackEffect(0x7fe1fb78)).toEqual({ kind: 'unknown' });
    expect(stackEffect(0x7c3f0b78)).toEqual({ kind: 'none' });
    expect(stackEffect(0)).toEqual({ kind: 'unknown' });
  });
});
