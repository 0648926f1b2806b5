/** What every plain command starts with: a bundle, with or without V8's data about it. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, tocsin } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const cache = (name: string) => join(root, 'dist', `${name}.cache`);
const sample = 'samples/6.1/tocsin_demo.ko';

/** Loads the bundle of `scan` with the cache at `path`, and scans. */
function scanWith(path: string) {
  const code = `const { exports, isCached } = require('./bin/tocsin.js').loadBundle('start-scan', process.argv[1]);
    console.error(isCached); exports.start(['scan', '${sample}', '--summary'])`;
  return spawnSync(process.execPath, ['-e', code, '--', path], { cwd: root, encoding: 'utf8' });
}

describe('a bundle', () => {
  // Builds it.
  beforeAll(() => void tocsin(['--version']));

  it.each(['start-scan', 'start-nops', 'start-patch', 'start-check'])('%s has a cache that V8 takes', name => {
    const code = "console.log(require('./bin/tocsin.js').loadBundle(process.argv[1]).isCached)";
    const done = spawnSync(process.execPath, ['-e', code, '--', name], { cwd: root, encoding: 'utf8' });
    expect([done.stdout, done.stderr]).toEqual(['true\n', '']);
  });

  it('does the same with its cache, without one, and with one that is damaged or of another bundle', () => {
    const whole = readFileSync(cache('start-scan'));
    const make = (name: string, bytes: Uint8Array) => {
      writeFileSync(join(folder, name), bytes);
      return join(folder, name);
    };
    const header = Buffer.from(whole);
    header.writeUInt32LE(header.readUInt32LE(4) ^ 1, 4);
    const runs = [
      cache('start-scan'),
      join(folder, 'missing'),
      make('empty', new Uint8Array()),
      make('short', whole.subarray(0, 100)),
      make('other', readFileSync(cache('start-check'))),
      make('header', header),
    ].map(scanWith);
    expect(runs.map(run => run.stderr.trim())).toEqual(['true', 'false', 'false', 'false', 'false', 'false']);
    expect(runs[0]!.stdout).toContain('tocsin_demo');
    expect(new Set(runs.map(run => run.stdout)).size).toBe(1);
    expect(runs.map(run => run.status)).toEqual(runs.map(() => 0));
  });

  it('imports packages, cached or not', () => {
    expect(tocsin(['scan', 'samples/6.12/tocsin_demo.ko.xz', '--summary'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('may be run by a Node with other flags', () => {
    const done = spawnSync(process.execPath, ['--no-opt', 'bin/tocsin.js', 'scan', sample, '--summary'], { cwd: root });
    expect(done.status).toBe(0);
  });
});
