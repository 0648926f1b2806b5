/**
 * Plans that lie, each field of each plan in turn, carried out to the letter and judged: what is let through is the same file, or
 * differs in what means nothing. The lab runs the same over all generations and forms (test/lab/lies.lab.test.ts).
 */
import { expect, it } from 'vitest';
import { campaign, liars } from './support/liars.ts';

const [frame, hook, local] = ['frame', 'hook', 'local callers'].map(name => liars('6.1').find(c => c.name === name)!);

it.each([frame!, hook!, local!].map(c => [c.name, c] as const))(
  '%s: no lie about an action is let through',
  (_, liar) => {
    const { tried, accepted, harmful } = campaign(
      liar,
      lie => lie.field.startsWith('.actions') || lie.field.startsWith('.new'),
      5,
    );
    expect(tried).toBeGreaterThan(40);
    expect(harmful).toEqual([]);
    expect(accepted).toBeLessThan(tried);
  },
);
