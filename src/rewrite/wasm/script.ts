/** The script that turns the new file into the old one; `restore-script.ts` says what it consists of and is the model. */

import { ENTRY_SIZE } from '../../elf/wasm/format';
import {
  firstSite,
  lastSite,
  newPartSize,
  partAt,
  partCount,
  partSection,
  partSize,
  partStart,
  staysWhole,
} from './layout';
import { file, fileSize, left, reserve } from './memory';
import { CODE, infoOf, kindOf, sizeOf } from './sections';
import { plan, SITE } from './sites';

/** Fewer equal bytes than this are not worth a copy. */
const SHORTEST_COPY: u32 = 8;
/** Bytes that the numbers of an operation take at most. */
const MOST_NUMBERS: u32 = 24;

export let script: u32 = 0;
export let scriptSize: u32 = 0;

let out: u32 = 0;
let limit: u32 = 0;
/** A run of the old file that stands in the new one: where from, where to, how long. */
let from: u32 = 0;
let to: u32 = 0;
let length: u32 = 0;
/** Bytes of the old file that are made, and the end of the last copy in the new one. */
let made: u32 = 0;
let source: u32 = 0;
let hasRoom: bool = true;

export function writeScript(): bool {
  script = reserve(0);
  out = script;
  limit = script + left();
  from = to = length = made = source = 0;
  hasRoom = true;
  putNumber(fileSize);
  for (let n: u32 = 0; n < partCount && hasRoom; n++) copyPart(n);
  copyRun(0, 0, 0);
  if (hasRoom && made < fileSize) {
    putLiteral(fileSize);
    putNumber(0);
  }
  scriptSize = out - script;
  return hasRoom && reserve(scriptSize) === script;
}

function copyPart(n: u32): void {
  const section = partSection(n);
  const at = partAt(n);
  const start = partStart(n);
  const size = partSize(n);
  // What grows does so behind its old bytes.
  if (section === 0 || staysWhole(section) || newPartSize(n) > size) addRun(at, start, size);
  else if (newPartSize(n) === 0) return;
  else if (kindOf(section) === CODE) copyAroundWords(section, at, start);
  else copyAroundEntries(section, at, start);
}

/** All but the words that change. */
function copyAroundWords(section: u32, at: u32, start: u32): void {
  let done: u32 = 0;
  for (let n = firstSite(section); n < lastSite(section); n++) {
    const site = plan + n * SITE;
    if (load<u32>(site, 16) === 0) continue;
    const offset = load<u32>(site, 4);
    if (offset > done) addRun(at + done, start + done, offset - done);
    done = offset + 4;
  }
  if (sizeOf(section) > done) addRun(at + done, start + done, sizeOf(section) - done);
}

/** All but the relocations that go. */
function copyAroundEntries(table: u32, at: u32, start: u32): void {
  const section = infoOf(table);
  let done: u32 = 0;
  let moved = start;
  for (let n = firstSite(section); n < lastSite(section); n++) {
    const site = plan + n * SITE;
    if (load<u32>(site, 16) === 0) continue;
    const gone = load<u32>(site, 20) * ENTRY_SIZE;
    if (gone > done) addRun(at + done, moved, gone - done);
    moved += gone - done;
    done = gone + ENTRY_SIZE;
  }
  if (sizeOf(table) > done) addRun(at + done, moved, sizeOf(table) - done);
}

/** Runs that continue one another are one. */
function addRun(runFrom: u32, runTo: u32, runLength: u32): void {
  if (length > 0 && from + length === runFrom && to + length === runTo) length += runLength;
  else copyRun(runFrom, runTo, runLength);
}

/** Writes down the run before this one. */
function copyRun(runFrom: u32, runTo: u32, runLength: u32): void {
  if (length >= SHORTEST_COPY) {
    putLiteral(from);
    if (!hasRoom) return;
    putNumber(length);
    const distance = i64(to) - (i64(source) + from - made);
    putNumber(u64(distance < 0 ? -distance * 2 - 1 : distance * 2));
    made = from + length;
    source = to + length;
  }
  from = runFrom;
  to = runTo;
  length = runLength;
}

/** Bytes of the old file up to `end`, and their number in front. */
function putLiteral(end: u32): void {
  const size = end - made;
  if (limit - out < 2 * MOST_NUMBERS || limit - out - 2 * MOST_NUMBERS < size) {
    hasRoom = false;
    return;
  }
  putNumber(size);
  memory.copy(out, file + made, size);
  out += size;
}

/** Unsigned LEB128. */
function putNumber(value: u64): void {
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) store<u8>(out++, u8(rest) | 0x80);
  store<u8>(out++, u8(rest));
}
