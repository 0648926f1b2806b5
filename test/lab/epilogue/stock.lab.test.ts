// Copies with an epilogue of all functions of stock modules: how many get one, and by which code others do not. Of some modules the whole
// way is gone: copies merged and exported, verified, proved, and taken back.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import type { PatchDocument } from '../../../src/report/patch/document.ts';
import { makeEpilogues } from '../../../src/rewrite/epilogue/epilogues.ts';
import { RefusalError } from '../../../src/util/errors.ts';
import { GENERATIONS, kernel } from '../harness/harness.ts';
import { figure, full, sample, some, spread } from '../support/lab.ts';
import { plainModulesOf } from '../support/plain.ts';
import { tocsin, tocsinDone } from '../support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-epilogue-stock-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const MODULES = 150;
const WHOLE = full ? 40 : 4;

/** How many functions a text of this form tells of, by code: `one, two and 3 more [PAT160]; four [PAT161]`. */
function countsIn(text: string): (readonly [code: string, count: number])[] {
  return [...text.matchAll(/([^;:]+?)(?: and (\d+) more)? \[(PAT\d+)\]/g)].map(([, names, more, code]) => {
    return [code!, names!.split(', ').length + Number(more ?? 0)] as const;
  });
}

/** Names of functions that get a copy, and how many do not, by code. */
function plannedFor(path: string) {
  try {
    const { actions, warnings } = makeEpilogues(readElf(new Uint8Array(readFileSync(path))), [{ functions: '*' }]);
    return { made: actions.map(a => a.function), refused: warnings.flatMap(countsIn) };
  } catch (error) {
    if (!(error instanceof RefusalError) || !['PAT167', 'PAT002'].includes(error.code)) throw error;
    return { made: [], refused: countsIn(error.complaint.message) };
  }
}

describe.each(GENERATIONS)('stock modules of kernel %s', generation => {
  it('have functions that get a copy, and the others a code', () => {
    const counts = new Map<string, number>();
    let [made, functions] = [0, 0];
    for (const { plain } of sample(plainModulesOf(kernel(generation)), MODULES)) {
      const planned = plannedFor(plain);
      const names = new Set(functionsOf(readElf(new Uint8Array(readFileSync(plain)))).map(f => f.name));
      const left = planned.refused.reduce((n, [, count]) => n + count, 0);
      made += planned.made.length;
      functions += planned.made.length + left;
      // A function has several names, and several have one: no more than there are names.
      expect([plain, planned.made.length + left <= names.size]).toEqual([plain, true]);
      for (const [code, count] of planned.refused) counts.set(code, (counts.get(code) ?? 0) + count);
    }
    const label = `epilogue ${generation}, stock modules`;
    figure(
      `${label}: functions that get a copy, of all`,
      `${made.toLocaleString('en-US')} of ${functions.toLocaleString('en-US')}`,
    );
    for (const [code, count] of [...counts].sort()) figure(`${label}: refused ${code}`, count);
    expect(made).toBeGreaterThan(functions / 2);
  });

  it('export the copies, proved, and come back', async () => {
    const complaints: string[] = [];
    let [made, done] = [0, 0];
    const modules = spread(plainModulesOf(kernel(generation)), 8 * WHOLE).filter(
      m => plannedFor(m.plain).made.length > 3,
    );
    for (const { plain } of spread(modules, WHOLE)) {
      const [out, back] = [join(scratch, `${generation}.ko`), join(scratch, 'back.ko')];
      const { status, stdout, stderr } = await tocsin(
        'patch',
        plain,
        '-o',
        out,
        '--epilogue',
        '*',
        '--format',
        'json',
        '--force',
      );
      if (status !== 0) {
        complaints.push(`${plain}: ${stderr}`);
        continue;
      }
      const { actions, proof, verification } = JSON.parse(stdout) as PatchDocument;
      if (proof?.verdict !== 'proved' || verification?.ok !== true) complaints.push(`${plain}: ${proof?.verdict}`);
      await tocsinDone('revert', out, '-o', back, '--force', '--quiet');
      if (!readFileSync(back).equals(readFileSync(plain))) complaints.push(`${plain}: does not come back`);
      made += actions.length;
      done++;
    }
    expect(some(complaints)).toEqual([]);
    figure(`epilogue ${generation}, stock modules: copies of ${done} modules, exported and proved`, made);
  });
});
