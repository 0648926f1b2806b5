// Shadow redirects under fire: on two processors, tasks and interrupts enter two functions at the same time, with a limit so low that
// many of them find no slot. No return may go wrong, and who finds no slot runs the original.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runMachine } from './boot/machine.ts';
import { loadModules, prelude, troubles, unloadModules } from './boot/scripts.ts';
import { buildOnce, cacheFolder, GENERATIONS, type Generation, kernel } from './harness/harness.ts';
import { figure, full } from './support/lab.ts';
import { tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-shadow-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const SECONDS = full ? 60 : 15;
/** Of activations at one time; two tasks go five deep. */
const LIMIT = 4;

/** The folder with `hammer.ko` and `hammer_fix.ko`, kept in the cache as long as their sources stay the same. */
function modules(generation: Generation): string {
  const source = resolve(import.meta.dirname, 'shadow');
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const name of readdirSync(source).sort()) digest.update(readFileSync(join(source, name)));
  const folder = join(cacheFolder, 'modules', `shadow-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, source, folder);
  return folder;
}

const COUNTERS = ['originals', 'replaced', 'wrong', 'registers', 'interrupts'] as const;
const SHADOW = ['calls', 'live', 'high', 'overflows'] as const;

function hammer(label: string, seconds: number): string {
  return `
echo ${seconds} > /sys/module/hammer/parameters/run; result ${label}.ran $?
for name in ${COUNTERS.join(' ')} ${SHADOW.map(name => `tocsin_shadow_${name}`).join(' ')}; do
  result ${label}.$name "$(cat /sys/module/hammer/parameters/$name)"
done
`;
}

describe.each(GENERATIONS)('a shadow redirect that is hammered, kernel %s', generation => {
  it.each(['recomputed', 'saved'])('loses no return, r2 %s', async toc => {
    const folder = modules(generation);
    const { release, symvers } = kernel(generation);
    const patched = join(scratch, `${generation}-${toc}`, 'hammer.ko');
    mkdirSync(join(patched, '..'), { recursive: true });
    await tocsinDone(
      ...['patch', join(folder, 'hammer.ko'), '-o', patched, '--strategy', 'shadow', '--toc', toc, '--quiet'],
      ...['--redirect', 'hammer_sum=hammer_fixed', '--redirect', 'hammer_list=hammer_counted'],
      ...['--symvers', join(folder, 'Module.symvers'), '--symvers', symvers],
    );
    const { exitStatus, found, said } = await runMachine(`shadow-${generation}-${toc}`, {
      generation,
      processors: 2,
      // Two processors of a busy machine: one may wait long for the other, which watchdogs take for a lockup.
      kernelArguments: 'nowatchdog',
      timeoutSeconds: 200 + 3 * SECONDS,
      files: [patched, join(folder, 'hammer_fix.ko')],
      script: [
        prelude(),
        'dmesg -c > /dev/null\n',
        loadModules(['hammer_fix.ko', 'hammer.ko']),
        'result processors $(grep -c ^processor /proc/cpuinfo)\n',
        hammer('wide', Math.ceil(SECONDS / 5)),
        `echo ${LIMIT} > /sys/module/hammer/parameters/tocsin_shadow_limit\n`,
        hammer('low', SECONDS),
        unloadModules(['hammer', 'hammer_fix']),
        troubles(),
      ].join(''),
    });
    expect([exitStatus, found.get('troubles'), found.get('processors')], said).toEqual([0, '0', '2']);
    const counter = (label: string, name: string) => Number(found.get(`${label}.${name}`));
    const shadow = (label: string, name: (typeof SHADOW)[number]) => counter(label, `tocsin_shadow_${name}`);
    for (const label of ['wide', 'low']) {
      expect([label, found.get(`${label}.ran`)], said).toEqual([label, '0']);
      expect([counter(label, 'wrong'), counter(label, 'registers'), shadow(label, 'live')], said).toEqual([0, 0, 0]);
      expect(counter(label, 'interrupts')).toBeGreaterThan(100);
      expect(counter(label, 'replaced')).toBeGreaterThan(1000);
      // Whoever found no slot ran the original, and nobody else did.
      expect(shadow(label, 'overflows')).toBe(counter(label, 'originals'));
      expect(shadow(label, 'calls')).toBe(counter(label, 'originals') + counter(label, 'replaced'));
    }
    expect(shadow('wide', 'overflows')).toBe(0);
    expect(shadow('wide', 'high')).toBeGreaterThan(LIMIT);
    expect(shadow('low', 'overflows')).toBeGreaterThan(100);
    expect([found.get('unload.hammer'), found.get('unload.hammer_fix')]).toEqual(['0', '0']);
    figure(`shadow ${release}, ${toc}: entries in ${SECONDS} s`, shadow('low', 'calls') - shadow('wide', 'calls'));
    figure(`shadow ${release}, ${toc}: of these, the original ran`, shadow('low', 'overflows'));
    figure(`shadow ${release}, ${toc}: interrupts that entered`, counter('low', 'interrupts'));
    figure(`shadow ${release}, ${toc}: most at one time without the limit`, shadow('wide', 'high'));
  });
});
