// A second opinion: functions of stock modules are executed by an interpreter with made-up registers and memory. No step may be
// in a state that the proof excludes, and what is proved must be paid.

import { describe, expect, it } from 'vitest';
import { PROVED, Prover } from '../../../src/prove/prover.ts';
import { moduleSubject } from '../../../src/verify/proof/module-image.ts';
import { adopt, opinionOf, originOf } from '../../support/interpreter/opinion.ts';
import { Run } from '../../support/interpreter/run.ts';
import { World, type WorldFunction } from '../../support/interpreter/world.ts';
import { GENERATIONS, kernel } from '../harness/harness.ts';
import { figure, full, some } from '../support/lab.ts';
import { stockImages } from './images.ts';

const MODULES = full ? 500 : 70;
const EACH = 5;
const RUNS = full ? 48 : 32;

describe.each(GENERATIONS)('the proof and the interpreter, kernel %s', generation => {
  const { release } = kernel(generation);

  it('agree', () => {
    const wrong: string[] = [];
    let functions = 0;
    let steps = 0;
    let places = 0;
    let visited = 0;
    const outcomes = new Map<string, number>();
    const endless = new Map<WorldFunction, World>();
    for (const { name, image } of stockImages(generation, MODULES)) {
      const { subject } = moduleSubject(image);
      const prover = new Prover(subject);
      prover.proveAll();
      const world = new World(image);
      const origin = originOf(image);
      adopt(world, prover, origin);
      const { count, global } = subject.functions;
      for (let j = 0; j < Math.min(EACH, count); j++) {
        const index = Math.floor(((j + 0.5) * count) / Math.min(EACH, count));
        const f = world.functionAt(origin + BigInt(global[index]!));
        if (f === undefined || f.isPart || prover.verdict[index] !== PROVED) continue;
        const opinion = opinionOf(prover, index, world, f, origin, { runs: RUNS, limit: 500, seed: functions + 1 });
        functions++;
        steps += opinion.steps;
        places += opinion.places;
        visited += opinion.visited;
        for (const [outcome, times] of opinion.outcomes) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + times);
        for (const callee of opinion.endless) endless.set(callee, world);
        wrong.push(...opinion.wrong.map(text => `${name} ${f.name} ${text}`));
      }
    }
    for (const [callee, world] of endless) if (comesBack(world, callee)) wrong.push(`${callee.name} comes back`);
    figure(`interpreter ${release}: functions executed`, functions);
    figure(`interpreter ${release}: instructions executed, each held against the proof`, steps);
    figure(`interpreter ${release}: places that the proofs reach, executed at least once`, `${visited} of ${places}`);
    figure(
      `interpreter ${release}: how the runs ended`,
      [...outcomes].map(([how, times]) => `${how} ${times}`).join(', '),
    );
    figure(`interpreter ${release}: states that the proof excludes`, wrong.length);
    expect(functions).toBeGreaterThan(full ? 700 : 150);
    // Most of what is proved is also seen, and most runs come to a return.
    expect(visited / places).toBeGreaterThan(0.6);
    expect(outcomes.get('returned')! + outcomes.get('sibling')!).toBeGreaterThan(0.7 * functions * RUNS);
    expect(some(wrong)).toEqual([]);
  });
});

/** Whether some run of a function that the prover takes to be endless returns. */
function comesBack(world: World, f: WorldFunction): boolean {
  for (let seed = 1; seed <= 50; seed++) {
    const options = { seed, isForced: seed % 2 === 0, isLocal: true, limit: 1000, noReturn: () => false };
    if (new Run(world, f, options).go().outcome === 'returned') return true;
  }
  return false;
}
