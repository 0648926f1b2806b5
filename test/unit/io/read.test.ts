import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { compress } from '../../../src/io/compression.ts';
import { createReadPool, readObject, readPlainInto, readStored } from '../../../src/io/read.ts';
import { codeOf, hasProgram, isRoot, sampleBytes, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const sample = sampleBytes(12_345);

fs.writeFileSync(at('plain.ko'), sample, { mode: 0o640 });
fs.writeFileSync(at('packed.ko.wrong'), await compress(sample, 'zstd'));
fs.writeFileSync(at('empty.ko'), '');
fs.writeFileSync(at('hollow.ko.gz'), await compress(new Uint8Array(), 'gzip'));
fs.writeFileSync(at('cut.ko.gz'), (await compress(sample, 'gzip')).subarray(0, 500));
fs.mkdirSync(at('folder'));
fs.symlinkSync('circle', at('circle'));
fs.symlinkSync('nothing', at('dangling'));

describe('readObject', () => {
  it('gives the bytes of a plain file on an 8-byte boundary, and its permissions', async () => {
    const file = await readObject(at('plain.ko'));
    expect(file).toMatchObject({ path: at('plain.ko'), form: 'plain', compressedSize: 12_345, mode: 0o640 });
    expect(file.stored).toBe(file.bytes);
    expect(Buffer.compare(file.bytes, sample)).toBe(0);
    expect(file.bytes.constructor).toBe(Uint8Array);
    expect(new Uint32Array(file.bytes.buffer, file.bytes.byteOffset, file.bytes.length >> 2).length).toBe(3086);
  });

  it('expands a packed file whatever its name', async () => {
    const file = await readObject(at('packed.ko.wrong'));
    expect(file.form).toBe('zstd');
    expect(Buffer.compare(file.bytes, sample)).toBe(0);
    expect(file.bytes.byteOffset % 8).toBe(0);
    expect(file.compressedSize).toBe(file.stored.length);
    expect(file.stored.length).toBeLessThan(sample.length);
  });

  it.each([
    ['missing.ko', 'IO001'],
    ['plain.ko/below', 'IO001'],
    ['circle', 'IO001'],
    ['dangling', 'IO001'],
    ['x'.repeat(300), 'IO001'],
    ['nul\0.ko', 'IO001'],
    ['folder', 'IO003'],
    ['/dev/null', 'IO004'],
    ['empty.ko', 'IO005'],
    ['hollow.ko.gz', 'IO005'],
    ['cut.ko.gz', 'IO010'],
  ])('refuses %s with %s, naming it', async (name, code) => {
    const path = name.startsWith('/') ? name : at(name);
    expect(await codeOf(() => readObject(path))).toBe(code);
    await expect(readObject(path)).rejects.toMatchObject({ complaint: { file: path, remedy: expect.any(String) } });
  });

  it('bounds the expanded size', async () => {
    expect(await codeOf(() => readObject(at('packed.ko.wrong'), { expansionLimit: 12_344 }))).toBe('IO011');
  });

  it('refuses what may not be read', async ctx => {
    fs.writeFileSync(at('secret.ko'), 'x', { mode: 0o000 });
    if (isRoot) {
      console.warn('skipped: root may read everything');
      return ctx.skip();
    }
    expect(await codeOf(() => readObject(at('secret.ko')))).toBe('IO002');
    expect(await codeOf(() => readPlainInto(createReadPool(), at('secret.ko')))).toBe('IO002');
  });

  it('refuses a file of more than 2 GiB before reading it', async () => {
    const path = at('huge.ko');
    fs.closeSync(fs.openSync(path, 'w'));
    fs.truncateSync(path, 2 ** 31 + 1);
    expect(await codeOf(() => readObject(path))).toBe('IO006');
    fs.rmSync(path);
  });

  it('reads files without a size, as those of /proc', async () => {
    if (!fs.existsSync('/proc/self/status')) return;
    expect(fs.statSync('/proc/self/status').size).toBe(0);
    expect(Buffer.from((await readStored('/proc/self/status')).bytes).toString()).toMatch(/^Name:/);
  });

  it('reads a pipe, also one larger than the first buffer', async ctx => {
    if (!hasProgram('mkfifo')) return ctx.skip();
    spawnSync('mkfifo', [at('pipe')]);
    const large = sampleBytes((4 << 20) + 12_345);
    fs.writeFileSync(at('large.ko'), large);
    const reading = readObject(at('pipe'));
    spawn('sh', ['-c', `cat large.ko > pipe`], { cwd: folder, stdio: 'ignore' });
    const file = await reading;
    expect(file.mode).toBeUndefined();
    expect(Buffer.compare(file.bytes, large)).toBe(0);
  });

  it('reads standard input', () => {
    const bundle = at('read.mjs');
    buildSync({
      entryPoints: [new URL('../../../src/io/read.ts', import.meta.url).pathname],
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      outfile: bundle,
      logLevel: 'error',
    });
    const script = `const { readObject } = await import('${pathToFileURL(bundle)}');
      try { console.log((await readObject('-')).bytes.length); } catch (error) { console.log(error.code); }`;
    const run = (options: object) =>
      String(spawnSync(process.execPath, ['--input-type=module', '-e', script], options).stdout).trim();
    expect(run({ input: sample })).toBe('12345');
    expect(run({ input: '' })).toBe('IO005');
    expect(run({ stdio: [fs.openSync(at('plain.ko'), 'r'), 'pipe', 'inherit'] })).toBe('12345');
    expect(run({ stdio: [fs.openSync(folder, 'r'), 'pipe', 'inherit'] })).toBe('IO003');
  });
});

describe('readPlainInto', () => {
  it('reuses one buffer, which grows as needed', () => {
    const pool = createReadPool(1000);
    fs.writeFileSync(at('small.ko'), 'small');
    fs.writeFileSync(at('exact.ko'), sample.subarray(0, 1000));
    for (const [name, expected] of [
      ['small.ko', Buffer.from('small')],
      ['exact.ko', sample.subarray(0, 1000)],
      ['plain.ko', sample],
      ['small.ko', Buffer.from('small')],
    ] as const) {
      const view = readPlainInto(pool, at(name));
      expect(view.byteOffset).toBe(0);
      expect(view.buffer).toBe(pool.buffer.buffer);
      expect(Buffer.compare(view, expected)).toBe(0);
    }
  });

  it('asks whether it is enough, wherever the file may end', () => {
    const pool = createReadPool(sample.length + 1);
    const asked: number[] = [];
    const ask = (answer: boolean) => (length: number) => {
      asked.push(length);
      return answer;
    };
    for (const answer of [true, false])
      expect(Buffer.compare(readPlainInto(pool, at('plain.ko'), ask(answer)), sample)).toBe(0);
    expect(asked).toEqual([sample.length, sample.length]);
  });

  it('closes every file, also after an error', () => {
    if (!fs.existsSync('/proc/self/fd')) return;
    const pool = createReadPool();
    const open = () => fs.readdirSync('/proc/self/fd').length;
    const before = open();
    for (let i = 0; i < 50; i++) {
      readPlainInto(pool, at('plain.ko'));
      for (const name of ['empty.ko', 'folder']) expect(() => readPlainInto(pool, at(name))).toThrow();
    }
    expect(open()).toBe(before);
  });

  it.each([
    ['missing.ko', 'IO001'],
    ['nul\0.ko', 'IO001'],
    ['folder', 'IO003'],
    ['empty.ko', 'IO005'],
  ])('refuses %s with %s', async (name, code) => {
    expect(await codeOf(() => readPlainInto(createReadPool(), at(name)))).toBe(code);
  });
});
