/** The loader's stubs: how many slots `.stubs` gets and what is in each; `loader/frob.ts` and `loader/stubs.ts` are the model. */
import { ENTRY_SIZE } from '../../../elf/wasm/format';
import { PATCHABLE, sectionOfKind } from './known';
import { BASE } from './layout';
import { CLASSES } from './memory';
import { addressOf, isEndless, numberOf } from './names';
import { contentsOf, isRelocations, sections, sizeOf } from './sections';
import {
  countsStubs,
  kernelToc,
  outOfLineSize,
  pacaToc,
  registersTracerAddress,
  tracerAddress,
  tracesRegisters,
} from './settings';
import { EXEMPT, nameOf, symbolCount } from './symbols';

const R_PPC64_REL24: u32 = 10;
export const STUB_SIZE: u32 = 40;
const TARGET_AT: u32 = 32;
const MAGIC: u32 = 0x7374_7562;
const MTCTR_R12: u32 = 0x7d89_03a6;
const BCTR: u32 = 0x4e80_0420;

/** Where the stubs are made, their place in the module, the slots, and those that are taken. */
export let stubsAt: u32 = 0;
let stubsOffset: u32 = 0;
export let slots: u32 = 0;
export let slotsTaken: u32 = 0;
/** By symbol: 1 + the slot of its stub. By hash of an address: 1 + a slot. */
let slotOfSymbol: u32 = 0;
let slotOfAddress: u32 = 0;
let addressMask: u32 = 0;
/** By slot: the symbol that it was made for, 0 for the tracer's; ENDLESS_SLOT besides where what it leads to never returns. */
export let slotSymbols: u32 = 0;
export const ENDLESS_SLOT: u32 = 1 << 31;
/** Room for pairs of symbol and addend. */
let pairs: u32 = 0;

function powerAbove(count: u32): u32 {
  let size: u32 = 16;
  while (size < 2 * count) size *= 2;
  return size;
}

/** Slots of the tracer's own stubs. */
export function outOfLineCount(): u32 {
  const records = sectionOfKind(PATCHABLE);
  return outOfLineSize() === 0 || records === 0 ? 0 : sizeOf(records) / 8;
}

function outOfLineSlots(): u32 {
  return (outOfLineCount() * outOfLineSize() + STUB_SIZE - 1) / STUB_SIZE;
}

/** `get_stubs_size()` in slots, or 0 where only sorting would tell. @param at room for as much as `countSize` says */
export function countSlots(at: u32): u32 {
  pairs = at + 4 * symbolCount;
  memory.fill(at, 0, 4 * symbolCount);
  let count: u32 = 1 + u32(!countsStubs()) + u32(tracesRegisters()) + outOfLineSlots();
  for (let i: u32 = 1; i < sections; i++) {
    if (!isRelocations(i)) continue;
    const found = countPairs(i, at);
    if (found < 0) return 0;
    count += found;
  }
  return count;
}

/** Bytes that counting needs. */
export function countSize(): u32 {
  let most: u32 = 0;
  for (let i: u32 = 1; i < sections; i++) if (isRelocations(i)) most = max(most, sizeOf(i) / ENTRY_SIZE);
  return 4 * symbolCount + 8 * powerAbove(most);
}

/** Pairs of symbol and addend among the branches of one section. */
function countPairs(section: u32, seen: u32): i32 {
  const first = contentsOf(section);
  const last = first + sizeOf(section);
  let count = 0;
  let others: u32 = 0;
  for (let at = first; at < last; at += ENTRY_SIZE) {
    if (load<u32>(at, 8) !== R_PPC64_REL24) continue;
    const symbol = load<u32>(at, 12);
    if (symbol === 0 || symbol >= symbolCount || load<u32>(at, 20) !== 0) return -1;
    if (load<u32>(at, 16) !== 0) others++;
    else if (load<u32>(seen + 4 * symbol) !== section) {
      store<u32>(seen + 4 * symbol, section);
      count++;
    }
  }
  return others === 0 ? count : count + countOthers(first, last, powerAbove(others));
}

function countOthers(first: u32, last: u32, size: u32): i32 {
  memory.fill(pairs, 0, 8 * size);
  let count = 0;
  for (let at = first; at < last; at += ENTRY_SIZE) {
    if (load<u32>(at, 8) !== R_PPC64_REL24 || load<u32>(at, 16) === 0) continue;
    const pair = (u64(load<u32>(at, 12)) << 32) | load<u32>(at, 16);
    let slot = u32((pair ^ (pair >>> 29)) * 0x9e37_79b1) >>> 7;
    for (;;) {
      slot &= size - 1;
      const known = load<u64>(pairs + 8 * slot);
      if (known === pair) break;
      if (known === 0) {
        store<u64>(pairs + 8 * slot, pair);
        count++;
        break;
      }
      slot++;
    }
  }
  return count;
}

/** Bytes for the stubs of a module, and what is known of them. */
export function stubsSize(count: u32): u32 {
  return count * (STUB_SIZE + 4) + 8 + 4 * symbolCount + 4 * powerAbove(count);
}

