/** Samples, plain and patched by tocsin, spoiled in many ways: a small version of the lab's campaign. */
import { describe, expect, it } from 'vitest';
import { campaign, newResults, summed } from '../../lab/prove/mutation/campaign.ts';
import { sampleImages } from '../../support/interpreter/samples.ts';

describe('spoiled functions', () => {
  it('are not proved, unless nothing that is owed is lost', () => {
    const results = newResults();
    let seed = 1;
    for (const { name, image } of sampleImages())
      campaign(image, { module: name, seed: seed++, functions: 6, operators: 6, runs: 24, controlled: 10 }, results);
    const total = summed(results);
    expect(results.survivors.filter(s => s.kind !== 'equivalent').map(s => Object.values(s).join(' | '))).toEqual([]);
    expect(results.disagreements).toEqual([]);
    expect(total.applied).toBeGreaterThan(600);
    expect(results.tallies.size).toBeGreaterThan(80);
    expect(total.refuted + total.unknown).toBeGreaterThan(0.7 * total.applied);
    // The interpreter sees most of it too.
    expect(results.shown).toBeGreaterThan(0.6 * results.executed);
  });
});
