/** The ELF header, program headers and section headers: each field as it was, or as layout and plan decide it. */
import {
  EHDR_SIZE,
  PHDR_SIZE,
  RELA_SIZE,
  SHDR_SIZE,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_INFO_LINK,
  SHN_XINDEX,
  SHT_GROUP,
  SHT_NOTE,
  SHT_PROGBITS,
  SHT_RELA,
  SHT_SYMTAB_SHNDX,
  STB_LOCAL,
  SYM_SIZE,
} from '../elf/constants.ts';
import type { Section } from '../elf/section.ts';
import { addedInformation } from './modinfo.ts';
import { type Pairing, tableFor } from './pairing.ts';
import { type Planned, planFor } from './planned.ts';
import { count, type Report, wordText } from './verification.ts';

/** 32-bit words of the ELF header that layout may change: e_phoff, e_shoff, and e_shnum with e_shstrndx. */
const LAYOUT_WORDS = new Set([8, 9, 10, 11, 15]);
const SECTION_FIELDS = [
  'sh_name',
  'sh_type',
  'sh_flags',
  'sh_flags (high half)',
  'sh_addr',
  'sh_addr (high half)',
  'sh_offset',
  'sh_offset (high half)',
  'sh_size',
  'sh_size (high half)',
  'sh_link',
  'sh_info',
  'sh_addralign',
  'sh_addralign (high half)',
  'sh_entsize',
  'sh_entsize (high half)',
];
const OFFSET_WORD = 6;
const SIZE_WORD = 8;
const LINK_WORD = 10;
const INFO_WORD = 11;

export function compareHeaders(
  report: Report,
  pair: Pairing,
  planned: Planned,
  symbolMap: Int32Array | undefined,
): string {
  compareElfHeader(report, pair);
  let kept = 0;
  for (const [was, is] of pair.both()) {
    compareSection(report, pair, planned, was, is, symbolMap);
    kept++;
  }
  for (const section of pair.fresh()) {
    checkNewHeader(report, pair, planned, section);
    report.counts.addedByPlan += SHDR_SIZE;
  }
  const replaced = pair.input.sections[pair.replaced];
  if (replaced !== undefined) report.counts.removedByPlan += SHDR_SIZE + replaced.sh_size;
  return `${count(kept, 'section')} kept, ${Math.max(pair.output.sections.length - pair.kept, 0)} new`;
}

function compareElfHeader(report: Report, pair: Pairing): void {
  const { input, output } = pair;
  const { counts } = report;
  for (let w = 0; w < EHDR_SIZE / 4; w++) {
    const same = input.words[w] === output.words[w];
    if (same) counts.identical += 4;
    else counts.layout += 4;
    if (!same && !LAYOUT_WORDS.has(w))
      report.error(
        'VER030',
        `the ELF header differs: ${wordText(input.words[w]!)} became ${wordText(output.words[w]!)}`,
        undefined,
        w * 4,
      );
  }
  if (output.header.shstrndx !== pair.to(input.header.shstrndx))
    report.error('VER030', `e_shstrndx was ${input.header.shstrndx} and is ${output.header.shstrndx}`);
  const size = input.header.e_phnum * PHDR_SIZE;
  if (size === 0) {
    if (input.header.e_phoff !== output.header.e_phoff)
      report.error('VER030', 'e_phoff differs, and there are no segments');
    return;
  }
  const table = (elf: Pairing['input']) =>
    Buffer.from(elf.bytes.buffer, elf.bytes.byteOffset + elf.header.e_phoff, size);
  if (table(input).equals(table(output))) counts.identical += size;
  else report.error('VER030', 'the program headers differ', undefined, output.header.e_phoff);
}

/** Bytes that section `i` of the output has to have; -1 where another step decides it (string tables). */
function plannedSize(pair: Pairing, planned: Planned, section: Section): number {
  const { input } = pair;
  const { symbols } = input;
  const own = planFor(planned, section.index);
  const added = planned.plan.newSymbols.length;
  if (symbols !== undefined && section === symbols.section) return section.sh_size + added * SYM_SIZE;
  if (section.sh_type === SHT_SYMTAB_SHNDX && section.sh_link === symbols?.section.index)
    return section.sh_size + added * 4;
  if (section.index === symbols?.section.sh_link || section.index === input.header.shstrndx) return -1;
  let size = section.sh_size - own.records.reduce((sum, r) => sum + r.size, 0) - own.entries.length * RELA_SIZE;
  size += own.appended.reduce((sum, bytes) => sum + bytes.length, 0);
  if (section.index === planned.informed) size += addedInformation(pair, planned, section.index).length;
  if (section.sh_type === SHT_RELA && tableFor(input, section.sh_info) === section.index)
    size += planFor(planned, section.sh_info).added.length * RELA_SIZE;
  return size;
}

