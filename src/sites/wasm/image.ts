/**
 * What only a linked kernel has: stubs that the linker put between distant sections, and a tracer table whose values are
 * dynamic relocations. `kernel/image.ts` and `sites/prepare.ts` are the model and say why.
 */
import {
  addressOf,
  ENTRY_SIZE,
  flagsOf,
  linkOf,
  SHF_ALLOC,
  SHT_DYNSYM,
  SHT_NOBITS,
  SHT_NULL,
  SHT_RELA,
  SHT_SYMTAB,
  sizeOf,
  typeOf,
} from '../../elf/wasm/format';
import { MOST_RECORDS, mark, markOf, PROFILER, RECORD, RECORD_SIZE, RECORDS, THUNK, THUNKS } from './memory';
import { codeStart, codeWords, contentsOf, headerOf, isTable, sections } from './sections';
import { exitEnd, exitStart, mcount, symbolValue, tableEnd, tableStart, thunkCount, tocBias } from './symbols';

const R_PPC64_RELATIVE: u32 = 22;
const R_PPC64_ADDR64: u32 = 38;
/** Stubs that load their target from `.branch_lt`; each costs a walk through the dynamic relocations. */
const MOST_LOADS: u32 = 64;
/** More than the two instructions of such a stub can add. */
const WIDEST: u64 = 0xffff_ffff;

export let imageRecords: u32 = 0;
/** Records that the kernel passes over; `passedRecords` of `kernel/image.ts` says which. The others are counted in `imageRecords`. */
export let droppedRecords: u32 = 0;

/** Marks stubs, `_mcount` and what the tracer's table names. */
export function readImage(): bool {
  imageRecords = droppedRecords = 0;
  return markThunks() && (tableStart === 0 || tableEnd === 0 || markRecords());
}

/** The word at an address, or -1 outside the code. */
function wordAt(address: u64): i32 {
  const distance = address - codeStart;
  return distance % 4 === 0 && distance < u64(codeWords) * 4 ? i32(distance >>> 2) : -1;
}

function hasContents(header: u32): bool {
  const type = typeOf(header);
  return type !== SHT_NOBITS && type !== SHT_NULL && sizeOf(header) > 0;
}

/** The header of the first section whose contents are at `address`, or 0. */
function sectionAt(address: u64): u32 {
  for (let i: u32 = 0; i < sections; i++) {
    const header = headerOf(i);
    if ((flagsOf(header) & SHF_ALLOC) === 0 || !hasContents(header)) continue;
    if (address >= addressOf(header) && address - addressOf(header) < sizeOf(header)) return header;
  }
  return 0;
}

function markThunks(): bool {
  const profiler = mcount === 0 ? 0 : symbolValue(mcount);
  if (mcount !== 0) {
    const word = wordAt(profiler);
    if (word < 0) return false;
    mark(word, PROFILER);
  }
  loads = 0;
  for (let t: u32 = 0; t < thunkCount; t++) {
    const address = symbolValue(load<u32>(THUNKS + 4 * t));
    const word = wordAt(address);
    if (word < 0) return false;
    mark(word, THUNK);
    if (!readTarget(address)) return false;
    if (hasTarget && mcount !== 0 && target === profiler) mark(word, PROFILER);
  }
  return true;
}

/** Where the last stub that `readTarget` looked at leads, as far as its code tells. */
let target: u64 = 0;
let hasTarget: bool = false;
let loads: u32 = 0;

/** @returns false where the stub is not one of two instructions in one section of code */
function readTarget(address: u64): bool {
  const section = sectionAt(address);
  hasTarget = false;
  if (section === 0) return false;
  const offset = address - addressOf(section);
  if (offset % 4 !== 0 || contentsOf(section) % 4 !== 0 || offset + 8 > sizeOf(section)) return false;
  const code = contentsOf(section) + u32(offset);
  const first = load<u32>(code);
  if (first >>> 26 === 18 && (first & 3) === 0) {
    target = address + i64(i32(first << 6) >> 6);
    hasTarget = true;
    return true;
  }
  const second = load<u32>(code, 4);
  // addis r12,r2,HA; ld r12,LO(r12)
  if (tocBias === 0 || (first & 0xffff0000) !== 0x3d820000 || (second & 0xffff0003) !== 0xe98c0000) return true;
  const toc = symbolValue(tocBias);
  if (toc < WIDEST || toc > u64.MAX_VALUE - WIDEST) return false;
  const slot = toc + i64(i32(first << 16)) + i64(i32((second & 0xfffc) << 16) >> 16);
  if (loads++ === MOST_LOADS || !readWords(slot, slot + 8)) return false;
  target = load<u64>(RECORDS);
  hasTarget = true;
  return true;
}

/** Copies the words of [start, end) to RECORDS, and applies the dynamic relocations to them. */
function readWords(start: u64, end: u64): bool {
  const section = sectionAt(start);
  const size = end - start;
  if (section === 0 || size % 8 !== 0 || size > RECORD_SIZE * MOST_RECORDS) return false;
  const offset = start - addressOf(section);
  if (offset + size > sizeOf(section)) return false;
  memory.copy(RECORDS, contentsOf(section) + u32(offset), u32(size));
  for (let i: u32 = 0; i < sections; i++) {
    const table = headerOf(i);
    if (typeOf(table) !== SHT_RELA || (flagsOf(table) & SHF_ALLOC) === 0) continue;
    if (!relocate(table, start, size)) return false;
  }
  return true;
}

function relocate(table: u32, start: u64, size: u64): bool {
  const symbols = linkedSymbols(table);
  if (symbols === 0 || !isTable(table)) return false;
  const end = contentsOf(table) + sizeOf(table);
  for (let at = contentsOf(table); at < end; at += ENTRY_SIZE) {
    const symbol = load<u32>(at, 12);
    if (symbol >= symbols) return false;
    const distance = load<u64>(at) - start;
    if (distance >= size || distance % 8 !== 0) continue;
    const type = load<u32>(at, 8);
    if (type === R_PPC64_RELATIVE || (type === R_PPC64_ADDR64 && symbol === 0))
      store<u64>(RECORDS + u32(distance), load<u64>(at, 16));
  }
  return true;
}

/** Symbols of the table that dynamic relocations refer to; a statically linked image may have none but the empty one. */
function linkedSymbols(table: u32): u32 {
  const link = linkOf(table);
  if (link === 0) return 1;
  if (link >= sections) return 0;
  const header = headerOf(link);
  const type = typeOf(header);
  return type === SHT_SYMTAB || type === SHT_DYNSYM ? sizeOf(header) / ENTRY_SIZE : 0;
}

function isDropped(value: u64): bool {
  if (value === 0) return mcount !== 0;
  return exitStart !== 0 && exitEnd !== 0 && value >= symbolValue(exitStart) && value < symbolValue(exitEnd);
}

/** Every record that is not dropped names another word of the code. */
function markRecords(): bool {
  const start = symbolValue(tableStart);
  const end = symbolValue(tableEnd);
  if (start === end) return true;
  if (end < start || !readWords(start, end)) return false;
  const all = u32((end - start) / RECORD_SIZE);
  for (let i: u32 = 0; i < all; i++) {
    const value = load<u64>(RECORDS + RECORD_SIZE * i);
    if (isDropped(value)) {
      droppedRecords++;
      continue;
    }
    imageRecords++;
    const word = wordAt(value);
    if (word < 0 || (markOf(word) & RECORD) !== 0) return false;
    mark(word, RECORD);
  }
  return true;
}
