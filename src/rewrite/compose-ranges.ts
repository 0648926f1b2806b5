/**
 * Two layouts, one after the other, as one: where bytes of the original stand in the file that was made from what was made
 * from it.
 */
import type { PlacedRange } from '../elf/ranges.ts';

/** A file in the middle, and where the bytes of the original stand in it (ascending in `from`). */
export interface MiddleFile {
  readonly bytes: Uint8Array;
  readonly ranges: readonly PlacedRange[];
}

/** @param second where the bytes of the middle file stand in the last one, ascending in `from` */
export function composeRanges(middle: MiddleFile, second: readonly PlacedRange[]): PlacedRange[] {
  const composed: PlacedRange[] = [];
  for (const first of middle.ranges) {
    const end = first.to + first.length;
    for (let k = firstBehind(second, first.to); k < second.length && second[k]!.from < end; k++)
      for (const next of unchangedParts(second[k]!, first.to, end)) addOverlap(middle, first, next, composed);
  }
  return composed;
}

/** The first range that ends behind `offset`. */
function firstBehind(ranges: readonly PlacedRange[], offset: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const at = (low + high) >>> 1;
    if (ranges[at]!.from + ranges[at]!.length <= offset) low = at + 1;
    else high = at;
  }
  return low;
}

/** A range that tells which words change, as the ranges between those words; any other as it is. */
function unchangedParts(range: PlacedRange, start: number, end: number): readonly PlacedRange[] {
  const { from, to, length, changed } = range;
  if (changed === undefined) return [range];
  const parts: PlacedRange[] = [];
  let at = 0;
  const add = (stop: number) => {
    if (stop > at && from + stop > start && from + at < end)
      parts.push({ from: from + at, to: to + at, length: stop - at, exact: true, bytes: undefined });
  };
  for (const offset of changed) {
    add(offset);
    at = offset + 4;
  }
  add(length);
  return parts;
}

function addOverlap(middle: MiddleFile, first: PlacedRange, next: PlacedRange, composed: PlacedRange[]): void {
  const start = Math.max(first.to, next.from);
  const end = Math.min(first.to + first.length, next.from + next.length);
  // Headers are written last: nobody knows yet what will stand there.
  if (end <= start || (!next.exact && next.bytes === undefined)) return;
  const exact = first.exact && next.exact;
  const written = next.exact
    ? middle.bytes.subarray(start, end)
    : next.bytes!.subarray(start - next.from, end - next.from);
  composed.push({
    from: first.from + start - first.to,
    to: next.to + start - next.from,
    length: end - start,
    exact,
    bytes: exact ? undefined : written,
  });
}
