/** The ELF header and the section headers of a relocatable object as `ld -r` leaves it, and the signature behind it. */

import {
  EHDR_SIZE,
  EM_PPC64,
  ENTRY_SIZE,
  ET_REL,
  SHDR_SIZE,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_INFO_LINK,
  SHT_CREL,
  SHT_DYNSYM,
  SHT_GROUP,
  SHT_NOBITS,
  SHT_NULL,
  SHT_PROGBITS,
  SHT_REL,
  SHT_RELA,
  SHT_RELR,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
} from '../../elf/wasm/format';
import { isText } from '../../util/wasm/bytes';
import { file, fileSize, reserve } from './memory';

/** The note's number is one more than that of the last section and has to be an ordinary one. */
const MOST_SECTIONS: u32 = 0xfe00;

/** Number of sections, and where in the file their headers are. */
export let sections: u32 = 0;
export let headersAt: u32 = 0;
/** Where they are read: in the file, and from a copy when its parts begin to move. */
let headers: u32 = 0;
/** Numbers of the symbol table and of the table of section names. */
export let symbolTable: u32 = 0;
export let nameTable: u32 = 0;
/** Bytes of the file in front of the signature; all of them where there is none. */
export let elfSize: u32 = 0;

/** Number of `.modinfo`; 0 where there is none that gets another string. */
export let information: u32 = 0;

/** By section: what it is to this program. */
export const OTHER: u32 = 0;
export const CODE: u32 = 1;
export const RELOCATIONS: u32 = 2;
export const TRACER: u32 = 3;
let kinds: u32 = 0;
/** By section: the number of its relocation table, 0 where there is none. */
let tables: u32 = 0;

export function headerOf(section: u32): u32 {
  return headers + section * SHDR_SIZE;
}

/** From now on the file's own may be written over. */
export function keepHeaders(): bool {
  const copy = reserve(sections * SHDR_SIZE);
  if (copy === 0) return false;
  memory.copy(copy, headers, sections * SHDR_SIZE);
  headers = copy;
  return true;
}

export function offsetOf(section: u32): u32 {
  return load<u32>(headerOf(section), 24);
}

export function contentsOf(section: u32): u32 {
  return file + offsetOf(section);
}

export function sizeOf(section: u32): u32 {
  return load<u32>(headerOf(section), 32);
}

export function linkOf(section: u32): u32 {
  return load<u32>(headerOf(section), 40);
}

export function infoOf(section: u32): u32 {
  return load<u32>(headerOf(section), 44);
}

export function alignmentOf(section: u32): u32 {
  return load<u32>(headerOf(section), 48);
}

export function typeOf(section: u32): u32 {
  return load<u32>(headerOf(section), 4);
}

export function nameOf(section: u32): u32 {
  return contentsOf(nameTable) + load<u32>(headerOf(section));
}

/** Whether bytes of the file belong to it. */
export function hasContents(section: u32): bool {
  const type = typeOf(section);
  return type !== SHT_NOBITS && type !== SHT_NULL && load<u64>(headerOf(section), 32) > 0;
}

export function kindOf(section: u32): u32 {
  return load<u8>(kinds + section);
}

export function relocationsOf(section: u32): u32 {
  return load<u32>(tables + 4 * section);
}

export function readHeader(): bool {
  if (fileSize < EHDR_SIZE) return false;
  if (load<u32>(file) !== 0x464c457f || (load<u32>(file, 4) & 0xff_ffff) !== 0x01_0102) return false;
  const abi = load<u32>(file, 48) & 3;
  if (load<u16>(file, 16) !== ET_REL || load<u16>(file, 18) !== EM_PPC64 || load<u32>(file, 20) !== 1) return false;
  if (abi === 1 || abi === 3 || load<u16>(file, 52) !== EHDR_SIZE) return false;
  if (load<u16>(file, 56) !== 0 || load<u16>(file, 58) !== SHDR_SIZE) return false;
  const at = load<u64>(file, 40);
  sections = load<u16>(file, 60);
  nameTable = load<u16>(file, 62);
  if (sections === 0 || sections > MOST_SECTIONS || nameTable === 0 || nameTable >= sections) return false;
  if (!readSignature() || at % 8 !== 0 || at < EHDR_SIZE || at > elfSize) return false;
  // The headers are the last that the file has.
  if (at + sections * SHDR_SIZE !== elfSize) return false;
  headersAt = u32(at);
  headers = file + headersAt;
  return true;
}

const MARKER_SIZE: u32 = 28;
const INFO_SIZE: u32 = 12;
const PKCS7: u64 = 2;

/** Finds where a signature begins; one that a kernel would refuse is not for this program to judge. */
function readSignature(): bool {
  elfSize = fileSize;
  if (fileSize < EHDR_SIZE + MARKER_SIZE + INFO_SIZE) return true;
  const marker = file + fileSize - MARKER_SIZE;
  if (!isMarker(marker)) return true;
  const info = marker - INFO_SIZE;
  const length = bswap<u32>(load<u32>(info, 8));
  if (load<u64>(info) !== PKCS7 << 16 || length === 0 || length >= info - file) return false;
  elfSize = info - length - file;
  return true;
}

