/** What a plan says gives the same bytes as the flags that it stands for: each flag by itself, and several modules in one plan. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const demo = `${root}samples/6.1/tocsin_demo.ko`;
const fix = `${root}samples/6.1/tocsin_fix.ko`;
const object = `${root}samples/6.1/demo_object.o`;
const exported = `${root}samples/6.1/Module.symvers`;
const kernelExports = `${root}samples/6.1/kernel/Module.symvers`;
const KEY = `${root}test/support/signing/key.pem`;
const CERTIFICATE = `${root}test/support/signing/certificate.pem`;
const SCHEMA = 'tocsin.patch-plan/1';
const REPLACED = { function: 'demo_in_range', to: 'fix_in_range' };

/** Flags, and the keys of a plan that say the same. `symvers` is given both ways. */
const SAME: Readonly<Record<string, readonly [readonly string[], object]>> = {
  '--nop': [['--nop', 'demo_alarm', '--nop', 'demo_sum_*'], { nop: ['demo_alarm', { functions: 'demo_sum_*' }] }],
  '--redirect': [['--redirect', 'demo_in_range=fix_in_range'], { redirect: [REPLACED] }],
  '--hook': [
    ['--hook', 'demo_lookup*=fix_in_range'],
    { hook: [{ functions: 'demo_lookup*', before: 'fix_in_range' }] },
  ],
  '--hook-exit': [
    ['--hook-exit', 'demo_loo?up=fix_parity'],
    { hook: [{ functions: 'demo_loo?up', after: 'fix_parity' }] },
  ],
  'both hooks, in any order': [
    ['--hook-exit', 'demo_lookup=fix_parity', '--hook', 'demo_in_range=fix_in_range'],
    {
      hook: [
        { functions: 'demo_lookup', after: 'fix_parity' },
        { functions: 'demo_in_range', before: 'fix_in_range' },
      ],
    },
  ],
  '--retarget': [
    ['--retarget', 'demo_sibling:demo_in_range=demo_in_range_fixed'],
    { retarget: [{ function: 'demo_sibling', call: 'demo_in_range', to: 'demo_in_range_fixed' }] },
  ],
  '--epilogue': [['--epilogue', 'demo_in_*'], { epilogue: ['demo_in_*'] }],
  '--with': [
    ['--with', object, '--redirect', 'demo_in_range=fixed_in_range', '--allow-unproved'],
    { with: [object], allowUnproved: true, redirect: [{ function: 'demo_in_range', to: 'fixed_in_range' }] },
  ],
  '--strategy': [
    ['--strategy', 'shadow', '--redirect', 'demo_in_range=fix_in_range'],
    { strategy: 'shadow', redirect: [REPLACED] },
  ],
  '--strategy custom': [
    ['--strategy', `custom:${root}samples/custom/frame.o`, '--redirect', 'demo_in_range=fix_in_range'],
    { strategy: `custom:${root}samples/custom/frame.o`, redirect: [REPLACED] },
  ],
  '--toc': [
    ['--toc', 'saved', '--strategy', 'frame', '--redirect', 'demo_in_range=fix_in_range'],
    { toc: 'saved', strategy: 'frame', redirect: [REPLACED] },
  ],
  '--at': [
    ['--at', 'local-entry', '--redirect', 'demo_in_range=demo_in_range_fixed'],
    { at: 'local-entry', redirect: [{ function: 'demo_in_range', to: 'demo_in_range_fixed' }] },
  ],
  '--at, for hooks': [
    ['--at', 'site', '--hook', 'demo_in_range=fix_in_range'],
    { at: 'site', hook: [{ functions: 'demo_in_range', before: 'fix_in_range' }] },
  ],
  '--shadow-stack': [
    [
      '--shadow-stack',
      'runtime',
      '--strategy',
      'shadow',
      '--kernel',
      'k.index',
      '--redirect',
      'demo_in_range=fix_in_range',
    ],
    { shadowStack: 'runtime', strategy: 'shadow', kernel: 'k.index', redirect: [REPLACED] },
  ],
  '--kernel': [
    ['--kernel', 'k.index', '--strategy', 'shadow', '--redirect', 'demo_in_range=fix_in_range'],
    { kernel: 'k.index', strategy: 'shadow', redirect: [REPLACED] },
  ],
  '--modules': [
    ['--modules', 'copies.ko', '--strategy', 'epilogue', '--redirect', 'demo_in_range=fix_in_range'],
    { loaded: ['copies.ko'], strategy: 'epilogue', redirect: [REPLACED] },
  ],
  '--allow-unproved': [
    ['--allow-unproved', '--strategy', 'frame', '--redirect', 'demo_sum_ten=fix_sum_ten'],
    { allowUnproved: true, strategy: 'frame', redirect: [{ function: 'demo_sum_ten', to: 'fix_sum_ten' }] },
  ],
  '--sign-key, --sign-cert, --sign-hash': [
    ['--nop', '*', '--sign-key', KEY, '--sign-cert', CERTIFICATE, '--sign-hash', 'sha512'],
    { nop: ['*'], sign: { key: KEY, certificate: CERTIFICATE, hash: 'sha512' } },
  ],
};
const SYMVERS = [kernelExports, exported];

