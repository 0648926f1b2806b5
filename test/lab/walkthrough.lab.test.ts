// docs/walkthrough.md, done: three upstream fixes, compiled from Debian's fixed source, merged into the stock modules of
// the 6.1 kernel, and seen to work in it.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runMachine } from './boot/machine.ts';
import { filterFunctions, loadModules, prelude, troubles, unloadModules } from './boot/scripts.ts';
import { kernel, loadOrder, plainModules } from './harness/harness.ts';
import { figure, full } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';
import { minixImage } from './walkthrough/minix-image.ts';

interface Fix {
  /** As the kernel calls the module, and as its file is called. */
  readonly module: string;
  readonly file: string;
  readonly object: string;
  readonly function: string;
  /** What the object takes from the module's own static symbols. */
  readonly bound: readonly string[];
}

const FIXES: readonly Fix[] = [
  {
    module: 'pn_pep',
    file: 'pn_pep.ko',
    object: 'pep_fix.o',
    function: 'pep_getsockopt',
    bound: [],
  },
  {
    module: 'dm_mod',
    file: 'dm-mod.ko',
    object: 'dm_fix.o',
    function: 'target_message',
    bound: ['__dev_status', '__find_device_hash_cell', '_hash_lock'],
  },
  {
    module: 'minix',
    file: 'minix.ko',
    object: 'minix_fix.o',
    function: 'minix_fill_super',
    bound: ['minix_sops'],
  },
];

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-walkthrough-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function folder(name: string): string {
  const path = join(scratch, name);
  mkdirSync(path, { recursive: true });
  return path;
}

/** What is seen of the three functions. RESULT `LABEL.getsockopt`, `LABEL.message`, `LABEL.mount`, `LABEL.hello`. */
function see(label: string): string {
  return `
result ${label}.getsockopt "$(/files/probe getsockopt 2>&1)"
result ${label}.message "$(/files/probe message 2>&1)"
mount -t minix -o ro "$disk" /tmp/minix; result ${label}.mount $?
result ${label}.hello "$(cat /tmp/minix/hello 2>/dev/null)"
umount /tmp/minix 2>/dev/null
`;
}

/** Runs a command with the tracer on. RESULT `traced.FUNCTION` = how often each was entered. */
function trace(functions: readonly string[], command: string): string {
  return `
cd /sys/kernel/tracing
for f in ${functions.join(' ')}; do echo $f >> set_ftrace_filter; done
echo function > current_tracer; ${command}; cat trace > /tmp/trace; echo nop > current_tracer
cd /
${functions.map(name => `result traced.${name} "$(grep -c ': ${name} <-' /tmp/trace)"`).join('\n')}
`;
}

const objects = folder('objects');

