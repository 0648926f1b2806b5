/** Modules that branches may not reach across: here what lies in another section counts as out of reach. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../src/cli/patch/attempt.ts';
import { readElf } from '../../../src/elf/read.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import type { PatchPlan } from '../../../src/plan/plan.ts';
import type { PatchRequest } from '../../../src/rewrite/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import { farSample, REACH } from './support/far.ts';
import { carryOut, codes, GENERATIONS, judge, type Patched, patch, redirect, Spoiler } from './support/patched.ts';

const reach = REACH;

function expectGood(good: Patched): void {
  expect(judge(good).findings).toEqual([]);
  const proof = new PatchProver(good.elf, undefined).prove(readElf(good.output), good.plan.actions.flatMap(placeOf));
  expect([proof.verdict, proof.functions.filter(f => f.verdict !== 'proved')]).toEqual(['proved', []]);
  expect(Buffer.compare(revert(good.output).original, good.bytes)).toBe(0);
}

const hook = (hooked: string, name: string, when: 'before' | 'after' = 'before') => {
  return { functions: hooked, hook: name, when, at: undefined, toc: 'recomputed' } as const;
};

const islandsOf = ({ newSymbols }: PatchPlan) => newSymbols.filter(s => s.name.startsWith('__tocsin_island_'));

describe.each(GENERATIONS)('sample of %s', generation => {
  const file = farSample(generation);
  const far = (request: Partial<PatchRequest>) => patch(file, { ...request, reach });

  it.each([
    ['demo_in_range', 'far_add', 'direct', 3],
    ['demo_in_range', 'far_leaf', 'direct', 3],
    ['demo_parity', 'far_leaf', 'direct', 0],
    ['demo_in_range', 'far_add', 'frame', 3],
    ['demo_parity', 'far_add', 'frame', 3],
    ['demo_in_range', 'somewhere_else', 'frame', undefined],
    ['demo_parity', 'somewhere_else', 'frame', undefined],
  ] as const)('%s to %s by %s: verified, proved, reverted', (from, to, strategy, k) => {
    for (const at of ['after-site', 'site', 'global-entry', 'local-entry'] as const) {
      if (at === 'global-entry' && from === 'demo_parity') continue;
      const good = far({ redirects: [redirect(from, to, { strategy, at })] });
      expectGood(good);
      const kinds = new Set(islandsOf(good.plan).map(s => s.st_other >>> 5));
      const needed = k === undefined ? [] : [at === 'global-entry' ? 3 : k];
      // Callers in init code lie in another section than the trampoline.
      const more = at === 'local-entry' && from === 'demo_in_range' ? [3] : [];
      expect([...kinds].sort()).toEqual([...new Set([...needed, ...more])].sort());
      expect(good.plan.words).toHaveLength(at === 'local-entry' ? 0 : 1);
    }
  });

  it('a function with one entry goes by address to one with two, in code that lies near it', () => {
    const good = far({ redirects: [redirect('demo_parity', 'far_add', { strategy: 'direct' })] });
    expectGood(good);
    expect(good.plan.newSymbols.map(s => s.name)).toEqual(['__tocsin_direct_demo_parity']);
  });

  it('hooks', () => {
    for (const name of ['far_add', 'far_leaf', 'elsewhere', 'demo_alarm'])
      for (const when of ['before', 'after'] as const)
        for (const hooked of ['demo_in_range', 'demo_parity']) {
          const good = far({ hooks: [hook(hooked, name, when)] });
          expectGood(good);
          expect(islandsOf(good.plan)).toHaveLength(name.startsWith('far') ? 1 : 0);
        }
  });

  it('shadow redirects', () => {
    const runtime = readElf(new Uint8Array(readFileSync(new URL('../../../runtime/shadow.o', import.meta.url))));
    const module = readElf(file);
    const objects = [{ name: 'shadow.o', elf: runtime, sha256: '0'.repeat(64) }];
    const { bytes } = applyMerge(module, objects, planMerge(module, objects));
    for (const at of ['after-site', 'site', 'global-entry', 'local-entry'] as const)
      for (const to of ['elsewhere', 'far_add']) {
        const good = patch(bytes, { redirects: [redirect('demo_in_range', to, { strategy: 'shadow', at })], reach });
        expectGood(good);
        // Callers in init code lie in another section than the trampoline.
        expect(islandsOf(good.plan)).toHaveLength(at === 'local-entry' ? 1 : 0);
      }
  });

  it('calls', () => {
    for (const to of ['far_add', 'far_leaf'])
      for (const from of ['demo_lookup', 'demo_sibling']) {
        const good = far({ retargets: [{ from, call: 'demo_in_range', to }] });
        expectGood(good);
        expect(good.plan.actions).toMatchObject([{ branch: 'island' }]);
      }
    const shared = far({
      retargets: ['demo_lookup', 'demo_sibling'].map(from => ({ from, call: 'demo_in_range', to: 'far_add' })),
    });
    expectGood(shared);
    expect(islandsOf(shared.plan)).toHaveLength(1);
  });

  it('new code stands beside the section that it has to be near', () => {
    const good = far({ redirects: [redirect('demo_in_range', 'far_add')] });
    const { sections } = readElf(good.output);
    const text = sections.find(s => s.name === '.text')!;
    expect(sections[text.index + 1]!.name).toBe('.text.tocsin');
    expect(good.plan.newCode[0]!.before).toBe(text.index + 1);
    const again = patch(good.output, { redirects: [redirect('demo_lookup', 'far_add')], reach });
    expectGood(again);
    expect(readElf(again.output).sections[text.index + 1]!.name).toBe('.text.tocsin.2');
  });

  it('nothing changes where all is near', () => {
    const plan = (asked: Partial<PatchRequest>) =>
      patch(file, { redirects: [redirect('demo_in_range', 'far_add')], ...asked }).plan;
    expect(plan({ reach: 1 << 25 })).toEqual(plan({}));
    expect(plan({}).newCode).toEqual([]);
  });
});

const file = farSample('6.12');
const good = patch(file, { redirects: [redirect('demo_in_range', 'far_add')], reach });
const call = patch(file, { retargets: [{ from: 'demo_lookup', call: 'demo_in_range', to: 'far_add' }], reach });
const hooked = patch(file, { hooks: [hook('demo_in_range', 'far_add')], reach });

/** The same with other code: what a maker would write that has a bug. */
function withIsland({ elf, plan }: Patched, at: number, change: (word: number) => number, symbol?: string): string[] {
  const [code] = plan.newCode;
  const island = islandsOf(plan)[0]!.value;
  const words = code!.words.map((w, i) => (i === (island + at) / 4 ? change(w) >>> 0 : w));
  const existing = symbol === undefined ? -1 : elf.symbols!.find(symbol);
  const relocations = code!.relocations.map(r =>
    r.offset >= island + 8 && r.offset < island + 24 && existing >= 0 ? { ...r, symbol: { existing } } : r,
  );
  return codes(judge(carryOut(elf, { ...plan, newCode: [{ ...code!, words, relocations }] })));
}

