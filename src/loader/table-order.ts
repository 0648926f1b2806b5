/**
 * The order in which the kernel's sort() leaves a table. Its heapsort is not stable, so entries with equal keys come out in an
 * order that only its own steps give; `sort.ts` has these for relocations, and any table can be put as relocations.
 */
import { sortRelocations } from './sort.ts';

const WORDS = 6;
const SIGN = 0x8000_0000;

/**
 * @param count entries
 * @param first the first key of an entry, unsigned 64 bits; ascending
 * @param second the key that decides where the first ones are equal
 * @param doublePop the heapsort of 6.12
 * @returns for each place the number of the entry that comes there; `undefined` where all stay
 */
export function sortedOrder(
  count: number,
  first: BigUint64Array,
  second: BigUint64Array | undefined,
  doublePop: boolean,
): Uint32Array | undefined {
  if (ascends(count, first, second)) return undefined;
  const words = new Uint32Array(count * WORDS);
  for (let i = 0; i < count; i++) {
    // Relocations sort in descending order: r_info unsigned, then r_addend signed.
    const at = i * WORDS;
    const key = ~first[i]!;
    words[at] = i;
    words[at + 2] = Number(BigInt.asUintN(32, key));
    words[at + 3] = Number(BigInt.asUintN(32, key >> 32n));
    const other = ~(second?.[i] ?? 0n);
    words[at + 4] = Number(BigInt.asUintN(32, other));
    words[at + 5] = Number(BigInt.asUintN(32, other >> 32n)) ^ SIGN;
  }
  sortRelocations(words, doublePop);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = words[i * WORDS]!;
  return order;
}

/** Entries that already ascend stay where they are, whatever the steps. */
function ascends(count: number, first: BigUint64Array, second: BigUint64Array | undefined): boolean {
  for (let i = 1; i < count; i++) {
    if (first[i - 1]! < first[i]!) continue;
    if (first[i - 1]! > first[i]! || second === undefined || second[i - 1]! >= second[i]!) return false;
  }
  return true;
}
