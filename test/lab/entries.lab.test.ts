// Redirects for some callers only, in the three kernels: who enters through the global entry (other modules, pointers), who
// branches to the local one, and both at once to different replacements. Nobody else notices, whether the tracer runs or not.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PatchDocument } from '../../src/report/patch/document.ts';
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
import { GENERATIONS, type Generation, kernel, labModules } from './harness/harness.ts';
import { assemble } from './redteam/objects.ts';
import { figure, full } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-entries-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const CALLS = full ? 100_000 : 2000;

type Gives = 'original' | 'replaced' | 'other';

interface Variant {
  readonly name: string;
  readonly options: readonly string[];
  /** What targets give for local callers, and for all others; those that are not named give the original. */
  readonly local: Readonly<Record<string, Gives>>;
  readonly outside: Readonly<Record<string, Gives>>;
}

const fixed = (...names: readonly string[]) => names.flatMap(name => ['--redirect', `home_${name}=fix_${name}`]);
// home_recurse goes on through a pointer: the first entry is of one kind, all others of the other.
const MIXED = { recurse: 'other' } as const;
const WITHIN = { sibling: 'replaced', twice: 'replaced' } as const;

/** Ways to the address of F in r12, from r12 = that of `1:` and r2 = the home's TOC; and data behind the code. */
const BY_ADDRESS: Readonly<Record<string, readonly [how: string, data?: string]>> = {
  add: ['addis 12,12,(__tocsin_original-1b)@ha\n addi 12,12,(__tocsin_original-1b)@l'],
  eight: ['addis 12,2,__tocsin_original@toc@ha\n addi 12,12,__tocsin_original@toc@l'],
  leaf: ['ld 11,2f-1b(12)\n add 12,12,11', '2: .quad __tocsin_original-1b'],
  yield: ['addis 12,2,2f@toc@ha\n ld 12,2f@toc@l(12)', '.section .toc,"aw"\n .balign 8\n2: .quad __tocsin_original'],
};

/** A trampoline for each of them that calls F by its address, and adds 1000 to what it gives, as F's replacements do. */
function byAddress(): readonly string[] {
  return Object.entries(BY_ADDRESS).map(([name, [how, data]]) => {
    const text = `
	.text
	.globl __tocsin_trampoline
	.type __tocsin_trampoline, @function
	.balign 16
__tocsin_trampoline:
	mflr 0
	std 0,16(1)
	stdu 1,-112(1)
	std 2,104(1)
	bcl 20,31,1f
1:	mflr 12
	addis 2,12,(__tocsin_toc-1b)@ha
	addi 2,2,(__tocsin_toc-1b)@l
	${how}
	mtctr 12
	bctrl
	addi 3,3,1000
	ld 2,104(1)
	addi 1,1,112
	ld 0,16(1)
	mtlr 0
	blr
	.size __tocsin_trampoline, .-__tocsin_trampoline
	.balign 8
${data ?? ''}
`;
    const object = assemble(text, join(scratch, `by-address-${name}.o`));
    return `  - { function: home_${name}, to: home_${name}, strategy: 'custom:${object}' }\n`;
  });
}

