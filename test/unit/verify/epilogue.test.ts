/** The judge of copies that keep their caller's r2, and what it says of copies that do not. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { mergeInto } from '../../../src/cli/patch/merge.ts';
import { readElf } from '../../../src/elf/read.ts';
import type { PatchPlan } from '../../../src/plan/plan.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import { makeEpilogues } from '../../../src/rewrite/epilogue/epilogues.ts';
import { makePlan } from '../../../src/rewrite/plan.ts';
import { verifyPatched } from '../../../src/verify/verify.ts';
import { root } from '../../support/samples.ts';

const COPY = '__tocsin_epilogue_demo_in_range';
let input: { elf: ReturnType<typeof readElf>; bytes: Uint8Array };
let plan: PatchPlan;
let good: Uint8Array;

beforeAll(() => {
  const bytes = new Uint8Array(readFileSync(`${root}samples/6.1/tocsin_demo.ko`));
  const module = readElf(bytes);
  const made = makeEpilogues(module, [{ functions: '*' }]);
  const sha256 = createHash('sha256').update(made.bytes).digest('hex');
  const object = { name: 'epilogues.o', elf: readElf(made.bytes), sha256 };
  const merged = mergeInto(module, [object], new Map(), undefined);
  plan = makePlan(merged.elf, { nops: [], redirects: [], epilogues: made, merge: merged.plan });
  const before = { bytes, merged: merged.middle };
  good = applyPlan(merged.elf, plan, { toolVersion: '0', before }).bytes;
  input = { elf: merged.elf, bytes };
});

/** Codes of what is found where the words of one copy, `from` bytes on, are others. */
function codes(change: (word: number) => number | undefined, from = 0): Set<string> {
  const spoiled = good.slice();
  const elf = readElf(good);
  const symbols = elf.symbols!;
  const symbol = symbols.find(COPY);
  const section = elf.sections[symbols.sectionOf(symbol)]!;
  const start = section.sh_offset + symbols.value(symbol);
  const view = new DataView(spoiled.buffer, spoiled.byteOffset);
  for (let at = start + from; at < start + symbols.size(symbol); at += 4) {
    const word = change(view.getUint32(at, true));
    if (word === undefined) continue;
    view.setUint32(at, word, true);
    return new Set(verifyPatched(input, spoiled, plan).findings.map(f => f.code));
  }
  throw new Error('no such word');
}

it('lets what was made through', () => {
  const { ok, findings } = verifyPatched(input, good, plan);
  expect(findings.filter(f => f.level === 'error')).toEqual([]);
  expect(ok).toBe(true);
});

describe('tells', () => {
  it('that r2 is not kept', () => {
    expect(codes(word => (word === 0xf841fff8 ? 0x60000000 : undefined))).toContain('VER140');
  });
  it('that a return does not bring it back', () => {
    expect(codes(word => (word === 0xe841fff8 ? 0x60000000 : undefined))).toContain('VER144');
  });
  it('that a word is another', () => {
    expect(codes(word => (word >>> 26 === 14 && ((word >>> 16) & 31) > 2 ? word ^ 1 : undefined), 28)).toContain(
      'VER141',
    );
  });
  it('that a copy is exported on other terms', () => {
    const actions = plan.actions.map(a => (a.kind === 'epilogue' ? { ...a, gplOnly: !a.gplOnly, crc: a.crc ^ 1 } : a));
    const found = verifyPatched(input, good, { ...plan, actions }).findings.map(f => f.code);
    expect(found).toContain('VER146');
  });
  it('that the frame was not made larger', () => {
    const name =
      plan.actions.find(a => a.kind === 'epilogue' && a.function === 'demo_sum_variadic') ?? plan.actions[0]!;
    expect(name.kind).toBe('epilogue');
    const spoiled = good.slice();
    const elf = readElf(good);
    const code = elf.sectionNamed('.text.tocsin')!;
    const words = elf.sectionWords(code);
    // The first frame of a body; one of a sibling call has 48 bytes.
    const i = words.findIndex(w => (w & 0xffff0003) >>> 0 === 0xf8210001 && w !== 0xf821ffd1);
    expect(i).toBeGreaterThan(0);
    new DataView(spoiled.buffer, spoiled.byteOffset).setUint32(code.sh_offset + i * 4, words[i]! + 16, true);
    expect(verifyPatched(input, spoiled, plan).findings.map(f => f.code)).toContain('VER142');
  });
});
