/** The ELF header and the section headers. */

import {
  addressOf,
  EHDR_SIZE,
  EM_PPC64,
  ENTRY_SIZE,
  ET_DYN,
  ET_EXEC,
  ET_REL,
  flagsOf,
  SHDR_SIZE,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHT_CREL,
  SHT_NOBITS,
  SHT_NULL,
  SHT_REL,
  SHT_RELA,
  SHT_RELR,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  sizeOf,
  typeOf,
} from '../../elf/wasm/format';
import { isText } from '../../util/wasm/bytes';
import { baseOf, FILE, MOST_SECTIONS, MOST_WORDS, NO_TABLE, setBase, setTracerTable, UNREAD_TABLE } from './memory';

const PHDR_SIZE: u32 = 56;

export let isImage: bool = false;
/** Whether a section holds the kernel's description of a module. */
export let isModule: bool = false;
/** Where the section headers stand, and how many there are. */
export let headers: u32 = 0;
export let sections: u32 = 0;
/** Words that the code, or an image's range of code addresses, has. */
export let codeWords: u32 = 0;
/** Images: the address of word 0. */
export let codeStart: u64 = 0;
/** Index of the symbol table. */
export let symbolTable: u32 = 0;

export function headerOf(section: u32): u32 {
  return headers + section * SHDR_SIZE;
}

/** Where the contents of a section stand. Below 2^32 where the section has some, as `readSections` made sure. */
export function contentsOf(header: u32): u32 {
  return FILE + load<u32>(header, 24);
}

/** Whether the table is one of whole symbols or relocations, on an 8-byte boundary. */
export function isTable(header: u32): bool {
  return load<u64>(header, 56) === ENTRY_SIZE && sizeOf(header) % ENTRY_SIZE === 0 && contentsOf(header) % 8 === 0;
}

/** @returns whether the file is a ppc64le one with plain numbering whose tables lie inside it */
export function readHeader(size: u32): bool {
  if (size < EHDR_SIZE) return false;
  if (load<u32>(FILE) !== 0x464c457f || (load<u32>(FILE, 4) & 0xff_ffff) !== 0x01_0102) return false;
  const type: u32 = load<u16>(FILE, 16);
  const abi = load<u32>(FILE, 48) & 3;
  if (load<u16>(FILE, 18) !== EM_PPC64 || load<u32>(FILE, 20) !== 1 || abi === 1 || abi === 3) return false;
  isImage = type === ET_DYN || type === ET_EXEC;
  if (type !== ET_REL && !isImage) return false;
  if (load<u16>(FILE, 52) !== EHDR_SIZE || load<u16>(FILE, 58) !== SHDR_SIZE) return false;
  const segments: u32 = load<u16>(FILE, 56);
  if (segments > 0) {
    // Images have their segments right behind the header.
    if (!isImage || load<u16>(FILE, 54) !== PHDR_SIZE || load<u64>(FILE, 32) !== EHDR_SIZE) return false;
  }
  const at = load<u64>(FILE, 40);
  sections = load<u16>(FILE, 60);
  const names: u32 = load<u16>(FILE, 62);
  if (sections === 0 || sections > MOST_SECTIONS || names === 0 || names >= sections) return false;
  if (at % 8 !== 0 || at < EHDR_SIZE || at > size || at + sections * SHDR_SIZE > size) return false;
  headers = FILE + u32(at);
  return EHDR_SIZE + segments * PHDR_SIZE <= u32(at);
}

/**
 * Checks every section header, and that the parts of the file follow one another, so that none of them can overlap: the
 * sections in their order, or, as `ld -r` has it, all sections but relocations and then those; last the section names, then
 * the headers.
 */
