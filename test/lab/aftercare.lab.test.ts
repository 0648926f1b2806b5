// After a patch: what backtraces, /proc/kallsyms and kprobes say of new code. Each way of redirecting and hooking leads to a function
// that looks at the stack it stands on, writes it to the log, and, on demand, sleeps there.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PlannedEpilogue } from '../../src/plan/plan.ts';
import type { PatchDocument } from '../../src/report/patch/document.ts';
import { runMachine } from './boot/machine.ts';
import { loadModules, prelude, unloadModules } from './boot/scripts.ts';
import { buildOnce, cacheFolder, GENERATIONS, type Generation, kernel, perfFolder } from './harness/harness.ts';
import { figure } from './support/lab.ts';
import { runProgram, tocsinDone } from './support/programs.ts';

const TRACING = '/sys/kernel/tracing';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-aftercare-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const source = resolve(import.meta.dirname, 'aftercare/modules');

/** The folder with the modules of aftercare/, kept in the cache as long as their sources stay the same. */
function modules(generation: Generation): string {
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const name of readdirSync(source).sort()) digest.update(readFileSync(join(source, name)));
  const folder = join(cacheFolder, 'modules', `aftercare-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, source, folder);
  return folder;
}

const COPY = '__tocsin_epilogue_trail_copied';
const PLAN = {
  schema: 'tocsin.patch-plan/1',
  redirect: [
    { function: 'trail_frame', to: 'trail_fixed', strategy: 'frame' },
    { function: 'trail_copy', to: COPY, strategy: 'frame' },
    { function: 'trail_entry', to: 'trail_fixed', strategy: 'frame', at: 'local-entry' },
    { function: 'trail_shadow', to: 'trail_fixed', strategy: 'shadow' },
    { function: 'trail_direct', to: 'trail_merged', strategy: 'direct' },
  ],
  hook: [
    { functions: 'trail_hook', before: 'trail_entered' },
    { functions: 'trail_leave', after: 'trail_left' },
  ],
};

/** By way: who stands on the stack, from the inside; behind them the module parameter's function, which is the same for all. */
const STACKS: Readonly<Record<string, readonly string[]>> = {
  frame: ['trail_fixed [trail_fix]', '__tocsin_frame_trail_frame [trail]', 'trail_frame_caller [trail]'],
  copy: [`${COPY} [trail_fix]`, '__tocsin_frame_trail_copy [trail]', 'trail_copy_caller [trail]'],
  entry: ['trail_fixed [trail_fix]', '__tocsin_frame_trail_entry [trail]', 'trail_entry_caller [trail]'],
  direct: ['trail_merged [trail]', 'trail_direct_caller [trail]'],
  hook: ['trail_entered [trail]', '__tocsin_hook_trail_hook [trail]', 'trail_hook_caller [trail]'],
  leave: ['trail_left [trail]', '__tocsin_hook_trail_leave [trail]', 'trail_leave_caller [trail]'],
  // The return address into the caller is in the table, where no unwinder looks.
  shadow: ['trail_fixed [trail_fix]', '__tocsin_shadow_trail_shadow [trail]'],
};
const RESULTS: Readonly<Record<string, string>> = {
  frame: '1025',
  copy: '1025',
  entry: '1025',
  direct: '3025',
  hook: '50',
  leave: '50',
  shadow: '1025',
};
const WAYS = Object.keys(STACKS);
/** Symbols that get a probe, and a way that comes there. */
const PROBED = [
  ['__tocsin_frame_trail_frame', 'frame'],
  ['__tocsin_hook_trail_hook', 'hook'],
  ['__tocsin_hook_trail_leave', 'leave'],
  ['__tocsin_shadow_trail_shadow', 'shadow'],
  ['trail_merged', 'direct'],
] as const;
/** A compiled function is probed at its call site, behind the words that set up r2. */
const SITES: Readonly<Record<Generation, string>> = { '6.1': '0xc', '6.12': '0xc', '7.2': '0x8' };

/** Calls through one way; what it wrote down is `SEEN WAY PLACE`, what the kernel logged `LOGGED WAY LINE`. */
function call(way: string): string {
  return `
dmesg -c > /dev/null
echo ${way} > /sys/module/trail/parameters/call; result call.${way} "$?:$(cat /sys/module/trail/parameters/call)"
sed 's/^/SEEN ${way} /' /sys/module/trail_watch/parameters/seen
dmesg | sed 's/^/LOGGED ${way} /'
`;
}

/** The same, in a task that sleeps inside: `TASK WAY LINE` is what /proc/PID/stack says of it. */
function callAndSleep(way: string): string {
  return `
echo 1 > /sys/module/trail_watch/parameters/asleep
echo ${way} > /sys/module/trail/parameters/call &
sleep 1
sed 's/^/TASK ${way} /' /proc/$!/stack
echo 0 > /sys/module/trail_watch/parameters/asleep
wait
`;
}

/** A kprobe on a symbol, while one way is called once. */
function probe([symbol, way]: (typeof PROBED)[number]): string {
  return `
echo trail:${symbol} > /sys/module/trail_watch/parameters/probe; result probe.${symbol} $?
result probed.${symbol} "$(awk '{ print $3, $4 }' /sys/kernel/debug/kprobes/list | grep ' trail$')"
echo ${way} > /sys/module/trail/parameters/call
result hits.${symbol} "$(cat /sys/module/trail_watch/parameters/probe)"
echo > /sys/module/trail_watch/parameters/probe
`;
}

/**
 * All ways under a profiler: `MAP LINE` is where perf has seen modules, `PERF LINE` what it prints of its samples. It gives names from
 * /proc/kallsyms, and where there is /proc/kcore calls all of them the kernel's; whose a place is, the maps tell.
 */
function profile(): string {
  const perf = '/files/perf/ld64.so.2 --library-path /files/perf /files/perf/perf';
  return `
echo 300 > /sys/module/trail_watch/parameters/busy
echo 'for way in ${WAYS.join(' ')}; do echo $way > /sys/module/trail/parameters/call; done' > /tmp/ways
${perf} record -q -e cpu-clock -F 100 -g -o /tmp/perf.data sh /tmp/ways; result perf.record $?
${perf} script -i /tmp/perf.data --show-mmap-events -F ip,sym,symoff > /tmp/perf.text 2> /tmp/perf.errors; result perf.script $?
sed -nE 's/.*PERF_RECORD_MMAP .*\\[(0x[0-9a-f]+)\\((0x[0-9a-f]+)\\) .* \\[(trail\\w*)\\]$/MAP \\1 \\2 \\3/p' /tmp/perf.text
grep -e trail_ -e '^$' /tmp/perf.text | uniq | sed 's/^/PERF /'
`;
}

/** The samples: each one's functions of the lab's modules, from the inside. */
function samplesOf(console: string): string[][] {
  // 7.2 reports the size of all areas of a module, and puts another one's text among them: only starts can be relied on.
  const maps = [...console.matchAll(/^MAP (\w+) \w+ (\w+)$/gm)]
    .map(([, start, module]) => ({ start: BigInt(start!), module: module! }))
    .sort((a, b) => (a.start < b.start ? 1 : -1));
  const samples: string[][] = [[]];
  for (const line of console.split('\n')) {
    if (!line.startsWith('PERF')) continue;
    const [, place, name] = /^PERF\s+([0-9a-f]+) ([\w.]+)\+0x[0-9a-f]+/.exec(line) ?? [];
    if (place === undefined) samples.push([]);
    else {
      const at = BigInt(`0x${place}`);
      samples.at(-1)!.push(`${name} [${maps.find(m => at >= m.start)?.module ?? 'no module'}]`);
    }
  }
  return samples.filter(sample => sample.length > 0);
}

/** `NAME+0xOFFSET/0xSIZE [MODULE]`, as the kernel prints a place. */
interface Place {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly module: string | undefined;
}

function placesIn(console: string, tag: string): Place[] {
  const places: Place[] = [];
  for (const line of console.split('\n')) {
    if (!line.startsWith(`${tag} `)) continue;
    const found = /([\w.]+)\+0x([0-9a-f]+)\/0x([0-9a-f]+)(?: \[(\w+)\])?/.exec(line);
    if (found === null) continue;
    const [, name = '', offset = '', size = '', module] = found;
    places.push({ name, offset: Number.parseInt(offset, 16), size: Number.parseInt(size, 16), module });
  }
  return places;
}

/** The names from the first one in a module of the lab on, as far as STACKS tells them. */
function inside(places: readonly Place[], way: string): string[] {
  const names = places.map(p => (p.module === undefined ? p.name : `${p.name} [${p.module}]`));
  const first = names.indexOf(STACKS[way]![0]!);
  return names.slice(first, first + STACKS[way]!.length + 1);
}

/** Symbols of new code by name: value and size, as readelf sees them. */
async function newSymbols(path: string): Promise<Map<string, { readonly value: number; readonly size: number }>> {
  const { stdout } = await runProgram('powerpc64le-linux-gnu-readelf', ['-sW', path]);
  const symbols = new Map<string, { value: number; size: number }>();
  for (const line of stdout.split('\n')) {
    const fields = line
      .replace(/\[<localentry>: \d+\]/, '')
      .trim()
      .split(/\s+/);
    const [, value = '', size = '', , , , , name = ''] = fields;
    if (/^__tocsin_(frame|hook|shadow_trail|body)/.test(name))
      symbols.set(name, { value: Number.parseInt(value, 16), size: Number(size) });
  }
  return symbols;
}

describe.each(GENERATIONS)('what is seen of new code in kernel %s', generation => {
  it('backtraces, kallsyms and kprobes name it', async () => {
    const folder = modules(generation);
    const out = join(scratch, generation);
    mkdirSync(out, { recursive: true });
    const fix = join(out, 'trail_fix.ko');
    const made = await tocsinDone(
      'patch',
      join(folder, 'trail_fix.ko'),
      '-o',
      fix,
      '--epilogue',
      'trail_copied',
      '--format',
      'json',
    );
    const copy = (JSON.parse(made.stdout) as PatchDocument).actions.find(
      (a): a is PlannedEpilogue => a.kind === 'epilogue',
    );
    const versions = join(out, 'copy.symvers');
    writeFileSync(versions, `0x${copy!.crc.toString(16).padStart(8, '0')}\t${COPY}\ttrail_fix\tEXPORT_SYMBOL_GPL\t\n`);
    const plan = join(out, 'plan.json');
    writeFileSync(plan, JSON.stringify(PLAN));
    const patched = join(out, 'trail.ko');
    const known = [versions, join(folder, 'Module.symvers'), kernel(generation).symvers].flatMap(v => ['--symvers', v]);
    const object = join(folder, 'trail_object.o');
    await tocsinDone(
      'patch',
      join(folder, 'trail.ko'),
      '-o',
      patched,
      '--plan',
      plan,
      '--with',
      object,
      ...known,
      '--quiet',
    );
    const symbols = await newSymbols(patched);
    const { exitStatus, found, said, console } = await runMachine(`aftercare-${generation}`, {
      generation,
      timeoutSeconds: 300,
      files: [join(folder, 'trail_watch.ko'), fix, patched, perfFolder()],
      script: [
        prelude(),
        loadModules(['trail_watch.ko', 'trail_fix.ko', 'trail.ko']),
        'result section $(cat /sys/module/trail/sections/.text.tocsin)\n',
        ...[...symbols.keys()].map(s => `result at.${s} "$(awk '$3 == "${s}" { print $1, $4 }' /proc/kallsyms)"\n`),
        ...WAYS.map(call),
        ...WAYS.map(callAndSleep),
        ...PROBED.map(probe),
        `echo "p:lab/merged trail:trail_merged" > ${TRACING}/kprobe_events; result event.trail_merged $?\n`,
        `echo "p:lab/frame trail:__tocsin_frame_trail_frame" >> ${TRACING}/kprobe_events; result event.trampoline $?\n`,
        'result refused "$(dmesg | grep -c "Could not probe notrace function")"\n',
        `echo > ${TRACING}/kprobe_events\n`,
        profile(),
        unloadModules(['trail', 'trail_fix', 'trail_watch']),
      ].join(''),
    });
    expect(exitStatus, said).toBe(0);
    expect([found.get('load.trail_fix'), found.get('load.trail'), found.get('unload.trail')], said).toEqual([
      '0',
      '0',
      '0',
    ]);

    // Each symbol is where the file has it.
    const base = BigInt(found.get('section') ?? 0);
    for (const [name, { value }] of symbols)
      expect([name, found.get(`at.${name}`)]).toEqual([name, `${(base + BigInt(value)).toString(16)} [trail]`]);

    const sorted = [...symbols].sort((a, b) => a[1].value - b[1].value);
    let places = 0;
    for (const way of WAYS) {
      expect([way, found.get(`call.${way}`)], said).toEqual([way, `0:${RESULTS[way]}`]);
      for (const tag of ['SEEN', 'LOGGED', 'TASK']) {
        const trace = placesIn(console, `${tag} ${way}`);
        expect([tag, way, ...inside(trace, way)], said).toEqual([tag, way, ...STACKS[way]!, 'set_call [trail]']);
        places += trace.length;
        for (const { name, offset, size } of trace) {
          const at = sorted.findIndex(([symbol]) => symbol === name);
          if (at < 0) continue;
          const { value, size: own } = sorted[at]![1];
          // A size in kallsyms is the way to the next symbol.
          const next = sorted[at + 1]?.[1].value;
          expect([name, offset < own, size >= own && (next === undefined || size === next - value)]).toEqual([
            name,
            true,
            true,
          ]);
        }
      }
    }
    for (const [symbol] of PROBED) {
      const offset = symbol === 'trail_merged' ? SITES[generation] : '0x0';
      const results = ['probe', 'probed', 'hits'].map(what => found.get(`${what}.${symbol}`));
      expect([symbol, ...results], said).toEqual([symbol, '0', `${symbol}+${offset} trail`, '1']);
    }
    // The tracer's probes want functions with a call site, which trampolines are not.
    expect(
      ['event.trail_merged', 'event.trampoline', 'refused'].map(k => found.get(k)),
      said,
    ).toEqual(['0', '1', '1']);
    expect(
      ['perf.record', 'perf.script'].map(k => found.get(k)),
      said,
    ).toEqual(['0', '0']);
    const samples = samplesOf(console);
    for (const way of WAYS) {
      const text = STACKS[way]!.join(' < ');
      expect([way, samples.some(sample => sample.join(' < ').includes(text))], said).toEqual([way, true]);
    }
    figure(`aftercare ${kernel(generation).release}: samples of perf in these functions`, samples.length);
    figure(
      `aftercare ${kernel(generation).release}: ways, and places of new code named in backtraces`,
      `${WAYS.length}, ${places}`,
    );
  });
});
