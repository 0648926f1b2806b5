// Functions of a module that no branch of it reaches: 40 MB of code lie between. Every form of patch gets there all the same, in the
// three kernels (`shadow` on the livepatch stack: shadow-stack.lab.test.ts), and the callers lose nothing. A plain branch over that distance is
// what the kernel's loader refuses.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readElf } from '../../src/elf/read.ts';
import type { PatchDocument } from '../../src/report/patch/document.ts';
import { applyPlan } from '../../src/rewrite/apply.ts';
import { makePlan } from '../../src/rewrite/plan.ts';
import { clean, runMachine } from './boot/machine.ts';
import {
  canaryCounts,
  loadModules,
  PATHS,
  prelude,
  runCanary,
  troubles,
  unloadModules,
  whileTracing,
} from './boot/scripts.ts';
import { assemble, withGap } from './far/far.ts';
import { GENERATIONS, type Generation, kernel, labModules } from './harness/harness.ts';
import { figure, full } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-far-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const samples = resolve(import.meta.dirname, '../../samples');
const CALLS = full ? 100_000 : 1000;

const TARGETS = ['add', 'eight', 'leaf', 'sibling', 'ten', 'twice'] as const;
type Target = (typeof TARGETS)[number];
const TRACED: readonly Target[] = ['add', 'twice'];

interface Variant {
  readonly name: string;
  readonly options: readonly string[];
  /** Targets that give the replacement's result for local callers, and for all others. */
  readonly local: readonly Target[];
  readonly outside: readonly Target[];
  /** How often the far hook runs when each target is called once. */
  readonly hits?: Readonly<Partial<Record<Target, number>>>;
}

const to = (from: string, target: string) => ['--redirect', `home_${from}=${target}`];
const ADD = ['add', 'sibling', 'twice'] as const;
const HITS = { add: 1, eight: 1, leaf: 1, sibling: 2, ten: 1, twice: 3 };

/**
 * @param own objects of `custom`, made from the samples
 * @param copies a module that exports copies of its functions
 */
const variants = (own: (name: string) => string, copies: string): readonly Variant[] => [
  ...(['after-site', 'site'] as const).map(at => ({
    name: `direct-${at}`,
    options: [...to('add', 'far_add'), ...to('leaf', 'far_leaf'), '--at', at],
    local: [...ADD, 'leaf' as const],
    outside: [...ADD, 'leaf' as const],
  })),
  {
    name: 'global-entry',
    options: [...to('add', 'far_add'), ...to('eight', 'fix_eight'), '--at', 'global-entry'],
    local: [],
    outside: ['add', 'eight'],
  },
  {
    name: 'local-entry',
    options: [...to('add', 'far_add'), ...to('eight', 'fix_eight'), ...to('leaf', 'far_leaf'), '--at', 'local-entry'],
    local: [...ADD, 'eight', 'leaf'],
    outside: ['sibling', 'twice'],
  },
  ...(['recomputed', 'saved'] as const).map(toc => ({
    name: `frame-${toc}`,
    options: [...to('add', 'far_add'), ...to('eight', 'fix_eight'), '--strategy', 'frame', '--toc', toc],
    local: [...ADD, 'eight' as const],
    outside: [...ADD, 'eight' as const],
  })),
  ...(
    [
      ['after-site', 'recomputed', [...ADD, 'ten'], [...ADD, 'ten']],
      ['site', 'saved', [...ADD, 'ten'], [...ADD, 'ten']],
      ['global-entry', 'recomputed', [], ['add', 'ten']],
      ['local-entry', 'saved', [...ADD, 'ten'], ['sibling', 'twice']],
    ] as const
  )
    .slice(full ? 0 : 2)
    .map(([at, toc, local, outside]) => ({
      name: `epilogue-${at}`,
      options: [...to('add', 'fix_add'), ...to('ten', 'fix_ten'), '--strategy', 'epilogue', '--modules', copies].concat(
        [...['--at', at, '--toc', toc]],
      ),
      local,
      outside,
    })),
  {
    name: 'shadow',
    options: [...to('add', 'far_add'), ...to('ten', 'fix_ten'), '--strategy', 'shadow'],
    local: [...ADD, 'ten'],
    outside: [...ADD, 'ten'],
  },
  ...(['after-site', 'site'] as const).map(at => ({
    name: `hook-${at}`,
    options: TARGETS.flatMap(t => ['--hook', `home_${t}=far_hook`]).concat('--at', at),
    local: [],
    outside: [],
    hits: HITS,
  })),
  {
    name: 'hook-exit',
    options: [
      '--hook',
      'home_[ael]*=fix_hook',
      '--hook-exit',
      'home_add=far_hook',
      '--hook-exit',
      'home_leaf=far_hook',
    ],
    local: [],
    outside: [],
    hits: { add: 1, leaf: 1, sibling: 1, twice: 2 },
  },
  {
    name: 'retarget',
    options: ['--retarget', 'home_sibling:home_add=far_add', '--retarget', 'home_twice:home_add=far_add'],
    local: ['sibling', 'twice'],
    outside: ['sibling', 'twice'],
  },
  {
    // Its code becomes a part of .text, and G is far.
    name: 'custom-near',
    options: [...to('add', 'far_add'), '--strategy', `custom:${join(samples, 'custom/frame.o')}`],
    local: ADD,
    outside: ADD,
  },
  {
    // It becomes the last section of all: F is far, and so is what stands for the rest of it.
    name: 'custom-far',
    options: [...to('add', 'home_add_fixed'), '--strategy', `custom:${own('frame')}`],
    local: ADD,
    outside: ADD,
  },
  ...(['add', 'leaf'] as const).map(target => ({
    name: `custom-goes-on-${target}`,
    options: [...to(target, `home_${target}`), '--strategy', `custom:${own('count')}`],
    local: [],
    outside: [],
  })),
];