/** Paths as seen from the folder of the plan. */
const fromHere = (flags: readonly string[]) => flags.map(f => (/^(k\.index|copies\.ko)$/.test(f) ? at(f) : f));
const patch = (...args: readonly string[]) => main(['patch', ...args, '--quiet']);
const flagsOf = (name: string) => [...fromHere(SAME[name]![0]), ...SYMVERS.flatMap(file => ['--symvers', file])];

function planFile(name: string, plan: object): string {
  writeFileSync(at(name), JSON.stringify({ schema: SCHEMA, ...plan }));
  return at(name);
}

/** A kernel that is known by what lies beside it, with a livepatch stack. */
async function livepatchKernel(out: string): Promise<void> {
  const from = `${root}samples/6.1/kernel/`;
  writeFileSync(at('config'), `${readFileSync(`${from}config`, 'utf8')}\nCONFIG_LIVEPATCH=y\n`);
  const lines = readFileSync(`${from}System.map`, 'utf8').split('\n');
  lines.splice(3, 0, lines[2]!.replace(/\w+$/, 'klp_module_coming'));
  writeFileSync(at('System.map'), lines.join('\n'));
  const pieces = [
    '--system-map',
    at('System.map'),
    '--config',
    at('config'),
    '--symvers',
    kernelExports,
    '--module',
    demo,
  ];
  const stack = ['--structure', 'paca_struct.__current=2312', '--structure', 'thread_info.livepatch_sp=16'];
  const code = await main(['kernel', ...pieces, ...stack, '-o', out, '--quiet']);
  expect(code).toBe(0);
}

beforeAll(async () => {
  await livepatchKernel(at('k.index'));
  expect(await patch(fix, '-o', at('copies.ko'), '--epilogue', 'fix_*')).toBe(0);
});

const names = Object.keys(SAME);
const byFlags = (name: string) => readFileSync(at(`flags-${names.indexOf(name)}.ko`));

beforeAll(async () => {
  const modules = names.map((name, n) => ({ file: demo, output: `plan-${n}.ko`, ...SAME[name]![1] }));
  expect(await patch('--plan', planFile('all.json', { symvers: SYMVERS, modules }))).toBe(0);
});

describe('each module of a plan is patched as by the flags', () => {
  it.each(names)('%s', async name => {
    const n = names.indexOf(name);
    expect(await patch(demo, '-o', at(`flags-${n}.ko`), ...flagsOf(name))).toBe(0);
    expect(readFileSync(at(`plan-${n}.ko`)).equals(byFlags(name))).toBe(true);
  });

  it('and each key has an effect', () => {
    // The table is what shadow takes without a kernel too.
    const made = names.filter(name => name !== '--shadow-stack').map(name => byFlags(name).toString('latin1'));
    expect(new Set(made).size).toBe(names.length - 1);
    expect(byFlags('--shadow-stack').equals(byFlags('--strategy'))).toBe(true);
  });
});

