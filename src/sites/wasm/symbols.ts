/** The symbol table: functions and their entries, and the few symbols that mean something to the tracer. */

import {
  addressOf,
  ENTRY_SIZE,
  infoOf,
  linkOf,
  SHN_LIVEPATCH,
  SHN_LORESERVE,
  SHN_XINDEX,
  SHT_STRTAB,
  STT_FUNC,
  STT_GNU_IFUNC,
  sizeOf,
  typeOf,
} from '../../elf/wasm/format';
import { isText, startsWith } from '../../util/wasm/bytes';
import { baseOf, GLOBAL, LOCAL, MARKS, MOST_THUNKS, mark, PART, THUNKS } from './memory';
import { codeWords, contentsOf, headerOf, isImage, isTable, sections, symbolTable } from './sections';

/** Where the symbols stand, and how many there are. */
let symbols: u32 = 0;
export let symbolCount: u32 = 0;
let strings: u32 = 0;
export let functions: u32 = 0;

/** Where symbols with names that mean something stand; 0 where there is none. */
export let mcount: u32 = 0;
export let tableStart: u32 = 0;
export let tableEnd: u32 = 0;
export let tocBias: u32 = 0;
/** `__exittext_begin` and `__exittext_end`: what lies between them the tracer passes over. */
export let exitStart: u32 = 0;
export let exitEnd: u32 = 0;
/** Linker-made stubs; where their symbols stand is kept in THUNKS. */
export let thunkCount: u32 = 0;

export function symbolOf(index: u32): u32 {
  return symbols + index * ENTRY_SIZE;
}

export function nameOf(symbol: u32): u32 {
  return strings + load<u32>(symbol);
}

/** `st_shndx`. */
export function sectionOf(symbol: u32): u32 {
  return load<u16>(symbol, 6);
}

export function symbolValue(symbol: u32): u64 {
  return load<u64>(symbol, 8);
}

/** Whether the symbol is one of another file. */
export function isForeign(symbol: u32): bool {
  const section = sectionOf(symbol);
  return section === 0 || section === SHN_LIVEPATCH;
}

export function readSymbols(): bool {
  const header = headerOf(symbolTable);
  const size = sizeOf(header);
  const link = linkOf(header);
  if (!isTable(header) || size === 0 || link >= sections || infoOf(header) > size / ENTRY_SIZE) return false;
  const names = headerOf(link);
  const namesSize = sizeOf(names);
  if (typeOf(names) !== SHT_STRTAB || namesSize === 0) return false;
  strings = contentsOf(names);
  if (load<u8>(strings + namesSize - 1) !== 0) return false;
  symbols = contentsOf(header);
  symbolCount = size / ENTRY_SIZE;
  memory.fill(MARKS, 0, codeWords);
  return walkSymbols(namesSize);
}

function walkSymbols(namesSize: u32): bool {
  functions = mcount = tableStart = tableEnd = tocBias = exitStart = exitEnd = thunkCount = 0;
  const end = symbolOf(symbolCount);
  for (let symbol = symbols; symbol < end; symbol += ENTRY_SIZE) {
    const section = sectionOf(symbol);
    if (load<u32>(symbol) >= namesSize) return false;
    if (section >= sections && (section < SHN_LORESERVE || section === SHN_XINDEX)) return false;
    if (symbol === symbols) continue;
    const isOrdinary = section > 0 && section < sections;
    if (isImage) {
      if (!readImageName(symbol, isOrdinary && baseOf(section) >= 0)) return false;
    } else if (section === 0) {
      if (mcount === 0 && isText(nameOf(symbol), '_mcount')) mcount = symbol;
      continue;
    }
    const type: u32 = load<u8>(symbol, 4) & 15;
    if ((type !== STT_FUNC && type !== STT_GNU_IFUNC) || !isOrdinary || baseOf(section) < 0) continue;
    if (!readFunction(symbol, section)) return false;
  }
  return true;
}

/** Marks both entries of a function. */
function readFunction(symbol: u32, section: u32): bool {
  const header = headerOf(section);
  const size = sizeOf(header);
  const offset = isImage ? symbolValue(symbol) - addressOf(header) : symbolValue(symbol);
  // Distance of the local entry, see psABI 3.4.1.
  const k: u32 = load<u8>(symbol, 5) >>> 5;
  if (k === 7 || offset > size) return false;
  functions++;
  const first = u32(baseOf(section));
  const global = u32(offset);
  const local = global + (((1 << k) >>> 2) << 2);
  if (global >>> 2 < size >>> 2) mark(first + (global >>> 2), isPart(nameOf(symbol)) ? GLOBAL | PART : GLOBAL);
  if (local >>> 2 < size >>> 2) mark(first + (local >>> 2), LOCAL);
  return true;
}

/** Symbols of a kernel image that say where things are. */
function readImageName(symbol: u32, isInCode: bool): bool {
  const name = nameOf(symbol);
  const start = load<u16>(name);
  // "_m", "__", ".T"
  if (start === 0x6d5f) {
    if (mcount === 0 && isInCode && isText(name, '_mcount')) mcount = symbol;
  } else if (start === 0x5f5f) {
    if (tableStart === 0 && isText(name, '__start_mcount_loc')) tableStart = symbol;
    else if (tableEnd === 0 && isText(name, '__stop_mcount_loc')) tableEnd = symbol;
    else if (exitStart === 0 && isText(name, '__exittext_begin')) exitStart = symbol;
    else if (exitEnd === 0 && isText(name, '__exittext_end')) exitEnd = symbol;
  } else if (start === 0x542e) {
    if (tocBias === 0 && isText(name, '.TOC.')) tocBias = symbol;
  } else if (isThunk(name)) {
    if (thunkCount === MOST_THUNKS) return false;
    store<u32>(THUNKS + 4 * thunkCount++, symbol);
  }
  return true;
}

/** Whether the name is `N.long_branch.NAME` or `N.plt_branch.NAME`, N hexadecimal, and stands by itself in its table. */
function isThunk(name: u32): bool {
  let at = name;
  while (isDigit(load<u8>(at)) || load<u8>(at) - 0x61 < 6) at++;
  if (at === name || load<u8>(at) !== 0x2e || (name !== strings && load<u8>(name - 1) !== 0)) return false;
  return startsWith(at, '.long_branch.') || startsWith(at, '.plt_branch.');
}

/** Whether the name is one such as `f.cold`, `f.cold.3` or `_restgpr0_14`; `partMark` in `code-map.ts` is the model. */
function isPart(name: u32): bool {
  if (startsWith(name, '_restgpr') || startsWith(name, '_restfpr') || startsWith(name, '_restvr')) return true;
  // Few names hold a dot, so sixteen bytes at once are asked for one.
  let end = 0;
  for (let at = name; end === 0; at += 16) {
    const bytes = v128.load(at);
    end = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(0)));
    let dots = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(0x2e)));
    if (end !== 0) dots &= (end & -end) - 1;
    for (; dots !== 0; dots &= dots - 1) {
      const dot = at + ctz(dots);
      if (startsWith(dot, '.cold') && isNumberOrNothing(dot + 5)) return true;
    }
  }
  return false;
}

/** Whether the name ends at `at`, or a dot and digits follow there and then its end. */
function isNumberOrNothing(at: u32): bool {
  if (load<u8>(at) === 0) return true;
  if (load<u8>(at) !== 0x2e || !isDigit(load<u8>(at + 1))) return false;
  at++;
  while (isDigit(load<u8>(at))) at++;
  return load<u8>(at) === 0;
}

function isDigit(character: u32): bool {
  return character - 0x30 < 10;
}
