/**
 * What a file holds besides headers and sections: the order of its parts, the bytes between them, and what is appended
 * behind the last, such as a module's signature.
 */
import { EHDR_SIZE, PHDR_SIZE, SHDR_SIZE } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { SectionIndex } from '../util/indexes.ts';
import type { Pairing } from './pairing.ts';
import type { Planned } from './planned.ts';
import { count, type Report } from './verification.ts';

export interface Part {
  /** Section number, or a negative one for a header. */
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

const ELF_HEADER = -1;
const SEGMENTS = -2;
const SECTIONS = -3;
/** A section that only one of the files has. */
const STRANGER = -4;

function sectionId(number: SectionIndex): number {
  return number < 0 ? STRANGER : number;
}

/** @param number gives the input's number for a section of `elf`; negative for one that does not count */
export function partsOf({ header, sections }: ElfFile, number: (index: SectionIndex) => SectionIndex): Part[] {
  const table = header.e_shoff + header.shnum * SHDR_SIZE;
  const parts: Part[] = [
    { id: ELF_HEADER, start: 0, end: EHDR_SIZE },
    { id: SECTIONS, start: header.e_shoff, end: table },
  ];
  if (header.e_phnum > 0)
    parts.push({ id: SEGMENTS, start: header.e_phoff, end: header.e_phoff + header.e_phnum * PHDR_SIZE });
  for (const s of sections)
    if (s.hasContents) parts.push({ id: sectionId(number(s.index)), start: s.sh_offset, end: s.sh_offset + s.sh_size });
  return parts.sort((a, b) => a.start - b.start);
}

const MAGIC = Buffer.from('~Module signature appended~\n', 'latin1');
/** `struct module_signature` in front of the magic; its last four bytes are the big-endian size of what precedes it. */
const SIGNATURE_INFO = 12;

/** Bytes at the end of the file that are a signature (kernel, `mod_check_sig`); 0 where there is none. */
export function signatureSize(bytes: Uint8Array): number {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const info = file.length - MAGIC.length - SIGNATURE_INFO;
  if (info < 0 || !file.subarray(-MAGIC.length).equals(MAGIC)) return 0;
  const size = file.readUInt32BE(info + 8) + SIGNATURE_INFO + MAGIC.length;
  return size <= file.length ? size : 0;
}

export function withoutZeros(bytes: Buffer): Buffer {
  let start = 0;
  let end = bytes.length;
  while (start < end && bytes[start] === 0) start++;
  while (end > start && bytes[end - 1] === 0) end--;
  return bytes.subarray(start, end);
}

/** What lies between the parts that are in `shared`, by the part in front of it. */
export function gapsOf(
  elf: ElfFile,
  parts: readonly Part[],
  shared: ReadonlySet<number>,
  fileEnd: number,
): Map<number, Buffer> {
  const pieces = new Map<number, Buffer[]>();
  let owner = ELF_HEADER;
  let end = 0;
  const gap = (stop: number) => {
    if (stop <= end) return;
    const list = pieces.get(owner);
    const bytes = Buffer.from(elf.bytes.buffer, elf.bytes.byteOffset + end, stop - end);
    if (list === undefined) pieces.set(owner, [bytes]);
    else list.push(bytes);
  };
  for (const part of parts) {
    gap(part.start);
    if (shared.has(part.id)) owner = part.id;
    end = Math.max(end, part.end);
  }
  gap(fileEnd);
  return new Map([...pieces].map(([id, list]) => [id, list.length === 1 ? list[0]! : Buffer.concat(list)]));
}

export function compareFile(report: Report, pair: Pairing, planned: Planned): string {
  const { input, output } = pair;
  const before = partsOf(input, index => (pair.to(index) < 0 ? -1 : index));
  const after = partsOf(output, index => pair.from(index));
  const there = new Set(after.map(p => p.id));
  const shared = new Set(before.map(p => p.id).filter(id => id !== STRANGER && there.has(id)));
  const order = (parts: readonly Part[]) => parts.filter(p => shared.has(p.id)).map(p => p.id);
  const was = order(before);
  const wrong = order(after).findIndex((id, i) => id !== was[i]);
  if (wrong >= 0) report.error('VER044', 'the parts of the file do not stand in the order of the input');
  checkEmpty(report, pair, before, after, shared);

  const inputEnd = input.bytes.length - checkSignature(report, pair, planned);
  const gapsBefore = gapsOf(input, before, shared, inputEnd);
  const gapsAfter = gapsOf(output, after, shared, output.bytes.length);
  let kept = 0;
  for (const id of new Set([...gapsBefore.keys(), ...gapsAfter.keys()])) {
    const raw = gapsAfter.get(id) ?? Buffer.alloc(0);
    const old = withoutZeros(gapsBefore.get(id) ?? Buffer.alloc(0));
    const fresh = withoutZeros(raw);
    kept += fresh.length;
    report.counts.identical += fresh.length;
    report.counts.layout += raw.length - fresh.length;
    if (!old.equals(fresh)) tellGap(report, pair, id, old.length, fresh.length);
  }
  return `${count(after.length, 'part')} in order, ${count(kept, 'byte')} between them kept`;
}

function tellGap(report: Report, pair: Pairing, id: number, old: number, fresh: number): void {
  const titles: Record<number, string> = {
    [ELF_HEADER]: 'the ELF header',
    [SEGMENTS]: 'the program headers',
    [SECTIONS]: 'the section headers',
  };
  const title = titles[id] ?? pair.input.sections[id]!.name;
  report.error(
    'VER044',
    `the bytes behind ${title} that belong to no section differ: there were ${old}, there are ${fresh}`,
  );
}

/** Says how many bytes at the end of the input go. */
function checkSignature(report: Report, { input, output }: Pairing, planned: Planned): number {
  const size = signatureSize(input.bytes);
  const drops = planned.plan.dropsSignature;
  if (drops && size === 0) report.error('VER041', 'the plan drops a signature, and the input has none');
  if (!drops && size > 0 && !planned.changesNothing)
    report.error('VER041', 'the file changes and keeps a signature, which cannot hold any more');
  if (drops && signatureSize(output.bytes) > 0)
    report.error('VER041', 'the output still ends with a signature', undefined, output.bytes.length - MAGIC.length);
  if (!drops) return 0;
  report.counts.removedByPlan += size;
  return size;
}

/** A section without contents has a place all the same: between the parts that it stood between. */
function checkEmpty(
  report: Report,
  pair: Pairing,
  before: readonly Part[],
  after: readonly Part[],
  shared: ReadonlySet<number>,
): void {
  const places = new Map(after.map(p => [p.id, p]));
  for (const [was, is] of pair.both()) {
    if (is.hasContents || is.index === 0) continue;
    const at = was.sh_offset;
    let low = 0;
    let high = pair.output.bytes.length;
    for (const part of before) {
      if (!shared.has(part.id)) continue;
      if (part.start <= at) low = places.get(part.id)!.start;
      else high = Math.min(high, places.get(part.id)!.start);
    }
    // A section that lay behind the end of the file (an empty one, in front of a dropped signature) may lie at its end.
    if (is.sh_offset < low || is.sh_offset > high)
      report.error(
        'VER032',
        `sh_offset of the empty section is 0x${is.sh_offset.toString(16)}, outside 0x${low.toString(16)} to 0x${high.toString(16)}`,
        is,
      );
  }
}
