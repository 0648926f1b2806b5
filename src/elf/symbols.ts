import { big64, unsigned64 } from '../util/bytes.ts';
import { InputError } from '../util/errors.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import { SHN_LORESERVE, SHN_XINDEX, STT_SECTION } from './constants.ts';
import type { Section } from './section.ts';
import type { StringTable } from './strings.ts';

/** Six 32-bit words a symbol: st_name; st_info, st_other, st_shndx; st_value; st_size. */
export const SYMBOL_WORDS = 6;
const WORDS = SYMBOL_WORDS;

/**
 * A symbol table as a view: each method reads the file's own words. Names and section indices of every symbol were
 * checked when it was made.
 */
export class SymbolTable {
  readonly section: Section;
  readonly words: Uint32Array;
  readonly count: number;
  readonly strings: StringTable;
  readonly #extended: Uint32Array | undefined;
  readonly #sections: readonly Section[];
  readonly #relocatable: boolean;

  constructor(
    section: Section,
    words: Uint32Array,
    strings: StringTable,
    extended: Uint32Array | undefined,
    sections: readonly Section[],
    relocatable: boolean,
  ) {
    this.section = section;
    this.words = words;
    this.count = Math.floor(words.length / WORDS);
    this.strings = strings;
    this.#extended = extended;
    this.#sections = sections;
    this.#relocatable = relocatable;
    this.#check();
  }

  #check(): void {
    const { words, count } = this;
    const limit = this.strings.limit;
    const sections = this.#sections.length;
    for (let i = 0, w = 0; i < count; i++, w += WORDS) {
      const name = words[w]!;
      if (name >= limit && name !== 0)
        throw this.#bad(
          'ELF016',
          i,
          'a symbol name points outside the string table',
          `below 0x${limit.toString(16)}`,
          `0x${name.toString(16)}`,
        );
      const shndx = words[w + 1]! >>> 16;
      if (shndx < SHN_LORESERVE ? shndx >= sections : shndx === SHN_XINDEX && this.#extendedIndex(i) >= sections)
        throw this.#bad(
          'ELF017',
          i,
          'a symbol names a section that does not exist',
          `below ${sections}`,
          `${shndx === SHN_XINDEX ? this.#extendedIndex(i) : shndx}`,
        );
    }
  }

  #extendedIndex(i: SymbolIndex): number {
    return this.#extended?.[i] ?? Number.POSITIVE_INFINITY;
  }

  #bad(code: string, i: SymbolIndex, message: string, expected: string, found: string): InputError {
    return new InputError({
      code,
      message: `symbol ${i}: ${message}`,
      section: this.section.name,
      offset: i * 4 * WORDS,
      expected,
      found,
      remedy: 'the file is damaged: build or copy it again',
    });
  }

  st_name(i: SymbolIndex): number {
    return this.words[i * WORDS]!;
  }

  type(i: SymbolIndex): number {
    return this.words[i * WORDS + 1]! & 0xf;
  }

  binding(i: SymbolIndex): number {
    return (this.words[i * WORDS + 1]! >>> 4) & 0xf;
  }

  st_other(i: SymbolIndex): number {
    return (this.words[i * WORDS + 1]! >>> 8) & 0xff;
  }

  /** `st_shndx` as it stands in the file: special values (0xff00 and above) are not translated. */
  rawSection(i: SymbolIndex): number {
    return this.words[i * WORDS + 1]! >>> 16;
  }

  /** The section that the symbol is defined in, or 0 where there is none (undefined, absolute, common, livepatch). */
  sectionOf(i: SymbolIndex): SectionIndex {
    const shndx = this.words[i * WORDS + 1]! >>> 16;
    if (shndx < SHN_LORESERVE) return shndx;
    return shndx === SHN_XINDEX ? this.#extendedIndex(i) : 0;
  }

  valueLow(i: SymbolIndex): number {
    return this.words[i * WORDS + 2]!;
  }

  valueHigh(i: SymbolIndex): number {
    return this.words[i * WORDS + 3]!;
  }

  /** `st_value`; exact below 2^53, which holds for every section offset. */
  value(i: SymbolIndex): number {
    return unsigned64(this.words[i * WORDS + 2]!, this.words[i * WORDS + 3]!);
  }

  address(i: SymbolIndex): bigint {
    return big64(this.words[i * WORDS + 2]!, this.words[i * WORDS + 3]!);
  }

  /**
   * Bytes from the start of the symbol's section: `st_value` itself in a relocatable file, where `ld -r` may leave
   * section addresses that mean nothing; `st_value` less the section's address in a linked one.
   */
  offsetInSection(i: SymbolIndex): number {
    const section = this.#sections[this.sectionOf(i)];
    const low = this.words[i * WORDS + 2]!;
    const high = this.words[i * WORDS + 3]!;
    if (this.#relocatable || section === undefined) return unsigned64(low, high);
    return (high - section.addressHigh) * 0x1_0000_0000 + (low - section.addressLow);
  }

  /** `st_size`, bytes. */
  size(i: SymbolIndex): number {
    return unsigned64(this.words[i * WORDS + 4]!, this.words[i * WORDS + 5]!);
  }

  /** The name; a section symbol without one has its section's. */
  name(i: SymbolIndex): string {
    const at = this.words[i * WORDS]!;
    if (at === 0) {
      if (this.type(i) !== STT_SECTION) return '';
      return this.#sections[this.sectionOf(i)]?.name ?? '';
    }
    return this.strings.at(at);
  }

  /** The first symbol called `name` for which `accept` holds, or -1. */
  find(name: string, accept?: (i: SymbolIndex) => boolean): SymbolIndex {
    const [first, ...more] = this.strings.offsetsOf(name);
    if (first === undefined) return -1;
    const others = more.length > 0 ? new Set(more) : undefined;
    for (let i = 1, w = WORDS; i < this.count; i++, w += WORDS) {
      const at = this.words[w]!;
      if ((at === first || others?.has(at) === true) && (accept === undefined || accept(i))) return i;
    }
    return -1;
  }
}