describe('a plan', () => {
  it('for the module of the command line does the same', async () => {
    const plan = planFile('one.json', { symvers: SYMVERS, ...SAME['--modules']![1] });
    expect(await patch(demo, '-o', at('one.ko'), '--plan', plan)).toBe(0);
    expect(readFileSync(at('one.ko')).equals(byFlags('--modules'))).toBe(true);
  });

  it('has settings for all of them, which a module, the command line and an entry overrule', async () => {
    const frame = { redirect: [{ ...REPLACED, strategy: 'frame' }] };
    const settings = { symvers: SYMVERS, toc: 'saved', strategy: 'shadow', redirect: [REPLACED] };
    const modules = [
      { file: demo, output: 'top.ko' },
      { file: demo, output: 'module.ko', strategy: 'frame' },
    ];
    const [top, entry] = [
      planFile('top.json', { ...settings, modules }),
      planFile('entry.json', { ...settings, ...frame }),
    ];
    expect(await patch('--plan', top)).toBe(0);
    expect(await patch(demo, '-o', at('entry.ko'), '--plan', entry)).toBe(0);
    expect(
      await patch(
        '--plan',
        planFile('line.json', { ...settings, modules: [{ file: demo, output: 'line.ko' }] }),
        '--toc',
        'recomputed',
        '--strategy',
        'frame',
      ),
    ).toBe(0);
    const flags = ['--redirect', 'demo_in_range=fix_in_range', ...SYMVERS.flatMap(file => ['--symvers', file])];
    const same = async (name: string, ...more: readonly string[]) => {
      expect(await patch(demo, '-o', at('same.ko'), ...flags, ...more)).toBe(0);
      expect(readFileSync(at(name)).equals(readFileSync(at('same.ko'))), name).toBe(true);
    };
    await same('top.ko', '--toc', 'saved', '--strategy', 'shadow');
    await same('module.ko', '--toc', 'saved', '--strategy', 'frame');
    await same('entry.ko', '--toc', 'saved', '--strategy', 'frame');
    await same('line.ko', '--strategy', 'frame');
  });

  it('may load before one module what it made of another', async () => {
    const modules = [
      { file: fix, output: 'chain-fix.ko', epilogue: ['fix_*'] },
      { file: demo, output: 'chain.ko', loaded: ['chain-fix.ko'], strategy: 'epilogue', redirect: [REPLACED] },
    ];
    const plan = planFile('chain.json', { symvers: SYMVERS, modules });
    expect(await patch('--plan', plan)).toBe(0);
    expect(readFileSync(at('chain-fix.ko')).equals(readFileSync(at('copies.ko')))).toBe(true);
    expect(readFileSync(at('chain.ko')).equals(byFlags('--modules'))).toBe(true);
    const dry = inThread(['patch', '--plan', plan, '--dry-run']);
    expect([dry.code, dry.stderr]).toEqual([
      2,
      expect.stringMatching(/chain-fix\.ko, which the plan writes before.*\[CLI021\]/),
    ]);
    // What is left of an earlier run does not stand for what could not be made.
    const broken = [{ ...modules[0], epilogue: ['nobody'] }, modules[1]];
    const failed = inThread(['patch', '--plan', planFile('broken.json', { symvers: SYMVERS, modules: broken })]);
    expect([failed.code, failed.stderr]).toEqual([2, expect.stringMatching(/PAT002[\s\S]*CLI021/)]);
  });

  it('writes nothing at all where one output is what another module, or the plan, reads', async () => {
    for (const modules of [
      [
        { file: demo, output: 'never.ko', nop: ['*'] },
        { file: demo, output: 'copies.ko', nop: ['*'], loaded: ['copies.ko'] },
      ],
      [
        { file: at('copies.ko'), output: 'never.ko', nop: ['*'] },
        { file: demo, output: 'copies.ko', nop: ['*'] },
      ],
      [
        { file: demo, output: 'never.ko', nop: ['*'] },
        { file: demo, output: 'x.ko', nop: ['*'], report: 'self.json' },
      ],
      [
        { file: demo, output: 'never.ko', nop: ['*'], report: 'x.json' },
        { file: demo, output: 'x.json', nop: ['*'] },
      ],
    ]) {
      const before = readFileSync(at('copies.ko'));
      const done = inThread(['patch', '--plan', planFile('self.json', { modules })]);
      expect([done.code, done.stderr]).toEqual([2, expect.stringContaining('[PAT220]')]);
      expect(existsSync(at('never.ko')) || existsSync(at('x.ko'))).toBe(false);
      expect(readFileSync(at('copies.ko')).equals(before)).toBe(true);
    }
  });
});

describe('patterns in a plan', () => {
  it.each([
    ['nop', { nop: ['demo_none*'] }, 1, 'PAT002'],
    ['hook', { hook: [{ functions: 'demo_none*', before: 'fix_in_range' }] }, 1, 'PAT002'],
    ['epilogue', { epilogue: ['demo_none*'] }, 1, 'PAT002'],
    ['redirect', { redirect: [{ function: 'demo_*', to: 'fix_in_range' }] }, 1, 'PAT240'],
    ['retarget', { retarget: [{ function: 'demo_*', call: 'x', to: 'y' }] }, 1, 'PAT240'],
  ])('%s', (name, plan, code, said) => {
    const done = inThread(['patch', demo, '-o', at('none.ko'), '--plan', planFile(`none-${name}.json`, plan)]);
    expect([done.code, done.stderr]).toEqual([code, expect.stringContaining(`[${said}]`)]);
    expect(existsSync(at('none.ko'))).toBe(false);
  });
});
