import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { xxh64Low } from '../../../src/io/xxhash64.ts';
import { hasProgram, sampleBytes } from './support.ts';

const haveZstd = hasProgram('zstd');

it('gives the published value of no bytes', () => {
  // XXH64 of the empty string with seed 0 is ef46db3751d8e999.
  expect(xxh64Low(new Uint8Array())).toBe(0x51d8e999);
});

it('equals the checksum that the zstd program writes, at every length up to 100 and some above', ctx => {
  if (!haveZstd) return ctx.skip();
  const lengths = [...Array(101).keys(), 1000, 4095, 65_537, 1_000_003];
  for (const length of lengths) {
    const bytes = sampleBytes(length).map((byte, i) => byte ^ (i * 151));
    const { stdout } = spawnSync('zstd', ['-q', '-c', '--check'], { input: bytes, maxBuffer: 2 ** 28 });
    expect([length, xxh64Low(bytes)]).toEqual([length, stdout.readUInt32LE(stdout.length - 4)]);
  }
});
