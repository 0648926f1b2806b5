// Looks for a false proof: mutants of good functions that the prover still calls proved are tried in a booted kernel, whose canary
// sees every register that a caller is owed. One that comes back without them is a release blocker.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cacheFolder, GENERATIONS } from '../harness/harness.ts';
import { figure, full, spread } from '../support/lab.ts';
import { type Trial, tryMutants } from './try-mutants.ts';
import { type VictimMutant, victimMutants, victimWords, type WordAt } from './victims.ts';

/** Mutants that are proved, and some that are not: what the prover objects to must be seen in the machine too, or it sees nothing. */
const TRIED = { proved: 160, others: 60 };

/**
 * Operators after which a function goes elsewhere, with every convention kept: along another of its paths, or through a pointer
 * that holds something else. It may crash, or run for ever. docs/proof.md says that nothing is said of such values.
 */
const GOES_ELSEWHERE =
  /^(condition inverted|conditional branch dropped|branch |call into the middle|r12 not set before|mtctr dropped|another register moved to CTR|toc used through another register)/;

const NOP = 0x6000_0000;

/** The same places with nothing in them: if that is as deadly, the function died of the instruction that is gone. */
function emptied(mutant: VictimMutant): VictimMutant {
  return { ...mutant, words: mutant.words.map(word => ({ ...word, new: NOP })) };
}

/**
 * Whether the kernel died of a load or store of the function itself, through a register that nothing is proved of: a value that it
 * computes, which is another one now. What such a register holds differs from run to run, and so may the control's fate.
 */
function followsGarbage({ mutant, said }: Trial, wordAt: WordAt): boolean {
  const [, name, offset] = /NIP \[[0-9a-f]+\] (victim_\w+)\+0x([0-9a-f]+)\//.exec(said.join('\n')) ?? [];
  if (name === undefined) return false;
  const { anchorOffset, word } = wordAt(name, Number.parseInt(offset!, 16));
  const now = mutant.words.find(w => w.offset === anchorOffset)?.new ?? word;
  return now >>> 26 >= 32 && now >>> 26 <= 62 && ![1, 2, 13].includes((now >>> 16) & 31);
}

/** Kernels die of these at once, whatever the function does with them. */
const DEADLY = /r13|r1 overwritten|back chain|frame|LR/;

if (!full)
  console.log(
    'canary mutants: left out without --full, because a mutant that loops holds its machine until the time limit',
  );

describe.skipIf(!full).each(GENERATIONS)('mutants in the machine, kernel %s', generation => {
  let all: readonly VictimMutant[];
  let trials: readonly Trial[];

  const of = (verdict: 'proved' | 'others', ...outcomes: Trial['outcome'][]): readonly Trial[] =>
    trials.filter(t => (t.mutant.verdict === 'proved') === (verdict === 'proved') && outcomes.includes(t.outcome));

  beforeAll(async () => {
    all = victimMutants(generation);
    const proved = all.filter(mutant => mutant.verdict === 'proved');
    const others = all.filter(mutant => mutant.verdict !== 'proved' && !DEADLY.test(mutant.operator));
    const ran = await tryMutants(generation, [...spread(proved, TRIED.proved), ...spread(others, TRIED.others)]);
    trials = ran.trials;
    figure(`${generation}: mutants, and how many are still proved`, `${all.length}, ${proved.length}`);
    for (const verdict of ['proved', 'others'] as const)
      figure(
        `${generation}: tried, ${verdict === 'proved' ? 'proved' : 'not proved'}: registers kept, lost, process killed, machine down`,
        (['kept', 'lost', 'killed', 'down'] as const).map(outcome => of(verdict, outcome).length).join(', '),
      );
    figure(`${generation}: machines booted`, ran.boots);
    const log = trials
      .filter(t => t.outcome !== 'kept')
      .map(t => [t.mutant.verdict, t.outcome, t.mutant.name, ...t.said].join('\n    '));
    mkdirSync(join(cacheFolder, 'log'), { recursive: true });
    writeFileSync(join(cacheFolder, 'log', `canary-mutants-${generation}`), `${log.join('\n')}\n`);
  });

  it('are tried in hundreds', () => {
    expect(trials.length).toBeGreaterThanOrEqual(200);
    expect(all.length).toBeGreaterThan(3000);
  });

  it('lose no register where they are proved', () => {
    expect(of('proved', 'lost').map(t => [t.mutant.name, ...t.said])).toEqual([]);
  });

  it('kill the kernel, where they are proved, by what they compute at most', async () => {
    const deadly = of('proved', 'killed', 'down').filter(t => !GOES_ELSEWHERE.test(t.mutant.operator));
    const said = (list: readonly Trial[]): readonly unknown[] => list.map(t => [t.mutant.name, ...t.said]);
    // Emptied already, so that there is nothing to compare with.
    expect(said(deadly.filter(t => t.mutant.words.every(word => word.new === NOP)))).toEqual([]);
    const controls =
      deadly.length === 0
        ? []
        : (
            await tryMutants(
              generation,
              deadly.map(t => emptied(t.mutant)),
            )
          ).trials;
    const wordAt = victimWords(generation);
    const unexplained = deadly.filter((t, i) => controls[i]!.outcome === 'kept' && !followsGarbage(t, wordAt));
    expect(said(unexplained)).toEqual([]);
  });

  it('are seen by the canary where they are not', () => {
    expect(of('others', 'lost', 'killed', 'down').length).toBeGreaterThan(TRIED.others / 4);
  });
});
