// Commands with damaged files, each judged: what was written loads and is proved as its input was, and comes back.

import { expect, it } from 'vitest';
import { campaign, campaignText } from '../fuzz/campaign.ts';
import { figure, full } from './support/lab.ts';

const count = Number(process.env.TOCSIN_FUZZ_COUNT ?? (full ? 20_000 : 200));
/** Seeds other than those that every test run takes. */
const FIRST = 1_000_000;

it('survives every damaged file of a command', async () => {
  const outcome = await campaign(FIRST, count, 2, 'commands/run');
  expect(outcome.violations.length, campaignText(outcome)).toBe(0);
  figure('commands: with damaged files', count);
  const results = [...outcome.ends].reduce((sum, [end, n]) => sum + (end.endsWith(' ok') ? n : 0), 0);
  figure('commands: that ended with a result, each judged', results);
  figure('commands: slowest, ms', Math.round(outcome.slowest));
  figure('commands: memory of the largest process, MB', Math.round(outcome.memory / 1e6));
});
