/**
 * Every relocation that the loader applies; `loader/relocation-check.ts` is the model. All of the module lies within 512 MiB
 * and its code within 32 MiB (`sections.ts`), so what stays inside the module is in reach wherever it is put, and only what
 * leaves it, or depends on the lowest bits, has to be looked at.
 *
 * On the way the words of code are marked: a call that the tracer takes out, or whatever a relocation writes to.
 */
import { ENTRY_SIZE } from '../../../elf/wasm/format';
import { PERCPU, sectionOfKind, THIS_MODULE, TOC } from './known';
import { ACTIONS, CLASSES, MARKS } from './memory';
import {
  baseOf,
  CODE,
  codeWords,
  contentsOf,
  EVEN,
  FILLED,
  isRelocations,
  kindOf,
  PLACED,
  sections,
  sizeOf,
  targetOf,
} from './sections';
import { moduleExit, moduleInit, recordedNops, relocatesPercpu } from './settings';
import {
  BARE,
  EXEMPT,
  EXTERNAL,
  GONE,
  IN_CODE,
  MCOUNT,
  sectionOf,
  symbolAt,
  symbolCount,
  TOC_POINTER,
} from './symbols';

/** Marks: a call of `_mcount` that has the form that the tracer wants; a relocation writes here; a fixup table names it. */
export const CALL: u32 = 1;
export const WRITTEN: u32 = 2;
export const REWRITTEN: u32 = 4;

const R_PPC64_REL24: u32 = 10;
const R_PPC64_REL32: u32 = 26;
export const R_PPC64_ADDR64: u32 = 38;
const R_PPC64_REL64: u32 = 44;
const R_PPC64_TOC16_LO: u32 = 48;
const R_PPC64_TOC16_HA: u32 = 50;
const R_PPC64_TOC: u32 = 51;
const R_PPC64_TOC16_LO_DS: u32 = 64;
const R_PPC64_ENTRY: u32 = 118;
const R_PPC64_REL16_LO: u32 = 250;
const R_PPC64_REL16_HA: u32 = 252;
const TYPES: u32 = 256;

/** What a type does: three bits; above them the bytes that it may write. 0 for types that are not plain. */
const STORE: u32 = 1;
/** A branch. */
const BRANCH: u32 = 2;
/** A distance between two places of the module. */
const DISTANCE: u32 = 3;
/** The same in multiples of four. */
const EVEN_DISTANCE: u32 = 4;
const WIDTH_SHIFT: u32 = 3;

const NOP: u32 = 0x6000_0000;
const MFLR_R0: u32 = 0x7c08_02a6;
const STD_R0_16_R1: u32 = 0xf801_0010;
const BRANCH_MASK: u32 = 0xfc00_0003;
const BRANCH_AND_LINK: u32 = 0x4800_0001;
/** Values and addends below it leave distances far from their limits. */
const FAR: i64 = 0x2000_0000;

function setAction(type: u32, action: u32, width: u32): void {
  store<u8>(ACTIONS + type, u8(action | (width << WIDTH_SHIFT)));
}

export function setActions(): void {
  setAction(R_PPC64_ADDR64, STORE, 8);
  setAction(R_PPC64_TOC, STORE, 8);
  setAction(R_PPC64_REL64, STORE, 8);
  setAction(R_PPC64_ENTRY, STORE, 8);
  setAction(R_PPC64_TOC16_LO, STORE, 2);
  setAction(R_PPC64_REL16_LO, STORE, 2);
  setAction(R_PPC64_REL24, BRANCH, 4);
  setAction(R_PPC64_REL32, DISTANCE, 4);
  setAction(R_PPC64_TOC16_HA, DISTANCE, 2);
  setAction(R_PPC64_REL16_HA, DISTANCE, 2);
  setAction(R_PPC64_TOC16_LO_DS, EVEN_DISTANCE, 2);
}

export function checkRelocations(): bool {
  memory.fill(MARKS, 0, codeWords);
  const structure = sectionOfKind(THIS_MODULE);
  const toc = sectionOfKind(TOC);
  if (toc !== 0 && (kindOf(toc) & PLACED) === 0) return false;
  for (let i: u32 = 1; i < sections; i++) {
    if (!isRelocations(i)) continue;
    const target = targetOf(i);
    const kind = kindOf(target);
    if ((kind & PLACED) === 0) {
      if (target === sectionOfKind(PERCPU) && relocatesPercpu()) return false;
      continue;
    }
    if ((kind & FILLED) === 0 || (target === structure && !fillsInitAndExit(i)) || !check(i, target, kind))
      return false;
  }
  return true;
}

