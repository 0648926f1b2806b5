// Redirects at the local and the global entry, changed calls, hooks after functions, trampolines of one's own and copies, of many
// functions of stock modules, in booted kernels: each one is proved and counts, the modules are used, and everything is as in a run
// with the modules as they were. Each round patches each module in another way.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { cacheFolder, GENERATIONS, type Generation, kernel } from './harness/harness.ts';
import { moduleName } from './loader/capture.ts';
import { callsByFunction, callsOf, makeBench, type RedteamRun, silentFunctions, useModules } from './redteam/bench.ts';
import { USED } from './redteam/used.ts';
import { type Bench, type CallsByFunction, type Make, type Patched, VARIANTS } from './redteam/variants.ts';
import { chooseModules } from './stress/choose.ts';
import { makeImages } from './stress/images.ts';
import { newWords } from './stress/log.ts';
import { figure, full, some } from './support/lab.ts';
import { tocsinDone } from './support/programs.ts';

const KERNELS: readonly Generation[] = full ? GENERATIONS : ['6.12'];
const WANTED = full ? USED : ['virtio_blk', 'loop', 'nbd', 'veth', 'bridge', 'dummy', 'tun'];
/** All of those, and what they need, in a full run. */
const MODULES = full ? 0 : 11;
const LIMITS = full ? { most: 30, mostForwards: 30 } : { most: 4, mostForwards: 4 };
/** How far the ways are moved on from round to round, and in which rounds the tracer is switched on and off. */
const ROUNDS = full
  ? [
      { round: 0, isTraced: false },
      { round: 5, isTraced: true },
      { round: 10, isTraced: true },
    ]
  : [{ round: 0, isTraced: false }];
/** Modules a way of which calls have to be counted, in a full run. */
const COUNTED = 10;
/** So often was a function called where all were counted that it has to be called again. */
const OFTEN = 20;

vi.setConfig({ testTimeout: 3 * 3600_000 });

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-redteam-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(KERNELS)('stock modules patched in every way, kernel %s', generation => {
  const stock = chooseModules(kernel(generation), WANTED, MODULES);
  const images = makeImages(join(scratch, generation, 'images'));
  const counted = new Map<string, string[]>();
  let plain: RedteamRun | undefined;
  let called: CallsByFunction | undefined;

  const use = async (kind: string, modules: readonly string[], bench: Bench, isTraced = false) => {
    const timeoutSeconds = full ? 1500 : 300;
    const run = await useModules(generation, modules, bench, {
      ...{ images, timeoutSeconds, isTraced },
      scratch: join(bench.folder, kind),
    });
    mkdirSync(join(cacheFolder, 'log'), { recursive: true });
    writeFileSync(join(cacheFolder, 'log', `redteam-${generation}-${kind}.console`), run.boot.console);
    expect(run.boot.exitStatus, run.boot.console.slice(-3000)).toBe(0);
    return run;
  };
  const patchedInOneWay = async (ways: readonly Make[], shift: number, bench: Bench) => {
    const patched = await patchAll(stock, ways, shift, bench);
    expect(patched.flatMap(m => m.complaint ?? [])).toEqual([]);
    await goBack(patched, stock, bench.folder);
    return patched;
  };

  it.runIf(full)('as they are, and with all functions counted', async () => {
    const bench = await makeBench(generation, join(scratch, generation, 'all'), LIMITS);
    plain = await use('stock', stock, bench);
    const patched = await patchedInOneWay([VARIANTS['exit-recomputed']!], 0, bench);
    const paths = patched.map(m => m.path);
    const run = await use('all', paths, bench);
    called = callsByFunction(run);
    tell(`${generation}, all functions`, run, patched);
    judge(run, patched, plain);
  });

  it.each(ROUNDS)('round $round', async ({ round, isTraced }) => {
    const folder = join(scratch, generation, `${round}`);
    const bench = await makeBench(generation, folder, { ...LIMITS, ...(called === undefined ? {} : { called }) });
    const patched = await patchedInOneWay(Object.values(VARIANTS), round, bench);
    const paths = patched.map(m => m.path);
    const run = await use(`round-${round}`, paths, bench, isTraced);
    tell(`${generation}, round ${round}`, run, patched);
    for (const m of patched)
      if (callsOf(run, m) > 0) counted.set(m.variant, [...(counted.get(m.variant) ?? []), moduleName(m.path)]);
    judge(run, patched, plain);
    // Only a full run knows who was called before.
    if (called === undefined) return;
    const silent = patched.flatMap(m => silentFunctions(run, m, called!, OFTEN));
    figure(`red team ${generation}, round ${round}: functions that were called before and not now`, silent.length);
    expect(silent).toEqual([]);
  });

  it.runIf(full)('many modules were used in each way', () => {
    for (const way of Object.keys(VARIANTS)) {
      const modules = counted.get(way) ?? [];
      figure(
        `red team ${generation}, ${way}: ${modules.length} modules of which calls were counted`,
        modules.join(' '),
      );
      expect(modules.length, way).toBeGreaterThanOrEqual(COUNTED);
    }
  });
});

