/**
 * The new contents of every section that a change reaches, directly or because indices moved: names, symbols,
 * relocations, groups. Sections that nothing reaches do not appear here.
 */
import { wordsOf } from '../util/bytes.ts';
import { InputError } from '../util/errors.ts';
import type { SectionIndex } from '../util/indexes.ts';
import {
  RELA_SIZE,
  SHF_INFO_LINK,
  SHN_LORESERVE,
  SHN_XINDEX,
  SHT_GROUP,
  SHT_RELA,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  STB_LOCAL,
  SYM_SIZE,
} from './constants.ts';
import { type ElfEditor, type NewSection, type NewSymbol, putWord } from './editor.ts';
import { type IndexMap, mapSections, mapSymbols } from './index-map.ts';
import { copyContents, type Rebuilt, wholeOf } from './rebuilt.ts';
import type { Section } from './section.ts';
import type { SymbolTable } from './symbols.ts';

/** A string table's additions: the offset that each name gets, and the bytes to append. */
function appendNames(end: number, names: readonly string[]): { offsets: number[]; bytes: Uint8Array } {
  let at = end;
  const offsets = names.map(name => {
    const offset = at;
    at += Buffer.byteLength(name) + 1;
    return offset;
  });
  return { offsets, bytes: Buffer.from(names.map(name => `${name}\0`).join('')) };
}

/** A section as the caller's own edits left it. */
function ownEdits(editor: ElfEditor, section: Section): Rebuilt {
  const edit = editor.edits.get(section.index);
  if (edit === undefined) return wholeOf(editor.elf.contents(section), section.sh_offset, true);
  const { removed, appended } = edit;
  const base =
    removed.length > 0 && edit.offsets.length > 0
      ? editor.writable(section.index)
      : (edit.contents ?? editor.elf.contents(section));
  const kept: number[] = [];
  let at = 0;
  for (let i = 0; i < removed.length; i += 2) {
    if (removed[i]! > at) kept.push(at, removed[i]!);
    at = removed[i + 1]!;
  }
  if (base.length > at) kept.push(at, base.length);
  let size = edit.appendedSize;
  for (let k = 0; k < kept.length; k += 2) size += kept[k + 1]! - kept[k]!;
  const exact = edit.contents === undefined && edit.offsets.length === 0;
  return { size, base, from: section.sh_offset, kept, offsets: edit.offsets, words: edit.words, appended, exact };
}

function withAppended(base: Rebuilt, bytes: Uint8Array): Rebuilt {
  if (bytes.length === 0) return base;
  return { ...base, size: base.size + bytes.length, appended: [...base.appended, bytes] };
}

/** All of it as one piece. */
function bytesOf(contents: Rebuilt): Uint8Array {
  const bytes = new Uint8Array(contents.size);
  copyContents(contents, bytes, 0);
  return bytes;
}

/** Elf64_Sym of a new symbol and, where its section's index does not fit, the word of the extended table. */
function encodeSymbol(symbol: NewSymbol, st_name: number, shndx: number): Uint8Array {
  const bytes = new Uint8Array(SYM_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, st_name, true);
  view.setUint8(4, (symbol.binding << 4) | symbol.type);
  view.setUint8(5, symbol.st_other);
  view.setUint16(6, shndx, true);
  view.setBigUint64(8, BigInt(symbol.st_value), true);
  view.setBigUint64(16, BigInt(symbol.st_size), true);
  return bytes;
}

interface NewSymbolBytes {
  readonly entries: Uint8Array[];
  readonly extended: Uint32Array;
}

function encodeNewSymbols(
  editor: ElfEditor,
  names: readonly number[],
  sections: IndexMap,
  table: boolean,
): NewSymbolBytes {
  const extended = new Uint32Array(editor.newSymbols.length);
  const entries = editor.newSymbols.map((symbol, i) => {
    const special =
      symbol.st_shndx >= SHN_LORESERVE && symbol.st_shndx <= SHN_XINDEX && editor.elf.sections.length < SHN_LORESERVE;
    const index = special ? symbol.st_shndx : sections.map(symbol.st_shndx);
    if (special || index < SHN_LORESERVE) return encodeSymbol(symbol, names[i]!, index);
    if (!table)
      throw new InputError({
        code: 'ELF026',
        message: 'no room for a symbol in a section with so high a number',
        expected: 'a section index table (SHT_SYMTAB_SHNDX) in the file',
        found: `section ${index} and no such table`,
        remedy: 'link the object with fewer sections',
      });
    extended[i] = index;
    return encodeSymbol(symbol, names[i]!, SHN_XINDEX);
  });
  return { entries, extended };
}

