// The ways in which the red team patches a stock module: each one asks for as much as it can, leaves out what is refused, and counts.

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import type { RedirectAt } from '../../../src/plan/plan.ts';
import type { PatchDocument } from '../../../src/report/patch/document.ts';
import { makePlan } from '../../../src/rewrite/plan.ts';
import { RefusalError } from '../../../src/util/errors.ts';
import { moduleName } from '../loader/capture.ts';
import { spread } from '../support/lab.ts';
import { tocsin } from '../support/programs.ts';
import { countingObject, countingTrampoline } from './objects.ts';

/** What the modules are patched with. */
export interface Bench {
  /** Of the kernel. */
  readonly index: string;
  readonly symvers: string;
  /** redteam_object.o */
  readonly object: string;
  /** redteam_copied.ko with its copies, and their versions. */
  readonly copied: string;
  readonly copiedSymvers: string;
  readonly folder: string;
  /** Exports of the kernel itself whose names mean one function there. */
  readonly kernelNames: ReadonlySet<string>;
  /** Lines for /proc/redteam: who goes on where. */
  readonly forwards: string[];
  /** The next slot for a function that is merged. */
  slot: number;
  /** Functions or calls of a module, at most. */
  readonly most: number;
  /** The same where they go on through /proc/redteam, whose numbers are few. */
  readonly mostForwards: number;
  /** Calls of functions, by module and name, that an earlier run has counted: these functions are taken first. */
  readonly called?: CallsByFunction;
}

export type CallsByFunction = ReadonlyMap<string, ReadonlyMap<string, number>>;

export interface Patched {
  /** What is to be loaded. */
  readonly path: string;
  /** What its last patch was for. */
  readonly from: string;
  readonly variant: string;
  /** What counts: number of the slot, or nothing where it counts by place. */
  readonly functions: readonly { readonly name: string; readonly number?: number }[];
  readonly left: ReadonlyMap<string, number>;
  readonly complaint?: string;
}

/** redteam.h */
const FIRST = 1000;
const LAST = 2999;
export const FIRST_MERGED = LAST + 1;

/** Nothing is behind a call of these. */
const NO_RETURN = new Set(['__stack_chk_fail', 'panic', 'fortify_panic', '__fortify_panic']);

export type Make = (path: string, bench: Bench) => Promise<Patched>;

export const VARIANTS: Readonly<Record<string, Make>> = {
  'exit-saved': hooks('exit-saved', ['--hook', '*=redteam_enter', '--hook-exit', '*=redteam_leave', '--toc', 'saved']),
  'exit-recomputed': hooks('exit-recomputed', ['--hook', '*=redteam_enter', '--hook-exit', '*=redteam_leave']),
  'exit-alone': hooks('exit-alone', ['--hook-exit', '*=redteam_leave', '--toc', 'saved']),
  'exit-site': hooks('exit-site', ['--hook-exit', '*=redteam_leave', '--at', 'site']),
  'exit-merged': hooks('exit-merged', ['--hook', '*=redteam_enter_here', '--hook-exit', '*=redteam_leave_here'], true),
  'custom-after': custom('custom-after', 'go on', 'after-site'),
  'custom-site': custom('custom-site', 'go on', 'site'),
  'custom-call': custom('custom-call', 'call', 'after-site'),
  'local-direct': redirects('local-direct', 'local-entry', 'pointer', []),
  'global-direct': redirects('global-direct', 'global-entry', 'branch', []),
  'local-frame-recomputed': redirects('local-frame-recomputed', 'local-entry', 'forward', ['--strategy', 'frame']),
  'local-frame-saved': redirects('local-frame-saved', 'local-entry', 'forward', [
    ...['--strategy', 'frame', '--toc', 'saved'],
  ]),
  'local-shadow': redirects('local-shadow', 'local-entry', 'forward', ['--strategy', 'shadow']),
  'local-shadow-saved': redirects('local-shadow-saved', 'local-entry', 'forward', [
    '--strategy',
    'shadow',
    '--toc',
    'saved',
  ]),
  'local-epilogue': redirects('local-epilogue', 'local-entry', 'copied', ['--strategy', 'epilogue']),
  'retarget-merged': retargets('retarget-merged', 'merged'),
  'retarget-external': retargets('retarget-external', 'external'),
  copies,
};

