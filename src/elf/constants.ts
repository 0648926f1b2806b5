/** Names and values of the System V gABI, and the few of the 64-bit PowerPC ELF V2 ABI that the file format needs. */

export const EHDR_SIZE = 64;
export const SHDR_SIZE = 64;
export const PHDR_SIZE = 56;
export const SYM_SIZE = 24;
export const RELA_SIZE = 24;

export const ET_REL = 1;
export const ET_EXEC = 2;
export const ET_DYN = 3;

export const EM_PPC64 = 21;
/** The part of `e_flags` that holds the ABI version: 1 with function descriptors, 2 without; 0 where nobody said. */
export const EF_PPC64_ABI = 3;

export const SHT_NULL = 0;
export const SHT_PROGBITS = 1;
export const SHT_SYMTAB = 2;
export const SHT_STRTAB = 3;
export const SHT_RELA = 4;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const SHT_REL = 9;
/** Relocations packed into words of bits: gABI, since 2018. */
export const SHT_RELR = 19;
/** LLVM's compact relocations (`-Wa,--crel`), under their experimental number. */
export const SHT_CREL = 0x4000_0014;
export const SHT_DYNSYM = 11;
export const SHT_GROUP = 17;
export const SHT_SYMTAB_SHNDX = 18;

export const SHF_WRITE = 0x1;
export const SHF_ALLOC = 0x2;
export const SHF_EXECINSTR = 0x4;
export const SHF_MERGE = 0x10;
export const SHF_STRINGS = 0x20;
export const SHF_INFO_LINK = 0x40;

export const SHN_UNDEF = 0;
export const SHN_LORESERVE = 0xff00;
/** Livepatch symbols: resolved by the livepatch core when their object is there (kernel). */
export const SHN_LIVEPATCH = 0xff20;
export const SHN_ABS = 0xfff1;
export const SHN_COMMON = 0xfff2;
export const SHN_XINDEX = 0xffff;

export const STB_LOCAL = 0;
export const STB_GLOBAL = 1;
export const STB_WEAK = 2;

export const STT_NOTYPE = 0;
export const STT_OBJECT = 1;
export const STT_FUNC = 2;
export const STT_SECTION = 3;
export const STT_FILE = 4;
export const STT_GNU_IFUNC = 10;

export const STV_DEFAULT = 0;
export const STV_HIDDEN = 2;

/** `GRP_COMDAT`: of several groups with one signature the linker keeps one. */
export const GRP_COMDAT = 1;
