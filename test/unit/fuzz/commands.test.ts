/**
 * Commands with damaged files: modules, objects, plans, versions, indexes, keys, patched modules, images. Each ends with a result or a
 * reason; what was written is judged, and comes back.
 *
 *     TOCSIN_FUZZ_COUNT=10000 npx vitest run test/unit/fuzz/commands        more of them
 *     TOCSIN_FUZZ_SEED=4711 TOCSIN_FUZZ_COUNT=1 npx vitest run test/unit/fuzz/commands        one again
 */
import { expect, it } from 'vitest';
import { campaign, campaignText } from '../../fuzz/campaign.ts';
import { mutateBytes, mutateText } from '../../fuzz/commands/text.ts';

const DEFAULT_COUNT = 30;
const count = Number(process.env.TOCSIN_FUZZ_COUNT ?? DEFAULT_COUNT);
const seed = Number(process.env.TOCSIN_FUZZ_SEED ?? 1);

it(
  `${count} commands from seed ${seed} on`,
  async () => {
    const result = await campaign(seed, count, count < 1000 ? 1 : 2, 'commands/run');
    const text = campaignText(result);
    if (count !== DEFAULT_COUNT) console.log(text);
    expect(result.violations.length, text).toBe(0);
  },
  60_000 + count * 500,
);

it('a seed makes the same text and the same bytes each time', () => {
  const text = 'redirect:\n  - function: f\n    to: g\n';
  for (let i = 0; i < 50; i++) {
    expect(mutateText(text, i)).toEqual(mutateText(text, i));
    expect(mutateBytes(Buffer.from(text), i)).toEqual(mutateBytes(Buffer.from(text), i));
  }
  expect(new Set(Array.from({ length: 50 }, (_, i) => mutateText(text, i).bytes.toString())).size).toBeGreaterThan(40);
});
