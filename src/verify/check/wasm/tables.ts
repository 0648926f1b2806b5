/** The tables that the loader walks once the module is relocated; `loader/tables-screen.ts` is the model. */
import { ENTRY_SIZE } from '../../../elf/wasm/format';
import {
  BUG_TABLE,
  DEBUG_CLASSES,
  EVAL_MAP,
  EX_TABLE,
  FTR_FIXUP,
  FW_FTR_FIXUP,
  JUMP_TABLE,
  LWSYNC_FIXUP,
  MMU_FTR_FIXUP,
  PRINTK_FORMATS,
  SRCU_POINTERS,
  sectionOfKind,
  TRACE_EVENTS,
  TRACEPOINTS,
  TYPES,
} from './known';
import { CLASSES, MARKS } from './memory';
import { hashOf, kernelNumber } from './names';
import { addPlace, areObjects, forgetPlaces, isPlace, placeCount, sectionOfPlaces } from './objects';
import { addKey } from './records';
import { R_PPC64_ADDR64, REWRITTEN } from './relocations';
import { baseOf, CODE, contentsOf, kindOf, PLACED, relocationsOf, sections, sizeOf, WRITABLE } from './sections';
import {
  bugSize,
  DEBUG_CLASS,
  EVAL_MAP_ENTRY,
  EVENT_CALL,
  hasJumpLabels,
  looksAtTypes,
  SRCU_STRUCT,
  SRCU_USAGE,
  structureSize,
  TRACEPOINT,
} from './settings';
import { BARE, EXTERNAL, nameOf, sectionOf, symbolAt, symbolCount, TOC_POINTER } from './symbols';

const R_PPC64_REL32: u32 = 26;
const R_PPC64_REL64: u32 = 44;

/** What `leads` found last: a section, and bytes from its start. */
export let section: u32 = 0;
export let offset: u32 = 0;

/** First relocation of the table that is walked, and the end of them. */
let first: u32 = 0;
let last: u32 = 0;
/** Entries of that table. */
let count: u32 = 0;

export function checkTables(): bool {
  if (!checkTable(EX_TABLE) || !checkTable(FTR_FIXUP) || !checkTable(MMU_FTR_FIXUP)) return false;
  if (!checkTable(FW_FTR_FIXUP) || !checkTable(LWSYNC_FIXUP) || !checkTable(SRCU_POINTERS)) return false;
  if (!checkTable(TRACE_EVENTS) || !checkTable(EVAL_MAP) || !checkTable(PRINTK_FORMATS)) return false;
  if (!checkTable(TRACEPOINTS) || !checkTable(DEBUG_CLASSES)) return false;
  if (hasJumpLabels() && !checkTable(JUMP_TABLE)) return false;
  if (bugSize() > 0 && !checkTable(BUG_TABLE)) return false;
  return !looksAtTypes() || checkTypes();
}

function checkTable(known: u32): bool {
  const table = sectionOfKind(known);
  if (table === 0) return true;
  switch (known) {
    case EX_TABLE:
      return start(table, 8, 2) && checkExceptions();
    case BUG_TABLE:
      return start(table, bugSize(), 0) && checkBugs();
    case JUMP_TABLE:
      return start(table, 16, 3) && isWritten(table) && checkJumpLabels();
    case DEBUG_CLASSES:
      return isWritten(table) && checkClasses(table);
    case FTR_FIXUP:
    case MMU_FTR_FIXUP:
    case FW_FTR_FIXUP:
      return start(table, 48, 4) && checkFeatures();
    case LWSYNC_FIXUP:
      return start(table, 8, 1) && checkPlaces();
  }
  return start(table, 8, 1) && (known !== PRINTK_FORMATS || isWritten(table)) && checkPointers(known);
}

/** Whether the kernel may write to a table when the module comes, which it does to one that has entries. */
function isWritten(table: u32): bool {
  return sizeOf(table) === 0 || (kindOf(table) & WRITABLE) !== 0;
}

/** @param fields relocations of each entry of `size` bytes; 0 where entries may have more and fewer */
export function start(table: u32, size: u32, fields: u32): bool {
  const bytes = sizeOf(table);
  const relocations = relocationsOf(table);
  first = relocations === 0 ? 0 : contentsOf(relocations);
  last = relocations === 0 ? 0 : first + sizeOf(relocations);
  count = bytes / size;
  return bytes % size === 0 && (fields === 0 || last - first === count * fields * ENTRY_SIZE);
}

export function entryCount(): u32 {
  return count;
}

export function relocationAt(index: u32): u32 {
  return first + index * ENTRY_SIZE;
}

