// Objects merged into modules: compared with what the GNU linker makes of the same files, then run in the real kernel.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ElfFile, readElf } from '../../src/elf/read.ts';
import { readObject } from '../../src/io/read.ts';
import { parseSymvers } from '../../src/kernel/symvers.ts';
import { applyMerge } from '../../src/merge/apply.ts';
import type { MergeObject } from '../../src/merge/objects.ts';
import { planMerge } from '../../src/merge/plan.ts';
import { applyPlan } from '../../src/rewrite/apply.ts';
import { makePlan } from '../../src/rewrite/plan.ts';
import { revert } from '../../src/rewrite/revert.ts';
import { verifyMerge } from '../../src/verify/merged/verify-merge.ts';
import { verifyPatched } from '../../src/verify/verify.ts';
import { clean, runMachine } from './boot/machine.ts';
import {
  canaryCounts,
  demoReport,
  filterFunctions,
  loadModules,
  prelude,
  runCanary,
  troubles,
  unloadModules,
  whileTracing,
} from './boot/scripts.ts';
import { GENERATIONS, type Generation, kernel, labModules, samplesFolder } from './harness/harness.ts';
import { linkedDifferences } from './merge/compare-linked.ts';
import { figure, sample, some } from './support/lab.ts';
import { runProgram, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-merge-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function folder(...names: readonly string[]): string {
  const path = join(scratch, ...names);
  mkdirSync(path, { recursive: true });
  return path;
}

const demo = (generation: Generation) => join(samplesFolder, generation, 'tocsin_demo.ko');
const object = (generation: Generation) => join(samplesFolder, generation, 'demo_object.o');

function asObject(bytes: Uint8Array, name: string): MergeObject {
  return { name, elf: readElf(bytes), sha256: createHash('sha256').update(bytes).digest('hex') };
}

function link(modulePath: string, objectPath: string, target: string): ElfFile {
  execFileSync('powerpc64le-linux-gnu-ld', ['-r', '-o', target, modulePath, objectPath]);
  return readElf(readFileSync(target));
}

/** Module and object, merged by tocsin and by `ld -r`. */
function bothWays(generation: Generation, name: string, modulePath: string, objectPath: string) {
  const module = readElf(readFileSync(modulePath));
  const objects = [asObject(readFileSync(objectPath), basename(objectPath))];
  const merged = readElf(applyMerge(module, objects, planMerge(module, objects)).bytes);
  const linked = link(modulePath, objectPath, join(folder(generation, name), 'linked.o'));
  return { merged, linked, object: objects[0]!.elf };
}

describe.each(GENERATIONS)('merged as ld -r would, %s', generation => {
  it.each(['the sample', 'the canary'])('%s: the same contents, the same meanings', name => {
    const pair =
      name === 'the sample'
        ? ([demo(generation), object(generation)] as const)
        : ([labModules(generation).canary, labModules(generation).canaryObject] as const);
    const { differences, sections, relocations, bound } = linkedDifferences(
      bothWays(generation, name.slice(4), ...pair),
    );
    expect(differences).toEqual([]);
    // The linker does not bind a name of the object to a local symbol of the module.
    expect(bound).toEqual(name === 'the sample' ? ['canary_get', 'demo_checks', 'demo_hits'] : []);
    figure(
      `merge ${generation}, ${name}: sections and relocations that are those of ld -r`,
      `${sections}, ${relocations}`,
    );
  });
});

describe.each(GENERATIONS)('stock modules of %s', generation => {
  it('take an object as ld -r would, and give it back', async () => {
    const objectBytes = readFileSync(labModules(generation).canaryObject);
    const objects = [asObject(objectBytes, 'canary_object.o')];
    const out = folder(generation, 'stock');
    const complaints: string[] = [];
    let relocations = 0;
    // A module without a call site of its own imports _mcount for those of the object.
    const exports = parseSymvers(readFileSync(kernel(generation).symvers, 'utf8'));
    const modules = sample(kernel(generation).modules, 60);
    for (const path of modules) {
      const { bytes } = await readObject(path);
      const module = readElf(bytes);
      const plan = planMerge(module, objects);
      const middle = applyMerge(module, objects, plan);
      const merged = readElf(middle.bytes);
      const says = (what: readonly unknown[]) => {
        if (what.length > 0) complaints.push(`${basename(path)}: ${JSON.stringify(what[0])}`);
      };
      says(verifyMerge({ module, objects, plan }, middle.bytes).findings);
      const patch = makePlan(merged, { nops: ['object_add'], redirects: [], merge: plan, exports });
      const before = { bytes, merged: middle };
      const patched = applyPlan(merged, patch, { toolVersion: 'lab', before }).bytes;
      says(verifyPatched({ elf: merged, bytes }, patched, patch).findings.filter(f => f.level === 'error'));
      says(Buffer.compare(revert(patched).original, bytes) === 0 ? [] : ['not restored']);
      writeFileSync(join(out, 'module.ko'), bytes);
      const linked = link(join(out, 'module.ko'), labModules(generation).canaryObject, join(out, 'linked.o'));
      const found = linkedDifferences({ object: objects[0]!.elf, merged, linked });
      says(found.differences);
      relocations += found.relocations;
    }
    expect(some(complaints)).toEqual([]);
    figure(
      `merge ${generation}: stock modules with an object merged in, and their relocations`,
      `${modules.length}, ${relocations}`,
    );
  });
});

const ORIGINAL = { in_range: '1', sibling: '1', other_file: '1', lookup: '666', lookup_all: '786', parity: '1' };
const FIXED = { in_range: '0', sibling: '0', other_file: '0', lookup: '-1', lookup_all: '119', parity: '0' };
const REDIRECTS = ['demo_in_range=fixed_in_range', 'demo_parity=fixed_parity', 'demo_sum_ten=fixed_sum_ten'];
const CALLS = 100_000;
const RUNS = ['in_range', 'sibling', 'parity', 'sum_ten'].flatMap(target =>
  (['local', 'pointer'] as const).map(path => [target, path] as const),
);

async function informationOf(path: string, key: string): Promise<string[]> {
  const { stdout } = await runProgram('/sbin/modinfo', ['-F', key, path]);
  return stdout.split('\n').filter(Boolean);
}

/** Prints what the fix says of itself. RESULT `LABEL.NAME` = value. */
function fixedReport(label: string): string {
  return `while read -r line; do echo "RESULT ${label}.$line"; done < /sys/module/tocsin_demo/parameters/fixed\n`;
}

describe.each(GENERATIONS)('a merged fix in kernel %s', generation => {
  it('runs in place of functions of the module, with every register as it was', async () => {
    const of = kernel(generation);
    const out = folder(generation, 'fix');
    const patched = join(out, 'tocsin_demo.ko');
    const restored = join(out, 'demo_restored.ko');
    const asked = REDIRECTS.flatMap(redirect => ['--redirect', redirect]);
    const known = ['--symvers', of.symvers, '--kernel', of.vmlinux];
    await tocsinDone(
      'patch',
      demo(generation),
      '-o',
      patched,
      '--with',
      object(generation),
      ...asked,
      '--strategy',
      'direct',
      ...known,
    );
    await tocsinDone('revert', patched, '-o', restored);
    // What is said of the module as a whole is said once, by the module.
    for (const key of ['license', 'description', 'name', 'vermagic'])
      expect([key, await informationOf(patched, key)]).toEqual([key, await informationOf(demo(generation), key)]);
    expect(await informationOf(patched, 'license')).toEqual(['GPL']);
    expect(readFileSync(restored).equals(readFileSync(demo(generation)))).toBe(true);
    const { exitStatus, seconds, found, said } = await runMachine(`merge-${generation}`, {
      generation,
      timeoutSeconds: 400,
      files: [patched, restored],
      script: [
        prelude(),
        loadModules(['tocsin_demo.ko']),
        demoReport(),
        ...RUNS.map(([target, path]) => runCanary('tocsin_demo', target, path, CALLS)),
        fixedReport('first'),
        whileTracing(['demo_in_range', 'fixed_in_range', 'fixed_sum_ten'], label =>
          runCanary('tocsin_demo', 'in_range', 'local', 2000, label),
        ),
        fixedReport('second'),
        filterFunctions(['demo_in_range', 'fixed_in_range']),
        'result symbol "$(grep -c " fixed_in_range.*tocsin_demo" /proc/kallsyms)"\n',
        unloadModules(['tocsin_demo']),
        loadModules(['demo_restored.ko']),
        demoReport().replaceAll('RESULT report.', 'RESULT restored.'),
        troubles(),
      ].join(''),
    });
    const report = (label: string) => Object.fromEntries(Object.keys(FIXED).map(n => [n, found.get(`${label}.${n}`)]));
    expect(exitStatus, said).toBe(0);
    expect(report('report'), said).toEqual(FIXED);
    for (const [target, path] of RUNS)
      expect([target, path, canaryCounts(found.get(`canary.tocsin_demo.${target}.${path}`))]).toEqual([
        target,
        path,
        clean(CALLS, 'replaced'),
      ]);
    // What the fix brought and what it found in the module; the jump label was off, then on.
    const own = ['slots', 'hits', 'once', 'here', 'jump', 'fault', 'words', 'gcd'];
    for (const label of ['first', 'second'])
      expect(
        own.map(n => found.get(`${label}.${n}`)),
        said,
      ).toEqual(['16', '1', '77', '5', '01', '-14', 'tocsin, alarm bell', '12']);
    expect(Number(found.get('first.calls')), said).toBeGreaterThanOrEqual(RUNS.length * CALLS);
    expect([found.get('filter.demo_in_range'), found.get('filter.fixed_in_range')]).toEqual([
      'tocsin_demo',
      'tocsin_demo',
    ]);
    expect(Number(found.get('traced.fixed_in_range')), said).toBeGreaterThan(0);
    expect([found.get('symbol'), found.get('tracer.enabled')], said).toEqual(['1', '1']);
    expect(report('restored')).toEqual(ORIGINAL);
    expect(found.get('troubles'), said).toBe('0');
    figure(`merge ${of.release}: calls through a merged fix, no register lost`, RUNS.length * CALLS);
    figure(`merge ${of.release}: seconds`, Math.round(seconds));
  });
});
