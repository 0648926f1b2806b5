/**
 * The ELF header and the section headers; `loader/validity.ts`, `loader/layout.ts` and `loader/frob.ts` are the model. A plain
 * file has its parts in the order in which `ld -r` leaves them, so that none of them overlap, each section of a kind that the
 * loader knows, and so little of it that every part is in reach of every other wherever they come to lie.
 */
import {
  EHDR_SIZE,
  EM_PPC64,
  ENTRY_SIZE,
  ET_REL,
  SHDR_SIZE,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHT_GNU_ATTRIBUTES,
  SHT_INIT_ARRAY,
  SHT_NOBITS,
  SHT_NOTE,
  SHT_NULL,
  SHT_PROGBITS,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  typeOf,
} from '../../../elf/wasm/format';
import {
  forgetKnown,
  KSYMTAB_STRINGS,
  knownByName,
  MODINFO,
  OTHER,
  PERCPU,
  STUBS,
  sectionOfKind,
  setSectionOfKind,
  THIS_MODULE,
  TYPES,
  UNWELCOME,
  VERSIONS,
} from './known';
import { BASES, FILE, forgetHashes, isNewHash, KINDS, MOST_SECTIONS, RELOCATIONS } from './memory';
import { hashOf } from './names';
import { isOrderly, putInOrder, startOrder } from './order';
import { hasVersions, moduleSize, mostPercpu, pageSize } from './settings';

const ABI_2: u32 = 2;
/** WRITE, ALLOC, EXECINSTR, MERGE, STRINGS, INFO_LINK, LINK_ORDER, GROUP; the kernel's own flags are not among them. */
const PLAIN_FLAGS: u32 = 0x2f7 | 0x80;
/** Of a section, and of any other: bytes. */
const MOST_ALIGNMENT: u64 = 0x1_0000;

/** What all that is loaded may have, and all code with its stubs: bytes. A page's alignment in front of each area is left. */
export const MOST_LOADED: u32 = 0x1800_0000;
export const MOST_CODE: u32 = 0x1e0_0000;

/** What is in a section: bits of KINDS. */
export const PLACED: u32 = 1;
export const CODE: u32 = 2;
export const CONTENTS: u32 = 4;
export const WRITABLE: u32 = 8;
/** Of it, addresses are multiples of four. */
export const EVEN: u32 = 16;
/** Relocations may fill it. */
export const FILLED: u32 = 32;

export let headers: u32 = 0;
export let sections: u32 = 0;
export let symbolTable: u32 = 0;
/** Section of the symbols' names. */
export let stringTable: u32 = 0;
/** Words of all code. */
export let codeWords: u32 = 0;
export let codeBytes: u32 = 0;

export function headerOf(section: u32): u32 {
  return headers + section * SHDR_SIZE;
}

/** Where the name of a section stands. */
export function nameOfSection(section: u32): u32 {
  return text + load<u32>(headerOf(section));
}

/** Where the contents of a section stand, and how many bytes they have. */
export function contentsOf(section: u32): u32 {
  return FILE + load<u32>(headerOf(section), 24);
}

export function sizeOf(section: u32): u32 {
  return load<u32>(headerOf(section), 32);
}

/** `sh_info`. */
export function infoOf(section: u32): u32 {
  return load<u32>(headerOf(section), 44);
}

export function targetOf(section: u32): u32 {
  return load<u32>(headerOf(section), 44);
}

export function kindOf(section: u32): u32 {
  return load<u8>(KINDS + section);
}

/** The section of a section's relocations, or 0. */
export function relocationsOf(section: u32): u32 {
  return load<u16>(RELOCATIONS + 2 * section);
}

/** Number of a code section's first word. */
export function baseOf(section: u32): u32 {
  return load<u32>(BASES + 4 * section);
}

export function isRelocations(section: u32): bool {
  return typeOf(headerOf(section)) === SHT_RELA;
}

