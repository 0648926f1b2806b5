// The ways in that need more than Node: kbuild with the headers of a real kernel, and modprobe with a module tree.

import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheFolder, kernel, samplesFolder } from './harness/harness.ts';
import { tocsinDone } from './support/programs.ts';

const root = resolve(import.meta.dirname, '../..');
const integration = join(root, 'integration');
const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-integration-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const of = kernel('6.1');
const index = join(scratch, 'kernel.index');
const TOCSIN = `${process.execPath} ${join(root, 'bin/tocsin.js')}`;

beforeAll(() => tocsinDone('kernel', of.vmlinux, '--symvers', of.symvers, '--config', of.config, '-o', index));

function run(command: string, env: Readonly<Record<string, string>> = {}, cwd = scratch) {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, ...env },
  });
  return { status, said: `${stdout}${stderr}` };
}

describe('kbuild', () => {
  const GOOD = `#include <linux/module.h>
static int __init begin(void) { pr_info("hello\\n"); return 0; }
module_init(begin);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("for the test of a way in");
`;
  /** Compiles, links, and loads nowhere: a call without its nop, and a jump to another object. */
  const BAD = GOOD.replace(
    'static int',
    'asm(".text\\n.globl bare\\nbare:\\n b _printk\\n bl strcmp\\n blr\\n");\nvoid bare(void);\nstatic int',
  );

  /** How `build-module` calls kbuild: Debian's header package has its paths in /usr/src, the lab's copy lies elsewhere. */
  function kbuild(modules: string): string {
    const headers = of.symvers.replace(/\/Module\.symvers$/, '');
    const common = headers.replace(/powerpc64le$/, 'common');
    const version = /^CONFIG_GCC_VERSION=(\d+)\d{4}$/m.exec(readFileSync(of.config, 'utf8'))![1];
    return (
      `${join(root, 'test/lab/harness/in-toolchain')} 6.1 make -s -C ${headers} -f ${common}/Makefile KBUILD_OUTPUT=${headers} ` +
      `M=${modules} ARCH=powerpc CROSS_COMPILE=powerpc64le-linux-gnu- CC=powerpc64le-linux-gnu-gcc-${version} ` +
      'KCFLAGS=-g0 KBUILD_MODPOST_WARN=1 CONFIG_DEBUG_INFO_BTF_MODULES='
    );
  }

  function build(name: string, source: string) {
    // Where the toolchain is in a chroot it sees the cache.
    const folder = mkdtempSync(join(cacheFolder, 'build', `${name}-`));
    try {
      writeFileSync(join(folder, 'Kbuild'), 'obj-m := way_in.o\n');
      writeFileSync(join(folder, 'way_in.c'), source);
      const made = run(
        `make -s -f ${integration}/kbuild/tocsin.mk modules M=${folder} TOCSIN='${TOCSIN}' TOCSIN_KERNEL=${index} ` +
          `TOCSIN_MODULES= TOCSIN_KBUILD='${kbuild(folder)}' TOCSIN_FLAGS='--report ${folder}/check.sarif'`,
      );
      return { ...made, built: existsSync(join(folder, 'way_in.ko')), report: existsSync(join(folder, 'check.sarif')) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  it('builds a module and passes it', () => {
    const { status, said, built, report } = build('good', GOOD);
    expect([status, built, report], said).toEqual([0, true, true]);
    expect(said).toContain(`way_in.ko: ${of.release} loads it`);
  });

  it('fails for a module that the kernel would refuse', () => {
    const { status, said, built, report } = build('bad', BAD);
    expect([status, built, report], said).toEqual([2, true, true]);
    expect(said).toMatch(/Expected nop after call, got 4e800020 .*\[REL303\]/);
    expect(said).toMatch(/a branch without link leads to the undefined symbol _printk.*\[TOC201\]/);
  });
});

describe("modprobe's install line", () => {
  const tree = join(scratch, 'tree');
  const modules = join(tree, 'lib/modules', of.release);
  const conf = join(scratch, 'modprobe.d');
  const loader = join(scratch, 'loader');
  const env = {
    TOCSIN,
    TOCSIN_ROOT: tree,
    TOCSIN_RELEASE: of.release,
    TOCSIN_KERNEL: index,
    TOCSIN_MODPROBE: loader,
  };

  /** Puts a file there as `tocsin_demo` and asks modprobe for it. */
  function load(file: string, ...parameters: readonly string[]) {
    cpSync(file, join(modules, 'updates/tocsin_demo.ko'));
    expect(run(`depmod -b ${tree} ${of.release}`).status).toBe(0);
    return run(`modprobe -d ${tree} -C ${conf} -S ${of.release} tocsin_demo ${parameters.join(' ')}`, env);
  }

  beforeAll(() => {
    for (const folder of [conf, join(modules, 'updates')]) mkdirSync(folder, { recursive: true });
    for (const name of ['modules.order', 'modules.builtin']) writeFileSync(join(modules, name), '');
    const line = readFileSync(join(integration, 'modprobe.d/tocsin.conf'), 'utf8')
      .replaceAll('demo', 'tocsin_demo')
      .replace('/usr/local/sbin', join(integration, 'modprobe.d'));
    writeFileSync(join(conf, 'tocsin.conf'), line);
    // This machine's kernel is another one: the last step only says what it would load.
    writeFileSync(loader, '#!/bin/sh\nexec modprobe --dry-run --verbose "$@"\n');
    chmodSync(loader, 0o755);
  });

  it('lets a good module through, with its parameters', () => {
    const { status, said } = load(join(samplesFolder, '6.1/tocsin_demo.ko'));
    expect([status, said.trim()]).toEqual([0, `insmod ${modules}/updates/tocsin_demo.ko`]);
    const given = load(join(samplesFolder, '6.1/tocsin_demo.ko'), 'no_such=1');
    expect(given.status, given.said).toBe(0);
    expect(given.said).toContain('[MOD308]');
    expect(given.said).toContain(`insmod ${modules}/updates/tocsin_demo.ko no_such=1`);
  });

  it('stops one that the kernel would refuse', () => {
    const { status, said } = load(join(samplesFolder, '6.12/tocsin_demo.ko'));
    expect(status, said).not.toBe(0);
    expect(said).toContain('tocsin-modprobe: tocsin_demo is not loaded');
    expect(said).toContain('tocsin_demo: disagrees about version of symbol module_layout [SYM303]');
    expect(said).not.toContain('insmod ');
  });
});
