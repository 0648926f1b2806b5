/** Relocations of an object: the tracer's records, and the branches that the linker has yet to resolve. */
import { ENTRY_SIZE, infoOf, linkOf, SHT_NOBITS, SHT_NULL, SHT_RELA, sizeOf, typeOf } from '../../elf/wasm/format';
import { countCall, countForeignJump, countJump, countSite } from './branches';
import {
  baseOf,
  mark,
  markOf,
  NO_TABLE,
  READ_TABLE,
  RECORD,
  RECORD_SIZE,
  setTracerTable,
  tracerTable,
  UNREAD_TABLE,
} from './memory';
import { contentsOf, headerOf, isCode, isTable, sections, symbolTable } from './sections';
import { isForeign, mcount, sectionOf, symbolCount, symbolOf, symbolValue } from './symbols';

const R_PPC64_REL24: u32 = 10;
const R_PPC64_ADDR64: u32 = 38;

export let records: u32 = 0;

/** Tables of the tracer first, so that sites know their records, then those of code. */
export function readRelocations(): bool {
  records = 0;
  return readTables(false) && recordsAreWhole() && readTables(true);
}

function readTables(ofCode: bool): bool {
  for (let i: u32 = 1; i < sections; i++) {
    const table = headerOf(i);
    if (typeOf(table) !== SHT_RELA) continue;
    const target = infoOf(table);
    if (target === 0 || target >= sections) return false;
    if (ofCode ? !isCode(target) : tracerTable(target) === NO_TABLE) continue;
    if (!isTable(table) || linkOf(table) !== symbolTable) return false;
    if (!(ofCode ? readBranches(table, target) : readRecords(table, target))) return false;
  }
  return true;
}

/** One relocation for each entry of the tracer's table, in order, each with another word of the code. */
function readRecords(table: u32, section: u32): bool {
  const target = headerOf(section);
  const type = typeOf(target);
  if (type === SHT_NOBITS || type === SHT_NULL || tracerTable(section) === READ_TABLE) return false;
  if (sizeOf(table) / ENTRY_SIZE !== sizeOf(target) / RECORD_SIZE) return false;
  setTracerTable(section, READ_TABLE);
  const end = contentsOf(table) + sizeOf(table);
  let expected: u64 = 0;
  for (let at = contentsOf(table); at < end; at += ENTRY_SIZE, expected += RECORD_SIZE) {
    if (load<u64>(at) !== expected || load<u32>(at, 8) !== R_PPC64_ADDR64 || load<u32>(at, 12) >= symbolCount)
      return false;
    const word = wordOf(at);
    if (word < 0 || (markOf(word) & RECORD) !== 0) return false;
    mark(word, RECORD);
    records++;
  }
  return true;
}

/** Every table of the tracer has its relocation table, unless it is empty. */
function recordsAreWhole(): bool {
  for (let i: u32 = 1; i < sections; i++)
    if (tracerTable(i) === UNREAD_TABLE && sizeOf(headerOf(i)) >= RECORD_SIZE) return false;
  return true;
}

/** In place of a word: numbers so large that no file means them. */
const FAR: i64 = 1 << 48;
const UNCLEAR: i32 = -2;

/** The word that `symbol + addend` of a relocation names, or -1 where that is none of the code, or UNCLEAR. */
function wordOf(relocation: u32): i32 {
  const symbol = symbolOf(load<u32>(relocation, 12));
  const section = sectionOf(symbol);
  if (section === 0 || section >= sections) return -1;
  const first = baseOf(section);
  if (first < 0) return -1;
  const addend = load<i64>(relocation, 16);
  if (symbolValue(symbol) > u64(FAR) || addend > FAR || addend < -FAR) return UNCLEAR;
  const offset = symbolValue(symbol) + u64(addend);
  return offset % 4 === 0 && offset < sizeOf(headerOf(section)) ? first + i32(offset >>> 2) : -1;
}

/** Relocated branches. All have a displacement of zero in the word, as the assembler and `ld -r` leave them. */
function readBranches(table: u32, section: u32): bool {
  const header = headerOf(section);
  const size = sizeOf(header);
  const code = contentsOf(header);
  const first = u32(baseOf(section));
  const end = contentsOf(table) + sizeOf(table);
  // r_offset, its upper half, the type, the symbol: each below its limit in every relocation.
  const limits = i32x4(size, 1, -1, symbolCount);
  let isGood = i32x4.splat(-1);
  for (let at = contentsOf(table); at < end; at += ENTRY_SIZE) {
    const words = v128.load(at);
    isGood = v128.and(isGood, i32x4.lt_u(words, limits));
    const type: u32 = i32x4.extract_lane(words, 2);
    if (type !== R_PPC64_REL24) {
      if (isOtherBranch(type)) return false;
      continue;
    }
    const offset = load<u32>(at);
    const index = load<u32>(at, 12);
    if (!i32x4.all_true(isGood)) return false;
    const i = offset >>> 2;
    if (offset % 4 !== 0 || i >= size >>> 2) return false;
    const word = load<u32>(code + 4 * i);
    const symbol = symbolOf(index);
    if (word === 0x48000001) {
      if (symbol !== mcount) countCall(isForeign(symbol));
      else if (!countSite(code, i, first)) return false;
    } else if (word !== 0x48000000) return false;
    else if (isForeign(symbol)) countForeignJump();
    else {
      const target = wordOf(at);
      if (target === UNCLEAR) return false;
      if (target >= 0) countJump(first + i, target);
    }
  }
  return i32x4.all_true(isGood);
}

/** REL14 and its kin, REL24_NOTOC and REL24_P9NOTOC. */
function isOtherBranch(type: u32): bool {
  return (type >= 11 && type <= 13) || type === 116 || type === 124;
}
