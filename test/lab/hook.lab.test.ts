// Hooks in the three kernels: every function of the canary is hooked, before and after, by functions of the same module and of
// another one; it is called as a local and an external caller does and through pointers, and nothing may be lost.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PlannedHook } from '../../src/plan/plan.ts';
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
import { buildOnce, cacheFolder, GENERATIONS, type Generation, kernel, labModules } from './harness/harness.ts';
import { figure } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-hook-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The folder with `hook_watch.ko` and its Module.symvers, kept in the cache as long as the source stays the same. */
function watchModule(generation: Generation): string {
  const source = resolve(import.meta.dirname, 'hooks');
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const name of ['Kbuild', 'hook_watch.c']) digest.update(readFileSync(join(source, name)));
  const folder = join(cacheFolder, 'modules', `hooks-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, source, folder);
  return folder;
}

/** By target of the canary: functions that one call of it enters, and how often. */
const ENTERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  add: { home_add: 1 },
  leaf: { home_leaf: 1 },
  eight: { home_eight: 1 },
  ten: { home_ten: 1 },
  variadic: { home_variadic: 1 },
  pair: { home_pair_sum: 1, home_pair: 1 },
  recurse: { home_recurse: 21 },
  yield: { home_yield: 1 },
  sibling: { home_sibling: 1, home_add: 1 },
  twice: { home_twice: 1, home_add: 2 },
};
const TARGETS = Object.keys(ENTERS);

/**
 * Who may be the parent of a call, besides the canary's pointer entry. home_sibling ends in a jump to home_add, and so does
 * home_twice: with a hook after them the trampoline is the parent.
 */
const PARENTS: Readonly<Record<string, readonly string[]>> = {
  home_add: [
    'canary_add',
    'canary_sibling',
    'canary_twice',
    'home_twice',
    '__tocsin_hook_home_sibling',
    '__tocsin_hook_home_twice',
  ],
  home_pair: ['home_pair_sum'],
  home_pair_sum: ['canary_pair'],
  home_recurse: ['canary_recurse', 'home_recurse'],
};

/** What the functions return; of a pair, the first half. */
const RESULTS: Readonly<Record<string, readonly number[]>> = {
  home_add: [35, 50],
  home_leaf: [22],
  home_eight: [209],
  home_pair_sum: [120014],
  home_pair: [12],
  home_recurse: Array.from({ length: 21 }, (_, i) => 5 + i),
  home_yield: [12],
  home_sibling: [35],
  home_twice: [50],
};

interface Variant {
  readonly name: string;
  readonly options: readonly string[];
  readonly before: 'hook_enter' | 'here' | undefined;
  readonly after: 'hook_leave' | 'here' | undefined;
}

const enter = ['--hook', 'home_*=hook_enter'];
const leave = ['--hook-exit', 'home_*=hook_leave'];

const VARIANTS: readonly Variant[] = [
  { name: 'before', options: enter, before: 'hook_enter', after: undefined },
  { name: 'before-saved', options: [...enter, '--toc', 'saved'], before: 'hook_enter', after: undefined },
  { name: 'before-site', options: [...enter, '--at', 'site'], before: 'hook_enter', after: undefined },
  { name: 'before-here', options: ['--hook', 'home_*=home_add_fixed'], before: 'here', after: undefined },
  { name: 'after', options: leave, before: undefined, after: 'hook_leave' },
  { name: 'after-site', options: [...leave, '--at', 'site', '--toc', 'saved'], before: undefined, after: 'hook_leave' },
  { name: 'after-here', options: ['--hook-exit', 'home_*=home_add_fixed'], before: undefined, after: 'here' },
  { name: 'both', options: [...enter, ...leave], before: 'hook_enter', after: 'hook_leave' },
];

/** Variants that run while the tracer goes on and off. */
const TRACED = ['before', 'before-site', 'after', 'both'];

/** These cannot be hooked after they returned: a frame would hide their arguments. */
const ON_STACK = ['home_ten', 'home_variadic'];

function callsOf(target: string): number {
  return target === 'recurse' || target === 'yield' ? 500 : 2500;
}

function runAll(label: string): string {
  return TARGETS.flatMap(target =>
    PATHS.map(([module, path]) => runCanary(module, target, path, callsOf(target), label)),
  ).join('');
}

/** Empties the tables. */
const FORGET = `
for table in before after; do echo > /sys/module/hook_watch/parameters/$table; done
`;

/** RESULT `LABEL.before.N` and `LABEL.after.N` = the lines of the tables. */
function tables(label: string): string {
  return ['before', 'after']
    .map(
      table => `
n=0
while lines=$(cat /sys/module/hook_watch/parameters/${table}); [ -n "$lines" ]; do
  echo "$lines" > /tmp/lines
  while read -r line; do result ${label}.${table}.$n "$line"; n=$((n + 1)); done < /tmp/lines
done
`,
    )
    .concat(FORGET)
    .join('');
}

/** The tracer goes on and off, under its function and its graph tracer. */
function traced(variant: Variant): string {
  // At the site the record is gone: then only the hooks can be traced.
  const hooks = [variant.before, variant.after].filter(name => name?.startsWith('hook_') === true) as string[];
  const functions = variant.name.endsWith('-site') ? hooks : ['home_add', 'home_leaf', 'home_eight', ...hooks];
  const body = (label: string) =>
    ['add', 'leaf', 'eight', 'sibling']
      .flatMap(target =>
        PATHS.map(([module, path]) => runCanary(module, target, path, 1000, `${variant.name}.${label}`)),
      )
      .join('');
  return whileTracing(functions, body, 4)
    .replaceAll('result tracer.', `result ${variant.name}.tracer.`)
    .replaceAll('result traced.', `result ${variant.name}.traced.`);
}

interface Patched {
  readonly variant: Variant;
  readonly path: string;
  readonly hooks: readonly PlannedHook[];
}

async function patchAll(generation: Generation): Promise<readonly Patched[]> {
  const { canary, symvers } = labModules(generation);
  const out = join(scratch, generation);
  mkdirSync(out, { recursive: true });
  const known = ['--symvers', symvers, '--symvers', join(watchModule(generation), 'Module.symvers')];
  const patched: Patched[] = [];
  for (const variant of VARIANTS) {
    const path = join(out, `canary-${variant.name}.ko`);
    const ran = await tocsinDone('patch', canary, '-o', path, ...variant.options, ...known, '--format', 'json');
    const doc = JSON.parse(ran.stdout) as PatchDocument;
    expect([variant.name, doc.proof?.verdict, doc.verification?.ok]).toEqual([variant.name, 'proved', true]);
    patched.push({ variant, path, hooks: doc.actions.filter(a => a.kind === 'hook') });
    const restored = join(out, 'restored.ko');
    await tocsinDone('revert', path, '-o', restored, '--quiet');
    expect(readFileSync(restored).equals(readFileSync(canary))).toBe(true);
  }
  return patched;
}

/** Calls of the kernel's int_sqrt() that lead to a function of another module, and to one of the same. */
async function retargetWatch(generation: Generation, watch: string) {
  const { symvers } = labModules(generation);
  const watches = [
    { name: 'watch-outside', asked: 'watch_root:int_sqrt=fix_leaf', root: `${49 * 3 + 1001}` },
    { name: 'watch-here', asked: 'watch_root:int_sqrt=watch_half', root: '24' },
  ].map(w => ({ ...w, path: join(scratch, generation, `${w.name}.ko`) }));
  for (const { asked, path } of watches)
    await tocsinDone('patch', watch, '-o', path, '--retarget', asked, '--symvers', symvers, '--quiet');
  return watches;
}

interface Seen {
  readonly ip: string;
  readonly parent: string;
  readonly result: number;
  readonly count: number;
}

/** `home_add+0xc/0x70 [canary] canary_add+0x98/0x100 [canary] 35 1000` */
const LINE = /^(\w+\+0x\w+)\/0x\w+ \[(\w+)\] (\w+)\+0x\w+\/0x\w+(?: \[\w+\])? (-?\d+) (\d+)$/;

function seen(found: ReadonlyMap<string, string>, table: string): readonly Seen[] {
  const list: Seen[] = [];
  for (let n = 0; found.has(`${table}.${n}`); n++) {
    const [, ip, module, parent, result, count] = LINE.exec(found.get(`${table}.${n}`)!) ?? [];
    expect([found.get(`${table}.${n}`), module]).toEqual([found.get(`${table}.${n}`), 'canary']);
    list.push({ ip: ip!, parent: parent!, result: Number(result), count: Number(count) });
  }
  return list;
}

/** Calls of each function that all runs of a variant make. */
function expectedCalls(): ReadonlyMap<string, number> {
  const calls = new Map<string, number>();
  for (const target of TARGETS)
    for (const [name, count] of Object.entries(ENTERS[target]!))
      calls.set(name, (calls.get(name) ?? 0) + count * callsOf(target) * PATHS.length);
  return calls;
}

function checkTable(table: readonly Seen[], hooks: readonly PlannedHook[], places: ReadonlyMap<string, number>): void {
  const expected = expectedCalls();
  const counted = new Map<string, number>();
  for (const { ip, parent, count } of table) {
    const [name, offset] = ip.split('+') as [string, string];
    if (name === 'home_init' || name === 'init_module') continue;
    const hook = hooks.find(h => h.function === name)!;
    expect([name, Number(offset)]).toEqual([name, hook.ip - places.get(name)!]);
    const allowed = ['canary_pointer', ...(PARENTS[name] ?? [name.replace('home_', 'canary_')])];
    expect([name, parent, allowed.includes(parent)]).toEqual([name, parent, true]);
    counted.set(name, (counted.get(name) ?? 0) + count);
  }
  for (const [name, calls] of expected)
    if (hooks.some(h => h.function === name)) expect([name, counted.get(name)]).toEqual([name, calls]);
}

/** Where the functions begin, by name, in the section that holds all of them but `home_init`. */
async function entries(path: string): Promise<ReadonlyMap<string, number>> {
  const ran = await tocsinDone('scan', path, '--format', 'json');
  const doc = JSON.parse(ran.stdout) as { entryPoints: { function: string; section: string; global: number }[] };
  return new Map(doc.entryPoints.filter(e => e.section === '.text').map(e => [e.function, e.global]));
}

describe.each(GENERATIONS)('hooks, kernel %s', generation => {
  it('are refused where they cannot be', async () => {
    const { canary, symvers } = labModules(generation);
    const known = ['--symvers', symvers, '--symvers', join(watchModule(generation), 'Module.symvers')];
    const refused = async (...options: readonly string[]) => {
      const ran = await tocsin('patch', canary, '-o', join(scratch, 'never.ko'), ...options, ...known);
      return [ran.status, /\[(\w+)\]/.exec(ran.stderr)?.[1] ?? ran.stderr];
    };
    for (const name of ON_STACK) expect(await refused('--hook-exit', `${name}=hook_leave`)).toEqual([1, 'PAT011']);
    expect(await refused('--hook', 'home_add=home_add')).toEqual([1, 'PAT060']);
    expect(await refused('--hook', 'home_add=home_twice')).toEqual([1, 'PAT061']);
    expect(await refused('--hook', 'home_bare=hook_enter')).toEqual([1, 'PAT004']);
    expect(await refused('--retarget', 'home_twice:home_leaf=fix_add')).toEqual([1, 'PAT065']);
    expect(await refused('--retarget', 'home_sibling:home_add=fix_add')).toEqual([1, 'PAT068']);
  });

  it('are called each time, and leave every register as it was', async () => {
    const of = kernel(generation);
    const { canaryExt, canaryFix, canary } = labModules(generation);
    const patched = await patchAll(generation);
    const places = await entries(canary);
    const retargeted = join(scratch, generation, 'canary-retarget.ko');
    await tocsinDone(
      'patch',
      canary,
      '-o',
      retargeted,
      '--retarget',
      'home_sibling:home_add=home_add_fixed',
      '--quiet',
    );
    const watch = join(watchModule(generation), 'hook_watch.ko');
    const watches = await retargetWatch(generation, watch);
    const script = [
      prelude(),
      loadModules(['canary_fix.ko', 'hook_watch.ko']),
      ...patched.map(({ variant }) =>
        [
          FORGET,
          loadModules([`canary-${variant.name}.ko`, 'canary_ext.ko']),
          tables(`${variant.name}.init`),
          runAll(variant.name),
          tables(variant.name),
          TRACED.includes(variant.name) ? traced(variant) : '',
          unloadModules(['canary_ext', 'canary']),
        ].join(''),
      ),
      loadModules(['canary-retarget.ko', 'canary_ext.ko']),
      PATHS.map(([module, path]) => runCanary(module, 'sibling', path, 2500, 'retarget')).join(''),
      'result lost "$(cat /sys/module/hook_watch/parameters/lost)"\n',
      ['hook_watch', ...watches.map(w => w.name)]
        .map(name => {
          const load = name === 'hook_watch' ? '' : unloadModules(['hook_watch']) + loadModules([`${name}.ko`]);
          return `${load}result root.${name} "$(cat /sys/module/hook_watch/parameters/root)"\n`;
        })
        .join(''),
      troubles(),
    ].join('');
    const files = [canaryFix, canaryExt, watch, retargeted, ...watches.map(w => w.path)];
    const { exitStatus, seconds, found, said } = await runMachine(`hooks-${generation}`, {
      generation,
      timeoutSeconds: 1200,
      files: [...files, ...patched.map(p => p.path)],
      script,
    });
    expect(exitStatus, said).toBe(0);
    let calls = 0;
    const check = (module: string, target: string, path: string, label: string, result: 'original' | 'replaced') => {
      const counts = canaryCounts(found.get(`canary.${module}.${target}.${path}.${label}`));
      expect([label, module, target, path, counts]).toEqual([label, module, target, path, clean(counts.calls, result)]);
      calls += counts.calls;
    };
    for (const { variant, hooks } of patched) {
      const { name, before, after } = variant;
      for (const [module, path] of PATHS) {
        for (const target of TARGETS) check(module, target, path, name, 'original');
        for (const target of TRACED.includes(name) ? ['add', 'leaf', 'eight', 'sibling'] : [])
          for (const label of ['switching', 'traced']) check(module, target, path, `${name}.${label}`, 'original');
      }
      if (TRACED.includes(name)) expect([name, found.get(`${name}.tracer.enabled`)]).toEqual([name, '1']);
      const [enters, leaves] = [seen(found, `${name}.before`), seen(found, `${name}.after`)];
      if (before === 'hook_enter') checkTable(enters, hooks, places);
      if (after === 'hook_leave') {
        checkTable(leaves, hooks, places);
        for (const { ip, result } of leaves)
          expect([ip, RESULTS[ip.split('+')[0]!]?.includes(result)]).toEqual([ip, true]);
        // home_init is called when the module is loaded, and returns 0.
        expect(seen(found, `${name}.init.after`).map(s => s.result)).toEqual([0]);
      }
      const names = hooks.map(h => h.function);
      expect(ON_STACK.map(f => names.includes(f))).toEqual(ON_STACK.map(() => after === undefined));
    }
    for (const [module, path] of PATHS) {
      check(module, 'sibling', path, 'retarget', 'replaced');
    }
    expect(found.get('root.hook_watch')).toBe('7');
    for (const { name, root } of watches) expect([name, found.get(`root.${name}`)]).toEqual([name, root]);
    expect([found.get('lost'), found.get('filter.failed'), found.get('troubles')], said).toEqual(['0', undefined, '0']);
    figure(`boot ${of.release}: calls of hooked functions, no register lost`, calls);
    figure(`boot ${of.release}: seconds for all hooks`, Math.round(seconds));
  });
});