/** A sample trampoline in a section of its own. */
async function ownSection(name: string): Promise<void> {
  const source = join(scratch, `${name}.S`);
  const text = readFileSync(join(samples, 'src/custom', `${name}.S`), 'utf8');
  const own = text.replace(/^\t\.text$/m, '\t.section .text.own, "ax", @progbits');
  // The canary has a parameter of that name.
  writeFileSync(source, own.replace('"calls"', '"entered"'));
  await assemble(source, join(scratch, `${name}.o`));
}

async function bigModule(generation: Generation): Promise<string> {
  const folder = join(scratch, generation);
  mkdirSync(folder, { recursive: true });
  return withGap(labModules(generation).canary, folder);
}

/** RESULT `hits.LABEL` = what the far hook has counted, as it lies in memory. */
const hits = (label: string) => `
result hits.${label} "$(kread "$(cat /sys/module/canary/sections/.data.far)" 8)"
`;

function script({ name }: Variant): string {
  const run = (targets: readonly Target[], calls: number, label: string) =>
    targets.flatMap(t => PATHS.map(([module, path]) => runCanary(module, t, path, calls, label))).join('');
  return [
    loadModules([`canary-${name}.ko`, 'canary_ext.ko']),
    run(TARGETS, CALLS, name),
    hits(name),
    whileTracing(['home_twice', 'home_add'], round => run(TRACED, 100, `${name}.${round}`), 2),
    unloadModules(['canary_ext', 'canary']),
  ].join('');
}

/** The tests of 40 MB take a minute or two each. */
const KERNELS: readonly Generation[] = full ? GENERATIONS : ['6.12'];

