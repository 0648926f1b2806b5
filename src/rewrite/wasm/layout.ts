/**
 * Where every part of the file goes; `elf/layout.ts` is the model. Parts keep their order, and
 * their offsets up to the first one that shrinks. It is for files in which nothing but zeros lies between
 * sections, and in which the section headers are the last.
 */

import { EHDR_SIZE, ENTRY_SIZE, SHDR_SIZE, SHT_NOTE } from '../../elf/wasm/format';
import { isZero } from '../../util/wasm/bytes';
import { alignUp, file, fileRoom, reserve } from './memory';
import {
  alignmentOf,
  CODE,
  hasContents,
  headerOf,
  headersAt,
  infoOf,
  information,
  kindOf,
  nameTable,
  offsetOf,
  RELOCATIONS,
  sections,
  sizeOf,
  TRACER,
} from './sections';
import { plan, planned, SITE } from './sites';
import { putRow, ROW, sorted } from './sort';

/** `.note.tocsin` and its NUL. */
export const NOTE_NAME_SIZE: u32 = 13;

/** Parts in file order, four words each: old offset, new offset, section (0 for zeros between sections), old size. */
const PART: u32 = 16;
let parts: u32 = 0;
export let partCount: u32 = 0;
/** By section: its new offset and size, where it is a part. */
let starts: u32 = 0;
let sizes: u32 = 0;
/** By section: the numbers of its first planned site and of the one behind the last. */
let firstSites: u32 = 0;
let lastSites: u32 = 0;
export let noteStart: u32 = 0;
export let tableStart: u32 = 0;
export let newSize: u32 = 0;
export let newHeaders: u32 = 0;

export function startOf(section: u32): u32 {
  return load<u32>(starts + 4 * section);
}

export function newSizeOf(section: u32): u32 {
  return load<u32>(sizes + 4 * section);
}

export function partAt(n: u32): u32 {
  return load<u32>(parts + n * PART);
}

export function partStart(n: u32): u32 {
  return load<u32>(parts + n * PART, 4);
}

export function partSection(n: u32): u32 {
  return load<u32>(parts + n * PART, 8);
}

/** Bytes of the part in the old file, and in the new one. */
export function partSize(n: u32): u32 {
  return load<u32>(parts + n * PART, 12);
}

export function newPartSize(n: u32): u32 {
  return partSection(n) === 0 ? partSize(n) : newSizeOf(partSection(n));
}

/** The sites in a section of code, by number. */
export function firstSite(section: u32): u32 {
  return load<u32>(firstSites + 4 * section);
}

export function lastSite(section: u32): u32 {
  return load<u32>(lastSites + 4 * section);
}

/** Bytes that the module's information gets more. */
let informationSize: u32 = 0;

/** Finds the parts, and where they go. @param moreInformation bytes */
export function layOut(moreInformation: u32): bool {
  informationSize = moreInformation;
  starts = reserve(4 * sections);
  sizes = reserve(4 * sections);
  firstSites = reserve(4 * sections);
  lastSites = reserve(4 * sections);
  const rows = reserve(ROW * sections);
  // As many sections, and as many gaps.
  parts = reserve(PART * 2 * sections);
  if (starts === 0 || sizes === 0 || firstSites === 0 || lastSites === 0 || rows === 0 || parts === 0) return false;
  findSites();
  let count: u32 = 0;
  for (let i: u32 = 1; i < sections; i++) {
    if (!hasContents(i)) continue;
    store<u32>(sizes + 4 * i, sizeAfter(i));
    putRow(rows + count++ * ROW, offsetOf(i), i, 0);
  }
  const ordered = sorted(rows, count);
  return ordered !== 0 && place(ordered, count);
}

function findSites(): void {
  memory.fill(firstSites, 0, 4 * sections);
  memory.fill(lastSites, 0, 4 * sections);
  for (let n: u32 = 0; n < planned; n++) {
    const section = load<u32>(plan + n * SITE);
    if (lastSite(section) === 0) store<u32>(firstSites + 4 * section, n);
    store<u32>(lastSites + 4 * section, n + 1);
  }
}

function sizeAfter(section: u32): u32 {
  const size = sizeOf(section);
  const kind = kindOf(section);
  if (section === nameTable) return size + NOTE_NAME_SIZE;
  if (section === information) return size + informationSize;
  if (kind === TRACER) return 0;
  if (kind !== RELOCATIONS) return size;
  const target = infoOf(section);
  if (kindOf(target) === TRACER) return 0;
  return size - removedFrom(target) * ENTRY_SIZE;
}

