/** The quick way of `patch --nop '*'` beside the way for every file: the same words, files and errors. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { isQuick } from '../../../src/cli/patch/early-nops.ts';
import { quickPatch } from '../../../src/cli/quick.ts';
import { temporaryFolder, tocsin } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const sample = (name: string) => `${root}samples/${name}`;

/** Runs one bundle alone. Its code is `undefined` where it leaves the command to the next. */
function bundle(name: string, args: readonly string[]) {
  const code = `require('./bin/tocsin.js').loadBundle(process.argv[1]).exports.start(process.argv.slice(2))
    .then(code => process.exit(code ?? 99))`;
  const done = spawnSync(process.execPath, ['-e', code, '--', name, ...args], { cwd: root, encoding: 'utf8' });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

const quick = (args: readonly string[]) => bundle('start-nops', args);
const general = (args: readonly string[]) => bundle('start-patch', args);
const LEFT = 99;

// Builds the bundles.
beforeAll(() => void tocsin(['--version']));

describe('plain patches', () => {
  it.each(['6.1', '6.12', '7.2'].flatMap(g => [`${g}/tocsin_demo.ko`, `${g}/tocsin_fix.ko`]))(
    '%s: the same file, permissions and text',
    name => {
      const input = at('in.ko');
      copyFileSync(sample(name), input);
      chmodSync(input, 0o640);
      const out = at('out.ko');
      const args = ['patch', input, '-o', out, '--nop', '*'];
      const runs = [quick, general].map(run => {
        const done = run(args);
        return { ...done, bytes: readFileSync(out).toString('latin1'), mode: statSync(out).mode };
      });
      expect(runs[0]!.code).toBe(0);
      expect(runs[0]).toEqual(runs[1]);
      expect([quick, general].map(run => run([...args, '--quiet']))[0]).toEqual(general([...args, '--quiet']));
    },
  );

  it('leave it to the general way to say that the output is the input', () => {
    const one = at('self.ko');
    copyFileSync(sample('6.1/tocsin_demo.ko'), one);
    expect(quick(['patch', one, '-o', one, '--nop', '*']).code).toBe(LEFT);
    expect(readFileSync(one).equals(readFileSync(sample('6.1/tocsin_demo.ko')))).toBe(true);
  });

  it('may go to a device', () => {
    expect(quick(['patch', sample('6.1/tocsin_demo.ko'), '-o', '/dev/null', '--nop', '*']).code).toBe(0);
  });

  it('fail in the same words where the output cannot be written', () => {
    mkdirSync(at('folder'));
    writeFileSync(at('protected'), 'x', { mode: 0o444 });
    for (const out of [at('folder'), at('missing/out.ko'), at('protected')]) {
      const args = ['patch', sample('6.1/tocsin_demo.ko'), '-o', out, '--nop', '*'];
      const done = quick(args);
      // Root may write to the protected one.
      const isLeft = done.code === LEFT;
      if (isLeft) expect(done).toMatchObject({ stdout: '', stderr: '' });
      expect(isLeft ? tocsin(args) : done).toEqual(general(args));
    }
  });

  it('leave nothing behind', () => {
    expect(readdirSync(folder).filter(name => name.includes('.tocsin-'))).toEqual([]);
  });
});

describe('what is left to the general way, and done by it', () => {
  const damaged = Buffer.from(readFileSync(sample('6.1/tocsin_demo.ko')));
  // A size that no section of symbols has.
  damaged.writeUInt32LE(7, Number(damaged.readBigUInt64LE(40)) + 40 * 64 + 32);

  it.each([
    ['a packed file', sample('6.12/tocsin_demo.ko.xz'), 0],
    ['plain -pg', sample('legacy/pg.o'), 0],
    ['a damaged file', at('damaged.ko'), 2],
    ['a file that is not there', at('nowhere.ko'), 2],
    ['a folder', folder, 2],
  ])('%s', (_title, file, code) => {
    writeFileSync(at('damaged.ko'), damaged);
    const args = ['patch', file, '-o', at('left.ko'), '--nop', '*'];
    expect(quick(args)).toEqual({ code: LEFT, stdout: '', stderr: '' });
    expect(tocsin(args).code).toBe(code);
  });

  it('commands that ask for more', () => {
    const plain = ['patch', 'm.ko', '-o', 'out.ko', '--nop', '*'];
    expect(isQuick(quickPatch(plain)!)).toBe(true);
    expect(isQuick(quickPatch([...plain, '--force', '--quiet', '--allow-unproved'])!)).toBe(true);
    for (const more of [
      ['--verbose'],
      ['--dry-run'],
      ['--format', 'json'],
      ['--report', 'r'],
      ['--nop', 'f'],
      ['--redirect', 'f=g'],
      ['--kernel', 'k'],
    ])
      expect(isQuick(quickPatch([...plain, ...more])!), more.join(' ')).toBe(false);
    expect(isQuick(quickPatch(['patch', 'm.ko', '-o', 'out.ko', '--nop', 'demo_*'])!)).toBe(false);
  });
});