const withAction = ({ elf, plan }: Patched, change: object) =>
  codes(judge(carryOut(elf, { ...plan, actions: plan.actions.map(a => ({ ...a, ...change })) } as PatchPlan)));

describe('bad islands', () => {
  it('to somebody else', () => {
    expect(withIsland(good, 8, w => w, 'demo_lookup')).toEqual(['VER068']);
    expect(withIsland(call, 8, w => w, 'demo_lookup')).toEqual(['VER093']);
    expect(withIsland(hooked, 8, w => w, 'demo_lookup')).toEqual(['VER090']);
  });

  it('to another object, whose stub would have brought r2 back', () => {
    expect(withIsland(call, 8, w => w, 'int_sqrt')).toContain('VER190');
    expect(withIsland(hooked, 8, w => w, 'int_sqrt')).toContain('VER090');
  });

  it.each([
    ['mtctr r11', 16, 0x7d6903a6],
    ['bctrl', 20, 0x4e800421],
    ['nop for the low half', 12, 0x60000000],
    ['li r3 on the way', 16, 0x38600000],
    ['blr', 20, 0x4e800020],
  ])('%s', (_, at, word) => {
    for (const spoiled of [good, call, hooked]) expect(withIsland(spoiled, at, () => word)).not.toEqual([]);
  });

  it('VER190: a plan that knows no island, or one that is not there', () => {
    expect(withAction(call, { branch: undefined })).toEqual(['VER190']);
    const near = patch(file, { retargets: [{ from: 'demo_lookup', call: 'demo_in_range', to: 'demo_parity' }] });
    expect(withAction(near, { branch: 'island' })).toEqual(['VER190']);
  });

  it('VER031, VER035: the code stands elsewhere, or symbols keep the numbers of sections that moved', () => {
    const code = good.plan.newCode[0]!;
    const moved = carryOut(good.elf, { ...good.plan, newCode: [{ ...code, before: code.before! - 1 }] });
    expect(codes(judge({ ...moved, plan: good.plan }))).toContain('VER031');
    const spoiler = new Spoiler(good.output);
    const is = spoiler.elf.symbols!.sectionOf(spoiler.symbol('init_module'));
    spoiler.setSymbolByte('init_module', 6, is - 1);
    expect(codes(judge({ ...good, output: spoiler.bytes }))).toContain('VER035');
  });
});
