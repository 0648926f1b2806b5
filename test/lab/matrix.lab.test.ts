// Every way of replacing or hooking a function against every way of entering it, in the three kernels. What tocsin allows must
// lose nothing; what it refuses is written all the same, with --allow-unproved, and has to go wrong. Both lists are printed.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PatchDocument } from '../../src/report/patch/document.ts';
import { runMachine } from './boot/machine.ts';
import {
  type CanaryCounts,
  type CanaryModule,
  canaryCounts,
  loadModules,
  prelude,
  runCanary,
  troubles,
  unloadModules,
  whileTracing,
} from './boot/scripts.ts';
import { GENERATIONS, type Generation, kernel, labModules } from './harness/harness.ts';
import { AGAIN, COLUMNS, type Column, type Run, TRACED } from './matrix/columns.ts';
import { FUNCTIONS, ROWS, type Row } from './matrix/rows.ts';
import { figure, full } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-matrix-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Entries of redirected functions in each run of a cell. */
const ENTRIES = full ? 100_000 : 2000;
const FORCED_CALLS = 1000;

const slug = (name: string) => name.replaceAll(/[ ,]+/g, '-');
const isRefused = (row: Row, { functions }: Column) => functions.some(f => f in row.refused);

interface Made {
  readonly row: Row;
  /** With all functions that the row may be used for. */
  readonly allowed: string;
  /** With the others, by --allow-unproved. */
  readonly forced: string | undefined;
}

async function make(generation: Generation, row: Row, copies: string): Promise<Made> {
  const { canary, canaryObject, symvers } = labModules(generation);
  const folder = join(scratch, generation);
  mkdirSync(folder, { recursive: true });
  const patch = (out: string, functions: readonly string[], ...more: readonly string[]) => {
    const merged = row.merges ? ['--with', canaryObject] : [];
    const known = ['--symvers', symvers, '--symvers', kernel(generation).symvers];
    const given = row.wantsCopies ? ['--modules', copies] : [];
    const asked = [...row.options(functions), ...merged, ...known, ...given, '--format', 'json', ...more];
    return tocsin('patch', canary, '-o', join(folder, out), ...asked);
  };
  const allowed = join(folder, `canary-${slug(row.name)}.ko`);
  const ran = await patch(
    basename(allowed),
    FUNCTIONS.filter(f => !(f in row.refused)),
  );
  expect([row.name, ran.status, ran.stderr]).toEqual([row.name, 0, '']);
  const doc = JSON.parse(ran.stdout) as PatchDocument;
  expect([row.name, doc.proof?.verdict]).toEqual([row.name, 'proved']);
  const restored = join(folder, 'restored.ko');
  await tocsinDone('revert', allowed, '-o', restored, '--force', '--quiet');
  expect(readFileSync(restored).equals(readFileSync(canary))).toBe(true);
  const refused = Object.entries(row.refused);
  if (refused.length === 0) return { row, allowed, forced: undefined };
  for (const [name, code] of refused) {
    const no = await patch('never.ko', [name]);
    expect([row.name, name, no.status, /\[(\w+)\]/.exec(no.stderr)?.[1]]).toEqual([row.name, name, 1, code]);
  }
  const forced = join(folder, `canary-forced-${slug(row.name)}.ko`);
  const names = refused.map(([name]) => name);
  const done = await patch(basename(forced), names, '--allow-unproved');
  expect([row.name, done.status, done.stderr]).toEqual([row.name, 0, '']);
  expect((JSON.parse(done.stdout) as PatchDocument).proof?.verdict).not.toBe('proved');
  return { row, allowed, forced };
}

const callsOf = ({ entries }: Run) => Math.ceil(ENTRIES / entries);
const runAll = (runs: readonly Run[], label: string, calls: (run: Run) => number) =>
  runs.map(r => runCanary(r.module, r.target, r.path, calls(r), label)).join('');

/** All runs of the cells of a row that are allowed, each once. */
function runsOf(row: Row): readonly Run[] {
  const runs = new Map<string, Run>();
  for (const column of COLUMNS)
    if (column.name !== TRACED && column.name !== AGAIN && !isRefused(row, column))
      for (const r of column.runs) runs.set(`${r.module}.${r.target}.${r.path}`, r);
  return [...runs.values()];
}

const columnNamed = (name: string) => COLUMNS.find(c => c.name === name)!;

function script({ row, allowed, forced }: Made): string {
  const label = slug(row.name);
  const canary = basename(allowed);
  const traced = columnNamed(TRACED).runs;
  return [
    loadModules([canary, 'canary_ext.ko']),
    runAll(runsOf(row), label, callsOf),
    whileTracing(
      ['home_add', 'home_eight'],
      round => runAll(traced, `${label}.${round}`, () => (full ? 10_000 : 500)),
      full ? 20 : 4,
    ).replaceAll('result trace', `result ${label}.trace`),
    unloadModules(['canary_ext', 'canary']),
    loadModules([canary, 'canary_ext.ko']),
    runAll(columnNamed(AGAIN).runs, `${label}.again`, callsOf),
    unloadModules(['canary_ext', 'canary']),
    ...(forced === undefined
      ? []
      : [
          loadModules([basename(forced), 'canary_ext.ko']),
          runAll(forcedRuns(row), `${label}.forced`, () => FORCED_CALLS),
          unloadModules(['canary_ext', 'canary']),
        ]),
  ].join('');
}

