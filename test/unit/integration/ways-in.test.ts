/**
 * The ways in of integration/, run in a temporary folder with the samples and an index that is made here. What needs a kernel's
 * build (kbuild) or its module tree (modprobe) is run in the lab as well.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { shell, temporaryFolder } from '../../support/cli.ts';
import { writeKernelIndex } from '../../support/kernel-index.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const here = `${root}integration`;
const index = at('kernel.index');
const good = `${root}samples/6.1/tocsin_demo.ko`;
/** For another kernel. */
const bad = `${root}samples/6.12/tocsin_demo.ko`;

const run = (command: string, env: Record<string, string> = {}, cwd = folder) =>
  shell(command, { cwd, env: { TOCSIN_KERNEL: index, ...env } });
const read = (name: string) => fs.readFileSync(`${here}/${name}`, 'utf8');

beforeAll(() => {
  writeKernelIndex(index);
  fs.mkdirSync(at('good'));
  fs.mkdirSync(at('bad'));
  fs.copyFileSync(good, at('good/demo.ko'));
  fs.copyFileSync(bad, at('bad/demo.ko'));
});

describe('scripts', () => {
  it.each(['dkms/tocsin-dkms', 'modprobe.d/tocsin-modprobe', 'git/pre-commit'])(
    '%s is a script of the plain shell',
    name => {
      expect(read(name).startsWith('#!/bin/sh\n')).toBe(true);
      expect(spawnSync('sh', ['-n', `${here}/${name}`], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
      expect(fs.statSync(`${here}/${name}`).mode & 0o111).toBe(0o111);
    },
  );
});

describe('kbuild', () => {
  const make = (target: string, modules: string, more = '') =>
    run(
      `make -s -f '${here}/kbuild/tocsin.mk' ${target} M='${at(modules)}' KDIR=/nonexistent TOCSIN="$TOCSIN" ` +
        `TOCSIN_KERNEL='${index}' TOCSIN_MODULES= TOCSIN_KBUILD='echo built' ${more}`,
    );

  it('builds, then checks; a finding fails the build', () => {
    const passed = make('modules', 'good');
    expect(passed.stdout).toMatch(
      /^built modules\n.*demo\.ko: 6\.1\.0-50-powerpc64le loads it; 24 of 24 functions proved.*\n$/,
    );
    expect(passed.code).toBe(0);
    const failed = make('modules', 'bad');
    expect(failed.code).toBe(2);
    expect(failed.stdout).toMatch(/^built modules\n.*refuses it \(ENOEXEC\)/);
    expect(make('check', 'good').stdout).not.toContain('built');
  });

  it('does not check what was not built', () => {
    const broken = make('modules', 'good', "TOCSIN_KBUILD='false'");
    expect(broken.code).toBe(2);
    expect(broken.stdout).not.toContain('loads it');
  });

  it('is part of a Makefile that includes it', () => {
    fs.copyFileSync(good, at('good/demo.ko'));
    fs.writeFileSync(
      at('good/Makefile'),
      `ifeq ($(KERNELRELEASE),)\nTOCSIN_KBUILD = echo built\nTOCSIN_FLAGS = --format json\ninclude ${here}/kbuild/tocsin.mk\nelse\nobj-m := demo.o\nendif\n`,
    );
    const { code, stdout } = run(`make -s KDIR=/nonexistent TOCSIN_MODULES= TOCSIN="$TOCSIN"`, {}, at('good'));
    expect(code).toBe(0);
    expect(stdout).toContain('"schema": "tocsin.check/1"');
  });
});

describe('dkms', () => {
  it('checks what was built, for the kernel that it was built for', () => {
    expect(run(`'${here}/dkms/tocsin-dkms' 6.1.0-50-powerpc64le '${at('good')}'`).code).toBe(0);
    const failed = run(`'${here}/dkms/tocsin-dkms' 6.1.0-50-powerpc64le`, {}, at('bad'));
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('the modules in . are not fit for 6.1.0-50-powerpc64le');
    expect(run(`'${here}/dkms/tocsin-dkms'`).code).toBe(2);
    const flags = run(`'${here}/dkms/tocsin-dkms' X '${at('good')}'`, { TOCSIN_FLAGS: '--format json --quiet' });
    expect(JSON.parse(flags.stdout)).toHaveLength(1);
  });

  it('reads its example as dkms does', () => {
    const script = `dkms_tree=/var/lib/dkms kernelver=6.1 arch=ppc64le kernel_source_dir=/src
      . '${here}/dkms/dkms.conf'; printf '%s\\n' "$POST_BUILD" "$PRE_INSTALL" "\${MAKE[0]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-euc', script], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      'tocsin-dkms 6.1',
      'tocsin-dkms 6.1 /var/lib/dkms/demo/1.0/6.1/ppc64le/module',
      'make -C /src M=/var/lib/dkms/demo/1.0/build modules',
      '',
    ]);
  });
});

describe('modprobe', () => {
  it('has an install line that hands the parameters on', () => {
    const lines = read('modprobe.d/tocsin.conf')
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'));
    expect(lines).toEqual(['install demo /usr/local/sbin/tocsin-modprobe demo $CMDLINE_OPTS']);
  });
});

describe('git', () => {
  const repository = at('repository');
  const git = (command: string) => run(command, { HOME: folder, GIT_CONFIG_NOSYSTEM: '1' }, repository);

  it('refuses a commit of a module that the kernel would refuse, as it is staged', () => {
    fs.mkdirSync(repository);
    expect(git('git init -q . && git config user.email a@b && git config user.name a').code).toBe(0);
    fs.copyFileSync(`${here}/git/pre-commit`, join(repository, '.git/hooks/pre-commit'));
    fs.copyFileSync(bad, join(repository, 'a demo.ko'));
    expect(git('git add . && git commit -qm x').stderr).toContain('git config tocsin.kernel K');
    expect(git(`git config tocsin.kernel '${index}'`).code).toBe(0);
    const refused = git('git commit -qm x');
    expect([refused.code, `${refused.stdout}${refused.stderr}`.includes('refuses it (ENOEXEC)')]).toEqual([1, true]);
    // The working tree is mended, what is staged is not.
    fs.copyFileSync(good, join(repository, 'a demo.ko'));
    expect(git('git commit -qm x').code).toBe(1);
    expect(git('git add . && git commit -qm x').code).toBe(0);
    fs.writeFileSync(join(repository, 'notes'), 'no module');
    expect(git('git add . && git commit -qm y').code).toBe(0);
    expect(git('git rm -q "a demo.ko" && git commit -qm z').code).toBe(0);
  });
});

describe('the GitHub action', () => {
  const text = read('github/action.yml');

  /** The lines of a `run: |` block, without its indentation. */
  function script(step: string): string {
    const lines = text.split('\n');
    const start = lines.findIndex((line, i) => i > lines.indexOf(`    - name: ${step}`) && line === '      run: |') + 1;
    expect(start).toBeGreaterThan(1);
    const block = lines
      .slice(start)
      .filter((_line, i, all) => all.slice(0, i + 1).every(l => l === '' || l.startsWith('        ')));
    return block.map(line => line.slice(8)).join('\n');
  }

  it('has the shape of a composite action', () => {
    expect(text).not.toContain('\t');
    for (const line of ['runs:', '  using: composite', '  steps:', 'inputs:', '  files:', '  kernel:', 'outputs:'])
      expect(text.split('\n')).toContain(line);
    const inputs = [...text.matchAll(/\$\{\{ inputs\.(\w+)/g)].map(m => m[1]!);
    for (const input of inputs) expect(text).toMatch(new RegExp(`^  ${input}:$`, 'm'));
    // Values of inputs reach the shell as variables only: no input can be a command.
    expect([...text.matchAll(/^ {6}run: (?!\|)(.*)$/gm)].map(m => m[1])).toEqual([
      'npm install --global "tocsin@$VERSION"',
    ]);
    expect(script('Check modules')).not.toContain('${{');
    const steps = text.split(/^ {4}- /m).slice(1);
    for (const step of steps) expect(step).toMatch(/^ {6}shell: bash$/m);
  });

  it('checks every file, and leaves a report', () => {
    fs.writeFileSync(at('action.sh'), `tocsin() { $TOCSIN "$@"; }\n${script('Check modules')}`);
    const act = (files: string, modules = '') =>
      run(`bash -e '${at('action.sh')}'`, {
        FILES: files,
        KERNEL: index,
        MODULES: modules,
        REPORT: at('action.sarif'),
      });
    const passed = act(`${at('good')}\n`, `${at('good')}\n`);
    expect([passed.code, passed.stderr]).toEqual([0, '']);
    expect(JSON.parse(fs.readFileSync(at('action.sarif'), 'utf8')).runs[0].results).toEqual([]);
    const failed = act(`${at('good/demo.ko')}\n${at('bad/demo.ko')}`);
    expect(failed.code).toBe(1);
    expect(JSON.parse(fs.readFileSync(at('action.sarif'), 'utf8')).runs[0].results).toHaveLength(1);
  });
});
