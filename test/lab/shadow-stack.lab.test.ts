// Shadow redirects on the second stack of tasks, in a kernel with CONFIG_LIVEPATCH. The kernel's own livepatches use the same stack at the same
// time, for what the redirects lead to: on two processors, in tasks that wait and in interrupts, nobody may take another's entry. Where
// the limit is low, originals run. The canary watches its callers' registers.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeIndex } from '../../src/kernel/knowledge/store.ts';
import type { PatchDocument } from '../../src/report/patch/document.ts';
import { runMachine } from './boot/machine.ts';
import { canaryCounts, loadModules, prelude, runCanary, troubles, unloadModules } from './boot/scripts.ts';
import { samplesFolder } from './harness/harness.ts';
import { buildFor, livepatchParts, makeKernel, vmlinux } from './loader/livepatch/kernel.ts';
import { COLUMNS, type Run } from './matrix/columns.ts';
import { FUNCTIONS } from './matrix/rows.ts';
import { figure, full } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-shadow-stack-'));
const hammers = join(scratch, 'hammer');
const canaries = join(scratch, 'canary');
const index = join(scratch, 'livepatch.index');
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

beforeAll(() => {
  makeKernel();
  const here = import.meta.dirname;
  mkdirSync(hammers);
  mkdirSync(canaries);
  buildFor([resolve(here, 'shadow'), resolve(here, 'shadow-stack')], hammers);
  buildFor([join(samplesFolder, 'src'), resolve(here, 'modules')], canaries);
  writeFileSync(index, encodeIndex(livepatchParts()));
}, 3_600_000);

const SECONDS = full ? 60 : 10;
const ENTRIES = full ? 100_000 : 2000;
/** Bytes: what is always in use, and two entries, the kernel's counted. */
const LOW = 8 + 2 * 24;

const COUNTERS = [
  'originals',
  'replaced',
  'wrong',
  'registers',
  'interrupts',
  'tocsin_shadow_stack_overflows',
] as const;

const hammer = (label: string, seconds: number) => `
echo ${seconds} > /sys/module/hammer/parameters/run; result ${label}.ran $?
for name in ${COUNTERS.join(' ')}; do result ${label}.$name "$(cat /sys/module/hammer/parameters/$name)"; done
result ${label}.patched "$(cat /sys/module/hammer_klp/parameters/patched 2> /dev/null)"
`;

const limit = (module: string, bytes: number) =>
  `echo ${bytes} > /sys/module/${module}/parameters/tocsin_shadow_stack_limit\n`;

/** Enabled when it is loaded; goes when it is not in use any more. */
const ENABLE = `
load /files/hammer_klp.ko
for i in $(seq 60); do [ "$(cat /sys/kernel/livepatch/hammer_klp/transition)" = 0 ] && break; sleep 1; done
result enabled "$(cat /sys/kernel/livepatch/hammer_klp/transition)"
`;
const DISABLE = `
echo 0 > /sys/kernel/livepatch/hammer_klp/enabled
for i in $(seq 60); do [ -e /sys/kernel/livepatch/hammer_klp ] || break; sleep 1; done
rmmod hammer_klp; result unload.hammer_klp $?
`;

async function patch(folder: string, name: string, toc: string, redirects: readonly string[]): Promise<string> {
  mkdirSync(join(scratch, toc), { recursive: true });
  const out = join(scratch, toc, `${name}.ko`);
  const ran = await tocsin(
    ...['patch', join(folder, `${name}.ko`), '-o', out, '--strategy', 'shadow', '--toc', toc, '--format', 'json'],
    ...redirects.flatMap(r => ['--redirect', r]),
    ...['--kernel', index, '--symvers', join(folder, 'Module.symvers')],
  );
  expect([ran.status, ran.stderr]).toEqual([0, '']);
  const { proof, actions } = JSON.parse(ran.stdout) as PatchDocument;
  expect(proof?.verdict).toBe('proved');
  for (const a of actions) expect(a).toMatchObject({ strategy: 'shadow', stack: { sp: 16 } });
  const back = join(scratch, 'back.ko');
  await tocsinDone('revert', out, '-o', back, '--force', '--quiet');
  return out;
}

