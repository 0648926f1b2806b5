/**
 * Counting a module as `ld -r` leaves one, straight from the words of the file.
 *
 * `summarize` walks the same structures that everything else uses; for a tree of thousands of modules most of its time goes
 * into making them, and into code that V8 has not optimised yet. This module does the same in a few small loops over one
 * `Uint32Array` and makes nothing. It only answers for files that are laid out in the usual way and in which every
 * check holds; for any other file, damaged ones included, it answers `undefined`, and the general way decides or
 * complains. Tests hold the two together on stock modules, on made objects and on damaged ones.
 */
import {
  EHDR_SIZE,
  EM_PPC64,
  ET_REL,
  RELA_SIZE,
  SHDR_SIZE,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHN_LIVEPATCH,
  SHN_LORESERVE,
  SHT_NOBITS,
  SHT_NULL,
  SHT_REL,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  STT_FUNC,
  STT_GNU_IFUNC,
  SYM_SIZE,
} from '../elf/constants.ts';
import type { ObjectKind } from '../kernel/kind.ts';
import { RECORD_SIZE } from '../kernel/tracer-tables.ts';
import { GLOBAL, LOCAL, partMark, RECORD } from './code-map.ts';
import { callForm, isNop, type Profiling } from './forms.ts';
import type { ScanSummary } from './scan.ts';
import { BLOCK, candidates, collectBranches, isIndirect } from './walk.ts';

const SHDR_WORDS = SHDR_SIZE / 4;
const SYM_WORDS = SYM_SIZE / 4;
const RELA_WORDS = RELA_SIZE / 4;
const MOST_SECTIONS = 4096;

const R_PPC64_REL24 = 10;
const R_PPC64_ADDR64 = 38;
/** Branch relocations besides REL24 are left to the general way: REL14 and its kin, REL24_NOTOC, REL24_P9NOTOC. */
const isOtherBranch = (type: number) => (type >= 11 && type <= 13) || type === 116 || type === 124;

const ascii = (text: string) => new TextEncoder().encode(`${text}\0`);
const MCOUNT = ascii('_mcount');
const MCOUNT_LOC = ascii('__mcount_loc');
const PATCHABLE = ascii('__patchable_function_entries');
const THIS_MODULE = ascii('.gnu.linkonce.this_module');

/** Number of the first word of each code section, by section index; -1 for others. */
const base = new Int32Array(MOST_SECTIONS);
const isTracerTable = new Uint8Array(MOST_SECTIONS);
let marks = new Uint8Array(1 << 20);
/** For words with the mark GLOBAL: where the symbol that begins there stands. */
let symbolAt = new Uint32Array(1 << 20);
/** A mark of this module: several functions begin at the word. */
const SHARED = 128;

/** What is known of the file at hand; places are word indices. */
const file = {
  headers: 0,
  sections: 0,
  symbols: 0,
  symbolTable: 0,
  symbolCount: 0,
  strings: 0,
  codeWords: 0,
  profiler: -1,
};
const counts = { functions: 0, sites: 0, recorded: 0, local: 0, external: 0, sibling: 0, indirect: 0, records: 0 };
let kind: ObjectKind = 'object';
let profiling: Profiling = 'none';

