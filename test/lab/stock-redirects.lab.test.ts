// Redirects at the global entry, of local callers and over long branches, in stock modules: each result passes the judge, is not
// refuted, and goes back to the input. What is refused is counted by its code.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../src/cli/patch/attempt.ts';
import { readElf } from '../../src/elf/read.ts';
import { functionsOf } from '../../src/kernel/functions.ts';
import type { RedirectAt } from '../../src/plan/plan.ts';
import { applyPlan } from '../../src/rewrite/apply.ts';
import { makePlan } from '../../src/rewrite/plan.ts';
import type { RedirectRequest } from '../../src/rewrite/redirects.ts';
import { revert } from '../../src/rewrite/revert.ts';
import { RefusalError } from '../../src/util/errors.ts';
import { PatchProver } from '../../src/verify/patched/prove-patched.ts';
import { verifyPatched } from '../../src/verify/verify.ts';
import { GENERATIONS, kernel } from './harness/harness.ts';
import { figure, full, some, spread } from './support/lab.ts';
import { plainModulesOf } from './support/plain.ts';

const MODULES = full ? 300 : 40;
const FUNCTIONS = 6;

const FORMS: Readonly<Record<string, { readonly at: RedirectAt; readonly reach?: number }>> = {
  'global entry': { at: 'global-entry' },
  'local callers': { at: 'local-entry' },
  'long, behind the site': { at: 'after-site', reach: 16 },
  'long, at the site': { at: 'site', reach: 16 },
};

describe.each(GENERATIONS)('stock modules of kernel %s', generation => {
  it('take redirects for some callers and over long branches', () => {
    const complaints: string[] = [];
    const counts = new Map<string, number>();
    const count = (what: string, by = 1) => counts.set(what, (counts.get(what) ?? 0) + by);
    for (const { plain } of spread(plainModulesOf(kernel(generation)), MODULES)) {
      const bytes = new Uint8Array(readFileSync(plain));
      const elf = readElf(bytes);
      // One name of each entry.
      const names = functionsOf(elf).map(f => [`${f.section.name}+0x${f.global.toString(16)}`, f.name] as const);
      const chosen = spread([...new Map(names)].map(([place, name]) => `${name}@${place}`).sort(), FUNCTIONS);
      const prover = new PatchProver(elf, undefined);
      for (const [form, { at, reach }] of Object.entries(FORMS)) {
        const complain = (what: string) => complaints.push(`${plain}, ${form}: ${what}`);
        const request = (from: string): RedirectRequest => {
          return { from, to: 'tocsin_elsewhere', strategy: 'auto', at, toc: 'recomputed' };
        };
        const planFor = (redirects: RedirectRequest[]) =>
          makePlan(elf, { nops: [], redirects, allowUnversioned: true, reach });
        const taken = chosen.filter(from => {
          try {
            planFor([request(from)]);
            return true;
          } catch (error) {
            if (!(error instanceof RefusalError)) throw error;
            count(`${form}: refused ${error.code}`);
            return false;
          }
        });
        if (taken.length === 0) continue;
        const plan = planFor(taken.map(request));
        const output = applyPlan(elf, plan, { toolVersion: 'lab' }).bytes;
        const verdict = verifyPatched({ elf, bytes }, output, plan);
        if (!verdict.ok)
          complain(`${verdict.findings.filter(f => f.level === 'error').map(f => `${f.code} ${f.message}`)}`);
        if (Buffer.compare(revert(output).original, bytes) !== 0) complain('revert does not give the input back');
        const proof = prover.prove(readElf(output), plan.actions.flatMap(placeOf));
        if (proof.obstacle !== undefined) complain(`${proof.obstacle.code} ${proof.obstacle.message}`);
        const wrong = proof.functions.filter(f => f.verdict !== 'proved');
        for (const f of wrong.filter(g => g.verdict === 'refuted'))
          complain(`${f.function}, ${f.role}: ${f.code} ${f.message}`);
        for (const f of wrong) count(`${form}: ${f.verdict} ${f.code}, ${f.role}`);
        count(`${form}: redirects`, taken.length);
        if (wrong.length === 0) count(`${form}: redirects of modules where all is proved`, taken.length);
      }
    }
    for (const [what, number] of [...counts].sort()) figure(`stock redirects ${generation}, ${what}`, number);
    expect(some(complaints)).toEqual([]);
  });
});