/** The symbol table and its extended indices after sections or symbols have moved: every entry placed anew. */
function reorderSymbols(
  base: Uint8Array,
  symbols: SymbolTable,
  fresh: NewSymbolBytes,
  symbolMap: IndexMap,
  sectionMap: IndexMap,
): { table: Uint8Array; extended: Uint32Array } {
  const table = new Uint8Array(symbolMap.count * SYM_SIZE);
  const extended = new Uint32Array(symbolMap.count);
  const view = new DataView(table.buffer);
  for (let i = 0; i < symbols.count; i++) {
    const to = symbolMap.map(i);
    if (to < 0) continue;
    table.set(base.subarray(i * SYM_SIZE, (i + 1) * SYM_SIZE), to * SYM_SIZE);
    const raw = symbols.rawSection(i);
    if (raw >= SHN_LORESERVE && raw !== SHN_XINDEX) continue;
    const section = sectionMap.map(symbols.sectionOf(i));
    if (section >= SHN_LORESERVE) extended[to] = section;
    view.setUint16(to * SYM_SIZE + 6, section < SHN_LORESERVE ? section : SHN_XINDEX, true);
  }
  fresh.entries.forEach((entry, i) => {
    const to = symbolMap.map(symbols.count + i);
    table.set(entry, to * SYM_SIZE);
    extended[to] = fresh.extended[i]!;
  });
  return { table, extended };
}

/** Relocations with the symbols' new numbers. @throws InputError ELF028 where a dropped symbol is still needed */
function renumberRelocations(section: Section, old: Rebuilt, symbols: IndexMap): Rebuilt {
  const renumber = (bytes: Uint8Array, start: number, end: number) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = start; at < end; at += RELA_SIZE) {
      const was = view.getUint32(at + 12, true);
      const to = symbols.map(was);
      if (to < 0) throw stillNeeded(section, `symbol ${was}`);
      view.setUint32(at + 12, to, true);
    }
    return bytes;
  };
  const base = old.base.slice();
  for (let i = 0; i < old.offsets.length; i++) putWord(base, old.offsets[i]!, old.words[i]!);
  for (let k = 0; k < old.kept.length; k += 2) renumber(base, old.kept[k]!, old.kept[k + 1]!);
  const appended = old.appended.map(piece => renumber(piece.slice(), 0, piece.length));
  return { ...old, base, offsets: [], words: [], appended, exact: false };
}

function renumberGroup(section: Section, old: Rebuilt, sections: IndexMap): Rebuilt {
  const words = wordsOf(bytesOf(old));
  if (words.length === 0) return old;
  const kept = [words[0]!];
  for (const member of words.subarray(1)) if (sections.map(member) >= 0) kept.push(sections.map(member));
  return wholeOf(new Uint8Array(new Uint32Array(kept).buffer), section.sh_offset, false);
}

function stillNeeded(section: Section, what: string): InputError {
  return new InputError({
    code: 'ELF028',
    message: `${what} goes with a dropped section and is still needed`,
    section: section.name,
    remedy: 'drop what refers to it as well',
  });
}

function noSectionNames(): InputError {
  return new InputError({
    code: 'ELF026',
    message: 'no room for a section in a file without any',
    expected: 'a table of section names',
    found: 'no sections',
    remedy: 'give an object with its sections',
  });
}

export interface RebuiltSections {
  readonly sectionIndex: IndexMap;
  readonly contents: ReadonlyMap<SectionIndex, Rebuilt>;
  /** sh_name of each new section. */
  readonly newNames: readonly number[];
  link(section: Section): number;
  info(section: Section): number;
  newLink(section: NewSection): number;
  newInfo(section: NewSection): number;
}