export function startStubs(at: u32, offset: u32, count: u32): void {
  memory.fill(at, 0, stubsSize(count));
  stubsAt = at;
  stubsOffset = offset;
  slots = count;
  slotsTaken = 0;
  slotOfSymbol = at + count * STUB_SIZE + 8;
  slotOfAddress = slotOfSymbol + 4 * symbolCount;
  addressMask = powerAbove(count) - 1;
  slotSymbols = slotOfAddress + 4 * (addressMask + 1);
}

/** Makes the stubs that the branches of a section want: the loader sorts relocations, the last symbol first. */
export function makeStubs(section: u32, isExternal: u32, toc: u64): bool {
  const first = contentsOf(section);
  const last = first + sizeOf(section);
  let low = u32.MAX_VALUE;
  let high: u32 = 0;
  for (let at = first; at < last; at += ENTRY_SIZE) {
    const symbol = load<u32>(at, 12);
    if (load<u32>(at, 8) !== R_PPC64_REL24 || load<u8>(isExternal + symbol) === 0) continue;
    if (slotOf(symbol) >= 0) continue;
    store<i32>(slotOfSymbol + 4 * symbol, -1);
    low = min(low, symbol);
    high = max(high, symbol);
  }
  for (let symbol = high; symbol >= low && symbol > 0; symbol--)
    if (load<i32>(slotOfSymbol + 4 * symbol) === -1 && !makeStub(symbol, toc)) return false;
  return true;
}

/** The slot of a symbol's stub, or -1. */
export function slotOf(symbol: u32): i32 {
  return load<i32>(slotOfSymbol + 4 * symbol) - 1;
}

function makeStub(symbol: u32, toc: u64): bool {
  const name = nameOf(symbol);
  const number = numberOf(name);
  if (number < 0) return false;
  const isTracer = (load<u8>(CLASSES + symbol) & EXEMPT) !== 0;
  const before = slotsTaken;
  const slot = stubFor(addressOf(number), isTracer, toc);
  if (slot < 0) return false;
  // Of several names of one address the first is the stub's.
  if (before < slotsTaken) store<u32>(slotSymbols + 4 * slot, isEndless(number) ? symbol | ENDLESS_SLOT : symbol);
  store<i32>(slotOfSymbol + 4 * symbol, slot + 1);
  return true;
}

/** `stub_for_addr()`: a slot, or -1 where there is none left. */
export function stubFor(target: u64, isTracer: bool, toc: u64): i32 {
  let hash = u32((target ^ (target >>> 29)) * 0x9e37_79b1) >>> 7;
  for (;;) {
    hash &= addressMask;
    const known = load<u32>(slotOfAddress + 4 * hash);
    if (known === 0) break;
    if (load<u64>(stubsAt + (known - 1) * STUB_SIZE + TARGET_AT) === target) return known - 1;
    hash++;
  }
  if (slotsTaken === slots || target === 0) return -1;
  const slot = slotsTaken++;
  store<u32>(slotOfAddress + 4 * hash, slot + 1);
  const at = stubsAt + slot * STUB_SIZE;
  if (isTracer) tracerStub(at, target - kernelToc());
  else callStub(at, BASE + stubsOffset + slot * STUB_SIZE - toc);
  store<u32>(at, MAGIC, 28);
  store<u64>(at, target, TARGET_AT);
  return slot;
}

/** Words of instructions that a stub begins with; the rest of its slot is data. */
export function codeWords(slot: u32): u32 {
  return load<u32>(stubsAt + slot * STUB_SIZE, 16) === BCTR ? 5 : 6;
}

function highAdjusted(distance: u64): u32 {
  return u32((distance + 0x8000) >>> 16) & 0xffff;
}

function callStub(at: u32, distance: u64): void {
  store<u32>(at, 0x3d62_0000 | highAdjusted(distance));
  store<u32>(at, 0x396b_0000 | (u32(distance) & 0xffff), 4);
  store<u32>(at, 0xf841_0018, 8);
  store<u32>(at, 0xe98b_0020, 12);
  store<u32>(at, MTCTR_R12, 16);
  store<u32>(at, BCTR, 20);
}

function tracerStub(at: u32, distance: u64): void {
  store<u32>(at, 0xe98d_0000 | pacaToc());
  store<u32>(at, 0x3d8c_0000 | highAdjusted(distance), 4);
  store<u32>(at, 0x398c_0000 | (u32(distance) & 0xffff), 8);
  store<u32>(at, MTCTR_R12, 12);
  store<u32>(at, BCTR, 16);
}

/** `module_finalize_ftrace()`: stubs to the tracer's entries. @returns the slot of `ftrace_caller`'s, or -1 */
export function makeTracerStubs(toc: u64): i32 {
  const slot = stubFor(tracerAddress(), true, toc);
  return tracesRegisters() && stubFor(registersTracerAddress(), true, toc) < 0 ? -1 : slot;
}
