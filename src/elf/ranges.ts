/** Which bytes of the input stand where in the output. */
import type { SectionIndex } from '../util/indexes.ts';
import type { Rebuilt } from './rebuilt.ts';

/**
 * Bytes that lie at `from` in the input and at `to` in the output. `exact` ranges are copies; others correspond place by
 * place, with changes inside.
 */
export interface Correspondence {
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly exact: boolean;
}

/** A range that has its place while the file is not yet written. */
export interface PlacedRange extends Correspondence {
  /** What will stand at `to`, where it is another than stood at `from`; absent for headers, which are written last. */
  readonly bytes: Uint8Array | undefined;
  /** Where that is known: the offsets in the range (ascending) of the words that change, in place of `bytes`. */
  readonly changed?: readonly number[];
}

/** A part of a file on its way to a new place: headers, the contents of a section, or what lies between them. */
export interface Part {
  readonly oldStart: number;
  readonly oldEnd: number;
  readonly alignment: number;
  readonly size: number;
  /** Where the part's bytes come from; absent for the section header table, which is written last. */
  readonly contents: Rebuilt | undefined;
  readonly sections: readonly SectionIndex[];
  start: number;
}

/** Adds the ranges of a part that has its place. */
export function addRanges({ contents, oldStart, oldEnd, size, start }: Part, ranges: PlacedRange[]): void {
  if (contents === undefined) {
    const length = Math.min(oldEnd - oldStart, size);
    ranges.push({ from: oldStart, to: start, length, exact: false, bytes: undefined });
    return;
  }
  const { base, from, kept, offsets, exact } = contents;
  if (kept.length === 0) return;
  // The ELF header is copied and then changed in place.
  if (from === 0) ranges.push({ from, to: start, length: oldEnd, exact: false, bytes: undefined });
  else if (offsets.length > 0)
    ranges.push({ from, to: start, length: base.length, exact: false, bytes: undefined, changed: offsets });
  else {
    let to = start;
    for (let k = 0; k < kept.length; k += 2) {
      const at = kept[k]!;
      const length = kept[k + 1]! - at;
      const inOld = Math.min(length, oldEnd - from - at);
      const bytes = exact ? undefined : base.subarray(at, at + length);
      ranges.push({ from: from + at, to, length: inOld, exact, bytes });
      to += length;
    }
  }
}

export function ascends(ranges: readonly PlacedRange[]): boolean {
  for (let i = 1; i < ranges.length; i++) if (ranges[i]!.from < ranges[i - 1]!.from) return false;
  return true;
}