/** How many relocations of a section go. */
export function removedFrom(target: u32): u32 {
  if (kindOf(target) !== CODE) return 0;
  let count: u32 = 0;
  for (let n = firstSite(target); n < lastSite(target); n++) count += u32(load<u32>(plan + n * SITE, 16) !== 0);
  return count;
}

/** Whether a section is as it was. */
export function staysWhole(section: u32): bool {
  return newSizeOf(section) === sizeOf(section) && (kindOf(section) !== CODE || removedFrom(section) === 0);
}

/** Where the parts that have been placed end, in both files; whether the last one has another offset or size than before. */
let oldEnd: u32 = 0;
let end: u32 = 0;
let isMoved: bool = false;

/** @param rows of the sections, in file order */
function place(rows: u32, count: u32): bool {
  oldEnd = end = EHDR_SIZE;
  isMoved = false;
  partCount = 0;
  for (let n: u32 = 0; n < count; n++) {
    const section = load<u32>(rows + n * ROW, 8);
    const alignment = alignmentOf(section);
    if (!placeGap(offsetOf(section), alignment)) return false;
    placePart(offsetOf(section), isMoved ? alignUp(end, alignment) : oldEnd, section, sizeOf(section));
    store<u32>(starts + 4 * section, partStart(partCount - 1));
  }
  if (!placeGap(headersAt, 8)) return false;
  noteStart = alignUp(end, 4);
  return true;
}

/** Zeros up to `at` are a part, unless they are there only for the alignment of what follows. */
function placeGap(at: u32, alignment: u32): bool {
  if (at < oldEnd || !isZero(file + oldEnd, at - oldEnd)) return false;
  if (at > oldEnd && at - oldEnd >= max(alignment, 1)) placePart(oldEnd, isMoved ? end : oldEnd, 0, at - oldEnd);
  oldEnd = at;
  return true;
}

function placePart(at: u32, start: u32, section: u32, size: u32): void {
  const part = parts + partCount * PART;
  store<u32>(part, at);
  store<u32>(part, start, 4);
  store<u32>(part, section, 8);
  store<u32>(part, size, 12);
  const newSize = newPartSize(partCount++);
  if (newSize !== size) isMoved = true;
  oldEnd = at + size;
  end = start + newSize;
}

/** Now that the note's size is known. */
export function endAt(noteSize: u32): bool {
  tableStart = alignUp(noteStart + noteSize, 8);
  newSize = tableStart + (sections + 1) * SHDR_SIZE;
  return newSize <= fileRoom;
}

/** Makes the new section headers, apart from the old ones. */
export function makeHeaders(noteSize: u32): bool {
  const table = reserve((sections + 1) * SHDR_SIZE);
  if (table === 0) return false;
  newHeaders = table;
  memory.copy(table, headerOf(0), sections * SHDR_SIZE);
  for (let i: u32 = 1; i < sections; i++) {
    const header = table + i * SHDR_SIZE;
    if (!hasContents(i)) store<u64>(header, follow(load<u32>(headerOf(i), 24)), 24);
    else {
      store<u64>(header, startOf(i), 24);
      store<u64>(header, newSizeOf(i), 32);
    }
  }
  const note = table + sections * SHDR_SIZE;
  memory.fill(note, 0, SHDR_SIZE);
  store<u32>(note, sizeOf(nameTable));
  store<u32>(note, SHT_NOTE, 4);
  store<u64>(note, noteStart, 24);
  store<u64>(note, noteSize, 32);
  store<u64>(note, 4, 48);
  return true;
}

/** The new offset of something empty: it keeps its place relative to what it stood in or behind. */
function follow(offset: u32): u64 {
  let at: u64 = offset;
  const table = sections * SHDR_SIZE;
  if (offset >= headersAt) at = u64(tableStart) + behind(offset, headersAt, table, table + SHDR_SIZE);
  else if (partCount > 0 && partAt(0) <= offset) {
    let n: u32 = 0;
    while (n + 1 < partCount && partAt(n + 1) <= offset) n++;
    at = u64(partStart(n)) + behind(offset, partAt(n), partSize(n), newPartSize(n));
  }
  return min<u64>(at, newSize);
}

/** How far from the new start of a part something is that stood at `offset`. */
function behind(offset: u32, start: u32, size: u32, now: u32): u64 {
  const distance = offset - start;
  return distance < size ? distance : u64(now) + (distance - size);
}
