/**
 * The prover in WebAssembly says what the one in TypeScript says, of objects that no compiler would make: random instructions of the
 * kinds that the rules are about, with tables, stubs, parts and sites at random. (What compilers make is compared in the lab, and
 * every object of the tests beside this one in `assemble.ts`.)
 */
import { describe, expect, it } from 'vitest';
import {
  CODE,
  EXTRA,
  type ExtraEdge,
  GLOBAL,
  LOCAL,
  type ProofSubject,
  SITE,
  STUB,
} from '../../../src/prove/subject.ts';
import { kindOf, payloadOf } from '../../../src/prove/values.ts';
import { Memory } from '../../../src/verify/proof/memory.ts';
import { subjectOver } from '../../../src/verify/proof/subject.ts';
import { type CoreObject, proveBothWays } from '../../support/core.ts';

const OBJECTS = 1500;
const ORIGIN = 0xc008_0000_0100_0000n;
const OUTSIDE = 0xc000_0000_0010_0000n;
/** Bytes: where data lies, which nobody writes. */
const DATA = 0x4000;
const TOC = DATA + 0x8000;
const DOUBLEWORDS = 32;

type Random = (limit: number) => number;

function randomNumbers(seed: number): Random {
  let state = seed;
  return limit => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const form = (opcode: number, t: number, a: number, low: number) =>
  ((opcode << 26) | (t << 21) | (a << 16) | (low & 0xffff)) >>> 0;
const extended = (t: number, a: number, b: number, xo: number, record = 0) =>
  ((31 << 26) | (t << 21) | (a << 16) | (b << 11) | (xo << 1) | record) >>> 0;

/** Registers that conventions are about come more often. */
function register(random: Random): number {
  const often = [0, 1, 1, 2, 2, 3, 11, 12, 12, 13, 14, 30, 31];
  return random(3) === 0 ? random(32) : often[random(often.length)]!;
}

const FRAMES = [0xf821ffa1, 0x38210060, 0x7c0802a6, 0xf8010010, 0xe8010010, 0x7c0803a6, 0x4e800020, 0xf8410018];

function instruction(random: Random, words: number, at: number): number {
  const r = () => register(random);
  const small = () => (random(40) - 16) * 8;
  const distance = () => (random(words) - at) * 4;
  switch (random(14)) {
    case 0:
    case 1:
      return FRAMES[random(FRAMES.length)]!;
    case 2:
      return form([14, 15, 24, 25][random(4)]!, r(), r(), random(2) === 0 ? small() : 0);
    case 3:
      return form([58, 62][random(2)]!, r(), r(), small() | [0, 0, 0, 1, 2][random(5)]!);
    case 4:
      return form(32 + random(24), r(), r(), small());
    case 5:
      return extended(r(), r(), r(), [444, 266, 40, 986, 341, 23, 21, 149, 181, 151, 183, 247][random(12)]!);
    case 6:
      return extended(r(), [8, 9][random(2)]!, 0, [339, 467][random(2)]!);
    case 7:
      return extended(r(), random(32), random(32), [19, 144, 0, 32][random(4)]!);
    case 8:
      return ((18 << 26) | (distance() & 0x3fffffc) | random(2)) >>> 0;
    case 9:
      return form(16, [12, 4, 16, 20, 13][random(5)]!, random(32), (distance() & 0xfffc) | (random(6) === 0 ? 1 : 0));
    case 10:
      return ((19 << 26) | (20 << 21) | ([16, 528, 560, 449][random(4)]! << 1) | random(2)) >>> 0;
    case 11:
      return [0x60000000, 0x7fe00008, 0x0fe00000, 0x44000002, 0x7d8903a6, 0x7d2903a6][random(6)]!;
    case 12:
      return form(1, random(32), random(32), random(0x10000));
    default:
      return random(2 ** 32);
  }
}

/** cmplwi r3,N · bgt · rldic r3,r3,2,30 · lwax r9,r10,r3 · add r9,r9,r10 · mtctr r9 · bctr, with r10 the table's address. */
function tableJump(random: Random, toTable: number): number[] {
  return [
    form(15, 10, 2, 0),
    form(14, 10, 10, toTable),
    form(10, 0, 3, random(6)),
    form(16, 12, 1, 8 + 4 * random(8)),
    0x78631788,
    extended(9, 10, 3, random(8) === 0 ? 23 : 341),
    extended(9, 9, 10, 266),
    0x7d2903a6,
    0x4e800420,
  ];
}

function randomObject(random: Random): CoreObject {
  const words = 24 + random(160);
  const code = new Uint32Array(DATA / 4);
  for (let i = 0; i < words; i++) code[i] = instruction(random, words, i);
  const data = new Uint8Array(8 * DOUBLEWORDS);
  const view = new DataView(data.buffer);
  const externals = [OUTSIDE, OUTSIDE + 64n, OUTSIDE + 128n];
  for (let i = 0; i < DOUBLEWORDS; i++) {
    const kind = random(4);
    if (kind === 0) view.setBigUint64(8 * i, externals[random(externals.length)]!, true);
    else if (kind === 1) view.setBigUint64(8 * i, ORIGIN + BigInt(4 * random(words)), true);
    else for (const half of [0, 4]) view.setInt32(8 * i + half, 4 * random(words) - DATA - 8 * random(4), true);
  }
  for (let i = random(3); i > 0; i--)
    code.set(tableJump(random, DATA + 8 * random(4) - TOC), random(Math.max(1, words - 12)));
  const marks = new Uint8Array(code.length + 1);
  marks.fill(CODE, 0, words);
  const stubs = random(words);
  for (let i = stubs; i < Math.min(stubs + 10, words); i++) if (random(4) > 0) marks[i]! |= STUB;
  if (random(2) === 0) for (let i = stubs + 6; i < stubs + 10; i++) if ((marks[i]! & STUB) !== 0) marks[i]! &= ~CODE;
  const starts = [...new Set(Array.from({ length: 1 + random(6) }, () => random(words - 2)))].sort((a, b) => a - b);
  const count = starts.length;
  const global = Int32Array.from(starts, s => 4 * s);
  const entryCode = Uint8Array.from(starts, () => [0, 0, 1, 2, 3][random(5)]!);
  const local = Int32Array.from(starts, (s, i) => Math.min(4 * s + (((1 << entryCode[i]!) >> 2) << 2), 4 * words - 4));
  for (const at of global) marks[at / 4]! |= GLOBAL;
  for (const at of local) marks[at / 4]! |= LOCAL;
  if (random(3) === 0) marks[random(words)]! |= SITE;
  const edges = new Map<number, ExtraEdge[]>();
  const kinds = ['also', 'next', 'instead', 'stop', 'pass', 'fixup', 'keeps', 'gives'] as const;
  for (let i = random(4); i > 0; i--) {
    const at = random(words - 1);
    const kind = kinds[random(kinds.length)]!;
    edges.set(4 * at, [{ kind, target: kind === 'keeps' || kind === 'gives' ? 2 * random(2) : 4 * random(words) }]);
    marks[at]! |= EXTRA;
  }
  const exposed = random(2) === 0;
  const memory = new Memory(
    ORIGIN,
    [
      { name: '.text', offset: 0, bytes: new Uint8Array(0), size: 4 * words, isCode: true, isConstant: true },
      { name: '.rodata', offset: DATA, bytes: data, size: data.length, isCode: false, isConstant: true },
    ],
    new Uint32Array(code.buffer.slice(0, 4 * words + 4)),
  );
  const subject: ProofSubject = subjectOver({
    memory,
    functions: {
      count,
      global,
      local,
      end: Int32Array.from(starts, (_, i) => global[i + 1] ?? 4 * words),
      part: Uint8Array.from(starts, () => (random(6) === 0 ? 1 : 0)),
      entryCode,
      assembly: Uint8Array.from(starts, () => (random(5) === 0 ? 1 : 0)),
      name: index => `f${index}`,
    },
    marks: marks.slice(0, words + 1),
    edges,
    toc: random(12) === 0 ? undefined : TOC,
    pacaToc: undefined,
    isKernel: false,
    lrIsSavedAtSite: random(2) === 0,
    isExposed: () => exposed,
    externalName: address => (externals.includes(address) ? `e${address}` : undefined),
    stubName: () => undefined,
  });
  return {
    subject: {
      ...subject,
      noReturn: value => kindOf(value) === 4 && memory.externals[payloadOf(value)] === externals[2],
    },
    origin: ORIGIN,
    sections: [
      { offset: 0, size: 4 * words, bytes: new Uint8Array(0), isConstant: true, exposes: false },
      { offset: DATA, size: data.length, bytes: data, isConstant: true, exposes: false },
    ],
    externals: externals.map((address, i) => ({ address, isEndless: i === 2 })),
    allExposed: exposed,
  };
}

describe('random objects', () => {
  it('have the same verdicts from both provers', () => {
    const random = randomNumbers(0x0bec7);
    const seen = [0, 0, 0];
    const reasons = new Set<number>();
    for (let i = 0; i < OBJECTS; i++) {
      const { prover, wrong } = proveBothWays(randomObject(random));
      expect(wrong, `object ${i}`).toEqual([]);
      for (const verdict of prover.verdict) seen[verdict]!++;
      for (const reason of prover.reason) reasons.add(reason);
    }
    // They say something only if every kind of verdict, and most reasons, come.
    for (const count of seen) expect(count).toBeGreaterThan(OBJECTS / 20);
    expect(reasons.size).toBeGreaterThan(18);
  });
});
