// What the red team patches with, built for a kernel, and the machine in which patched modules are used.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildOnce, cacheFolder, type Generation, kernel } from '../harness/harness.ts';
import { moduleName } from '../loader/capture.ts';
import { loadAndUse, type Run } from '../stress/machine.ts';
import { tocsinDone } from '../support/programs.ts';
import { END_TRACER, readTracing, START_TRACER, type Tracing } from './tracer.ts';
import { type Bench, type CallsByFunction, FIRST_MERGED, type Patched } from './variants.ts';

const source = resolve(import.meta.dirname, 'modules');

function built(generation: Generation): string {
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const name of readdirSync(source)) digest.update(readFileSync(join(source, name)));
  const folder = join(cacheFolder, 'modules', `redteam-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, source, folder);
  return folder;
}

/** @param folder for what is patched; it is made */
export async function makeBench(
  generation: Generation,
  folder: string,
  limits: Pick<Bench, 'most' | 'mostForwards' | 'called'>,
): Promise<Bench> {
  mkdirSync(folder, { recursive: true });
  const of = kernel(generation);
  const modules = built(generation);
  const index = join(folder, 'kernel.index');
  await tocsinDone('kernel', of.vmlinux, '--symvers', of.symvers, '--config', of.config, '-o', index);
  const symvers = join(modules, 'Module.symvers');
  const copied = join(folder, 'redteam_copied.ko');
  const copiedSymvers = join(folder, 'copied.symvers');
  const from = join(modules, 'redteam_copied.ko');
  const versions = ['--symvers', symvers, '--kernel', index];
  // A thousand of them is enough for a short run.
  const names = limits.most < 10 ? 'redteam_copied_1*' : '*';
  await tocsinDone('patch', from, '-o', copied, '--epilogue', names, ...versions, '--report', copiedSymvers);
  return {
    ...{ index, symvers, copied, copiedSymvers, folder },
    ...limits,
    object: join(modules, 'redteam_object.o'),
    kernelNames: kernelNames(generation),
    forwards: [],
    slot: FIRST_MERGED,
  };
}

/** Functions that the kernel exports and that are the only ones of their name in it. */
function kernelNames(generation: Generation): ReadonlySet<string> {
  const of = kernel(generation);
  const lines = readFileSync(of.symvers, 'utf8').split('\n');
  const exported = lines.map(line => line.split('\t')).flatMap(c => (c[2] === 'vmlinux' ? [c[1]!] : []));
  const nm = execFileSync('powerpc64le-linux-gnu-nm', [of.vmlinux], { maxBuffer: 2 ** 28, encoding: 'utf8' });
  const times = new Map<string, number>();
  const code = new Set<string>();
  for (const line of nm.split('\n')) {
    const [, type = '', name = ''] = line.split(' ');
    times.set(name, (times.get(name) ?? 0) + 1);
    if (/[tT]/.test(type)) code.add(name);
  }
  return new Set(exported.filter(name => times.get(name) === 1 && code.has(name)));
}

/** Calls of a function, by what counted them. */
interface Place {
  readonly module: string;
  /** Names at that address; none where it has gone with the module's first functions. */
  readonly names: readonly string[];
  readonly enters: number;
  readonly leaves: number;
  readonly passes: number;
}

export interface RedteamRun extends Run {
  /** Calls by number. */
  readonly numbers: ReadonlyMap<number, number>;
  /** Functions that hooks or trampolines counted. */
  readonly places: readonly Place[];
  readonly uncounted: number;
  /** redteam_object.o's, by module. */
  readonly own: ReadonlyMap<string, { readonly entered: number; readonly left: number }>;
  /** Where the tracer was switched on and off meanwhile. */
  readonly tracing?: Tracing;
}

const PREPARE = `insmod /files/redteam.ko lookup=0x$(awk '$3 == "kallsyms_lookup_name" { print $1; exit }' /proc/kallsyms) || exit 3
insmod /files/redteam_copied.ko || exit 4
while read -r line; do echo "$line" > /proc/redteam; done < /files/forwards`;
const COLLECT = `cat /proc/redteam > /out/redteam
for file in /sys/module/*/parameters/redteam_*; do [ ! -e "$file" ] || echo "$file $(cat "$file")"; done > /out/own
grep '\\[' /proc/kallsyms > /out/kallsyms`;

interface Use {
  readonly images: readonly string[];
  readonly scratch: string;
  readonly timeoutSeconds: number;
  /** The function tracer is switched on and off meanwhile. */
  readonly isTraced?: boolean;
}

