/**
 * Changes to an ELF file, collected first and laid out afterwards.
 *
 * The editor never touches its input. Each change is noted against the coordinates of the input (section indices and
 * offsets as they were), so the order in which callers ask for changes does not matter; `layOut` (layout.ts) then
 * writes the new file in one go. What nobody asked to change keeps its bytes, and, until something before it in the file
 * changes its size, its place.
 */
import type { SectionIndex, SectionOffset, SymbolIndex } from '../util/indexes.ts';
import { PHDR_SIZE, RELA_SIZE, SHT_NOBITS, STB_LOCAL } from './constants.ts';
import type { ElfFile } from './read.ts';
import type { Section } from './section.ts';

/** What has been asked for one section of the input. */
export interface SectionEdit {
  /** The section's contents as somebody changed them, as long as in the input; absent while nobody asked for them. */
  contents: Uint8Array | undefined;
  /** Changed words, where `contents` is absent: offsets (ascending) and what is to stand there. */
  readonly offsets: number[];
  readonly words: number[];
  /** Removed ranges, [start, end) pairs in bytes of the input's section, ascending, apart. */
  readonly removed: number[];
  readonly appended: Uint8Array[];
  appendedSize: number;
}

export interface NewSection {
  readonly name: string;
  readonly sh_type: number;
  readonly sh_flags: number;
  readonly sh_link: SectionIndex;
  readonly sh_info: number;
  readonly sh_addralign: number;
  readonly sh_entsize: number;
  readonly contents: Uint8Array;
  /** Bytes, of a section without contents in the file (SHT_NOBITS). */
  readonly size?: number;
  /** Of a section of a linked image: where it lies in memory, and in a gap between the input's sections. */
  readonly placed?: {
    readonly sh_addr: bigint;
    readonly sh_offset: number;
    /** There is nothing in the file for it yet, at the end of what a segment covers: what lies behind moves. */
    readonly isInserted?: boolean;
  };
  /**
   * The section of the input that its header stands in front of: loaders place sections in the order of their headers. Absent: behind
   * all. Its contents stand behind everything in any case.
   */
  readonly before?: SectionIndex;
}

/** Bytes for a gap between the sections of a linked image: `offset` counts from the start of the input file. */
export interface GapFill {
  readonly offset: number;
  /** Whole 32-bit words. */
  readonly bytes: Uint8Array;
}

export interface NewSymbol {
  readonly name: string;
  readonly binding: number;
  readonly type: number;
  readonly st_other: number;
  /** Index in the input, the index that `addSection` gave, or a special value. */
  readonly st_shndx: number;
  /** An address, in linked images, needs more than a number holds. */
  readonly st_value: number | bigint;
  readonly st_size: number;
}

export class ElfEditor {
  readonly elf: ElfFile;
  readonly edits = new Map<SectionIndex, SectionEdit>();
  readonly newSections: NewSection[] = [];
  readonly newSymbols: NewSymbol[] = [];
  readonly droppedSections = new Set<SectionIndex>();
  /** New `sh_addralign` and, of sections without contents in the file, new `sh_size`. */
  readonly alignments = new Map<SectionIndex, number>();
  readonly sizes = new Map<SectionIndex, number>();
  /** What is written between sections that stay where they are. */
  readonly fills: GapFill[] = [];
  /** New bytes between the input's. */
  readonly insertions: GapFill[] = [];
  /** Changed fields of the program headers, by offset in the file. */
  readonly segmentFields: GapFill[] = [];
  /** Bytes of the input behind this offset are left out (a signature); the input's size where nothing is. */
  end: number;

  constructor(elf: ElfFile) {
    this.elf = elf;
    this.end = elf.bytes.length;
  }

