/**
 * The image itself: from the start of the file to the last byte that has an address, nothing moves. What has to be there is made from
 * input and plan, and every byte is compared.
 */
import { EHDR_SIZE, PHDR_SIZE } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import { loadSegments } from '../../kernel/image-layout.ts';
import type { ImagePlan } from '../../plan/image.ts';
import { count, type Report, wordText } from '../verification.ts';

/** One past the last byte of the file that a segment or a section with an address covers. */
export function endOfImage(elf: ElfFile): number {
  let end = 0;
  for (const s of elf.sections) if (s.isAllocated && s.hasContents) end = Math.max(end, s.sh_offset + s.sh_size);
  for (const s of loadSegments(elf)) end = Math.max(end, s.p_offset + s.p_filesz);
  return end;
}

/** Bytes that the plan puts behind those of a segment. */
export function insertedBytes({ parts }: ImagePlan): number {
  return parts.reduce((n, p) => n + (p.isInserted === true ? p.bytes.length : 0), 0);
}

export function compareImageBytes(report: Report, input: ElfFile, output: ElfFile, plan: ImagePlan): string {
  const end = endOfImage(input) + insertedBytes(plan);
  if (end % 4 !== 0 || end > output.bytes.length) {
    report.error('VER110', 'the output is shorter than the image');
    return 'not compared';
  }
  const wanted = new Uint8Array(end);
  wanted.set(input.bytes.subarray(0, endOfImage(input)));
  const view = new DataView(wanted.buffer);
  const marks = new Uint8Array(end / 4);
  changeWords(report, input, plan, view, marks);
  for (const part of plan.parts) lay(report, wanted, marks, part.fileOffset, part.bytes, part.name);
  const rela = input.sectionNamed('.rela.dyn');
  if (plan.relatives.length > 0 && rela !== undefined) {
    const bytes = Buffer.alloc(plan.relatives.length * 24);
    plan.relatives.forEach(({ place, value }, i) => {
      bytes.writeBigUInt64LE(place, i * 24);
      bytes.writeUInt32LE(22, i * 24 + 8);
      bytes.writeBigUInt64LE(value, i * 24 + 16);
    });
    lay(report, wanted, marks, rela.sh_offset + rela.sh_size, bytes, rela.name);
  }
  // The ELF header and the segments have been compared field by field.
  wanted.set(output.bytes.subarray(0, EHDR_SIZE));
  const { e_phoff, e_phnum } = input.header;
  wanted.set(output.bytes.subarray(e_phoff, e_phoff + e_phnum * PHDR_SIZE), e_phoff);
  report.counts.layout += EHDR_SIZE;
  const found = output.bytes.subarray(0, end);
  if (Buffer.compare(wanted, found) !== 0) tell(report, input, wanted, found);
  let changed = 0;
  let added = 0;
  for (let i = EHDR_SIZE / 4; i < marks.length; i++) {
    if (marks[i] === CHANGED) changed += 4;
    else if (marks[i] === ADDED) added += 4;
  }
  report.counts.changedByPlan += changed;
  report.counts.addedByPlan += added;
  report.counts.identical += end - EHDR_SIZE - changed - added;
  return `${end} bytes compared: all as they were but ${count(changed / 4, 'word')} changed and ${added} bytes in gaps`;
}

const CHANGED = 1;
const ADDED = 2;

function changeWords(report: Report, input: ElfFile, plan: ImagePlan, wanted: DataView, marks: Uint8Array): void {
  for (const { section, offset, before, after } of plan.words) {
    const of = input.sections[section];
    if (!of?.isAllocated || !of.hasContents || offset < 0 || offset % 4 !== 0 || offset + 4 > of.sh_size) {
      report.error('VER117', 'the plan changes a word that the image does not have', of, offset);
      continue;
    }
    const at = of.sh_offset + offset;
    if (at % 4 !== 0 || marks[at / 4] !== 0) report.error('VER117', 'the plan changes a word twice', of, offset);
    marks[at / 4] = CHANGED;
    const found = wanted.getUint32(at, true);
    if (found !== before >>> 0)
      report.error(
        'VER117',
        `the plan takes the word for ${wordText(before)}, and it is ${wordText(found)}`,
        of,
        offset,
      );
    wanted.setUint32(at, after >>> 0, true);
  }
}

function lay(report: Report, wanted: Uint8Array, marks: Uint8Array, at: number, bytes: Uint8Array, name: string): void {
  if (at % 4 !== 0 || bytes.length % 4 !== 0 || at + bytes.length > wanted.length) {
    report.error('VER112', `the place of ${name} is no room of whole words in the image`, name);
    return;
  }
  for (let i = at; i < at + bytes.length; i++)
    if (wanted[i] !== 0 || marks[i >> 2] !== 0) {
      report.error('VER112', `where ${name} goes, the image has something already`, name, i - at);
      return;
    }
  wanted.set(bytes, at);
  marks.fill(ADDED, at / 4, (at + bytes.length) / 4);
}

function tell(report: Report, input: ElfFile, wanted: Uint8Array, found: Uint8Array): void {
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === found[i]) continue;
    const section = input.sections.find(
      s => s.isAllocated && s.hasContents && i >= s.sh_offset && i < s.sh_offset + s.sh_size,
    );
    const at = section === undefined ? i : i - section.sh_offset;
    report.error('VER110', 'a byte of the image is not what input and plan make it', section, at);
    i |= 3;
  }
}