export function readSections(): bool {
  const names: u32 = load<u16>(FILE, 62);
  const namesHeader = headerOf(names);
  const namesAt = load<u64>(namesHeader, 24);
  const namesSize = load<u64>(namesHeader, 32);
  const room = u64(headers - FILE);
  if (typeOf(namesHeader) !== SHT_STRTAB || typeOf(headers) !== SHT_NULL) return false;
  if (namesSize === 0 || namesAt > room || namesSize > room - namesAt) return false;
  const text = contentsOf(namesHeader);
  if (load<u8>(text + u32(namesSize) - 1) !== 0) return false;
  startOrder();
  symbolTable = codeWords = 0;
  isModule = false;
  for (let i: u32 = 0, h = headers; i < sections; i++, h += SHDR_SIZE) {
    setBase(i, -1);
    setTracerTable(i, NO_TABLE);
    const type = typeOf(h);
    const alignment = load<u64>(h, 48);
    if (load<u32>(h) >= u32(namesSize) || alignment > 0x8000_0000 || (alignment & (alignment - 1)) !== 0) return false;
    if (type === SHT_REL || type === SHT_SYMTAB_SHNDX) return false;
    if (type === SHT_RELR || type === SHT_CREL) return false;
    if (i > 0) readName(text + load<u32>(h), i);
    if (type === SHT_NOBITS || type === SHT_NULL) continue;
    const at = load<u64>(h, 24);
    const size = load<u64>(h, 32);
    if (at > 0xffff_ffff || size > 0xffff_ffff) return false;
    if (size > 0 && i !== names) putInOrder(type, at, at + size);
    if (type === SHT_SYMTAB) {
      if (symbolTable !== 0) return false;
      symbolTable = i;
    }
    if ((flagsOf(h) & (SHF_ALLOC | SHF_EXECINSTR)) === (SHF_ALLOC | SHF_EXECINSTR) && size > 0) {
      // Where the code of an image begins is known when all its sections are: numberAddresses.
      if (at % 4 !== 0) return false;
      setBase(i, i32(codeWords));
      codeWords += u32(size) >>> 2;
    }
  }
  return isOrderly(namesAt) && symbolTable !== 0 && (!isImage || numberAddresses()) && codeWords <= MOST_WORDS;
}

/** Ends of what came before, and whether each section began behind that. */
let end: u64 = 0;
let isInOrder: bool = false;
/** The same with relocations counted apart, and where those begin. */
let othersEnd: u64 = 0;
let relocationsStart: u64 = 0;
let relocationsEnd: u64 = 0;
let isInTwoParts: bool = false;

function startOrder(): void {
  end = othersEnd = u64(EHDR_SIZE) + u64(load<u16>(FILE, 56)) * PHDR_SIZE;
  relocationsStart = u64.MAX_VALUE;
  relocationsEnd = 0;
  isInOrder = isInTwoParts = true;
}

function putInOrder(type: u32, from: u64, to: u64): void {
  if (from < end) isInOrder = false;
  end = max(end, to);
  if (type !== SHT_RELA) {
    if (from < othersEnd) isInTwoParts = false;
    othersEnd = to;
    return;
  }
  if (relocationsStart === u64.MAX_VALUE) relocationsStart = from;
  if (from < relocationsEnd) isInTwoParts = false;
  relocationsEnd = to;
}

function isOrderly(namesAt: u64): bool {
  return end <= namesAt && (isInOrder || (isInTwoParts && othersEnd <= relocationsStart));
}

function readName(at: u32, section: u32): void {
  const start = load<u16>(at);
  if (start === 0x5f5f) {
    if (isText(at, '__mcount_loc') || isText(at, '__patchable_function_entries')) setTracerTable(section, UNREAD_TABLE);
  } else if (start === 0x672e && isText(at, '.gnu.linkonce.this_module')) isModule = true;
}

export function isCode(section: u32): bool {
  return baseOf(section) >= 0;
}

/** In an image a word's number is its distance from the lowest code address, which is that of the first section. */
function numberAddresses(): bool {
  codeWords = 0;
  let isFirst = true;
  for (let i: u32 = 1; i < sections; i++) {
    if (!isCode(i)) continue;
    const address = addressOf(headerOf(i));
    if (isFirst) codeStart = address;
    // Nothing wraps around then.
    if (codeStart > u64.MAX_VALUE - 8 * MOST_WORDS) return false;
    isFirst = false;
    const distance = address - codeStart;
    if (distance % 4 !== 0 || distance >= 4 * MOST_WORDS || u32(distance >>> 2) < codeWords) return false;
    setBase(i, i32(distance >>> 2));
    codeWords = u32(distance >>> 2) + (sizeOf(headerOf(i)) >>> 2);
  }
  return true;
}
