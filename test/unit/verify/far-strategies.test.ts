/** Modules that branches may not reach across: redirects to copies of another module, and shadow redirects on the second stack of tasks. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../src/cli/patch/attempt.ts';
import { readElf } from '../../../src/elf/read.ts';
import type { LivepatchStack } from '../../../src/kernel/knowledge/model.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import type { PatchPlan } from '../../../src/plan/plan.ts';
import { makePlan } from '../../../src/rewrite/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { assumedKernel } from '../../../src/verify/patched/assumed-kernel.ts';
import { GivenModules } from '../../../src/verify/patched/given-modules.ts';
import { PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import { root } from '../../support/samples.ts';
import { refusalOf } from '../rewrite/support/module.ts';
import { told, withCopies } from './support/copies.ts';
import { farSample, REACH } from './support/far.ts';
import { carryOut, codes, GENERATIONS, judge, type Patched, patch, redirect, sample } from './support/patched.ts';

const reach = REACH;
const PLACES = ['after-site', 'site', 'global-entry', 'local-entry'] as const;
const TOCS = ['recomputed', 'saved'] as const;

const islandsOf = ({ newSymbols }: PatchPlan) => newSymbols.filter(s => s.name.startsWith('__tocsin_island_'));

function expectGood(good: Patched, prover: PatchProver): void {
  expect(judge(good).findings).toEqual([]);
  const proof = prover.prove(readElf(good.output), good.plan.actions.flatMap(placeOf));
  expect([proof.verdict, proof.functions.filter(f => f.verdict !== 'proved')]).toEqual(['proved', []]);
  expect(Buffer.compare(revert(good.output).original, good.bytes)).toBe(0);
}

describe.each(GENERATIONS)('sample of %s', generation => {
  const file = farSample(generation);
  const fix = withCopies(sample(`${generation}/tocsin_fix.ko`));
  const given = new GivenModules([{ file: 'fix.ko', bytes: fix }], undefined);
  const cases = ['demo_in_range', 'demo_parity', 'demo_sum_ten', 'demo_sum_variadic'].flatMap(from =>
    // A function with one entry has no global one.
    PLACES.filter(at => from !== 'demo_parity' || at !== 'global-entry').map(at => ({ from, at })),
  );

  it.each(cases)('$from at $at to a copy: verified, proved, reverted', ({ from, at }) => {
    const to = from === 'demo_sum_ten' ? 'fix_sum_ten' : 'fix_in_range';
    for (const toc of TOCS) {
      const redirects = [redirect(from, to, { at, toc, strategy: 'epilogue' })];
      const good = patch(file, { redirects, reach, ...told(fix) });
      expectGood(good, new PatchProver(good.elf, undefined, given));
      // The copy is entered by its address, from code that lies beside the function.
      expect(good.plan.newCode[0]!.before).toBeDefined();
      const isFar = at === 'local-entry' && from === 'demo_in_range';
      expect(islandsOf(good.plan).length, 'callers in init code').toBe(isFar ? 1 : 0);
      const alone = new PatchProver(good.elf, undefined);
      expect(alone.prove(readElf(good.output), good.plan.actions.flatMap(placeOf)).verdict).toBe('unknown');
    }
  });

  it('auto takes the copy before a frame', () => {
    const good = patch(file, { redirects: [redirect('demo_in_range', 'fix_in_range')], reach, ...told(fix) });
    expect(good.plan.actions).toMatchObject([{ strategy: 'epilogue' }]);
    expectGood(good, new PatchProver(good.elf, undefined, given));
  });

  const STACK: LivepatchStack = { threadInfo: 2312, sp: 16, source: 'handler' };
  const stack = { threadInfo: STACK.threadInfo, sp: STACK.sp };

  it.each(PLACES)('shadow on the livepatch stack at %s', at => {
    const bytes = withCounters(file);
    for (const toc of TOCS)
      for (const to of ['elsewhere', 'far_add']) {
        const redirects = [redirect('demo_in_range', to, { strategy: 'shadow', at, toc, stack })];
        const good = patch(bytes, { redirects, reach });
        const kernel = { ...assumedKernel(readElf(good.output)), livepatchStack: STACK };
        expectGood(good, new PatchProver(good.elf, { kernel, exporterOf: () => undefined }));
        expect(good.plan.newCode[0]!.before).toBeDefined();
        expect(islandsOf(good.plan).length, 'callers in init code').toBe(at === 'local-entry' ? 1 : 0);
      }
  });
});

describe('bad ones', () => {
  const fix = withCopies(sample('6.12/tocsin_fix.ko'));
  const file = farSample('6.12');
  const redirects = [redirect('demo_in_range', 'fix_in_range', { strategy: 'epilogue', at: 'local-entry' })];
  const good = patch(file, { redirects, reach, ...told(fix) });

  /** The same plan with another target for the island. */
  function islandTo(name: string): string[] {
    const island = islandsOf(good.plan)[0]!;
    const existing = good.elf.symbols!.find(name);
    const newCode = good.plan.newCode.map((code, i) => {
      if (i !== island.code) return code;
      const relocations = code.relocations.map(r =>
        r.offset >= island.value + 8 && r.offset < island.value + 24 ? { ...r, symbol: { existing } } : r,
      );
      return { ...code, relocations };
    });
    return codes(judge(carryOut(good.elf, { ...good.plan, newCode })));
  }

  it('the island leads to somebody else', () => {
    expect(islandTo('demo_lookup')).not.toEqual([]);
    expect(islandTo('far_add')).not.toEqual([]);
  });
});

describe('where the section is so long that nothing is beside', () => {
  it('PAT013', () => {
    const fix = withCopies(sample('6.1/tocsin_fix.ko'));
    const copy = redirect('demo_sum_ten', 'fix_sum_ten', { strategy: 'epilogue', at: 'global-entry' });
    const elf = readElf(sample('6.1/tocsin_demo.ko'));
    const asked = { nops: [], reach: 16, ...told(fix) };
    expect(refusalOf(() => makePlan(elf, { ...asked, redirects: [copy] }))).toBe('PAT013');
    const counted = readElf(withCounters(sample('6.1/tocsin_demo.ko')));
    const stack = { threadInfo: 2312, sp: 16 };
    for (const at of PLACES) {
      const shadow = redirect('demo_sum_ten', 'fix_sum_ten', { strategy: 'shadow', at, stack });
      expect([at, refusalOf(() => makePlan(counted, { ...asked, redirects: [shadow] }))]).toEqual([at, 'PAT013']);
    }
  });

  it('a redirect at the call site goes to the copy by words of its own', () => {
    const fix = withCopies(sample('6.1/tocsin_fix.ko'));
    const given = new GivenModules([{ file: 'fix.ko', bytes: fix }], undefined);
    for (const from of ['demo_in_range', 'demo_parity'])
      for (const toc of TOCS)
        for (const at of ['after-site', 'site'] as const) {
          const redirects = [redirect(from, 'fix_in_range', { strategy: 'epilogue', at, toc })];
          const good = patch('6.1/tocsin_demo.ko', { redirects, reach: 16, ...told(fix) });
          expect(good.plan.actions).toMatchObject([{ branch: 'long' }]);
          expectGood(good, new PatchProver(good.elf, undefined, given));
        }
  });
});

function withCounters(file: Uint8Array): Uint8Array {
  const module = readElf(file);
  const bytes = new Uint8Array(readFileSync(`${root}runtime/shadow-stack.o`));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const objects = [{ name: 'shadow-stack.o', elf: readElf(bytes), sha256 }];
  return applyMerge(module, objects, planMerge(module, objects)).bytes;
}