function hooks(variant: string, args: readonly string[], isMerged = false): Make {
  return async (path, bench) => {
    const extra = isMerged ? ['--with', bench.object] : [];
    const { done, output } = await patch(path, bench, [...args, ...extra]);
    return outcome(path, variant, output, done, doc =>
      [...new Set(doc.actions.filter(a => a.kind === 'hook').map(a => a.function))].map(name => ({ name })),
    );
  };
}

/** Names that mean one function of a module each, of those that `planned` takes. */
function takenBy(path: string, bench: Bench, at: RedirectAt, strategy: 'auto' | 'frame', most = bench.most): string[] {
  const elf = readElf(new Uint8Array(readFileSync(path)));
  const times = new Map<string, number>();
  for (const f of functionsOf(elf)) times.set(f.name, (times.get(f.name) ?? 0) + 1);
  const places = new Map(functionsOf(elf).map(f => [`${f.section.name}+${f.global}`, f] as const));
  const names = [...places.values()].filter(f => times.get(f.name) === 1 && /^[\w.$]+$/.test(f.name)).map(f => f.name);
  const isTaken = (from: string) => {
    if (from === 'init_module' || from === 'cleanup_module') return false;
    try {
      const redirect = { from, to: 'tocsin_elsewhere', strategy, at, toc: 'recomputed' } as const;
      makePlan(elf, { nops: [], redirects: [redirect], allowUnversioned: true });
      return true;
    } catch (error) {
      if (error instanceof RefusalError) return false;
      throw error;
    }
  };
  const taken: string[] = [];
  // A plan for each function of a large module takes minutes: no more are made than are needed.
  for (const name of called(names, of => of, path, bench, 4 * most))
    if (taken.length < most && isTaken(name)) taken.push(name);
  return taken;
}

/** At most `most` of a list, spread over it: those that an earlier run has seen called, and as many others as there is room. */
function called<T>(list: readonly T[], nameOf: (of: T) => string, path: string, bench: Bench, most: number): T[] {
  const known = bench.called?.get(moduleName(path));
  const first = list.filter(of => known?.has(nameOf(of)));
  const others = list.filter(of => !known?.has(nameOf(of)));
  const chosen = spread(first, most);
  return [...chosen, ...spread(others, most - chosen.length)];
}

function custom(variant: string, kind: 'go on' | 'call', at: 'after-site' | 'site'): Make {
  return async (path, bench) => {
    const object = countingTrampoline(kind, join(bench.folder, `${moduleName(path)}-${variant}.o`));
    const names = takenBy(path, bench, at, kind === 'call' ? 'frame' : 'auto', Math.min(bench.most, 40));
    return trying(path, variant, names, bench, left => {
      const wanted = left.flatMap(name => ['--redirect', `${name}=${name}`]);
      return {
        args: [...wanted, '--strategy', `custom:${object}`, '--at', at],
        functions: left.map(name => ({ name })),
      };
    });
  };
}

function redirects(
  variant: string,
  at: RedirectAt,
  going: 'pointer' | 'branch' | 'forward' | 'copied',
  args: readonly string[],
): Make {
  return async (path, bench) => {
    if (going === 'forward' || going === 'copied') {
      const some = takenBy(path, bench, at, 'frame', Math.min(roomIn(bench), bench.mostForwards));
      const numbers = new Map(some.map(name => [name, forward(bench, path, `${moduleName(path)}:${name}`)]));
      const to = going === 'forward' ? 'redteam_to_' : 'redteam_copied_';
      const also =
        going === 'forward'
          ? ['--symvers', bench.symvers]
          : ['--modules', bench.copied, '--symvers', bench.copiedSymvers, '--symvers', bench.symvers];
      return trying(path, variant, some, bench, left => ({
        args: [
          ...left.flatMap(name => ['--redirect', `${name}=${to}${numbers.get(name)}`]),
          '--at',
          at,
          ...args,
          ...also,
        ],
        functions: left.map(name => ({ name, number: numbers.get(name)! })),
      }));
    }
    const names = takenBy(path, bench, at, 'auto');
    const slots = slotsFor(names, bench);
    return trying(path, variant, names, bench, left => {
      const counters = left.map(name => ({ number: slots.get(name)!, goesTo: name }));
      const object = countingObject(counters, going, join(bench.folder, `${moduleName(path)}-${variant}.o`));
      const wanted = counters.flatMap(c => ['--redirect', `${c.goesTo}=redteam_count_${c.number}`]);
      return {
        args: ['--with', object, ...wanted, '--at', at, ...args],
        functions: counters.map(c => ({ name: c.goesTo, number: c.number })),
      };
    });
  };
}

