// Every function of many stock modules that can be hooked, hooked with a function that counts: they are loaded in the booted
// kernel, file systems, block devices, sockets and others are used through them, and they are unloaded. Everything has to be as in a
// run with the modules as they were: what is seen of each subsystem, which modules load and unload, and every line of the log.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { cacheFolder, GENERATIONS, type Generation, kernel } from './harness/harness.ts';
import { moduleName } from './loader/capture.ts';
import { chooseModules } from './stress/choose.ts';
import { makeImages } from './stress/images.ts';
import { newWords } from './stress/log.ts';
import { loadAndUse, type Run } from './stress/machine.ts';
import { countingHooks, hookAll, type PatchedModule } from './stress/patch-modules.ts';
import { EXERCISED, EXERCISED_IN_SAMPLE } from './stress/subsystems.ts';
import { figure, full, some } from './support/lab.ts';
import { tocsinDone } from './support/programs.ts';

const MODULES = full ? 1000 : 60;
const SUBSYSTEMS = full ? 30 : 12;
const WANTED = full ? EXERCISED : EXERCISED_IN_SAMPLE;
/** One kernel in a short run: the one with the stubs that lie elsewhere. */
const KERNELS: readonly Generation[] = full ? GENERATIONS : ['7.2'];

// A thousand modules are patched, and booted with, on a machine that may have other work.
vi.setConfig({ testTimeout: 3 * 3600_000 });

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-stress-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(KERNELS)('modules with all functions hooked, kernel %s', generation => {
  const folder = join(scratch, generation);
  const hooks = countingHooks(generation);
  const of = kernel(generation);
  const stock = chooseModules(of, WANTED, MODULES);
  let patched: readonly PatchedModule[] = [];
  let plain: Run;
  let run: Run;

  it('are patched, and proved', async () => {
    mkdirSync(folder, { recursive: true });
    const index = join(folder, 'kernel.index');
    await tocsinDone('kernel', of.vmlinux, '--symvers', of.symvers, '--config', of.config, '-o', index);
    patched = await hookAll(stock, { hooks, index, out: join(folder, 'patched') });
    noteHooks(generation, patched);
    const complaints = patched.flatMap(m => m.complaint ?? []);
    figure(`${generation}: modules that were refused as a whole`, complaints.length);
    // An answer that is not known is an honest one, and a rare one: such a module is loaded as it was.
    const [unknown, wrong] = [complaints.filter(isUnknown), complaints.filter(c => !isUnknown(c))];
    expect(wrong).toEqual([]);
    expect(unknown.length, some(unknown).join('\n')).toBeLessThanOrEqual(MODULES / 500);
    expect(patched).toHaveLength(MODULES);
  });

  it('load, work and unload as before', async () => {
    const images = makeImages(join(folder, 'images'));
    const load = async (kind: string, modules: readonly string[]): Promise<Run> => {
      const own = join(folder, kind);
      mkdirSync(own, { recursive: true });
      const timeoutSeconds = full ? 3000 : 600;
      const found = await loadAndUse({
        generation,
        modules,
        counter: hooks.counter,
        images,
        scratch: own,
        timeoutSeconds,
      });
      mkdirSync(join(cacheFolder, 'log'), { recursive: true });
      writeFileSync(join(cacheFolder, 'log', `stress-${kind}-${generation}.console`), found.boot.console);
      expect(found.boot.exitStatus, found.boot.console.slice(-3000)).toBe(0);
      return found;
    };
    plain = await load('stock', stock);
    run = await load(
      'hooked',
      patched.map(m => m.path),
    );
    const loads = [...run.loaded.values()].filter(errno => errno === 0).length;
    const worked = [...run.seen].filter(([, lines]) =>
      lines.every(l => !l.startsWith('ended with') || l.endsWith(' 0')),
    );
    figure(`${generation}: stock modules loaded with all functions hooked`, loads);
    figure(
      `${generation}: subsystems that work as before`,
      `${worked.length}: ${worked.map(([name]) => name).join(' ')}`,
    );
    // The figures are there before anything is asserted: a run of an hour tells them in any case.
    noteCounts(generation, run);
    expect(Object.fromEntries(run.seen)).toEqual(Object.fromEntries(plain.seen));
    expect(Object.fromEntries(run.loaded)).toEqual(Object.fromEntries(plain.loaded));
    expect(Object.fromEntries(run.unloaded)).toEqual(Object.fromEntries(plain.unloaded));
    expect(run.loaded.size).toBe(MODULES);
    expect(loads / MODULES).toBeGreaterThan(0.95);
    expect(worked.length).toBeGreaterThanOrEqual(SUBSYSTEMS);
  });

  it('say nothing that they did not say before', () => {
    expect(some(newWords(plain, run))).toEqual([]);
    expect(run.log.length).toBeGreaterThan(MODULES / 10);
    const troubles = /Oops|BUG:|WARNING:|ftrace_bug|Call Trace|out of range|Unknown symbol|soft lockup/;
    expect(run.log.filter(line => troubles.test(line.text))).toEqual([]);
  });

  it('count', () => {
    expect(run.lost).toBe(0);
    const loaded = patched.filter(m => run.loaded.get(moduleName(m.path)) === 0);
    // Its own first function has run, if it has one.
    const silent = loaded.filter(
      m => m.isMerged && m.hooks.includes('init_module') && !(run.ownCalls.get(moduleName(m.path))! > 0),
    );
    expect(some(silent.map(m => m.path))).toEqual([]);
    expect(run.calls.size).toBeGreaterThan(MODULES / 2);
    // Nothing is counted of modules as they were.
    expect([plain.calls.size, plain.ownCalls.size]).toEqual([0, 0]);
  });
});

/** A function that the prover cannot follow any more when another object is merged in; docs/proof.md. */
const isUnknown = (complaint: string) =>
  /: the result is not proved right, nothing is written: .* \[PRV002\]/.test(complaint);

function noteHooks(generation: Generation, patched: readonly PatchedModule[]): void {
  const hooked = patched.filter(m => m.hooks.length > 0);
  const refused = new Map<string, number>();
  for (const m of patched) for (const [code, n] of m.refused) refused.set(code, (refused.get(code) ?? 0) + n);
  const reasons = [...refused].sort((a, b) => b[1] - a[1]).map(([code, n]) => `${n} ${code}`);
  figure(
    `${generation}: functions hooked`,
    hooked.reduce((sum, m) => sum + m.hooks.length, 0),
  );
  figure(`${generation}: modules with hooks`, `${hooked.length} of ${patched.length}`);
  figure(`${generation}: functions with a call site left as they are, by code`, reasons.join(', ') || 'none');
  figure(
    `${generation}: functions without a call site`,
    patched.reduce((sum, m) => sum + m.without, 0),
  );
}

function noteCounts(generation: Generation, run: Run): void {
  const own = [...run.ownCalls.values()];
  const others = [...run.calls.values()];
  const total = (numbers: readonly number[]) => numbers.reduce((sum, n) => sum + n, 0);
  figure(
    `${generation}: modules that counted calls of their own functions`,
    `${own.filter(n => n > 0).length} of ${own.length}`,
  );
  figure(`${generation}: calls that they counted`, total(own));
  figure(`${generation}: functions of other modules that were called`, others.length);
  figure(`${generation}: calls of these`, total(others));
}
