/** Every exit code of every command, from the process itself. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { temporaryFolder, tocsin } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const demo = `${root}samples/6.1/tocsin_demo.ko`;
const fix = `${root}samples/6.1/tocsin_fix.ko`;
/** For another kernel. */
const later = `${root}samples/6.12/tocsin_demo.ko`;
const pieces = `${root}samples/6.1/kernel/`;

beforeAll(() => {
  writeFileSync(at('text.ko'), 'no module');
  writeFileSync(at('cut.ko'), readFileSync(demo).subarray(0, 5000));
  const from = [
    '--system-map',
    `${pieces}System.map`,
    '--config',
    `${pieces}config`,
    '--symvers',
    `${pieces}Module.symvers`,
  ];
  expect(tocsin(['kernel', ...from, '--module', demo, '-o', at('k.index'), '--quiet']).code).toBe(0);
  expect(tocsin(['patch', demo, '-o', at('patched.ko'), '--nop', 'demo_alarm', '--quiet']).code).toBe(0);
});

it.each<[readonly string[], number]>([
  [['scan', demo], 0],
  [['scan', demo, 'text.ko'], 2],
  [['scan'], 2],
  [['patch', demo, '-o', 'out.ko', '--nop', '*'], 0],
  [['patch', demo, '-o', 'never.ko', '--redirect', 'demo_sum_ten=fix_sum_ten', '--strategy', 'frame'], 1],
  [['patch', 'cut.ko', '-o', 'never.ko', '--nop', '*'], 2],
  [['patch', demo, '-o', 'never.ko'], 2],
  [['revert', 'patched.ko', '-o', 'back.ko'], 0],
  [['revert', demo, '-o', 'never.ko'], 1],
  [['revert', 'text.ko', '-o', 'never.ko'], 2],
  [['diff', demo, demo], 0],
  [['diff', demo, 'patched.ko'], 1],
  [['diff', demo, 'text.ko'], 2],
  [['check', demo, fix, '--kernel', 'k.index'], 0],
  [['check', later, '--kernel', 'k.index'], 1],
  [['check', 'nobody.ko', '--kernel', 'k.index'], 2],
  [['check', demo], 2],
  [['load', demo, '--kernel', 'k.index', '--base', '0xc008000000000000', '-o', 'image'], 0],
  [['load', later, '--kernel', 'k.index', '--base', '0xc008000000000000', '-o', 'never'], 1],
  [['load', 'text.ko', '--kernel', 'k.index', '-o', 'never'], 2],
  [['kernel', 'k.index'], 0],
  [['kernel', 'text.ko'], 2],
  [['explain', 'REL303'], 0],
  [['explain', 'NO1'], 2],
  [['completion'], 0],
  [['--version'], 0],
  [['--help'], 0],
  [['frobnicate'], 2],
])('%j', (args, code) => {
  const done = tocsin(args, { cwd: folder });
  expect(done.code, done.stderr).toBe(code);
  if (code === 2) expect(done.stderr).not.toBe('');
  expect(done.stderr).not.toMatch(/^ +at /m);
});
