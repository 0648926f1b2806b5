/** Which strategy `--strategy auto` takes, given what is proved of each. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { attempt as attemptIn, type Judge, marked, unprovedOf, type World } from '../../../src/cli/patch/attempt.ts';
import { readElf } from '../../../src/elf/read.ts';
import { readPatchNote } from '../../../src/kernel/patch-note.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import type { PlannedRedirect } from '../../../src/plan/plan.ts';
import type { PatchRequest } from '../../../src/rewrite/plan.ts';
import type { RedirectRequest } from '../../../src/rewrite/redirects.ts';
import { RefusalError } from '../../../src/util/errors.ts';
import { type PatchProof, PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import { verifyPatched } from '../../../src/verify/verify.ts';
import { root } from '../../support/samples.ts';

const elf = readElf(new Uint8Array(readFileSync(`${root}samples/6.1/tocsin_demo.ko`)));
const options = { toolVersion: 'test' };

function request(from: string, to: string, rest: Partial<RedirectRequest> = {}): PatchRequest {
  const redirects = [{ from, to, strategy: 'auto', at: 'after-site', toc: 'recomputed', ...rest } as const];
  return { nops: [], redirects, allowUnversioned: true };
}

const attempt = (request: PatchRequest, judge: Judge, withShadowData?: () => World) =>
  attemptIn({ elf, request, options }, judge, withShadowData);

type Answer = 'proved' | 'unknown' | 'refuted';

/** Answers by the symbol of the new code that it finds. */
function says(
  verdicts: Readonly<Record<'direct' | 'frame', Answer>> & { readonly shadow?: Answer },
  from: string,
): Judge {
  return {
    prove: after => {
      const strategies = ['frame', 'shadow'] as const;
      const used = strategies.find(s => (after.symbols?.find(`__tocsin_${s}_${from}`) ?? -1) >= 0);
      const verdict = verdicts[used ?? 'direct'] ?? 'refuted';
      const base = { kernel: 'assumed', judged: 1, proved: 0, grounds: [] };
      if (verdict === 'proved') return { ...base, verdict, functions: [] };
      const code = verdict === 'refuted' ? 'TOC003' : 'PRV002';
      const found = { function: from, role: 'redirected', verdict, code, message: `${from} is bad` } as const;
      return { ...base, verdict, functions: [found] };
    },
  };
}

const strategyOf = (plan: { readonly actions: readonly object[] }) =>
  (plan.actions[0] as { strategy: string }).strategy;

