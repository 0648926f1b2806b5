// No false proof: functions of stock modules and of tocsin's own outputs are spoiled in many ways. What the prover still proves
// is executed; a run that breaks a rule then is a false proof. Everything that stays proved is listed, with the reason.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { sampleImages } from '../../support/interpreter/samples.ts';
import { cacheFolder, GENERATIONS, kernel } from '../harness/harness.ts';
import { figure, full, some } from '../support/lab.ts';
import { stockImages } from './images.ts';
import { campaign, newResults, type Results, summed } from './mutation/campaign.ts';

/** Modules of each kernel, functions of each of them, operators for each of those. */
const MODULES = full ? 1200 : 50;
const FUNCTIONS = full ? 8 : 5;
const OPERATORS = full ? 6 : 5;

const results = newResults();
const folder = join(cacheFolder, 'log');

function log(name: string, of: Results): void {
  mkdirSync(folder, { recursive: true });
  const lines = of.survivors.map(s => [s.kind, s.operator, s.module, s.function, s.changes, s.reason].join('\t'));
  writeFileSync(join(folder, `${name}-survivors.tsv`), `${lines.sort().join('\n')}\n`);
  const table = [...of.tallies]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([operator, t]) => [operator, ...Object.values(t)].join('\t'));
  writeFileSync(
    join(folder, `${name}-operators.tsv`),
    `operator\tapplied\trefuted\tunknown\tequivalent\tunreached\tfalse\n${table.join('\n')}\n`,
  );
}

function judge(name: string, of: Results): void {
  const total = summed(of);
  const survivors = total.unreached + total.false;
  const behaving = total.applied - total.equivalent;
  log(name, of);
  figure(`${name}: functions spoiled`, of.functions);
  figure(`${name}: operators`, of.tallies.size);
  figure(`${name}: mutants`, total.applied);
  figure(`${name}: refuted`, total.refuted);
  figure(`${name}: unknown`, total.unknown);
  figure(`${name}: proved, and nothing owed is lost`, total.equivalent);
  figure(`${name}: proved, not executed`, total.unreached);
  figure(`${name}: proved, and wrong`, total.false);
  figure(`${name}: survivors of the mutants that change behaviour`, `${((100 * survivors) / behaving).toFixed(2)} %`);
  figure(`${name}: refused mutants that were executed too, and broke a rule`, `${of.shown} of ${of.executed}`);
  expect(some(of.survivors.filter(s => s.kind === 'false').map(s => Object.values(s).join(' | ')))).toEqual([]);
  expect(some(of.disagreements)).toEqual([]);
  expect(survivors / behaving).toBeLessThanOrEqual(0.005);
}

describe('mutants of stock modules', () => {
  it.each(GENERATIONS)('kernel %s', generation => {
    const before = results.functions;
    let seed = 1;
    for (const { name, image } of stockImages(generation, MODULES))
      campaign(
        image,
        { module: name, seed: seed++, functions: FUNCTIONS, operators: OPERATORS, runs: 40, controlled: 50 },
        results,
      );
    figure(`mutants ${kernel(generation).release}: functions spoiled`, results.functions - before);
    expect(results.functions - before).toBeGreaterThan(full ? 6000 : 200);
  });

  afterAll(() => {
    figure('mutants: survivors are listed in', folder);
  });

  it('do not survive', () => {
    judge('mutants', results);
    // An interpreter that finds nothing wrong with anything would be of no use.
    expect(results.shown).toBeGreaterThan(0.6 * results.executed);
    expect(results.tallies.size).toBeGreaterThan(100);
    if (full) expect(results.functions).toBeGreaterThan(20_000);
  });
});

describe('mutants of what tocsin makes', () => {
  it('do not survive', () => {
    const own = newResults();
    let seed = 1;
    for (const { name, image, isPatched } of sampleImages())
      if (isPatched)
        campaign(
          image,
          { module: name, seed: seed++, functions: 50, operators: full ? 150 : 12, runs: 40, controlled: 50 },
          own,
        );
    judge('mutants of own outputs', own);
  });
});
