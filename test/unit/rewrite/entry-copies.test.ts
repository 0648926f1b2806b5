/** Copies of r1 at entry, as a `va_list` begins in 6.1: maker and judge, each in its way, let arguments be read by them and nothing else. */
import { describe, expect, it } from 'vitest';
import { checkEntryCopies, isEntryCopy } from '../../../src/rewrite/epilogue/entry-copies.ts';
import { frameDepths, Unfollowed } from '../../../src/rewrite/epilogue/frame.ts';
import { copyOfStackPointer, wrongUse } from '../../../src/verify/epilogue-pointers.ts';

const MR9 = 0x7c290b78;
const NOP = 0x60000000;
const BLR = 0x4e800020;
const BL = 0x48000001;
const LD_ARGUMENT = 0xe8c90028; // ld 6,40(9)
const STEP = 0x39290028; // addi 9,9,40
const CLEAR = 0x39200000; // li 9,0
const MAKE = 0xf821ffd1; // stdu 1,-48(1)
const END = 0x38210030; // addi 1,1,48

function makerRefuses(list: readonly number[]): boolean {
  const words = Uint32Array.from(list);
  const body = { words, start: 0, end: words.length * 4, sideways: () => [], leaves: () => false };
  try {
    checkEntryCopies(body, frameDepths(body));
    return false;
  } catch (error) {
    if (error instanceof Unfollowed) return true;
    throw error;
  }
}

function judgeRefuses(list: readonly number[]): boolean {
  const words = Uint32Array.from(list);
  const depths = frameDepths({ words, start: 0, end: words.length * 4, sideways: () => [], leaves: () => false });
  const after = (at: number): readonly number[] | undefined => {
    const word = words[at / 4]!;
    const opcode = word >>> 26;
    if (opcode === 19 || (opcode === 18 && (word & 1) !== 0)) return undefined;
    if (opcode === 16) return [at + 4, at + (((word & 0xfffc) << 16) >> 16)];
    return [at + 4];
  };
  return list.some(
    (word, i) =>
      depths[i] === 0 && copyOfStackPointer(word) !== undefined && wrongUse({ words, after }, i * 4) !== undefined,
  );
}

const verdicts = (list: readonly number[]) => [makerRefuses(list), judgeRefuses(list)];

it('knows such a copy', () => {
  expect([isEntryCopy(MR9, 0), isEntryCopy(MR9, 48), copyOfStackPointer(MR9)]).toEqual([true, false, 9]);
  for (const word of [0x7c210b78, 0x7c290b79, 0x7c290378, 0x7c690b78, 0x7c290a14])
    expect([isEntryCopy(word, 0), copyOfStackPointer(word)]).toEqual([false, undefined]);
});

describe('lets through', () => {
  it.each([
    ['what 6.1 makes of va_arg', [MR9, LD_ARGUMENT, STEP, 0xe8c90009, BLR]],
    ['a register that is written before anything else', [MR9, CLEAR, 0xe8c90008, BLR]],
    ['arguments that are stored to, and a use behind a frame that is made', [MR9, 0xf8a90028, MAKE, STEP, END, BLR]],
    ['an argument that is loaded into the register itself', [MR9, 0xe9290028, BL, BLR]],
    ['two paths', [MR9, 0x41820008, LD_ARGUMENT, STEP, BLR]],
  ])('%s', (_, list) => expect(verdicts(list)).toEqual([false, false]));
});

describe('refuses', () => {
  it.each([
    ['the header of the caller', [MR9, 0xe8c90010, STEP, BLR]],
    ['what lies below', [MR9, 0xe8c9fff8, STEP, BLR]],
    ['a pointer below the arguments', [MR9, 0x39290018, BLR]],
    ['a store of the register', [MR9, 0xf9250028, STEP, BLR]],
    ['a store of it where it points to', [MR9, 0xf9290028, STEP, BLR]],
    ['a sum', [MR9, 0x7cc92a14, STEP, BLR]],
    ['an index', [MR9, 0x7cc9282a, STEP, BLR]],
    ['a copy of the copy', [MR9, 0x7d234b78, STEP, BLR]],
    ['a call that may see it', [MR9, BL, STEP, BLR]],
    ['a return that may give it', [MR9, NOP, BLR]],
    ['one path of two', [MR9, 0x41820008, STEP, 0xe8c90008, CLEAR, BLR]],
    ['a loop', [MR9, 0xe8c90028, 0x4082fffc, BLR]],
  ])('%s', (_, list) => expect(verdicts(list)).toEqual([true, true]));
});

it('both say the same of any words', () => {
  const pool = [
    MR9,
    NOP,
    LD_ARGUMENT,
    STEP,
    CLEAR,
    BL,
    0xe8c90008,
    0xf8a90028,
    0xf9250028,
    0x41820008,
    0x4082fff8,
    BLR,
  ];
  let seed = 1;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const found = [0, 0];
  for (let round = 0; round < 4000; round++) {
    const list = [NOP, NOP, ...Array.from({ length: 3 + random(5) }, () => pool[random(pool.length)]!), BLR, BLR, BLR];
    const [maker, judge] = verdicts(list);
    expect([list.map(w => w.toString(16)), judge]).toEqual([list.map(w => w.toString(16)), maker]);
    found[maker ? 1 : 0]!++;
  }
  expect(Math.min(...found)).toBeGreaterThan(500);
});
