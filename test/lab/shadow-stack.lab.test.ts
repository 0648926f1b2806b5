// Shadow redirects on the second stack of tasks, in a kernel with CONFIG_LIVEPATCH. The kernel's own livepatches use the same stack at the same
// time, for what the redirects lead to: on two processors, in tasks that wait and in interrupts, nobody may take another's entry. Where
// the limit is low, originals run. The canary watches its callers' registers; one of them is 40 MB away from what it leads to.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeIndex } from '../../src/kernel/knowledge/store.ts';
import type { PatchDocument } from '../../src/report/patch/document.ts';
import { clean, runMachine } from './boot/machine.ts';
import { canaryCounts, loadModules, PATHS, prelude, runCanary, troubles, unloadModules } from './boot/scripts.ts';
import { withGap } from './far/far.ts';
import { GENERATIONS, type Generation, samplesFolder } from './harness/harness.ts';
import { buildFor, isThere, livepatchParts, makeKernel, vmlinuxOf } from './loader/livepatch/kernel.ts';
import { COLUMNS, type Run } from './matrix/columns.ts';
import { FUNCTIONS } from './matrix/rows.ts';
import { figure, full } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-shadow-stack-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Each takes ten minutes and more to build where it is missing. */
const KERNELS: readonly Generation[] = full ? GENERATIONS : ['6.1'];
const leftOut = !full && !isThere();
if (leftOut)
  console.log(
    'shadow-stack: left out, because its kernel is not in the cache (test/lab/harness/livepatch-kernel builds it; so does --full)',
  );

const folderOf = (generation: Generation, name: string) => join(scratch, generation, name);
const hammersOf = (generation: Generation) => folderOf(generation, 'hammer');
const canariesOf = (generation: Generation) => folderOf(generation, 'canary');
const indexOf = (generation: Generation) => folderOf(generation, 'index');

const made = new Set<Generation>();

/** The kernel, the modules for it, and what tocsin knows of it. */
function prepare(generation: Generation): void {
  if (made.has(generation)) return;
  const here = import.meta.dirname;
  makeKernel(generation);
  const [hammers, canaries] = [hammersOf(generation), canariesOf(generation)];
  for (const folder of [hammers, canaries]) mkdirSync(folder, { recursive: true });
  buildFor(generation, [resolve(here, 'shadow'), resolve(here, 'shadow-stack')], hammers);
  buildFor(generation, [join(samplesFolder, 'src'), resolve(here, 'modules')], canaries);
  writeFileSync(indexOf(generation), encodeIndex(livepatchParts(generation)));
  made.add(generation);
}

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
  'tocsin_shadow_stack_calls',
  'tocsin_shadow_stack_live',
  'tocsin_shadow_stack_high',
  'tocsin_shadow_stack_overflows',
] as const;

const hammer = (label: string, seconds: number) => `
echo ${seconds} > /sys/module/hammer/parameters/run; result ${label}.ran $?
for name in ${COUNTERS.join(' ')}; do result ${label}.$name "$(cat /sys/module/hammer/parameters/$name)"; done
result ${label}.patched "$(cat /sys/module/hammer_klp/parameters/patched 2> /dev/null)"
`;

/** What the parameters of the module that is patched say. */
function counters(of: (name: string) => number) {
  const own = (name: string) => of(`tocsin_shadow_stack_${name}`);
  return { calls: own('calls'), live: own('live'), high: own('high'), overflows: own('overflows') };
}

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

interface Patching {
  readonly generation: Generation;
  /** Where the module and the versions of what its like export are. */
  readonly folder: string;
  readonly name: string;
  readonly toc: string;
  readonly redirects: readonly string[];
  readonly more?: readonly string[];
  /** Another file than `name`.ko of the folder, and what the output is called then. */
  readonly input?: string;
  readonly as?: string;
}

async function patch(asked: Patching): Promise<string> {
  const { generation, folder, name, toc, redirects, more = [], input = join(folder, `${name}.ko`), as = name } = asked;
  mkdirSync(folderOf(generation, toc), { recursive: true });
  const out = join(folderOf(generation, toc), `${as}.ko`);
  const ran = await tocsin(
    ...['patch', input, '-o', out, '--strategy', 'shadow', '--toc', toc, '--format', 'json', ...more],
    ...redirects.flatMap(r => ['--redirect', r]),
    ...['--kernel', indexOf(generation), '--symvers', join(folder, 'Module.symvers')],
  );
  expect([ran.status, ran.stderr]).toEqual([0, '']);
  const { proof, actions } = JSON.parse(ran.stdout) as PatchDocument;
  expect(proof?.verdict).toBe('proved');
  for (const a of actions) expect(a).toMatchObject({ strategy: 'shadow', stack: { sp: expect.any(Number) } });
  const back = join(scratch, 'back.ko');
  await tocsinDone('revert', out, '-o', back, '--force', '--quiet');
  expect(readFileSync(back).equals(readFileSync(input))).toBe(true);
  return out;
}

const FAR_TARGETS = ['add', 'ten', 'sibling', 'twice', 'leaf'] as const;
const FAR_CALLS = full ? 100_000 : 1000;
/** How often a redirected function is entered when each target is called once, by local callers and by all others. */
const INNER = { add: 0, ten: 0, sibling: 1, twice: 2, leaf: 0 };
const ALL = { ...INNER, add: 1, ten: 1 };
const NONE = { add: 0, ten: 0, sibling: 0, twice: 0, leaf: 0 };
const FAR = [
  { at: 'after-site', toc: 'recomputed', local: ALL, outside: ALL },
  { at: 'global-entry', toc: 'recomputed', local: NONE, outside: { ...NONE, add: 1, ten: 1 } },
  { at: 'site', toc: 'saved', local: ALL, outside: ALL },
  { at: 'local-entry', toc: 'saved', local: ALL, outside: INNER },
];

