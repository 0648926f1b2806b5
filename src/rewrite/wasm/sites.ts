/**
 * The plan: all call sites of the file, with the calls' relocations and the tracer's records; `call-sites.ts` and `nops.ts` are
 * the model. It is for files in which each record names a site of its own and each site lies in a function: then all records go.
 */
import { ENTRY_SIZE } from '../../elf/wasm/format';
import {
  covers,
  functionCount,
  functions,
  groupEnd,
  listedNames,
  listNames,
  place,
  profiler,
  sectionOf,
  startNames,
  symbolCount,
  symbolOf,
} from './functions';
import { NOP, RECORD_SIZE, reserve } from './memory';
import { CODE, contentsOf, kindOf, relocationsOf, sections, sizeOf, TRACER } from './sections';
import { key, putRow, ROW, sorted } from './sort';

const R_PPC64_REL24: u32 = 10;
const R_PPC64_ADDR64: u32 = 38;
const MFLR_R0: u32 = 0x7c0802a6;
const STD_R0_16_R1: u32 = 0xf8010010;
const BL: u32 = 0x48000001;

/** In the order of NOP_FORMS in `plan/nop-table.ts`. */
const MPROFILE_KERNEL: u32 = 0;
const MPROFILE_KERNEL_LR: u32 = 1;
export const PATCHABLE: u32 = 2;
const PATCHABLE_OUT_OF_LINE: u32 = 3;

/** Planned sites, as `plan/nop-table.ts` describes them. */
export const SITE: u32 = 48;
export let plan: u32 = 0;
export let planned: u32 = 0;
/** Functions (by entry) that have no site. */
export let without: u32 = 0;
/** Calls whose relocations go. */
export let calls: u32 = 0;

/** Rows of calls: `place`, entry. */
let callRows: u32 = 0;
let callCount: u32 = 0;
/** Rows of records: `place`, table, entry. */
let recordRows: u32 = 0;
export let recordCount: u32 = 0;
let records: u32 = 0;

export function planSites(): bool {
  const room = countRows();
  callRows = reserve(calls * ROW);
  recordRows = reserve(records * ROW);
  plan = reserve(room * SITE);
  if (callRows === 0 || recordRows === 0 || plan === 0 || room === 0) return false;
  callCount = recordCount = 0;
  for (let i: u32 = 1; i < sections; i++) {
    const kind = kindOf(i);
    if (kind === CODE && relocationsOf(i) !== 0 && !readCalls(i, relocationsOf(i))) return false;
    if (kind === TRACER && !readRecords(i)) return false;
  }
  recordRows = sorted(recordRows, recordCount);
  calls = callCount;
  return recordRows !== 0 && startNames() && joinAll();
}

/** Counts the records, and the relocations that may be calls' (in `calls`). */
function countRows(): u32 {
  calls = records = 0;
  for (let i: u32 = 1; i < sections; i++) {
    if (kindOf(i) === TRACER) records += sizeOf(i) / RECORD_SIZE;
    if (kindOf(i) === CODE && relocationsOf(i) !== 0) calls += countCalls(relocationsOf(i));
  }
  return calls + records;
}

function countCalls(table: u32): u32 {
  const end = contentsOf(table) + sizeOf(table);
  let found: u32 = 0;
  if (profiler === 0) return 0;
  for (let at = contentsOf(table); at < end; at += ENTRY_SIZE) found += u32(load<u32>(at, 12) === profiler);
  return found;
}

/** The calls of the tracer in a section, in the order of their places. */
function readCalls(section: u32, table: u32): bool {
  if (profiler === 0) return true;
  const start = contentsOf(table);
  const end = start + sizeOf(table);
  let before: u64 = 0;
  for (let at = start; at < end; at += ENTRY_SIZE) {
    if (load<u32>(at, 12) !== profiler) continue;
    const offset = load<u64>(at);
    if (load<u32>(at, 8) !== R_PPC64_REL24 || offset % 4 !== 0 || offset + 4 > sizeOf(section)) return false;
    // Behind the one before, and not the first word: something is saved in front of it.
    if (offset <= before || load<u32>(contentsOf(section) + u32(offset)) !== BL) return false;
    before = offset;
    putRow(callRows + callCount++ * ROW, place(section, u32(offset)), (at - start) / ENTRY_SIZE, 0);
  }
  return true;
}

