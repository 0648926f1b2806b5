/**
 * The sort of relocations is the kernel's, element by element. `goldens/sort.json` was made by compiling lib/sort.c of each kernel (7.2's is 6.12's)
 * with the comparison of module_64.c: the order of r_offset (0, 1, 2, ... before) for the inputs that `relocations` makes.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sortRelocations } from '../../../src/loader/sort.ts';

type Orders = Readonly<Record<string, readonly number[]>>;
const goldens = JSON.parse(readFileSync(new URL('goldens/sort.json', import.meta.url), 'utf8')) as Readonly<
  Record<'6.1' | '6.12', Orders>
>;

/** Few different keys, so that many are equal. */
function relocations(count: number, seed: number): Uint32Array {
  let x = seed;
  const random = (limit: number) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % limit;
  };
  const words = new Uint32Array(count * 6);
  for (let i = 0; i < count; i++) {
    const symbol = random(3);
    const type = random(2) === 1 ? 10 : 38;
    const addend = random(3) - 1;
    words.set([i, 0, type, symbol, addend, addend < 0 ? -1 : 0], i * 6);
  }
  return words;
}

function sorted(count: number, seed: number, doublePop: boolean): number[] {
  const words = relocations(count, seed);
  sortRelocations(words, doublePop);
  return Array.from({ length: count }, (_, i) => words[i * 6]!);
}

describe.each(['6.1', '6.12'] as const)('the sort of %s', generation => {
  it.each(Object.keys(goldens[generation]).map((n, i) => [Number(n), 77 + i] as const))(
    'orders %i relocations as the kernel does',
    (count, seed) => {
      expect(sorted(count, seed, generation === '6.12')).toEqual(goldens[generation][count]);
    },
  );
});

it('differs between the kernels where keys are equal', () => {
  expect(goldens['6.1']['100']).not.toEqual(goldens['6.12']['100']);
});

it('puts large symbols and addends first, and leaves parts of a relocation alone', () => {
  const words = new Uint32Array([
    1, 0, 10, 1, 0, 0, 2, 0, 10, 1, 5, 0, 3, 0, 10, 2, 0xffffffff, 0xffffffff, 4, 0, 10, 2, 0, 0, 7, 8,
  ]);
  sortRelocations(words, false);
  expect([...words]).toEqual([
    4, 0, 10, 2, 0, 0, 3, 0, 10, 2, 0xffffffff, 0xffffffff, 2, 0, 10, 1, 5, 0, 1, 0, 10, 1, 0, 0, 7, 8,
  ]);
});
