/**
 * The two files: headers, and where each section's contents lie. Everything that `readElf` makes sure of is made sure of here, and
 * that the files have none of what few modules have.
 */

import {
  EHDR_SIZE,
  EM_PPC64,
  ENTRY_SIZE,
  ET_REL,
  flagsOf,
  infoOf,
  linkOf,
  offsetOf,
  SHDR_SIZE,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHN_LORESERVE,
  SHT_DYNSYM,
  SHT_GROUP,
  SHT_NOBITS,
  SHT_NULL,
  SHT_REL,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
  sizeOf,
  typeOf,
} from '../../elf/wasm/format';
import { isText } from '../../util/wasm/bytes';

/** Where each file stands, its size, and where its section headers stand. */
export let input: u32 = 0;
export let inputSize: u32 = 0;
export let before: u32 = 0;
export let output: u32 = 0;
export let outputSize: u32 = 0;
export let after: u32 = 0;
/** Sections of the input; of the output. */
export let sections: u32 = 0;
export let outputSections: u32 = 0;

export function setFiles(inputAt: u32, sizeOfInput: u32, outputAt: u32, sizeOfOutput: u32): void {
  input = inputAt;
  inputSize = sizeOfInput;
  output = outputAt;
  outputSize = sizeOfOutput;
}

/** A section header of the input, and of the output. */
export function was(section: u32): u32 {
  return before + section * SHDR_SIZE;
}

export function is(section: u32): u32 {
  return after + section * SHDR_SIZE;
}

/** Whether bytes of the file belong to a section. */
export function hasContents(header: u32): bool {
  const type = typeOf(header);
  return type !== SHT_NOBITS && type !== SHT_NULL && load<u64>(header, 32) > 0;
}

/** Code that the kernel loads, and that the file holds. */
export function isCode(header: u32): bool {
  return (flagsOf(header) & (SHF_ALLOC | SHF_EXECINSTR)) === (SHF_ALLOC | SHF_EXECINSTR) && hasContents(header);
}

export function nameTable(): u32 {
  return load<u16>(input, 62);
}

export function symbolTable(): u32 {
  for (let i: u32 = 1; i < sections; i++) if (typeOf(was(i)) === SHT_SYMTAB) return i;
  return 0;
}

/** The name of a section of the output. */
export function nameOf(section: u32): u32 {
  return output + offsetOf(is(nameTable())) + load<u32>(is(section));
}

export function isTracerTable(section: u32): bool {
  const name = nameOf(section);
  return isText(name, '__mcount_loc') || isText(name, '__patchable_function_entries');
}

export function readInput(): bool {
  sections = load<u16>(input, 60);
  before = readFile(input, inputSize);
  return before !== 0;
}

export function readOutput(): bool {
  outputSections = load<u16>(output, 60);
  after = readFile(output, outputSize);
  return after !== 0;
}

/** @returns where the section headers stand; 0 where the file is not one that this program judges */
function readFile(file: u32, size: u32): u32 {
  if (size < EHDR_SIZE || load<u32>(file) !== 0x464c457f) return 0;
  // ELFCLASS64, ELFDATA2LSB, EV_CURRENT
  if (load<u8>(file, 4) !== 2 || load<u8>(file, 5) !== 1 || load<u8>(file, 6) !== 1) return 0;
  if (load<u16>(file, 16) !== ET_REL || load<u16>(file, 18) !== EM_PPC64 || load<u32>(file, 20) !== 1) return 0;
  const abi = load<u32>(file, 48) & 3;
  if (abi === 1 || abi === 3) return 0;
  const table = load<u64>(file, 40);
  const count: u32 = load<u16>(file, 60);
  const names: u32 = load<u16>(file, 62);
  // Header sizes; no segments.
  if (load<u16>(file, 52) !== EHDR_SIZE || load<u16>(file, 56) !== 0 || load<u16>(file, 58) !== SHDR_SIZE) return 0;
  if (count === 0 || count >= SHN_LORESERVE || names === 0 || names >= count) return 0;
  if (table % 8 !== 0 || table < EHDR_SIZE || table > size || count * SHDR_SIZE > size - u32(table)) return 0;
  const headers = file + u32(table);
  const strings = headers + names * SHDR_SIZE;
  if (typeOf(strings) !== SHT_STRTAB || !hasContents(strings) || !isInside(strings, size)) return 0;
  const limit = sizeOf(strings);
  if (load<u8>(file + offsetOf(strings) + limit - 1) !== 0 || typeOf(headers) !== SHT_NULL) return 0;
  for (let i: u32 = 0; i < count; i++) if (!readSection(headers + i * SHDR_SIZE, count, limit, size)) return 0;
  return headers;
}

function isInside(header: u32, size: u32): bool {
  const at = load<u64>(header, 24);
  return at <= size && load<u64>(header, 32) <= u64(size) - at;
}

function readSection(header: u32, count: u32, namesSize: u32, size: u32): bool {
  const type = typeOf(header);
  const alignment = load<u64>(header, 48);
  if (load<u32>(header) >= namesSize || alignment > 0x8000_0000 || (alignment & (alignment - 1)) !== 0) return false;
  if (type === SHT_REL || type === SHT_DYNSYM || type === SHT_GROUP || type === SHT_SYMTAB_SHNDX) return false;
  // Where something empty stands has to be a place all the same.
  if (load<u32>(header, 28) !== 0 || linkOf(header) >= count) return false;
  // Other readers count in doubles, which hold whole numbers below 2^53.
  if (load<u32>(header, 36) >= 0x20_0000 || load<u64>(header, 56) >= 0x20_0000_0000_0000) return false;
  if (hasContents(header) && !isInside(header, size)) return false;
  if (type !== SHT_SYMTAB && type !== SHT_RELA) return true;
  if (load<u64>(header, 56) !== ENTRY_SIZE || sizeOf(header) % ENTRY_SIZE !== 0) return false;
  if (load<u32>(header, 36) !== 0 || (hasContents(header) && offsetOf(header) % 8 !== 0)) return false;
  return type === SHT_SYMTAB ? hasContents(header) : infoOf(header) < count;
}
