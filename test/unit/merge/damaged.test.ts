/**
 * Damaged objects: each is refused with a clear error, or merged so that the judge finds nothing wrong. A damaged module may be
 * one that the judge does not let through.
 *
 *     TOCSIN_FUZZ_COUNT=20000 npx vitest run test/unit/merge/damaged.test.ts
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import { InputError, RefusalError } from '../../../src/util/errors.ts';
import { verifyMerge } from '../../../src/verify/merged/verify-merge.ts';
import { mutate, subject } from '../../fuzz/mutate.ts';
import { root } from '../../support/samples.ts';
import { asObject, moduleElf } from './support/objects.ts';

const count = Number(process.env.TOCSIN_FUZZ_COUNT ?? 300);
const read = (path: string) => new Uint8Array(readFileSync(`${root}samples/${path}`));

/** Codes of complaints, `merged`, or what must not be. */
function end(module: ReturnType<typeof readElf>, bytes: Uint8Array): string {
  try {
    const objects = [asObject(bytes)];
    const plan = planMerge(module, objects);
    const { findings } = verifyMerge({ module, objects, plan }, applyMerge(module, objects, plan).bytes);
    return findings.length === 0 ? 'merged' : `FAILED ${findings[0]!.code} ${findings[0]!.message}`;
  } catch (error) {
    if (error instanceof InputError || error instanceof RefusalError) return error.code;
    return `FAILED ${error instanceof Error ? error.stack : error}`;
  }
}

it.each(['6.1', '6.12', '7.2'])('%s', generation => {
  const module = readElf(read(`${generation}/tocsin_demo.ko`));
  const from = subject('demo_object', read(`${generation}/demo_object.o`));
  const wrong: string[] = [];
  const ends = new Map<string, number>();
  for (let seed = 0; seed < count; seed++) {
    const { bytes, mutations } = mutate(from, seed);
    const found = end(module, bytes);
    if (found.startsWith('FAILED')) wrong.push(`seed ${seed}: ${mutations.join(', ')}: ${found}`);
    ends.set(found, (ends.get(found) ?? 0) + 1);
  }
  expect(wrong).toEqual([]);
  expect(ends.get('merged')).toBeGreaterThan(count / 20);
  if (count > 300)
    console.log(
      [...ends]
        .sort((a, b) => b[1] - a[1])
        .map(([what, n]) => `${n} ${what}`)
        .join('\n'),
    );
});

it('a damaged module', () => {
  const from = subject('tocsin_demo', read('6.1/tocsin_demo.ko'));
  const bytes = read('6.1/demo_object.o');
  const wrong: string[] = [];
  for (let seed = 0; seed < count; seed++) {
    const mutated = mutate(from, seed);
    let module: ReturnType<typeof readElf>;
    try {
      module = readElf(mutated.bytes);
    } catch {
      module = moduleElf();
    }
    const found = end(module, bytes);
    if (found.startsWith('FAILED') && !found.startsWith('FAILED VER'))
      wrong.push(`seed ${seed}: ${mutated.mutations.join(', ')}: ${found}`);
  }
  expect(wrong).toEqual([]);
});