/** @param size bytes of the file, its signature taken off */
export function readHeader(size: u32): bool {
  if (size < EHDR_SIZE || load<u32>(FILE) !== 0x464c457f || load<u32>(FILE, 4) !== 0x01_0102) return false;
  if (load<u64>(FILE, 8) !== 0 || load<u16>(FILE, 16) !== ET_REL || load<u16>(FILE, 18) !== EM_PPC64) return false;
  if (load<u32>(FILE, 20) !== 1 || load<u32>(FILE, 48) !== ABI_2 || load<u16>(FILE, 52) !== EHDR_SIZE) return false;
  if (load<u16>(FILE, 56) !== 0 || load<u16>(FILE, 58) !== SHDR_SIZE) return false;
  const at = load<u64>(FILE, 40);
  sections = load<u16>(FILE, 60);
  const names: u32 = load<u16>(FILE, 62);
  if (sections > MOST_SECTIONS || names === 0 || names >= sections) return false;
  if (at % 8 !== 0 || at < EHDR_SIZE || at > size || at + sections * SHDR_SIZE > size) return false;
  headers = FILE + u32(at);
  return true;
}

export function readSections(): bool {
  const names: u32 = load<u16>(FILE, 62);
  const namesHeader = headerOf(names);
  if (typeOf(namesHeader) !== SHT_STRTAB || !isEmpty(headers)) return false;
  room = u64(headers - FILE);
  const namesAt = load<u64>(namesHeader, 24);
  const namesSize = load<u64>(namesHeader, 32);
  if (namesSize === 0 || namesAt > room || namesSize > room - namesAt) return false;
  text = FILE + u32(namesAt);
  if (load<u8>(text + u32(namesSize) - 1) !== 0) return false;
  start();
  for (let i: u32 = 1; i < sections; i++) {
    const header = headerOf(i);
    const name = load<u32>(header);
    if (name >= u32(namesSize) || !readSection(header, i, text + name, names)) return false;
  }
  return isOrderly(namesAt) && pairRelocations() && hasParts();
}

/** Whether a section header is all zeros. */
function isEmpty(header: u32): bool {
  for (let at = header; at < header + SHDR_SIZE; at += 8) if (load<u64>(at) !== 0) return false;
  return true;
}

/** Bytes in front of the headers. */
let room: u64 = 0;
/** Where the names of sections stand. */
let text: u32 = 0;
export let loadedBytes: u32 = 0;

function start(): void {
  forgetKnown();
  forgetHashes();
  symbolTable = stringTable = codeWords = codeBytes = loadedBytes = 0;
  startOrder(EHDR_SIZE);
  store<u8>(KINDS, 0);
  memory.fill(RELOCATIONS, 0, 2 * sections);
}

function readSection(header: u32, i: u32, name: u32, names: u32): bool {
  const type = typeOf(header);
  const flags = load<u64>(header, 8);
  const size = load<u64>(header, 32);
  const alignment = load<u64>(header, 48);
  const known = knownByName(name);
  store<u8>(KINDS + i, 0);
  store<u32>(BASES + 4 * i, 0);
  if (known === UNWELCOME || (known !== OTHER && !setSectionOfKind(known, i))) return false;
  if ((flags & ~u64(PLAIN_FLAGS)) !== 0 || (flags & (SHF_WRITE | SHF_EXECINSTR)) === (SHF_WRITE | SHF_EXECINSTR))
    return false;
  if (alignment > MOST_ALIGNMENT || (alignment & (alignment - 1)) !== 0 || size >= MOST_LOADED) return false;
  const isLoaded = (flags & SHF_ALLOC) !== 0;
  // The loader looks for these among the allocated sections only, and a plain file has no others of these names.
  if (known !== OTHER && known !== TYPES && !isLoaded) return false;
  if ((isLoaded || type === SHT_SYMTAB || type === SHT_STRTAB) && size > 0 && !isNewHash(hashOf(name))) return false;
  if (type !== SHT_NOBITS && type !== SHT_NULL) {
    const at = load<u64>(header, 24);
    if (at > room || size > room - at) return false;
    if (size > 0 && i !== names) putInOrder(type === SHT_RELA, at, at + size);
  }
  if (isLoaded) return readLoaded(i, type, u32(flags), u32(size), u32(alignment), load<u32>(header, 24), known);
  if (type === SHT_SYMTAB) {
    if (symbolTable !== 0) return false;
    symbolTable = i;
    stringTable = load<u32>(header, 40);
    return stringTable !== 0 && stringTable < sections;
  }
  if (type === SHT_RELA || type === SHT_PROGBITS || type === SHT_STRTAB) return true;
  return type === SHT_NULL || type === SHT_NOTE || type === SHT_GNU_ATTRIBUTES;
}

