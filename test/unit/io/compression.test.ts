import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { compress, decompress, decompressSync, detectForm, type Form, prepare } from '../../../src/io/compression.ts';
import { zstdFrames } from '../../../src/io/zstd.ts';
import { codeOf, hasProgram, sampleBytes } from './support.ts';

const PACKED: readonly Exclude<Form, 'plain'>[] = ['xz', 'zstd', 'gzip'];
const haveXz = hasProgram('xz');
const haveZstd = hasProgram('zstd');
const haveGzip = hasProgram('gzip');

const available = PACKED.filter(form => form !== 'xz' || haveXz);
const concat = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

function run(program: string, args: readonly string[], input: Uint8Array): Uint8Array {
  const { status, stdout, stderr } = spawnSync(program, args, { input, maxBuffer: 2 ** 30 });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout;
}

/** A small xz file (`xz --check=crc32` of "tocsin\n"), so that the xz decoder is tested where the program is missing. */
const SMALL_XZ = Buffer.from(
  '/Td6WFoAAAFpIt42AgAhARYAAAB0L+WjAQAGdG9jc2luCgAAvstchwABGwcS69QXkEKZDQEAAAAAAVla',
  'base64',
);

beforeAll(async () => {
  for (const form of PACKED) await prepare(form);
});

describe('detectForm', () => {
  it('goes by the first bytes', () => {
    expect(detectForm(new Uint8Array())).toBe('plain');
    expect(detectForm(Buffer.from('\x7fELF'))).toBe('plain');
    expect(detectForm(Buffer.from('fd377a585a00', 'hex'))).toBe('xz');
    expect(detectForm(Buffer.from('fd377a585a', 'hex'))).toBe('plain');
    expect(detectForm(Buffer.from('28b52ffd', 'hex'))).toBe('zstd');
    expect(detectForm(Buffer.from('502a4d18', 'hex'))).toBe('zstd');
    expect(detectForm(Buffer.from('1f8b08', 'hex'))).toBe('gzip');
    expect(detectForm(Buffer.from('1f8b00', 'hex'))).toBe('plain');
  });

  it('does not depend on where a view starts', () => {
    const bytes = new Uint8Array([9, 9, 9, 0x28, 0xb5, 0x2f, 0xfd]);
    expect(detectForm(bytes.subarray(3))).toBe('zstd');
  });
});

describe('plain', () => {
  it('is passed through without a copy', async () => {
    const bytes = sampleBytes(10);
    expect(decompressSync(bytes, 'plain')).toBe(bytes);
    expect(await compress(bytes, 'plain')).toBe(bytes);
  });
});

