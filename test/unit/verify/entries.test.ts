/** Redirects for some callers only: proved as the maker leaves them, and bad ones do not get through. */
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../src/cli/patch/attempt.ts';
import { readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import type { PatchPlan, PlannedRedirect } from '../../../src/plan/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import {
  carryOut,
  codes,
  GENERATIONS,
  judge,
  type Patched,
  patch,
  redirect,
  Spoiler,
  sample,
} from './support/patched.ts';

const MODULE = '6.1/tocsin_demo.ko';
const MTLR_R0 = 0x7c0803a6;

function judged(good: Patched, change: Partial<PatchPlan>): string[] {
  return codes(judge(carryOut(good.elf, { ...good.plan, ...change })));
}

const only = ({ plan }: Patched) => plan.actions[0] as PlannedRedirect;

function verdict(good: Patched): readonly (string | undefined)[] {
  const proof = new PatchProver(good.elf, undefined).prove(readElf(good.output), good.plan.actions.flatMap(placeOf));
  return [proof.verdict, proof.functions.find(f => f.verdict !== 'proved')?.function];
}

describe.each(GENERATIONS)('some callers only, sample of %s', generation => {
  const file = `${generation}/tocsin_demo.ko`;

  it.each([
    ['demo_in_range', 'demo_in_range_fixed', 'global-entry', 'direct'],
    ['demo_in_range', 'demo_parity', 'global-entry', 'direct'],
    ['demo_in_range', 'demo_in_range_fixed', 'local-entry', 'direct'],
    ['demo_parity', 'demo_in_range_fixed', 'local-entry', 'direct'],
    ['demo_in_range', 'somewhere_else', 'global-entry', 'frame'],
    ['demo_in_range', 'somewhere_else', 'local-entry', 'frame'],
    ['demo_parity', 'somewhere_else', 'local-entry', 'frame'],
  ] as const)('%s to %s at %s by %s: verified, proved, reverted', (from, to, at, strategy) => {
    for (const toc of ['recomputed', 'saved'] as const) {
      const good = patch(file, { redirects: [redirect(from, to, { at, toc, strategy })] });
      expect(codes(judge(good))).toEqual([]);
      expect(verdict(good)).toEqual(['proved', undefined]);
      expect(Buffer.compare(revert(good.output).original, good.bytes)).toBe(0);
    }
  });
});

describe('at the global entry', () => {
  const at = 'global-entry' as const;
  const direct = patch(MODULE, { redirects: [redirect('demo_in_range', 'demo_parity', { at })] });
  const [added] = direct.plan.addedRelocations;

  it('VER056: r2 is anybody’s there, so no branch leads straight to a function that needs it', () => {
    const existing = direct.elf.symbols!.find('demo_in_range_fixed');
    const actions = [{ ...only(direct), to: 'demo_in_range_fixed' }];
    const straight = { newCode: [], newSymbols: [], addedRelocations: [{ ...added!, symbol: { existing } }] };
    expect(judged(direct, { ...straight, actions })).toEqual(['VER056']);
  });

  it('VER067: and in a trampoline as well', () => {
    const atSite = patch(MODULE, { redirects: [redirect('demo_in_range', 'somewhere_else')] });
    const atEntry = patch(MODULE, { redirects: [redirect('demo_in_range', 'somewhere_else', { at })] });
    expect(judged(atEntry, {})).toEqual([]);
    const { newCode, newSymbols } = atSite.plan;
    const [jump] = atEntry.plan.addedRelocations;
    const symbol = { added: newSymbols.findIndex(s => s.code === 0) };
    expect(judged(atEntry, { newCode, newSymbols, addedRelocations: [{ ...jump!, symbol }] })).toContain('VER067');
  });

  it('VER096: the branch stands elsewhere, or all callers meet it', () => {
    const atSite = patch(MODULE, { redirects: [redirect('demo_in_range', 'demo_in_range_fixed')] });
    expect(judged(atSite, { actions: [{ ...only(atSite), at }] })).toContain('VER096');
    const one = patch(MODULE, { redirects: [redirect('demo_parity', 'somewhere_else')] });
    expect(judged(one, { actions: [{ ...only(one), at }] })).toContain('VER096');
  });
});