const VARIANTS: readonly Variant[] = [
  ...(['recomputed', 'saved'] as const).flatMap((toc): readonly Variant[] => [
    {
      name: `global-frame-${toc}`,
      options: [
        ...fixed('add', 'eight', 'recurse', 'yield'),
        '--strategy',
        'frame',
        '--at',
        'global-entry',
        '--toc',
        toc,
      ],
      local: MIXED,
      outside: { add: 'replaced', eight: 'replaced', recurse: 'replaced', yield: 'replaced' },
    },
    {
      name: `local-frame-${toc}`,
      options: [
        ...fixed('add', 'eight', 'leaf', 'pair', 'recurse', 'yield'),
        ...['--strategy', 'frame', '--at', 'local-entry', '--toc', toc],
      ],
      local: {
        ...WITHIN,
        ...MIXED,
        add: 'replaced',
        eight: 'replaced',
        leaf: 'replaced',
        pair: 'replaced',
        yield: 'replaced',
      },
      outside: { ...WITHIN, pair: 'replaced' },
    },
  ]),
  {
    name: 'global-shadow',
    options: [...fixed('add', 'eight', 'ten', 'recurse', 'yield'), '--strategy', 'shadow', '--at', 'global-entry'],
    local: MIXED,
    outside: { add: 'replaced', eight: 'replaced', ten: 'replaced', recurse: 'replaced', yield: 'replaced' },
  },
  ...(['recomputed', 'saved'] as const).map(
    (toc): Variant => ({
      name: `local-shadow-${toc}`,
      options: [
        ...fixed('add', 'eight', 'ten', 'leaf', 'pair', 'recurse', 'yield'),
        ...['--strategy', 'shadow', '--at', 'local-entry', '--toc', toc],
      ],
      local: {
        ...WITHIN,
        ...MIXED,
        ...{
          add: 'replaced',
          eight: 'replaced',
          ten: 'replaced',
          leaf: 'replaced',
          pair: 'replaced',
          yield: 'replaced',
        },
      },
      outside: { ...WITHIN, pair: 'replaced' },
    }),
  ),
  {
    name: 'global-epilogue',
    options: [...fixed('add', 'eight', 'ten'), '--strategy', 'epilogue', '--at', 'global-entry'],
    local: {},
    outside: { add: 'replaced', eight: 'replaced', ten: 'replaced' },
  },
  {
    name: 'local-epilogue',
    options: [
      ...fixed('add', 'eight', 'leaf', 'ten'),
      '--strategy',
      'epilogue',
      '--at',
      'local-entry',
      '--toc',
      'saved',
    ],
    local: { ...WITHIN, add: 'replaced', eight: 'replaced', leaf: 'replaced', ten: 'replaced' },
    outside: WITHIN,
  },
  {
    name: 'global-direct',
    options: ['--redirect', 'home_add=home_add_fixed', '--redirect', 'home_yield=home_leaf', '--at', 'global-entry'],
    local: {},
    outside: { add: 'replaced', yield: 'other' },
  },
  {
    name: 'local-direct',
    options: ['--redirect', 'home_add=home_add_fixed', '--redirect', 'home_leaf=home_yield', '--at', 'local-entry'],
    local: { ...WITHIN, add: 'replaced', leaf: 'other' },
    outside: WITHIN,
  },
  {
    name: 'both',
    options: ['--plan', join(scratch, 'both.yaml')],
    local: { ...WITHIN, add: 'replaced' },
    outside: { ...WITHIN, add: 'replaced' },
  },
  {
    name: 'by-address',
    options: ['--plan', join(scratch, 'by-address.yaml')],
    local: { ...WITHIN, add: 'replaced', eight: 'replaced', leaf: 'replaced', yield: 'replaced' },
    outside: { ...WITHIN, add: 'replaced', eight: 'replaced', leaf: 'replaced', yield: 'replaced' },
  },
];

const BOTH = `schema: tocsin.patch-plan/1
redirect:
  - { function: home_add, to: home_add_fixed, at: global-entry }
  - { function: home_add, to: fix_add, at: local-entry }
`;

const TARGETS = ['add', 'eight', 'ten', 'leaf', 'pair', 'recurse', 'yield', 'sibling', 'twice'] as const;
const TRACED = ['add', 'eight', 'twice'] as const;

const callsOf = (target: string) => (target === 'recurse' || target === 'yield' ? CALLS / 10 : CALLS);

async function make(generation: Generation, { name, options }: Variant, copies: string): Promise<string> {
  const { canary, symvers } = labModules(generation);
  const folder = join(scratch, generation);
  mkdirSync(folder, { recursive: true });
  const out = join(folder, `canary-${name}.ko`);
  const given = name.endsWith('epilogue') ? ['--modules', copies] : ['--symvers', symvers];
  // The table's import is the kernel's.
  const own = name.includes('shadow') ? ['--symvers', kernel(generation).symvers] : [];
  const ran = await tocsin('patch', canary, '-o', out, ...options, ...given, ...own, '--format', 'json');
  expect([name, ran.status, ran.stderr]).toEqual([name, 0, '']);
  const doc = JSON.parse(ran.stdout) as PatchDocument;
  expect([name, doc.proof?.verdict, doc.removed.records]).toEqual([name, 'proved', 0]);
  const restored = join(folder, 'restored.ko');
  await tocsinDone('revert', out, '-o', restored, '--force', '--quiet');
  expect(readFileSync(restored).equals(readFileSync(canary))).toBe(true);
  return out;
}

const isShadow = ({ name }: Variant) => name.includes('shadow');

