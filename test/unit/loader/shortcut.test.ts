/**
 * With `checkOnly` relocations are looked at in the order of the file and nothing is copied. That must not change an answer: on
 * the samples, and on thousands of damaged ones, it is the one that the whole image gives.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadModule } from '../../../src/loader/load.ts';
import type { LoadOutcome } from '../../../src/loader/model.ts';
import { rulesFor } from '../../../src/loader/rules.ts';
import { KernelRefusal, LoadState, NeedsImage } from '../../../src/loader/state.ts';
import { sequence } from '../../../src/loader/steps.ts';
import { type Generation, knowledge } from '../../support/kernel-knowledge.ts';
import { root } from '../../support/samples.ts';

const BASE = 0xc008_0000_0020_0000n;
const GENERATIONS: readonly Generation[] = ['6.1', '6.12', '7.2'];

interface Sample {
  readonly generation: Generation;
  readonly name: string;
  readonly bytes: Uint8Array;
}

const samples: readonly Sample[] = GENERATIONS.flatMap(generation =>
  ['tocsin_demo', 'tocsin_fix'].map(name => ({
    generation,
    name,
    bytes: new Uint8Array(readFileSync(`${root}samples/${generation}/${name}.ko`)),
  })),
);

function request(sample: Sample, bytes: Uint8Array, checkOnly: boolean) {
  const kernel = knowledge({ generation: sample.generation });
  return { bytes, kernel, placement: { kind: 'base', base: BASE } as const, modules: new Map(), checkOnly };
}

function answer(outcome: LoadOutcome): unknown {
  const { loads, errno, step, log, remarks, dangerous, unknown, name } = outcome;
  const exports = [...outcome.exports.values()];
  return { loads, errno, step, log, remarks, dangerous, unknown, name, exports, uses: [...outcome.uses] };
}

/** Whether the answer came without the image, by the kind of refusal or `loads`. */
function answeredWithoutImage(sample: Sample, bytes: Uint8Array): string | undefined {
  const asked = request(sample, bytes, true);
  const state = new LoadState(asked, rulesFor(asked.kernel));
  try {
    for (const [, step] of sequence(state)) step(state);
  } catch (thrown) {
    if (thrown instanceof NeedsImage) return undefined;
    if (thrown instanceof KernelRefusal) return thrown.errno;
    throw thrown;
  }
  return 'loads';
}

/** Numbers below `limit` that are always the same (xorshift). */
function randomNumbers(seed: number): (limit: number) => number {
  let x = seed | 1;
  return limit => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % limit;
  };
}