/** Why the fixes cannot be compiled here: an archive without the newer source, say. `undefined` where they were. */
const obstacle = ((): string | undefined => {
  const build = resolve(import.meta.dirname, 'walkthrough/build-fixes');
  const done = spawnSync(build, [objects], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  return done.status === 0 ? undefined : (done.stderr.trim().split('\n').at(-1) ?? 'build-fixes failed');
})();
if (obstacle !== undefined && full) throw new Error(obstacle);
if (obstacle !== undefined) console.log(`walkthrough: left out: ${obstacle}`);

describe.skipIf(obstacle !== undefined)('three upstream fixes in stock modules of 6.1', () => {
  const of = kernel('6.1');
  const fixed = folder('fixed');
  const index = join(scratch, 'kernel.index');
  const names = FIXES.map(fix => fix.module);
  const order = loadOrder(of, [...names, 'loop']);
  const stock = plainModules(order, folder('stock'));
  const stockFile = (file: string) => stock.find(path => basename(path) === file)!;

  it('are compiled from the fixed source', async () => {
    expect(readdirSync(objects)).toEqual(expect.arrayContaining(FIXES.map(fix => fix.object)));
    await tocsinDone('kernel', of.vmlinux, '--symvers', of.symvers, '-o', index);
  });

  it.each(FIXES)('$file: merged, proved, and given back', async fix => {
    const original = stockFile(fix.file);
    const patched = join(fixed, `fixed-${fix.file}`);
    const restored = join(scratch, `restored-${fix.file}`);
    const redirect = `${fix.function}=${fix.function}_fixed`;
    const with_ = ['--with', join(objects, fix.object), '--redirect', redirect, '--strategy', 'direct'];
    const written = await tocsinDone('patch', original, '-o', patched, ...with_, '--kernel', index);
    const bound = [...written.stdout.matchAll(/^ {2}(\S+) is the module's local symbol/gm)].map(match => match[1]);
    expect(bound.toSorted()).toEqual(fix.bound);
    const page = readFileSync(resolve(import.meta.dirname, '../../docs/walkthrough.md'), 'utf8');
    const shown = /^proved: .*functions of the module|^ {2}\S+ is (?:the module's local symbol|a new import)/gm;
    for (const [line] of written.stdout.matchAll(shown)) expect(page).toContain(`    ${line}`);
    const proved = /^proved: +(\d+) of (\d+) functions/m.exec(written.stdout);
    expect(proved?.[1], written.stdout).toBe(proved?.[2]);

    const checked = await tocsinDone('check', patched, '--kernel', index, '--modules', of.modulesFolder);
    expect(checked.stdout).toMatch(new RegExp(`: ${of.release} loads it; (\\d+) of \\1 functions proved`));
    const differences = await tocsin('diff', original, patched);
    expect(differences.status).toBe(1);
    expect(differences.stdout).toMatch(/^functions: 1 changed, 1 added, 0 removed, 0 moved, \d+ unchanged$/m);
    expect(differences.stdout).toContain(`+ +0x10   48000000  b       ${fix.function}_fixed`);

    await tocsinDone('revert', patched, '-o', restored);
    expect(readFileSync(restored).equals(readFileSync(original))).toBe(true);
    figure(`walkthrough: functions proved in the fixed ${fix.file}`, Number(proved?.[2]));
  });

  it('do in the booted kernel what upstream says', async () => {
    const image = join(scratch, 'minix.image');
    writeFileSync(image, minixImage('hello from Minix\n'));
    const files = FIXES.map(fix => fix.file);
    const others = stock.map(path => basename(path)).filter(name => !files.includes(name));
    const { exitStatus, seconds, found, said } = await runMachine('walkthrough', {
      generation: '6.1',
      timeoutSeconds: 300,
      files: [...stock, ...files.map(file => join(fixed, `fixed-${file}`)), join(objects, 'probe'), image],
      script: [
        prelude(),
        loadModules(others),
        'mkdir -p /tmp/minix; disk=$(losetup -f); losetup "$disk" /files/minix.image\n',
        loadModules(files),
        see('stock'),
        'result unsigned.stock "$(dmesg | grep -c "module verification failed")"\n',
        unloadModules(names),
        loadModules(files.map(file => `fixed-${file}`)),
        see('fixed'),
        filterFunctions(FIXES.flatMap(fix => [fix.function, `${fix.function}_fixed`])),
        trace(['pep_getsockopt', 'pep_getsockopt_fixed'], '/files/probe getsockopt > /dev/null'),
        'result said "$(dmesg | grep -c "device-mapper: ioctl: The device has no table.")"\n',
        'result unsigned.fixed "$(dmesg | grep -c "module verification failed")"\n',
        unloadModules(names),
        loadModules(files),
        see('again'),
        troubles(),
      ].join(''),
    });
    expect(exitStatus, said).toBe(0);
    const seen = (label: string) =>
      Object.fromEntries(
        ['getsockopt', 'message', 'mount', 'hello'].map(name => [name, found.get(`${label}.${name}`)]),
      );
    const before = {
      getsockopt: 'length=1 bytes=00000000aaaaaaaa',
      message: 'result=2 error=none',
      mount: '0',
      hello: 'hello from Minix',
    };
    // A kernel that is newer than a fix has it already: then the demonstration needs an older one.
    expect(seen('stock'), said).toEqual(before);
    expect(seen('fixed'), said).toEqual({
      getsockopt: 'length=1 bytes=00aaaaaaaaaaaaaa',
      message: 'result=-1 error=Invalid argument',
      mount: '255',
      hello: '',
    });
    expect(seen('again'), said).toEqual(before);
    expect([found.get('traced.pep_getsockopt'), found.get('traced.pep_getsockopt_fixed')], said).toEqual(['1', '1']);
    // The tracer has the old function, whose call site comes before the branch, and the new one.
    expect(FIXES.map(fix => found.get(`filter.${fix.function}`))).toEqual(names);
    expect(FIXES.map(fix => found.get(`filter.${fix.function}_fixed`))).toEqual(names);
    expect(
      ['said', 'unsigned.stock', 'unsigned.fixed'].map(name => found.get(name)),
      said,
    ).toEqual(['1', '0', '1']);
    expect(found.get('troubles'), said).toBe('0');
    figure('walkthrough: upstream fixes seen to work in stock modules', FIXES.length);
    figure('walkthrough: seconds in the machine', Math.round(seconds));
  });
});
