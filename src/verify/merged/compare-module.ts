/** The module in the merged file: every section where it was in the table, with all of its bytes. */
import {
  EHDR_SIZE,
  RELA_SIZE,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_INFO_LINK,
  SHF_MERGE,
  SHF_STRINGS,
  SHF_WRITE,
  SHT_NOBITS,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
} from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import type { MergedPiece } from '../../plan/merge.ts';
import { count, type Report } from '../verification.ts';
import type { MergeCase } from './verify-merge.ts';

/** Tables of the file that get more entries; what those say is judged elsewhere. */
const GROWING = new Set([SHT_STRTAB, SHT_SYMTAB, SHT_SYMTAB_SHNDX]);
/** Words of a section header that stay as they are: all but offset, size and alignment. */
const SAME_WORDS = [0, 1, 2, 3, 4, 5, 10, 11, 14, 15];
/** Flags that an object's section keeps; the others end with the link. */
const KEPT_FLAGS = SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR | SHF_MERGE | SHF_STRINGS;
/** r2 is computed from the address of `.toc` without its low byte. */
const TOC_ALIGNMENT = 256;

export function compareModule(report: Report, given: MergeCase, merged: ElfFile): string {
  const { module, plan } = given;
  compareHeader(report, module, merged);
  const expected = module.sections.length + plan.sections.length;
  if (merged.sections.length < expected)
    report.error('VER084', `the merged module has ${merged.sections.length} sections, the plan ${expected} and tables`);
  const pieces = new Map<number, MergedPiece[]>();
  for (const p of plan.pieces) pieces.set(p.target, [...(pieces.get(p.target) ?? []), p]);
  for (const was of module.sections) {
    const is = merged.sections[was.index];
    if (is === undefined) continue;
    compareHeaderOf(report, module, merged, was);
    const own = pieces.get(was.index) ?? [];
    const raised = plan.alignments.find(a => a.section === was.index)?.alignment ?? was.sh_addralign;
    if (is.sh_addralign !== raised || raised !== Math.max(was.sh_addralign, ...own.map(p => alignmentOf(given, p))))
      report.error('VER084', `the section was aligned to ${was.sh_addralign} and is to ${is.sh_addralign}`, is);
    const end = endOf(own, was.sh_size);
    const grows =
      GROWING.has(was.sh_type) || (was.sh_type === SHT_RELA && !isLivepatch(was) && pieces.has(was.sh_info));
    const isRight = grows ? is.sh_size >= was.sh_size : is.sh_size === end;
    if (!isRight) report.error('VER084', `the section has ${is.sh_size} bytes, and was to have ${end}`, is);
    compareBytes(report, module, merged, was, is);
  }
  for (const is of merged.sections.slice(module.sections.length, expected))
    compareNew(report, given, merged, is, pieces.get(is.index) ?? []);
  const tables = new Set<number>();
  for (const is of merged.sections.slice(expected)) {
    const isTable = is.sh_type === SHT_RELA && pieces.has(is.sh_info) && !tables.has(is.sh_info);
    tables.add(is.sh_info);
    if (!isTable || module.sections.some(s => s.sh_type === SHT_RELA && s.sh_info === is.sh_info && !isLivepatch(s)))
      report.error('VER084', `section ${is.index} (${is.name}) is not in the plan`, is);
    else compareTable(report, merged, is);
  }
  return `${count(module.sections.length, 'section')} as before, ${merged.sections.length - module.sections.length} new`;
}

function endOf(pieces: readonly MergedPiece[], start: number): number {
  return pieces.reduce((end, p) => Math.max(end, p.offset + p.size), start);
}

function alignmentOf({ objects }: MergeCase, { object, section }: MergedPiece): number {
  return Math.max(objects[object]?.elf.sections[section]?.sh_addralign ?? 1, 1);
}

/** A section of the module has the header that it had, bit for bit. */
function compareHeaderOf(report: Report, module: ElfFile, merged: ElfFile, was: Section): void {
  const is = merged.sections[was.index]!;
  const [from, to] = [module, merged].map(elf => elf.header.e_shoff / 4 + was.index * 16);
  const differs = SAME_WORDS.some(w => module.words[from! + w] !== merged.words[to! + w]);
  if (differs || was.name !== is.name) report.error('VER084', 'the header of the section is another', is);
}

/** A section that the module had not: it has the fields of the object's section that it was made for, and nothing else. */
function compareNew(
  report: Report,
  given: MergeCase,
  merged: ElfFile,
  is: Section,
  pieces: readonly MergedPiece[],
): void {
  const told = given.plan.sections[is.index - given.module.sections.length]!;
  const [first] = pieces;
  const from = first && given.objects[first.object]?.elf.sections[first.section];
  const alignment = Math.max(is.name === '.toc' ? TOC_ALIGNMENT : 1, ...pieces.map(p => alignmentOf(given, p)));
  const isTold =
    is.name === told.name &&
    is.sh_type === told.sh_type &&
    is.sh_flags === told.sh_flags &&
    is.sh_addralign === told.sh_addralign &&
    is.sh_entsize === told.sh_entsize;
  if (!isTold || from === undefined || is.sh_size !== endOf(pieces, 0))
    report.error('VER084', `the new section is not the one that the plan has (${told.name})`, is);
  const isRight =
    is.sh_type === from?.sh_type &&
    is.sh_flags === (from.sh_flags & KEPT_FLAGS) &&
    is.sh_addralign === alignment &&
    is.sh_entsize === from.sh_entsize &&
    is.sh_addr === 0n &&
    is.sh_link === 0 &&
    is.sh_info === 0;
  if (!isRight || hasHighFlags(merged, is))
    report.error('VER281', `the header of the new section is not that of ${from?.name ?? 'a section'}`, is);
}

/** Section reads the low half only. */
function hasHighFlags({ words, header }: ElfFile, { index }: Section): boolean {
  return words[header.e_shoff / 4 + index * 16 + 3] !== 0;
}

/** New relocations, of a section that had none. */
function compareTable(report: Report, merged: ElfFile, is: Section): void {
  const isRight =
    is.name === `.rela${merged.sections[is.sh_info]!.name}` &&
    is.sh_flags === SHF_INFO_LINK &&
    is.sh_link === merged.symbols?.section.index &&
    is.sh_addralign === 8 &&
    is.sh_entsize === RELA_SIZE &&
    is.sh_addr === 0n;
  if (!isRight || hasHighFlags(merged, is))
    report.error('VER281', 'the header of the new relocations is not theirs', is);
}

const SHF_RELA_LIVEPATCH = 0x0010_0000;
const isLivepatch = (s: Section) => (s.sh_flags & SHF_RELA_LIVEPATCH) !== 0;

/** All but the place of the section header table and the number of sections. */
function compareHeader(report: Report, module: ElfFile, merged: ElfFile): void {
  const differs = (start: number, end: number) =>
    Buffer.compare(module.bytes.subarray(start, end), merged.bytes.subarray(start, end)) !== 0;
  if (differs(0, 40) || differs(48, 60) || module.header.shstrndx !== merged.header.shstrndx)
    report.error('VER084', 'the ELF header is another', undefined, EHDR_SIZE);
}

function compareBytes(report: Report, module: ElfFile, merged: ElfFile, was: Section, is: Section): void {
  if (was.sh_type === SHT_NOBITS) return;
  const before = module.contents(was);
  const after = merged.contents(is);
  if (Buffer.compare(before, after.subarray(0, before.length)) !== 0)
    report.error('VER084', 'what the module had in the section has changed', is);
}
