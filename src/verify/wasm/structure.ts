/** The output as a file of its own: strings, notes, symbols, and the entries of relocation tables; `structure.ts` is the model. */

import {
  ENTRY_SIZE,
  infoOf,
  linkOf,
  offsetOf,
  SHN_LORESERVE,
  SHN_XINDEX,
  SHT_NOTE,
  SHT_NULL,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  STT_FUNC,
  STT_GNU_IFUNC,
  sizeOf,
  typeOf,
} from '../../elf/wasm/format';
import { isZero } from '../../util/wasm/bytes';
import { hasContents, is, isCode, output, outputSections, sections, symbolTable } from './files';

/** Where the output's symbols and their names stand. */
export let symbols: u32 = 0;
export let symbolCount: u32 = 0;
export let strings: u32 = 0;

export function symbolOf(index: u32): u32 {
  return symbols + index * ENTRY_SIZE;
}

export function sectionOf(symbol: u32): u32 {
  return load<u16>(symbol, 6);
}

export function isFunction(symbol: u32): bool {
  const type: u32 = load<u8>(symbol, 4) & 15;
  const section = sectionOf(symbol);
  return (type === STT_FUNC || type === STT_GNU_IFUNC) && section < outputSections && isCode(is(section));
}

export function checkStructure(): bool {
  let tables: u32 = 0;
  // What is asked about sections of the output later is asked by numbers of the input's.
  if (outputSections <= sections) return false;
  for (let i: u32 = 0; i < outputSections; i++) {
    const header = is(i);
    const type = typeOf(header);
    if (type === SHT_SYMTAB && ++tables > 1) return false;
    if (type === SHT_STRTAB && !isStringTable(header)) return false;
    if (type === SHT_NOTE && !areNotes(header)) return false;
    // A table belongs to the one symbol table, and to a section that is there.
    if (type === SHT_RELA && (typeOf(is(infoOf(header))) === SHT_NULL || linkOf(header) !== symbolTable()))
      return false;
  }
  return tables === 1 && typeOf(is(symbolTable())) === SHT_SYMTAB && checkSymbols();
}

function isStringTable(header: u32): bool {
  if (!hasContents(header)) return true;
  const at = output + offsetOf(header);
  return load<u8>(at) === 0 && load<u8>(at + sizeOf(header) - 1) === 0;
}

/** Notes one behind the other, none over the end of the section. */
function areNotes(header: u32): bool {
  if (!hasContents(header)) return true;
  const start = output + offsetOf(header);
  const size: u64 = sizeOf(header);
  const padding: u64 = load<u64>(header, 48) >= 8 ? 7 : 3;
  for (let at: u64 = 0; at + 12 <= size; ) {
    const descriptor = (at + 12 + load<u32>(start + u32(at)) + padding) & ~padding;
    const end = descriptor + load<u32>(start + u32(at), 4);
    if (end > size) return false;
    at = (end + padding) & ~padding;
  }
  return true;
}

/** Names and sections of all; functions begin in their sections; locals stand in front of the others. */
function checkSymbols(): bool {
  const header = is(symbolTable());
  const names = is(linkOf(header));
  symbols = output + offsetOf(header);
  symbolCount = sizeOf(header) / ENTRY_SIZE;
  strings = output + offsetOf(names);
  if (typeOf(names) !== SHT_STRTAB || !hasContents(names) || !isZero(symbols, ENTRY_SIZE)) return false;
  const limit = sizeOf(names);
  let locals: u32 = 0;
  for (let i: u32 = 0; i < symbolCount; i++) {
    const symbol = symbolOf(i);
    const section = sectionOf(symbol);
    if (load<u32>(symbol) >= limit || section === SHN_XINDEX) return false;
    if (section >= outputSections && section < SHN_LORESERVE) return false;
    if (load<u8>(symbol, 4) >>> 4 === 0) {
      if (locals !== i) return false;
      locals++;
    }
    if (!isFunction(symbol)) continue;
    if (load<u8>(symbol, 5) >>> 5 === 7 || load<u64>(symbol, 8) > sizeOf(is(section))) return false;
  }
  return infoOf(header) === locals;
}