function isMarker(at: u32): bool {
  const text = '~Module signature appended~\n';
  for (let i: u32 = 0; i < MARKER_SIZE; i++) if (u32(load<u8>(at + i)) !== u32(text.charCodeAt(i))) return false;
  return true;
}

/** Looks at every section header: ranges, names, links, and what each section is. */
export function readSections(): bool {
  kinds = reserve(sections);
  tables = reserve(4 * sections);
  if (kinds === 0 || tables === 0) return false;
  memory.fill(tables, 0, 4 * sections);
  const limit = headersAt;
  if (typeOf(nameTable) !== SHT_STRTAB || typeOf(0) !== SHT_NULL || !liesInFile(nameTable, limit)) return false;
  const namesSize = sizeOf(nameTable);
  if (namesSize === 0 || load<u8>(contentsOf(nameTable) + namesSize - 1) !== 0) return false;
  symbolTable = 0;
  for (let i: u32 = 0; i < sections; i++) if (!readSection(i, limit, namesSize)) return false;
  if (symbolTable === 0) return false;
  for (let i: u32 = 1; i < sections; i++) if (kindOf(i) === RELOCATIONS && !readTable(i)) return false;
  return findInformation();
}

/** The first section of that name, if it is loaded and ends with a NUL; `informationSection` is the model. */
function findInformation(): bool {
  information = 0;
  let i: u32 = 1;
  while (i < sections && !isText(nameOf(i), '.modinfo')) i++;
  if (i === sections || typeOf(i) !== SHT_PROGBITS || !hasContents(i)) return true;
  if ((load<u32>(headerOf(i), 8) & SHF_ALLOC) === 0 || load<u8>(contentsOf(i) + sizeOf(i) - 1) !== 0) return true;
  information = i;
  return kindOf(i) === OTHER;
}

function liesInFile(section: u32, limit: u32): bool {
  const at = load<u64>(headerOf(section), 24);
  const size = load<u64>(headerOf(section), 32);
  return at >= EHDR_SIZE && at <= limit && size <= limit - at;
}

function readSection(i: u32, limit: u32, namesSize: u32): bool {
  const header = headerOf(i);
  const type = typeOf(i);
  const alignment = load<u64>(header, 48);
  store<u8>(kinds + i, u8(OTHER));
  if (load<u32>(header) >= namesSize || alignment > 0x1_0000 || (alignment & (alignment - 1)) !== 0) return false;
  if (type === SHT_RELR || type === SHT_CREL) return false;
  if (type === SHT_REL || type === SHT_DYNSYM || type === SHT_GROUP || type === SHT_SYMTAB_SHNDX) return false;
  if (linkOf(i) >= sections) return false;
  const flags = load<u32>(header, 8);
  if ((type === SHT_RELA || (flags & SHF_INFO_LINK) !== 0) && infoOf(i) >= sections) return false;
  // An empty section stands somewhere as well.
  if (load<u32>(header, 28) !== 0) return false;
  if (isText(nameOf(i), '.note.tocsin')) return false;
  if (!hasContents(i)) {
    if (type === SHT_SYMTAB) return false;
    if (type === SHT_RELA) store<u8>(kinds + i, u8(RELOCATIONS));
    return true;
  }
  if (!liesInFile(i, limit)) return false;
  if (type === SHT_SYMTAB) {
    if (symbolTable !== 0 || !isTable(i)) return false;
    symbolTable = i;
  } else if (type === SHT_RELA) {
    if (!isTable(i)) return false;
    store<u8>(kinds + i, u8(RELOCATIONS));
  } else if ((flags & (SHF_ALLOC | SHF_EXECINSTR)) === (SHF_ALLOC | SHF_EXECINSTR)) {
    if (type !== SHT_PROGBITS || offsetOf(i) % 4 !== 0 || isTracerTable(nameOf(i))) return false;
    store<u8>(kinds + i, u8(CODE));
  } else if (i > 0 && isTracerTable(nameOf(i))) {
    if (type !== SHT_PROGBITS) return false;
    store<u8>(kinds + i, u8(TRACER));
  }
  return true;
}

function isTracerTable(name: u32): bool {
  return isText(name, '__mcount_loc') || isText(name, '__patchable_function_entries');
}

/** Whether a table is one of whole entries, on an 8-byte boundary. */
function isTable(section: u32): bool {
  return (
    load<u64>(headerOf(section), 56) === ENTRY_SIZE && sizeOf(section) % ENTRY_SIZE === 0 && offsetOf(section) % 8 === 0
  );
}

/** A table of relocations for a section of this file, with symbols of this file; the only one where it matters. */
function readTable(i: u32): bool {
  const target = infoOf(i);
  if (linkOf(i) !== symbolTable || typeOf(target) === SHT_NULL) return false;
  if (relocationsOf(target) !== 0) return kindOf(target) === OTHER;
  store<u32>(tables + 4 * target, i);
  return true;
}
