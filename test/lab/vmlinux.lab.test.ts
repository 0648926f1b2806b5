// Kernel images of the three generations with call sites taken out, functions redirected to those of a merged object, and others hooked by
// it: they boot, with radix and with hash tables, load modules, and show what was replaced and counted.

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readElf } from '../../src/elf/read.ts';
import { readPatchNote } from '../../src/kernel/patch-note.ts';
import type { PlannedAction } from '../../src/plan/plan.ts';
import type { PatchDocument } from '../../src/report/patch/document.ts';
import type { ScanCounts } from '../../src/sites/scan.ts';
import { judgeNote } from '../../src/verify/noted.ts';
import { runMachine } from './boot/machine.ts';
import { filterFunctions, loadModules, prelude, troubles, useFileSystem, whileTracing } from './boot/scripts.ts';
import {
  buildOnce,
  cacheFolder,
  GENERATIONS,
  type Generation,
  kernel,
  loadOrder,
  plainModules,
} from './harness/harness.ts';
import { figure, full } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-vmlinux-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The folder of image_object.o and image_custom_object.o, kept in the cache as long as their source stays the same. */
function imageObjects(generation: Generation): string {
  const source = resolve(import.meta.dirname, 'image');
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const name of readdirSync(source).sort()) digest.update(readFileSync(join(source, name)));
  const folder = join(cacheFolder, 'modules', `image-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, source, folder);
  return folder;
}

/** Replaced functions by the file that shows them. */
const SHOWN: Readonly<Record<string, string>> = {
  devinfo_show: '/proc/devices',
  execdomains_proc_show: '/proc/execdomains',
  filesystems_proc_show: '/proc/filesystems',
  loadavg_proc_show: '/proc/loadavg',
  misc_seq_show: '/proc/misc',
  show_console_dev: '/proc/consoles',
  show_softirqs: '/proc/softirqs',
  swap_show: '/proc/swaps',
  tty_ldiscs_seq_show: '/proc/tty/ldiscs',
  show_tty_driver: '/proc/tty/drivers',
  proc_cgroupstats_show: '/proc/cgroups',
  fscaps_show: '/sys/kernel/fscaps',
  profiling_show: '/sys/kernel/profiling',
  rcu_expedited_show: '/sys/kernel/rcu_expedited',
  rcu_normal_show: '/sys/kernel/rcu_normal',
  uevent_seqnum_show: '/sys/kernel/uevent_seqnum',
  vmcoreinfo_show: '/sys/kernel/vmcoreinfo',
  timer_list_show: '/proc/timer_list',
  version_proc_show: '/proc/version',
};

/** Of the 20th, `uname` shows what replaces it. */
const UNAME = 'override_release';

/** Replaced by way of a trampoline of the user's own, as samples/custom has one. */
const FRAMED = 'proc_cgroupstats_show';
const FRAME = resolve(import.meta.dirname, '../../samples/custom/frame.o');
/** Counted by another one. */
const COUNTED = 'getname_flags';

function customs(objects: string) {
  const count = join(objects, 'image_custom_object.o');
  return [
    { function: FRAMED, to: `image_${FRAMED}`, strategy: `custom:${FRAME}` },
    { function: COUNTED, to: COUNTED, strategy: `custom:${count}` },
  ];
}

const UNAMES: Readonly<Record<string, RegExp>> = {
  r: /^tocsin-release$/,
  v: /^replaced by tocsin$/,
  a: /^Linux \S+ tocsin-release replaced by tocsin ppc64le /,
};

/** What is wrong with the note of a patched image, as it is and with something else in it. */
function noteFaults(
  file: string,
  change: (action: PlannedAction) => PlannedAction = action => action,
): readonly string[] {
  const elf = readElf(readFileSync(file));
  const note = readPatchNote(elf)!;
  const record = { ...note.record, actions: note.record.actions.map(change) };
  return [...new Set(judgeNote(elf, { ...note, record }).map(f => f.code))];
}

const show = (label: string) =>
  Object.entries(SHOWN)
    .map(([name, file]) => `result ${label}.${name} "$(head -n 1 ${file})"\n`)
    .join('');

/** What was counted: calls before functions, calls behind functions and the sum of their results, entries by the trampoline. */
function counted(text: string | undefined): readonly number[] {
  const found = /^hooked (\d+) vfs_\w+\+0x\w+\/0x\w+ \w+\+0x\w+\/0x\w+ left (\d+) (\d+) custom (\d+)$/.exec(text ?? '');
  return found?.slice(1).map(Number) ?? [Number.NaN];
}

/** Words of the image that two files have otherwise, `SECTION+OFFSET` each: found with a loop of the test's own. */
function changedWords(before: string, after: string): { readonly compared: number; readonly changed: string[] } {
  const [a, b] = [readElf(readFileSync(before)), readElf(readFileSync(after))];
  const changed: string[] = [];
  let compared = 0;
  for (const section of a.sections) {
    if (!section.isAllocated || !section.hasContents) continue;
    const [old, fresh] = [a.contents(section), b.contents(b.sections[section.index]!)];
    for (let at = 0; at < old.length; at += 4, compared++)
      if ([0, 1, 2, 3].some(i => old[at + i] !== fresh[at + i])) changed.push(`${section.name}+${at}`);
  }
  return { compared, changed };
}

/** Of the tracer's records and the relocations that fill them: not code. */
const RECORDS = /^\.(rela\.dyn|dynamic|init\.data)\+/;

/** Everything that can be asked of an image, but the image and the output. */
function everything(generation: Generation): string[] {
  const objects = imageObjects(generation);
  const plain = [...Object.keys(SHOWN), UNAME].filter(name => name !== FRAMED);
  const redirects = plain.flatMap(name => ['--redirect', `${name}=image_${name}`]);
  const hooks = ['--hook', 'vfs_*=image_enter', '--hook-exit', 'ksys_*=image_leave'];
  const calls = ['--retarget', '__do_sys_newuname:_copy_to_user=image_copy_uname'];
  const asked = ['--nop', 'seq_*', '--nop', 'tty_*', ...redirects, ...hooks, ...calls];
  const plan = join(scratch, `plan-${generation}.json`);
  writeFileSync(plan, JSON.stringify({ schema: 'tocsin.patch-plan/1', redirect: customs(objects) }));
  return ['--with', join(objects, 'image_object.o'), ...asked, '--plan', plan, '--format', 'json'];
}

/** A copy of an image that is marked as older linkers marked one that can be relocated. */
function markedDyn(image: string, copy: string): string {
  const bytes = readFileSync(image);
  bytes.writeUInt16LE(ET_DYN, E_TYPE);
  writeFileSync(copy, bytes);
  return copy;
}

const [E_TYPE, ET_EXEC, ET_DYN] = [16, 2, 3] as const;

/** What scan tells, without the name of the file. */
async function scanned(file: string, ...more: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await tocsinDone('scan', file, '--format', 'json', ...more);
  return { ...(JSON.parse(stdout) as Record<string, unknown>), file: '' };
}

describe.each(GENERATIONS)('a patched kernel image, %s', generation => {
  it('boots, works, and does what was replaced', async () => {
    const of = kernel(generation);
    const image = join(scratch, `vmlinux-${generation}`);
    const options = everything(generation);
    const started = performance.now();
    const ran = await tocsinDone('patch', of.vmlinux, '-o', image, ...options);
    const seconds = (performance.now() - started) / 1000;
    const doc = JSON.parse(ran.stdout) as PatchDocument;
    const count = (kind: string) => doc.actions.filter(a => a.kind === kind).length;
    expect([doc.written, doc.proof?.verdict, doc.verification?.ok]).toEqual([true, 'proved', true]);
    expect(count('nop')).toBeGreaterThanOrEqual(100);
    // One of them has no replacement: its trampoline lets it go on.
    expect(count('redirect')).toBe(21);
    expect(doc.actions.filter(a => a.kind === 'redirect' && a.strategy === 'custom').length).toBe(2);
    expect(count('hook')).toBeGreaterThanOrEqual(20);
    expect(count('retarget')).toBe(2);
    const { callSites, strays, nopped, ...summary } = await scanned(image, '--calls');
    expect([strays, (nopped as unknown[]).length]).toEqual([[], count('nop')]);
    expect(summary.droppedRecords).toBe(doc.removed.records);
    const { counts, strayRecords, droppedRecords } = await scanned(image, '--summary');
    expect({ counts, strayRecords, droppedRecords }).toEqual({
      counts: summary.counts,
      strayRecords: 0,
      droppedRecords: doc.removed.records,
    });
    const { counts: before } = await scanned(of.vmlinux, '--summary');
    expect((callSites as unknown[]).length).toBe((before as ScanCounts).callSites - doc.removed.records);
    const { compared, changed } = changedWords(of.vmlinux, image);
    expect(changed.filter(place => !RECORDS.test(place)).sort()).toEqual(
      doc.words!.map(w => `${w.section}+${w.offset}`).sort(),
    );
    figure(`vmlinux ${of.release}: words of the image compared, changed`, `${compared}, ${changed.length}`);
    expect(noteFaults(image)).toEqual([]);

    const modules = plainModules(loadOrder(of, ['loop', 'ext4', 'xfs', 'nf_conntrack']), join(scratch, generation));
    const names = modules.map(path => basename(path));
    const { exitStatus, found, said } = await runMachine(`vmlinux-${generation}`, {
      vmlinux: image,
      timeoutSeconds: 400,
      files: [...modules],
      script: [
        prelude(),
        show('first'),
        loadModules(names),
        useFileSystem(),
        filterFunctions(['seq_read', 'vfs_read', 'ksys_read', 'image_enter']),
        whileTracing(
          ['vfs_read', 'vfs_write', 'version_proc_show'],
          () => 'while read -r line; do :; done < /proc/version\n',
        ),
        whileTracing([], () => 'while read -r line; do :; done < /proc/version\n', 3),
        show('last'),
        ...Object.keys(UNAMES).map(field => `result uname.${field} "$(uname -${field})"\n`),
        troubles(),
      ].join(''),
    });
    expect(exitStatus, said).toBe(0);
    for (const round of ['first', 'last'])
      for (const name of Object.keys(SHOWN)) {
        const text = found.get(`${round}.${name}`) ?? '';
        if (name === 'version_proc_show') expect(text).toBe('version by tocsin');
        else if (name === 'timer_list_show') expect([text, ...counted(text)]).not.toContain(Number.NaN);
        else expect([name, text]).toEqual([name, expect.stringMatching(`^replaced by tocsin ${name} \\d+$`)]);
      }
    const [first, last] = ['first', 'last'].map(round => counted(found.get(`${round}.timer_list_show`)));
    for (const [i, calls] of first!.entries()) expect(last![i], said).toBeGreaterThan(calls + 50);
    expect(first![0]).toBeGreaterThan(0);
    for (const field of ['a', 'r', 'v']) expect(found.get(`uname.${field}`), said).toMatch(UNAMES[field]!);
    for (const name of names) expect([name, found.get(`load.${name.replace(/\.ko$/, '')}`)]).toEqual([name, '0']);
    expect([found.get('mount'), found.get('ext4')], said).toEqual(['0', 'same']);
    expect(['seq_read', 'vfs_read', 'ksys_read', 'image_enter'].map(name => found.get(`filter.${name}`))).toEqual([
      'absent',
      'vmlinux',
      'vmlinux',
      'absent',
    ]);
    for (const name of ['vfs_read', 'version_proc_show'])
      expect(Number(found.get(`traced.${name}`)), said).toBeGreaterThan(0);
    expect([found.get('tracer.enabled'), found.get('troubles')], said).toEqual(['1', '0']);

    // The same image as older linkers would have marked it comes to the same words, and boots.
    const dyn = markedDyn(of.vmlinux, join(scratch, `dyn-${generation}`));
    const patchedDyn = join(scratch, `patched-dyn-${generation}`);
    await tocsinDone('patch', dyn, '-o', patchedDyn, ...options);
    const [exec, marked] = [readElf(readFileSync(image)), readElf(readFileSync(patchedDyn))];
    expect([exec.header.e_type, marked.header.e_type]).toEqual([ET_EXEC, ET_DYN]);
    expect(changedWords(image, patchedDyn).changed).toEqual([]);
    expect(marked.sections.map(s => [s.name, s.sh_addr, s.sh_size])).toEqual(
      exec.sections.map(s => [s.name, s.sh_addr, s.sh_size]),
    );
    expect(await scanned(patchedDyn, '--calls')).toEqual(await scanned(image, '--calls'));
    const hash = await runMachine(`vmlinux-hash-${generation}`, {
      vmlinux: patchedDyn,
      timeoutSeconds: 300,
      kernelArguments: 'disable_radix',
      script: [prelude(), 'result mmu "$(grep -c Hash /proc/cpuinfo)"\n', show('first'), troubles()].join(''),
    });
    expect(hash.exitStatus, hash.said).toBe(0);
    expect([hash.found.get('mmu'), hash.found.get('troubles')], hash.said).toEqual(['1', '0']);
    expect(hash.found.get('first.version_proc_show')).toBe('version by tocsin');
    expect(counted(hash.found.get('first.timer_list_show'))[0]).toBeGreaterThan(0);

    const reverted = join(scratch, `reverted-${generation}`);
    await tocsinDone('revert', image, '-o', reverted);
    expect(readFileSync(reverted).equals(readFileSync(of.vmlinux))).toBe(true);
    await tocsinDone('revert', patchedDyn, '-o', reverted, '--force');
    expect(readFileSync(reverted).equals(readFileSync(dyn))).toBe(true);
    for (const file of [reverted, dyn, patchedDyn]) rmSync(file);
    const kinds = `${count('nop')}, ${count('redirect')}, ${count('hook')}`;
    const { bytes, identical, changedByPlan } = doc.verification!.compared;
    figure(`vmlinux ${of.release}: call sites out, redirected, hooked`, kinds);
    figure(`vmlinux ${of.release}: bytes compared, as before, changed`, `${bytes}, ${identical}, ${changedByPlan}`);
    figure(`vmlinux ${of.release}: calls that the hooks counted, before and behind`, last!.slice(0, 2).join(', '));
    figure(`vmlinux ${of.release}: seconds to patch`, Math.round(seconds));
  });
});

describe.each(full ? GENERATIONS : (['6.1'] as const))('a kernel image with rows for its tables, %s', generation => {
  it('warns with file and line, once, and catches a fault, patched once and twice', async () => {
    const of = kernel(generation);
    const image = join(scratch, `vmlinux-rows-${generation}`);
    const object = join(imageObjects(generation), 'image_rows_object.o');
    const asked = ['--with', object, '--redirect', 'version_proc_show=image_rows_show'];
    const ran = await tocsinDone('patch', of.vmlinux, '-o', image, ...asked, '--format', 'json');
    const doc = JSON.parse(ran.stdout) as PatchDocument;
    expect([doc.written, doc.proof?.verdict, doc.verification?.ok]).toEqual([true, 'proved', true]);
    const { changed } = changedWords(of.vmlinux, image);
    const ends = changed.filter(place => !RECORDS.test(place)).length - 1;
    // Two ends of one table in two functions, of two words each, and one end of the other.
    expect(ends).toBeGreaterThanOrEqual(8);

    const twice = join(scratch, `vmlinux-twice-${generation}`);
    const more = ['--with', join(imageObjects(generation), 'image_again_object.o')];
    const again = ['--redirect', 'loadavg_proc_show=image_again_show', '--format', 'json'];
    const second = JSON.parse(
      (await tocsinDone('patch', image, '-o', twice, ...more, ...again)).stdout,
    ) as PatchDocument;
    expect([second.written, second.proof?.verdict, second.verification?.ok]).toEqual([true, 'proved', true]);

    for (const file of [image, twice]) expect(noteFaults(file)).toEqual([]);
    expect(noteFaults(twice, a => ({ ...a, to: 'image_rows_show' }) as PlannedAction)).toEqual(['VER235']);
    // As `check` tells it: a name of the same length in the place of another.
    const forged = readFileSync(image);
    forged.write('loadavg_proc_show', forged.indexOf('"function":"version_proc_show"') + 12, 'latin1');
    writeFileSync(twice.replace('twice', 'forged'), forged);
    const checked = await tocsin('check', twice.replace('twice', 'forged'), '--allow-unproved', '--format', 'json');
    const { findings } = JSON.parse(checked.stdout) as { findings: { code: string; function?: string }[] };
    expect(findings.find(f => f.code === 'VER235')?.function).toBe('loadavg_proc_show');
    rmSync(twice.replace('twice', 'forged'));

    const { exitStatus, found, said } = await runMachine(`vmlinux-rows-${generation}`, {
      vmlinux: twice,
      timeoutSeconds: 300,
      script: [
        prelude(),
        'for n in 1 2 3; do result rows.$n "$(cat /proc/version)"; done\n',
        'for n in 1 2; do result again.$n "$(cat /proc/loadavg)"; done\n',
        'result warnings "$(dmesg | grep -c WARNING:)"\n',
        'result warned "$(dmesg | grep WARNING: | head -n 1)"\n',
        'result other.warning "$(dmesg | grep WARNING: | tail -n 1)"\n',
        'result others "$(dmesg | grep -c -e Oops -e "BUG:" -e "kernel BUG")"\n',
      ].join(''),
    });
    expect(exitStatus, said).toBe(0);
    for (const n of [1, 2, 3]) expect(found.get(`rows.${n}`), said).toBe(`rows -14 82 ${n}`);
    for (const n of [1, 2]) expect(found.get(`again.${n}`), said).toBe('again');
    expect([found.get('warnings'), found.get('others')], said).toEqual(['2', '0']);
    expect(found.get('warned'), said).toMatch(/image_rows_object\.c:27\b/);
    expect(found.get('other.warning'), said).toMatch(/image_again_object\.c:12\b/);

    const reverted = join(scratch, `reverted-rows-${generation}`);
    await tocsinDone('revert', twice, '-o', reverted);
    expect(readFileSync(reverted).equals(readFileSync(image))).toBe(true);
    await tocsinDone('revert', image, '-o', reverted, '--force');
    expect(readFileSync(reverted).equals(readFileSync(of.vmlinux))).toBe(true);
    rmSync(reverted);
    figure(`vmlinux ${of.release}: words of code that tell where the bug and exception tables are`, ends);
  });
});

describe.each(full ? GENERATIONS : (['7.2'] as const))(
  'a kernel image with redirects for some callers, %s',
  generation => {
    it('leads callers from outside and those inside two ways', async () => {
      const of = kernel(generation);
      const objects = imageObjects(generation);
      const image = join(scratch, `vmlinux-entries-${generation}`);
      const plan = join(scratch, `entries-${generation}.json`);
      const redirect = (['outside', 'inside'] as const).map(who => ({
        function: 'seq_put_decimal_ull',
        to: `image_${who}`,
        at: who === 'outside' ? 'global-entry' : 'local-entry',
      }));
      writeFileSync(plan, JSON.stringify({ schema: 'tocsin.patch-plan/1', redirect }));
      const asked = ['--with', join(objects, 'image_entries_object.o'), '--plan', plan, '--format', 'json'];
      const ran = await tocsinDone('patch', of.vmlinux, '-o', image, ...asked);
      const doc = JSON.parse(ran.stdout) as PatchDocument;
      expect([doc.written, doc.proof?.verdict, doc.verification?.ok]).toEqual([true, 'proved', true]);
      const branches = doc.actions.flatMap(a => (a.kind === 'redirect' ? (a.branches ?? []) : []));
      expect(branches.length).toBeGreaterThan(5);
      expect(noteFaults(image)).toEqual([]);
      const fewer = (a: PlannedAction) =>
        a.kind === 'redirect' && a.branches !== undefined ? { ...a, branches: a.branches.slice(1) } : a;
      expect(noteFaults(image, fewer)).toEqual(['VER235']);
      const { exitStatus, found, said } = await runMachine(`vmlinux-entries-${generation}`, {
        vmlinux: image,
        timeoutSeconds: 300,
        files: [join(objects, 'image_caller.ko')],
        script: [
          prelude(),
          loadModules(['image_caller.ko']),
          'for n in 1 2 3; do result caller.$n "$(cat /proc/image_caller)"; done\n',
          'result stat "$(head -n 1 /proc/stat)"\n',
          troubles(),
        ].join(''),
      });
      expect(exitStatus, said).toBe(0);
      for (const n of [1, 2, 3]) expect(found.get(`caller.${n}`), said).toBe('outside 1outside 2');
      expect(found.get('stat'), said).toMatch(/^insidecpu +\d+(inside \d+){9}$/);
      expect(found.get('troubles'), said).toBe('0');
      const reverted = join(scratch, `reverted-entries-${generation}`);
      await tocsinDone('revert', image, '-o', reverted);
      expect(readFileSync(reverted).equals(readFileSync(of.vmlinux))).toBe(true);
      for (const file of [image, reverted]) rmSync(file);
      figure(`vmlinux ${of.release}: branches of the kernel that lead elsewhere`, branches.length);
    });
  },
);