  #edit(section: SectionIndex): SectionEdit {
    let edit = this.edits.get(section);
    if (edit === undefined) {
      edit = { contents: undefined, offsets: [], words: [], removed: [], appended: [], appendedSize: 0 };
      this.edits.set(section, edit);
    }
    return edit;
  }

  #section(index: SectionIndex): Section {
    const section = this.elf.sections[index];
    if (section === undefined) throw new RangeError(`section ${index} does not exist`);
    return section;
  }

  /** A private copy of the section's contents, as long as in the input, to change words in. */
  writable(index: SectionIndex): Uint8Array {
    const edit = this.#edit(index);
    if (edit.contents === undefined) {
      edit.contents = this.elf.contents(this.#section(index)).slice();
      for (let i = 0; i < edit.offsets.length; i++) putWord(edit.contents, edit.offsets[i]!, edit.words[i]!);
      edit.offsets.length = 0;
      edit.words.length = 0;
    }
    return edit.contents;
  }

  /** Replaces the 32-bit word at `offset` (bytes from the start of the section). */
  setWord(index: SectionIndex, offset: SectionOffset, word: number): void {
    const edit = this.#edit(index);
    const section = this.#section(index);
    if (offset % 4 !== 0 || offset < 0 || offset + 4 > (section.hasContents ? section.sh_size : 0))
      throw new RangeError(`no word at ${offset} of section ${index}`);
    if (edit.contents === undefined && offset > (edit.offsets.at(-1) ?? -1)) {
      edit.offsets.push(offset);
      edit.words.push(word);
    } else putWord(this.writable(index), offset, word);
  }

  /**
   * Takes `length` bytes at `offset` (input coordinates) out of the section. Ranges come in ascending order, and before
   * anything is appended, so that `append` can say where its bytes begin.
   */
  remove(index: SectionIndex, offset: SectionOffset, length: number): void {
    const { removed, appendedSize } = this.#edit(index);
    const last = removed.at(-1) ?? 0;
    if (appendedSize > 0) throw new RangeError(`section ${index} has already been appended to`);
    if (offset < last || offset + length > this.#section(index).sh_size)
      throw new RangeError(`cannot remove ${length} bytes at ${offset} of section ${index}`);
    if (removed.length > 0 && offset === last) removed[removed.length - 1] = offset + length;
    else removed.push(offset, offset + length);
  }

  /** Takes entry `i` out of a relocation section; entries must come in ascending order. */
  removeRelocation(index: SectionIndex, i: number): void {
    this.remove(index, i * RELA_SIZE, RELA_SIZE);
  }

  /** Takes entries out of a relocation section; their numbers ascend. */
  removeRelocations(index: SectionIndex, entries: readonly number[]): void {
    for (let i = 0; i < entries.length; ) {
      const first = i++;
      while (i < entries.length && entries[i] === entries[first]! + i - first) i++;
      this.remove(index, entries[first]! * RELA_SIZE, (i - first) * RELA_SIZE);
    }
  }

  /** Adds bytes at the end of the section and says at which offset of the new section they begin. */
  append(index: SectionIndex, bytes: Uint8Array): SectionOffset {
    const edit = this.#edit(index);
    let removed = 0;
    for (let i = 0; i < edit.removed.length; i += 2) removed += edit.removed[i + 1]! - edit.removed[i]!;
    const at = this.#section(index).sh_size - removed + edit.appendedSize;
    edit.appended.push(bytes);
    edit.appendedSize += bytes.length;
    return at;
  }

  appendRelocation(index: SectionIndex, r_offset: number, symbol: SymbolIndex, type: number, addend: number): void {
    this.append(index, encodeRelocation(r_offset, symbol, type, addend));
  }

  /**
   * Lets a section of a linked image grow into the gap behind it: nothing moves. The bytes are whole 32-bit words; `layOut`
   * throws where the gap is too short.
   */
  extend(index: SectionIndex, bytes: Uint8Array): void {
    const section = this.#section(index);
    this.fills.push({ offset: section.sh_offset + section.sh_size, bytes });
    this.sizes.set(index, section.sh_size + bytes.length);
  }

  /** Adds a section and gives its index (in input coordinates: behind all others, and dropped sections still count). */
  addSection(section: NewSection): SectionIndex {
    this.newSections.push(section);
    const { placed, contents } = section;
    if (placed?.isInserted === true) this.#insert(placed, contents);
    else if (placed !== undefined) this.fills.push({ offset: placed.sh_offset, bytes: contents });
    return this.elf.sections.length + this.newSections.length - 1;
  }

  /** The segment whose bytes in the file end there gets more of them. */
  #insert({ sh_addr, sh_offset }: { readonly sh_addr: bigint; readonly sh_offset: number }, bytes: Uint8Array): void {
    const { header, bytes: file } = this.elf;
    const view = new DataView(file.buffer, file.byteOffset, file.length);
    for (let i = 0; i < header.e_phnum; i++) {
      const at = header.e_phoff + i * PHDR_SIZE;
      const [offset, size] = [view.getBigUint64(at + 8, true), view.getBigUint64(at + 32, true)];
      if (view.getBigUint64(at + 16, true) + size !== sh_addr || Number(offset + size) !== sh_offset) continue;
      const field = new Uint8Array(8);
      new DataView(field.buffer).setBigUint64(0, size + BigInt(bytes.length), true);
      this.insertions.push({ offset: sh_offset, bytes });
      this.segmentFields.push({ offset: at + 32, bytes: field });
      return;
    }
    throw new RangeError(`no segment ends at ${sh_offset} of the file`);
  }

  /**
   * Adds a symbol and gives its index as relocations of this editor may use it. A global symbol goes to the end of the
   * table; a local one in front of the first global, and every index behind it moves up when the file is laid out.
   */
  addSymbol(symbol: NewSymbol): SymbolIndex {
    this.newSymbols.push(symbol);
    return (this.elf.symbols?.count ?? 0) + this.newSymbols.length - 1;
  }

  /** Aligns a section more strictly: `alignment` bytes, a power of two. */
  raiseAlignment(index: SectionIndex, alignment: number): void {
    this.alignments.set(index, Math.max(alignment, this.#section(index).sh_addralign));
  }

  /** Gives a section without contents in the file (SHT_NOBITS) another size, bytes. */
  resize(index: SectionIndex, size: number): void {
    if (this.#section(index).sh_type !== SHT_NOBITS) throw new RangeError(`section ${index} has contents in the file`);
    this.sizes.set(index, size);
  }

  /**
   * Leaves a section out, together with the symbols that it defines. Sections behind it move down, and every index
   * follows. `layOut` throws where something that stays still needs it.
   */
  dropSection(index: SectionIndex): void {
    this.#section(index);
    this.droppedSections.add(index);
  }

  get addsLocalSymbols(): boolean {
    return this.newSymbols.some(s => s.binding === STB_LOCAL);
  }
}

export function putWord(bytes: Uint8Array, offset: number, word: number): void {
  bytes[offset] = word;
  bytes[offset + 1] = word >>> 8;
  bytes[offset + 2] = word >>> 16;
  bytes[offset + 3] = word >>> 24;
}

/** The 24 bytes of one Elf64_Rela. */
export function encodeRelocation(r_offset: number, symbol: SymbolIndex, type: number, addend: number): Uint8Array {
  const bytes = new Uint8Array(RELA_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, r_offset, true);
  view.setUint32(4, Math.floor(r_offset / 0x1_0000_0000), true);
  view.setUint32(8, type, true);
  view.setUint32(12, symbol, true);
  view.setBigInt64(16, BigInt(addend), true);
  return bytes;
}
