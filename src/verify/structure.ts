/**
 * The output as a file: everything that can be read is read, and the rules of the gABI that the reader does not need, and
 * a kernel or a linker does, are checked as well.
 */
import { SHT_NOTE, SHT_NULL, SHT_RELA, SHT_STRTAB, SHT_SYMTAB, SHT_SYMTAB_SHNDX, STB_LOCAL } from '../elf/constants.ts';
import { readGroups } from '../elf/groups.ts';
import { readNotes } from '../elf/notes.ts';
import type { ElfFile } from '../elf/read.ts';
import { SYMBOL_WORDS, type SymbolTable } from '../elf/symbols.ts';
import { functionSymbols } from '../kernel/functions.ts';
import type { Pairing } from './pairing.ts';
import { count, type Report } from './verification.ts';

/**
 * @param input the file that `output` was made from; what is odd there already is nobody's fault here
 * @throws InputError where a table cannot be read
 */
export function checkStructure(report: Report, output: ElfFile, input: ElfFile | undefined): string {
  const { symbols } = output;
  let relocations = 0;
  let notes = 0;
  for (const section of output.sections) {
    if (section.sh_type === SHT_RELA) relocations += output.relocations(section).count;
    else if (section.sh_type === SHT_NOTE) notes += readNotes(output, section).length;
    else if (section.sh_type === SHT_STRTAB) checkStrings(report, output, section.index);
  }
  const groups = readGroups(output);
  const functions = symbols === undefined ? 0 : functionSymbols(output, symbols).length;
  if (symbols !== undefined) checkSymbolOrder(report, output, symbols);
  checkNames(report, output, input);
  return [
    count(output.sections.length, 'section'),
    count(symbols?.count ?? 0, 'symbol'),
    count(functions, 'function'),
    count(relocations, 'relocation'),
    count(groups.length, 'group'),
    count(notes, 'note'),
  ].join(', ');
}

/** A string table begins with the empty name, and a NUL ends the last one. */
function checkStrings(report: Report, elf: ElfFile, index: number): void {
  const section = elf.sections[index]!;
  const bytes = elf.contents(section);
  if (bytes.length > 0 && (bytes[0] !== 0 || bytes[bytes.length - 1] !== 0))
    report.error('VER005', 'a string table does not begin and end with a NUL', section);
}

/** Symbol 0 is empty, local symbols stand in front of all others, and `sh_info` names the first of these. */
function checkSymbolOrder(report: Report, elf: ElfFile, symbols: SymbolTable): void {
  const { section, words } = symbols;
  if (symbols.count > 0 && words.subarray(0, 6).some(word => word !== 0))
    report.error('VER002', 'the first symbol is not the empty one', section, 0);
  const isLocal = (w: number) => (words[w + 1]! & 0xf0) === STB_LOCAL << 4;
  const end = symbols.count * SYMBOL_WORDS;
  let w = 0;
  while (w < end && isLocal(w)) w += SYMBOL_WORDS;
  const first = w / SYMBOL_WORDS;
  while (w < end && !isLocal(w)) w += SYMBOL_WORDS;
  if (w < end) {
    const i = w / SYMBOL_WORDS;
    report.error('VER002', `local symbol ${i} (${symbols.name(i)}) stands behind a global one`, section, i * 24);
    return;
  }
  if (section.sh_info !== first)
    report.error(
      'VER002',
      `sh_info of the symbol table is ${section.sh_info}, the first global symbol is ${first}`,
      section,
    );
  for (const other of elf.sections)
    if (other.sh_type === SHT_SYMTAB_SHNDX && other.sh_link === section.index && other.sh_size !== symbols.count * 4)
      report.error('VER006', `${other.sh_size} bytes of section indices for ${symbols.count} symbols`, other);
}

/**
 * Contents stand where `sh_addralign` says. Tools that add sections after the link leave others misaligned (thousands of
 * stock modules have such a `.toc`); the kernel copies those, so they may stay where they were, but nothing new may join.
 */
export function checkAlignment(report: Report, pair: Pairing): string {
  let aligned = 0;
  for (const section of pair.output.sections) {
    if (!section.hasContents || section.sh_addralign <= 1 || section.sh_offset % section.sh_addralign === 0) {
      aligned++;
      continue;
    }
    if (pair.input.sections[pair.from(section.index)]?.sh_offset === section.sh_offset) continue;
    report.error(
      'VER003',
      `the section stands at 0x${section.sh_offset.toString(16)}, which is not a multiple of ${section.sh_addralign}`,
      section,
    );
  }
  return `${count(aligned, 'section')} aligned`;
}

/** The kernel shows a module's sections in sysfs by name and warns where one is there twice. */
function checkNames(report: Report, output: ElfFile, input: ElfFile | undefined): void {
  const known = new Map<string, number>();
  const tell = (elf: ElfFile, by: number) => {
    for (const s of elf.sections)
      if (s.isAllocated && s.sh_type !== SHT_NULL) known.set(s.name, (known.get(s.name) ?? 0) + by);
  };
  tell(output, 1);
  const counts = new Map(known);
  if (input !== undefined) tell(input, -1);
  for (const [name, more] of known)
    if (more > 0 && (counts.get(name) ?? 0) > 1 && input !== undefined)
      report.error('VER004', `a second allocated section is called ${name}`, name);
  const tables = output.sections.filter(s => s.sh_type === SHT_SYMTAB).length;
  if (tables > 1) report.error('VER002', `the file has ${tables} symbol tables`);
}