describe('of local callers', () => {
  const good = patch(MODULE, {
    redirects: [redirect('demo_in_range', 'demo_in_range_fixed', { at: 'local-entry' })],
  });
  const { addedRelocations, removedRelocations } = good.plan;
  const action = only(good);

  it('VER095: one keeps its way', () => {
    expect(judged(good, {})).toEqual([]);
    const left = {
      addedRelocations: addedRelocations.slice(1),
      removedRelocations: removedRelocations.slice(1),
    };
    const [entry] = removedRelocations;
    const table = good.elf.relocations(good.elf.sections[entry!.table]!);
    expect(table.offset(entry!.entry)).toBe(addedRelocations[0]!.offset);
    expect(judged(good, { ...left, actions: [{ ...action, branches: action.branches!.slice(1) }] })).toEqual([
      'VER054',
      'VER095',
    ]);
    expect(judged(good, left)).toEqual(['VER054']);
  });

  it('VER095: a branch that the plan names or leaves out wrongly', () => {
    const branches = action.branches!;
    expect(judged(good, { actions: [{ ...action, branches: branches.slice(1) }] })).toEqual(['VER095', 'VER229']);
    const more = { ...branches[0]!, offset: 0 };
    expect(judged(good, { actions: [{ ...action, branches: [...branches, more] }] })).toEqual(['VER095', 'VER226']);
    expect(judged(good, { actions: [{ ...action, function: 'demo_report_get', offset: 0, branches: [] }] })).toContain(
      'VER057',
    );
  });

  it('VER095: a call that became a jump', () => {
    const call = action.branches!.findIndex(b => b.links);
    const { section, offset } = addedRelocations[call]!;
    const before = good.elf.sectionWords(good.elf.sections[section]!)[offset / 4]!;
    expect(judged(good, { words: [{ section, offset, before, after: before & ~1 }] })).toEqual(['VER095']);
  });

  it('VER054: one that leads to somebody else', () => {
    const existing = good.elf.symbols!.find('demo_lookup');
    const changed = addedRelocations.map((r, i) => (i === 0 ? { ...r, symbol: { existing } } : r));
    expect(judged(good, { addedRelocations: changed })).toEqual(['VER054']);
  });
});

describe('callers that could not be proved before', () => {
  // mtlr r0 becomes mtctr r0: demo_lookup returns to somewhere else, before and after.
  const spoiler = new Spoiler(sample(MODULE));
  const f = functionsOf(spoiler.elf).find(g => g.name === 'demo_lookup')!;
  const at = [...Array(f.size / 4).keys()]
    .map(i => f.global + i * 4)
    .findLast(o => spoiler.word('.text', o) === MTLR_R0)!;
  spoiler.setWord('.text', at, 0x7c0903a6);

  it('do not stand in the way, and what they call now is proved', () => {
    const good = patch(spoiler.bytes, {
      redirects: [redirect('demo_in_range', 'demo_in_range_fixed', { at: 'local-entry' })],
    });
    expect(only(good).branches!.some(b => b.function === 'demo_lookup')).toBe(true);
    const { to } = only(good);
    const branches = only(good).branches!.map(b => ({ ...b, leadsTo: [to], to }));
    const prover = new PatchProver(good.elf, undefined);
    const proof = prover.prove(
      readElf(good.output),
      branches.map(b => ({ ...b, isCaller: true })),
    );
    expect(proof.verdict).toBe('proved');
    expect(proof.functions.map(g => [g.function, g.role])).toEqual([['demo_in_range_fixed', 'replacement']]);
    // As a call that is changed by --retarget it would have to be proved.
    expect(prover.prove(readElf(good.output), branches).verdict).not.toBe('proved');
  });
});
