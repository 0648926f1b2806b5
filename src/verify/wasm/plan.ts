/** The plan (`plan/nop-table.ts`), and every statement of it held against the input; `planned.ts` is the model. */

import { ENTRY_SIZE, infoOf, offsetOf, SHT_RELA, sizeOf, typeOf } from '../../elf/wasm/format';
import { isText } from '../../util/wasm/bytes';
import { hasContents, input, isCode, nameTable, sections, was } from './files';
import { NOP, RECORD_SIZE, zeroed } from './memory';
import { symbolCount, symbolOf } from './structure';

const SITE: u32 = 48;
const R_PPC64_ADDR64: u32 = 38;
/** In the order of the plan's forms: those that are calls come first. */
const FORMS: u32 = 4;
const FIRST_NOP_FORM: u32 = 2;

let plan: u32 = 0;
export let planned: u32 = 0;
let names: u32 = 0;
let nameCount: u32 = 0;
export let dropsSignature: bool = false;

/** By section: a byte for each entry of a relocation table, or each record, 1 for those that go; 0 where none does. */
let marks: u32 = 0;
/** By section: how many entries, or records, go. */
let counts: u32 = 0;

export function setPlan(at: u32, count: u32, namesAt: u32, namesCount: u32, drops: bool): void {
  plan = at;
  planned = count;
  names = namesAt;
  nameCount = namesCount;
  dropsSignature = drops;
}

export function siteSection(n: u32): u32 {
  return load<u32>(plan + n * SITE);
}

export function siteOffset(n: u32): u32 {
  return load<u32>(plan + n * SITE, 4);
}

function wordBefore(n: u32): u32 {
  return load<u32>(plan + n * SITE, 8);
}

export function formOf(n: u32): u32 {
  return load<u32>(plan + n * SITE, 12);
}

function callTable(n: u32): u32 {
  return load<u32>(plan + n * SITE, 16);
}

function callEntry(n: u32): u32 {
  return load<u32>(plan + n * SITE, 20);
}

export function recordTable(n: u32): u32 {
  return load<u32>(plan + n * SITE, 24);
}

/** Whether the word at the site changes. */
export function isCall(n: u32): bool {
  return callTable(n) !== 0;
}

export function firstName(n: u32): u32 {
  return load<u32>(plan + n * SITE, 40);
}

export function endOfNames(n: u32): u32 {
  return load<u32>(plan + n * SITE, 44);
}

/** A symbol's number. */
export function nameAt(listed: u32): u32 {
  return load<u32>(names + 4 * listed);
}

/** How many entries of a relocation table, or records of a table, go; and for each entry whether it does. */
export function goneFrom(section: u32): u32 {
  return load<u32>(counts + 4 * section);
}

export function isGone(section: u32, entry: u32): bool {
  return load<u8>(load<u32>(marks + 4 * section) + entry) === 1;
}

/** The first entry from `entry` on that goes; `count` where none does. */
export function nextGone(section: u32, entry: u32, count: u32): u32 {
  const at = load<u32>(marks + 4 * section);
  let next = entry;
  while (next + 8 <= count && load<u64>(at + next) === 0) next += 8;
  while (next < count && load<u8>(at + next) === 0) next++;
  return next;
}

export function checkPlan(): bool {
  askedFor = 0;
  answer = false;
  marks = zeroed(4 * sections);
  counts = zeroed(4 * sections);
  if (marks === 0 || counts === 0 || planned === 0) return false;
  let last: u64 = 0;
  for (let n: u32 = 0; n < planned; n++) {
    const place = (u64(siteSection(n)) << 32) | u64(siteOffset(n));
    if (place <= last || !checkSite(n) || !checkNames(n)) return false;
    last = place;
  }
  return allRecordsGo();
}

