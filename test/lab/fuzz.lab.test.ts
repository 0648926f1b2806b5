// Damaged inputs through scan, patch and diff: each ends with a result or a clear error, in time and in bounds.

import { expect, it } from 'vitest';
import { campaign, campaignText } from '../fuzz/campaign.ts';
import { figure, full } from './support/lab.ts';

const count = Number(process.env.TOCSIN_FUZZ_COUNT ?? (full ? 100_000 : 10_000));
/** Seeds other than those of the short campaign that every test run makes. */
const FIRST = 1_000_000;

it('survives every damaged input', async () => {
  const outcome = await campaign(FIRST, count, 2);
  expect(outcome.violations.length, campaignText(outcome)).toBe(0);
  figure('fuzz: damaged inputs', count);
  const ends = [...outcome.ends].reduce((sum, [, n]) => sum + n, 0);
  const results = [...outcome.ends].reduce((sum, [end, n]) => sum + (end.endsWith(' ok') ? n : 0), 0);
  figure('fuzz: steps that ended with a result', results);
  figure('fuzz: steps that ended with a clear error', ends - results);
  figure('fuzz: slowest input, ms', Math.round(outcome.slowest));
  figure('fuzz: memory of the largest process, MB', Math.round(outcome.memory / 1e6));
});
