// A replacement in the same module that no branch reaches: 40 MB of code lie between. The kernels load it, and all callers get there.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PatchDocument } from '../../src/report/patch/document.ts';
import { clean, runMachine } from './boot/machine.ts';
import {
  canaryCounts,
  loadModules,
  prelude,
  runCanary,
  troubles,
  unloadModules,
  whileTracing,
} from './boot/scripts.ts';
import { GENERATIONS, type Generation, kernel, labModules } from './harness/harness.ts';
import { figure, full } from './support/lab.ts';
import { runProgram, tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-far-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const here = resolve(import.meta.dirname, 'far');
const CALLS = full ? 100_000 : 5000;

const RUNS = (['add', 'sibling', 'twice'] as const).flatMap(target =>
  (
    [
      ['canary', 'local'],
      ['canary', 'pointer'],
      ['canary_ext', 'external'],
      ['canary_ext', 'pointer'],
    ] as const
  ).map(([module, path]) => ({ module, path, target })),
);

/** The canary with the filler and the far function behind its stubs. */
async function bigModule(generation: Generation): Promise<string> {
  const folder = join(scratch, generation);
  mkdirSync(folder, { recursive: true });
  const [object, big] = [join(folder, 'far.o'), join(folder, 'big.ko')];
  const { canary } = labModules(generation);
  const assembled = await runProgram('powerpc64le-linux-gnu-gcc', ['-c', '-o', object, join(here, 'far.S')]);
  expect([assembled.status, assembled.stderr]).toEqual([0, '']);
  const asked = ['-r', '-T', join(here, 'order.ld'), '-o', big, canary, object];
  const linked = await runProgram('powerpc64le-linux-gnu-ld', asked);
  expect([linked.status, linked.stderr]).toEqual([0, '']);
  return big;
}

const runAll = (label: string, calls: number) =>
  RUNS.map(r => runCanary(r.module, r.target, r.path, calls, label)).join('');

describe.each(GENERATIONS)('40 MB away, kernel %s', generation => {
  it('is reached by all callers, with every register as it was', async () => {
    const of = kernel(generation);
    const { canaryExt, canaryFix, symvers } = labModules(generation);
    const big = await bigModule(generation);
    const at = ['after-site', 'site'] as const;
    const made: string[] = [];
    for (const place of at) {
      const out = join(scratch, generation, `canary-${place}.ko`);
      const ran = await tocsin(
        'patch',
        big,
        '-o',
        out,
        '--redirect',
        'home_add=far_add',
        '--at',
        place,
        '--format',
        'json',
      );
      expect([ran.status, ran.stderr]).toEqual([0, '']);
      const doc = JSON.parse(ran.stdout) as PatchDocument;
      expect(doc.proof?.verdict).toBe('proved');
      expect(doc.actions).toMatchObject([{ strategy: 'direct', at: place, branch: 'long' }]);
      const restored = join(scratch, generation, 'restored.ko');
      await tocsinDone('revert', out, '-o', restored, '--force', '--quiet');
      expect(readFileSync(restored).equals(readFileSync(big))).toBe(true);
      made.push(out);
    }
    // A trampoline behind those 40 MB would not reach the stubs: the kernel would refuse it, and tocsin says so.
    const frame = ['--redirect', 'home_eight=fix_eight', '--symvers', symvers];
    const refused = await tocsin('patch', big, '-o', join(scratch, 'never.ko'), ...frame);
    expect([refused.status, refused.stderr.includes('out of range')]).toEqual([1, true]);
    const { exitStatus, found, said, seconds } = await runMachine(`far-${generation}`, {
      generation,
      timeoutSeconds: 900,
      memory: '3G',
      files: [canaryExt, canaryFix, ...made],
      script: [
        prelude(),
        loadModules(['canary_fix.ko']),
        ...at.flatMap(place => [
          loadModules([`canary-${place}.ko`, 'canary_ext.ko']),
          runAll(place, CALLS),
          whileTracing(['home_twice'], round => runAll(`${place}.${round}`, 300), 4),
          unloadModules(['canary_ext', 'canary']),
        ]),
        troubles(),
      ].join(''),
    });
    expect([exitStatus, found.get('troubles'), found.get('tracer.enabled')], said).toEqual([0, '0', '1']);
    let calls = 0;
    for (const place of at)
      for (const { module, target, path } of RUNS)
        for (const label of [place, `${place}.switching`, `${place}.traced`]) {
          const seen = canaryCounts(found.get(`canary.${module}.${target}.${path}.${label}`));
          expect([label, module, target, path, seen]).toEqual([
            label,
            module,
            target,
            path,
            clean(seen.calls, 'replaced'),
          ]);
          calls += seen.calls;
        }
    figure(`far ${of.release}: calls over 40 MB, no register lost`, calls);
    figure(`far ${of.release}: seconds`, Math.round(seconds));
  });
});
