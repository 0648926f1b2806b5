/** Both files side by side: sections, headers, symbols, contents and relocations, byte by byte; `compare-*.ts` are the models. */

import {
  alignmentOf,
  EHDR_SIZE,
  ENTRY_SIZE,
  linkOf,
  offsetOf,
  SHDR_SIZE,
  SHF_EXECINSTR,
  SHT_NOTE,
  SHT_RELA,
  SHT_SYMTAB,
  sizeOf,
  typeOf,
} from '../../elf/wasm/format';
import { isText } from '../../util/wasm/bytes';
import { hasContents, input, is, nameOf, nameTable, output, outputSections, sections, symbolTable, was } from './files';
import { moreOf } from './information';
import { countAdded, countChanged, countIdentical, countLayout, countRemoved, NOP, RECORD_SIZE, same } from './memory';
import { goneFrom, isCall, isGone, nextGone, planned, siteOffset, siteSection } from './plan';
import { symbolCount } from './structure';

const NOTE_NAME = '.note.tocsin';
/** Words of the ELF header: where the section headers are; how many, and which has the names. */
const SHOFF: u32 = 10;
const COUNTS: u32 = 15;
/** Words of a section header. */
const OFFSET: u32 = 6;
const SIZE: u32 = 8;

/** All sections of the input, and the note behind them. */
export function pairSections(): bool {
  if (outputSections !== sections + 1) return false;
  for (let i: u32 = 0; i < sections; i++) if (isText(nameOf(i), NOTE_NAME)) return false;
  return isText(nameOf(sections), NOTE_NAME) && typeOf(is(sections)) === SHT_NOTE;
}

/** Contents stand where their alignment says, or where they stood. */
export function checkAlignment(): bool {
  for (let i: u32 = 0; i < outputSections; i++) {
    const header = is(i);
    if (!hasContents(header) || alignmentOf(header) <= 1 || offsetOf(header) % alignmentOf(header) === 0) continue;
    if (i >= sections || offsetOf(was(i)) !== offsetOf(header)) return false;
  }
  return true;
}

function sameContents(i: u32, size: u32): bool {
  return same(input + offsetOf(was(i)), output + offsetOf(is(i)), size);
}

export function compareSymbols(): bool {
  const table = symbolTable();
  const size = sizeOf(was(table));
  if (typeOf(is(table)) !== SHT_SYMTAB || sizeOf(is(table)) !== size || !sameContents(table, size)) return false;
  countIdentical(size);
  return true;
}

export function compareHeaders(): bool {
  for (let w: u32 = 0; w < EHDR_SIZE / 4; w++) {
    if (load<u32>(input + 4 * w) === load<u32>(output + 4 * w)) countIdentical(4);
    else {
      countLayout(4);
      if (w !== SHOFF && w !== SHOFF + 1 && w !== COUNTS) return false;
    }
  }
  if (load<u16>(output, 62) !== nameTable()) return false;
  for (let i: u32 = 0; i < sections; i++) if (!compareHeader(i)) return false;
  countAdded(SHDR_SIZE);
  return isNoteHeader(is(sections));
}

function compareHeader(i: u32): bool {
  const size = i === 0 ? sizeOf(was(0)) : plannedSize(i);
  for (let w: u32 = 0; w < SHDR_SIZE / 4; w++) {
    const old = load<u32>(was(i) + 4 * w);
    const now = load<u32>(is(i) + 4 * w);
    const isOffset = i > 0 && (w === OFFSET || w === OFFSET + 1);
    if (old === now) countIdentical(4);
    else if (isOffset || w === SIZE || w === SIZE + 1) countLayout(4);
    else countChanged(4);
    if (isOffset) continue;
    if (now !== (w === SIZE ? size : old)) return false;
  }
  return true;
}

/** Bytes that a section of the output has to have. */
function plannedSize(i: u32): u32 {
  if (i === nameTable()) return sizeOf(was(i)) + NOTE_NAME.length + 1;
  return sizeOf(was(i)) + moreOf(i) - goneFrom(i) * (typeOf(was(i)) === SHT_RELA ? ENTRY_SIZE : RECORD_SIZE);
}