/** Whether the relocation at `at` is of that type and fills `place`. */
export function fills(at: u32, place: u32, type: u32): bool {
  return at < last && load<u64>(at) === place && load<u32>(at, 8) === type;
}

/**
 * Whether the relocation at `at` leads into a section of the module, with as many bytes before and behind that are its too.
 * What it found is then in `section` and `offset`.
 */
export function leads(at: u32, before: u32, behind: i32): bool {
  const symbol = load<u32>(at, 12);
  if (symbol >= symbolCount) return false;
  const entry = symbolAt(symbol);
  section = sectionOf(entry);
  if (section === 0 || section >= sections) return false;
  const value = load<u64>(entry, 8);
  const addend = load<i64>(at, 16);
  const size = i64(sizeOf(section));
  if (value > u64(size) || addend > 0x7fff_ffff || addend < -0x7fff_ffff) return false;
  const target = i64(value) + addend;
  if (target < i64(before) || target + behind > size) return false;
  offset = u32(target);
  return true;
}

function isCode(): bool {
  return (kindOf(section) & CODE) !== 0;
}

function checkExceptions(): bool {
  for (let i: u32 = 0; i < 2 * count; i++) {
    const at = relocationAt(i);
    if (!fills(at, 4 * i, R_PPC64_REL32) || !leads(at, 0, 4) || !isCode()) return false;
  }
  return true;
}

/** An entry's first field is its place; then come the names of the file and, in some kernels, of the message. */
function checkBugs(): bool {
  const size = bugSize();
  const kept = PLACED | WRITABLE;
  if (count > 0 && (kindOf(sectionOfKind(BUG_TABLE)) & kept) !== kept) return false;
  let at = first;
  for (let i: u32 = 0; i < count; i++) {
    if (!fills(at, i * size, R_PPC64_REL32) || !leads(at, 0, 4) || !isCode()) return false;
    do at += ENTRY_SIZE;
    while (at < last && load<u64>(at) < (i + 1) * size);
  }
  return true;
}

function checkJumpLabels(): bool {
  for (let i: u32 = 0; i < count; i++) {
    const code = relocationAt(3 * i);
    const target = code + ENTRY_SIZE;
    const key = target + ENTRY_SIZE;
    if (!fills(code, 16 * i, R_PPC64_REL32) || !leads(code, 0, 4) || !isCode()) return false;
    if (!fills(target, 16 * i + 4, R_PPC64_REL32) || !leads(target, 0, 0) || !isCode()) return false;
    if (!fills(key, 16 * i + 8, R_PPC64_REL64)) return false;
    const symbol = load<u32>(key, 12);
    if (symbol >= symbolCount) return false;
    if (sectionOf(symbolAt(symbol)) === 0) {
      if (!isForeignKey(symbol, load<u64>(key, 16))) return false;
      continue;
    }
    // A key is 16 bytes; the low bits of its address are flags.
    if (!leads(key, 0, 13) || (kindOf(section) & WRITABLE) === 0 || (offset & ~3) + 16 > sizeOf(section)) return false;
  }
  return true;
}

/** Bytes of the kernel's arrays of keys. */
const LONGEST_KEYS: u64 = 1024;

/** A key in data of the kernel, where keys of processor features come in arrays, or in another module. */
function isForeignKey(symbol: u32, addend: u64): bool {
  const symbolClass: u32 = load<u8>(CLASSES + symbol);
  if (symbolClass < EXTERNAL || symbolClass === TOC_POINTER || (symbolClass & BARE) !== 0) return false;
  const name = nameOf(symbol);
  const number = kernelNumber(name, hashOf(name));
  // The two lowest bits are flags.
  return addend < LONGEST_KEYS && (number < 0 || addKey(number, u32(addend) & ~3));
}

/** Four fields hold distances from the entry's start. */
function leadsFromEntry(i: u32, number: u32): bool {
  const at = relocationAt(4 * i + number);
  const field = 16 + 8 * number;
  if (!fills(at, 48 * i + field, R_PPC64_REL64) || !leads(at, field, -i32(field))) return false;
  offset -= field;
  return true;
}

function checkFeatures(): bool {
  for (let i: u32 = 0; i < count; i++) {
    if (!leadsFromEntry(i, 0) || !isCode()) return false;
    const code = section;
    const from = offset;
    if (!leadsFromEntry(i, 1) || section !== code || offset < from) return false;
    const to = offset;
    if (!leadsFromEntry(i, 2)) return false;
    const alternative = section;
    const start = offset;
    if (!leadsFromEntry(i, 3) || section !== alternative || offset < start || offset - start > to - from) return false;
    markRegion(code, from, to);
  }
  return true;
}