const forcedRuns = (row: Row) => COLUMNS.filter(c => isRefused(row, c)).flatMap(c => c.runs);

/** A branch to another module's function, made by hand: what `direct` refuses with PAT023. */
const BARE: readonly (readonly [CanaryModule, 'local' | 'external' | 'pointer'])[] = [
  ['canary', 'local'],
  ['canary_ext', 'external'],
  ['canary', 'pointer'],
];

/** Calls that came back wrong: another result than the one wanted, or a register lost. */
function wrong(counts: CanaryCounts, gives: Row['gives']): number {
  const lost = counts.r1 + counts.r2 + counts.lr + counts.nonvolatile + counts.cr;
  return Math.max(counts.calls - counts[gives], lost);
}

describe.each(GENERATIONS)('the matrix, kernel %s', generation => {
  it('loses nothing where it is allowed, and goes wrong where it is refused', async () => {
    const of = kernel(generation);
    const { canary, canaryExt, canaryFix, symvers } = labModules(generation);
    const made: Made[] = [];
    // The same module with copies beside its functions: all rows may use it.
    const copies = join(scratch, generation, 'canary_fix.ko');
    mkdirSync(join(scratch, generation), { recursive: true });
    await tocsinDone('patch', canaryFix, '-o', copies, '--epilogue', 'fix_*', '--quiet');
    for (const row of ROWS) made.push(await make(generation, row, copies));
    const elsewhere = await tocsin(
      ...['patch', canary, '-o', join(scratch, 'never.ko'), '--redirect', 'home_add=fix_add'],
      ...['--strategy', 'direct', '--symvers', symvers],
    );
    expect([elsewhere.status, /\[(\w+)\]/.exec(elsewhere.stderr)?.[1]]).toEqual([1, 'PAT023']);
    const { exitStatus, seconds, found, said } = await runMachine(`matrix-${generation}`, {
      generation,
      timeoutSeconds: full ? 6000 : 900,
      memory: '3G',
      files: [canary, canaryExt, copies, ...made.flatMap(m => [m.allowed, ...(m.forced ? [m.forced] : [])])],
      script: [
        prelude(),
        loadModules(['canary_fix.ko', 'canary.ko', 'canary_ext.ko']),
        BARE.map(([module, path]) => runCanary(module, 'bare', path, FORCED_CALLS)).join(''),
        unloadModules(['canary_ext', 'canary']),
        ...made.map(m => script(m)),
        troubles(),
      ].join(''),
    });
    expect([exitStatus, found.get('troubles')], said).toEqual([0, '0']);
    const countsOf = (r: Run, label: string) =>
      canaryCounts(found.get(`canary.${r.module}.${r.target}.${r.path}.${label}`));
    const allowed: string[] = [];
    const refused: string[] = [];
    let entries = 0;
    for (const { row } of made) {
      const label = slug(row.name);
      const labels: Readonly<Record<string, readonly string[]>> = {
        [TRACED]: [`${label}.switching`, `${label}.traced`],
        [AGAIN]: [`${label}.again`],
      };
      for (const column of COLUMNS) {
        if (isRefused(row, column)) {
          const spoiled = column.runs.map(r => wrong(countsOf(r, `${label}.forced`), row.gives));
          const codes = column.functions.map(f => row.refused[f]).join(', ');
          refused.push(
            `${row.name} × ${column.name}: ${codes}; forced, wrong in ${sum(spoiled)} of ${column.runs.length * FORCED_CALLS}`,
          );
          expect([row.name, column.name, spoiled.every(n => n > 0)]).toEqual([row.name, column.name, true]);
          continue;
        }
        let calls = 0;
        for (const r of column.runs)
          for (const name of labels[column.name] ?? [label]) {
            const counts = countsOf(r, name);
            expect([name, r, counts.calls > 0, wrong(counts, row.gives)]).toEqual([name, r, true, 0]);
            calls += counts.calls * r.entries;
          }
        if (column.name !== TRACED) expect(calls).toBeGreaterThanOrEqual(ENTRIES);
        entries += calls;
        allowed.push(`${row.name} × ${column.name}: ${calls} entries`);
      }
      expect([label, found.get(`${label}.tracer.enabled`)]).toEqual([label, '1']);
      expect([label, Number(found.get(`${label}.traced.home_add`)) > 0]).toEqual([label, true]);
    }
    const bare = BARE.map(([module, path]) => canaryCounts(found.get(`canary.${module}.bare.${path}`)).r2);
    refused.push(
      `direct × another module's function: PAT023; by hand, r2 lost in ${bare.join(', ')} of ${FORCED_CALLS} (${BARE.map(b => b[1]).join(', ')})`,
    );
    expect(bare.slice(0, 2)).toEqual([FORCED_CALLS, FORCED_CALLS]);
    console.log(`allowed, ${of.release}\n${allowed.join('\n')}\n\nrefused\n${refused.join('\n')}`);
    figure(`matrix ${of.release}: cells allowed, nothing lost`, allowed.length);
    figure(`matrix ${of.release}: entries of redirected and hooked functions in them`, entries);
    figure(`matrix ${of.release}: cells refused, each seen to go wrong`, refused.length);
    figure(`matrix ${of.release}: seconds`, Math.round(seconds));
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
