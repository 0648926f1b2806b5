// Redirects at the local and the global entry, changed calls, hooks after functions, trampolines of one's own and copies, of many
// functions of stock modules, in booted kernels: each one is proved and counts, the modules are used, and everything is as in a run
// with the modules as they were. Each round patches each module in another way.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { GENERATIONS, type Generation, kernel } from './harness/harness.ts';
import { moduleName } from './loader/capture.ts';
import { callsOf, makeBench, type RedteamRun, useModules } from './redteam/bench.ts';
import { type Bench, type Patched, VARIANTS } from './redteam/variants.ts';
import { chooseModules } from './stress/choose.ts';
import { makeImages } from './stress/images.ts';
import { EXERCISED_IN_SAMPLE } from './stress/subsystems.ts';
import { figure, full, some } from './support/lab.ts';
import { tocsinDone } from './support/programs.ts';

const KERNELS: readonly Generation[] = full ? GENERATIONS : ['6.12'];
const WANTED = full ? EXERCISED_IN_SAMPLE : ['virtio_blk', 'loop', 'nbd', 'veth', 'bridge', 'dummy', 'tun'];
const MODULES = full ? 60 : 11;
const MOST = full ? 60 : 4;
/** How far the ways are moved on from round to round. */
const ROUNDS = full ? [0, 5, 10] : [0];

vi.setConfig({ testTimeout: 3 * 3600_000 });

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-redteam-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(KERNELS)('stock modules patched in every way, kernel %s', generation => {
  const stock = chooseModules(kernel(generation), WANTED, MODULES);
  const images = makeImages(join(scratch, generation, 'images'));
  let plain: RedteamRun | undefined;

  it.each(ROUNDS)('round %i', async round => {
    const folder = join(scratch, generation, `${round}`);
    const bench = await makeBench(generation, folder, MOST);
    const use = async (kind: string, modules: readonly string[]) => {
      const run = await useModules(generation, modules, bench, {
        images,
        scratch: join(folder, kind),
        timeoutSeconds: full ? 1200 : 300,
      });
      expect(run.boot.exitStatus, run.boot.console.slice(-3000)).toBe(0);
      return run;
    };
    if (full) plain ??= await use('stock', stock);
    const patched = await patchAll(stock, round, bench);
    expect(patched.flatMap(m => m.complaint ?? [])).toEqual([]);
    await goBack(patched, stock, folder);
    const run = await use(
      'patched',
      patched.map(m => m.path),
    );
    judge(run, patched, plain);
    tell(`${generation}, round ${round}`, run, patched);
  });
});

async function patchAll(stock: readonly string[], round: number, bench: Bench): Promise<readonly Patched[]> {
  const ways = Object.values(VARIANTS);
  const patched: Patched[] = [];
  const waiting = stock.entries();
  const patchNext = async () => {
    for (const [at, path] of waiting) patched[at] = await ways[(at + round) % ways.length]!(path, bench);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, patchNext));
  return patched;
}

/** The last patch of each module is undone; what it was made from is there again, bit for bit. */
async function goBack(patched: readonly Patched[], stock: readonly string[], folder: string): Promise<void> {
  const back = join(folder, 'back.ko');
  for (const [at, { path, from }] of patched.entries()) {
    if (path === stock[at]) continue;
    await tocsinDone('revert', path, '-o', back, '--force');
    expect(Buffer.compare(readFileSync(back), readFileSync(from)), path).toBe(0);
  }
}

function judge(run: RedteamRun, patched: readonly Patched[], plain: RedteamRun | undefined): void {
  expect([...run.loaded].filter(([, errno]) => errno !== 0)).toEqual(
    plain ? [...plain.loaded].filter(([, e]) => e !== 0) : [],
  );
  expect(run.loaded.size).toBe(patched.length);
  if (plain !== undefined) {
    expect(Object.fromEntries(run.seen)).toEqual(Object.fromEntries(plain.seen));
    expect(Object.fromEntries(run.unloaded)).toEqual(Object.fromEntries(plain.unloaded));
  } else {
    expect([...run.unloaded].filter(([, errno]) => errno !== 0)).toEqual([]);
    const bad = [...run.seen].filter(([, lines]) => lines.some(line => /^ended with (?!0)/.test(line)));
    expect(bad).toEqual([]);
  }
  const troubles = /Oops|BUG:|WARNING:|ftrace_bug|Call Trace|out of range|Unknown symbol|soft lockup|redteam: /;
  expect(run.log.filter(line => troubles.test(line.text))).toEqual([]);
  expect(run.uncounted).toBe(0);
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
  const silent = patched.filter((m, at) => m.functions.length > 0 && calls[at] === 0);
  figure(
    `red team ${name}: modules of which nothing was counted`,
    some(silent.map(m => moduleName(m.path))).join(' ') || 'none',
  );
  expect(silent.length).toBeLessThan(patched.length / 4);
}