describe.each(available)('%s', form => {
  it.each([0, 1, 7, 255, 256, 65_536, 200_000])('gives %i bytes back', async size => {
    const bytes = sampleBytes(size);
    const packed = await compress(bytes, form);
    expect(detectForm(packed)).toBe(form);
    const expanded = await decompress(packed, form);
    expect(equal(expanded, bytes)).toBe(true);
    expect(expanded.byteOffset % 8).toBe(0);
    expect(expanded.constructor).toBe(Uint8Array);
    expect(equal(decompressSync(packed, form), bytes)).toBe(true);
  });

  it('packs the same bytes the same way twice', async () => {
    const bytes = sampleBytes(50_000);
    expect(equal(await compress(bytes, form), await compress(bytes, form))).toBe(true);
  });

  it('refuses a file that is cut anywhere', async () => {
    const packed = await compress(sampleBytes(3000), form);
    for (let size = 0; size < packed.length; size++) {
      // No byte at all is "empty", which is for the reader of the file to say.
      if (size > 0)
        expect([size, await codeOf(() => decompressSync(packed.subarray(0, size), form))]).toEqual([size, 'IO010']);
    }
  });

  // Some bits do not matter: gzip's time, a match that may as well be found elsewhere.
  it('never takes a file with a flipped bit for other contents', async () => {
    const bytes = sampleBytes(3000);
    const packed = await compress(bytes, form);
    for (let bit = 0; bit < packed.length * 8; bit++) {
      const flipped = packed.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      try {
        const expanded = decompressSync(flipped, form);
        expect([bit, equal(expanded, bytes)]).toEqual([bit, true]);
      } catch (error) {
        expect((error as { code?: string }).code).toMatch(/^IO01[012]$/);
      }
    }
  });

  it('expands members one after the other', async () => {
    const [a, b] = [sampleBytes(5000), sampleBytes(77)];
    const both = concat(await compress(a, form), await compress(b, form));
    expect(equal(await decompress(both, form), concat(a, b))).toBe(true);
    expect(await codeOf(() => decompressSync(both.subarray(0, -1), form))).toBe('IO010');
  });

  it('refuses foreign bytes after the end', async () => {
    const packed = await compress(sampleBytes(500), form);
    for (const tail of ['x', 'tail', '\0\0\0x', '~Module signature appended~\n', '\0\0\0\0tail']) {
      expect([tail, await codeOf(() => decompressSync(concat(packed, Buffer.from(tail)), form))]).toEqual([
        tail,
        'IO010',
      ]);
    }
  });

  it('stops at the limit', async () => {
    const bytes = new Uint8Array(1 << 20);
    const packed = await compress(bytes, form);
    expect(decompressSync(packed, form, 1 << 20).length).toBe(1 << 20);
    expect(await codeOf(() => decompressSync(packed, form, (1 << 20) - 1))).toBe('IO011');
    const both = concat(packed, packed);
    expect(await codeOf(() => decompressSync(both, form, (2 << 20) - 1))).toBe('IO011');
    expect(await codeOf(() => decompress(both, form, (2 << 20) - 1))).toBe('IO011');
  });

  it('survives arbitrary bytes behind its magic', async () => {
    const packed = await compress(sampleBytes(100), form);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(packed.length), async (tail, keep) => {
        const input = concat(packed.subarray(0, Math.max(keep, 6)), tail);
        try {
          decompressSync(input, form, 1 << 20);
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^IO01[012]$/);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('xz', () => {
  it('expands without the xz program', async () => {
    expect(Buffer.from(await decompress(SMALL_XZ, 'xz')).toString()).toBe('tocsin\n');
  });

  it('accepts zero bytes in fours between and after streams only', async () => {
    const four = new Uint8Array(4);
    const padded = concat(SMALL_XZ, four, four, SMALL_XZ, four);
    expect(Buffer.from(await decompress(padded, 'xz')).toString()).toBe('tocsin\ntocsin\n');
    expect(await codeOf(() => decompress(concat(SMALL_XZ, new Uint8Array(3)), 'xz'))).toBe('IO010');
    expect(await codeOf(() => decompress(concat(four, SMALL_XZ), 'xz'))).toBe('IO010');
  });

  it('lets other work run meanwhile', async ctx => {
    if (!haveXz) return ctx.skip();
    const packed = await compress(sampleBytes(5 << 20), 'xz');
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const two = await Promise.all([decompress(packed, 'xz'), decompress(packed, 'xz')]);
    clearInterval(timer);
    expect(equal(two[0]!, two[1]!)).toBe(true);
    expect(turns).toBeGreaterThan(0);
  });

  it('reads what the program writes, and says what it does not support', async ctx => {
    if (!haveXz) return ctx.skip();
    const bytes = sampleBytes(300_000);
    for (const options of [['--check=none'], ['--check=crc64'], ['-0'], ['-9'], ['-T2', '--block-size=100000']]) {
      const packed = run('xz', ['-c', ...options], bytes);
      expect([options, equal(await decompress(packed, 'xz'), bytes)]).toEqual([options, true]);
    }
    for (const options of [['--check=sha256'], ['--powerpc', '--lzma2'], ['--lzma2=dict=128MiB']]) {
      const packed = run('xz', ['-c', ...options], bytes);
      expect([options, await codeOf(() => decompress(packed, 'xz'))]).toEqual([options, 'IO012']);
    }
  });

  it('is packed as the xz program does with the kernel options, whatever XZ_OPT says', async ctx => {
    if (!haveXz) return ctx.skip();
    const bytes = sampleBytes(4 << 20);
    const expected = run('xz', ['-c', '-T2', '--check=crc32', '--lzma2=dict=1MiB'], bytes);
    process.env.XZ_OPT = '-0 --check=sha256';
    try {
      expect(equal(await compress(bytes, 'xz'), expected)).toBe(true);
    } finally {
      delete process.env.XZ_OPT;
    }
  });

  /** Runs `action` with a folder as PATH whose only program is an `xz` with this shell script. */
  async function withXz(script: string, action: () => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'tocsin-xz-'));
    if (script !== '') writeFileSync(join(folder, 'xz'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const { PATH } = process.env;
    process.env.PATH = folder;
    try {
      await action();
    } finally {
      process.env.PATH = PATH;
      rmSync(folder, { recursive: true });
    }
  }

  it('says which package is missing', () =>
    withXz('', async () => {
      expect(await codeOf(() => compress(sampleBytes(10), 'xz'))).toBe('IO013');
      await expect(compress(sampleBytes(10), 'xz')).rejects.toThrow(/xz-utils/);
    }));

  it('shows what a failing program says, also if it reads nothing', () =>
    withXz('echo "xz: no memory" >&2; exit 1', async () => {
      expect(await codeOf(() => compress(sampleBytes(1 << 20), 'xz'))).toBe('IO014');
      await expect(compress(sampleBytes(1 << 20), 'xz')).rejects.toThrow(/xz: no memory/);
    }));

  it('refuses what does not expand to the same bytes', () =>
    withXz(`printf '${[...SMALL_XZ].map(byte => `\\${byte.toString(8).padStart(3, '0')}`).join('')}'`, async () => {
      expect(Buffer.from(await compress(Buffer.from('tocsin\n'), 'xz'))).toEqual(SMALL_XZ);
      await expect(compress(Buffer.from('tocsim\n'), 'xz')).rejects.toMatchObject({
        name: 'RefusalError',
        code: 'IO015',
      });
    }));
});

describe('zstd', () => {
  it('has the size and the checksum, which the zstd program verifies', async ctx => {
    const bytes = sampleBytes(300_001);
    const packed = await compress(bytes, 'zstd');
    expect(packed[4]! & 4).toBe(4);
    expect(zstdFrames(packed)).toEqual([{ start: 0, end: packed.length, size: bytes.length, exact: true }]);
    if (!haveZstd) return ctx.skip();
    run('zstd', ['-t', '-q', '-'], packed);
    expect(equal(run('zstd', ['-dc', '-q'], packed), bytes)).toBe(true);
    const wrong = packed.slice();
    wrong[packed.length - 1]! ^= 1;
    expect(() => run('zstd', ['-t', '-q', '-'], wrong)).toThrow(/checksum/i);
  });

  it('reads what the program writes', async ctx => {
    if (!haveZstd) return ctx.skip();
    for (const size of [0, 1, 300, 70_000, 1_000_000]) {
      const bytes = sampleBytes(size);
      for (const options of [[], ['-19'], ['--no-check'], [`--stream-size=${size}`], ['-T2'], ['--long=27']]) {
        const packed = run('zstd', ['-q', '-c', ...options], bytes);
        expect([size, options, equal(await decompress(packed, 'zstd'), bytes)]).toEqual([size, options, true]);
      }
    }
  });

  it('passes over skippable frames', async () => {
    const bytes = sampleBytes(100);
    const packed = await compress(bytes, 'zstd');
    const skippable = Buffer.from('5f2a4d1803000000aabbcc', 'hex');
    expect(equal(await decompress(concat(skippable, packed, skippable), 'zstd'), bytes)).toBe(true);
    expect(await codeOf(() => decompress(concat(packed, skippable.subarray(0, -1)), 'zstd'))).toBe('IO010');
  });

  it('reserves nothing on the word of a header', async () => {
    // Single segment, eight bytes of size (2^60), one empty raw block.
    const liar = Buffer.from('28b52ffde00000000000000010010000', 'hex');
    expect(await codeOf(() => decompress(liar, 'zstd'))).toBe('IO010');
    // No size in the header, and 20,000 blocks of 128 KiB of one byte each: 2.4 GiB from 80 KB.
    const block = Buffer.from('02001000', 'hex');
    const bomb = concat(Buffer.from('28b52ffd0070', 'hex'), ...Array(20_000).fill(block), Buffer.from('010000', 'hex'));
    expect(await codeOf(() => decompress(bomb, 'zstd', 8 << 20))).toBe('IO011');
  });

  it('says that it has no dictionary', async () => {
    expect(await codeOf(() => decompress(Buffer.from('28b52ffd210701010000', 'hex'), 'zstd'))).toBe('IO012');
  });
});

describe('gzip', () => {
  it('has the header of gzip -n', async ctx => {
    const bytes = sampleBytes(10_000);
    const packed = await compress(bytes, 'gzip');
    expect(Buffer.from(packed.subarray(0, 10)).toString('hex')).toBe('1f8b0800000000000003');
    if (!haveGzip) return ctx.skip();
    expect(equal(run('gzip', ['-dc'], packed), bytes)).toBe(true);
    const theirs = run('gzip', ['-nc'], bytes);
    expect(equal(theirs.subarray(0, 10), packed.subarray(0, 10))).toBe(true);
    expect(equal(await decompress(run('gzip', ['-c9'], bytes), 'gzip'), bytes)).toBe(true);
  });

  it('accepts zero bytes after the end', async () => {
    const bytes = sampleBytes(100);
    const padded = concat(await compress(bytes, 'gzip'), new Uint8Array(511));
    expect(equal(await decompress(padded, 'gzip'), bytes)).toBe(true);
  });
});