function script(variant: Variant): string {
  const run = (targets: readonly string[], calls: (target: string) => number, label: string) =>
    targets.flatMap(t => PATHS.map(([module, path]) => runCanary(module, t, path, calls(t), label))).join('');
  return [
    loadModules([`canary-${variant.name}.ko`, 'canary_ext.ko']),
    run(TARGETS, callsOf, variant.name),
    whileTracing(
      ['home_add', 'fix_add', 'home_eight'],
      round => run(TRACED, () => (full ? 2000 : 300), `${variant.name}.${round}`),
      full ? 10 : 4,
    ).replaceAll('result trace', `result ${variant.name}.trace`),
    // With no room the function itself runs, whoever calls it.
    ...(isShadow(variant)
      ? [
          'echo 0 > /sys/module/canary/parameters/tocsin_shadow_limit\n',
          run(TARGETS, t => Math.ceil(callsOf(t) / 10), `${variant.name}.full`),
          `result ${variant.name}.overflows $(cat /sys/module/canary/parameters/tocsin_shadow_overflows)\n`,
        ]
      : []),
    unloadModules(['canary_ext', 'canary']),
  ].join('');
}

describe.each(GENERATIONS)('some callers only, kernel %s', generation => {
  it('refuses what cannot be told apart', async () => {
    const { canary, symvers } = labModules(generation);
    for (const [from, at, code] of [
      ['home_leaf', 'global-entry', 'PAT071'],
      ['home_add_fixed', 'local-entry', 'PAT073'],
      ['home_ten', 'local-entry', 'PAT011'],
    ] as const) {
      const asked = ['--redirect', `${from}=fix_add`, '--strategy', 'frame', '--at', at, '--symvers', symvers];
      const ran = await tocsin('patch', canary, '-o', join(scratch, 'never.ko'), ...asked);
      expect([from, ran.status, /\[(\w+)\]/.exec(ran.stderr)?.[1]]).toEqual([from, 1, code]);
    }
  });

  it('leads just these to the replacement, with every register as it was', async () => {
    const of = kernel(generation);
    const { canaryExt, canaryFix } = labModules(generation);
    writeFileSync(join(scratch, 'both.yaml'), BOTH);
    writeFileSync(join(scratch, 'by-address.yaml'), `schema: tocsin.patch-plan/1\nredirect:\n${byAddress().join('')}`);
    const made: string[] = [];
    // The same module with copies beside its functions.
    const copies = join(scratch, `${generation}-canary_fix.ko`);
    await tocsinDone('patch', canaryFix, '-o', copies, '--epilogue', 'fix_*', '--quiet');
    for (const variant of VARIANTS) made.push(await make(generation, variant, copies));
    const { exitStatus, found, said, seconds } = await runMachine(`entries-${generation}`, {
      generation,
      timeoutSeconds: full ? 3000 : 900,
      files: [canaryExt, copies, ...made],
      script: [prelude(), loadModules([basename(copies)]), ...VARIANTS.map(script), troubles()].join(''),
    });
    expect([exitStatus, found.get('troubles'), found.get('filter.failed')], said).toEqual([0, '0', undefined]);
    let calls = 0;
    for (const variant of VARIANTS) {
      const { name, local, outside } = variant;
      for (const [module, path] of PATHS)
        for (const target of TARGETS) {
          const gives = (path === 'local' ? local : outside)[target] ?? 'original';
          const labels = [
            name,
            ...((TRACED as readonly string[]).includes(target) ? [`${name}.switching`, `${name}.traced`] : []),
          ];
          for (const label of labels) {
            const seen = canaryCounts(found.get(`canary.${module}.${target}.${path}.${label}`));
            expect([label, module, target, path, seen]).toEqual([
              label,
              module,
              target,
              path,
              clean(seen.calls, gives),
            ]);
            if (label === name) expect(seen.calls).toBe(callsOf(target));
            calls += seen.calls;
          }
          if (!isShadow(variant)) continue;
          const seen = canaryCounts(found.get(`canary.${module}.${target}.${path}.${name}.full`));
          expect([name, module, target, path, seen]).toEqual([
            ...[name, module, target, path, clean(Math.ceil(callsOf(target) / 10), 'original')],
          ]);
          calls += seen.calls;
        }
      if (isShadow(variant)) expect([name, Number(found.get(`${name}.overflows`)) > 1000]).toEqual([name, true]);
      expect([name, found.get(`${name}.tracer.enabled`)]).toEqual([name, '1']);
      // The function itself keeps its place in the tracer, and is still entered by the other callers.
      if (name !== 'both') expect([name, Number(found.get(`${name}.traced.home_add`)) > 0]).toEqual([name, true]);
      // Copies are not traced.
      if (!/direct$|epilogue$|address$/.test(name))
        expect([name, Number(found.get(`${name}.traced.fix_add`)) > 0]).toEqual([name, true]);
    }
    figure(`entries ${of.release}: calls, each led where it belongs, no register lost`, calls);
    figure(`entries ${of.release}: seconds`, Math.round(seconds));
  });
});