describe('auto', () => {
  it('takes direct where the replacement is in the object', () => {
    const found = attempt(request('demo_in_range', 'demo_in_range_fixed'), new PatchProver(elf, undefined));
    expect(strategyOf(found.plan)).toBe('direct');
    expect(found.proof.verdict).toBe('proved');
    expect(found.passedOver).toEqual([]);
  });

  it('takes frame where it is not, and says why direct was not possible', () => {
    const found = attempt(request('demo_in_range', 'elsewhere'), new PatchProver(elf, undefined));
    expect(strategyOf(found.plan)).toBe('frame');
    expect(found.proof.verdict).toBe('proved');
    expect(found.plan.actions[0]).toMatchObject({
      grounds: expect.arrayContaining(['direct was not taken: elsewhere is not defined in this object [PAT023]']),
    });
    // In the order in which they are tried.
    const { grounds } = found.plan.actions[0] as PlannedRedirect;
    const told = grounds.map(g => /^(\w+) was not taken: .*\[(\w+)\]$/.exec(g)?.slice(1)).filter(g => g !== undefined);
    expect(told).toEqual([
      ['direct', 'PAT023'],
      ['epilogue', 'PAT078'],
    ]);
  });

  it('takes frame where direct is not proved, and says what was wrong with it', () => {
    const judge = says({ direct: 'refuted', frame: 'proved' }, 'demo_in_range');
    const found = attempt(request('demo_in_range', 'demo_in_range_fixed'), judge);
    expect(strategyOf(found.plan)).toBe('frame');
    expect(found.passedOver).toEqual([
      { function: 'demo_in_range', strategy: 'direct', code: 'TOC003', message: 'demo_in_range is bad' },
    ]);
    expect(found.plan.actions[0]).toMatchObject({
      grounds: expect.arrayContaining(['direct was not taken: demo_in_range is bad [TOC003]']),
    });
  });

  it('keeps the least bad where nothing is proved', () => {
    const both = request('demo_in_range', 'demo_in_range_fixed');
    const first = attempt(both, says({ direct: 'unknown', frame: 'refuted' }, 'demo_in_range'));
    expect([strategyOf(first.plan), first.proof.verdict]).toEqual(['direct', 'unknown']);
    expect(first.passedOver.map(p => p.strategy)).toEqual(['frame', 'shadow']);
    const second = attempt(both, says({ direct: 'refuted', frame: 'unknown' }, 'demo_in_range'));
    expect([strategyOf(second.plan), second.proof.verdict]).toEqual(['frame', 'unknown']);
    expect(second.passedOver.map(p => [p.strategy, p.code])).toEqual([
      ['direct', 'TOC003'],
      ['shadow', 'PAT083'],
    ]);
  });

  describe('comes to shadow', () => {
    const bytes = new Uint8Array(readFileSync(`${root}runtime/shadow.o`));
    const object = { name: 'shadow.o', elf: readElf(bytes), sha256: '0'.repeat(64) };
    const elsewhere = request('demo_in_range', 'elsewhere');
    let merges = 0;
    const withTable = (asked: PatchRequest) => (): World => {
      merges++;
      const plan = planMerge(elf, [object]);
      const middle = applyMerge(elf, [object], plan);
      const merged = { elf: readElf(middle.bytes), plan, objects: [object], middle };
      return {
        elf: merged.elf,
        request: { ...asked, merge: plan },
        options: { ...options, before: { bytes: elf.bytes, merged: middle } },
        merged,
      };
    };

    it('where frame is not proved, and says what was wrong with it', () => {
      merges = 0;
      const judge = says({ direct: 'refuted', frame: 'unknown', shadow: 'proved' }, 'demo_in_range');
      const found = attempt(elsewhere, judge, withTable(elsewhere));
      expect([strategyOf(found.plan), found.proof.verdict, merges]).toEqual(['shadow', 'proved', 1]);
      expect(found.merged?.objects.map(o => o.name)).toEqual(['shadow.o']);
      expect(found.passedOver).toEqual([
        { function: 'demo_in_range', strategy: 'frame', code: 'PRV002', message: 'demo_in_range is bad' },
      ]);
      const { grounds } = found.plan.actions[0] as PlannedRedirect;
      expect(grounds.slice(0, 3).map(g => /^(\w+) was not taken: .*\[(\w+)\]$/.exec(g)?.slice(1))).toEqual([
        ['direct', 'PAT023'],
        ['epilogue', 'PAT078'],
        ['frame', 'PRV002'],
      ]);
      const input = { elf: found.merged!.elf, bytes: elf.bytes };
      expect(verifyPatched(input, found.applied.bytes, found.plan).ok).toBe(true);
    });

    it('where frame is refused', () => {
      const asked = request('demo_sum_ten', 'elsewhere');
      const judge = says({ direct: 'refuted', frame: 'proved', shadow: 'proved' }, 'demo_sum_ten');
      const found = attempt(asked, judge, withTable(asked));
      expect(strategyOf(found.plan)).toBe('shadow');
      expect(found.passedOver).toMatchObject([{ function: 'demo_sum_ten', strategy: 'frame', code: 'PAT011' }]);
    });

    it('and not where frame is proved', () => {
      merges = 0;
      attempt(elsewhere, says({ direct: 'proved', frame: 'proved' }, 'demo_in_range'), withTable(elsewhere));
      expect(merges).toBe(0);
    });

    it('and goes back to the least bad where shadow is not proved either', () => {
      const judge = says({ direct: 'refuted', frame: 'unknown', shadow: 'refuted' }, 'demo_in_range');
      const found = attempt(elsewhere, judge, withTable(elsewhere));
      expect([strategyOf(found.plan), found.proof.verdict, found.merged]).toEqual(['frame', 'unknown', undefined]);
      expect(found.passedOver.map(p => [p.strategy, p.code])).toEqual([['shadow', 'TOC003']]);
      expect(found.world.elf).toBe(elf);
    });

    it('and says why the table cannot be merged', () => {
      const refuses = () => {
        throw new RefusalError({ code: 'PAT026', message: 'no version' });
      };
      const asked = request('demo_sum_ten', 'elsewhere');
      const judge = says({ direct: 'refuted', frame: 'proved' }, 'demo_sum_ten');
      expect(() => attempt(asked, judge, refuses)).toThrow(/frame: .*\[PAT011\]; shadow: no version \[PAT026\]/);
    });
  });

  it('tells why a frame is not even possible', () => {
    const judge = says({ direct: 'refuted', frame: 'proved' }, 'demo_sum_ten');
    const found = attempt(request('demo_sum_ten', 'demo_in_range_fixed'), judge);
    expect(strategyOf(found.plan)).toBe('direct');
    expect(found.passedOver).toMatchObject([
      { function: 'demo_sum_ten', strategy: 'frame', code: 'PAT011' },
      { function: 'demo_sum_ten', strategy: 'shadow', code: 'PAT083' },
    ]);
  });

  it('changes only the redirects that are to blame', () => {
    const one = request('demo_in_range', 'demo_in_range_fixed');
    const two = request('demo_parity', 'demo_in_range_fixed');
    const both = { ...one, redirects: [...one.redirects, ...two.redirects] };
    const found = attempt(both, says({ direct: 'refuted', frame: 'proved' }, 'demo_in_range'));
    expect(found.plan.actions).toMatchObject([{ strategy: 'frame' }, { strategy: 'direct' }]);
  });

  it('does not go on where nothing can be judged', () => {
    let asked = 0;
    const obstacle = { code: 'PRV104', message: 'no', isRefusal: false };
    const proof: PatchProof = {
      kernel: 'assumed',
      verdict: 'unknown',
      functions: [],
      judged: 0,
      proved: 0,
      grounds: [],
      obstacle,
    };
    const judge = { prove: () => ({ ...proof, judged: asked++ }) };
    const found = attempt(request('demo_in_range', 'demo_in_range_fixed'), judge);
    expect(asked).toBe(1);
    expect(unprovedOf(found.proof)).toEqual([{ function: '', verdict: 'unknown', code: 'PRV104' }]);
  });
});