/** Flags, address, link, info and size of entries are zero; what it holds is compared elsewhere. */
function isNoteHeader(header: u32): bool {
  return (
    load<u64>(header, 8) === 0 &&
    load<u64>(header, 16) === 0 &&
    load<u64>(header, 40) === 0 &&
    load<u64>(header, 48) === 4 &&
    load<u64>(header, 56) === 0
  );
}

/** Sections that are compared as bytes: not the tables of entries, and not the names. */
export function compareContents(): bool {
  let n: u32 = 0;
  for (let i: u32 = 0; i < sections; i++) {
    const header = was(i);
    let end = n;
    while (end < planned && siteSection(end) === i) end++;
    const isTable = typeOf(header) === SHT_RELA || typeOf(header) === SHT_SYMTAB;
    if (hasContents(header) && !isTable && i !== nameTable() && i !== linkOf(was(symbolTable())))
      if (!compareSection(i, n, end)) return false;
    n = end;
  }
  return n === planned;
}

/** @param first @param end numbers of the sites in it */
function compareSection(i: u32, first: u32, end: u32): bool {
  const size = sizeOf(was(i));
  const gone = goneFrom(i) * RECORD_SIZE;
  countRemoved(gone);
  // Of the tables that lose records nothing stays.
  if (gone !== 0) return gone === size && sizeOf(is(i)) === 0;
  if (sizeOf(is(i)) !== size + moreOf(i)) return false;
  const a = input + offsetOf(was(i));
  const b = output + offsetOf(is(i));
  let done: u32 = 0;
  for (let n = first; n < end; n++) {
    if (!isCall(n)) continue;
    const offset = siteOffset(n);
    if (!same(a + done, b + done, offset - done) || load<u32>(b + offset) !== NOP) return false;
    countIdentical(offset - done);
    countChanged(4);
    done = offset + 4;
  }
  countIdentical(size - done);
  return same(a + done, b + done, size - done);
}

/** Entries that stay are the same in every byte, and in their order. */
export function compareRelocations(): bool {
  for (let i: u32 = 1; i < sections; i++) {
    if (typeOf(was(i)) !== SHT_RELA) continue;
    const count = sizeOf(was(i)) / ENTRY_SIZE;
    const gone = goneFrom(i);
    const stay = (count - gone) * ENTRY_SIZE;
    if (sizeOf(is(i)) !== stay) return false;
    countRemoved(gone * ENTRY_SIZE);
    countIdentical(stay);
    if (gone === 0 ? !sameContents(i, stay) : !compareEntries(i, count)) return false;
  }
  return true;
}

function compareEntries(i: u32, count: u32): bool {
  const a = input + offsetOf(was(i));
  let b = output + offsetOf(is(i));
  for (let entry: u32 = 0; entry < count; ) {
    if (isGone(i, entry)) {
      entry++;
      continue;
    }
    const start = entry;
    entry = nextGone(i, entry, count);
    if (!same(a + start * ENTRY_SIZE, b, (entry - start) * ENTRY_SIZE)) return false;
    b += (entry - start) * ENTRY_SIZE;
  }
  return true;
}

/** String tables: the input's bytes, then the name of the note and nothing else. */
export function compareStrings(): bool {
  const names = nameTable();
  const strings = linkOf(was(symbolTable()));
  if (names === strings) return false;
  const size = sizeOf(was(strings));
  if (sizeOf(is(strings)) !== size || !sameContents(strings, size)) return false;
  const old = sizeOf(was(names));
  if (sizeOf(is(names)) !== old + NOTE_NAME.length + 1 || !sameContents(names, old)) return false;
  countIdentical(size + old);
  countAdded(NOTE_NAME.length + 1);
  return load<u32>(is(sections)) === old && isText(output + offsetOf(is(names)) + old, NOTE_NAME);
}

/** Nothing that the output has more is code. */
export function hasNoNewCode(): bool {
  return outputSections === sections + 1 && (load<u32>(is(sections), 8) & SHF_EXECINSTR) === 0;
}

/** Nothing is imported that was not. */
export function hasNoNewSymbols(): bool {
  return symbolCount === sizeOf(was(symbolTable())) / ENTRY_SIZE;
}