/** The records of a table: one relocation each, in order. */
function readRecords(section: u32): bool {
  const table = relocationsOf(section);
  const size = sizeOf(section);
  if (table === 0 || size % RECORD_SIZE !== 0 || sizeOf(table) / ENTRY_SIZE !== size / RECORD_SIZE) return false;
  let at = contentsOf(table);
  for (let n: u32 = 0; n * RECORD_SIZE < size; n++, at += ENTRY_SIZE) {
    if (load<u64>(at) !== n * RECORD_SIZE || load<u32>(at, 8) !== R_PPC64_ADDR64) return false;
    if (load<u32>(at, 12) >= symbolCount) return false;
    const symbol = symbolOf(load<u32>(at, 12));
    const home = sectionOf(symbol);
    if (home >= sections || kindOf(home) !== CODE) return false;
    const value = load<u64>(symbol, 8);
    const addend = load<i64>(at, 16);
    if (value > 0xffff_ffff || addend > 0xffff_ffff || addend < -0xffff_ffff) return false;
    const offset = value + u64(addend);
    if (offset % 4 !== 0 || offset + 4 > sizeOf(home)) return false;
    putRow(recordRows + recordCount++ * ROW, place(home, u32(offset)), section, n);
  }
  return true;
}

const END: u64 = u64.MAX_VALUE;

/** Brings calls and records together, place by place, and looks the functions up that they lie in. */
function joinAll(): bool {
  const form = nopForm();
  let call: u32 = 0;
  let record: u32 = 0;
  let group: u32 = 0;
  let nextGroup: u32 = functionCount > 0 ? groupEnd(0) : 0;
  let named: u32 = 0;
  let isNamed = false;
  planned = without = 0;
  for (;;) {
    const callAt = call < callCount ? key(callRows + call * ROW) : END;
    const recordAt = record < recordCount ? key(recordRows + record * ROW) : END;
    const at = min(callAt, recordAt);
    if (at === END) break;
    if (record > 0 && recordAt === key(recordRows + (record - 1) * ROW)) return false;
    // The last function that begins here or before.
    while (nextGroup < functionCount && key(functions + nextGroup * ROW) <= at) {
      if (!isNamed) without++;
      group = nextGroup;
      nextGroup = groupEnd(group);
      isNamed = false;
    }
    if (functionCount === 0 || key(functions + group * ROW) > at) return false;
    if (key(functions + group * ROW) >>> 32 !== at >>> 32 || !covers(group, nextGroup, u32(at))) return false;
    if (!isNamed) {
      named = listedNames();
      listNames(group, nextGroup);
      isNamed = true;
    }
    const site = plan + planned++ * SITE;
    const section = u32(at >>> 32);
    const word = contentsOf(section) + u32(at);
    memory.fill(site, 0, SITE);
    store<u32>(site, section);
    store<u32>(site, u32(at), 4);
    store<u32>(site, load<u32>(word), 8);
    store<u32>(site, named, 40);
    store<u32>(site, listedNames(), 44);
    if (callAt === at) {
      const callForm = formOf(word, u32(at));
      if (callForm < 0) return false;
      store<u32>(site, callForm, 12);
      store<u32>(site, relocationsOf(section), 16);
      store<u32>(site, load<u32>(callRows + call * ROW, 8), 20);
      call++;
    } else {
      if (load<u32>(word) !== NOP) return false;
      store<u32>(site, form, 12);
    }
    if (recordAt === at) {
      const row = recordRows + record * ROW;
      const table = load<u32>(row, 8);
      const entry = load<u32>(row, 12);
      store<u32>(site, table, 24);
      store<u32>(site, entry * RECORD_SIZE, 28);
      store<u32>(site, relocationsOf(table), 32);
      store<u32>(site, entry, 36);
      record++;
    }
  }
  if (functionCount > 0 && !isNamed) without++;
  for (; nextGroup < functionCount; nextGroup = groupEnd(nextGroup)) without++;
  return planned > 0;
}

/** The form of a profiling call; -1 for one of plain -pg, which the general way takes out. */
function formOf(word: u32, offset: u32): i32 {
  if (load<u32>(word - 4) === MFLR_R0) return MPROFILE_KERNEL;
  if (offset < 8 || load<u32>(word - 4) !== STD_R0_16_R1 || load<u32>(word - 8) !== MFLR_R0) return -1;
  return MPROFILE_KERNEL_LR;
}

/** Two nops were left where every record that names a nop has another behind it. */
function nopForm(): u32 {
  for (let n: u32 = 0; n < recordCount; n++) {
    const at = key(recordRows + n * ROW);
    const section = u32(at >>> 32);
    const word = contentsOf(section) + u32(at);
    if (load<u32>(word) !== NOP) continue;
    if (u32(at) + 8 > sizeOf(section) || load<u32>(word, 4) !== NOP) return PATCHABLE_OUT_OF_LINE;
  }
  return PATCHABLE;
}