/** Whether relocations fill only two fields of the module's own structure, each with the address of code. */
function fillsInitAndExit(section: u32): bool {
  const first = contentsOf(section);
  for (let at = first; at < first + sizeOf(section); at += ENTRY_SIZE) {
    if (load<u32>(at, 8) !== R_PPC64_ADDR64) return false;
    if (load<u64>(at) !== moduleInit() && load<u64>(at) !== moduleExit()) return false;
    const symbol = load<u32>(at, 12);
    if (symbol >= symbolCount || (load<u8>(CLASSES + symbol) & ~7) !== IN_CODE) return false;
    const value = load<u64>(symbolAt(symbol), 8);
    const addend = load<i64>(at, 16);
    const size = sizeOf(sectionOf(symbolAt(symbol)));
    if (value > size || addend < 0 || addend > i64(size) || value + addend + 4 > size) return false;
  }
  return true;
}

function check(section: u32, target: u32, kind: u32): bool {
  const isCode = (kind & CODE) !== 0;
  const contents = contentsOf(target);
  const limit = sizeOf(target);
  const marks = MARKS + baseOf(target);
  const marksWrites = isCode && recordedNops() > 0;
  const first = contentsOf(section);
  const last = first + sizeOf(section);
  let end: u32 = 0;
  let before: i32 = -8;
  let isOrdered = true;
  let hasBranches = false;
  for (let at = first; at < last; at += ENTRY_SIZE) {
    const offset = load<u32>(at);
    const type = load<u32>(at, 8);
    const symbol = load<u32>(at, 12);
    if (load<u32>(at, 4) !== 0 || type >= TYPES || symbol >= symbolCount || offset >= limit) return false;
    const symbolClass: u32 = load<u8>(CLASSES + symbol);
    const rule: u32 = load<u8>(ACTIONS + type);
    const action = rule & 7;
    let after = offset + (rule >>> WIDTH_SHIFT);
    if (symbolClass === GONE || after > limit) return false;
    if (offset < end) isOrdered = false;
    const addend = load<i64>(at, 16);
    switch (action) {
      case STORE:
        break;
      case BRANCH: {
        hasBranches = true;
        if (!isCode || offset % 4 !== 0) return false;
        const word = load<u32>(contents + offset);
        if (symbolClass >= EXTERNAL && symbolClass !== TOC_POINTER) {
          // A branch to another object that does not link loads, and is a finding.
          if (addend !== 0 || (symbolClass & BARE) !== 0 || (word & BRANCH_MASK) !== BRANCH_AND_LINK) return false;
          if ((symbolClass & EXEMPT) === 0) {
            after = offset + 8;
            if (after > limit || load<u32>(contents + offset + 4) !== NOP) return false;
          } else if ((symbolClass & MCOUNT) !== 0 && offset >= 4 && before <= i32(offset) - 8) {
            const saved = load<u32>(contents + offset - 4);
            if (saved === MFLR_R0 || saved === STD_R0_16_R1) store<u8>(marks + (offset >>> 2), CALL);
          }
        } else if (symbolClass > (IN_CODE | 7) || (symbolClass & IN_CODE) === 0 || word >>> 26 === 1) return false;
        else if (!isEntry(symbolAt(symbol), symbolClass & 7, addend)) return false;
        break;
      }
      case DISTANCE:
        if (symbolClass === TOC_POINTER) {
          if (type === R_PPC64_TOC16_HA || addend >= FAR || addend <= -FAR) return false;
        } else if (symbolClass >= BARE || !isNear(symbolAt(symbol), addend)) return false;
        break;
      case EVEN_DISTANCE: {
        if (symbolClass >= BARE) return false;
        const at = symbolAt(symbol);
        if (!isNear(at, addend) || (kindOf(sectionOf(at)) & EVEN) === 0) return false;
        if (((load<i64>(at, 8) + addend) & 3) !== 0) return false;
        break;
      }
      default:
        return false;
    }
    if (marksWrites)
      for (let word = offset >>> 2; word < (after + 3) >>> 2; word++) store<u8>(marks + word, u8(WRITTEN));
    if (after > end) end = after;
    before = offset;
  }
  return isOrdered || !hasBranches;
}

function isNear(symbol: u32, addend: i64): bool {
  return load<u64>(symbol, 8) < u64(FAR) && addend < FAR && addend > -FAR;
}

/** Whether a branch that leads `addend` bytes behind a function's local entry stays in its section and meets a word. */
function isEntry(symbol: u32, k: u32, addend: i64): bool {
  const value = load<u64>(symbol, 8);
  const section = sectionOf(symbol);
  const size = sizeOf(section);
  if (value > size || addend < 0 || addend > i64(size) || (kindOf(section) & EVEN) === 0) return false;
  const target = u32(value) + u32(addend) + (((1 << k) >>> 2) << 2);
  return target <= size && target % 4 === 0;
}
