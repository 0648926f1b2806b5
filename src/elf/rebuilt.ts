/** The bytes of a section in the output: which of its old ones stay, which words change, what follows. */
import { putWord } from './editor.ts';

/** New contents of a section: what stays of its old bytes, in order, and new bytes behind them. */
export interface Rebuilt {
  readonly size: number;
  /** The section's old bytes, place by place: the input's own, or a copy with changes in it. */
  readonly base: Uint8Array;
  /** Where `base` begins in the input file. */
  readonly from: number;
  /** What stays of `base`: [start, end) pairs, ascending. */
  readonly kept: readonly number[];
  /** Words of `base` that change: offsets (ascending), and what is to stand there. Then all of `base` stays. */
  readonly offsets: readonly number[];
  readonly words: readonly number[];
  readonly appended: readonly Uint8Array[];
  /** Whether `base` holds the input's bytes and no word changes. */
  readonly exact: boolean;
}

const NONE: readonly number[] = [];

/** Old bytes as they are, or as they were changed in `base`. */
export function wholeOf(base: Uint8Array, from: number, exact: boolean): Rebuilt {
  const kept = base.length === 0 ? NONE : [0, base.length];
  return { size: base.length, base, from, kept, offsets: NONE, words: NONE, appended: [], exact };
}

/** Old bytes with others over them, which begin at the given offsets (ascending, apart) and are whole 32-bit words. */
export function overlaid(
  base: Uint8Array,
  from: number,
  pieces: readonly { readonly offset: number; readonly bytes: Uint8Array }[],
): Rebuilt {
  const offsets: number[] = [];
  const words: number[] = [];
  for (const { offset, bytes } of pieces) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 4) {
      offsets.push(offset + at);
      words.push(view.getUint32(at, true));
    }
  }
  return { ...wholeOf(base, from, false), offsets, words };
}

/** New bytes alone. */
export function freshContents(bytes: Uint8Array): Rebuilt {
  const appended = bytes.length === 0 ? [] : [bytes];
  return { ...wholeOf(new Uint8Array(0), 0, false), size: bytes.length, appended };
}

/** Writes the contents down at `to`. What lies behind them in `bytes` may become zero: it has to be written later. */
export function copyContents({ base, kept, offsets, words, appended }: Rebuilt, bytes: Uint8Array, to: number): void {
  let at = to;
  if (kept.length > 2 && to + base.length <= bytes.length) at = copyAndCompact(base, kept, bytes, to);
  else
    for (let k = 0; k < kept.length; k += 2) {
      bytes.set(base.subarray(kept[k]!, kept[k + 1]!), at);
      at += kept[k + 1]! - kept[k]!;
    }
  for (let i = 0; i < offsets.length; i++) putWord(bytes, to + offsets[i]!, words[i]!);
  for (const piece of appended) {
    bytes.set(piece, at);
    at += piece.length;
  }
}

/** Copies all, and then moves up what stays: far quicker than a view for each of thousands of pieces. */
function copyAndCompact(base: Uint8Array, kept: readonly number[], bytes: Uint8Array, to: number): number {
  bytes.set(base, to);
  let at = to;
  for (let k = 0; k < kept.length; k += 2) {
    const start = to + kept[k]!;
    const end = to + kept[k + 1]!;
    if (start > at) bytes.copyWithin(at, start, end);
    at += end - start;
  }
  bytes.fill(0, at, to + base.length);
  return at;
}
