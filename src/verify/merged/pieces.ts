/** The sections of the objects in the merged module: complete, each at its place, byte by byte. */
import {
  GRP_COMDAT,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHT_GROUP,
  SHT_NOBITS,
  SHT_NOTE,
} from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import type { MergedPiece } from '../../plan/merge.ts';
import type { SectionIndex } from '../../util/indexes.ts';
import { count, type Report } from '../verification.ts';
import { expectedInformation } from './information.ts';
import type { MergeCase } from './verify-merge.ts';

const NOP = 0x60000000;
const SHF_EXCLUDE = 0x8000_0000;
/**
 * What the kernel's script for modules drops, and what nobody reads in a loaded module; `.BTF_ids` where no relocation names it, which
 * the relocations are judged by.
 */
const DISPENSABLE = /^\.(discard|export_symbol|eh_frame|BTF(_ids$|\.|$)|note\.)/;
const ACCESS = SHF_WRITE | SHF_ALLOC | SHF_EXECINSTR;

/** Section names as the kernel's script for modules (scripts/module.lds) makes them of those of objects. */
export function nameInModule(name: string): string {
  const table = /^_(__(?:ksymtab(?:_gpl)?|kcrctab(?:_gpl)?|kflagstab))\+/.exec(name);
  if (table !== null) return table[1]!;
  return name === '.got' ? '.toc' : name;
}

/** Whether the kernel looks for the section by its name. */
function isFoundByName(name: string): boolean {
  return /^(__|\.toc$|\.modinfo$|\.static_call_sites$|\.data\.\.(percpu|ro_after_init))/.test(name);
}

/** Signatures of the COMDAT groups of an object, and their members. */
function groupsOf(elf: ElfFile): { signature: string; members: SectionIndex[] }[] {
  const groups: { signature: string; members: SectionIndex[] }[] = [];
  for (const section of elf.sections) {
    if (section.sh_type !== SHT_GROUP) continue;
    const [flags, ...members] = elf.sectionWords(section);
    if (((flags ?? 0) & GRP_COMDAT) !== 0)
      groups.push({ signature: elf.symbols?.name(section.sh_info) ?? '', members });
  }
  return groups;
}

/** For each object: the sections that another copy of their group stands in for. */
export function replacedSections({ module, objects }: MergeCase): ReadonlySet<SectionIndex>[] {
  const seen = new Set(groupsOf(module).map(g => g.signature));
  return objects.map(({ elf }) => {
    const replaced = new Set<SectionIndex>();
    for (const { signature, members } of groupsOf(elf)) {
      if (seen.has(signature)) for (const member of members) replaced.add(member);
      seen.add(signature);
    }
    return replaced;
  });
}

function mayStayOut({ name, sh_type, sh_flags, sh_size }: Section): boolean {
  if ((sh_flags & SHF_ALLOC) === 0 || (sh_flags & SHF_EXCLUDE) !== 0 || sh_size === 0) return true;
  return sh_type === SHT_NOTE || DISPENSABLE.test(name);
}

export function comparePieces(report: Report, given: MergeCase, merged: ElfFile): string {
  const { objects, plan } = given;
  const replaced = replacedSections(given);
  const information = expectedInformation(given);
  let bytes = 0;
  objects.forEach(({ name, elf }, object) => {
    const own = plan.pieces.filter(p => p.object === object);
    for (const section of elf.sections) {
      if (section.index === 0) continue;
      const pieces = own.filter(p => p.section === section.index);
      const isSaid = information[object]!.get(section.index)?.length === 0;
      const isOut = mayStayOut(section) || replaced[object]!.has(section.index) || isSaid;
      if (pieces.length === 0 && !isOut)
        report.error('VER085', `${section.name} of ${name} is not in the merged module`, section.name);
      if (pieces.length > 1) report.error('VER080', `the plan places ${section.name} of ${name} twice`, section.name);
    }
    for (const piece of own)
      bytes += comparePiece(report, elf, name, piece, merged, information[object]!.get(piece.section));
  });
  compareRows(report, given, merged);
  return `${count(plan.pieces.length, 'section')} of ${count(objects.length, 'object')}, ${bytes} bytes`;
}

/**
 * @param expected the bytes, where they are not all of the object's section
 * @returns how many bytes were compared
 */
function comparePiece(
  report: Report,
  object: ElfFile,
  of: string,
  piece: MergedPiece,
  merged: ElfFile,
  expected: Buffer | undefined,
): number {
  const from = object.sections[piece.section];
  const to = merged.sections[piece.target];
  const size = expected?.length ?? from?.sh_size;
  if (from === undefined || to === undefined || piece.offset + piece.size > to.sh_size || piece.size !== size) {
    report.error('VER080', `the plan puts section ${piece.section} of ${of} where nothing is`);
    return 0;
  }
  const name = nameInModule(from.name);
  if (to.name !== name && (isFoundByName(name) || !to.name.startsWith(`${name}.tocsin`)))
    report.error('VER081', `${from.name} of ${of} went into ${to.name}`, to, piece.offset);
  const mask = name.startsWith('__') ? ACCESS & ~SHF_WRITE : ACCESS;
  if ((from.sh_flags & mask) !== (to.sh_flags & mask))
    report.error(
      'VER081',
      `${from.name} of ${of} would be loaded with other access than it asks for`,
      to,
      piece.offset,
    );
  const alignment = Math.max(from.sh_addralign, 1);
  if (piece.offset % alignment !== 0 || to.sh_addralign < alignment)
    report.error('VER081', `${from.name} of ${of} is not aligned to ${alignment}`, to, piece.offset);
  if ((from.sh_type === SHT_NOBITS) !== (to.sh_type === SHT_NOBITS))
    report.error('VER081', `${from.name} of ${of} has contents in one file only`, to, piece.offset);
  const there = merged.contents(to).subarray(piece.offset, piece.offset + piece.size);
  const given = expected ?? object.contents(from);
  if (Buffer.compare(there, given) !== 0)
    report.error('VER081', `the bytes are not those of ${from.name} of ${of}`, to, piece.offset);
  return given.length;
}

/** No piece lies over another or over the module's own bytes, and what lies between them says nothing. */
function compareRows(report: Report, { module, plan }: MergeCase, merged: ElfFile): void {
  const ends = new Map<SectionIndex, number>();
  const pieces = [...plan.pieces].sort((a, b) => a.target - b.target || a.offset - b.offset);
  for (const { target, offset, size } of pieces) {
    const end = ends.get(target) ?? module.sections[target]?.sh_size ?? 0;
    ends.set(target, offset + size);
    const section = merged.sections[target];
    if (section === undefined) continue;
    if (offset < end) report.error('VER081', 'two parts of the section lie over each other', section, offset);
    if (offset > end && section.name.startsWith('__') && !section.name.startsWith('__ftr_alt_'))
      report.error('VER081', 'a table has a gap between its entries', section, end);
    const gap = merged.contents(section).subarray(end, offset);
    const isCode = (section.sh_flags & SHF_EXECINSTR) !== 0;
    if (!gap.every(byte => byte === 0) && !(isCode && isNops(gap)))
      report.error('VER081', 'there is something between two parts of the section', section, end);
  }
}

function isNops(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length % 4 !== 0) return false;
  for (let at = 0; at < bytes.length; at += 4) if (view.getUint32(at, true) !== NOP) return false;
  return true;
}
