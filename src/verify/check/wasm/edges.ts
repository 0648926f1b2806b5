/** Ways on that no instruction shows, from the tables of the relocated module; `verify/proof/edges.ts` is the model. */
import {
  ALSO,
  addMark,
  EDGE_SIZE,
  EXTRA,
  edges,
  FIXUP,
  INSTEAD,
  isCode,
  markOf,
  NEXT,
  PASS,
  removeMark,
  STOP,
  setEdgeCount,
  WAITING,
  wordAt,
  words,
} from '../../../prove/wasm/subject';
import { BUG_TABLE, EX_TABLE, FTR_FIXUP, FW_FTR_FIXUP, JUMP_TABLE, MMU_FTR_FIXUP, sectionOfKind } from './known';
import { offsetOf } from './layout';
import { contentsOf, sizeOf } from './sections';
import { sort } from './sort';

const NOP: u32 = 0x6000_0000;
/** BUGFLAG_WARNING: the trap returns. */
const WARNING: u32 = 1;
const BUG_SIZE: u32 = 12;

let origin: u32 = 0;
let count: u32 = 0;

function countOf(known: u32, size: u32): u32 {
  const table = sectionOfKind(known);
  return table === 0 ? 0 : sizeOf(table) / size;
}

function featureCount(): u32 {
  return countOf(FTR_FIXUP, 48) + countOf(MMU_FTR_FIXUP, 48) + countOf(FW_FTR_FIXUP, 48);
}

/** As many as there can be. */
export function mostEdges(): u32 {
  return 2 * countOf(EX_TABLE, 8) + countOf(BUG_TABLE, BUG_SIZE) + 2 * countOf(JUMP_TABLE, 16) + 2 * featureCount();
}

function add(place: i32, kind: u32, target: i32): void {
  const at = edges + EDGE_SIZE * count++;
  store<i32>(at, place);
  store<u32>(at, kind, 4);
  store<i32>(at, target, 8);
}

/** Where the field at a place of a table leads: bytes from the module's origin. */
function pointer(table: u32, at: u32): i32 {
  return offsetOf(table) - origin + at + load<i32>(contentsOf(table) + at);
}

/** The word at a place; 0 where no code is. */
function word(place: i32): u32 {
  return isCode(place) ? wordAt(u32(place) >>> 2) : 0;
}

/** tw, td, twi, tdi */
function isTrap(word: u32): bool {
  const opcode = word >>> 26;
  const extended = (word >>> 1) & 0x3ff;
  return opcode === 2 || opcode === 3 || (opcode === 31 && (extended === 4 || extended === 68));
}

function isUnconditional(word: u32): bool {
  return ((word >>> 21) & 31) === 31;
}

/** Bytes that `addEdges` needs for a while. */
export function edgesSize(): u32 {
  return (8 + EDGE_SIZE) * mostEdges();
}

/**
 * @param from bytes from the first area to the module's origin
 * @param room for `edgesSize` bytes
 * @returns whether every place could be told
 */
export function addEdges(from: u32, room: u32): bool {
  origin = from;
  count = 0;
  addExceptions();
  const exceptions = count;
  addBugs();
  for (let i: u32 = 0; i < exceptions; i++) {
    const place = load<i32>(edges + EDGE_SIZE * i);
    if (load<u32>(edges + EDGE_SIZE * i, 4) !== FIXUP) continue;
    if (!isUnconditional(word(place))) add(place, NEXT, place + 4);
    removeMark(u32(place) >>> 2, WAITING);
  }
  addLabels();
  addFeatures(FTR_FIXUP);
  addFeatures(MMU_FTR_FIXUP);
  addFeatures(FW_FTR_FIXUP);
  setEdgeCount(count);
  sortEdges(room);
  for (let i: u32 = 0; i < count; i++) {
    const place = load<i32>(edges + EDGE_SIZE * i);
    const isInstead = load<u32>(edges + EDGE_SIZE * i, 4) === INSTEAD;
    if (u32(place) >>> 2 >= words || (place & 3) !== 0) return false;
    if (isInstead || isCode(place)) addMark(u32(place) >>> 2, EXTRA);
  }
  return true;
}

function addExceptions(): void {
  const table = sectionOfKind(EX_TABLE);
  for (let i: u32 = 0; i < countOf(EX_TABLE, 8); i++) {
    const place = pointer(table, 8 * i);
    const hasFixup = isTrap(word(place));
    // Nothing waits yet, so the mark is free.
    if (hasFixup) addMark(u32(place) >>> 2, WAITING);
    add(place, hasFixup ? FIXUP : ALSO, pointer(table, 8 * i + 4));
  }
}

function addBugs(): void {
  const table = sectionOfKind(BUG_TABLE);
  for (let i: u32 = 0; i < countOf(BUG_TABLE, BUG_SIZE); i++) {
    const place = pointer(table, BUG_SIZE * i);
    if (isCode(place) && (markOf(u32(place) >>> 2) & WAITING) !== 0) continue;
    // The last two bytes of an entry are its flags.
    const flags = load<u32>(contentsOf(table) + BUG_SIZE * i, 8) >>> 16;
    const returns = (flags & WARNING) !== 0 || !isUnconditional(word(place));
    add(place, returns ? PASS : STOP, place);
  }
}

function addLabels(): void {
  const table = sectionOfKind(JUMP_TABLE);
  for (let i: u32 = 0; i < countOf(JUMP_TABLE, 16); i++) {
    const place = pointer(table, 16 * i);
    const target = pointer(table, 16 * i + 4);
    const here = word(place);
    const isBranch = (here & 0xfc00_0003) === 0x4800_0000;
    if (!isBranch || place + ((i32(here) << 6) >> 8) * 4 !== target) add(place, ALSO, target);
    if (here !== NOP) add(place, NEXT, place + 4);
  }
}

function addFeatures(known: u32): void {
  const table = sectionOfKind(known);
  for (let i: u32 = 0; i < countOf(known, 48); i++) {
    const entry = offsetOf(table) - origin + 48 * i;
    const fields = contentsOf(table) + 48 * i;
    const start = i32(entry + load<u32>(fields, 16));
    const end = i32(entry + load<u32>(fields, 24));
    const alternative = i32(entry + load<u32>(fields, 32));
    const alternativeEnd = i32(entry + load<u32>(fields, 40));
    if (end <= start) continue;
    // The rest of the section is filled with nops, so an alternative always goes on behind it.
    if (alternativeEnd > alternative) {
      add(start, ALSO, alternative);
      add(alternativeEnd, INSTEAD, end);
    } else add(start, ALSO, end);
  }
}

/** By place; those of one place keep their order. @param room for as many edges again, and eight bytes for each */
function sortEdges(room: u32): void {
  const unsorted = room + 8 * count;
  memory.copy(unsorted, edges, EDGE_SIZE * count);
  for (let i: u32 = 0; i < count; i++) store<u64>(room + 8 * i, (u64(load<u32>(edges + EDGE_SIZE * i)) << 32) | i);
  sort(room, count);
  for (let i: u32 = 0; i < count; i++)
    memory.copy(edges + EDGE_SIZE * i, unsorted + EDGE_SIZE * load<u32>(room + 8 * i), EDGE_SIZE);
}