function isText(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

/** The ELF header of a relocatable ppc64le file with plain numbering. */
function readHeader(words: Uint32Array, size: number): boolean {
  if (size < EHDR_SIZE || words[0] !== 0x464c457f || (words[1]! & 0xffffff) !== 0x010102 || words[5] !== 1)
    return false;
  if (words[4] !== (EM_PPC64 << 16) + ET_REL || (words[12]! & 1) !== 0) return false;
  if ((words[13]! & 0xffff) !== EHDR_SIZE || words[14]! !== SHDR_SIZE << 16) return false;
  const count = words[15]! & 0xffff;
  const names = words[15]! >>> 16;
  const at = words[10]!;
  if (count === 0 || count > MOST_SECTIONS || names === 0 || names >= count || words[11] !== 0) return false;
  if (at % 8 !== 0 || at < EHDR_SIZE || at + count * SHDR_SIZE > size) return false;
  file.headers = at / 4;
  file.sections = count;
  return true;
}

/**
 * Every section header, and that the parts of the file follow one another: all sections but relocations, then those, then
 * the section names, then the headers.
 */
function readSections(words: Uint32Array, bytes: Uint8Array): boolean {
  const { headers, sections } = file;
  const names = words[15]! >>> 16;
  const namesHeader = headers + names * SHDR_WORDS;
  const namesAt = words[namesHeader + 6]!;
  const namesSize = words[namesHeader + 8]!;
  if (words[namesHeader + 1] !== SHT_STRTAB || namesSize === 0 || words[headers + 1] !== SHT_NULL) return false;
  if (namesAt + namesSize > headers * 4 || bytes[namesAt + namesSize - 1] !== 0) return false;
  let end = EHDR_SIZE;
  let relocationsStart = namesAt;
  let relocationsEnd = 0;
  let symbolHeader = -1;
  file.codeWords = 0;
  kind = 'object';
  for (let i = 0, h = headers; i < sections; i++, h += SHDR_WORDS) {
    base[i] = -1;
    isTracerTable[i] = 0;
    const type = words[h + 1]!;
    const at = words[h + 6]!;
    const size = words[h + 8]!;
    const alignment = words[h + 12]!;
    if (words[h]! >= namesSize || (alignment & (alignment - 1)) !== 0 || words[h + 13] !== 0) return false;
    if (type === SHT_REL || type === SHT_SYMTAB_SHNDX) return false;
    if (i > 0) readName(bytes, namesAt + words[h]!, i);
    if (type === SHT_NOBITS || type === SHT_NULL) continue;
    if ((words[h + 7]! | words[h + 9]!) !== 0) return false;
    if (size > 0) {
      if (type === SHT_RELA) {
        if (relocationsEnd === 0) relocationsStart = at;
        if (at < relocationsEnd) return false;
        relocationsEnd = at + size;
      } else if (i !== names) {
        if (at < end) return false;
        end = at + size;
      }
    }
    if (type === SHT_SYMTAB) {
      if (symbolHeader >= 0) return false;
      symbolHeader = h;
    }
    if ((words[h + 2]! & (SHF_ALLOC | SHF_EXECINSTR)) === (SHF_ALLOC | SHF_EXECINSTR) && size > 0) {
      if (at % 4 !== 0) return false;
      base[i] = file.codeWords;
      file.codeWords += size >>> 2;
    }
  }
  if (end > relocationsStart || relocationsEnd > namesAt || symbolHeader < 0) return false;
  return readSymbolTable(words, bytes, symbolHeader);
}

function readName(bytes: Uint8Array, at: number, section: number): void {
  const first = bytes[at];
  if (first === 0x5f && bytes[at + 1] === 0x5f) {
    if (isText(bytes, at, MCOUNT_LOC) || isText(bytes, at, PATCHABLE)) isTracerTable[section] = 1;
  } else if (first === 0x2e && bytes[at + 1] === 0x67 && isText(bytes, at, THIS_MODULE)) kind = 'module';
}

function readSymbolTable(words: Uint32Array, bytes: Uint8Array, header: number): boolean {
  const at = words[header + 6]!;
  const size = words[header + 8]!;
  const link = words[header + 10]!;
  if (words[header + 14] !== SYM_SIZE || words[header + 15] !== 0 || size % SYM_SIZE !== 0 || at % 8 !== 0)
    return false;
  if (size === 0 || link >= file.sections || words[header + 11]! > size / SYM_SIZE) return false;
  const strings = file.headers + link * SHDR_WORDS;
  const stringsSize = words[strings + 8]!;
  if (words[strings + 1] !== SHT_STRTAB || stringsSize === 0) return false;
  file.strings = words[strings + 6]!;
  if (bytes[file.strings + stringsSize - 1] !== 0) return false;
  file.symbols = at / 4;
  file.symbolTable = (header - file.headers) / SHDR_WORDS;
  file.symbolCount = size / SYM_SIZE;
  return readSymbols(words, bytes, stringsSize);
}

/** Checks every symbol, marks the entries of functions, and finds `_mcount`. */
function readSymbols(words: Uint32Array, bytes: Uint8Array, stringsSize: number): boolean {
  if (marks.length < file.codeWords) {
    marks = new Uint8Array(file.codeWords * 2);
    symbolAt = new Uint32Array(file.codeWords * 2);
  }
  marks.fill(0, 0, file.codeWords);
  const { sections, strings, headers, symbols } = file;
  const end = symbols + file.symbolCount * SYM_WORDS;
  let functions = 0;
  let profiler = -1;
  for (let w = symbols; w < end; w += SYM_WORDS) {
    const name = words[w]!;
    const info = words[w + 1]!;
    const section = info >>> 16;
    if (name >= stringsSize || (section >= sections && (section < SHN_LORESERVE || section === 0xffff))) return false;
    if (w === symbols) continue;
    if (section === 0) {
      if (profiler < 0 && bytes[strings + name] === 0x5f && isText(bytes, strings + name, MCOUNT)) profiler = w;
      continue;
    }
    const type = info & 15;
    if ((type !== STT_FUNC && type !== STT_GNU_IFUNC) || section >= sections) continue;
    const first = base[section]!;
    if (first < 0) continue;
    const k = (info >>> 13) & 7;
    const global = words[w + 2]!;
    const size = words[headers + section * SHDR_WORDS + 8]!;
    if (k === 7 || words[w + 3] !== 0 || global > size) return false;
    functions++;
    const local = global + (((1 << k) >> 2) << 2);
    if (global >>> 2 < size >>> 2) markEntry(first + (global >>> 2), w);
    if (local >>> 2 < size >>> 2) marks[first + (local >>> 2)]! |= LOCAL;
  }
  file.profiler = profiler < 0 ? -1 : (profiler - symbols) / SYM_WORDS;
  counts.functions = functions;
  return true;
}

function markEntry(word: number, symbol: number): void {
  marks[word]! |= (marks[word]! & GLOBAL) === 0 ? GLOBAL : SHARED;
  symbolAt[word] = symbol;
}

/** An SHT_RELA section as the general way accepts it. */
function isRelocationTable(words: Uint32Array, header: number): boolean {
  return (
    words[header + 14] === RELA_SIZE &&
    words[header + 15] === 0 &&
    words[header + 8]! % RELA_SIZE === 0 &&
    words[header + 6]! % 8 === 0 &&
    words[header + 10] === file.symbolTable
  );
}

/** Word number of `symbol + addend`, or -1 where that is no word of the code. */
function wordOf(words: Uint32Array, rela: number): number {
  const symbol = file.symbols + words[rela + 3]! * SYM_WORDS;
  const section = words[symbol + 1]! >>> 16;
  if (section === 0 || section >= file.sections) return -1;
  const first = base[section]!;
  const offset =
    words[symbol + 2]! + words[symbol + 3]! * 0x1_0000_0000 + words[rela + 4]! + (words[rela + 5]! | 0) * 0x1_0000_0000;
  if (first < 0 || offset < 0 || offset % 4 !== 0) return -1;
  return offset < words[file.headers + section * SHDR_WORDS + 8]! ? first + offset / 4 : -1;
}

/** Marks what the records of a table name: one relocation for each entry, in order, each to another word. */
function markRecords(words: Uint32Array, from: number, to: number, size: number): boolean {
  if ((to - from) / RELA_WORDS !== Math.floor(size / RECORD_SIZE)) return false;
  for (let r = from, offset = 0; r < to; r += RELA_WORDS, offset += RECORD_SIZE) {
    if (
      words[r] !== offset ||
      words[r + 1] !== 0 ||
      words[r + 2] !== R_PPC64_ADDR64 ||
      words[r + 3]! >= file.symbolCount
    )
      return false;
    const word = wordOf(words, r);
    if (word < 0 || (marks[word]! & RECORD) !== 0) return false;
    marks[word]! |= RECORD;
    counts.records++;
  }
  return true;
}

/** Relocated branches of the code section whose words begin at `code`. */
function countRelocations(
  words: Uint32Array,
  from: number,
  to: number,
  code: number,
  size: number,
  first: number,
): boolean {
  const { symbols, symbolCount, profiler } = file;
  const codeWords = size >>> 2;
  let local = 0;
  let external = 0;
  for (let r = from; r < to; r += RELA_WORDS) {
    const offset = words[r]!;
    const symbol = words[r + 3]!;
    if (offset >= size || words[r + 1] !== 0 || symbol >= symbolCount) return false;
    const type = words[r + 2]!;
    if (type !== R_PPC64_REL24) {
      if (isOtherBranch(type)) return false;
      continue;
    }
    const i = offset >>> 2;
    if (offset % 4 !== 0 || i >= codeWords) return false;
    const word = words[code + i]!;
    if (word === 0x48000001) {
      if (symbol === profiler) {
        if (!countSite(words, code, i, first)) return false;
      } else if (isForeign(words[symbols + symbol * SYM_WORDS + 1]! >>> 16)) external++;
      else local++;
    } else if (word === 0x48000000) countJump(words, r, first + i, symbol);
    else return false;
  }
  counts.local += local;
  counts.external += external;
  return true;
}

const isForeign = (section: number) => section === 0 || section === SHN_LIVEPATCH;

/** A profiling call; forms other than -mprofile-kernel are left to the general way. */
function countSite(words: Uint32Array, code: number, i: number, first: number): boolean {
  const before = words[code + i - 1];
  if (before !== 0x7c0802a6 && callForm(words, code + i) === 'pg') return false;
  counts.sites++;
  counts.recorded += marks[first + i]! & RECORD;
  // A second call at the same place finds no record any more.
  marks[first + i]! &= ~RECORD;
  return true;
}

/** A relocated `b`. */
function countJump(words: Uint32Array, rela: number, word: number, symbol: number): void {
  if (isForeign(words[file.symbols + symbol * SYM_WORDS + 1]! >>> 16)) counts.sibling++;
  else {
    const target = wordOf(words, rela);
    if (target >= 0 && (marks[target]! & (GLOBAL | LOCAL)) !== 0) countSibling(words, word, target);
  }
}

let text: Uint8Array = new Uint8Array(0);

function countSibling(words: Uint32Array, word: number, target: number): void {
  if (entryBefore(word) !== entryBefore(target) && !isPartAt(words, target)) counts.sibling++;
}

function entryBefore(word: number): number {
  let at = word;
  while (at >= 0 && (marks[at]! & GLOBAL) === 0) at--;
  return at;
}

/** Whether a function that begins at word `target` is a split-off part or a return helper. */
function isPartAt(words: Uint32Array, target: number): boolean {
  const mark = marks[target]!;
  if ((mark & GLOBAL) === 0) return false;
  if ((mark & SHARED) === 0) return partMark(text, file.strings + words[symbolAt[target]!]!) !== 0;
  const end = file.symbols + file.symbolCount * SYM_WORDS;
  for (let w = file.symbols; w < end; w += SYM_WORDS) {
    const info = words[w + 1]!;
    const section = info >>> 16;
    const type = info & 15;
    if ((type !== STT_FUNC && type !== STT_GNU_IFUNC) || section === 0 || section >= file.sections) continue;
    if (
      base[section]! >= 0 &&
      base[section]! + (words[w + 2]! >>> 2) === target &&
      partMark(text, file.strings + words[w]!) !== 0
    )
      return true;
  }
  return false;
}

/** Branches that the assembler resolved, and indirect ones, among `size` bytes of code. */
function countWords(words: Uint32Array, code: number, size: number, first: number): void {
  const section = words.subarray(code, code + (size >>> 2));
  const length = section.length;
  for (let block = 0; block < length; block += BLOCK)
    classify(words, section, collectBranches(section, block, Math.min(block + BLOCK, length)), first);
}

function classify(words: Uint32Array, section: Uint32Array, found: number, first: number): void {
  let local = 0;
  let indirect = 0;
  const length = section.length;
  for (let k = 0; k < found; k++) {
    const i = candidates[k]!;
    const word = section[i]!;
    const opcode = word >>> 26;
    if (opcode === 19) {
      if (isIndirect(section, i, word)) indirect++;
      continue;
    }
    if (opcode === 17 || (word & 2) !== 0) continue;
    const distance = opcode === 18 ? (word << 6) >> 8 : (word << 16) >> 18;
    const target = i + distance;
    if (target < 0 || target >= length) continue;
    const mark = marks[first + target]! & (GLOBAL | LOCAL);
    if ((word & 1) !== 0) {
      if (distance !== 1 || (opcode === 18 && mark !== 0)) local++;
    } else if (mark !== 0) countSibling(words, first + i, first + target);
  }
  counts.local += local;
  counts.indirect += indirect;
}

/** Sites that are nops, where no profiling call was found: every record has to name a nop. */
function countNops(words: Uint32Array): boolean {
  if (counts.sites > 0) return false;
  profiling = 'patchable';
  for (let i = 1; i < file.sections; i++) {
    const first = base[i]!;
    if (first < 0) continue;
    const h = file.headers + i * SHDR_WORDS;
    const code = words[h + 6]! / 4;
    const section = words.subarray(code, code + (words[h + 8]! >>> 2));
    for (let w = 0; w < section.length; w++) {
      if ((marks[first + w]! & RECORD) === 0) continue;
      if (!isNop(section, w)) return false;
      if (!isNop(section, w + 1)) profiling = 'patchable-out-of-line';
    }
  }
  counts.sites = counts.records;
  counts.recorded = counts.records;
  return true;
}

/** Relocation tables: first those of the tracer's tables, so that sites know their records, then those of code. */
function countTables(words: Uint32Array): boolean {
  const { headers, sections } = file;
  for (const codeTurn of [false, true])
    for (let i = 1, h = headers + SHDR_WORDS; i < sections; i++, h += SHDR_WORDS) {
      if (words[h + 1] !== SHT_RELA) continue;
      const target = words[h + 11]!;
      if (target === 0 || target >= sections) return false;
      if (codeTurn ? base[target]! < 0 : isTracerTable[target] === 0) continue;
      if (!isRelocationTable(words, h)) return false;
      const from = words[h + 6]! / 4;
      const to = from + words[h + 8]! / 4;
      const t = headers + target * SHDR_WORDS;
      if (!codeTurn) {
        if (words[t + 1] === SHT_NOBITS || !markRecords(words, from, to, words[t + 8]!)) return false;
      } else if (!countRelocations(words, from, to, words[t + 6]! / 4, words[t + 8]!, base[target]!)) return false;
    }
  return true;
}

/** Every tracer table has exactly one relocation table, unless it is empty. */
function tracerTablesAreFilled(words: Uint32Array): boolean {
  let entries = 0;
  for (let i = 1; i < file.sections; i++)
    if (isTracerTable[i] === 1) entries += Math.floor(words[file.headers + i * SHDR_WORDS + 8]! / RECORD_SIZE);
  return entries === counts.records;
}

/**
 * The counts of a module, or `undefined` where `summarize` has to look.
 *
 * @param bytes the whole file, at the start of its buffer or on an 8-byte boundary of it
 */
export function countQuickly(bytes: Uint8Array): ScanSummary | undefined {
  if (bytes.byteOffset % 8 !== 0 || bytes.length < EHDR_SIZE) return undefined;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  if (!readHeader(words, bytes.length)) return undefined;
  counts.sites = counts.recorded = counts.local = counts.external = 0;
  counts.sibling = counts.indirect = counts.records = 0;
  profiling = 'none';
  text = bytes;
  if (!readSections(words, bytes) || !countTables(words) || !tracerTablesAreFilled(words)) return undefined;
  for (let i = 1; i < file.sections; i++) {
    const h = file.headers + i * SHDR_WORDS;
    if (base[i]! >= 0) countWords(words, words[h + 6]! / 4, words[h + 8]!, base[i]!);
  }
  if (counts.sites > 0) profiling = 'mprofile-kernel';
  if (counts.records > counts.recorded && !countNops(words)) return undefined;
  const { functions } = counts;
  return {
    kind,
    profiling,
    counts: {
      functions,
      callSites: counts.sites,
      recordedSites: counts.recorded,
      entryPoints: functions,
      localCalls: counts.local,
      externalCalls: counts.external,
      siblingCalls: counts.sibling,
      indirectCalls: counts.indirect,
    },
    strayRecords: counts.records - counts.recorded,
  };
}
