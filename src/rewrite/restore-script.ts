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
import type { PlacedRange } from '../elf/layout.ts';
import { aligned, wordsOf } from '../util/bytes.ts';

/** Fewer equal bytes than this are not worth a copy. */
const SHORTEST_COPY = 8;

class Writer {
  #bytes = new Uint8Array(1 << 16);
  #length = 0;

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  number(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  signed(value: number): void {
    this.number(value < 0 ? -value * 2 - 1 : value * 2);
  }

  literal(bytes: Uint8Array, start: number, end: number): void {
    this.number(end - start);
    this.#room(end - start);
    copyBytes(bytes, start, end - start, this.#bytes, this.#length);
    this.#length += end - start;
  }

  get result(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

/** Collects copies and turns what lies between them into literals. */
class ScriptWriter {
  readonly #out = new Writer();
  readonly #original: Uint8Array;
  /** Bytes of the original that the operations so far make. */
  #made = 0;
  #source = 0;
  #from = 0;
  #to = 0;
  #length = 0;

  constructor(original: Uint8Array) {
    this.#original = original;
    this.#out.number(original.length);
  }

  /** `length` bytes at `from` in the original stand at `to` in the patched file; calls ascend in `from`. */
  copy(from: number, to: number, length: number): void {
    if (from === this.#from + this.#length && to === this.#to + this.#length) {
      this.#length += length;
      return;
    }
    this.#flush();
    this.#from = from;
    this.#to = to;
    this.#length = length;
  }

  #flush(): void {
    if (this.#length < SHORTEST_COPY) return;
    this.#out.literal(this.#original, this.#made, this.#from);
    this.#out.number(this.#length);
    this.#out.signed(this.#to - (this.#source + this.#from - this.#made));
    this.#made = this.#from + this.#length;
    this.#source = this.#to + this.#length;
  }

  finish(): Uint8Array {
    this.#flush();
    if (this.#made < this.#original.length) {
      this.#out.literal(this.#original, this.#made, this.#original.length);
      this.#out.number(0);
    }
    return this.#out.result;
  }
}

/**
 * The script for `original`, given where its parts stand in the patched file (ascending in `from`).
 *
 * @param known offsets of changed words, ascending, for ranges (by `from`) in which nothing else changed: it saves
 *   comparing all code word by word
 */
export function writeRestoreScript(
  original: Uint8Array,
  ranges: readonly PlacedRange[],
  known: ReadonlyMap<number, readonly number[]> = new Map(),
): Uint8Array {
  const script = new ScriptWriter(original);
  for (const range of ranges) {
    const offsets = range.exact ? undefined : known.get(range.from);
    if (range.exact) script.copy(range.from, range.to, range.length);
    else if (offsets !== undefined) copyAround(script, range, offsets);
    else if (range.bytes !== undefined) copyEqualWords(script, original, range, range.bytes);
  }
  return script.finish();
}

/** Copies all but the words at the given offsets. */
function copyAround(script: ScriptWriter, range: PlacedRange, offsets: readonly number[]): void {
  let at = 0;
  for (const offset of offsets) {
    if (offset > at) script.copy(range.from + at, range.to + at, offset - at);
    at = offset + 4;
  }
  if (range.length > at) script.copy(range.from + at, range.to + at, range.length - at);
}

/** Copies the runs of 32-bit words that are the same in both. */
function copyEqualWords(script: ScriptWriter, original: Uint8Array, range: PlacedRange, bytes: Uint8Array): void {
  const before = wordsOf(aligned(original.subarray(range.from, range.from + range.length)));
  const after = wordsOf(aligned(bytes.subarray(0, range.length)));
  const count = before.length;
  let i = 0;
  while (i < count) {
    while (i < count && before[i] !== after[i]) i++;
    const start = i;
    while (i < count && before[i] === after[i]) i++;
    if (i > start) script.copy(range.from + start * 4, range.to + start * 4, (i - start) * 4);
  }
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
