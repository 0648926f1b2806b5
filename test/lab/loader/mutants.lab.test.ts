// Broken modules: what the booted kernel says to each, errno and messages, against the twin's answer.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cacheFolder, GENERATIONS } from '../harness/harness.ts';
import { figure, full, some, spread } from '../support/lab.ts';
import { type Agreement, askTwin, compareVerdict, loadedBefore } from './mutants/compare-verdict.ts';
import { type Mutant, mutants } from './mutants/mutants.ts';
import { type VerdictRun, verdictsOf } from './mutants/verdicts.ts';

/** Without --full. */
const SAMPLE = 420;
/** Share of mutants for which the twin may say that nobody can know, because the kernel reads what is not the module's. */
const UNKNOWABLE = 0.005;

describe.each(GENERATIONS)('mutants in kernel %s', generation => {
  let tried: readonly Mutant[];
  let run: VerdictRun;
  let answers: readonly Agreement[];

  beforeAll(async () => {
    const all = mutants(generation);
    tried = full ? all : spread(all, SAMPLE);
    run = await verdictsOf(generation, tried, text => console.log(text));
    const before = loadedBefore(generation);
    answers = tried.map((mutant, at) => {
      const verdict = run.verdicts[at]!;
      return compareVerdict(verdict, askTwin(generation, mutant, verdict, before));
    });
    const of = (kind: Agreement['kind']): number => answers.filter(answer => answer.kind === kind).length;
    figure(`${generation}: broken modules`, tried.length);
    figure(`${generation}: same errno and messages`, of('equal'));
    figure(`${generation}: the kernel died or warned, and the twin said so`, of('foreseen'));
    figure(`${generation}: machines booted now`, run.boots);
    const report = answers.flatMap((answer, at) =>
      'details' in answer ? [`${answer.kind}: ${tried[at]!.name} (${tried[at]!.base})\n${answer.details}\n`] : [],
    );
    mkdirSync(join(cacheFolder, 'log'), { recursive: true });
    writeFileSync(join(cacheFolder, 'log', `mutants-${generation}`), report.join('\n'));
  });

  it('are at least 400', () => {
    expect(tried.length).toBeGreaterThanOrEqual(400);
    expect(run.verdicts).toHaveLength(tried.length);
  });

  it('are answered by the twin as by the kernel', () => {
    const wrong = answers.flatMap((answer, at) =>
      answer.kind === 'different' ? [`${tried[at]!.name}\n${answer.details}`] : [],
    );
    expect(some(wrong)).toEqual([]);
  });

  it('are seldom such that the twin cannot know', () => {
    const unknowable = answers.flatMap((answer, at) =>
      answer.kind === 'cautious' || answer.kind === 'unsure' ? [`${answer.kind}: ${tried[at]!.name}`] : [],
    );
    figure(`${generation}: the twin said that it cannot know`, unknowable.join('; ') || 'none');
    expect(unknowable.length).toBeLessThanOrEqual(UNKNOWABLE * tried.length);
  });

  it('crash the kernel only where the twin calls them dangerous', () => {
    const unforeseen = answers.flatMap((answer, at) =>
      run.verdicts[at]!.errno === null && answer.kind !== 'foreseen' && answer.kind !== 'equal'
        ? [tried[at]!.name]
        : [],
    );
    expect(unforeseen).toEqual([]);
  });
});