/** sh_info: for some types a symbol's number, for others a section's, else something that does not move. */
function plannedInfo(pair: Pairing, planned: Planned, section: Section, symbolMap: Int32Array | undefined): number {
  if (section === pair.input.symbols?.section)
    return section.sh_info + planned.plan.newSymbols.filter(s => s.binding === STB_LOCAL).length;
  if (section.sh_type === SHT_GROUP && symbolMap !== undefined) return symbolMap[section.sh_info] ?? -1;
  const isSection =
    (section.sh_type === SHT_RELA && pair.input.isRelocatable) || (section.sh_flags & SHF_INFO_LINK) !== 0;
  return isSection ? pair.to(section.sh_info) : section.sh_info;
}

/** Section 0 holds the number of sections where the ELF header has no room for it. */
function countInSection0({ input, output }: Pairing): number {
  return (output.words[15]! & 0xffff) === 0 ? output.header.shnum : input.sections[0]!.sh_size;
}

/** And the number of the section-name table. */
function namesInSection0({ input, output }: Pairing): number {
  return output.words[15]! >>> 16 === SHN_XINDEX ? output.header.shstrndx : input.sections[0]!.sh_link;
}

function compareSection(
  report: Report,
  pair: Pairing,
  planned: Planned,
  was: Section,
  is: Section,
  symbolMap: Int32Array | undefined,
): void {
  const { input, output } = pair;
  const { counts } = report;
  const i = is.index;
  const from = input.header.e_shoff / 4 + was.index * 16;
  const to = output.header.e_shoff / 4 + i * 16;
  const size = i === 0 ? countInSection0(pair) : plannedSize(pair, planned, was);
  for (let w = 0; w < 16; w++) {
    const a = input.words[from + w]!;
    const b = output.words[to + w]!;
    const laidOut = i > 0 && (w === OFFSET_WORD || w === OFFSET_WORD + 1);
    if (a === b) counts.identical += 4;
    else if (laidOut || w === SIZE_WORD || w === SIZE_WORD + 1) counts.layout += 4;
    else counts.changedByPlan += 4;
    if (laidOut) continue;
    let expected = a;
    if (w === LINK_WORD) expected = i === 0 ? namesInSection0(pair) : pair.to(a);
    if (w === INFO_WORD) expected = plannedInfo(pair, planned, was, symbolMap);
    if ((w === SIZE_WORD || w === SIZE_WORD + 1) && size < 0) continue;
    if (w === SIZE_WORD) expected = size >>> 0;
    if (b !== expected)
      report.error(
        'VER032',
        `${SECTION_FIELDS[w]} of section ${i} is 0x${b.toString(16)}, not 0x${expected.toString(16)}`,
        is,
      );
  }
  if (is.name !== was.name) report.error('VER032', `section ${i} was called ${was.name} and is called ${is.name}`, is);
}

function checkNewHeader(report: Report, pair: Pairing, planned: Planned, section: Section): void {
  const symtab = pair.output.symbols?.section.index ?? 0;
  const expect = (field: keyof Section, expected: number | string | bigint) => {
    if (section[field] !== expected)
      report.error(
        'VER042',
        `${String(field)} of the new section is ${String(section[field])}, not ${expected}`,
        section,
      );
  };
  const k = pair.code.indexOf(section.index);
  const highFlags = pair.output.words[pair.output.header.e_shoff / 4 + section.index * 16 + 3];
  if (highFlags !== 0) report.error('VER042', 'the new section has flags that nobody defined', section);
  expect('sh_addr', 0n);
  if (k >= 0) {
    const code = planned.plan.newCode[k]!;
    expect('sh_type', SHT_PROGBITS);
    expect('sh_flags', SHF_ALLOC | SHF_EXECINSTR);
    expect('sh_size', code.words.length * 4);
    expect('sh_addralign', code.alignment);
    expect('sh_link', 0);
    expect('sh_info', 0);
    expect('sh_entsize', 0);
    if (code.alignment < 4) report.error('VER042', 'the new code is not aligned for instructions', section);
  } else if (section.sh_type === SHT_RELA) {
    expect('name', `.rela${pair.output.sections[section.sh_info]?.name}`);
    expect('sh_flags', SHF_INFO_LINK);
    expect('sh_link', symtab);
    expect('sh_addralign', 8);
    expect('sh_entsize', RELA_SIZE);
  } else if (section.index === pair.note) {
    expect('sh_type', SHT_NOTE);
    expect('sh_flags', 0);
    expect('sh_addralign', 4);
    expect('sh_link', 0);
    expect('sh_info', 0);
    expect('sh_entsize', 0);
  }
}