const CASES = KERNELS.flatMap(generation => ['recomputed', 'saved'].map(toc => [generation, toc] as const));

describe.skipIf(leftOut).each(CASES)('shadow on the livepatch stack, kernel %s, r2 %s', (generation, toc) => {
  beforeAll(() => prepare(generation), 7_200_000);
  const vmlinux = vmlinuxOf(generation);
  const hammers = hammersOf(generation);
  const canaries = canariesOf(generation);
  it('loses no return beside livepatches of the kernel', async () => {
    const redirects = ['hammer_sum=hammer_fixed', 'hammer_list=hammer_counted'];
    const { exitStatus, found, said } = await runMachine(`shadow-stack-${generation}-${toc}`, {
      vmlinux,
      processors: 2,
      kernelArguments: 'nowatchdog',
      timeoutSeconds: 300 + 4 * SECONDS,
      files: [
        await patch({ generation, folder: hammers, name: 'hammer', toc, redirects }),
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
      // Whoever found no room ran the original, and nobody else did; all others have come back.
      const { calls, live, high, overflows } = counters(name => counter(label, name));
      expect([label, overflows, live]).toEqual([label, counter(label, 'originals'), 0]);
      expect([label, calls - overflows]).toEqual([label, counter(label, 'replaced')]);
      expect(high).toBeGreaterThan(1);
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
    figure(`livepatch stack, ${generation}, ${toc}: entries that were replaced`, before);
    figure(`livepatch stack, ${generation}, ${toc}: entries of the kernel's own livepatch on the same stack`, patched);
    figure(`livepatch stack, ${generation}, ${toc}: entries for which the original ran`, counter('none', 'originals'));
    figure(`livepatch stack, ${generation}, ${toc}: interrupts that entered`, counter('none', 'interrupts'));
  });

  it("keeps its callers' registers", async () => {
    const redirects = FUNCTIONS.map(f => `${f}=${f.replace('home', 'fix')}`);
    const runs = new Map<string, Run>();
    for (const { runs: list } of COLUMNS) for (const r of list) runs.set(`${r.module}.${r.target}.${r.path}`, r);
    const calls = ({ entries }: Run) => Math.ceil(ENTRIES / entries);
    const all = (label: string) =>
      [...runs.values()].map(r => runCanary(r.module, r.target, r.path, calls(r), label)).join('');
    const { exitStatus, found, said } = await runMachine(`shadow-stack-canary-${generation}-${toc}`, {
      vmlinux,
      timeoutSeconds: full ? 3000 : 400,
      files: [
        await patch({ generation, folder: canaries, name: 'canary', toc, redirects }),
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
    figure(`livepatch stack, ${generation}, ${toc}: entries of the canary, no register lost`, entries);
  });

  it('gets to what no branch reaches', async () => {
    const folder = folderOf(generation, `far-${toc}`);
    mkdirSync(folder, { recursive: true });
    const input = await withGap(join(canaries, 'canary.ko'), folder);
    const redirects = ['home_add=far_add', 'home_ten=fix_ten'];
    const places = FAR.filter(f => f.toc === toc);
    const files: string[] = [];
    for (const { at } of places) {
      const asked = { generation, folder: canaries, name: 'canary', toc, redirects, input };
      files.push(await patch({ ...asked, as: `canary-${at}`, more: ['--at', at] }));
    }
    const all = (label: string) =>
      FAR_TARGETS.flatMap(t => PATHS.map(([module, path]) => runCanary(module, t, path, FAR_CALLS, label))).join('');
    const { exitStatus, found, said } = await runMachine(`shadow-stack-far-${generation}-${toc}`, {
      vmlinux: vmlinuxOf(generation),
      timeoutSeconds: full ? 3000 : 400,
      files: [...files, ...['canary_fix.ko', 'canary_ext.ko'].map(name => join(canaries, name))],
      script: [
        prelude(),
        loadModules(['canary_fix.ko']),
        ...places.flatMap(({ at }) => [
          loadModules([`canary-${at}.ko`, 'canary_ext.ko']),
          all(at),
          `result calls.${at} "$(cat /sys/module/canary/parameters/tocsin_shadow_stack_calls)"\n`,
          `result live.${at} "$(cat /sys/module/canary/parameters/tocsin_shadow_stack_live)"\n`,
          unloadModules(['canary_ext', 'canary']),
        ]),
        troubles(),
      ].join(''),
    });
    expect([exitStatus, found.get('troubles')], said).toEqual([0, '0']);
    let entries = 0;
    for (const { at, local, outside } of places) {
      let entered = 0;
      for (const target of FAR_TARGETS)
        for (const [module, path] of PATHS) {
          const seen = canaryCounts(found.get(`canary.${module}.${target}.${path}.${at}`));
          const times = (path === 'local' ? local : outside)[target];
          expect([at, module, target, path, seen]).toEqual([
            ...[at, module, target, path],
            clean(FAR_CALLS, times === 0 ? 'original' : 'replaced'),
          ]);
          entered += times * FAR_CALLS;
        }
      expect([at, found.get(`calls.${at}`), found.get(`live.${at}`)]).toEqual([at, String(entered), '0']);
      entries += entered;
    }
    figure(`livepatch stack, ${generation}, ${toc}: entries over 40 MB, no register lost`, entries);
  });
});
