/**
 * The checks of the ELF file, up to the point where the loader knows its sections: elf_validity_check and setup_load_info
 * (6.1), or elf_validity_cache_copy in one loop (6.4 to 6.12). From 6.13 on: `validity-split.ts`. The order of the checks
 * decides the message, so it is the kernel's; sums of two 64-bit numbers are compared unrounded, which gives what the
 * kernel's check for wrap-around gives.
 */
import {
  EHDR_SIZE,
  EM_PPC64,
  ET_REL,
  SHDR_SIZE,
  SHF_ALLOC,
  SHT_NOBITS,
  SHT_NULL,
  SHT_SYMTAB,
} from '../elf/constants.ts';
import { findAllocated } from './find-section.ts';
import { nameSections, read64, readHeaders, stringEnd, textAt } from './headers.ts';
import { Modinfo } from './modinfo.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';

export const MODINFO = knownName('.modinfo');
export const THIS_MODULE = knownName('.gnu.linkonce.this_module');
export const VERSIONS = knownName('__versions');
export const PERCPU = knownName('.data..percpu');

export const NAMELESS = '(missing .modinfo section or name field)';
/** Where `struct module` has its name, behind its state and a list head, where nobody knows better; and its size. Bytes. */
const NAME_AT = 24;
const NAME_LENGTH = 56;

/** `elf_validity_check` (6.1), or the first part of `elf_validity_cache_copy` (6.4 to 6.12), which also counts sections. */
export function elfValidity(state: LoadState): void {
  checkFileHeader(state);
  const { shoff, shnum, shstrndx } = checkHeaderTable(state);
  const headers = readHeaders(state, shoff, shnum);
  checkNameIndex(state, shstrndx, shnum);
  state.headers = headers;
  if (!fits(state, shstrndx)) state.refuse('ENOEXEC', `Invalid ELF section hdr(type ${headers.type[shstrndx]})`);
  checkNameTable(state, shstrndx);
  checkNullSection(
    state,
    headers.type[0]!,
    headers.size[0] === 0 && isZero(headers.addressLow[0]!, headers.addressHigh[0]!),
  );
  const nameTableSize = headers.size[shstrndx]!;
  for (let i = 1; i < shnum; i++) {
    const type = headers.type[i]!;
    if (type === SHT_NULL || type === SHT_NOBITS) continue;
    const link = headers.link[i]!;
    if (type === SHT_SYMTAB && (link === 0 || link >= shnum)) refuseLink(state, link);
    if (!fits(state, i)) refuseContents(state, i);
    if ((headers.flags[i]! & SHF_ALLOC) !== 0 && headers.name[i]! >= nameTableSize) refuseName(state, i);
  }
  nameSections(state);
  for (let i = 1; i < shnum; i++) if (headers.name[i]! >= nameTableSize) warnOfName(state, i);
}

/** Checks of the ELF header that all versions have. */
export function checkFileHeader(state: LoadState): void {
  const { bytes, view, length } = state;
  if (length < EHDR_SIZE) state.refuse('ENOEXEC', `Invalid ELF header len ${length}`);
  // The magic is printed as it is, with its control character.
  if (view.getUint32(0, false) !== 0x7f454c46) state.refuse('ENOEXEC', 'Invalid ELF header magic: != \x7fELF');
  const type = view.getUint16(16, true);
  if (type !== ET_REL) state.refuse('ENOEXEC', `Invalid ELF header type: ${type} != ${ET_REL}`);
  const machine = view.getUint16(18, true);
  if (machine !== EM_PPC64) state.refuse('ENOEXEC', `Invalid architecture in ELF header: ${machine}`);
  if (state.rules.wantsAbi2 && (bytes[48]! & 3) !== 2)
    state.refuse('ENOEXEC', `Invalid module architecture in ELF header: ${machine}`);
}

/** Size and place of the table of section headers. */
export function checkHeaderTable(state: LoadState) {
  const { view, length } = state;
  const shoff = read64(view, 40);
  const shnum = view.getUint16(60, true);
  if (view.getUint16(58, true) !== SHDR_SIZE) state.refuse('ENOEXEC', 'Invalid ELF section header size');
  if (shoff >= length || shnum * SHDR_SIZE > length - shoff)
    state.refuse('ENOEXEC', 'Invalid ELF section header overflow');
  return { shoff, shnum, shstrndx: view.getUint16(62, true) };
}

