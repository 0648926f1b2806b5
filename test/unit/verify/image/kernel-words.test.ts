/** Plans of images forced onto words that the kernel rewrites or looks up, as no maker makes them. */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import { makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import { checkKernelWords } from '../../../../src/verify/image/kernel-words.ts';
import { Report } from '../../../../src/verify/verification.ts';
import { AT, branch, linkedImage } from '../../../support/linked-image.ts';

const NOP = 0x60000000;
const functions = [
  { name: 'one', words: [0x7c0802a6, branch(20, 0, true), NOP, NOP, NOP, 0x4e800020], site: 1 },
  { name: 'two', words: [NOP, 0x4e800020] },
];
/** The sixth word of `one`, and where rows lie that tell of it, with what they lead to. */
const WORD = 16 + 12;
const OTHER = 16 + 20;
const ROWS = AT.rodata + 0x20;

function judge(name: string, size: number, fields: Readonly<Record<number, number>>, change = {}) {
  const words = Object.fromEntries(
    Object.entries(fields).map(([at, to]) => [ROWS + Number(at), to - ROWS - Number(at)]),
  );
  const symbols = { [`__start_${name}`]: ROWS, [`__stop_${name}`]: ROWS + size };
  const input = readElf(linkedImage({ functions, words, symbols }));
  const plan = makeImagePlan(input, { nops: ['one'], redirects: [] });
  const forced = { section: 1, offset: WORD, before: NOP, after: branch(WORD, 0), ...change };
  const report = new Report();
  report.step('words', () => checkKernelWords(report, input, { ...plan, words: [...plan.words, forced] }));
  return report
    .finish({ checked: 0, undecided: 0, byType: {} })
    .findings.map(f => `${f.code} ${f.offset} ${/__\w+/.exec(f.message)?.[0] ?? 'tracer'}`);
}

const tables: readonly [string, number, number, number][] = [
  ['__jump_table', 16, 0, 4],
  ['__ex_table', 8, 0, 4],
];

describe.each(tables)('%s', (name, size, code, target) => {
  it('tells of its words and of where it leads, and of no others', () => {
    expect(judge(name, size, { [code]: WORD, [target]: OTHER })).toEqual([`VER288 ${WORD} ${name}`]);
    expect(judge(name, size, { [code]: OTHER, [target]: WORD })).toEqual([`VER288 ${WORD} ${name}`]);
    expect(judge(name, size, { [code]: OTHER, [target]: OTHER })).toEqual([]);
  });

  it('may lead to a call that is led elsewhere', () => {
    const change = { before: branch(WORD, 0, true), after: branch(WORD, 16, true) };
    expect(judge(name, size, { [code]: OTHER, [target]: WORD }, change)).toEqual([]);
    expect(judge(name, size, { [code]: WORD, [target]: OTHER }, change)).toEqual([`VER288 ${WORD} ${name}`]);
  });
});

it('a trap that the bug table names, and a call site whose record stays, are judged as well', () => {
  expect(judge('__bug_table', 12, { 0: WORD })).toEqual([`VER288 ${WORD} __bug_table`]);
  const input = readElf(linkedImage({ functions }));
  const plan = { ...makeImagePlan(input, { nops: ['one'], redirects: [] }), records: [] };
  const report = new Report();
  report.step('words', () => checkKernelWords(report, input, plan));
  expect(report.finish({ checked: 0, undecided: 0, byType: {} }).findings.map(f => f.code)).toEqual(['VER288']);
});

describe.each([
  ['__ftr_fixup', 48],
  ['__lwsync_fixup', 8],
])('%s', (name, size) => {
  /** @param from @param to what the row is about @param other where the words stand that may take the place */
  const judgeRow = (from: number, to: number, other: number) => {
    const fields = size === 8 ? { 0: from } : { 16: from, 24: to, 32: other, 40: other + 4 };
    const words = Object.fromEntries(
      Object.entries(fields).flatMap(([at, place]) => {
        const distance = place - AT.fixups;
        return [
          [AT.fixups + Number(at), distance],
          [AT.fixups + Number(at) + 4, distance < 0 ? -1 : 0],
        ];
      }),
    );
    const input = readElf(linkedImage({ functions, words, fixups: { name, size } }));
    const forced = { section: 1, offset: WORD, before: NOP, after: branch(WORD, 0) };
    const plan = makeImagePlan(input, { nops: ['one'], redirects: [] });
    const report = new Report();
    report.step('words', () => checkKernelWords(report, input, { ...plan, words: [...plan.words, forced] }));
    const { findings } = report.finish({ checked: 0, undecided: 0, byType: {} });
    return findings.map(f => `${f.code} ${f.offset} ${/__\w+/.exec(f.message)?.[0]}`);
  };

  it('tells of all words that it is about, and of no others', () => {
    expect(judgeRow(WORD, WORD + 4, OTHER)).toEqual([`VER288 ${WORD} ${name}`]);
    expect(judgeRow(OTHER, OTHER + 4, OTHER)).toEqual([]);
    if (size === 8) return;
    expect(judgeRow(WORD - 4, WORD + 4, OTHER)).toEqual([`VER288 ${WORD} ${name}`]);
    expect(judgeRow(WORD - 4, WORD, OTHER)).toEqual([]);
    expect(judgeRow(OTHER, OTHER + 4, WORD)).toEqual([`VER288 ${WORD} ${name}`]);
  });
});
