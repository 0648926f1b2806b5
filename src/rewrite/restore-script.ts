/**
 * The script that turns a patched file back into its original: which bytes of the patched file to copy, and which bytes
 * to put between them.
 *
 *     size of the original
 *     then, until that many bytes are made:
 *       count of literal bytes, the bytes
 *       count of bytes to copy; if it is not 0, where from
 *
 * Numbers are unsigned LEB128. "Where from" is the distance, zigzag-coded, from the place in the patched file that one
 * gets to by skipping over the literal bytes as well: words changed in place cost nine bytes each.
 *
 * Nothing is ever copied from the ELF header, the section header table or the note section that holds the script, since
 * those depend on the script's own length.
 */
import type { PlacedRange } from '../elf/ranges.ts';
import { aligned, wordsOf } from '../util/bytes.ts';

/** Fewer equal bytes than this are not worth a copy. */
const SHORTEST_COPY = 8;

/** Runs of the original that stand in the patched file, ascending in `from`; runs that continue one another are one. */
class Copies {
  readonly from: number[] = [];
  readonly to: number[] = [];
  readonly lengths: number[] = [];
  #fromEnd = -1;
  #toEnd = -1;

  add(from: number, to: number, length: number): void {
    if (from === this.#fromEnd && to === this.#toEnd) this.lengths[this.lengths.length - 1]! += length;
    else {
      this.from.push(from);
      this.to.push(to);
      this.lengths.push(length);
    }
    this.#fromEnd = from + length;
    this.#toEnd = to + length;
  }
}

/** The script for `original`, given where its parts stand in the patched file (ascending in `from`). */
export function writeRestoreScript(original: Uint8Array, ranges: readonly PlacedRange[]): Uint8Array {
  const copies = new Copies();
  for (let i = 0; i < ranges.length; i++) {
    const range = ranges[i]!;
    if (range.exact) copies.add(range.from, range.to, range.length);
    else if (range.changed !== undefined) copyAround(copies, range, range.changed);
    else if (range.bytes !== undefined) copyEqualWords(copies, original, range, range.bytes);
  }
  return encode(original, copies);
}

/** Copies all but the words at the given offsets. */
function copyAround(copies: Copies, range: PlacedRange, offsets: readonly number[]): void {
  const { from, to, length } = range;
  let at = 0;
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i]!;
    if (offset > at) copies.add(from + at, to + at, offset - at);
    at = offset + 4;
  }
  if (length > at) copies.add(from + at, to + at, length - at);
}

/** Copies the runs of 32-bit words that are the same in both. */
function copyEqualWords(copies: Copies, original: Uint8Array, range: PlacedRange, bytes: Uint8Array): void {
  const before = wordsOf(aligned(original.subarray(range.from, range.from + range.length)));
  const after = wordsOf(aligned(bytes.subarray(0, range.length)));
  const count = before.length;
  let i = 0;
  while (i < count) {
    while (i < count && before[i] !== after[i]) i++;
    const start = i;
    while (i < count && before[i] === after[i]) i++;
    if (i > start) copies.add(range.from + start * 4, range.to + start * 4, (i - start) * 4);
  }
}

/** Bytes that the numbers of one operation take at most, or those at the ends of the script. */
const MOST_NUMBERS = 24;

function encode(original: Uint8Array, { from, to, lengths }: Copies): Uint8Array {
  let literals = original.length;
  for (let i = 0; i < lengths.length; i++) if (lengths[i]! >= SHORTEST_COPY) literals -= lengths[i]!;
  const script = new Uint8Array(literals + (lengths.length + 2) * MOST_NUMBERS);
  let at = putNumber(script, 0, original.length);
  /** Bytes of the original that the operations so far make, and the end of the last copy in the patched file. */
  let made = 0;
  let source = 0;
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i]!;
    if (length < SHORTEST_COPY) continue;
    const start = from[i]!;
    at = putLiteral(script, at, original, made, start);
    at = putNumber(script, at, length);
    const distance = to[i]! - (source + start - made);
    at = putNumber(script, at, distance < 0 ? -distance * 2 - 1 : distance * 2);
    made = start + length;
    source = to[i]! + length;
  }
  if (made < original.length) {
    at = putLiteral(script, at, original, made, original.length);
    at = putNumber(script, at, 0);
  }
  return script.subarray(0, at);
}

/** Writes a number at `at` and says where it ends. */
function putNumber(script: Uint8Array, at: number, value: number): number {
  let rest = value;
  let end = at;
  while (rest >= 0x80) {
    script[end++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  script[end++] = rest;
  return end;
}

/** Writes bytes of the original from `start` to `stop`, and their number in front. */
function putLiteral(script: Uint8Array, at: number, original: Uint8Array, start: number, stop: number): number {
  const first = putNumber(script, at, stop - start);
  copyBytes(original, start, stop - start, script, first);
  return first + stop - start;
}

/** Why a script cannot be carried out. */
export class BadScript extends Error {}

class Reader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 49; scale *= 0x80) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new BadScript('it ends in the middle of a number');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new BadScript('it has a number of more than 49 bits');
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Copies `count` bytes to `to` in `target`. */
  take(count: number, target: Uint8Array, to: number): void {
    if (count > this.bytes.length - this.at) throw new BadScript('it ends in the middle of literal bytes');
    copyBytes(this.bytes, this.at, count, target, to);
    this.at += count;
  }
}

/** A view costs more than a short loop. */
const SHORT = 48;

function copyBytes(source: Uint8Array, from: number, count: number, target: Uint8Array, to: number): void {
  if (count > SHORT) target.set(source.subarray(from, from + count), to);
  else for (let i = 0; i < count; i++) target[to + i] = source[from + i]!;
}

/**
 * Carries the script out over the patched file.
 *
 * @throws BadScript where it is damaged or does not belong to this file
 */
export function applyRestoreScript(script: Uint8Array, patched: Uint8Array): Uint8Array {
  const reader = new Reader(script);
  const size = reader.number();
  // No byte of the patched file is copied twice.
  if (size > patched.length + script.length) throw new BadScript(`it promises ${size} bytes, more than there can be`);
  const original = new Uint8Array(size);
  let made = 0;
  let source = 0;
  while (made < size) {
    const literal = reader.number();
    if (literal > size - made) throw new BadScript('it makes more bytes than it promises');
    reader.take(literal, original, made);
    made += literal;
    const length = reader.number();
    if (length === 0) {
      if (literal === 0) throw new BadScript('it has an operation that makes nothing');
      continue;
    }
    const from = source + literal + reader.signed();
    if (length > size - made) throw new BadScript('it makes more bytes than it promises');
    if (from < 0 || from + length > patched.length) throw new BadScript('it copies from outside the file');
    copyBytes(patched, from, length, original, made);
    made += length;
    source = from + length;
  }
  if (reader.at !== script.length) throw new BadScript('it goes on behind its end');
  return original;
}
