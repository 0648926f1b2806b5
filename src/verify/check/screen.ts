/**
 * A quick look at a module that the kernel takes: whether any audit could find something in it. Almost none has anything, and
 * making views of a file only to find nothing costs more than the loader's own checks. So this walks the raw words: once over
 * the section headers, once over the symbols, once over the relocations of code. Whatever is unusual, or does not lie where it
 * should, is left to the audits, which say what it is.
 */
import {
  EHDR_SIZE,
  RELA_SIZE,
  SHDR_SIZE,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHN_LIVEPATCH,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHT_NOBITS,
  SHT_RELA,
  SHT_SYMTAB,
  STT_FUNC,
  STT_GNU_IFUNC,
  SYM_SIZE,
} from '../../elf/constants.ts';
import { PATCH_NOTE_SECTION } from '../../kernel/patch-note.ts';
import { SHF_RELA_LIVEPATCH } from './subject.ts';

const R_PPC64_REL24 = 10;
const R_PPC64_REL24_NOTOC = 116;
const LK = 1;
const CODE = SHF_ALLOC | SHF_EXECINSTR;

const latin = (text: string) => Buffer.from(text, 'latin1');
/** Names that some audit is about; a name that merely contains one costs the audits and no more. */
const SPECIAL_NAMES = [latin(PATCH_NOTE_SECTION), latin('.klp.')];
const MODINFO = latin('\0.modinfo\0');

/** By symbol: 1 for one of another object. Kept from module to module. */
let external = new Uint8Array(1 << 14);

/**
 * @param bytes of a module that the kernel takes
 * @param release that its vermagic should begin with
 * @returns the number of its functions, or -1 where the audits have to look
 */
export function screenAccepted(bytes: Uint8Array, release: string): number {
  if (bytes.byteOffset % 8 !== 0 || bytes.length < EHDR_SIZE) return -1;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const table = words[10]! >>> 2;
  const count = words[15]! & 0xffff;
  const nameIndex = words[15]! >>> 16;
  if (words[11] !== 0 || (words[10]! & 3) !== 0 || nameIndex >= count) return -1;
  if (table * 4 + count * SHDR_SIZE > bytes.length) return -1;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const header = (i: number) => table + i * (SHDR_SIZE / 4);
  const nameTable = contents(file, words, header(nameIndex));
  if (nameTable === undefined || SPECIAL_NAMES.some(name => nameTable.includes(name))) return -1;
  const modinfoName = nameTable.indexOf(MODINFO) + 1;
  let symtab = 0;
  let modinfo = 0;
  for (let i = 1; i < count; i++) {
    const at = header(i);
    const type = words[at + 1]!;
    if (type === SHT_SYMTAB) {
      if (symtab !== 0) return -1;
      symtab = at;
    } else if (type === SHT_RELA && (words[at + 2]! & SHF_RELA_LIVEPATCH) !== 0) return -1;
    if (modinfo === 0 && words[at] === modinfoName) modinfo = at;
  }
  if (symtab === 0 || modinfo === 0 || modinfoName === 0) return -1;
  const info = contents(file, words, modinfo);
  if (info === undefined || !isBuiltFor(info, release)) return -1;
  const functions = screenSymbols(words, symtab, header, count, bytes.length);
  if (functions < 0) return -1;
  for (let i = 1; i < count; i++) {
    const at = header(i);
    if (words[at + 1] === SHT_RELA && !isWithoutSiblings(words, at, header, count, bytes.length)) return -1;
  }
  return functions;
}

/** Bytes of a section; `undefined` where it does not lie in the file. */
function contents(file: Buffer, words: Uint32Array, at: number): Buffer | undefined {
  const offset = words[at + 6]!;
  const size = words[at + 8]!;
  if (words[at + 7] !== 0 || words[at + 9] !== 0 || offset + size > file.length) return undefined;
  return file.subarray(offset, offset + size);
}

function isBuiltFor(modinfo: Buffer, release: string): boolean {
  const wanted = 'vermagic=';
  const at = modinfo.indexOf(wanted, 0, 'latin1');
  if (at < 0 || (at > 0 && modinfo[at - 1] !== 0)) return false;
  const end = at + wanted.length + release.length;
  return modinfo[end] === 0x20 && modinfo.indexOf(release, at + wanted.length, 'latin1') === at + wanted.length;
}

/** Notes which symbols are external. @returns the number of functions, or -1 where a symbol is unusual */
function screenSymbols(
  words: Uint32Array,
  symtab: number,
  header: (i: number) => number,
  sections: number,
  size: number,
): number {
  const offset = words[symtab + 6]!;
  const bytes = words[symtab + 8]!;
  if (words[symtab + 7] !== 0 || words[symtab + 9] !== 0 || (offset & 3) !== 0 || offset + bytes > size) return -1;
  if (words[symtab + 14] !== SYM_SIZE || bytes % SYM_SIZE !== 0) return -1;
  const count = bytes / SYM_SIZE;
  if (count > external.length) external = new Uint8Array(count * 2);
  const step = SYM_SIZE / 4;
  let functions = 0;
  for (let i = 0, w = (offset >>> 2) + 1; i < count; i++, w += step) {
    const info = words[w]!;
    const shndx = info >>> 16;
    external[i] = 0;
    if (shndx === SHN_UNDEF) external[i] = 1;
    else if (shndx === SHN_LIVEPATCH) return -1;
    else {
      const k = (info >>> 13) & 7;
      if (k === 1 || k === 7) return -1;
      const type = info & 0xf;
      if (type !== STT_FUNC && type !== STT_GNU_IFUNC) continue;
      if (shndx >= SHN_LORESERVE || shndx >= sections) return -1;
      const home = header(shndx);
      if ((words[home + 2]! & CODE) === CODE && words[home + 1] !== SHT_NOBITS && words[home + 8] !== 0) functions++;
    }
  }
  // Behind the table: whatever names a symbol there is left to the audits.
  symbolCount = count;
  return functions;
}
let symbolCount = 0;

/** Whether every branch of a table of relocations that leaves the object is a call. */
function isWithoutSiblings(
  words: Uint32Array,
  at: number,
  header: (i: number) => number,
  sections: number,
  size: number,
): boolean {
  const info = words[at + 11]!;
  if (info >= sections) return false;
  const target = header(info);
  if ((words[target + 2]! & CODE) !== CODE || words[target + 1] === SHT_NOBITS) return true;
  const code = words[target + 6]!;
  const offset = words[at + 6]!;
  const bytes = words[at + 8]!;
  if (words[at + 7] !== 0 || words[at + 9] !== 0 || (offset & 3) !== 0 || offset + bytes > size) return false;
  if (words[target + 7] !== 0 || (code & 3) !== 0) return false;
  const limit = words[target + 8]!;
  if (code + limit > size) return false;
  const first = code >>> 2;
  const step = RELA_SIZE / 4;
  const end = (offset >>> 2) + Math.floor(bytes / RELA_SIZE) * step;
  for (let w = offset >>> 2; w < end; w += step) {
    const type = words[w + 2]!;
    if (type !== R_PPC64_REL24 && type !== R_PPC64_REL24_NOTOC) continue;
    const symbol = words[w + 3]!;
    if (symbol >= symbolCount || words[w]! >= limit) return false;
    if (external[symbol] === 1 && (words[first + (words[w]! >>> 2)]! & LK) === 0) return false;
  }
  return true;
}
