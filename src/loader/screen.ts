/**
 * Looking at the module's tables without its memory, for `checkOnly`: what fills them is read straight from the relocations of
 * the file. Whatever is not as the kernel's build leaves it throws `NeedsImage`, and the whole image decides.
 */
import { SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS, SHT_RELA } from '../elf/constants.ts';
import { SHF_RELA_LIVEPATCH } from './kept-sections.ts';
import { R_PPC64_ADDR64 } from './relocation-numbers.ts';
import { type LoadState, NeedsImage } from './state.ts';

/** 32-bit words of one `Elf64_Rela`: r_offset (low, high), type, symbol, r_addend (low, high). */
export const RELA_WORDS = 6;
const RELA_SIZE = 24;
const SYMBOL_SIZE = 24;
const SHN_UNDEF = 0;
const STT_OBJECT = 1;

/** The file's bytes as 32-bit words, and where things lie in them. */
export class Screen {
  readonly state: LoadState;
  readonly words: Uint32Array;
  readonly #symbols: number;
  readonly #symbolCount: number;
  #last = -1;
  /** Of the symbol that `symbol` was asked for last: section, and st_value. */
  section = 0;
  value = 0;

  constructor(state: LoadState) {
    const { bytes, headers, index } = state;
    if (bytes.byteOffset % 4 !== 0) throw new NeedsImage();
    this.state = state;
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
    this.#symbols = this.wordAt(index.symtab);
    this.#symbolCount = Math.floor(headers.size[index.symtab]! / SYMBOL_SIZE);
  }

  /** Number of the first word of a section. */
  wordAt(section: number): number {
    const offset = this.state.headers.offset[section]!;
    if (offset % 4 !== 0) throw new NeedsImage();
    return offset / 4;
  }

  /**
   * The section's relocations: first word, and one past the last; both 0 where it has none. Two tables, or one of a livepatch,
   * need the image.
   */
  relocations(section: number): readonly [first: number, end: number] {
    const { count, type, info, size, flags } = this.state.headers;
    let found = 0;
    for (let i = 1; i < count; i++) {
      if (type[i] !== SHT_RELA || info[i] !== section) continue;
      if (found !== 0 || (flags[i]! & SHF_RELA_LIVEPATCH) !== 0) throw new NeedsImage();
      found = i;
    }
    if (found === 0) return [0, 0];
    const first = this.wordAt(found);
    return [first, first + Math.floor(size[found]! / RELA_SIZE) * RELA_WORDS];
  }

  /** Reads a symbol into `section` and `value`. */
  symbol(index: number): void {
    if (index === this.#last) return;
    if (index >= this.#symbolCount) throw new NeedsImage();
    const at = this.#symbols + index * (SYMBOL_SIZE / 4);
    this.section = this.words[at + 1]! >>> 16;
    if (this.words[at + 3] !== 0 || this.section >= this.state.headers.count) throw new NeedsImage();
    this.value = this.words[at + 2]!;
    this.#last = index;
  }

  get isUndefined(): boolean {
    return this.section === SHN_UNDEF;
  }

  /** Whether a symbol is undefined, without reading it. */
  isImport(index: number): boolean {
    if (index >= this.#symbolCount) throw new NeedsImage();
    return this.words[this.#symbols + index * (SYMBOL_SIZE / 4) + 1]! >>> 16 === SHN_UNDEF;
  }

  /** Whether a symbol has this name, given with the zero that ends it. */
  hasName(index: number, name: Uint8Array): boolean {
    const { bytes, headers, index: sections } = this.state;
    const start = headers.offset[sections.strtab]! + this.words[this.#symbols + index * (SYMBOL_SIZE / 4)]!;
    for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
    return true;
  }

  /**
   * Each of the places, bytes from a section's start and 2^32 times its number, has to be the start of an object of that many bytes.
   *
   * @param size `undefined` for any
   */
  requireObjects(places: Set<number>, size: number | undefined): void {
    for (let i = 1, at = this.#symbols + 6; i < this.#symbolCount && places.size > 0; i++, at += 6) {
      const bits = this.words[at + 1]!;
      if ((bits & 0xf) !== STT_OBJECT || this.words[at + 3] !== 0) continue;
      if (size !== undefined && this.words[at + 4] !== size) continue;
      places.delete((bits >>> 16) * 0x1_0000_0000 + this.words[at + 2]!);
    }
    if (places.size > 0) throw new NeedsImage();
  }

  /** In each of the places (see `requireObjects`), `inner` bytes on, a pointer into the module has to be filled in. */
  requireFilled(places: ReadonlySet<number>, inner: number): void {
    let section = -1;
    let left = places.size;
    for (const place of places) {
      const target = Math.floor(place / 0x1_0000_0000);
      if (section >= 0 && target !== section) throw new NeedsImage();
      section = target;
    }
    if (section < 0) return;
    const [first, end] = this.relocations(section);
    for (let at = first; at < end; at += RELA_WORDS) {
      if (this.words[at + 2] !== R_PPC64_ADDR64) continue;
      if (!places.has(section * 0x1_0000_0000 + this.words[at]! - inner)) continue;
      this.target(at, 0, 1);
      if (!this.isAllocated) throw new NeedsImage();
      left--;
    }
    if (left !== 0) throw new NeedsImage();
  }

  get isCode(): boolean {
    const { flags, type } = this.state.headers;
    const wanted = SHF_ALLOC | SHF_EXECINSTR;
    return (flags[this.section]! & wanted) === wanted && type[this.section] !== SHT_NOBITS;
  }

  get isAllocated(): boolean {
    return (this.state.headers.flags[this.section]! & SHF_ALLOC) !== 0;
  }

  get isWritable(): boolean {
    const wanted = SHF_ALLOC | SHF_WRITE;
    return (this.state.headers.flags[this.section]! & wanted) === wanted;
  }

  /**
   * Where the relocation at word `at` leads, in bytes from the start of `section`: S + A.
   *
   * @param before bytes in front of the target that must be the section's too
   * @param behind the same from the target on
   */
  target(at: number, before: number, behind: number): number {
    this.symbol(this.words[at + 3]!);
    // Addends are signed; only small ones can be right.
    const addend =
      (this.words[at + 4]! | 0) + (this.words[at + 5]! === 0xffff_ffff ? 0 : this.words[at + 5]! * 0x1_0000_0000);
    const offset = this.value + addend;
    if (offset < before || offset + behind > this.state.headers.size[this.section]!) throw new NeedsImage();
    return offset;
  }
}
