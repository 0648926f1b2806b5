/** Limits of the session and of devices: nothing is left of a result that has no room, and the reason is told. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { shell, temporaryFolder, tocsin } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';
import { image } from '../rewrite/image/support.ts';

const folder = temporaryFolder();
const sample = (path: string) => `${root}samples/${path}`;
let work: string;
let count = 0;
const at = (name: string) => join(work, name);

beforeEach(() => {
  work = join(folder, `${count++}`);
  mkdirSync(work);
});

it('a result whose report does not fit is not written either', () => {
  const asked = `--hook 'demo_*=fix_in_range' --symvers ${sample('6.12/Module.symvers')} --report r.json`;
  const command = `$TOCSIN patch ${sample('6.12/tocsin_demo.ko.gz')} -o out.ko.gz ${asked}`;
  // Kilobytes: too few for the result, and enough for it but not for the report.
  for (const [limit, name] of [
    [4, 'out.ko.gz'],
    [40, 'r.json'],
  ] as const) {
    const { code, stderr } = shell(`ulimit -f ${limit}; ${command}`, { cwd: work });
    expect([code, stderr.includes(`${name}: no file may become this large`)], stderr).toEqual([2, true]);
    expect(readdirSync(work)).toEqual([]);
  }
});

it('where the report goes to a device that fails there is no result either', () => {
  writeFileSync(at('vmlinux'), image().bytes);
  symlinkSync('/dev/full', at('r.json'));
  for (const [input, what] of [
    [at('vmlinux'), '*'],
    [sample('6.1/tocsin_demo.ko'), 'demo_l*'],
  ] as const) {
    const { code, stderr } = tocsin(['patch', input, '-o', at('out'), '--nop', what, '--report', at('r.json')]);
    expect([code, stderr.includes('[IO033]')], stderr).toEqual([2, true]);
    expect(readdirSync(work).sort()).toEqual(['r.json', 'vmlinux']);
  }
});

it('who reads the report from a pipe to its end finds the result in place', () => {
  const patch = `$TOCSIN patch ${sample('6.1/tocsin_demo.ko')} -o out.ko --nop 'demo_l*' --quiet --report r.json`;
  const reader = 'cat r.json > told; test -e out.ko && echo there';
  const { code, stdout, stderr } = shell(`mkfifo r.json; (${reader}) & timeout 60 ${patch} && wait`, { cwd: work });
  expect([code, stdout], stderr).toEqual([0, 'there\n']);
  expect(JSON.parse(readFileSync(at('told'), 'utf8')).written).toBe(true);
});

it('a reader that takes the result from one pipe and then the report from another gets both', () => {
  const patch = `$TOCSIN patch ${sample('6.1/tocsin_demo.ko')} -o out.ko --nop 'demo_l*' --quiet --report r.json`;
  const script = `mkfifo r.json out.ko; timeout 60 ${patch} & cat out.ko > result; cat r.json > told; wait $!`;
  expect(shell(script, { cwd: work }).code).toBe(0);
  expect(tocsin(['revert', at('result'), '-o', at('back')]).code).toBe(0);
  expect(JSON.parse(readFileSync(at('told'), 'utf8')).written).toBe(true);
});

it('a packed image is patched and comes back: one program after the other reads it in one process', () => {
  for (const [ending, pack] of [
    ['zst', 'zstd'],
    ['gz', 'gzip'],
    ['xz', 'xz'],
  ] as const) {
    const { bytes } = image();
    const packed = at(`vmlinux.${ending}`);
    writeFileSync(packed, execFileSync(pack, ['-c'], { input: bytes }));
    const done = tocsin(['patch', packed, '-o', at('out'), '--nop', '*', '--force']);
    expect(done.code, done.stderr).toBe(0);
    expect(tocsin(['revert', at('out'), '-o', at('back')]).code).toBe(0);
    expect(execFileSync(pack, ['-dc'], { input: readFileSync(at('back')) }).equals(bytes)).toBe(true);
  }
});

it.each([20, 24, 30])('%s open files are too few, and that is no refusal', limit => {
  const how = `--redirect demo_in_range=demo_in_range_fixed --symvers ${sample('6.1/Module.symvers')}`;
  const command = `ulimit -n ${limit}; $TOCSIN patch ${sample('6.1/tocsin_demo.ko')} -o out.ko ${how}`;
  const { code, stderr } = shell(command, { cwd: work });
  // Node itself may need less than this one day.
  if (code !== 0)
    expect([code, stderr.includes('[CLI030]'), existsSync(at('out.ko'))], stderr).toEqual([2, true, false]);
});

it('two that write to one place leave the result of either, at every moment', async () => {
  const from = sample('6.1/tocsin_demo.ko');
  const ways = [
    ['--nop', '*'],
    ['--nop', 'demo_l*'],
  ];
  const results = ways.map((how, i) => {
    expect(tocsin(['patch', from, '-o', at(`${i}.ko`), ...how]).code).toBe(0);
    return readFileSync(at(`${i}.ko`));
  });
  writeFileSync(at('out.ko'), results[0]!);
  const running = [...ways, ...ways].map(
    how =>
      new Promise<number | null>(done => {
        const args = [`${root}bin/tocsin.js`, 'patch', from, '-o', at('out.ko'), '--quiet', ...how];
        spawn(process.execPath, args, { stdio: 'ignore' }).on('exit', done);
      }),
  );
  let codes: readonly (number | null)[] | undefined;
  const ended = Promise.all(running).then(all => {
    codes = all;
  });
  for (let torn = 0; codes === undefined; await new Promise(setImmediate)) {
    const now = readFileSync(at('out.ko'));
    if (!results.some(r => r.equals(now))) torn++;
    expect(torn).toBe(0);
  }
  await ended;
  expect(codes).toEqual([0, 0, 0, 0]);
  expect(readdirSync(work).sort()).toEqual(['0.ko', '1.ko', 'out.ko']);
});
