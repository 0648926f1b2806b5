/**
 * Damaged inputs through scan, patch, revert and diff: each ends with a result or a clear error, within 5 s and 1 GB.
 *
 *     TOCSIN_FUZZ_COUNT=100000 npx vitest run test/unit/fuzz        the full campaign
 *     TOCSIN_FUZZ_SEED=4711 TOCSIN_FUZZ_COUNT=1 npx vitest run test/unit/fuzz        one input again
 */
import { availableParallelism } from 'node:os';
import { expect, it } from 'vitest';
import { campaign, campaignText } from '../../fuzz/campaign.ts';
import { mutate, subject } from '../../fuzz/mutate.ts';
import { small } from '../elf/objects.ts';

const DEFAULT_COUNT = 1500;
const count = Number(process.env.TOCSIN_FUZZ_COUNT ?? DEFAULT_COUNT);
const seed = Number(process.env.TOCSIN_FUZZ_SEED ?? 1);
const processes = Number(process.env.TOCSIN_FUZZ_PROCESSES ?? Math.min(availableParallelism(), 8));

it(
  `${count} damaged inputs from seed ${seed} on`,
  async () => {
    const result = await campaign(seed, count, count < 100 ? 1 : processes);
    const text = campaignText(result);
    if (count !== DEFAULT_COUNT) console.log(text);
    expect(result.violations.length, text).toBe(0);
  },
  60_000 + count * 100,
);

it('a seed makes the same input each time, another seed another', () => {
  const from = subject('small', small().builder.build());
  const all = Array.from({ length: 200 }, (_, i) => mutate(from, i));
  expect(all.map(m => m.mutations)).toEqual(all.map((_, i) => mutate(from, i).mutations));
  expect(Buffer.compare(all[7]!.bytes, mutate(from, 7).bytes)).toBe(0);
  expect(new Set(all.map(m => m.mutations.join())).size).toBeGreaterThan(190);
});
