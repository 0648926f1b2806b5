/** Plans of every form to lie about, what a lie may change without meaning anything, and the counting of both. */
import type { HookRequest } from '../../../../src/rewrite/hooks.ts';
import { Expectation } from '../../../../src/verify/expectation.ts';
import { verifyOutput } from '../../../../src/verify/verify.ts';
import { told, withCopies } from './copies.ts';
import { type Lie, liesOf } from './lies.ts';
import { carryOut, EXPORTS, type Patched, patch, redirect, sample } from './patched.ts';

export interface Liar {
  readonly name: string;
  readonly good: Patched;
}

const hook = (functions: string, name: string, more: Partial<HookRequest> = {}): HookRequest => ({
  functions,
  hook: name,
  when: 'before',
  at: undefined,
  toc: 'recomputed',
  ...more,
});

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
  return Object.entries(plans).map(([name, make]) => ({ name, good: make() }));
}

/** What may be said otherwise, and why that is harmless. A field that is not here has to be refused. */
export const HARMLESS: readonly (readonly [field: RegExp, why: string])[] = [
  [/\.grounds|^\.warnings/, "the maker's reasons in words: printed as such, and judged by nobody"],
  [/\.copy\.module$/, 'the kernel finds an export by its name, and the proof takes the module that was given'],
  [/^\.words\[\]\.after$/, 'the bits that the relocation of the word fills'],
  [/^\.addedRelocations\[\](\.addend)?$/, 'another place of the same code, which was followed from there'],
  [/^\.addedRelocations\[\]\.symbol/, 'another name of the same place'],
  [/^\.newCode\[\]\.(words|relocations)/, 'other code, which was followed: it does the same'],
  [/^\.newCode\[\]\.(alignment|before|name)$/, 'where new code is placed'],
  [/^\.newSymbols\[\]\.size$/, 'with the nops that fill the room behind, or without them'],
  [/^\.newSymbols\[\]\.name$/, 'another name of tocsin’s kind'],
  [/^\.addedVersions\[\]$/, 'an import without a version, which is told (VER048)'],
  [/^\.newSymbols\[\]\.type$/, 'a piece of the function in place of a function: the proof follows it as that'],
  [/^\.unproved|^\.merged$/, 'told by the proof and the judge of merges'],
];

export interface Campaign {
  readonly tried: number;
  readonly refused: number;
  /** No plan at all: the maker cannot carry it out, or the judge cannot read it. */
  readonly none: number;
  readonly same: number;
  readonly accepted: number;
  /** Accepted for no known reason. */
  readonly harmful: readonly string[];
}

/** @param every takes only every n-th of the lies that `isWanted` lets through */
export function campaign({ good }: Liar, isWanted: (lie: Lie) => boolean, every = 1): Campaign {
  const names = ['demo_lookup', 'demo_parity', 'demo_in_range_fixed'];
  const counts = { tried: 0, refused: 0, none: 0, same: 0, accepted: 0 };
  const harmful: string[] = [];
  let seen = 0;
  for (const lie of liesOf(good.plan, names)) {
    if (!isWanted(lie) || seen++ % every !== 0) continue;
    counts.tried++;
    const outcome = outcomeOf(good, lie);
    counts[outcome]++;
    if (outcome === 'accepted' && !HARMLESS.some(([field]) => field.test(lie.field)))
      harmful.push(`${lie.path}: ${lie.what}`);
  }
  return { ...counts, harmful };
}

function outcomeOf(good: Patched, { plan }: Lie): 'refused' | 'none' | 'same' | 'accepted' {
  try {
    const made = carryOut(good.elf, plan);
    if (!verifyOutput(new Expectation(made, plan, EXPORTS), made.output).ok) return 'refused';
    return Buffer.compare(made.output, good.output) === 0 ? 'same' : 'accepted';
  } catch (error) {
    // Plans are data between two parts of one program: what lacks a field is none.
    if (error instanceof Error) return 'none';
    throw error;
  }
}
