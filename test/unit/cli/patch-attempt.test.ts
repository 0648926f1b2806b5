/** Which strategy `--strategy auto` takes, given what is proved of each. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { attempt, type Judge, marked, unprovedOf } from '../../../src/cli/patch/attempt.ts';
import { readElf } from '../../../src/elf/read.ts';
import { readPatchNote } from '../../../src/kernel/patch-note.ts';
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

/** Answers by the symbol of the new code that it finds, or says what `otherwise` has. */
function says(verdicts: Readonly<Record<'direct' | 'frame', 'proved' | 'unknown' | 'refuted'>>, from: string): Judge {
  return {
    prove: after => {
      const isFrame = (after.symbols?.find(`__tocsin_frame_${from}`) ?? -1) >= 0;
      const verdict = verdicts[isFrame ? 'frame' : 'direct'];
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
    const found = attempt(
      elf,
      request('demo_in_range', 'demo_in_range_fixed'),
      options,
      new PatchProver(elf, undefined),
    );
    expect(strategyOf(found.plan)).toBe('direct');
    expect(found.proof.verdict).toBe('proved');
    expect(found.passedOver).toEqual([]);
  });

  it('takes frame where it is not, and says why direct was not possible', () => {
    const found = attempt(elf, request('demo_in_range', 'elsewhere'), options, new PatchProver(elf, undefined));
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
    const found = attempt(elf, request('demo_in_range', 'demo_in_range_fixed'), options, judge);
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
    const first = attempt(elf, both, options, says({ direct: 'unknown', frame: 'refuted' }, 'demo_in_range'));
    expect([strategyOf(first.plan), first.proof.verdict]).toEqual(['direct', 'unknown']);
    expect(first.passedOver.map(p => p.strategy)).toEqual(['frame']);
    const second = attempt(elf, both, options, says({ direct: 'refuted', frame: 'unknown' }, 'demo_in_range'));
    expect([strategyOf(second.plan), second.proof.verdict]).toEqual(['frame', 'unknown']);
    expect(second.passedOver.map(p => p.strategy)).toEqual(['direct']);
  });

  it('tells why a frame is not even possible', () => {
    const judge = says({ direct: 'refuted', frame: 'proved' }, 'demo_sum_ten');
    const found = attempt(elf, request('demo_sum_ten', 'demo_in_range_fixed'), options, judge);
    expect(strategyOf(found.plan)).toBe('direct');
    expect(found.passedOver).toMatchObject([{ function: 'demo_sum_ten', strategy: 'frame', code: 'PAT011' }]);
  });

  it('changes only the redirects that are to blame', () => {
    const one = request('demo_in_range', 'demo_in_range_fixed');
    const two = request('demo_parity', 'demo_in_range_fixed');
    const both = { ...one, redirects: [...one.redirects, ...two.redirects] };
    const found = attempt(elf, both, options, says({ direct: 'refuted', frame: 'proved' }, 'demo_in_range'));
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
    const found = attempt(elf, request('demo_in_range', 'demo_in_range_fixed'), options, judge);
    expect(asked).toBe(1);
    expect(unprovedOf(found.proof)).toEqual([{ function: '', verdict: 'unknown', code: 'PRV104' }]);
  });
});

describe('a strategy by name', () => {
  it('is the only one that is tried', () => {
    const judge = says({ direct: 'refuted', frame: 'proved' }, 'demo_in_range');
    const wanted = request('demo_in_range', 'demo_in_range_fixed', { strategy: 'direct' });
    expect(attempt(elf, wanted, options, judge).proof.verdict).toBe('refuted');
    expect(() => attempt(elf, request('demo_sum_ten', 'elsewhere', { strategy: 'frame' }), options, judge)).toThrow(
      RefusalError,
    );
  });
});

describe('a result that is written without a proof', () => {
  it('says so in its note, and the judge looks there', () => {
    const judge = says({ direct: 'refuted', frame: 'refuted' }, 'demo_in_range');
    const found = marked(elf, attempt(elf, request('demo_in_range', 'demo_in_range_fixed'), options, judge), options);
    const unproved = [{ function: 'demo_in_range', verdict: 'refuted', code: 'TOC003' }];
    expect(readPatchNote(readElf(found.applied.bytes))!.record.unproved).toEqual(unproved);
    const input = { elf, bytes: elf.bytes };
    expect(verifyPatched(input, found.applied.bytes, found.plan).ok).toBe(true);
    const { unproved: _, ...silent } = found.plan;
    expect(verifyPatched(input, found.applied.bytes, silent).findings.map(f => f.code)).toContain('VER040');
  });
});
