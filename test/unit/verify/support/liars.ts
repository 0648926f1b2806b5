/** Plans of every form to lie about, and the counting of what is believed. */
import type { PatchPlan } from '../../../../src/plan/plan.ts';
import { Expectation } from '../../../../src/verify/expectation.ts';
import { verifyOutput } from '../../../../src/verify/verify.ts';
import { told, withCopies } from './copies.ts';
import { reasonFor } from './harmless.ts';
import { type Lie, liesOf } from './lies.ts';
import { carryOut, EXPORTS, hook, type Patched, patch, redirect, sample } from './patched.ts';
import { exportsFor, made, refusals, type Subject } from './subjects.ts';

export interface Liar {
  readonly name: string;
  readonly good: Patched;
  /** What others export, where that is more than `EXPORTS`. */
  readonly exports?: typeof EXPORTS;
}

export function liars(generation: string): readonly Liar[] {
  const file = `${generation}/tocsin_demo.ko`;
  const near = 'demo_in_range_fixed';
  const far = 'somewhere_else';
  const plans: Readonly<Record<string, () => Patched>> = {
    'a call site': () => patch(file, { nops: ['demo_lookup'] }),
    direct: () => patch(file, { redirects: [redirect('demo_in_range', near)] }),
    'at the site': () => patch(file, { redirects: [redirect('demo_in_range', near, { at: 'site' })] }),
    'by address': () => patch(file, { redirects: [redirect('demo_parity', 'demo_in_range')] }),
    frame: () => patch(file, { redirects: [redirect('demo_external', far)] }),
    'frame, r2 saved': () => patch(file, { redirects: [redirect('demo_external', far, { toc: 'saved' })] }),
    'any r2': () => patch(file, { redirects: [redirect('demo_parity', far)] }),
    'global entry': () =>
      patch(file, { redirects: [redirect('demo_in_range', 'demo_parity', { at: 'global-entry' })] }),
    'local callers': () => patch(file, { redirects: [redirect('demo_in_range', far, { at: 'local-entry' })] }),
    copy: () => {
      const fix = told(withCopies(sample(`${generation}/tocsin_fix.ko`)));
      return patch(file, { redirects: [redirect('demo_in_range', 'fix_in_range', { strategy: 'epilogue' })], ...fix });
    },
    hook: () => patch(file, { hooks: [hook('demo_in_range', 'elsewhere')] }),
    'hook at the site': () => patch(file, { hooks: [hook('demo_in_range', 'demo_parity', { at: 'site' })] }),
    'hook with exit': () =>
      patch(file, { hooks: [hook('demo_in_range', 'elsewhere', { when: 'after', toc: 'saved' })] }),
    'external call': () => patch(file, { retargets: [{ from: 'demo_external', call: 'int_sqrt', to: 'elsewhere' }] }),
    'local call': () => patch(file, { retargets: [{ from: 'demo_lookup', call: 'demo_in_range', to: near }] }),
  };
  const { exports } = told(withCopies(sample(`${generation}/tocsin_fix.ko`)));
  return Object.entries(plans).map(([name, make]) => ({ name, good: make(), ...(name === 'copy' && { exports }) }));
}

export interface Campaign {
  readonly tried: number;
  readonly refused: number;
  /** No plan at all: the maker cannot carry it out, or the judge cannot read it. */
  readonly none: number;
  readonly same: number;
  /** Let through with a warning. */
  readonly told: number;
  readonly accepted: number;
  /** Accepted, and no argument says why that is harmless. */
  readonly harmful: readonly string[];
}

/** @param every takes only every n-th of the lies that `isWanted` lets through */
export function campaign({ good, exports = EXPORTS }: Liar, isWanted: (lie: Lie) => boolean, every = 1): Campaign {
  return tell(good, isWanted, every, plan => {
    const made = carryOut(good.elf, plan);
    const { ok, findings } = verifyOutput(new Expectation(made, plan, exports), made.output);
    if (!ok) return 'refused';
    return findings.length > 0 ? 'told' : made.output;
  });
}

/** The same for a patch that needs more than the module. */
export function campaignOf(given: Subject, every: number): Campaign {
  return tell(
    given,
    () => true,
    every,
    plan => {
      const output = made(given, plan);
      if (refusals(given, { plan, output }).length > 0) return 'refused';
      const expected = new Expectation(given, plan, exportsFor(given.merge?.objects ?? []));
      return verifyOutput(expected, output).findings.length > 0 ? 'told' : output;
    },
  );
}

function tell(
  honest: { readonly plan: PatchPlan; readonly output: Uint8Array },
  isWanted: (lie: Lie) => boolean,
  every: number,
  judge: (plan: PatchPlan) => 'refused' | 'told' | Uint8Array,
): Campaign {
  const names = ['demo_lookup', 'demo_parity', 'demo_in_range_fixed'];
  const counts = { tried: 0, refused: 0, none: 0, same: 0, told: 0, accepted: 0 };
  const harmful: string[] = [];
  let seen = 0;
  for (const lie of liesOf(honest.plan, names)) {
    if (!isWanted(lie) || seen++ % every !== 0) continue;
    counts.tried++;
    const outcome = outcomeOf(() => judge(lie.plan));
    if (typeof outcome === 'string') counts[outcome]++;
    else if (Buffer.compare(outcome, honest.output) === 0) counts.same++;
    else {
      counts.accepted++;
      if (reasonFor(honest, { plan: lie.plan, output: outcome }) === undefined)
        harmful.push(`${lie.path}: ${lie.what}`);
    }
  }
  return { ...counts, harmful };
}

function outcomeOf(judge: () => 'refused' | 'told' | Uint8Array): 'refused' | 'told' | 'none' | Uint8Array {
  try {
    return judge();
  } catch (error) {
    // Plans are data between two parts of one program: what lacks a field is none.
    if (error instanceof Error) return 'none';
    throw error;
  }
}
