/** What a command writes is none of the files that it reads. */
import { copyFileSync, existsSync, linkSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { writeKernelIndex } from '../../support/kernel-index.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const sample = `${root}samples/6.1/tocsin_demo.ko`;
const object = `${root}samples/6.1/demo_object.o`;
const symvers = `${root}samples/6.1/Module.symvers`;
const input = at('a.ko');
const same = (a: string, b: string) => readFileSync(a).equals(readFileSync(b));

beforeEach(() => copyFileSync(sample, input));

function refused(args: readonly string[]): void {
  const { code, stderr } = inThread(args);
  expect(stderr).toContain('[PAT220]');
  expect(code).toBe(2);
  expect(same(input, sample)).toBe(true);
}

describe('the input stays', () => {
  it('where a hard link of it is the output, whose name is taken over', () => {
    linkSync(input, at('hard.ko'));
    expect(inThread(['patch', input, '-o', at('hard.ko'), '--nop', '*']).code).toBe(0);
    expect(same(input, sample)).toBe(true);
    expect(same(at('hard.ko'), sample)).toBe(false);
  });

  it('where it would be the output itself, by its name, another path or a symbolic link', () => {
    symlinkSync('a.ko', at('soft.ko'));
    symlinkSync('.', at('here'));
    for (const out of ['a.ko', './a.ko', 'soft.ko', 'here/a.ko']) {
      refused(['patch', input, '-o', join(folder, '/', out), '--nop', '*']);
      refused(['patch', input, '-o', at(out), '--hook', 'demo_*=fix_in_range', '--allow-unproved']);
    }
    refused(['patch', at('soft.ko'), '-o', input, '--nop', '*']);
    refused(['patch', input, '-o', input, '--nop', '*', '--dry-run']);
    refused(['revert', input, '-o', at('soft.ko')]);
    expect(lstatSync(at('soft.ko')).isSymbolicLink()).toBe(true);
  });

  it('where a report would take its place, or that of the output', () => {
    refused(['patch', input, '-o', at('out.ko'), '--nop', '*', '--report', input]);
    refused(['patch', input, '--dry-run', '--nop', '*', '--report', input]);
    symlinkSync('a.ko', at('link.ko'));
    refused(['patch', input, '-o', at('out.ko'), '--nop', '*', '--report', at('link.ko')]);
    refused(['patch', input, '-o', at('out.ko'), '--nop', '*', '--report', at('out.ko')]);
    expect(existsSync(at('out.ko'))).toBe(false);
    copyFileSync(sample, at('a.txt'));
    const kernel = at('k.index');
    writeKernelIndex(kernel);
    expect(inThread(['check', at('a.txt'), '--kernel', kernel, '--report', at('a.txt')]).stderr).toContain('[PAT220]');
    expect(same(at('a.txt'), sample)).toBe(true);
  });

  it('and so does whatever else is read', () => {
    copyFileSync(object, at('fix.o'));
    copyFileSync(symvers, at('symvers'));
    writeFileSync(at('plan.yaml'), 'schema: tocsin.patch-plan/1\nnop: ["*"]\n');
    const merged = ['--with', at('fix.o'), '--symvers', at('symvers'), '--redirect', 'demo_in_range=fixed_in_range'];
    copyFileSync(`${root}samples/6.1/tocsin_fix.ko`, at('before.ko'));
    refused([
      'patch',
      input,
      '-o',
      at('before.ko'),
      '--modules',
      at('before.ko'),
      '--redirect',
      'demo_in_range=fix_in_range',
    ]);
    for (const out of ['fix.o', 'symvers']) refused(['patch', input, '-o', at(out), ...merged]);
    refused(['patch', input, '-o', at('plan.yaml'), '--plan', at('plan.yaml')]);
    expect(same(at('fix.o'), object) && same(at('symvers'), symvers)).toBe(true);
  });
});

it('nothing is written where the report has no place', () => {
  const { code, stderr } = inThread(['patch', input, '-o', at('o.ko'), '--nop', '*', '--report', at('none/r.json')]);
  expect(stderr).toContain('[IO030]');
  expect(code).toBe(2);
  expect(existsSync(at('o.ko'))).toBe(false);
});

it('a plan that is no text is told in a line', () => {
  const { code, stderr } = inThread(['patch', input, '-o', at('o.ko'), '--plan', input]);
  expect(code).toBe(2);
  expect(stderr.length).toBeLessThan(600);
  expect(stderr).toMatch(/^[\x20-\x7e\n]*\[PLN001\][\x20-\x7e\n]*$/);
});

it('a path that cannot be looked at is told as any other', () => {
  const long = at('x'.repeat(5000));
  symlinkSync('circle.ko', at('circle.ko'));
  const asked = ['--redirect', 'demo_in_range=demo_in_range_fixed'];
  for (const out of [long, at('circle.ko')])
    for (const [option, other] of [
      ['-o', []],
      ['--report', ['-o', at('fine.ko')]],
    ] as const) {
      const path = option === '-o' ? out : `${out}.txt`;
      if (option === '--report' && out !== long) symlinkSync('circle.ko.txt', path);
      const { code, stderr } = inThread(['patch', input, ...other, option, path, ...asked]);
      expect([code, stderr.includes('[IO030]')], stderr).toEqual([2, true]);
    }
  expect(existsSync(at('fine.ko'))).toBe(false);
});