/** @throws InputError ELF026, ELF028 */
export function rebuildSections(editor: ElfEditor): RebuiltSections {
  const { elf } = editor;
  const symbols = elf.symbols;
  const sectionMap = mapSections(editor);
  const symbolMap = mapSymbols(editor, symbols);
  const contents = new Map<SectionIndex, Rebuilt>();
  for (const index of editor.edits.keys()) {
    if (!editor.droppedSections.has(index)) contents.set(index, ownEdits(editor, elf.sections[index]!));
  }
  const current = (section: Section) => contents.get(section.index) ?? ownEdits(editor, section);
  const appendStrings = (section: Section, names: readonly string[]): number[] => {
    const base = current(section);
    const { offsets, bytes } = appendNames(base.size, names);
    if (names.length > 0) contents.set(section.index, withAppended(base, bytes));
    return offsets;
  };

  const sectionNames = elf.sections[elf.header.shstrndx];
  if (sectionNames !== undefined && editor.droppedSections.has(sectionNames.index))
    throw stillNeeded(sectionNames, 'the table of section names');
  if (sectionNames === undefined && editor.newSections.length > 0) throw noSectionNames();
  const addedNames = editor.newSections.map(s => s.name);
  const newNames = sectionNames === undefined ? [] : appendStrings(sectionNames, addedNames);
  if (symbols !== undefined && (editor.newSymbols.length > 0 || !symbolMap.isIdentity || !sectionMap.isIdentity)) {
    const strings = appendStrings(
      elf.sections[symbols.section.sh_link]!,
      editor.newSymbols.map(s => s.name),
    );
    const extendedSection = elf.sections.find(
      s => s.sh_type === SHT_SYMTAB_SHNDX && s.sh_link === symbols.section.index,
    );
    const fresh = encodeNewSymbols(editor, strings, sectionMap, extendedSection !== undefined);
    rebuildSymbolTable(editor, symbols, extendedSection, fresh, symbolMap, sectionMap, contents);
  }
  for (const section of elf.sections) {
    if (editor.droppedSections.has(section.index)) continue;
    if (
      section.sh_type === SHT_RELA &&
      !symbolMap.isIdentity &&
      elf.sections[section.sh_link]?.sh_type === SHT_SYMTAB
    ) {
      elf.relocations(section); // Reading checks that they are whole.
      contents.set(section.index, renumberRelocations(section, current(section), symbolMap));
    }
    if (section.sh_type === SHT_GROUP && !sectionMap.isIdentity)
      contents.set(section.index, renumberGroup(section, current(section), sectionMap));
  }
  const mapped = (section: Section, index: number, map: IndexMap) => {
    const to = map.map(index);
    if (to < 0) throw stillNeeded(section, `index ${index}`);
    return to;
  };
  const firstGlobal = () => {
    let locals = symbolMap.isIdentity ? symbols!.section.sh_info : 0;
    if (!symbolMap.isIdentity) for (let i = 0; i < symbols!.section.sh_info; i++) if (symbolMap.map(i) >= 0) locals++;
    return locals + editor.newSymbols.filter(s => s.binding === STB_LOCAL).length;
  };
  return {
    sectionIndex: sectionMap,
    contents,
    newNames,
    link: s => mapped(s, s.sh_link, sectionMap),
    info: s => {
      if (s === symbols?.section) return firstGlobal();
      if (s.sh_type === SHT_GROUP) return mapped(s, s.sh_info, symbolMap);
      const isIndex = (s.sh_type === SHT_RELA && elf.isRelocatable) || (s.sh_flags & SHF_INFO_LINK) !== 0;
      return isIndex ? mapped(s, s.sh_info, sectionMap) : s.sh_info;
    },
    newLink: s => sectionMap.map(s.sh_link),
    newInfo: s => (s.sh_type === SHT_RELA ? sectionMap.map(s.sh_info) : s.sh_info),
  };
}

function rebuildSymbolTable(
  editor: ElfEditor,
  symbols: SymbolTable,
  extendedSection: Section | undefined,
  fresh: NewSymbolBytes,
  symbolMap: IndexMap,
  sectionMap: IndexMap,
  contents: Map<SectionIndex, Rebuilt>,
): void {
  const base = contents.get(symbols.section.index) ?? ownEdits(editor, symbols.section);
  if (symbolMap.isIdentity && sectionMap.isIdentity) {
    contents.set(symbols.section.index, withAppended(base, concatenate(fresh.entries)));
    if (extendedSection !== undefined) {
      const extra = new Uint8Array(fresh.extended.buffer);
      contents.set(extendedSection.index, withAppended(ownEdits(editor, extendedSection), extra));
    }
    return;
  }
  const { table, extended } = reorderSymbols(bytesOf(base), symbols, fresh, symbolMap, sectionMap);
  const single = (section: Section, bytes: Uint8Array) =>
    contents.set(section.index, wholeOf(bytes, section.sh_offset, false));
  single(symbols.section, table);
  if (extendedSection !== undefined) single(extendedSection, new Uint8Array(extended.buffer));
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