function readLoaded(i: u32, type: u32, flags: u32, size: u32, alignment: u32, at: u32, known: u32): bool {
  const isCode = (flags & SHF_EXECINSTR) !== 0;
  const hasContents = type !== SHT_NOBITS;
  if (hasContents && type !== SHT_PROGBITS && type !== SHT_NOTE && type !== SHT_INIT_ARRAY) return false;
  loadedBytes += size + alignment;
  if (loadedBytes > MOST_LOADED) return false;
  if (isCode) {
    if (size > 0 && (alignment < 4 || at % 4 !== 0)) return false;
    codeBytes += size + alignment;
    store<u32>(BASES + 4 * i, codeWords);
    if (hasContents) codeWords += (size + 3) >>> 2;
  }
  if (codeBytes > MOST_CODE) return false;
  let kind = PLACED;
  if (isCode && hasContents) kind |= CODE;
  if (hasContents) kind |= CONTENTS;
  if ((flags & SHF_WRITE) !== 0) kind |= WRITABLE;
  if (alignment >= 4) kind |= EVEN;
  if (hasContents) kind |= FILLED;
  switch (known) {
    // These two are read and not kept.
    case MODINFO:
    case VERSIONS:
      return hasContents && setKind(i, CONTENTS);
    case PERCPU:
      return hasContents && size <= mostPercpu() && alignment <= pageSize() && setKind(i, CONTENTS);
    case STUBS:
      return isCode && !hasContents && alignment >= 8 && setKind(i, kind);
    case THIS_MODULE:
      // The kernel writes there when all else is read-only.
      return hasContents && size === moduleSize() && (kind & WRITABLE) !== 0 && setKind(i, kind);
    case KSYMTAB_STRINGS:
      return hasContents && setKind(i, kind);
  }
  return setKind(i, kind);
}

function setKind(section: u32, kind: u32): bool {
  store<u8>(KINDS + section, u8(kind));
  return true;
}

/** Each section has at most one section of relocations, which is a table of whole ones. */
function pairRelocations(): bool {
  for (let i: u32 = 1; i < sections; i++) {
    const header = headerOf(i);
    if (typeOf(header) !== SHT_RELA) continue;
    const target = load<u32>(header, 44);
    if (target === 0 || target >= sections || relocationsOf(target) !== 0) return false;
    // The kernel keeps these two for kallsyms, so they would be relocated.
    if (target === symbolTable || target === stringTable) return false;
    if (sizeOf(i) % ENTRY_SIZE !== 0 || load<u64>(header, 56) !== ENTRY_SIZE || contentsOf(i) % 8 !== 0) return false;
    store<u16>(RELOCATIONS + 2 * target, u16(i));
  }
  return true;
}

/** What every module has. */
function hasParts(): bool {
  if (symbolTable === 0 || sectionOfKind(MODINFO) === 0 || sectionOfKind(THIS_MODULE) === 0) return false;
  if (sectionOfKind(STUBS) === 0 || (hasVersions() && sectionOfKind(VERSIONS) === 0)) return false;
  if (typeOf(headerOf(stringTable)) !== SHT_STRTAB) return false;
  const strings = contentsOf(stringTable);
  const size = sizeOf(stringTable);
  return size > 0 && load<u8>(strings) === 0 && load<u8>(strings + size - 1) === 0;
}