export function checkNameIndex(state: LoadState, index: number, count: number): void {
  if (index === 0 || index >= count)
    state.refuse('ENOEXEC', `Invalid ELF section name index: ${index} || e_shstrndx (${index}) >= e_shnum (${count})`);
}

/** The name table is not empty and ends with a NUL; its contents lie in the file. */
export function checkNameTable(state: LoadState, index: number): void {
  const { headers, bytes } = state;
  const offset = headers.offset[index]!;
  const size = headers.size[index]!;
  if (size === 0) state.refuse('ENOEXEC', 'empty section name table');
  if (bytes[offset + size - 1] !== 0)
    state.refuse('ENOEXEC', "ELF Spec violation: section name table isn't null terminated");
  state.sectionNames = offset;
}

export function checkNullSection(state: LoadState, type: number, isEmpty: boolean): void {
  if (type !== SHT_NULL || !isEmpty)
    state.refuse('ENOEXEC', `ELF Spec violation: section 0 type(${type | 0})!=SH_NULL or non-zero len or addr`);
}

/** `validate_section_offset` */
export function fits(state: LoadState, index: number): boolean {
  return state.headers.offset[index]! + state.headers.size[index]! <= state.length;
}

export function refuseContents(state: LoadState, i: number): never {
  state.refuse('ENOEXEC', `Invalid ELF section in module (section ${i} type ${state.headers.type[i]})`);
}

export function refuseName(state: LoadState, i: number): never {
  state.refuse('ENOEXEC', `Invalid ELF section name in module (section ${i} type ${state.headers.type[i]})`);
}

export function refuseLink(state: LoadState, link: number): never {
  const shown = link | 0;
  state.refuse(
    'ENOEXEC',
    `Invalid ELF sh_link!=SHN_UNDEF(${shown}) or (sh_link(${shown}) >= hdr->e_shnum(${state.headers.count})`,
  );
}

/** A name outside the name table that no check caught: the kernel compares whatever stands there. */
export function warnOfName(state: LoadState, i: number): void {
  const at = state.sectionNames + state.headers.name[i]!;
  const message = `the name of section ${i} lies outside the section name table, and the kernel reads it unchecked`;
  if (stringEnd(state.bytes, at) >= state.bytes.length) state.danger('MOD001', message);
  else state.remark({ code: 'MOD001', level: 'warning', message });
}

/** `setup_load_info` (6.1 to 6.3): finds the sections that the loader works with. */
export function setupLoadInfo(state: LoadState): void {
  const { headers, index } = state;
  index.modinfo = findAllocated(state, MODINFO);
  readModinfo(state);
  index.symtab = headers.type.subarray(1).indexOf(SHT_SYMTAB) + 1;
  if (index.symtab === 0) refuseStripped(state);
  index.strtab = headers.link[index.symtab]!;
  index.thisModule = findAllocated(state, THIS_MODULE);
  if (index.thisModule === 0) state.refuse('ENOEXEC', `${nameOr(state)}: No module found in object`, 'warning');
  checkModuleSize61(state);
  findNames(state);
  index.versions = state.request.ignoreModversions === true ? 0 : findAllocated(state, VERSIONS);
  index.percpu = state.kernel.options.smp ? findAllocated(state, PERCPU) : 0;
}

/** The second part of `elf_validity_cache_copy` (6.4 to 6.12). */
export function cacheIndexes(state: LoadState): void {
  const { headers, index } = state;
  const counts = { modinfo: 0, thisModule: 0, symtab: 0 };
  for (let i = 1; i < headers.count; i++) {
    const type = headers.type[i]!;
    if (type === SHT_NULL || type === SHT_NOBITS) continue;
    if (type === SHT_SYMTAB) {
      counts.symtab++;
      index.symtab = i;
    }
    if (headers.nameId[i] === THIS_MODULE) {
      counts.thisModule++;
      index.thisModule = i;
    } else if (headers.nameId[i] === MODINFO) {
      counts.modinfo++;
      index.modinfo = i;
    }
  }
  if (counts.modinfo > 1) state.refuse('ENOEXEC', 'Only one .modinfo section must exist.');
  readModinfo(state);
  if (counts.symtab !== 1) refuseStripped(state);
  index.strtab = headers.link[index.symtab]!;
  if (counts.thisModule !== 1)
    state.refuse('ENOEXEC', `module ${nameOr(state)}: Only one .gnu.linkonce.this_module section must exist.`);
  checkModuleSection(state, index.thisModule);
  findNames(state);
  index.versions = state.request.ignoreModversions === true ? 0 : findAllocated(state, VERSIONS);
  index.percpu = state.kernel.options.smp ? findAllocated(state, PERCPU) : 0;
}

