// Kernel images of the three generations with call sites taken out, functions redirected to those of a merged object, and others hooked by
// it: they boot, with radix and with hash tables, load modules, and show what was replaced and counted.

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readElf } from '../../src/elf/read.ts';
import type { PatchDocument } from '../../src/report/patch/document.ts';
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
import { figure } from './support/lab.ts';
import { tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-vmlinux-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** image_object.o, kept in the cache as long as its source stays the same. */
function imageObject(generation: Generation): string {
  const source = resolve(import.meta.dirname, 'image');
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const name of ['Kbuild', 'image_object.c', 'image_kernel.c']) digest.update(readFileSync(join(source, name)));
  const folder = join(cacheFolder, 'modules', `image-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, source, folder);
  return join(folder, 'image_object.o');
}

/** Replaced functions by the file that shows them. */
const SHOWN: Readonly<Record<string, string>> = {
  devinfo_show: '/proc/devices',
  execdomains_proc_show: '/proc/execdomains',
  filesystems_proc_show: '/proc/filesystems',
  loadavg_proc_show: '/proc/loadavg',
  misc_seq_show: '/proc/misc',
  show_console_dev: '/proc/consoles',
  show_partition: '/proc/partitions',
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

/** A machine without disks has no partitions to show. */
const SILENT = new Set(['show_partition']);

const show = (label: string) =>
  Object.entries(SHOWN)
    .map(([name, file]) => `result ${label}.${name} "$(head -n 1 ${file})"\n`)
    .join('');

function hookCount(text: string | undefined): number {
  return Number(/^hooked (\d+) /.exec(text ?? '')?.[1] ?? Number.NaN);
}

/** Words of code that two images have otherwise, `SECTION+OFFSET` each: found with a loop of the test's own. */
function changedWords(before: string, after: string): string[] {
  const [a, b] = [readElf(readFileSync(before)), readElf(readFileSync(after))];
  const found: string[] = [];
  for (const section of a.sections) {
    if (!section.isCode || !section.hasContents) continue;
    const [old, fresh] = [a.sectionWords(section), b.sectionWords(b.sections[section.index]!)];
    for (let i = 0; i < old.length; i++) if (old[i] !== fresh[i]) found.push(`${section.name}+${i * 4}`);
  }
  return found;
}

describe.each(GENERATIONS)('a patched kernel image, %s', generation => {
  it('boots, works, and does what was replaced', async () => {
    const of = kernel(generation);
    const image = join(scratch, `vmlinux-${generation}`);
    const redirects = Object.keys(SHOWN).flatMap(name => ['--redirect', `${name}=image_${name}`]);
    const asked = ['--nop', 'seq_*', '--nop', 'tty_*', ...redirects, '--hook', 'vfs_*=image_enter'];
    const options = ['--with', imageObject(generation), ...asked, '--format', 'json'];
    const started = performance.now();
    const ran = await tocsinDone('patch', of.vmlinux, '-o', image, ...options);
    const seconds = (performance.now() - started) / 1000;
    const doc = JSON.parse(ran.stdout) as PatchDocument;
    const count = (kind: string) => doc.actions.filter(a => a.kind === kind).length;
    expect([doc.written, doc.proof?.verdict, doc.verification?.ok]).toEqual([true, 'proved', true]);
    expect(count('nop')).toBeGreaterThanOrEqual(100);
    expect(count('redirect')).toBe(20);
    expect(count('hook')).toBeGreaterThanOrEqual(20);
    expect(changedWords(of.vmlinux, image)).toEqual(doc.words!.map(w => `${w.section}+${w.offset}`));

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
        troubles(),
      ].join(''),
    });
    expect(exitStatus, said).toBe(0);
    for (const round of ['first', 'last'])
      for (const name of Object.keys(SHOWN)) {
        const text = found.get(`${round}.${name}`) ?? '';
        if (name === 'version_proc_show') expect(text).toBe('version by tocsin');
        else if (name === 'timer_list_show')
          expect(text).toMatch(/^hooked \d+ vfs_\w+\+0x\w+\/0x\w+ \w+\+0x\w+\/0x\w+$/);
        else if (!SILENT.has(name))
          expect([name, text]).toEqual([name, expect.stringMatching(`^replaced by tocsin ${name} \\d+$`)]);
      }
    const calls = [
      hookCount(found.get('first.timer_list_show')),
      hookCount(found.get('last.timer_list_show')),
    ] as const;
    expect(calls[0]).toBeGreaterThan(0);
    expect(calls[1]).toBeGreaterThan(calls[0] + 100);
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

    const hash = await runMachine(`vmlinux-hash-${generation}`, {
      vmlinux: image,
      timeoutSeconds: 300,
      kernelArguments: 'disable_radix',
      script: [prelude(), 'result mmu "$(grep -c Hash /proc/cpuinfo)"\n', show('first'), troubles()].join(''),
    });
    expect(hash.exitStatus, hash.said).toBe(0);
    expect([hash.found.get('mmu'), hash.found.get('troubles')], hash.said).toEqual(['1', '0']);
    expect(hash.found.get('first.version_proc_show')).toBe('version by tocsin');
    expect(hookCount(hash.found.get('first.timer_list_show'))).toBeGreaterThan(0);

    const reverted = join(scratch, `reverted-${generation}`);
    await tocsinDone('revert', image, '-o', reverted);
    expect(readFileSync(reverted).equals(readFileSync(of.vmlinux))).toBe(true);
    rmSync(reverted);
    const kinds = `${count('nop')}, ${count('redirect')}, ${count('hook')}`;
    const { bytes, identical, changedByPlan } = doc.verification!.compared;
    figure(`vmlinux ${of.release}: call sites out, redirected, hooked`, kinds);
    figure(`vmlinux ${of.release}: bytes compared, as before, changed`, `${bytes}, ${identical}, ${changedByPlan}`);
    figure(`vmlinux ${of.release}: calls that the hook counted`, calls[1]);
    figure(`vmlinux ${of.release}: seconds to patch`, Math.round(seconds));
  });
});
