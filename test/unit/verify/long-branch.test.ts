/** Branches that may have to go further than 32 MB, in a section so long that no island is near: here all of more than `reach` bytes. */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import type { PatchPlan } from '../../../src/plan/plan.ts';
import { makePlan } from '../../../src/rewrite/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import { BLR, LI, ModuleBuilder, NOP, refusalOf, redirect as request } from '../rewrite/support/module.ts';
import { carryOut, codes, GENERATIONS, judge, type Patched, patch, redirect } from './support/patched.ts';

const reach = 16;
const BCTR = 0x4e800420;

function judged(good: Patched, change: Partial<PatchPlan>): string[] {
  return codes(judge(carryOut(good.elf, { ...good.plan, ...change })));
}

describe.each(GENERATIONS)('sample of %s', generation => {
  const file = `${generation}/tocsin_demo.ko`;

  it.each([
    ['demo_in_range', 'demo_in_range_fixed', 'direct', 4],
    ['demo_in_range', 'demo_parity', 'direct', 4],
    ['demo_in_range', 'somewhere_else', 'frame', 4],
    ['demo_parity', 'demo_in_range_fixed', 'direct', 8],
    ['demo_parity', 'somewhere_else', 'frame', 8],
  ] as const)('%s to %s by %s: verified, proved, reverted', (from, to, strategy, count) => {
    for (const at of ['after-site', 'site'] as const) {
      const good = patch(file, { redirects: [redirect(from, to, { strategy, at })], reach });
      expect(good.plan.actions).toMatchObject([{ branch: 'long' }]);
      expect(good.plan.words).toHaveLength(count);
      expect(good.plan.words.at(-1)!.after).toBe(BCTR);
      expect(codes(judge(good))).toEqual([]);
      const places = good.plan.actions.filter(a => a.kind === 'redirect');
      const proof = new PatchProver(good.elf, undefined).prove(readElf(good.output), places);
      expect([proof.verdict, proof.functions.filter(f => f.verdict !== 'proved')]).toEqual(['proved', []]);
      expect(Buffer.compare(revert(good.output).original, good.bytes)).toBe(0);
    }
  });
});

describe('bad long branches', () => {
  const good = patch('6.1/tocsin_demo.ko', {
    redirects: [redirect('demo_in_range', 'demo_in_range_fixed')],
    reach,
  });
  const { words, addedRelocations } = good.plan;
  const word = (i: number, after: number) => words.map((w, n) => (n === i ? { ...w, after } : w));

  it('VER063, VER060: halves that do not belong together, or that nobody has', () => {
    const existing = good.elf.symbols!.find('demo_lookup');
    const other = addedRelocations.map((r, i) => (i === 0 ? { ...r, symbol: { existing } } : r));
    expect(judged(good, { addedRelocations: other })).toEqual(['VER060', 'VER063', 'VER097']);
    const off = addedRelocations.map(r => ({ ...r, addend: 8 }));
    expect(judged(good, { addedRelocations: off })).toEqual(['VER060', 'VER063', 'VER097']);
  });

  it('VER054: to somebody else', () => {
    const existing = good.elf.symbols!.find('demo_lookup');
    expect(judged(good, { addedRelocations: addedRelocations.map(r => ({ ...r, symbol: { existing } })) })).toEqual([
      'VER054',
    ]);
  });

  it('VER067: r12 is not where it goes', () => {
    // addi r11,r12; mtctr r11
    const wrong = words.map((w, n) =>
      n === 1 ? { ...w, after: 0x396c0000 } : n === 2 ? { ...w, after: 0x7d6903a6 } : w,
    );
    expect(judged(good, { words: wrong })).toEqual(['VER067']);
  });

  it('VER097: to nowhere, or on into the function', () => {
    expect(judged(good, { words: word(3, BLR) })).toContain('VER097');
    expect(judged(good, { words: word(3, NOP) })).toContain('VER097');
  });

  it('VER052: a record that names one of its words', () => {
    const atSite = patch('6.1/tocsin_demo.ko', {
      redirects: [redirect('demo_in_range', 'demo_in_range_fixed', { at: 'site' })],
      reach,
    });
    expect(judged(atSite, {})).toEqual([]);
    expect(judged(atSite, { removedRecords: [] })).toEqual(['VER052', 'VER222']);
  });
});

describe('where there is no room', () => {
  const long = [LI, LI, LI, BLR];
  const refused = (body: readonly number[], more = {}) => {
    const module = new ModuleBuilder('patchable', [
      { name: 'f', k: 3, body },
      { name: 'g' },
      { name: 'h', body: long },
    ]);
    const elf = module.elf();
    return refusalOf(() => makePlan(elf, { ...request('f', 'h', more), reach }));
  };

  it('PAT077: the function is too short', () => {
    expect(refused(long)).toBe('none');
    expect(refused([LI, BLR])).toBe('PAT077');
  });

  it('PAT008, PAT009: others know one of the words', () => {
    // beq .-8 to the word behind the first
    expect(refused([LI, LI, LI, 0x4182fff8, BLR])).toBe('PAT008');
    const module = new ModuleBuilder('patchable', [{ name: 'f', k: 3, body: long }, { name: 'g' }]);
    module.table('__ex_table', 8, [[4, 26, module.at('f').after + 8]]);
    expect(refusalOf(() => makePlan(module.elf(), { ...request('f', 'g'), reach }))).toBe('PAT009');
  });

  it('PAT013: at a global entry', () => {
    const module = new ModuleBuilder('patchable', [{ name: 'e' }, { name: 'f', k: 3, body: long }, { name: 'h' }]);
    const asked = { ...request('f', 'h', { at: 'global-entry' }), reach };
    expect(refusalOf(() => makePlan(module.elf(), asked))).toBe('PAT013');
  });
});