async function patchAll(
  stock: readonly string[],
  ways: readonly Make[],
  shift: number,
  bench: Bench,
): Promise<readonly Patched[]> {
  const patched: Patched[] = [];
  const waiting = stock.entries();
  const patchNext = async () => {
    for (const [at, path] of waiting) patched[at] = await ways[(at + shift) % ways.length]!(path, bench);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, patchNext));
  return patched;
}

/** The last patch of each module is undone; what it was made from is there again, bit for bit. */
async function goBack(patched: readonly Patched[], stock: readonly string[], folder: string): Promise<void> {
  const waiting = patched.entries();
  const goBackWithNext = async (worker: number) => {
    const back = join(folder, `back-${worker}.ko`);
    for (const [at, { path, from }] of waiting) {
      if (path === stock[at]) continue;
      await tocsinDone('revert', path, '-o', back, '--force');
      expect(Buffer.compare(readFileSync(back), readFileSync(from)), path).toBe(0);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, (_, worker) => goBackWithNext(worker)));
}

function judge(run: RedteamRun, patched: readonly Patched[], plain: RedteamRun | undefined): void {
  expect([...run.loaded].filter(([, errno]) => errno !== 0)).toEqual(
    plain ? [...plain.loaded].filter(([, e]) => e !== 0) : [],
  );
  expect(run.loaded.size).toBe(patched.length);
  if (plain !== undefined) {
    expect(Object.fromEntries(run.seen)).toEqual(Object.fromEntries(plain.seen));
    expect(Object.fromEntries(run.unloaded)).toEqual(Object.fromEntries(plain.unloaded));
    expect(some(newWords(plain, run))).toEqual([]);
  } else {
    expect([...run.unloaded].filter(([, errno]) => errno !== 0)).toEqual([]);
    const bad = [...run.seen].filter(([, lines]) => lines.some(line => /^ended with (?!0)/.test(line)));
    expect(bad).toEqual([]);
  }
  const troubles = /Oops|BUG:|WARNING:|ftrace_bug|Call Trace|out of range|Unknown symbol|soft lockup|redteam: /;
  expect(run.log.filter(line => troubles.test(line.text))).toEqual([]);
  expect(run.uncounted).toBe(0);
  if (run.tracing !== undefined) {
    expect(run.tracing.works).toBe(true);
    expect(run.tracing.switched).toBeGreaterThan(10);
    expect(run.tracing.functions).toBeGreaterThan(1000);
  }
  // Whoever is counted on the way in and on the way out has come back each time.
  const both = new Set(patched.filter(m => /^exit-(saved|recomputed)$/.test(m.variant)).map(m => moduleName(m.path)));
  expect(run.places.filter(p => both.has(p.module) && p.enters !== p.leaves)).toEqual([]);
  for (const { entered, left } of run.own.values()) expect(left).toBe(entered);
}

function tell(name: string, run: RedteamRun, patched: readonly Patched[]): void {
  const sum = (numbers: readonly number[]) => numbers.reduce((all, n) => all + n, 0);
  const calls = patched.map(m => callsOf(run, m));
  const counted = [...run.numbers.values()].length + run.places.length;
  figure(`red team ${name}: functions and calls patched`, sum(patched.map(m => m.functions.length)));
  figure(`red team ${name}: of these, counted at least once`, counted);
  figure(`red team ${name}: calls counted`, sum(calls));
  figure(`red team ${name}: subsystems used`, run.seen.size);
  if (run.tracing !== undefined)
    figure(
      `red team ${name}: the tracer switched on and off`,
      `${run.tracing.switched} times, at ${run.tracing.functions} functions`,
    );
  const silent = patched.filter((m, at) => m.functions.length > 0 && calls[at] === 0);
  figure(
    `red team ${name}: modules of which nothing was counted`,
    some(silent.map(m => moduleName(m.path))).join(' ') || 'none',
  );
  expect(silent.length).toBeLessThan(patched.length / 4);
}
