/**
 * The reader: an ELF64 little-endian file as views over its own bytes. Nothing is copied; every offset, size, link and
 * name is checked against the file before something is read through it, so what this module returns can be walked
 * without further thought.
 */
import { aligned, requireLittleEndianHost, wordsOf } from '../util/bytes.ts';
import { InputError } from '../util/errors.ts';
import type { SectionIndex } from '../util/indexes.ts';
import {
  EHDR_SIZE,
  ET_REL,
  PHDR_SIZE,
  RELA_SIZE,
  SHDR_SIZE,
  SHT_CREL,
  SHT_DYNSYM,
  SHT_NULL,
  SHT_REL,
  SHT_RELA,
  SHT_RELR,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  SYM_SIZE,
} from './constants.ts';
import { type ElfHeader, readHeader } from './header.ts';
import { Relocations } from './relocations.ts';
import { Section } from './section.ts';
import { StringTable } from './strings.ts';
import { SymbolTable } from './symbols.ts';

const DAMAGED = 'the file is damaged or incomplete: build or copy it again';

export class ElfFile {
  /** The whole file. Read-only by contract: nobody may write through it. */
  readonly bytes: Uint8Array;
  /** The same memory as 32-bit words. */
  readonly words: Uint32Array;
  readonly header: ElfHeader;
  readonly sections: readonly Section[];
  readonly sectionNames: StringTable;
  #symbols: SymbolTable | undefined;
  #symbolsRead = false;
  readonly #relocations = new Map<SectionIndex, Relocations>();

  constructor(bytes: Uint8Array, words: Uint32Array, header: ElfHeader, sections: Section[], names: StringTable) {
    this.bytes = bytes;
    this.words = words;
    this.header = header;
    this.sections = sections;
    this.sectionNames = names;
  }

  get isRelocatable(): boolean {
    return this.header.e_type === ET_REL;
  }

  /** The bytes of a section; empty for one without contents in the file. */
  contents(section: Section): Uint8Array {
    if (!section.hasContents) return new Uint8Array(0);
    return this.bytes.subarray(section.sh_offset, section.sh_offset + section.sh_size);
  }

  /**
   * The 32-bit words of a section (code, tables of words), up to three bytes at its end left out.
   *
   * @throws InputError ELF024 where it does not start on a 4-byte boundary of the file
   */
  sectionWords(section: Section): Uint32Array {
    if (!section.hasContents) return new Uint32Array(0);
    if (section.sh_offset % 4 !== 0) throw misaligned(section, 4);
    const first = section.sh_offset / 4;
    return this.words.subarray(first, first + (section.sh_size >>> 2));
  }

  /** The first section called `name`, if there is one. */
  sectionNamed(name: string): Section | undefined {
    const text = new TextEncoder().encode(name);
    return this.sections.find(s => s.index > 0 && s.isNamed(text));
  }

  /**
   * The symbol table (`.symtab`), if there is one.
   *
   * @throws InputError ELF014 to ELF017
   */
  get symbols(): SymbolTable | undefined {
    if (!this.#symbolsRead) {
      const section = this.sections.find(s => s.sh_type === SHT_SYMTAB);
      if (section !== undefined) this.#symbols = readSymbols(this, section);
      this.#symbolsRead = true;
    }
    return this.#symbols;
  }

  /**
   * The entries of an SHT_RELA section.
   *
   * @throws InputError ELF014, ELF015, ELF018, ELF019, ELF024
   */
  relocations(section: Section): Relocations {
    let relocations = this.#relocations.get(section.index);
    if (relocations === undefined) {
      relocations = readRelocations(this, section);
      this.#relocations.set(section.index, relocations);
    }
    return relocations;
  }

  /** The SHT_RELA sections of a relocatable file that patch `target`, in file order. */
  relocationSectionsFor(target: SectionIndex): Section[] {
    return this.sections.filter(s => s.sh_type === SHT_RELA && s.sh_info === target);
  }
}

function misaligned(section: Section, alignment: number): InputError {
  return new InputError({
    code: 'ELF024',
    message: 'a section of words does not start on a word boundary of the file',
    section: section.name,
    expected: `a multiple of ${alignment}`,
    found: `0x${section.sh_offset.toString(16)}`,
    remedy: DAMAGED,
  });
}

function badLink(section: Section, field: string, expected: string, found: number): InputError {
  return new InputError({
    code: 'ELF014',
    message: `${field} of the section leads nowhere`,
    section: section.name,
    expected,
    found: `${found}`,
    remedy: DAMAGED,
  });
}

function tableWords(elf: ElfFile, section: Section, entry: number): Uint32Array {
  if (section.sh_entsize !== entry || section.sh_size % entry !== 0)
    throw new InputError({
      code: 'ELF015',
      message: 'a table is not made of whole entries',
      section: section.name,
      expected: `entries of ${entry} bytes`,
      found: `sh_entsize ${section.sh_entsize}, size ${section.sh_size}`,
      remedy: DAMAGED,
    });
  if (section.hasContents && section.sh_offset % 8 !== 0) throw misaligned(section, 8);
  return elf.sectionWords(section);
}

