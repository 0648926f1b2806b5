/** The module in the merged file: every section where it was in the table, with all of its bytes. */
import { EHDR_SIZE, SHT_NOBITS, SHT_RELA, SHT_STRTAB, SHT_SYMTAB, SHT_SYMTAB_SHNDX } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import { count, type Report } from '../verification.ts';
import type { MergeCase } from './verify-merge.ts';

/** Tables of the file that get more entries; what those say is judged elsewhere. */
const GROWING = new Set([SHT_RELA, SHT_STRTAB, SHT_SYMTAB, SHT_SYMTAB_SHNDX]);
const SAME = ['name', 'sh_type', 'sh_flags', 'sh_addr', 'sh_link', 'sh_info', 'sh_entsize'] as const;

export function compareModule(report: Report, { module, plan }: MergeCase, merged: ElfFile): string {
  compareHeader(report, module, merged);
  const expected = module.sections.length + plan.sections.length;
  if (merged.sections.length < expected)
    report.error('VER084', `the merged module has ${merged.sections.length} sections, the plan ${expected} and tables`);
  const ends = new Map<number, number>();
  for (const p of plan.pieces) ends.set(p.target, Math.max(ends.get(p.target) ?? 0, p.offset + p.size));
  for (const was of module.sections) {
    const is = merged.sections[was.index];
    if (is === undefined) continue;
    for (const field of SAME)
      if (was[field] !== is[field])
        report.error('VER084', `${field} of the section was ${was[field]} and is ${is[field]}`, is);
    const raised = plan.alignments.find(a => a.section === was.index)?.alignment ?? was.sh_addralign;
    if (is.sh_addralign !== raised || raised < was.sh_addralign)
      report.error('VER084', `the section was aligned to ${was.sh_addralign} and is to ${is.sh_addralign}`, is);
    const end = ends.get(was.index) ?? was.sh_size;
    const isRight = GROWING.has(was.sh_type) ? is.sh_size >= was.sh_size : is.sh_size === end;
    if (!isRight) report.error('VER084', `the section has ${is.sh_size} bytes, and was to have ${end}`, is);
    compareBytes(report, module, merged, was, is);
  }
  for (const is of merged.sections.slice(module.sections.length, expected)) {
    const told = plan.sections[is.index - module.sections.length]!;
    const end = ends.get(is.index) ?? 0;
    if (
      is.name !== told.name ||
      is.sh_type !== told.sh_type ||
      is.sh_size !== end ||
      is.sh_addralign !== told.sh_addralign
    )
      report.error('VER084', `the new section is not the one that the plan has (${told.name}, ${end} bytes)`, is);
  }
  for (const is of merged.sections.slice(expected)) {
    const isTable = is.sh_type === SHT_RELA && ends.has(is.sh_info);
    if (!isTable || module.sections.some(s => s.sh_type === SHT_RELA && s.sh_info === is.sh_info && !isLivepatch(s)))
      report.error('VER084', `section ${is.index} (${is.name}) is not in the plan`, is);
  }
  return `${count(module.sections.length, 'section')} as before, ${merged.sections.length - module.sections.length} new`;
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
