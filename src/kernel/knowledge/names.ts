/**
 * A set of names in which a name is found from its bytes: one string table, the offset of each name in it, and an
 * open-addressed hash table of (hash, number + 1) pairs with linear probing. All three are typed arrays that can be stored and
 * mapped again as they are, so opening a set costs nothing and a look-up makes no string.
 *
 * Checking all modules of a kernel looks 200,000 names up, so names are hashed and compared four bytes at a time: in the set
 * each begins on a 4-byte boundary and is filled up with NULs. Where names are looked for they stand anywhere.
 */

/** Words of a slot: hash, number of the name + 1 (0: empty). */
const SLOT_WORDS = 2;

const SEED = 0x2f0b_4c47;
/** 2^32 divided by the golden ratio, odd. */
const MULTIPLIER = 0x9e37_79b1;

export interface NameArrays {
  /** Names, each on a 4-byte boundary, NUL-ended and filled up with NULs to the next. */
  readonly strings: Uint8Array;
  /** Where each name begins in `strings`, bytes. */
  readonly nameAt: Uint32Array;
  /** A power of two of slots. */
  readonly slots: Uint32Array;
}

/** Four bytes from `at` on, cut before their first NUL; bytes behind the end are NULs. Little-endian. */
function wordAt(view: DataView, at: number): number {
  if (at + 4 <= view.byteLength) {
    const word = view.getInt32(at, true);
    const zero = zeroByte(word);
    return zero === 0 ? word : cut(word, zero);
  }
  let word = 0;
  for (let i = 0; at + i < view.byteLength; i++) {
    const byte = view.getUint8(at + i);
    if (byte === 0) break;
    word |= byte << (i * 8);
  }
  return word;
}

/** Not 0 where one of the four bytes is; the lowest bit that is set is then the uppermost of the first such byte. */
function zeroByte(word: number): number {
  return (word - 0x0101_0101) & ~word & 0x8080_8080;
}

function cut(word: number, zero: number): number {
  const bits = 31 - Math.clz32(zero & -zero) - 7;
  return bits === 0 ? 0 : word & ((1 << bits) - 1);
}

/** A name whose last word is full ends with a word of zero, so the last word always has a zero byte. */
function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, MULTIPLIER);
  return product ^ (product >>> 15);
}

export class NameTable {
  readonly #strings: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #nameAt: Uint32Array;
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Where names were looked for last: a module's string table is asked for all its names. */
  #asked: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor({ strings, nameAt, slots }: NameArrays) {
    this.#bytes = strings;
    this.#strings = new Int32Array(strings.buffer, strings.byteOffset, strings.length >>> 2);
    this.#nameAt = nameAt;
    this.#slots = new Int32Array(slots.buffer, slots.byteOffset, slots.length);
    this.#mask = slots.length / SLOT_WORDS - 1;
  }

  /** Number of the name that begins at `start` of `bytes` and ends before the next NUL; -1 where it is not in the set. */
  findBytes(bytes: Uint8Array, start: number): number {
    if (bytes !== this.#asked) {
      this.#asked = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const view = this.#view;
    const hash = hashAt(view, start);
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = hash & mask;
    // Damaged tables may have no empty slot: no more steps than there are slots.
    for (let probe = 0; probe <= mask; probe++, slot = (slot + 1) & mask) {
      const number = slots[slot * SLOT_WORDS + 1]! - 1;
      if (number < 0) return -1;
      if (slots[slot * SLOT_WORDS] === hash && isSame(this.#strings, this.#nameAt[number]! >>> 2, view, start))
        return number;
    }
    return -1;
  }

  find(name: string): number {
    // A name with a NUL in it would be found by its front part.
    return name.includes('\0') ? -1 : this.findBytes(Buffer.from(name, 'utf8'), 0);
  }

  name(number: number): string {
    return textAt(this.#bytes, this.#nameAt[number] ?? this.#bytes.length);
  }
}

/** Of the name at `start`, as a signed number. */
function hashAt(view: DataView, start: number): number {
  let hash = SEED;
  for (let at = start, limit = view.byteLength - 4; ; at += 4) {
    const word = at <= limit ? view.getInt32(at, true) : wordAt(view, at);
    const zero = zeroByte(word);
    if (zero !== 0) return mixed(hash, cut(word, zero));
    hash = mixed(hash, word);
  }
}

/** @param stored where the name of the set begins, in words */
function isSame(strings: Int32Array, stored: number, view: DataView, start: number): boolean {
  for (let at = start, s = stored, limit = view.byteLength - 4; ; at += 4, s++) {
    const word = at <= limit ? view.getInt32(at, true) : wordAt(view, at);
    const zero = zeroByte(word);
    if (zero !== 0) return strings[s] === cut(word, zero);
    if (strings[s] !== word) return false;
  }
}

/** The NUL-ended text at `at` (bytes); empty behind the end. */
export function textAt(strings: Uint8Array, at: number): string {
  if (at >= strings.length) return '';
  const end = strings.indexOf(0, at);
  return Buffer.from(strings.buffer, strings.byteOffset + at, (end < 0 ? strings.length : end) - at).toString('utf8');
}

/** Slots for `count` names: at most two thirds are taken. */
function slotCount(count: number): number {
  let slots = 8;
  while (slots * 2 < count * 3) slots *= 2;
  return slots;
}

export interface NumberedNames extends NameArrays {
  /** Number of the name of each input, in the order of the input. */
  readonly numbers: Uint32Array;
}

/**
 * Makes a set of names that stand in other string tables; names that come twice get one number, in order of first sight.
 *
 * @param bytes the string table they stand in; each is ended by a NUL or by the end of the table
 * @param starts where each begins, bytes
 */
export function numberNames(bytes: Uint8Array, starts: Uint32Array): NumberedNames {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const slots = new Int32Array(slotCount(starts.length) * SLOT_WORDS);
  const mask = slots.length / SLOT_WORDS - 1;
  const nameAt = new Uint32Array(starts.length);
  const numbers = new Uint32Array(starts.length);
  let strings = new Int32Array(starts.length * 8 + 256);
  let used = 0;
  let count = 0;
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i]!;
    const hash = hashAt(view, start);
    let slot = hash & mask;
    for (; slots[slot * SLOT_WORDS + 1] !== 0; slot = (slot + 1) & mask)
      if (
        slots[slot * SLOT_WORDS] === hash &&
        isSame(strings, nameAt[slots[slot * SLOT_WORDS + 1]! - 1]! >>> 2, view, start)
      )
        break;
    if (slots[slot * SLOT_WORDS + 1] === 0) {
      nameAt[count] = used * 4;
      for (let at = start; ; at += 4) {
        if (used === strings.length) {
          const larger = new Int32Array(strings.length * 2);
          larger.set(strings);
          strings = larger;
        }
        const word = wordAt(view, at);
        strings[used++] = word;
        if (zeroByte(word) !== 0) break;
      }
      slots[slot * SLOT_WORDS] = hash;
      slots[slot * SLOT_WORDS + 1] = ++count;
    }
    numbers[i] = slots[slot * SLOT_WORDS + 1]! - 1;
  }
  return {
    strings: new Uint8Array(strings.buffer.slice(0, used * 4)),
    nameAt: nameAt.slice(0, count),
    slots: new Uint32Array(slots.buffer),
    numbers,
  };
}