function stringTable(elf: ElfFile, user: Section): StringTable {
  const section = elf.sections[user.sh_link];
  if (section === undefined || section.sh_type !== SHT_STRTAB)
    throw badLink(user, 'sh_link', 'the index of a string table', user.sh_link);
  return new StringTable(elf.contents(section));
}

function readSymbols(elf: ElfFile, section: Section): SymbolTable {
  const words = tableWords(elf, section, SYM_SIZE);
  const strings = stringTable(elf, section);
  const extended = elf.sections.find(s => s.sh_type === SHT_SYMTAB_SHNDX && s.sh_link === section.index);
  if (section.sh_info > section.sh_size / SYM_SIZE)
    throw badLink(section, 'sh_info', 'at most the number of symbols', section.sh_info);
  return new SymbolTable(
    section,
    words,
    strings,
    extended === undefined ? undefined : elf.sectionWords(extended),
    elf.sections,
    elf.isRelocatable,
  );
}

function readRelocations(elf: ElfFile, section: Section): Relocations {
  const words = tableWords(elf, section, RELA_SIZE);
  const symbols = elf.sections[section.sh_link];
  // Whoever follows a relocation of an object looks its symbol up in the one symbol table that an object has.
  const linked = elf.isRelocatable ? symbols !== undefined && symbols === elf.symbols?.section : isSymbolTable(symbols);
  // A statically linked image may have dynamic relocations without a dynamic symbol table.
  if (!linked && (elf.isRelocatable || section.sh_link !== 0))
    throw badLink(section, 'sh_link', 'the index of a symbol table', section.sh_link);
  const symbolCount = linked ? Math.floor(symbols!.sh_size / SYM_SIZE) : 1;
  if (!elf.isRelocatable) return new Relocations(section, words, symbolCount, Number.POSITIVE_INFINITY);
  const target = elf.sections[section.sh_info];
  if (target === undefined || target.sh_type === SHT_NULL)
    throw badLink(section, 'sh_info', 'the index of the section that is relocated', section.sh_info);
  return new Relocations(section, words, symbolCount, target.sh_size);
}

function isSymbolTable(section: Section | undefined): boolean {
  return section?.sh_type === SHT_SYMTAB || section?.sh_type === SHT_DYNSYM;
}

function checkInFile(section: Section, size: number): void {
  if (!section.hasContents || section.sh_offset + section.sh_size <= size) return;
  throw new InputError({
    code: 'ELF011',
    message: `section ${section.index} does not lie in the file`,
    expected: `its end at 0x${size.toString(16)} or before`,
    found: `0x${section.sh_offset.toString(16)} to 0x${(section.sh_offset + section.sh_size).toString(16)}`,
    remedy: DAMAGED,
  });
}

function checkSection(section: Section, size: number, names: StringTable): void {
  checkInFile(section, size);
  if (section.sh_name >= names.limit) names.at(section.sh_name);
  const alignment = section.sh_addralign;
  if (alignment > 0x8000_0000 || (alignment & (alignment - 1)) !== 0) throw badAlignment(section);
  if (section.sh_type === SHT_REL)
    throw new InputError({
      code: 'ELF023',
      message: 'a section holds relocations without addends',
      section: section.name,
      expected: 'SHT_RELA, the only kind that PowerPC64 has',
      found: 'SHT_REL',
      remedy: DAMAGED,
    });
  if (section.sh_type === SHT_CREL || section.sh_type === SHT_RELR)
    throw new InputError({
      code: 'ELF090',
      message: 'a section holds packed relocations, which tocsin does not read and kernels pass over in modules',
      section: section.name,
      expected: 'SHT_RELA',
      found: section.sh_type === SHT_CREL ? 'SHT_CREL' : 'SHT_RELR',
      remedy: 'build it without -Wa,--crel or --pack-dyn-relocs=relr',
    });
}

function badAlignment(section: Section): InputError {
  return new InputError({
    code: 'ELF025',
    message: 'a section asks for an alignment that is not a power of two',
    section: section.name,
    expected: 'a power of two up to 0x80000000',
    found: `0x${section.sh_addralign.toString(16)}`,
    remedy: DAMAGED,
  });
}

/** Index 0 means "no section" wherever a section is named, so it must not be one. */
function sectionZero(section: Section): InputError {
  return new InputError({
    code: 'ELF032',
    message: 'the first section is not the empty one',
    expected: 'SHT_NULL (0)',
    found: `sh_type ${section.sh_type}`,
    remedy: DAMAGED,
  });
}

