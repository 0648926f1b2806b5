/**
 * What scanning needs to know before it walks the code: the map of the code with entries, tracer records and linker
 * stubs marked on it, and the symbol that profiling calls go to.
 */
import type { ElfFile } from '../elf/read.ts';
import { RELA_WORDS } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import { imageRecords, imageThunks, passedRecords, type Thunk } from '../kernel/image.ts';
import { RECORD_SIZE, type TracerTable, tracerTables } from '../kernel/tracer-tables.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import { CodeMap, PROFILER, RECORD, THUNK } from './code-map.ts';

const R_PPC64_ADDR64 = 38;
const MCOUNT = '_mcount';

/** In place of a word: the record is empty. */
export const EMPTY_RECORD = -1;
/** In place of a word: the record names something that is no word of the code. */
const NO_CODE = -2;

/** Called for each tracer record: the word that it names, or one of the two above, and where the record stands. */
export type RecordVisitor = (
  word: number,
  table: Section | undefined,
  offset: number,
  relocationTable: SectionIndex,
  entry: number,
) => void;

export interface Prepared {
  readonly map: CodeMap;
  /** The undefined `_mcount` of a relocatable file, or -1. */
  readonly profiler: SymbolIndex;
  /** Tracer tables of a relocatable file. */
  readonly tables: readonly TracerTable[];
  readonly thunks: readonly Thunk[];
  /** Records in all tables, the empty ones included, and those not that are dropped. */
  readonly recordCount: number;
  /** Records of a linked image that the kernel passes over: they were taken out. */
  readonly droppedRecords: number;
}

/** @throws InputError where symbols, tables or relocations are damaged */
export function prepare(elf: ElfFile): Prepared {
  return prepareRecords(elf, new CodeMap(elf).markFunctions());
}

/**
 * The same over a map on which functions need not be marked.
 *
 * @param visit told of every record, in table order
 */
export function prepareRecords(elf: ElfFile, map: CodeMap, visit?: RecordVisitor): Prepared {
  if (!elf.isRelocatable) return prepareImage(elf, map, visit);
  const tables = tracerTables(elf);
  const profiler = map.symbols?.find(MCOUNT, i => map.symbols!.rawSection(i) === 0) ?? -1;
  let recordCount = 0;
  for (const { section } of tables) recordCount += markRecords(elf, map, section, visit);
  return { map, profiler, tables, thunks: [], recordCount, droppedRecords: 0 };
}

function markRecords(elf: ElfFile, map: CodeMap, table: Section, visit: RecordVisitor | undefined): number {
  const entries = table.hasContents ? Math.floor(table.sh_size / RECORD_SIZE) : 0;
  const filled = new Uint8Array(entries);
  let records = entries;
  for (const relocationTable of elf.relocationSectionsFor(table.index)) {
    const relocations = elf.relocations(relocationTable);
    const { words } = relocations;
    for (let i = 0, w = 0; i < relocations.count; i++, w += RELA_WORDS) {
      const offset = words[w]!;
      const usable = words[w + 2] === R_PPC64_ADDR64 && offset % RECORD_SIZE === 0 && offset / RECORD_SIZE < entries;
      const target = usable ? map.wordOf(words[w + 3]!, relocations.addend(i)) : NO_CODE;
      const word = target < 0 ? NO_CODE : target;
      // A relocation that fills no entry, or one that another has filled, counts as a record of its own.
      if (usable && filled[offset / RECORD_SIZE] === 0) filled[offset / RECORD_SIZE] = 1;
      else records++;
      if (word >= 0) map.marks[word]! |= RECORD;
      visit?.(word, table, offset, relocationTable.index, i);
    }
  }
  // A record that nothing fills stays zero: the tracer skips it or trips over it, but no site belongs to it.
  if (visit !== undefined)
    for (let e = 0; e < entries; e++) if (filled[e] === 0) visit(EMPTY_RECORD, table, e * RECORD_SIZE, -1, -1);
  return records;
}

function prepareImage(elf: ElfFile, map: CodeMap, visit: RecordVisitor | undefined): Prepared {
  const thunks = imageThunks(elf);
  const start = codeStart(map);
  const wordAt = (address: bigint): number => {
    const distance = address - start;
    return distance >= 0n && distance < BigInt(map.wordCount) * 4n && distance % 4n === 0n
      ? Number(distance) / 4
      : NO_CODE;
  };
  for (const thunk of thunks) mark(map, wordAt(thunk.address), THUNK);
  const symbols = map.symbols;
  const mcount = symbols?.find(MCOUNT, i => map.base[symbols.sectionOf(i)]! >= 0) ?? -1;
  if (mcount >= 0) {
    const target = symbols!.address(mcount);
    mark(map, wordAt(target), PROFILER);
    for (const thunk of thunks) if (thunk.target === target) mark(map, wordAt(thunk.address), PROFILER);
  }
  const records = imageRecords(elf);
  const isDropped = passedRecords(elf, mcount >= 0);
  let droppedRecords = 0;
  records?.values.forEach((value, i) => {
    if (isDropped(value)) {
      droppedRecords++;
      return;
    }
    const word = value === 0n ? EMPTY_RECORD : wordAt(value);
    mark(map, word, RECORD);
    visit?.(word, undefined, i * RECORD_SIZE, -1, -1);
  });
  return {
    map,
    profiler: -1,
    tables: [],
    thunks,
    recordCount: (records?.values.length ?? 0) - droppedRecords,
    droppedRecords,
  };
}

function mark(map: CodeMap, word: number, bit: number): void {
  if (word >= 0) map.marks[word]! |= bit;
}

/** The address that word 0 of an image's code map stands for. */
export function codeStart(map: CodeMap): bigint {
  return map.code.reduce((a, s) => (s.sh_addr < a ? s.sh_addr : a), map.code[0]?.sh_addr ?? 0n);
}
