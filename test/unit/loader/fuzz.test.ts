/**
 * Damaged modules: whatever the bytes are, the twin answers, and the answer is one that the kernel can give. The damage is the
 * same in every run.
 */
import { expect, it } from 'vitest';
import { loadModule } from '../../../src/loader/load.ts';
import { ERRNO } from '../../../src/loader/state.ts';
import { knowledge } from '../../support/kernel-knowledge.ts';
import { GENERATIONS, Mutant } from '../../support/loader.ts';

/** How many damaged files are made of each sample of each generation. */
const RUNS = { demo: 600, fix: 3000 } as const;

/** Marsaglia's xorshift: numbers below a limit. */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return limit => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

const VALUES = [0, 1, 0x7f, 0x80, 0xfe, 0xff];

it.each(GENERATIONS)('answers to whatever %s is given', generation => {
  const kernel = knowledge({ generation });
  const modules = new Map();
  const placement = { kind: 'base', base: 0xc008_0000_0000_0000n } as const;
  const seen = new Set<string>();
  const wrong: number[] = [];
  const random = generator(0x70c51);
  for (const name of ['demo', 'fix'] as const) {
    const { bytes, view } = new Mutant(generation, name);
    const original = bytes.slice();
    const table = Number(view.getBigUint64(40, true));
    for (let run = 0; run < RUNS[name]; run++) {
      // Mostly headers, tables and names: that is what the loader reads. The bytes of code it only copies.
      const kind = random(8);
      for (let i = 1 + random(4); i >= 0; i--) {
        const at = kind < 5 ? table + random(bytes.length - table) : kind < 7 ? random(64) : random(bytes.length);
        bytes[at % bytes.length] = random(2) === 0 ? VALUES[random(VALUES.length)]! : random(256);
      }
      const damaged = random(20) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
      const outcome = loadModule({ bytes: damaged, kernel, modules, placement, checkOnly: random(64) !== 0 });
      seen.add(outcome.step ?? 'loads');
      const { errno } = outcome;
      if (outcome.loads ? errno !== undefined : ERRNO[errno!.name as keyof typeof ERRNO] !== errno!.number)
        wrong.push(run);
      bytes.set(original);
    }
  }
  expect(wrong).toEqual([]);
  // The damage reaches deep enough to mean something.
  expect(seen.size).toBeGreaterThan(6);
  expect(seen).toContain('loads');
});
