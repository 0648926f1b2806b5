/**
 * The ELF format for programs in AssemblyScript (`scripts/webassembly.js`): numbers, and the fields of section headers. It decides
 * nothing, so that what makes files and what judges them may both use it, as `elf/constants.ts`.
 */
/** Bytes of the ELF header, and of a section header. */
export const EHDR_SIZE: u32 = 64;
export const SHDR_SIZE: u32 = 64;
/** Bytes of a symbol, and of a relocation as well. */
export const ENTRY_SIZE: u32 = 24;
export const ET_REL: u32 = 1;
export const ET_EXEC: u32 = 2;
export const ET_DYN: u32 = 3;
export const EM_PPC64: u32 = 21;
export const SHT_NULL: u32 = 0;
export const SHT_PROGBITS: u32 = 1;
export const SHT_SYMTAB: u32 = 2;
export const SHT_STRTAB: u32 = 3;
export const SHT_RELA: u32 = 4;
export const SHT_NOTE: u32 = 7;
export const SHT_NOBITS: u32 = 8;
export const SHT_REL: u32 = 9;
export const SHT_DYNSYM: u32 = 11;
export const SHT_INIT_ARRAY: u32 = 14;
export const SHT_GROUP: u32 = 17;
export const SHT_SYMTAB_SHNDX: u32 = 18;
export const SHT_RELR: u32 = 19;
export const SHT_CREL: u32 = 0x4000_0014;
export const SHT_GNU_ATTRIBUTES: u32 = 0x6ffffff5;
export const SHF_WRITE: u32 = 1;
export const SHF_ALLOC: u32 = 2;
export const SHF_EXECINSTR: u32 = 4;
export const SHF_INFO_LINK: u32 = 64;
export const SHN_LORESERVE: u32 = 0xff00;
export const SHN_LIVEPATCH: u32 = 0xff20;
export const SHN_ABS: u32 = 0xfff1;
export const SHN_XINDEX: u32 = 0xffff;
export const STT_OBJECT: u32 = 1;
export const STT_FUNC: u32 = 2;
export const STT_SECTION: u32 = 3;
export const STT_GNU_IFUNC: u32 = 10;

export function typeOf(header: u32): u32 {
  return load<u32>(header, 4);
}

export function flagsOf(header: u32): u32 {
  return load<u32>(header, 8);
}

export function addressOf(header: u32): u64 {
  return load<u64>(header, 16);
}

/** Bytes from the start of the file. */
export function offsetOf(header: u32): u32 {
  return load<u32>(header, 24);
}

export function sizeOf(header: u32): u32 {
  return load<u32>(header, 32);
}

export function linkOf(header: u32): u32 {
  return load<u32>(header, 40);
}

export function infoOf(header: u32): u32 {
  return load<u32>(header, 44);
}

export function alignmentOf(header: u32): u32 {
  return load<u32>(header, 48);
}
