/**
 * The module as the loader would leave it: relocated, its tracer places made ready. Files that are plain by `screen.ts` need no
 * other checks here. Sections are changed where they stand in the file, which is gone afterwards; `loader/apply.ts`,
 * `loader/feature-fixups.ts` and `loader/tracer-sites.ts` are the model.
 */
import { ENTRY_SIZE } from '../../../elf/wasm/format';
import {
  FTR_FIXUP,
  FW_FTR_FIXUP,
  LWSYNC_FIXUP,
  MCOUNT_LOC,
  MMU_FTR_FIXUP,
  PATCHABLE,
  PERCPU,
  STUBS,
  sectionOfKind,
  TOC,
} from './known';
import { BASE, isKept, layOut, NOWHERE, offsetOf } from './layout';
import { CLASSES } from './memory';
import { addressOf, numberOf } from './names';
import { contentsOf, FILLED, isRelocations, kindOf, sections, sizeOf, targetOf } from './sections';
import { dropsLinkSave, nopOperations, outOfLineSize, percpuAddress, recordedNops } from './settings';
import { sort } from './sort';
import {
  countSize,
  countSlots,
  makeStubs,
  makeTracerStubs,
  outOfLineCount,
  STUB_SIZE,
  slotOf,
  slots,
  slotsTaken,
  startStubs,
  stubsAt,
  stubsSize,
} from './stub-slots';
import { BARE, EXEMPT, EXTERNAL, GONE, nameOf, sectionOf, symbolAt, symbolCount, TOC_POINTER } from './symbols';

const NOP: u32 = 0x6000_0000;
const MFLR_R0: u32 = 0x7c08_02a6;
const MTLR_R0: u32 = 0x7c08_03a6;
const STD_R0_16_R1: u32 = 0xf801_0010;
const RESTORE_R2: u32 = 0xe841_0018;
const LWSYNC: u32 = 0x7c20_04ac;
const LI_MASK: u32 = 0x03ff_fffc;
const LD_R2_R12: u32 = 0xe84c_0000;
const ADD_R2_R2_R12: u32 = 0x7c42_6214;

/** Addresses: what r2 holds, and where `.stubs` lies. */
export let toc: u64 = 0;
/** By symbol: 1 where a branch to it leaves the module. */
let externals: u32 = 0;

/** Bytes that making the image needs, at most. */
export function imageSize(): u32 {
  // No more slots than branches, and these count as relocations; the pairs lie where the stubs come later.
  let relocations: u32 = 0;
  for (let i: u32 = 1; i < sections; i++) if (isRelocations(i)) relocations += sizeOf(i) / ENTRY_SIZE;
  return countSize() + stubsSize(min(relocations, MOST_SLOTS) + outOfLineCount() + 4) + symbolCount + 64;
}
/** More slots than that no module has by far. */
const MOST_SLOTS: u32 = 1 << 16;

/** @param at room for `imageSize` bytes. @returns whether all of it could be made */
export function makeImage(at: u32): bool {
  const count = countSlots(at);
  if (count === 0 || count > MOST_SLOTS || !layOut(count * STUB_SIZE)) return false;
  externals = at;
  memory.fill(externals, 0, symbolCount);
  setToc();
  placeSymbols();
  const stubs = sectionOfKind(STUBS);
  startStubs((at + symbolCount + 7) & ~7, offsetOf(stubs), count);
  for (let i: u32 = 1; i < sections; i++) {
    if (!isRelocations(i) || !isKept(targetOf(i))) continue;
    if (!makeStubs(i, externals, toc) || !relocate(i, targetOf(i))) return false;
  }
  return finish();
}

function setToc(): void {
  const section = sectionOfKind(TOC) === 0 ? sectionOfKind(STUBS) : sectionOfKind(TOC);
  toc = ((BASE + offsetOf(section)) & ~0xff) + 0x8000;
}

export function addressOfSection(section: u32): u64 {
  return BASE + offsetOf(section);
}