describe.each(['recomputed', 'saved'])('shadow on the livepatch stack, r2 %s', toc => {
  it('loses no return beside livepatches of the kernel', async () => {
    const redirects = ['hammer_sum=hammer_fixed', 'hammer_list=hammer_counted'];
    const { exitStatus, found, said } = await runMachine(`shadow-stack-${toc}`, {
      vmlinux,
      processors: 2,
      kernelArguments: 'nowatchdog',
      timeoutSeconds: 300 + 4 * SECONDS,
      files: [
        await patch(hammers, 'hammer', toc, redirects),
        ...['hammer_fix.ko', 'hammer_klp.ko'].map(name => join(hammers, name)),
      ],
      script: [
        prelude(),
        'dmesg -c > /dev/null\n',
        loadModules(['hammer_fix.ko', 'hammer.ko']),
        hammer('alone', Math.ceil(SECONDS / 5)),
        ENABLE,
        hammer('beside', SECONDS),
        limit('hammer', LOW),
        hammer('low', SECONDS),
        limit('hammer', 0),
        hammer('none', Math.ceil(SECONDS / 5)),
        DISABLE,
        unloadModules(['hammer', 'hammer_fix']),
        troubles(),
      ].join(''),
    });
    expect([exitStatus, found.get('troubles'), found.get('enabled')], said).toEqual([0, '0', '0']);
    const counter = (label: string, name: string) => Number(found.get(`${label}.${name}`));
    let before = 0;
    let patched = 0;
    for (const label of ['alone', 'beside', 'low', 'none']) {
      expect([label, found.get(`${label}.ran`)], said).toEqual([label, '0']);
      expect([label, counter(label, 'wrong'), counter(label, 'registers')], said).toEqual([label, 0, 0]);
      expect(counter(label, 'interrupts')).toBeGreaterThan(100);
      // Whoever found no room ran the original, and nobody else did.
      expect(counter(label, 'tocsin_shadow_stack_overflows')).toBe(counter(label, 'originals'));
      const isFull = label === 'none';
      expect([label, counter(label, 'replaced') > before]).toEqual([label, !isFull]);
      if (label === 'beside') expect(counter(label, 'patched')).toBeGreaterThan(1000);
      if (label === 'low') expect(counter(label, 'patched')).toBeGreaterThan(patched);
      if (isFull) expect(counter(label, 'patched')).toBe(patched);
      before = counter(label, 'replaced');
      patched = counter(label, 'patched');
    }
    expect(counter('alone', 'originals')).toBe(0);
    expect(counter('beside', 'originals')).toBe(0);
    expect(counter('low', 'originals')).toBeGreaterThan(1000);
    expect(counter('none', 'originals')).toBeGreaterThan(counter('low', 'originals'));
    expect(['hammer_klp', 'hammer', 'hammer_fix'].map(name => found.get(`unload.${name}`))).toEqual(['0', '0', '0']);
    figure(`livepatch stack, ${toc}: entries that were replaced`, before);
    figure(`livepatch stack, ${toc}: entries of the kernel's own livepatch on the same stack`, patched);
    figure(`livepatch stack, ${toc}: entries for which the original ran`, counter('none', 'originals'));
    figure(`livepatch stack, ${toc}: interrupts that entered`, counter('none', 'interrupts'));
  });

  it("keeps its callers' registers", async () => {
    const redirects = FUNCTIONS.map(f => `${f}=${f.replace('home', 'fix')}`);
    const runs = new Map<string, Run>();
    for (const { runs: list } of COLUMNS) for (const r of list) runs.set(`${r.module}.${r.target}.${r.path}`, r);
    const calls = ({ entries }: Run) => Math.ceil(ENTRIES / entries);
    const all = (label: string) =>
      [...runs.values()].map(r => runCanary(r.module, r.target, r.path, calls(r), label)).join('');
    const { exitStatus, found, said } = await runMachine(`shadow-stack-canary-${toc}`, {
      vmlinux,
      timeoutSeconds: full ? 3000 : 400,
      files: [
        await patch(canaries, 'canary', toc, redirects),
        ...['canary_fix.ko', 'canary_ext.ko'].map(name => join(canaries, name)),
      ],
      script: [
        prelude(),
        loadModules(['canary_fix.ko', 'canary.ko', 'canary_ext.ko']),
        all('replaced'),
        limit('canary', 0),
        all('original'),
        unloadModules(['canary_ext', 'canary', 'canary_fix']),
        troubles(),
      ].join(''),
    });
    expect([exitStatus, found.get('troubles')], said).toEqual([0, '0']);
    let entries = 0;
    for (const [key, r] of runs)
      for (const gives of ['replaced', 'original'] as const) {
        const counts = canaryCounts(found.get(`canary.${key}.${gives}`));
        const { r1, r2, lr, nonvolatile, cr } = counts;
        expect([key, gives, counts.calls, counts[gives], r1 + r2 + lr + nonvolatile + cr]).toEqual([
          ...[key, gives, calls(r), calls(r), 0],
        ]);
        entries += counts.calls * r.entries;
      }
    figure(`livepatch stack, ${toc}: entries of the canary, no register lost`, entries);
  });
});
