// The real kernel has the last word: patched modules in a booted machine, one generation after the other.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ElfEditor } from '../../src/elf/editor.ts';
import { layOut } from '../../src/elf/layout.ts';
import { readElf } from '../../src/elf/read.ts';
import { scanObject, summarize } from '../../src/sites/scan.ts';
import { clean, runMachine } from './boot/machine.ts';
import {
  canaryCounts,
  countFunctions,
  demoReport,
  dumpSections,
  filterFunctions,
  loadModules,
  PATHS,
  prelude,
  runCanary,
  troubles,
  unloadModules,
  useFileSystem,
  whileTracing,
} from './boot/scripts.ts';
import {
  GENERATIONS,
  type Generation,
  type Kernel,
  kernel,
  labModules,
  loadOrder,
  plainModules,
  samplesFolder,
} from './harness/harness.ts';
import { figure, full } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-boot-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function folder(...names: readonly string[]): string {
  const path = join(scratch, ...names);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Modules of Debian that run without hardware; those that a kernel does not have are left out. */
const STOCK = [
  'loop',
  'dummy',
  'ext4',
  'xfs',
  'btrfs',
  'tun',
  'veth',
  'bridge',
  '8021q',
  'sit',
  'twofish_common',
  'vfat',
  'squashfs',
  'overlay',
  'nf_conntrack',
  'null_blk',
  'dm_mod',
] as const;

function stockModules(of: Kernel): readonly string[] {
  const known = new Set(of.modules.map(path => moduleName(path)));
  return plainModules(
    loadOrder(
      of,
      STOCK.filter(name => known.has(name)),
    ),
    folder(of.generation, 'stock'),
  );
}

function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

const siteCount = (path: string) => summarize(readElf(readFileSync(path))).counts.callSites;

const NOP = 0x60000000;

/** Size of a module's `.text`, and the offsets of the call sites in it, in bytes. */
function textOf(path: string): { readonly size: number; readonly sites: readonly number[] } {
  const elf = readElf(readFileSync(path));
  const sites = scanObject(elf).callSites.filter(site => site.section === '.text');
  return { size: elf.sectionNamed('.text')!.sh_size, sites: sites.map(site => site.offset) };
}

/** What `demo_*` gives as compiled, and with the fix in place of its bug. */
const DEMO = { in_range: '1', sibling: '1', other_file: '1', lookup: '666', indirect: '17' };
const DEMO_FIXED = { in_range: '0', sibling: '0', other_file: '0', lookup: '-1', indirect: '16' };

function demoResults(found: ReadonlyMap<string, string>): Record<string, string | undefined> {
  return Object.fromEntries(Object.keys(DEMO).map(name => [name, found.get(`report.${name}`)]));
}

describe.each(GENERATIONS)('modules without call sites, kernel %s', generation => {
  it('load, work, are unknown to the tracer, and leave it in order', async () => {
    const of = kernel(generation);
    const out = folder(generation, 'nopped');
    const demo = join(samplesFolder, generation, 'tocsin_demo.ko');
    const traced = [...stockModules(of), demo];
    const names: string[] = [];
    const untraced: string[] = [];
    for (const path of traced) {
      const target = join(out, `${moduleName(path)}.ko`);
      if (siteCount(path) === 0) cpSync(path, target);
      else await tocsinDone('patch', path, '-o', target, '--nop', '*', '--quiet');
      (siteCount(path) === 0 ? untraced : names).push(moduleName(path));
    }
    const fix = join(samplesFolder, generation, 'tocsin_fix.ko');
    const { exitStatus, seconds, found, said } = await runMachine(`nopped-${generation}`, {
      generation,
      timeoutSeconds: 400,
      outFolder: join(out, 'memory'),
      memory: '3G',
      files: [...traced.map(path => join(out, `${moduleName(path)}.ko`)), fix],
      script: [
        prelude(),
        loadModules([...traced, fix].map(path => `${moduleName(path)}.ko`)),
        demoReport(),
        runCanary('tocsin_demo', 'in_range', 'local', 100_000),
        runCanary('tocsin_demo', 'parity', 'pointer', 100_000),
        useFileSystem(),
        'ip link add lab0 type dummy && ip link set lab0 up; result link $?\n',
        countFunctions([...names, 'tocsin_fix']),
        filterFunctions(['demo_in_range', 'demo_lookup', 'fix_in_range', 'vfs_read']),
        dumpSections('tocsin_demo', new Map([['.text', textOf(demo).size]])),
        whileTracing(['vfs_read', 'vfs_write', 'fix_in_range'], () => demoReport()),
        whileTracing([], () => `cat /proc/version > /dev/null\n`, 3),
        demoReport(),
        unloadModules(['tocsin_demo']),
        troubles(),
      ].join(''),
    });
    expect(exitStatus, said).toBe(0);
    for (const name of [...names, ...untraced]) expect([name, found.get(`load.${name}`)]).toEqual([name, '0']);
    expect(demoResults(found), said).toEqual(DEMO);
    expect(canaryCounts(found.get('canary.tocsin_demo.in_range.local'))).toEqual(clean(100_000, 'original'));
    expect(canaryCounts(found.get('canary.tocsin_demo.parity.pointer'))).toEqual(clean(100_000, 'original'));
    expect([found.get('mount'), found.get('ext4'), found.get('link')], said).toEqual(['0', 'same', '0']);
    for (const name of names) expect([name, found.get(`functions.${name}`)]).toEqual([name, '0']);
    // The module beside them, as it was built, is known.
    expect(Number(found.get('functions.tocsin_fix'))).toBeGreaterThan(0);
    expect(found.get('filter.demo_in_range')).toBe('absent');
    expect(found.get('filter.demo_lookup')).toBe('absent');
    expect(found.get('filter.fix_in_range')).toBe('tocsin_fix');
    expect(found.get('filter.vfs_read')).toBe('vmlinux');
    expect(Number(found.get('traced.vfs_read')), said).toBeGreaterThan(0);
    expect(found.get('tracer.enabled')).toBe('1');
    expect([found.get('unload.tocsin_demo'), found.get('troubles')], said).toEqual(['0', '0']);
    // And in the machine's memory: nops, as in the file.
    const memory = readFileSync(join(out, 'memory', 'tocsin_demo', '.text'));
    expect(memory.length).toBe(textOf(demo).size);
    for (const offset of textOf(demo).sites) expect([offset, memory.readUInt32LE(offset)]).toEqual([offset, NOP]);
    figure(`boot ${of.release}: modules without call sites loaded together`, names.length);
    figure(`boot ${of.release}: seconds`, Math.round(seconds));
  });
});

interface Variant {
  readonly name: string;
  readonly redirects: readonly string[];
  readonly options: readonly string[];
  /** By target of the canary: what it gives now. All others give the original. */
  readonly results: Readonly<Record<string, 'replaced' | 'other'>>;
  /** Functions that the tracer knows in this variant. */
  readonly traced: readonly string[];
}

const DIRECT = { add: 'replaced', sibling: 'replaced', twice: 'replaced' } as const;
const FRAMED = [
  'home_add=fix_add',
  'home_leaf=fix_leaf',
  'home_eight=fix_eight',
  'home_pair=fix_pair',
  'home_recurse=fix_recurse',
  'home_yield=fix_yield',
];
const FRAME = {
  ...DIRECT,
  leaf: 'replaced',
  eight: 'replaced',
  pair: 'replaced',
  recurse: 'replaced',
  yield: 'replaced',
} as const;

const VARIANTS: readonly Variant[] = [
  {
    // home_leaf has no TOC of its own, home_yield has: a trampoline enters it at its global entry.
    name: 'direct-after-site',
    redirects: ['home_add=home_add_fixed', 'home_leaf=home_yield'],
    options: ['--strategy', 'direct', '--at', 'after-site'],
    results: { ...DIRECT, leaf: 'other' },
    traced: ['home_add', 'home_leaf', 'home_add_fixed', 'home_twice'],
  },
  {
    // The other way round.
    name: 'direct-site',
    redirects: ['home_add=home_add_fixed', 'home_yield=home_leaf'],
    options: ['--strategy', 'direct', '--at', 'site'],
    results: { ...DIRECT, yield: 'other' },
    traced: ['home_leaf', 'home_add_fixed', 'home_twice'],
  },
  ...(['after-site', 'site'] as const).flatMap(at =>
    (['recomputed', 'saved'] as const).map(toc => ({
      name: `frame-${at}-${toc}`,
      redirects: FRAMED,
      options: ['--strategy', 'frame', '--at', at, '--toc', toc],
      results: FRAME,
      traced: [
        'fix_add',
        'fix_leaf',
        'fix_eight',
        'home_twice',
        ...(at === 'site' ? [] : ['home_add', 'home_leaf', 'home_eight']),
      ],
    })),
  ),
];

const TARGETS = [
  'add',
  'leaf',
  'eight',
  'ten',
  'variadic',
  'pair',
  'recurse',
  'yield',
  'sibling',
  'twice',
  'framed',
] as const;
/** No variant redirects these. */
const UNTOUCHED: readonly string[] = ['ten', 'variadic', 'framed'];

/** `fix_recurse` goes twenty deep and `fix_yield` gives the processor away: they take longer than the others. */
function callsOf(target: string): number {
  if (UNTOUCHED.includes(target)) return 1000;
  const calls = full ? 100_000 : 10_000;
  return target === 'recurse' || target === 'yield' ? calls / 10 : calls;
}

/** Runs every target on every path. */
function runAll(calls: (target: string) => number, label: string): string {
  return TARGETS.flatMap(target =>
    PATHS.map(([module, path]) => runCanary(module, target, path, calls(target), label)),
  ).join('');
}

/** One variant in the machine: loaded, run in loops, run while the tracer goes on and off, unloaded. */
function variantScript(variant: Variant): string {
  const traced = (label: string) =>
    ['add', 'leaf', 'eight', 'twice']
      .filter(target => !(target === 'leaf' && label === 'switching'))
      .flatMap(target =>
        PATHS.map(([module, path]) => runCanary(module, target, path, 2000, `${variant.name}.${label}`)),
      )
      .join('');
  return [
    loadModules([`canary-${variant.name}.ko`, 'canary_ext.ko']),
    runAll(callsOf, variant.name),
    whileTracing(variant.traced, traced, 10)
      .replaceAll('result tracer.', `result ${variant.name}.tracer.`)
      .replaceAll('result traced.', `result ${variant.name}.traced.`),
    unloadModules(['canary_ext', 'canary']),
  ].join('');
}

/**
 * The canary without its proof of failure: `home_bare` ends in a plain branch to another module's function, which
 * `patch` sees and refuses to write. The branch leads to a function beside it instead.
 */
function withoutBareBranch(path: string, target: string): void {
  const elf = readElf(readFileSync(path));
  const editor = new ElfEditor(elf);
  const symbols = elf.symbols!;
  const bare = symbols.find('home_bare');
  const start = symbols.value(bare);
  let changed = 0;
  for (const table of elf.relocationSectionsFor(symbols.sectionOf(bare))) {
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const inside = relocations.offset(i) >= start && relocations.offset(i) < start + symbols.size(bare);
      if (!inside || symbols.name(relocations.symbol(i)) !== 'fix_add') continue;
      const contents = editor.writable(table.index);
      new DataView(contents.buffer, contents.byteOffset).setUint32(i * 24 + 12, symbols.find('home_framed'), true);
      changed++;
    }
  }
  expect(changed).toBe(1);
  writeFileSync(target, layOut(editor).bytes);
}

