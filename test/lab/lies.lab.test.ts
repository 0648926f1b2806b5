/**
 * The campaign of lying plans: every field of every plan, one after the other, says something else; the plan is carried out to the
 * letter and judged. What is accepted is the same file, or an argument about this very lie says why it is harmless
 * (test/unit/verify/support/harmless.ts).
 */
import { describe, expect, it } from 'vitest';
import { HARMLESS_IN_IMAGES, IMAGE_LIARS, imageCampaign } from '../unit/verify/support/image-liars.ts';
import { campaign, campaignOf, liars } from '../unit/verify/support/liars.ts';
import { KINDS, subjectOf } from '../unit/verify/support/subjects.ts';
import { figure, full } from './support/lab.ts';

const SECONDS = 1000;
/** One lie of so many is told by default. */
const EVERY = full ? 1 : 11;
const EVERY_OF_LARGE = full ? 1 : 23;

describe.each(['6.1', '6.12', '7.2'])('plans for the sample of %s', generation => {
  it('lie in vain', { timeout: 900 * SECONDS }, () => {
    const total = { tried: 0, refused: 0, none: 0, same: 0, told: 0, accepted: 0 };
    const harmful: string[] = [];
    const all = [
      ...liars(generation).map(liar => [liar.name, () => campaign(liar, () => true, EVERY)] as const),
      ...KINDS.map(kind => [kind, () => campaignOf(subjectOf(kind, generation), EVERY_OF_LARGE)] as const),
    ];
    for (const [name, run] of all) {
      const found = run();
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += found[key];
      harmful.push(...found.harmful.map(text => `${name}: ${text}`));
    }
    const { tried, refused, none, same, told, accepted } = total;
    figure(
      `lying plans, ${generation}`,
      `${tried} told, ${refused} refused, ${none} no plans, ${same} the same file, ${told} told, ${accepted} accepted, each with an argument`,
    );
    expect(harmful).toEqual([]);
    expect(refused).toBeGreaterThan(tried / 2);
  });
});

it('plans for kernel images lie in vain', { timeout: 900 * SECONDS }, () => {
  const total = { tried: 0, refused: 0, none: 0, same: 0, accepted: 0 };
  const harmful: string[] = [];
  for (const [name, make] of Object.entries(IMAGE_LIARS)) {
    const found = imageCampaign(make(), full ? 1 : 3);
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += found[key];
    harmful.push(...found.harmful.map(text => `${name}: ${text}`));
  }
  const { tried, refused, none, same, accepted } = total;
  figure(
    'lying plans of images',
    `${tried} told, ${refused} refused, ${none} no plans, ${same} the same file, ${accepted} accepted for one of ${HARMLESS_IN_IMAGES.length} reasons`,
  );
  expect(harmful).toEqual([]);
  expect(refused).toBeGreaterThan(tried / 2);
});