export async function useModules(
  generation: Generation,
  modules: readonly string[],
  bench: Bench,
  { images, scratch, timeoutSeconds, isTraced = false }: Use,
): Promise<RedteamRun> {
  mkdirSync(scratch, { recursive: true });
  const forwards = join(scratch, 'forwards');
  writeFileSync(forwards, bench.forwards.map(line => `${line}\n`).join(''));
  const [before, after] = isTraced ? [`${PREPARE}\n${START_TRACER}`, `${END_TRACER}\n${COLLECT}`] : [PREPARE, COLLECT];
  const run = await loadAndUse({
    ...{ generation, modules, images, scratch, timeoutSeconds },
    counter: join(built(generation), 'redteam.ko'),
    extraFiles: [bench.copied, forwards],
    script: text =>
      text
        .replace('insmod /files/stress_count.ko || exit 3', () => before)
        .replace('cat /proc/stress_count > /out/counts', () => after),
  });
  const read = (name: string) =>
    readFileSync(join(scratch, 'out', name), 'utf8')
      .trim()
      .split('\n');
  return { ...run, ...readCounts(read), ...(isTraced ? { tracing: readTracing(read) } : {}) };
}

function readCounts(read: (name: string) => string[]): Pick<RedteamRun, 'numbers' | 'places' | 'uncounted' | 'own'> {
  const lines = (name: string) =>
    read(name)
      .filter(line => line !== '')
      .map(line => line.split(/\s+/));
  const names = new Map<bigint, { module: string; names: string[] }>();
  for (const [at, , name = '', module] of lines('kallsyms')) {
    const here = names.get(BigInt(`0x${at}`));
    if (here === undefined) names.set(BigInt(`0x${at}`), { module: module?.slice(1, -1) ?? '', names: [name] });
    else here.names.push(name);
  }
  const starts = [...names.keys()].sort((a, b) => (a < b ? -1 : 1));
  const symbolAt = (at: bigint) => {
    let low = 0;
    for (let high = starts.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= at) low = middle + 1;
      else high = middle;
    }
    const start = starts[low - 1] ?? 0n;
    const symbol = names.get(start) ?? { module: '', names: [] };
    return at - start <= 16n ? symbol : { ...symbol, names: [] };
  };
  const numbers = new Map<number, number>();
  const places: Place[] = [];
  let uncounted = Number.NaN;
  for (const [kind, a, b, c, d] of lines('redteam'))
    if (kind === 'lost') uncounted = Number(a);
    else if (kind === 'number') numbers.set(Number(a), Number(b));
    else
      places.push({
        ...symbolAt(BigInt(`0x${a}`)),
        ...{ enters: Number(b), leaves: Number(c), passes: Number(d) },
      });
  const own = new Map<string, { entered: number; left: number }>();
  for (const [file = '', calls] of lines('own')) {
    const [, , , module = '', , name] = file.split('/');
    const now = own.get(module) ?? { entered: 0, left: 0 };
    own.set(module, name === 'redteam_entered' ? { ...now, entered: Number(calls) } : { ...now, left: Number(calls) });
  }
  return { numbers, places, uncounted, own };
}

/** Calls of each function that was counted by place. */
export function callsByFunction(run: RedteamRun): CallsByFunction {
  const calls = new Map<string, Map<string, number>>();
  for (const { module, names, enters, leaves, passes } of run.places)
    for (const symbol of names) {
      // A trampoline counts by where it goes on: what stands for the rest of the function.
      const name = passes > 0 ? symbol.replace(/^__tocsin_body_/, '') : symbol;
      const of = calls.get(module) ?? new Map<string, number>();
      calls.set(module, of.set(name, (of.get(name) ?? 0) + Math.max(enters, leaves, passes)));
    }
  return calls;
}

/**
 * Functions of a module that an earlier run has seen called so often, and that were not counted now. Nothing is said of ways that
 * count some calls of a function only: changed calls, callers that come in at one of two entries, hooks that count by module.
 */
export function silentFunctions(run: RedteamRun, patched: Patched, called: CallsByFunction, often: number): string[] {
  if (/^(retarget|global|local|exit-merged)/.test(patched.variant)) return [];
  const module = moduleName(patched.path);
  const now = callsByFunction(run).get(module);
  return patched.functions.flatMap(({ name, number }) => {
    const before = called.get(module)?.get(name) ?? 0;
    const counted = number === undefined ? now?.get(name) : run.numbers.get(number);
    return before < often || counted ? [] : [`${patched.variant} ${module}:${name} (${before} calls before)`];
  });
}

/** Calls that were counted of a module. */
export function callsOf(run: RedteamRun, { path, functions }: Patched): number {
  const module = moduleName(path);
  const own = run.own.get(module)?.left ?? 0;
  const placed = run.places.filter(p => p.module === module).map(p => p.enters + p.leaves + p.passes);
  const numbered = functions.map(f => (f.number === undefined ? 0 : (run.numbers.get(f.number) ?? 0)));
  return [own, ...placed, ...numbered].reduce((sum, n) => sum + n, 0);
}