describe('a strategy by name', () => {
  it('is the only one that is tried', () => {
    const judge = says({ direct: 'refuted', frame: 'proved' }, 'demo_in_range');
    const wanted = request('demo_in_range', 'demo_in_range_fixed', { strategy: 'direct' });
    expect(attempt(wanted, judge).proof.verdict).toBe('refuted');
    expect(() => attempt(request('demo_sum_ten', 'elsewhere', { strategy: 'frame' }), judge)).toThrow(RefusalError);
  });
});

describe('a result that is written without a proof', () => {
  it('says so in its note, and the judge looks there', () => {
    const judge = says({ direct: 'refuted', frame: 'refuted' }, 'demo_in_range');
    const found = marked(attempt(request('demo_in_range', 'demo_in_range_fixed'), judge));
    const unproved = [{ function: 'demo_in_range', verdict: 'refuted', code: 'TOC003' }];
    expect(readPatchNote(readElf(found.applied.bytes))!.record.unproved).toEqual(unproved);
    const input = { elf, bytes: elf.bytes };
    expect(verifyPatched(input, found.applied.bytes, found.plan).ok).toBe(true);
    const { unproved: _, ...silent } = found.plan;
    expect(verifyPatched(input, found.applied.bytes, silent).findings.map(f => f.code)).toContain('VER040');
  });
});
