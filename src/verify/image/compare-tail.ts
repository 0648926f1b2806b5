/** What lies behind the image: symbols and names with the plan's behind the input's, the section headers, the note. */
import { SHT_SYMTAB, SYM_SIZE } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import type { ImagePlan } from '../../plan/image.ts';
import { count, type Report } from '../verification.ts';
import { endOfImage, insertedBytes } from './compare-bytes.ts';
import { keptSections, sectionHeadersOf } from './compare-headers.ts';

/** STV_HIDDEN: what is new is nobody else's. */
const HIDDEN = 2;

export function compareImageTail(report: Report, input: ElfFile, output: ElfFile, plan: ImagePlan): string {
  const start = endOfImage(input) + insertedBytes(plan);
  const covered: [start: number, end: number][] = [[...sectionHeadersOf(output)]];
  report.counts.layout += covered[0]![1] - covered[0]![0];
  keptSections(input).forEach((was, i) => {
    if (was.isAllocated || !was.hasContents) return;
    const is = output.sections[i]!;
    covered.push([is.sh_offset, is.sh_offset + is.sh_size]);
    compareContents(report, input, was, output, is, plan);
  });
  compareSymbols(report, input, output, plan);
  const note = output.sections.at(-1)!;
  covered.push([note.sh_offset, note.sh_offset + note.sh_size]);
  report.counts.addedByPlan += note.sh_size;
  return `${count(covered.length, 'part')}, ${count(fillGaps(report, output, start, covered), 'byte')} of padding between them`;
}

/** Tables of names and symbols grow; everything else is what it was. */
function compareContents(
  report: Report,
  input: ElfFile,
  was: Section,
  output: ElfFile,
  is: Section,
  plan: ImagePlan,
): void {
  const old = input.contents(was);
  const fresh = output.contents(is);
  const { symbols } = input;
  const isNames = was.index === input.header.shstrndx;
  const isSymbols = was.sh_type === SHT_SYMTAB || was.index === symbols?.section.sh_link;
  const mayGrow = isNames || (isSymbols && plan.symbols.length > 0);
  const isSame = fresh.length >= old.length && Buffer.compare(fresh.subarray(0, old.length), old) === 0;
  if (!isSame || (fresh.length !== old.length && !mayGrow))
    report.error('VER110', `the contents of ${was.name} are not what they were`, is);
  report.counts.identical += Math.min(old.length, fresh.length);
  report.counts.addedByPlan += Math.max(0, fresh.length - old.length);
}

function compareSymbols(report: Report, input: ElfFile, output: ElfFile, plan: ImagePlan): void {
  const [was, is] = [input.symbols, output.symbols];
  const first = was?.count ?? 0;
  if (is === undefined || is.count !== first + plan.symbols.length) {
    report.error('VER116', `the output has ${is?.count ?? 0} symbols, and ${first + plan.symbols.length} were planned`);
    return;
  }
  const parts = keptSections(input).length;
  plan.symbols.forEach((symbol, n) => {
    const i = first + n;
    const part = plan.parts[symbol.part];
    const asPlanned =
      part !== undefined &&
      is.name(i) === symbol.name &&
      is.address(i) === symbol.address &&
      is.size(i) === symbol.size &&
      is.type(i) === symbol.type &&
      is.binding(i) === symbol.binding &&
      is.st_other(i) === (symbol.st_other | HIDDEN) &&
      is.sectionOf(i) === parts + symbol.part &&
      symbol.address >= part.address &&
      symbol.address + BigInt(symbol.size) <= part.address + BigInt(part.bytes.length);
    if (!asPlanned)
      report.error('VER116', `symbol ${i} is not ${symbol.name} as it was planned`, is.section, i * SYM_SIZE);
  });
}

/** Between the parts there are zeros. */
function fillGaps(report: Report, output: ElfFile, start: number, covered: [number, number][]): number {
  covered.sort((a, b) => a[0] - b[0]);
  let at = start;
  let padding = 0;
  for (const [from, to] of [...covered, [output.bytes.length, output.bytes.length] as const]) {
    for (let i = at; i < from; i++)
      if (output.bytes[i] !== 0) {
        report.error('VER110', 'there are bytes behind the image that belong to nobody', undefined, i);
        break;
      }
    padding += Math.max(0, from - at);
    at = Math.max(at, to);
  }
  report.counts.layout += padding;
  return padding;
}