function forward(bench: Bench, path: string, symbol: string): number {
  const number = FIRST + bench.forwards.length;
  bench.forwards.push(`${number} ${moduleName(path)} ${symbol}`);
  return number;
}

function roomIn({ forwards }: Bench): number {
  return LAST - FIRST + 1 - forwards.length;
}

/** A slot for each name. */
function slotsFor(names: readonly string[], bench: Bench): ReadonlyMap<string, number> {
  return new Map(names.map(name => [name, bench.slot++]));
}

interface Call {
  readonly from: string;
  readonly section: string;
  readonly offset: number;
  readonly to: string;
  readonly edge: string;
}

function retargets(variant: string, kind: 'merged' | 'external'): Make {
  return async (path, bench) => {
    const ran = await tocsin('scan', path, '--calls', '--format', 'json');
    const { calls, entryPoints } = JSON.parse(ran.stdout) as {
      calls: readonly Call[];
      entryPoints: readonly { function: string; section: string; global: number }[];
    };
    const times = new Map<string, number>();
    for (const e of entryPoints) times.set(e.function, (times.get(e.function) ?? 0) + 1);
    const start = new Map(entryPoints.map(e => [e.function, e]));
    const isFine = (name: string) => times.get(name) === 1 && /^[\w.$]+$/.test(name);
    const wanted = calls.filter(c => {
      const e = start.get(c.from);
      if (!isFine(c.from) || e?.section !== c.section || c.to === '_mcount') return false;
      if (kind === 'merged') return isFine(c.to) && c.edge !== 'indirect';
      return c.edge === 'external'
        ? bench.kernelNames.has(c.to) && !NO_RETURN.has(c.to)
        : isFine(c.to) && c.edge === 'local';
    });
    const room = kind === 'external' ? Math.min(roomIn(bench), bench.mostForwards) : bench.most;
    const chosen = called(wanted, c => c.from, path, bench, room).map(c => ({
      ...c,
      key: `${c.from}:+0x${(c.offset - start.get(c.from)!.global).toString(16)}`,
    }));
    const by = new Map(chosen.map(c => [c.key, c]));
    if (kind === 'external') {
      const numbers = new Map(
        chosen.map(c => [c.key, forward(bench, path, c.edge === 'external' ? c.to : `${moduleName(path)}:${c.to}`)]),
      );
      return trying(path, variant, [...by.keys()], bench, left => ({
        args: left.flatMap(key => ['--retarget', `${key}=redteam_to_${numbers.get(key)}`]),
        functions: left.map(key => ({ name: key, number: numbers.get(key)! })),
      }));
    }
    const slots = slotsFor([...by.keys()], bench);
    return trying(path, variant, [...by.keys()], bench, left => {
      const counters = left.map(key => ({ key, number: slots.get(key)!, goesTo: by.get(key)!.to }));
      const object = countingObject(counters, 'branch', join(bench.folder, `${moduleName(path)}-${variant}.o`));
      return {
        args: ['--with', object, ...counters.flatMap(c => ['--retarget', `${c.key}=redteam_count_${c.number}`])],
        functions: counters.map(c => ({ name: c.key, number: c.number })),
      };
    });
  };
}

/** Each function gets a copy that keeps its caller's r2, and everybody who calls the function runs the copy. */
async function copies(path: string, bench: Bench): Promise<Patched> {
  const first = await patch(path, bench, ['--epilogue', '*'], 'epilogue');
  const made = outcome(path, 'copies', first.output, first.done, doc => {
    const functions = (doc as unknown as { epilogues?: readonly { function: string }[] }).epilogues ?? [];
    return functions.map(f => ({ name: f.function }));
  });
  if (made.complaint !== undefined || made.path === path) return made;
  const elf = readElf(new Uint8Array(readFileSync(made.path)));
  const has = new Set(functionsOf(elf).map(f => f.name));
  const names = takenBy(path, bench, 'after-site', 'auto').filter(name => has.has(`__tocsin_epilogue_${name}`));
  const slots = slotsFor(names, bench);
  return trying(made.path, 'copies', names, bench, left => {
    const counters = left.map(name => ({ number: slots.get(name)!, goesTo: `__tocsin_epilogue_${name}` }));
    const object = countingObject(counters, 'branch', join(bench.folder, `${moduleName(path)}-copies.o`));
    const wanted = counters.flatMap((c, i) => ['--redirect', `${left[i]}=redteam_count_${c.number}`]);
    return {
      args: ['--with', object, ...wanted, '--strategy', 'direct'],
      functions: counters.map((c, i) => ({ name: left[i]!, number: c.number })),
    };
  });
}