/** `simplify_symbols()`: every symbol's value becomes an address. */
function placeSymbols(): void {
  const percpu = sectionOfKind(PERCPU);
  for (let i: u32 = 1; i < symbolCount; i++) {
    const symbol = symbolAt(i);
    const section = sectionOf(symbol);
    const symbolClass: u32 = load<u8>(CLASSES + i);
    if (section === 0) {
      let address: u64 = 0;
      if (symbolClass === TOC_POINTER) address = toc;
      else {
        store<u8>(externals + i, 1);
        // A weak import that nobody exports; one that another module exports is not plain.
        const isNowhere = symbolClass === (EXTERNAL | BARE);
        const number = isNowhere ? -1 : numberOf(nameOf(i));
        if (number >= 0) address = addressOf(number);
      }
      store<u64>(symbol, address, 8);
    } else if (section < sections) {
      if (section === percpu) store<u64>(symbol, load<u64>(symbol, 8) + percpuAddress(), 8);
      else if (symbolClass !== GONE && offsetOf(section) !== NOWHERE)
        store<u64>(symbol, load<u64>(symbol, 8) + addressOfSection(section), 8);
    }
  }
}

function highAdjusted(distance: u64): u16 {
  return u16((distance + 0x8000) >>> 16);
}

/** Bytes that a relocation writes, the restore of r2 behind a call included. */
function widthOf(type: u32): u32 {
  switch (type) {
    case 26:
      return 4;
    case 48:
    case 50:
    case 64:
    case 250:
    case 252:
      return 2;
  }
  return 8;
}

/** Applies the relocations of one section. Where two of them share a byte, or may, the loader's order decides: `false`. */
function relocate(section: u32, target: u32): bool {
  const contents = contentsOf(target);
  const base = addressOfSection(target);
  const first = contentsOf(section);
  const last = first + sizeOf(section);
  let end: u32 = 0;
  for (let at = first; at < last; at += ENTRY_SIZE) {
    const offset = load<u32>(at);
    const symbol = load<u32>(at, 12);
    const type = load<u32>(at, 8);
    if (offset < end) return false;
    end =
      offset +
      (type === 10 && (load<u8>(externals + symbol) === 0 || (load<u8>(CLASSES + symbol) & EXEMPT) !== 0)
        ? 4
        : widthOf(type));
    const place = contents + offset;
    const value = load<u64>(symbolAt(symbol), 8) + load<u64>(at, 16);
    const distance = value - (base + offset);
    switch (type) {
      case 10: // R_PPC64_REL24
        if (!relocateBranch(place, symbol, distance, base + offset)) return false;
        break;
      case 26: // R_PPC64_REL32
        store<u32>(place, u32(distance));
        break;
      case 38: // R_PPC64_ADDR64
        store<u64>(place, value);
        break;
      case 44: // R_PPC64_REL64
        store<u64>(place, distance);
        break;
      case 48: // R_PPC64_TOC16_LO
        store<u16>(place, u16(value - toc));
        break;
      case 50: // R_PPC64_TOC16_HA
        store<u16>(place, highAdjusted(value - toc));
        break;
      case 51: // R_PPC64_TOC
        store<u64>(place, toc);
        break;
      case 64: // R_PPC64_TOC16_LO_DS
        store<u16>(place, (load<u16>(place) & 3) | (u16(value - toc) & 0xfffc));
        break;
      case 118: // R_PPC64_ENTRY
        rewriteEntry(place, toc - (base + offset));
        break;
      case 250: // R_PPC64_REL16_LO
        store<u16>(place, u16(distance));
        break;
      case 252: // R_PPC64_REL16_HA
        store<u16>(place, highAdjusted(distance));
        break;
      default:
        return false;
    }
  }
  return true;
}

/** @param distance from the branch to its symbol, or what is added to that */
function relocateBranch(place: u32, symbol: u32, distance: u64, address: u64): bool {
  let to = distance;
  if (load<u8>(externals + symbol) !== 0) {
    const slot = slotOf(symbol);
    if (slot < 0) return false;
    to = addressOfSection(sectionOfKind(STUBS)) + u32(slot) * STUB_SIZE - address;
    if ((load<u8>(CLASSES + symbol) & EXEMPT) === 0) store<u32>(place, RESTORE_R2, 4);
  } else {
    const k: u32 = load<u8>(symbolAt(symbol), 5) >>> 5;
    to += ((1 << k) >>> 2) << 2;
  }
  if (to + 0x200_0000 > 0x3ff_ffff || (to & 3) !== 0) return false;
  store<u32>(place, (load<u32>(place) & ~LI_MASK) | (u32(to) & LI_MASK));
  return true;
}

function rewriteEntry(place: u32, distance: u64): void {
  if (distance + 0x8000_8000 > 0xffff_ffff) return;
  if ((load<u32>(place) & ~0xfffc) !== LD_R2_R12 || load<u32>(place, 4) !== ADD_R2_R2_R12) return;
  store<u32>(place, 0x3c4c_0000 | highAdjusted(distance));
  store<u32>(place, 0x3842_0000 | (u32(distance) & 0xffff), 4);
}