/** `.gnu.linkonce.this_module` has to be as large as the kernel's `struct module` (6.4). */
export function checkModuleSection(state: LoadState, i: number): void {
  const { headers } = state;
  const refuse = (what: string): never =>
    state.refuse('ENOEXEC', `module ${nameOr(state)}: .gnu.linkonce.this_module ${what}`);
  if (headers.type[i] === SHT_NOBITS) refuse('section must have a size set');
  if ((headers.flags[i]! & SHF_ALLOC) === 0) refuse('must occupy memory during process execution');
  if (headers.size[i] !== state.kernel.structures.moduleSize)
    refuse("section size must match the kernel's built struct module size at run time");
}

/** 6.1 fills its `struct module` in that section without looking at its size. */
function checkModuleSize61(state: LoadState): void {
  const i = state.index.thisModule;
  const size = state.headers.size[i]!;
  const wanted = state.kernel.structures.moduleSize;
  if (size < wanted)
    state.danger(
      'MOD002',
      `.gnu.linkonce.this_module has ${size} bytes, and the kernel writes ${wanted} there without a check`,
      '.gnu.linkonce.this_module',
    );
  else if (state.headers.type[i] === SHT_NOBITS && !fits(state, i))
    state.danger('MOD002', 'the kernel reads its struct module from outside the file', '.gnu.linkonce.this_module');
}

export function readModinfo(state: LoadState): void {
  const { headers, index } = state;
  const i = index.modinfo;
  // Without .modinfo the kernel looks where section 0 points, which nothing checks.
  if (!fits(state, i)) state.danger('MOD003', 'the kernel reads .modinfo unchecked from outside the file', '.modinfo');
  state.modinfo = new Modinfo(state.bytes, headers.offset[i]!, headers.size[i]!);
  state.infoName = (i === 0 ? undefined : state.modinfo.get('name')) ?? '';
}

export function refuseStripped(state: LoadState): never {
  state.refuse('ENOEXEC', `${nameOr(state)}: module has no symbols (stripped?)`, 'warning');
}

/** What messages call a module whose name may not be known yet. */
export function nameOr(state: LoadState): string {
  return state.modinfo.has('name') && state.index.modinfo !== 0 ? state.infoName : NAMELESS;
}

/** A build leaves only the name there (and relocations, of init and exit); all else the kernel takes for its own. */
function checkStructModule(state: LoadState, from: number, nameAt: number): void {
  const size = Math.min(state.headers.size[state.index.thisModule]!, state.kernel.structures.moduleSize);
  const { bytes } = state;
  const count = Math.floor(Math.min(size, bytes.length - from) / 4);
  if (count <= 0) return;
  // A view at an odd place is not to be had; files come aligned, and so does the section in all but damaged ones.
  const isAligned = (bytes.byteOffset + from) % 4 === 0;
  const words = isAligned
    ? new Uint32Array(bytes.buffer, bytes.byteOffset + from, count)
    : new Uint32Array(bytes.slice(from, from + 4 * count).buffer);
  const nameFrom = (nameAt - from) >>> 2;
  const nameTo = nameFrom + (NAME_LENGTH >>> 2);
  for (let i = 0; i < count; i++) {
    if (words[i] === 0 || (i >= nameFrom && i < nameTo)) continue;
    const section = '.gnu.linkonce.this_module';
    const message = `the struct module is set near byte ${4 * i}, and the kernel takes it for its own`;
    state.danger('MOD010', message, section);
    return;
  }
}

/** `info->mod->name`, which is also `info->name` where .modinfo has none. */
export function findNames(state: LoadState): void {
  const { headers, index, kernel } = state;
  const from = headers.offset[index.thisModule]!;
  const at = from + (kernel.structures.moduleFields.name ?? NAME_AT);
  checkStructModule(state, from, at);
  state.name = textAt(state.bytes, at);
  // Kernels with CONFIG_FORTIFY_SOURCE stop with a BUG when they measure it (seen on 6.1).
  if (state.name.length >= NAME_LENGTH)
    state.danger('MOD004', `the module's name has no NUL in its ${NAME_LENGTH} bytes`, '.gnu.linkonce.this_module');
  if (!(index.modinfo !== 0 && state.modinfo.has('name'))) state.infoName = state.name;
}

function isZero(low: number, high: number): boolean {
  return (low | high) === 0;
}
