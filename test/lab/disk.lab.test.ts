// Small disks: whatever a command was doing when its disk was full, nothing is left of it, and the files that were there stay.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { samplesFolder } from './harness/harness.ts';
import { figure, full } from './support/lab.ts';
import { tocsinProgram } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-disk-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const disk = join(scratch, 'disk');
mkdirSync(disk);
const demo = join(samplesFolder, '6.1', 'tocsin_demo.ko');
const fix = join(samplesFolder, '6.1', 'tocsin_fix.ko');
const kernel = join(scratch, 'kernel.index');
const plan = join(scratch, 'plan.yaml');

/** Runs a shell command in a mount namespace of its own with a disk of `size` kilobytes and `files` more files; `undefined` where no such may be made. */
function onDisk(size: number, files: number, command: string) {
  const options = `size=${size}k,nr_inodes=${files + 1}`;
  const mount = `mount -t tmpfs -o ${options} tmpfs "${disk}" || exit 99; cd "${disk}"`;
  const names = process.geteuid?.() === 0 ? ['-m'] : ['-rm'];
  const script = `${mount}; echo old >old.ko; sync; ${command}; echo "code $?"; find . -mindepth 1 | sort; cat old.ko`;
  const done = spawnSync('unshare', [...names, 'bash', '-c', script], { encoding: 'utf8' });
  return done.status === 99 || done.error !== undefined || /unshare:/.test(done.stderr) ? undefined : done;
}

const program = tocsinProgram.join(' ');
const COMMANDS: Readonly<Record<string, { readonly command: string; readonly whole: readonly string[] }>> = {
  'patch, quick': { command: `patch ${demo} --nop '*' -o new.ko`, whole: ['./new.ko', './old.ko'] },
  'patch and report': {
    command: `patch ${demo} --nop 'demo_*' -o new.ko --report r.json`,
    whole: ['./new.ko', './old.ko', './r.json'],
  },
  'patch over old': { command: `patch ${demo} --nop 'demo_*' -o old.ko`, whole: ['./old.ko'] },
  load: {
    command: `load ${demo} --kernel ${kernel} --base 0xc008000000000000 -o image`,
    whole: ['./image', './image/map.json', './old.ko'],
  },
  'plan with two modules': { command: `patch --plan ${plan}`, whole: ['./a.ko', './b.ko', './old.ko'] },
};

it('leaves nothing behind on a full disk', ctx => {
  const pieces = join(samplesFolder, '6.1', 'kernel');
  const given = `--system-map ${pieces}/System.map --symvers ${pieces}/Module.symvers --config ${pieces}/config`;
  const made = spawnSync('bash', ['-c', `${program} kernel ${given} --module ${demo} -o ${kernel}`], {
    encoding: 'utf8',
  });
  expect(made.status, made.stderr).toBe(0);
  const output = (name: string) => join(disk, name);
  const modules = [
    { file: demo, output: output('a.ko'), nop: ['*'] },
    { file: fix, output: output('b.ko'), nop: ['*'] },
  ];
  writeFileSync(plan, JSON.stringify({ schema: 'tocsin.patch-plan/1', modules }));
  const tally = { whole: 0, full: 0 };
  for (const [name, { command, whole }] of Object.entries(COMMANDS))
    for (const [size, files] of disks()) {
      const done = onDisk(size, files, `${program} ${command} >/dev/null`);
      if (done === undefined) return ctx.skip('no file system may be mounted here');
      const told = `${name} on ${size}k: ${done.stdout}${done.stderr}`;
      const [code, ...rest] = done.stdout.split('\n').filter(line => line !== '' && !line.startsWith('./image/.'));
      const found = rest.filter(line => line.startsWith('./'));
      if (code === 'code 0') {
        tally.whole++;
        for (const file of whole) expect(found, told).toContain(file);
        continue;
      }
      tally.full++;
      expect([code, done.stderr.includes('[IO033]')], told).toEqual(['code 2', true]);
      expect(done.stdout.includes('\nold\n'), told).toBe(true);
      // What was done before the disk was full stays: a module of a plan, whole.
      const mayStay = name.startsWith('plan') ? ['./old.ko', './a.ko', './b.ko'] : ['./old.ko'];
      expect(
        found.filter(file => !mayStay.includes(file)),
        told,
      ).toEqual([]);
    }
  expect(Math.min(tally.whole, tally.full)).toBeGreaterThan(3);
  figure('disk: commands on disks of all sizes', `${tally.whole} whole, ${tally.full} on a full disk, nothing left`);
});

/** Kilobytes, and files that may be made besides `old.ko`. */
function disks(): readonly (readonly [number, number])[] {
  const sizes = full ? Array.from({ length: 36 }, (_, i) => 8 + i * 4) : [12, 32, 44, 60, 200];
  return [...sizes.map(size => [size, 200] as const), [200, 1], [200, 2]];
}