/** What follows the relocations. */
function finish(): bool {
  const caller = makeTracerStubs(toc);
  if (caller < 0) return false;
  const ownStubs = slotsTaken * STUB_SIZE;
  if (ownStubs + outOfLineCount() * outOfLineSize() > slots * STUB_SIZE) return false;
  if (!areFeaturesKept(FTR_FIXUP) || !areFeaturesKept(MMU_FTR_FIXUP) || !areFeaturesKept(FW_FTR_FIXUP)) return false;
  patchBarriers();
  return makeSitesReady(ownStubs, caller * STUB_SIZE);
}

/** Features that the kernel has on every machine: `ALWAYS` of `loader/feature-fixups.ts`. */
const ALWAYS: u64 = 0x3_8000_8081;

/** Whether no entry of a table makes the loader put in an alternative, whatever the machine. */
function areFeaturesKept(known: u32): bool {
  const table = sectionOfKind(known);
  if (table === 0) return true;
  const always: u64 = known === FTR_FIXUP ? ALWAYS : 0;
  const last = contentsOf(table) + sizeOf(table);
  for (let at = contentsOf(table); at < last; at += 48) {
    const mask = load<u64>(at);
    const value = load<u64>(at, 8);
    if ((value & ~mask) !== 0 || (value & always) !== (mask & always)) return false;
  }
  return true;
}

function patchBarriers(): void {
  const table = sectionOfKind(LWSYNC_FIXUP);
  if (table === 0) return;
  for (let at: u32 = 0; at < sizeOf(table); at += 8) {
    const address = addressOfSection(table) + at + load<u64>(contentsOf(table) + at);
    const section = sectionWith(address);
    if (section !== 0) store<u32>(contentsOf(section) + u32(address - addressOfSection(section)), LWSYNC);
  }
}

/** `ftrace_module_init()`: the records in their order, and the words that they name. */
function makeSitesReady(ownStubs: u32, caller: u32): bool {
  const table = sectionOfKind(recordedNops() > 0 ? PATCHABLE : MCOUNT_LOC);
  if (table === 0) return true;
  const records = contentsOf(table);
  const count = sizeOf(table) / 8;
  sort(records, count);
  let last: u32 = 0;
  let contents: u32 = 0;
  let start: u64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const address = load<u64>(records + 8 * i);
    if (address === 0) continue;
    // Most places lie in the section of the one before.
    if (last === 0 || address < start || address + 4 > start + sizeOf(last)) {
      last = sectionWith(address);
      if (last === 0) return false;
      start = addressOfSection(last);
      contents = contentsOf(last);
    }
    const place = contents + u32(address - start);
    if (recordedNops() === 0) {
      store<u32>(place, NOP);
      if (dropsLinkSave() && load<u32>(place - 4) === STD_R0_16_R1) store<u32>(place - 4, NOP);
    } else if (outOfLineSize() === 0) store<u32>(place, MFLR_R0);
    else if (!outOfLine(ownStubs + i * outOfLineSize(), address, caller)) return false;
  }
  return true;
}

/** The section whose contents hold the four bytes at an address, or 0. */
function sectionWith(address: u64): u32 {
  const offset = address - BASE;
  for (let i: u32 = 1; i < sections; i++)
    if (isKept(i) && (kindOf(i) & FILLED) !== 0 && offset >= offsetOf(i))
      if (offset + 4 <= u64(offsetOf(i)) + sizeOf(i)) return i;
  return 0;
}

/** `ftrace_init_ool_stub()`: mflr r0; bl ftrace_caller's stub; mtlr r0; b behind the place. */
function outOfLine(stub: u32, place: u64, caller: u32): bool {
  const start = addressOfSection(sectionOfKind(STUBS));
  let at = stub;
  if (outOfLineSize() === 24) {
    store<u64>(stubsAt + at, nopOperations());
    at += 8;
  }
  store<u32>(stubsAt + at, MFLR_R0);
  store<u32>(stubsAt + at, 0x4800_0001 | ((caller - (at + 4)) & LI_MASK), 4);
  store<u32>(stubsAt + at, MTLR_R0, 8);
  const back = place + 4 - (start + at + 12);
  store<u32>(stubsAt + at, 0x4800_0000 | (u32(back) & LI_MASK), 12);
  return back + 0x200_0000 <= 0x3ff_ffff;
}