/** Ranges of the file that somebody owns, sorted by where they start. Kept between files so that nothing is allocated. */
let starts = new Float64Array(256);
let ends = new Float64Array(256);
let owners = new Int32Array(256);

/** Puts a range into its place among the first `count`; callers come nearly in order, so few ranges move. */
function insertRange(count: number, start: number, end: number, owner: number): void {
  let at = count;
  for (; at > 0 && starts[at - 1]! > start; at--) {
    starts[at] = starts[at - 1]!;
    ends[at] = ends[at - 1]!;
    owners[at] = owners[at - 1]!;
  }
  starts[at] = start;
  ends[at] = end;
  owners[at] = owner;
}

/** So many sections in the worst order would take seconds to put in order one by one. */
const MANY = 1024;

/** Throws ELF012 where two parts of the file (headers, section contents) claim the same bytes. */
function checkOverlaps(header: ElfHeader, sections: readonly Section[]): void {
  if (starts.length < sections.length + 3) {
    starts = new Float64Array(sections.length * 2);
    ends = new Float64Array(sections.length * 2);
    owners = new Int32Array(sections.length * 2);
  }
  let count = 0;
  insertRange(count++, 0, EHDR_SIZE, OWNER_HEADER);
  if (header.e_phnum > 0)
    insertRange(count++, header.e_phoff, header.e_phoff + header.e_phnum * PHDR_SIZE, OWNER_SEGMENTS);
  const insert = (s: Section) => insertRange(count++, s.sh_offset, s.sh_offset + s.sh_size, s.index);
  if (sections.length > MANY) {
    for (const s of [...sections].sort((a, b) => a.sh_offset - b.sh_offset)) if (s.hasContents) insert(s);
  } else {
    // `ld -r` puts all relocations behind all else, so each of these two walks goes up through the file.
    for (const s of sections) if (s.sh_type !== SHT_RELA && s.hasContents) insert(s);
    for (const s of sections) if (s.sh_type === SHT_RELA && s.hasContents) insert(s);
  }
  insertRange(count++, header.e_shoff, header.e_shoff + header.shnum * SHDR_SIZE, OWNER_SECTIONS);
  for (let k = 1; k < count; k++)
    if (starts[k]! < ends[k - 1]!) throw overlap(owners[k - 1]!, owners[k]!, starts[k]!, ends[k - 1]!);
}

const OWNER_HEADER = -1;
const OWNER_SECTIONS = -2;
const OWNER_SEGMENTS = -3;

function overlap(first: number, second: number, start: number, end: number): InputError {
  const title = (owner: number) =>
    owner >= 0
      ? `section ${owner}`
      : (['the ELF header', 'the section header table', 'the program header table'] as const)[-1 - owner]!;
  return new InputError({
    code: 'ELF012',
    message: `${title(first)} and ${title(second)} claim the same bytes`,
    offset: start,
    expected: 'tables that do not overlap',
    found: `0x${(end - start).toString(16)} bytes in common`,
    remedy: DAMAGED,
  });
}

/**
 * Reads an ELF object or image of ppc64le.
 *
 * @param file the whole file; copied once if it does not start on an 8-byte boundary, else used as it is
 * @returns views over those bytes; symbols and relocations are checked when they are first asked for
 * @throws InputError ELF001 to ELF014, ELF023, ELF025, ELF032, ELF090, ELF091
 */
export function readElf(file: Uint8Array): ElfFile {
  requireLittleEndianHost();
  const bytes = aligned(file);
  const words = wordsOf(bytes);
  const header = readHeader(bytes, words);
  const names = sectionNameTable(bytes, words, header);
  const sections = new Array<Section>(header.shnum);
  for (let i = 0, at = header.e_shoff / 4; i < header.shnum; i++, at += SHDR_SIZE / 4) {
    const section = new Section(words, at, i, names);
    sections[i] = section;
    checkSection(section, bytes.length, names);
  }
  if (sections.length > 0 && sections[0]!.sh_type !== SHT_NULL) throw sectionZero(sections[0]!);
  checkOverlaps(header, sections);
  return new ElfFile(bytes, words, header, sections, names);
}

function sectionNameTable(bytes: Uint8Array, words: Uint32Array, header: ElfHeader): StringTable {
  if (header.shnum === 0) return new StringTable(new Uint8Array(0));
  const table =
    header.shstrndx < header.shnum
      ? new Section(words, (header.e_shoff + header.shstrndx * SHDR_SIZE) / 4, header.shstrndx, undefined)
      : undefined;
  if (table === undefined || table.sh_type !== SHT_STRTAB)
    throw new InputError({
      code: 'ELF014',
      message: 'e_shstrndx does not lead to the section names',
      expected: 'the index of a string table',
      found: `${header.shstrndx}`,
      remedy: DAMAGED,
    });
  checkInFile(table, bytes.length);
  return new StringTable(bytes.subarray(table.sh_offset, table.sh_offset + table.sh_size));
}
