/**
 * The checks of the ELF file from 6.13 on: the functions elf_validity_* of module/main.c, in their order. They look at every
 * section's name and at every symbol's, which the earlier ones trusted.
 */
import { SHT_NOBITS, SHT_NULL, SHT_STRTAB, SHT_SYMTAB, SYM_SIZE } from '../elf/constants.ts';
import { findAllocated } from './find-section.ts';
import { firstHeader, nameSections, readHeaders } from './headers.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';
import {
  checkFileHeader,
  checkHeaderTable,
  checkModuleSection,
  checkNameIndex,
  checkNameTable,
  checkNullSection,
  findNames,
  fits,
  MODINFO,
  nameOr,
  PERCPU,
  readModinfo,
  refuseContents,
  refuseLink,
  refuseName,
  refuseStripped,
  THIS_MODULE,
  VERSIONS,
  warnOfName,
} from './validity.ts';

const EXT_CRCS = knownName('__version_ext_crcs');
const EXT_NAMES = knownName('__version_ext_names');

export function elfValiditySplit(state: LoadState): void {
  const nameTable = cacheHeaders(state);
  cacheSectionNames(state, nameTable);
  cacheModinfo(state);
  cacheThisModule(state);
  cacheSymbolTable(state);
  if (state.request.ignoreModversions !== true) cacheVersions(state);
  state.index.percpu = state.kernel.options.smp ? findAllocated(state, PERCPU) : 0;
  checkSymbolNames(state);
  findNames(state);
}

/** `elf_validity_ehdr` and `elf_validity_cache_sechdrs`. @returns e_shstrndx */
function cacheHeaders(state: LoadState): number {
  checkFileHeader(state);
  const { shoff, shnum, shstrndx } = checkHeaderTable(state);
  // Looked at even where there is no header at all.
  const first = firstHeader(state, shoff);
  checkNullSection(state, first.type, first.isEmpty);
  state.headers = readHeaders(state, shoff, shnum);
  for (let i = 1; i < shnum; i++) {
    const type = state.headers.type[i]!;
    if (type !== SHT_NULL && type !== SHT_NOBITS && !fits(state, i)) refuseContents(state, i);
  }
  return shstrndx;
}

/** `elf_validity_cache_secstrings` */
function cacheSectionNames(state: LoadState, nameTable: number): void {
  const { headers } = state;
  checkNameIndex(state, nameTable, headers.count);
  const type = headers.type[nameTable]!;
  if (type !== SHT_STRTAB) state.refuse('ENOEXEC', `Invalid ELF section name table type: ${type}`);
  checkNameTable(state, nameTable);
  const size = headers.size[nameTable]!;
  for (let i = 0; i < headers.count; i++)
    if (headers.type[i] !== SHT_NULL && headers.name[i]! >= size) refuseName(state, i);
  nameSections(state);
  // Sections of type SHT_NULL are left out above, and their names are compared all the same.
  for (let i = 1; i < headers.count; i++) if (headers.name[i]! >= size) warnOfName(state, i);
}

/** `find_any_unique_sec`: the number of sections of that name, and the last one. */
function countSections(state: LoadState, id: number): { readonly count: number; readonly last: number } {
  const { nameId, count: total } = state.headers;
  let count = 0;
  let last = 0;
  for (let i = 1; i < total; i++)
    if (nameId[i] === id) {
      count++;
      last = i;
    }
  return { count, last };
}

/** `elf_validity_cache_index_info` */
function cacheModinfo(state: LoadState): void {
  const { count, last } = countSections(state, MODINFO);
  if (count > 1) state.refuse('ENOEXEC', 'Only one .modinfo section must exist.');
  state.index.modinfo = last;
  readModinfo(state);
}

/** `elf_validity_cache_index_mod` */
function cacheThisModule(state: LoadState): void {
  const { count, last } = countSections(state, THIS_MODULE);
  if (count !== 1)
    state.refuse('ENOEXEC', `module ${nameOr(state)}: Exactly one .gnu.linkonce.this_module section must exist.`);
  checkModuleSection(state, last);
  state.index.thisModule = last;
}

/** `elf_validity_cache_index_sym` and `elf_validity_cache_index_str` */
function cacheSymbolTable(state: LoadState): void {
  const { headers, index } = state;
  let count = 0;
  for (let i = 1; i < headers.count; i++)
    if (headers.type[i] === SHT_SYMTAB) {
      count++;
      index.symtab = i;
    }
  if (count !== 1) refuseStripped(state);
  const strings = headers.link[index.symtab]!;
  if (strings === 0 || strings >= headers.count) refuseLink(state, strings);
  const type = headers.type[strings]!;
  if (type !== SHT_STRTAB) state.refuse('ENOEXEC', `Invalid ELF symbol string table type: ${type}`);
  index.strtab = strings;
}

/** `elf_validity_cache_index_versions` */
function cacheVersions(state: LoadState): void {
  const { index, headers, bytes } = state;
  if (state.rules.extendedVersions) {
    const crcs = findAllocated(state, EXT_CRCS);
    const names = findAllocated(state, EXT_NAMES);
    if ((crcs === 0) !== (names === 0)) state.refuse('ENOEXEC', 'extended version crc+name presence does not match');
    let at = headers.offset[names]!;
    const end = at + headers.size[names]!;
    for (let left = crcs === 0 ? 0 : Math.floor(headers.size[crcs]! / 4); left > 0; left--) {
      const nul = bytes.indexOf(0, at);
      if (nul < 0 || nul >= end) state.refuse('ENOEXEC', 'more extended version crcs than names');
      at = nul + 1;
    }
    index.extCrcs = crcs;
    index.extNames = names;
  }
  index.versions = findAllocated(state, VERSIONS);
}

/** `elf_validity_cache_strtab` */
function checkSymbolNames(state: LoadState): void {
  const { headers, index, bytes, view } = state;
  const offset = headers.offset[index.strtab]!;
  const size = headers.size[index.strtab]!;
  if (size === 0) state.refuse('ENOEXEC', 'empty symbol string table');
  if (bytes[offset] !== 0) state.refuse('ENOEXEC', 'symbol string table missing leading NUL');
  if (bytes[offset + size - 1] !== 0) state.refuse('ENOEXEC', "symbol string table isn't NUL terminated");
  const first = headers.offset[index.symtab]!;
  const count = Math.floor(headers.size[index.symtab]! / SYM_SIZE);
  for (let i = 0, at = first; i < count; i++, at += SYM_SIZE)
    if (view.getUint32(at, true) >= size) state.refuse('ENOEXEC', 'symbol name out of bounds in string table');
}