function checkSite(n: u32): bool {
  const section = siteSection(n);
  const offset = siteOffset(n);
  if (section >= sections || !isCode(was(section)) || formOf(n) >= FORMS) return false;
  const header = was(section);
  if (offset % 4 !== 0 || u64(offset) + 4 > sizeOf(header) || offsetOf(header) % 4 !== 0) return false;
  if (load<u32>(input + offsetOf(header) + offset) !== wordBefore(n)) return false;
  if (isCall(n) !== formOf(n) < FIRST_NOP_FORM || (!isCall(n) && wordBefore(n) !== NOP)) return false;
  if (isCall(n) ? !takeEntry(callTable(n), callEntry(n), section, offset) : callEntry(n) !== 0) return false;
  return recordTable(n) === 0 ? recordIsNone(n) : checkRecord(n, section, offset);
}

function recordIsNone(n: u32): bool {
  const site = plan + n * SITE;
  return load<u32>(site, 28) === 0 && load<u32>(site, 32) === 0 && load<u32>(site, 36) === 0;
}

/** The relocation at `entry` of a table fills the place of the input that goes, and goes once. */
function takeEntry(table: u32, entry: u32, section: u32, offset: u32): bool {
  if (table >= sections || typeOf(was(table)) !== SHT_RELA || infoOf(was(table)) !== section) return false;
  if (entry >= sizeOf(was(table)) / ENTRY_SIZE || !take(table, entry, sizeOf(was(table)) / ENTRY_SIZE)) return false;
  return load<u64>(input + offsetOf(was(table)) + entry * ENTRY_SIZE) === offset;
}

/** Marks one of `all` entries or records; false where it is marked already. */
function take(section: u32, number: u32, all: u32): bool {
  let at = load<u32>(marks + 4 * section);
  if (at === 0) {
    at = zeroed(all);
    if (at === 0) return false;
    store<u32>(marks + 4 * section, at);
  }
  if (load<u8>(at + number) !== 0) return false;
  store<u8>(at + number, 1);
  store<u32>(counts + 4 * section, goneFrom(section) + 1);
  return true;
}

/** The record stands in a table of the tracer, and its relocation names the site. */
function checkRecord(n: u32, section: u32, offset: u32): bool {
  const table = recordTable(n);
  const at = load<u32>(plan + n * SITE, 28);
  const relocations = load<u32>(plan + n * SITE, 32);
  const entry = load<u32>(plan + n * SITE, 36);
  if (table >= sections || !hasContents(was(table)) || !isTracers(table)) return false;
  const size = sizeOf(was(table));
  if (at % RECORD_SIZE !== 0 || u64(at) + RECORD_SIZE > size || !take(table, at / RECORD_SIZE, size / RECORD_SIZE))
    return false;
  if (!takeEntry(relocations, entry, table, at)) return false;
  const relocation = input + offsetOf(was(relocations)) + entry * ENTRY_SIZE;
  const index = load<u32>(relocation, 12);
  if (load<u32>(relocation, 8) !== R_PPC64_ADDR64 || index >= symbolCount) return false;
  const symbol = symbolOf(index);
  return load<u16>(symbol, 6) === section && load<u64>(symbol, 8) + u64(load<i64>(relocation, 16)) === u64(offset);
}

/** The section that was looked at last, and whether it is a table of the tracer. */
let askedFor: u32 = 0;
let answer: bool = false;

function isTracers(section: u32): bool {
  if (section !== askedFor) {
    askedFor = section;
    answer = hasTracersName(section);
  }
  return answer;
}

function hasTracersName(section: u32): bool {
  const name = input + offsetOf(was(nameTable())) + load<u32>(was(section));
  return isText(name, '__mcount_loc') || isText(name, '__patchable_function_entries');
}

function checkNames(n: u32): bool {
  if (firstName(n) >= endOfNames(n) || endOfNames(n) > nameCount) return false;
  for (let i = firstName(n); i < endOfNames(n); i++) if (nameAt(i) >= symbolCount) return false;
  return true;
}

/** No record stays, and no relocation for one: then none has to move up. */
function allRecordsGo(): bool {
  for (let i: u32 = 1; i < sections; i++) {
    if (isTracers(i) && goneFrom(i) * RECORD_SIZE !== sizeOf(was(i))) return false;
    if (typeOf(was(i)) !== SHT_RELA || !isTracers(infoOf(was(i)))) continue;
    if (goneFrom(i) !== sizeOf(was(i)) / ENTRY_SIZE) return false;
  }
  return true;
}
