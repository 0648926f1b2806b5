import { signed64, unsigned64 } from '../util/bytes.ts';
import { InputError } from '../util/errors.ts';
import type { SectionOffset, SymbolIndex } from '../util/indexes.ts';
import type { Section } from './section.ts';

/** Six 32-bit words a relocation: r_offset; type, symbol; r_addend. */
export const RELA_WORDS = 6;

/** An SHT_RELA section as a view. Offsets and symbol indices of every entry were checked when it was made. */
export class Relocations {
  readonly section: Section;
  readonly words: Uint32Array;
  readonly count: number;
  /** Whether r_offset never falls from one entry to the next, as the assembler and `ld -r` leave it. */
  readonly sorted: boolean;
  /** Whether all r_offsets share their upper 32 bits. */
  readonly sameHigh: boolean;

  /**
   * @param symbolCount entries of the symbol table that `sh_link` names
   * @param targetEnd one past the last byte that `r_offset` may name: the size of the patched section in a relocatable
   *   file, infinity in a linked one, where `r_offset` is an address
   */
  constructor(section: Section, words: Uint32Array, symbolCount: number, targetEnd: number) {
    this.section = section;
    this.words = words;
    this.count = Math.floor(words.length / RELA_WORDS);
    const { sorted, sameHigh } = this.#check(symbolCount, targetEnd);
    this.sorted = sorted;
    this.sameHigh = sameHigh;
  }

  #check(symbolCount: number, targetEnd: number): { sorted: boolean; sameHigh: boolean } {
    const { words } = this;
    const bounded = targetEnd !== Number.POSITIVE_INFINITY;
    const end = this.count * RELA_WORDS;
    const high = words[1] ?? 0;
    let sorted = true;
    let sameHigh = true;
    let before = 0;
    for (let w = 0; w < end; w += RELA_WORDS) {
      const low = words[w]!;
      if (low < before) sorted = false;
      before = low;
      if (words[w + 1] !== high) sameHigh = false;
      if (bounded && (words[w + 1] !== 0 || low >= targetEnd)) this.#badOffset(w, targetEnd);
      if (words[w + 3]! >= symbolCount) this.#badSymbol(w, symbolCount);
    }
    return { sorted, sameHigh };
  }

  #badOffset(w: number, targetEnd: number): never {
    const i = w / RELA_WORDS;
    throw new InputError({
      code: 'ELF019',
      message: `relocation ${i} lies outside the section that it changes`,
      section: this.section.name,
      offset: i * 24,
      expected: `an r_offset below 0x${targetEnd.toString(16)}`,
      found: `0x${unsigned64(this.words[w]!, this.words[w + 1]!).toString(16)}`,
      remedy: 'the file is damaged: build or copy it again',
    });
  }

  #badSymbol(w: number, symbolCount: number): never {
    const i = w / RELA_WORDS;
    throw new InputError({
      code: 'ELF018',
      message: `relocation ${i} names a symbol that does not exist`,
      section: this.section.name,
      offset: i * 24,
      expected: `a symbol index below ${symbolCount}`,
      found: `${this.words[w + 3]}`,
      remedy: 'the file is damaged: build or copy it again',
    });
  }

  /** Bytes from the start of the section that is relocated (relocatable files). */
  offset(i: number): SectionOffset {
    return unsigned64(this.words[i * RELA_WORDS]!, this.words[i * RELA_WORDS + 1]!);
  }

  type(i: number): number {
    return this.words[i * RELA_WORDS + 2]!;
  }

  symbol(i: number): SymbolIndex {
    return this.words[i * RELA_WORDS + 3]!;
  }

  /** Exact while its magnitude is below 2^53: always so in relocatable files of any use. */
  addend(i: number): number {
    return signed64(this.words[i * RELA_WORDS + 4]!, this.words[i * RELA_WORDS + 5]!);
  }

  /**
   * Entry numbers in the order of r_offset, entries with one offset in file order; `undefined` where they already stand
   * so.
   */
  order(): Uint32Array | undefined {
    if (this.sorted) return undefined;
    const order = new Uint32Array(this.count);
    for (let i = 0; i < order.length; i++) order[i] = i;
    return order.sort((a, b) => this.offset(a) - this.offset(b) || a - b);
  }

  /** The first entry at `offset` or behind it in a sorted table; `count` where there is none. */
  lowerBound(offset: SectionOffset): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.offset(middle) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