interface Attempt {
  readonly args: readonly string[];
  readonly functions: readonly { readonly name: string; readonly number?: number }[];
}

/** Patches, without those that a refusal names, until nothing is refused. */
async function trying(
  path: string,
  variant: string,
  names: readonly string[],
  bench: Bench,
  attempt: (names: readonly string[]) => Attempt,
): Promise<Patched> {
  let left = names;
  const refused = new Map<string, number>();
  const untouched = { path, from: path, variant, functions: [], left: refused };
  for (let turn = 0; left.length > 0; turn++) {
    const { args, functions } = attempt(left);
    const { done, output } = await patch(path, bench, args);
    if (done.status !== 1) {
      const out = outcome(path, variant, output, done, () => functions);
      return { ...out, left: refused };
    }
    const code = /\[([A-Z]{3}\d{3})\]/.exec(done.stderr)?.[1] ?? 'none';
    const out = new Set(functions.filter(isNamed(done.stderr)).map(f => f.name));
    if (out.size === 0 || turn > 30) {
      // Nobody is named: half of them is tried.
      left = left.slice(0, Math.floor(left.length / 2));
      refused.set(code, (refused.get(code) ?? 0) + left.length);
      continue;
    }
    refused.set(code, (refused.get(code) ?? 0) + out.size);
    left = left.filter(name => !out.has(name));
  }
  return untouched;
}

/** Whether a refusal speaks of a function, or of a call `F:+0xOFFSET`. */
function isNamed(refusal: string): (f: Attempt['functions'][number]) => boolean {
  const words = new Set(refusal.split(/[^\w.$+:]+/).flatMap(word => [word, ...word.split(':')]));
  const numbers = new Set([...refusal.matchAll(/redteam_(?:count|to|copied)_(\d+)/g)].map(m => Number(m[1])));
  return f => words.has(f.name.split(':+')[0]!) || (f.number !== undefined && numbers.has(f.number));
}

interface Done {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function patch(
  path: string,
  bench: Bench,
  args: readonly string[],
  folder = 'patched',
): Promise<{ done: Done; output: string }> {
  mkdirSync(join(bench.folder, folder), { recursive: true });
  const output = join(bench.folder, folder, basename(path));
  rmSync(output, { force: true });
  const versions = args.includes('--symvers') ? [] : ['--symvers', bench.symvers];
  const all = [
    'patch',
    path,
    '-o',
    output,
    ...args,
    ...versions,
    '--kernel',
    bench.index,
    '--format',
    'json',
    '--force',
  ];
  return { done: await tocsin(...all), output };
}

function outcome(
  path: string,
  variant: string,
  output: string,
  { status, stdout, stderr }: Done,
  functions: (doc: PatchDocument) => Patched['functions'],
): Patched {
  const left = new Map<string, number>();
  const untouched = { path, from: path, variant, functions: [], left };
  if (status === 1) {
    left.set(/\[([A-Z]{3}\d{3})\]/.exec(stderr)?.[1] ?? 'none', 1);
    // PAT002: it has no function at all.
    return /PAT063|PAT16\d|no such function: \* \[PAT002\]/.test(stderr)
      ? untouched
      : { ...untouched, complaint: `${basename(path)}: ${stderr.slice(0, 1500)}` };
  }
  if (status !== 0 || !existsSync(output))
    return { ...untouched, complaint: `${basename(path)}: ${status} ${stderr.slice(0, 1500)}` };
  const doc = JSON.parse(stdout) as PatchDocument;
  if (doc.proof?.verdict !== 'proved' || doc.verification?.ok !== true)
    return { ...untouched, complaint: `${basename(path)}: written, and not proved` };
  return { path: output, from: path, variant, functions: functions(doc), left };
}