describe.each(KERNELS)('40 MB away, kernel %s', generation => {
  it('every form gets there, with every register as it was', async () => {
    const of = kernel(generation);
    const { canaryExt, canaryFix, symvers } = labModules(generation);
    const big = await bigModule(generation);
    for (const name of ['frame', 'count']) await ownSection(name);
    const copies = join(scratch, generation, 'canary_fix.ko');
    await tocsinDone('patch', canaryFix, '-o', copies, '--epilogue', 'fix_*', '--force', '--quiet');
    const all = variants(name => join(scratch, `${name}.o`), copies);
    for (const { name, options } of all) {
      const out = join(scratch, generation, `canary-${name}.ko`);
      const ran = await tocsin('patch', big, '-o', out, ...options, '--symvers', symvers, '--format', 'json');
      expect([name, ran.status, ran.stderr]).toEqual([name, 0, '']);
      expect((JSON.parse(ran.stdout) as PatchDocument).proof?.verdict).toBe('proved');
      const restored = join(scratch, generation, 'restored.ko');
      await tocsinDone('revert', out, '-o', restored, '--force', '--quiet');
      expect(readFileSync(restored).equals(readFileSync(big))).toBe(true);
    }
    const plain = await plainBranch(generation, big);
    const { exitStatus, found, said, seconds } = await runMachine(`far-${generation}`, {
      generation,
      timeoutSeconds: full ? 3000 : 900,
      memory: '3G',
      files: [canaryExt, copies, plain, ...all.map(v => join(scratch, generation, `canary-${v.name}.ko`))],
      script: [
        prelude(),
        loadModules(['canary_fix.ko']),
        ...all.map(script),
        troubles(),
        'dmesg -c > /dev/null\n',
        loadModules(['plain.ko']),
        `result refused "$(dmesg | grep -q 'out of range' && echo yes)"\n`,
      ].join(''),
    });
    expect([exitStatus, found.get('troubles'), found.get('tracer.enabled')], said).toEqual([0, '0', '1']);
    expect([found.get('load.plain') === '0', found.get('refused')]).toEqual([false, 'yes']);
    let calls = 0;
    for (const { name, local, outside, hits: expected = {} } of all) {
      for (const target of TARGETS)
        for (const [module, path] of PATHS)
          for (const label of TRACED.includes(target) ? [name, `${name}.switching`, `${name}.traced`] : [name]) {
            const seen = canaryCounts(found.get(`canary.${module}.${target}.${path}.${label}`));
            const list: readonly Target[] = path === 'local' ? local : outside;
            const wanted = clean(seen.calls, list.includes(target) ? 'replaced' : 'original');
            expect([label, module, target, path, seen]).toEqual([label, module, target, path, wanted]);
            calls += seen.calls;
          }
      const once = TARGETS.reduce((sum, target) => sum + (expected[target] ?? 0), 0);
      const bytes = Buffer.from((found.get(`hits.${name}`) ?? '').replace(/[^0-9a-f]/g, ''), 'hex');
      expect([name, Number(bytes.readBigUInt64LE(0))]).toEqual([name, once * PATHS.length * CALLS]);
    }
    figure(`far ${of.release}: calls over 40 MB, no register lost`, calls);
    figure(`far ${of.release}: seconds`, Math.round(seconds));
  });

  it('code that lies beyond the reach of the stubs is refused', async () => {
    const { symvers } = labModules(generation);
    const big = await bigModule(generation);
    const frame = ['--redirect', 'far_add=fix_add', '--at', 'global-entry', '--symvers', symvers];
    const refused = await tocsin('patch', big, '-o', join(scratch, 'never.ko'), ...frame);
    expect([refused.status, refused.stderr.includes('out of range')]).toEqual([1, true]);
  });
});

/** The same redirect by a branch that is taken to reach: tocsin's twin and the kernel refuse it. */
async function plainBranch(generation: Generation, big: string): Promise<string> {
  const elf = readElf(new Uint8Array(readFileSync(big)));
  const redirect = {
    from: 'home_add',
    to: 'far_add',
    strategy: 'direct',
    at: 'after-site',
    toc: 'recomputed',
  } as const;
  const plan = makePlan(elf, { nops: [], redirects: [redirect], reach: 2 ** 40 });
  const out = join(scratch, generation, 'plain.ko');
  writeFileSync(out, applyPlan(elf, plan, { toolVersion: 'lab' }).bytes);
  const checked = await tocsin('check', out, labModules(generation).canaryFix, '--kernel', kernel(generation).vmlinux);
  expect([checked.status, checked.stdout.includes('out of range')]).toEqual([1, true]);
  return out;
}