/** Files for the machine: the canary as it was built, patched in every way, and restored. */
async function prepareVariants(generation: Generation): Promise<readonly string[]> {
  const { canary, canaryFix, canaryExt, symvers } = labModules(generation);
  const out = folder(generation, 'variants');
  const files: string[] = [canaryFix, canaryExt, canary];
  const base = join(out, 'canary-base.ko');
  withoutBareBranch(canary, base);
  for (const { name, redirects, options } of VARIANTS) {
    const target = join(out, `canary-${name}.ko`);
    const asked = redirects.flatMap(redirect => ['--redirect', redirect]);
    await tocsinDone('patch', base, '-o', target, ...asked, ...options, '--symvers', symvers, '--quiet');
    files.push(target);
  }
  const restored = join(out, 'canary-restored.ko');
  await tocsinDone('revert', join(out, `canary-${VARIANTS.at(-1)!.name}.ko`), '-o', restored, '--quiet');
  expect(readFileSync(restored).equals(readFileSync(base))).toBe(true);
  files.push(restored);
  return files;
}

describe.each(GENERATIONS)('redirects, kernel %s', generation => {
  it('refuse what a frame cannot do', async () => {
    const { canary, symvers } = labModules(generation);
    for (const name of ['ten', 'variadic']) {
      const target = join(folder(generation, 'refused'), 'never.ko');
      const asked = ['--redirect', `home_${name}=fix_${name}`, '--strategy', 'frame', '--symvers', symvers];
      const ran = await tocsin('patch', canary, '-o', target, ...asked);
      expect([name, ran.status, /PAT01[12]/.test(ran.stderr)]).toEqual([name, 1, true]);
    }
  });

  it('reach the replacement with every register as it was', async () => {
    const of = kernel(generation);
    const files = await prepareVariants(generation);
    const { exitStatus, seconds, found, said } = await runMachine(`redirects-${generation}`, {
      generation,
      timeoutSeconds: 900,
      files,
      script: [
        prelude(),
        loadModules(['canary_fix.ko', 'canary.ko', 'canary_ext.ko']),
        runAll(() => 1000, 'unpatched'),
        // The proof that the canary can fail.
        PATHS.map(([module, path]) => runCanary(module, 'bare', path, 1000, 'unpatched')).join(''),
        runCanary('canary', 'careless', 'local', 1000, 'unpatched'),
        unloadModules(['canary_ext', 'canary']),
        ...VARIANTS.map(variantScript),
        loadModules(['canary-restored.ko', 'canary_ext.ko']),
        runAll(() => 1000, 'restored'),
        unloadModules(['canary_ext', 'canary', 'canary_fix']),
        troubles(),
      ].join(''),
    });
    expect(exitStatus, said).toBe(0);
    const counts = (module: string, target: string, path: string, label: string) =>
      canaryCounts(found.get(`canary.${module}.${target}.${path}.${label}`));
    let calls = 0;
    let ticks = 0;
    const check = (
      module: string,
      target: string,
      path: string,
      label: string,
      result: 'original' | 'replaced' | 'other',
    ) => {
      const seen = counts(module, target, path, label);
      calls += seen.calls;
      ticks += Number(found.get(`interrupts.${module}.${target}.${path}.${label}`));
      expect([label, module, target, path, seen]).toEqual([label, module, target, path, clean(seen.calls, result)]);
    };
    for (const [module, path] of PATHS) {
      for (const target of TARGETS) {
        const own = target === 'framed' ? 'replaced' : 'original';
        check(module, target, path, 'unpatched', own);
        check(module, target, path, 'restored', own);
        for (const { name, results: given } of VARIANTS) {
          check(
            module,
            target,
            path,
            name,
            target === 'framed' ? 'replaced' : ((given as Record<string, 'replaced' | 'other'>)[target] ?? 'original'),
          );
          expect(counts(module, target, path, name).calls).toBe(callsOf(target));
        }
      }
    }
    for (const { name, results: given, traced } of VARIANTS) {
      for (const [module, path] of PATHS)
        for (const target of ['add', 'eight', 'twice']) {
          const result = (given as Record<string, 'replaced' | 'other'>)[target] ?? 'original';
          check(module, target, path, `${name}.switching`, result);
          check(module, target, path, `${name}.traced`, result);
        }
      expect(Number(found.get(`${name}.tracer.switches`))).toBeGreaterThanOrEqual(10);
      expect(found.get(`${name}.tracer.enabled`)).toBe('1');
      for (const f of traced) expect([name, f, Number(found.get(`${name}.traced.${f}`)) > 0]).toEqual([name, f, true]);
    }
    // The canary can fail: a plain branch to another module's function loses r2 for local and external callers; a careless
    // function loses the rest.
    const lost = PATHS.map(([module, path]) => counts(module, 'bare', path, 'unpatched').r2);
    expect([lost[0], lost[2]]).toEqual([1000, 1000]);
    const careless = counts('canary', 'careless', 'local', 'unpatched');
    expect(
      [careless.r1, careless.nonvolatile, careless.cr, careless.lr].every(n => n > 0),
      JSON.stringify(careless),
    ).toBe(true);
    expect(ticks).toBeGreaterThan(0);
    expect([found.get('filter.failed'), found.get('troubles')], said).toEqual([undefined, '0']);
    figure(`boot ${of.release}: calls through redirected functions, no register lost`, calls);
    figure(`boot ${of.release}: timer interrupts meanwhile`, ticks);
    figure(`boot ${of.release}: r2 lost by a plain branch, in 1,000 calls on each path`, lost.join(', '));
    figure(`boot ${of.release}: seconds for all redirects`, Math.round(seconds));
  });

  it('mend the sample module', async () => {
    const samples = join(samplesFolder, generation);
    const out = folder(generation, 'demo');
    const patched = join(out, 'tocsin_demo.ko');
    const restored = join(out, 'restored', 'tocsin_demo.ko');
    mkdirSync(join(out, 'restored'));
    const asked = ['--redirect', 'demo_in_range=fix_in_range', '--redirect', 'demo_parity=fix_parity'];
    const symvers = ['--symvers', join(samples, 'Module.symvers')];
    await tocsinDone(
      'patch',
      join(samples, 'tocsin_demo.ko'),
      '-o',
      patched,
      ...asked,
      ...symvers,
      '--nop',
      'demo_alarm',
    );
    await tocsinDone('revert', patched, '-o', restored);
    cpSync(restored, join(out, 'demo_restored.ko'));
    const { exitStatus, found, said } = await runMachine(`sample-${generation}`, {
      generation,
      timeoutSeconds: 400,
      files: [patched, join(samples, 'tocsin_fix.ko'), join(out, 'demo_restored.ko')],
      script: [
        prelude(),
        loadModules(['tocsin_fix.ko', 'tocsin_demo.ko']),
        demoReport(),
        ...['in_range', 'sibling', 'parity'].flatMap(target =>
          ['local', 'pointer'].map(path => runCanary('tocsin_demo', target, path as 'local' | 'pointer', 100_000)),
        ),
        filterFunctions(['demo_in_range', 'demo_alarm']),
        unloadModules(['tocsin_demo']),
        loadModules(['demo_restored.ko']),
        demoReport().replaceAll('RESULT report.', 'RESULT restored.'),
        troubles(),
      ].join(''),
    });
    expect(exitStatus, said).toBe(0);
    expect(demoResults(found), said).toEqual(DEMO_FIXED);
    for (const target of ['in_range', 'sibling', 'parity'])
      for (const path of ['local', 'pointer'])
        expect(canaryCounts(found.get(`canary.tocsin_demo.${target}.${path}`))).toEqual(clean(100_000, 'replaced'));
    expect([found.get('filter.demo_in_range'), found.get('filter.demo_alarm')]).toEqual(['tocsin_demo', 'absent']);
    expect(Object.fromEntries(Object.keys(DEMO).map(name => [name, found.get(`restored.${name}`)]))).toEqual(DEMO);
    expect(found.get('troubles'), said).toBe('0');
  });
});
