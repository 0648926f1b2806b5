/** ELF header, segments and section headers: only what the plan adds may differ, and where the tables behind the image lie. */
import { EHDR_SIZE, PHDR_SIZE, SHDR_SIZE, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import { patchNoteSection } from '../../kernel/patch-note.ts';
import type { ImagePart, ImagePlan } from '../../plan/image.ts';
import { count, type Report } from '../verification.ts';

const PT_LOAD = 1;
const [P_VADDR, P_FILESZ] = [16, 32] as const;

/** Bytes of the ELF header that say where the section headers are, and how many: e_shoff, e_shnum, e_shstrndx. */
const MAY_DIFFER = [[40, 48] as const, [60, 64] as const];

/** Sections of the input that are in the output, in order: an old note goes. */
export function keptSections(input: ElfFile): readonly Section[] {
  const old = patchNoteSection(input);
  return input.sections.filter(s => s !== old);
}

export function compareImageHeaders(report: Report, input: ElfFile, output: ElfFile, plan: ImagePlan): string {
  for (let i = 0; i < EHDR_SIZE; i++)
    if (input.bytes[i] !== output.bytes[i] && !MAY_DIFFER.some(([from, to]) => i >= from && i < to))
      report.error('VER111', `byte ${i} of the ELF header differs`);
  const { e_phoff, e_phnum } = input.header;
  const segments = (elf: ElfFile) => Buffer.from(elf.bytes.slice(e_phoff, e_phoff + e_phnum * PHDR_SIZE));
  if (!grown(segments(input), plan).equals(segments(output))) report.error('VER111', 'the program headers differ');
  const kept = keptSections(input);
  const wanted = kept.length + plan.parts.length + 1;
  if (output.sections.length !== wanted) {
    report.error('VER111', `the output has ${output.sections.length} sections, and ${wanted} were to be there`);
    return 'not compared';
  }
  kept.forEach((was, i) => {
    compareSection(report, input, was, output.sections[i]!, plan);
  });
  plan.parts.forEach((part, i) => {
    comparePart(report, part, output.sections[kept.length + i]!);
  });
  return `${count(kept.length, 'section')} where they were, ${count(plan.parts.length, 'new section')}, ${count(e_phnum, 'segment')}`;
}

/** What is put behind the bytes that the file has for a segment makes these more. */
function grown(segments: Buffer, { parts }: ImagePlan): Buffer {
  for (const part of parts)
    for (let at = 0; part.isInserted === true && at < segments.length; at += PHDR_SIZE) {
      const size = segments.readBigUInt64LE(at + P_FILESZ);
      if (segments.readUInt32LE(at) === PT_LOAD && segments.readBigUInt64LE(at + P_VADDR) + size === part.address)
        segments.writeBigUInt64LE(size + BigInt(part.bytes.length), at + P_FILESZ);
    }
  return segments;
}

function compareSection(report: Report, input: ElfFile, was: Section, is: Section, plan: ImagePlan): void {
  const wrong = (field: string) => report.error('VER111', `${field} of ${was.name} is not what it was`, is);
  if (is.name !== was.name) wrong('the name');
  if (is.sh_type !== was.sh_type || is.sh_flags !== was.sh_flags || is.sh_addr !== was.sh_addr) wrong('a field');
  if (is.sh_addralign !== was.sh_addralign || is.sh_entsize !== was.sh_entsize) wrong('a field');
  if (was.sh_link !== is.sh_link || was.sh_info !== is.sh_info) wrong('a link');
  if (!was.isAllocated) return;
  if (was.hasContents && is.sh_offset !== was.sh_offset) wrong('the offset');
  const more = input.sectionNamed('.rela.dyn') === was ? plan.relatives.length * 24 : 0;
  if (is.sh_size !== was.sh_size + more) wrong('the size');
}

function comparePart(report: Report, part: ImagePart, is: Section): void {
  const flags = SHF_ALLOC | (part.kind === 'code' ? SHF_EXECINSTR : part.kind === 'data' ? SHF_WRITE : 0);
  const asPlanned =
    is.name === part.name &&
    is.sh_addr === part.address &&
    is.sh_offset === part.fileOffset &&
    is.sh_size === part.bytes.length &&
    is.sh_flags === flags &&
    is.hasContents &&
    is.sh_addralign === part.alignment &&
    part.address % BigInt(Math.max(is.sh_addralign, 1)) === 0n;
  if (!asPlanned) report.error('VER111', `the header of ${part.name} is not the one that was planned`, is);
}

/** Bytes of the section header table. */
export function sectionHeadersOf({ header }: ElfFile): readonly [start: number, end: number] {
  return [header.e_shoff, header.e_shoff + header.shnum * SHDR_SIZE];
}