function checkPlaces(): bool {
  for (let i: u32 = 0; i < count; i++) {
    const at = relocationAt(i);
    if (!fills(at, 8 * i, R_PPC64_REL64) || !leads(at, 0, 4) || !isCode()) return false;
    markRegion(section, offset, offset + 4);
  }
  return true;
}

function markRegion(section: u32, from: u32, to: u32): void {
  const marks = MARKS + baseOf(section);
  for (let word = from >>> 2; word < (to + 3) >>> 2; word++)
    store<u8>(marks + word, u8(load<u8>(marks + word) | REWRITTEN));
}

/** What a table of pointers leads to: bytes of each structure, 0 where nobody knows. */
function structureOf(known: u32): u32 {
  switch (known) {
    case SRCU_POINTERS:
      return structureSize(SRCU_STRUCT);
    case EVAL_MAP:
      return structureSize(EVAL_MAP_ENTRY);
    case TRACEPOINTS:
      return structureSize(TRACEPOINT);
  }
  return structureSize(EVENT_CALL);
}

function checkPointers(known: u32): bool {
  const areStrings = known === PRINTK_FORMATS;
  const size = areStrings ? 0 : structureOf(known);
  const wanted = known === SRCU_POINTERS || known === TRACE_EVENTS ? PLACED | WRITABLE : PLACED;
  forgetPlaces();
  for (let i: u32 = 0; i < count; i++) {
    const at = relocationAt(i);
    if (!fills(at, 8 * i, R_PPC64_ADDR64) || !leads(at, 0, max<i32>(size, 1))) return false;
    if ((kindOf(section) & wanted) !== wanted || (!areStrings && !addPlace(section, offset))) return false;
  }
  return arePointersFilled(known) && areObjects(size);
}

/** Bytes from the start of a class of messages to the name of its module. */
const CLASS_MODULE: u32 = 24;

/** A name in the module for each class. */
function checkClasses(table: u32): bool {
  const size = structureSize(DEBUG_CLASS);
  if (!start(table, 1, 0)) return false;
  let at = first;
  for (let place: u32 = 0; place + size <= count; place += size) {
    while (at < last && load<u64>(at) !== place + CLASS_MODULE) at += ENTRY_SIZE;
    if (!fills(at, place + CLASS_MODULE, R_PPC64_ADDR64) || !leads(at, 0, 1)) return false;
    if ((kindOf(section) & PLACED) === 0) return false;
  }
  return true;
}

/** Pointers in the structures that the kernel follows as well. */
function arePointersFilled(known: u32): bool {
  switch (known) {
    case SRCU_POINTERS:
      return structureSize(SRCU_USAGE) === 0 || areFilled(structureSize(SRCU_USAGE));
    case EVAL_MAP:
      return areFilled(0) && areFilled(8);
    case TRACE_EVENTS:
      return areFilled(16);
  }
  return true;
}

/** Whether a pointer into the module is filled in `inner` bytes from each place. */
function areFilled(inner: u32): bool {
  let left = placeCount();
  if (left === 0) return true;
  const target = sectionOfPlaces();
  const relocations = target === 0 ? 0 : relocationsOf(target);
  if (relocations === 0) return false;
  const end = contentsOf(relocations) + sizeOf(relocations);
  for (let at = contentsOf(relocations); at < end; at += ENTRY_SIZE) {
    const place = load<u64>(at) - inner;
    if (load<u32>(at, 8) !== R_PPC64_ADDR64 || place > u64(sizeOf(target)) || !isPlace(target, u32(place))) continue;
    if (!leads(at, 0, 1) || (kindOf(section) & PLACED) === 0) return false;
    left--;
  }
  return left === 0;
}

const BTF_HEADER: u32 = 24;

/** .BTF: a header of 24 bytes, types, then strings; `loader/btf-check.ts` is the model. */
function checkTypes(): bool {
  const types = sectionOfKind(TYPES);
  if (types === 0 || sizeOf(types) === 0) return true;
  const size = sizeOf(types);
  const at = contentsOf(types);
  if (size < BTF_HEADER || load<u32>(at) !== 0x0001_eb9f || load<u32>(at, 4) !== BTF_HEADER) return false;
  const typeBytes = load<u32>(at, 12);
  const stringBytes = load<u32>(at, 20);
  if (load<u32>(at, 8) !== 0 || load<u32>(at, 16) !== typeBytes) return false;
  if (u64(BTF_HEADER) + typeBytes + stringBytes !== u64(size)) return false;
  return stringBytes === 0 || load<u8>(at + size - 1) === 0;
}
