/** The functions of the file, by section and entry, with their names; `functionsOf` and `subject.ts` are the model. */

import {
  ENTRY_SIZE,
  SHN_LORESERVE,
  SHN_XINDEX,
  SHT_STRTAB,
  STT_FUNC,
  STT_GNU_IFUNC,
  STT_SECTION,
} from '../../elf/wasm/format';
import { isText } from '../../util/wasm/bytes';
import { reserve } from './memory';
import { CODE, contentsOf, infoOf, kindOf, linkOf, sections, sizeOf, symbolTable, TRACER, typeOf } from './sections';
import { key, putRow, ROW, sorted } from './sort';

let symbols: u32 = 0;
export let symbolCount: u32 = 0;
/** Where the symbol names stand. */
let strings: u32 = 0;
/** The undefined symbol that profiling calls go to; 0 where there is none. */
export let profiler: u32 = 0;
/** Rows of functions (`place`, then symbol), and how many there are. */
export let functions: u32 = 0;
export let functionCount: u32 = 0;

export function symbolOf(index: u32): u32 {
  return symbols + index * ENTRY_SIZE;
}

/** A section of code and an offset in it as one number. */
export function place(section: u32, offset: u32): u64 {
  return (u64(section) << 32) | u64(offset);
}

export function sectionOf(symbol: u32): u32 {
  return load<u16>(symbol, 6);
}

export function nameAt(index: u32): u32 {
  return strings + load<u32>(symbolOf(index));
}

/** Where the symbol names stand in the section that holds them, and that section: its contents may move. */
export function nameOffset(index: u32): u32 {
  return load<u32>(symbolOf(index));
}

export function nameSection(): u32 {
  return linkOf(symbolTable);
}

export function readSymbols(): bool {
  const link = linkOf(symbolTable);
  symbolCount = sizeOf(symbolTable) / ENTRY_SIZE;
  const namesSize = sizeOf(link);
  if (typeOf(link) !== SHT_STRTAB || namesSize === 0 || infoOf(symbolTable) > symbolCount) return false;
  strings = contentsOf(link);
  symbols = contentsOf(symbolTable);
  if (load<u8>(strings + namesSize - 1) !== 0) return false;
  functions = reserve(symbolCount * ROW);
  if (functions === 0) return false;
  functionCount = profiler = 0;
  for (let i: u32 = 1; i < symbolCount; i++) if (!readSymbol(i, namesSize)) return false;
  functions = sorted(functions, functionCount);
  return functions !== 0;
}

function readSymbol(i: u32, namesSize: u32): bool {
  const symbol = symbolOf(i);
  const section = sectionOf(symbol);
  if (load<u32>(symbol) >= namesSize || section === SHN_XINDEX) return false;
  if (section === 0) {
    if (profiler === 0 && isText(nameAt(i), '_mcount')) profiler = i;
    return true;
  }
  if (section >= SHN_LORESERVE) return true;
  if (section >= sections) return false;
  const kind = kindOf(section);
  const type: u32 = load<u8>(symbol, 4) & 15;
  // A symbol in a table that loses its records would name nothing any more.
  if (kind === TRACER) return type === STT_SECTION;
  if (kind !== CODE || (type !== STT_FUNC && type !== STT_GNU_IFUNC)) return true;
  const offset = load<u64>(symbol, 8);
  if (load<u8>(symbol, 5) >>> 5 === 7 || offset > sizeOf(section) || offset % 4 !== 0) return false;
  putRow(functions + functionCount++ * ROW, place(section, u32(offset)), i, 0);
  return true;
}

/** The functions from number `first` on that begin at the same place: the number behind the last. */
export function groupEnd(first: u32): u32 {
  const at = key(functions + first * ROW);
  let end = first + 1;
  while (end < functionCount && key(functions + end * ROW) === at) end++;
  return end;
}

/** Whether a function of the group has a byte at `offset`. */
export function covers(first: u32, end: u32, offset: u32): bool {
  const start = key(functions + first * ROW) & 0xffff_ffff;
  for (let n = first; n < end; n++) {
    const size = load<u64>(symbolOf(load<u32>(functions + n * ROW, 8)), 16);
    if (u64(offset) - start < max<u64>(size, 1)) return true;
  }
  return false;
}

/** Lists of symbols; first of each the one that a function is called by. */
let names: u32 = 0;
let listed: u32 = 0;

export function startNames(): bool {
  names = reserve(4 * functionCount);
  listed = 0;
  return names !== 0;
}

export function namesAt(): u32 {
  return names;
}

export function listedNames(): u32 {
  return listed;
}

/**
 * Lists the symbols of a group: global names first, then by number; without those that have the first one's name.
 *
 * @returns where the list ends
 */
export function listNames(first: u32, end: u32): u32 {
  const start = listed;
  for (let n = first; n < end; n++) {
    const symbol = load<u32>(functions + n * ROW, 8);
    let at = listed++;
    // Equal ones keep their order: they come by number.
    for (; at > start && bindingOf(load<u32>(names + 4 * (at - 1))) < bindingOf(symbol); at--)
      store<u32>(names + 4 * at, load<u32>(names + 4 * (at - 1)));
    store<u32>(names + 4 * at, symbol);
  }
  let kept = start + 1;
  const name = nameAt(load<u32>(names + 4 * start));
  for (let n = start + 1; n < listed; n++) {
    const symbol = load<u32>(names + 4 * n);
    if (!isSame(name, nameAt(symbol))) store<u32>(names + 4 * kept++, symbol);
  }
  listed = kept;
  return listed;
}

function bindingOf(symbol: u32): u32 {
  return load<u8>(symbolOf(symbol), 4) >>> 4;
}

function isSame(a: u32, b: u32): bool {
  let i: u32 = 0;
  for (; load<u8>(a + i) === load<u8>(b + i); i++) if (load<u8>(a + i) === 0) return true;
  return false;
}