interface Range {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

function sections(bytes: Uint8Array): Range[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const table = Number(view.getBigUint64(40, true));
  return Array.from({ length: view.getUint16(60, true) }, (_, i) => ({
    type: view.getUint32(table + i * 64 + 4, true),
    offset: Number(view.getBigUint64(table + i * 64 + 24, true)),
    size: Number(view.getBigUint64(table + i * 64 + 32, true)),
  }));
}

const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_RELA = 4;

/** Types that the loader knows, and some that it does not. */
const TYPES = [1, 10, 26, 38, 44, 47, 48, 50, 51, 63, 64, 109, 118, 250, 252, 0, 11, 116, 132, 133, 4242];

/** Changes one thing of a random entry of a table that the loader relocates by. */
function damage(bytes: Uint8Array, all: readonly Range[], random: (limit: number) => number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pick = (type: number) => {
    const some = all.filter(s => s.type === type && s.size > 0);
    return some[random(some.length)]!;
  };
  const kind = random(10);
  if (kind < 6) {
    const { offset, size } = pick(SHT_RELA);
    const count = Math.floor(size / 24);
    const at = offset + random(count) * 24;
    if (kind === 0) view.setUint32(at + 8, TYPES[random(TYPES.length)]!, true);
    else if (kind === 1) view.setUint32(at + 12, random(80), true);
    else if (kind === 2) view.setBigInt64(at, view.getBigInt64(at, true) + BigInt(random(64) - 32), true);
    else if (kind === 3)
      view.setBigInt64(
        at + 16,
        BigInt(random(2) === 0 ? random(9) - 4 : (random(1 << 20) - (1 << 19)) * (1 << random(20))),
        true,
      );
    else if (kind === 4) bytes.copyWithin(at, offset + random(count) * 24, offset + random(count) * 24 + 24);
    else view.setUint32(at + random(6) * 4, random(0x7fffffff), true);
  } else if (kind < 8) {
    const { offset, size } = pick(SHT_SYMTAB);
    const at = offset + random(Math.floor(size / 24)) * 24;
    const field = random(5);
    if (field === 0) view.setUint16(at + 6, [0, 1, 5, 30, 200, 0xff20, 0xfff1, 0xfff2][random(8)]!, true);
    else if (field === 1) view.setUint8(at + 5, random(256));
    else if (field === 2) view.setUint8(at + 4, random(256));
    else if (field === 3) view.setUint32(at, random(2000), true);
    else view.setBigUint64(at + 8, BigInt(random(0x7fffffff)) * BigInt(1 + random(1 << 20)), true);
  } else if (kind === 8) {
    const { offset, size } = pick(SHT_PROGBITS);
    bytes[offset + random(size)] = random(256);
  } else {
    const table = Number(view.getBigUint64(40, true));
    const at = table + (1 + random(view.getUint16(60, true) - 1)) * 64;
    const field = random(6);
    if (field === 0) view.setUint32(at + 4, [0, 1, 2, 3, 4, 8, 9][random(7)]!, true);
    else if (field === 1) view.setUint32(at + 8, random(16), true);
    else if (field === 2) view.setUint32(at + 44, random(70), true);
    else if (field === 3) view.setUint32(at + 40, random(70), true);
    else if (field === 4) view.setBigUint64(at + 48, BigInt([0, 1, 2, 3, 8, 256, 4096, 65536][random(8)]!), true);
    else view.setBigUint64(at + 24, view.getBigUint64(at + 24, true) + BigInt(random(64)), true);
  }
}

describe('checking without the image', () => {
  it.each(samples)('of $generation/$name needs none', sample => {
    expect(answeredWithoutImage(sample, sample.bytes)).toBe('loads');
    const checked = loadModule(request(sample, sample.bytes, true));
    expect(checked.loads).toBe(true);
    expect(checked.image).toBeUndefined();
    expect(answer(checked)).toEqual(answer(loadModule(request(sample, sample.bytes, false))));
  });

  it('changes no byte of the file', () => {
    for (const sample of samples) {
      const bytes = sample.bytes.slice();
      loadModule(request(sample, bytes, true));
      loadModule(request(sample, bytes, false));
      expect(Buffer.compare(bytes, sample.bytes)).toBe(0);
    }
  });

  it('gives the same answer for damaged files', { timeout: 60_000 }, () => {
    const random = randomNumbers(20260930);
    const ways = new Map<string, number>();
    for (let n = 0; n < 2000; n++) {
      const sample = samples[random(samples.length)]!;
      const bytes = sample.bytes.slice();
      const changes = 1 + random(3);
      for (let i = 0; i < changes; i++) damage(bytes, sections(sample.bytes), random);
      const checked = loadModule(request(sample, bytes, true));
      const whole = loadModule(request(sample, bytes, false));
      expect(answer(checked), `mutant ${n} of ${sample.generation}/${sample.name}`).toEqual(answer(whole));
      const way = answeredWithoutImage(sample, bytes) ?? (whole.loads ? 'image: loads' : `image: ${whole.errno!.name}`);
      ways.set(way, (ways.get(way) ?? 0) + 1);
    }
    // All four ways were gone, else the comparison means little.
    for (const way of ['loads', 'ENOEXEC', 'image: loads', 'image: ENOEXEC'])
      expect(ways.get(way), way).toBeGreaterThan(50);
  });
});
