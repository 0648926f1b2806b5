/**
 * From an editor's changes to the bytes of a new file, in two phases: first every part gets its contents and its place,
 * then all is written into one buffer of the right size.
 *
 * A file is a row of parts: headers, the contents of sections, and what lies between them. Parts keep their order. Until
 * the first part whose size changes, each keeps its offset as well; behind it each goes to the next offset that its
 * alignment allows. Bytes between parts that belong to nobody are kept if they are more than alignment padding of
 * zeros. A layout without changes therefore gives the input again, bit for bit.
 */
import { alignUp, hex } from '../util/bytes.ts';
import { InputError } from '../util/errors.ts';
import type { SectionIndex } from '../util/indexes.ts';
import { EHDR_SIZE, PHDR_SIZE, SHDR_SIZE, SHN_LORESERVE, SHN_XINDEX } from './constants.ts';
import { rebuildSections } from './contents.ts';
import type { ElfEditor, GapFill } from './editor.ts';
import { addRanges, ascends, type Correspondence, type Part, type PlacedRange } from './ranges.ts';
import { copyContents, freshContents, overlaid, type Rebuilt, wholeOf } from './rebuilt.ts';

/**
 * Gives the contents of the last new section once all that the input had has its place in the output: what lies behind
 * that section is the section header table at most.
 */
export type LateContents = (ranges: readonly PlacedRange[]) => Uint8Array;

export interface LaidOut {
  readonly bytes: Uint8Array;
  /** Ascending in `from`. What no range covers has no counterpart in the output. */
  readonly correspondences: readonly Correspondence[];
  /** The same, with what is written there where that is known. */
  readonly ranges: readonly PlacedRange[];
}

/** Parts of the input that are kept, in file order, with their new sizes. */
function partsOf(editor: ElfEditor, rebuilt: ReadonlyMap<SectionIndex, Rebuilt>, tableSize: number): Part[] {
  const { header, sections, bytes } = editor.elf;
  const parts: Part[] = [];
  const whole = (start: number, end: number) => wholeOf(bytes.subarray(start, end), start, true);
  const add = (
    start: number,
    end: number,
    alignment: number,
    contents: Rebuilt | undefined,
    size: number,
    of: number[],
  ) => parts.push({ oldStart: start, oldEnd: end, alignment, size, contents, sections: of, start });
  add(0, EHDR_SIZE, 1, whole(0, EHDR_SIZE), EHDR_SIZE, []);
  if (header.e_phnum > 0) {
    const end = header.e_phoff + header.e_phnum * PHDR_SIZE;
    const fields = editor.segmentFields.map(f => ({ offset: f.offset - header.e_phoff, bytes: f.bytes }));
    const old = bytes.subarray(header.e_phoff, end);
    const contents = fields.length === 0 ? whole(header.e_phoff, end) : overlaid(old, header.e_phoff, fields);
    add(header.e_phoff, end, 8, contents, end - header.e_phoff, []);
  }
  const tableEnd = header.e_shoff + header.shnum * SHDR_SIZE;
  add(header.e_shoff, tableEnd, 8, undefined, tableSize, []);
  for (const section of sections) {
    const contents = rebuilt.get(section.index);
    if (editor.droppedSections.has(section.index)) {
      if (section.hasContents) add(section.sh_offset, section.sh_offset + section.sh_size, 1, EMPTY, 0, []);
    } else if (section.hasContents || (contents !== undefined && contents.size > 0)) {
      // Nobody has checked the offset of a section that was empty so far.
      const start = section.hasContents ? section.sh_offset : Math.min(section.sh_offset, bytes.length);
      const end = section.hasContents ? start + section.sh_size : start;
      const kept = contents ?? whole(start, end);
      add(start, end, editor.alignments.get(section.index) ?? section.sh_addralign, kept, kept.size, [section.index]);
    }
  }
  for (const { offset, bytes: inserted } of editor.insertions)
    add(offset, offset, 1, freshContents(inserted), inserted.length, []);
  return parts.sort((a, b) => a.oldStart - b.oldStart || a.oldEnd - b.oldEnd);
}

const EMPTY = freshContents(new Uint8Array(0));

function isPadding(bytes: Uint8Array, start: number, end: number, alignment: number): boolean {
  if (end - start >= Math.max(alignment, 1)) return false;
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Puts what lies between the parts (and behind the last) among them, where it is more than padding. */
function withGaps(editor: ElfEditor, parts: readonly Part[]): Part[] {
  const { bytes } = editor.elf;
  const fills = editor.fills.filter(f => f.bytes.length > 0).sort((a, b) => a.offset - b.offset);
  const all: Part[] = [];
  let end = 0;
  const gap = (start: number, stop: number, alignment: number) => {
    const inside: GapFill[] = [];
    while (fills[0] !== undefined && fills[0].offset >= start && fills[0].offset + fills[0].bytes.length <= stop)
      inside.push(fills.shift()!);
    if (stop <= start || (inside.length === 0 && isPadding(bytes, start, stop, alignment))) return;
    const old = bytes.subarray(start, stop);
    const contents =
      inside.length === 0
        ? wholeOf(old, start, true)
        : overlaid(
            old,
            start,
            inside.map(f => ({ offset: f.offset - start, bytes: f.bytes })),
          );
    all.push({ oldStart: start, oldEnd: stop, alignment: 1, size: stop - start, contents, sections: [], start });
  };
  for (const part of parts) {
    gap(end, part.oldStart, part.alignment);
    all.push(part);
    end = Math.max(end, part.oldEnd);
  }
  gap(end, editor.end, 1);
  if (fills[0] !== undefined) throw new RangeError(`no gap at ${fills[0].offset} for ${fills[0].bytes.length} bytes`);
  return all;
}

/** The largest pages that ppc64 kernels have: what a module holds is aligned to no more. */
const MOST_PADDING = 0x10000;

function tooMuchPadding(editor: ElfEditor, part: Part): InputError {
  return new InputError({
    code: 'ELF025',
    message: 'a section asks for an alignment that no module needs, and would have to be moved',
    section: editor.elf.sections[part.sections[0] ?? 0]?.name,
    expected: `at most ${hex(MOST_PADDING)}`,
    found: hex(part.alignment),
    remedy: 'the file is damaged: build or copy it again',
  });
}

/**
 * Gives every part its offset and says where the file ends.
 *
 * @throws InputError ELF025, ELF027
 */
function place(editor: ElfEditor, parts: readonly Part[]): number {
  let cursor = 0;
  let moved = false;
  for (const part of parts) {
    // What was empty may have stood in the middle of something else.
    const mustMove =
      part.oldStart % Math.max(part.alignment, 1) !== 0 && part.sections.some(s => editor.alignments.has(s));
    part.start = moved || part.oldStart < cursor || mustMove ? alignUp(cursor, part.alignment) : part.oldStart;
    if (part.start !== part.oldStart && part.start - cursor > MOST_PADDING) throw tooMuchPadding(editor, part);
    if (part.start !== part.oldStart && editor.elf.header.e_phnum > 0) checkMayMove(editor, part);
    cursor = part.start + part.size;
    if (part.size !== part.oldEnd - part.oldStart || mustMove) moved = true;
  }
  return cursor;
}

/** Segments map file offsets to addresses: what they cover stays where it is. */
function checkMayMove(editor: ElfEditor, part: Part): void {
  for (const index of part.sections)
    if (editor.elf.sections[index]?.isAllocated)
      throw new InputError({
        code: 'ELF027',
        message: 'a section of a linked image cannot be moved in the file',
        section: editor.elf.sections[index]?.name,
        expected: 'changes that keep the size of every allocated section before it',
        found: `a move from 0x${part.oldStart.toString(16)} to 0x${part.start.toString(16)}`,
        remedy: 'change words in place only, or rebuild the image',
      });
}

/** The new offset of something empty that stood at `offset`: it keeps its place relative to its neighbours. */
function follow(parts: readonly Part[], offset: number, fileEnd: number): number {
  let before: Part | undefined;
  for (const part of parts) {
    if (part.oldStart > offset) break;
    before = part;
  }
  if (before === undefined) return offset;
  const at =
    offset < before.oldEnd
      ? before.start + (offset - before.oldStart)
      : before.start + before.size + (offset - before.oldEnd);
  return Math.min(at, fileEnd);
}

/**
 * Lays the file out with all changes.
 *
 * @param late makes the contents of the last new section, which was added without any
 * @param memory zeroed, and used for the result if it is large enough
 * @throws InputError ELF025 to ELF028 where the format has no room for a change, else as reading does
 */
export function layOut(editor: ElfEditor, late?: LateContents, memory?: Uint8Array): LaidOut {
  const built = rebuildSections(editor);
  const sectionCount = built.sectionIndex.count;
  const tableSize = sectionCount * SHDR_SIZE;
  const oldParts = withGaps(editor, partsOf(editor, built.contents, tableSize));
  const tableLast = editor.newSections.length > 0 && oldParts.at(-1)?.contents === undefined;
  const stay = tableLast ? oldParts.slice(0, -1) : oldParts;
  let size = place(editor, stay);
  const ranges: PlacedRange[] = [];
  for (const part of stay) addRanges(part, ranges);
  if (!ascends(ranges)) ranges.sort((a, b) => a.from - b.from);
  const fresh = newParts(editor, late, ranges);
  const behind = tableLast ? [...fresh, ...oldParts.slice(-1)] : fresh;
  for (const part of behind) {
    if (part === NO_PART) continue;
    part.start = alignUp(size, part.alignment);
    size = part.start + part.size;
  }
  const parts = [...stay, ...behind];
  const bytes = memory !== undefined && memory.length >= size ? memory.subarray(0, size) : new Uint8Array(size);
  for (const part of parts) if (part.contents !== undefined) copyContents(part.contents, bytes, part.start);
  const newSizes = editor.newSections.map((s, i) => (s.placed === undefined ? fresh[i]!.size : s.contents.length));
  writeHeaders(editor, parts, built, bytes, sectionCount, newSizes);
  if (tableLast) addRanges(parts.at(-1)!, ranges);
  return { bytes, correspondences: ranges, ranges };
}

const NO_PART: Part = { oldStart: -1, oldEnd: -1, alignment: 1, size: 0, contents: EMPTY, sections: [], start: 0 };

function newParts(editor: ElfEditor, late: LateContents | undefined, ranges: readonly PlacedRange[]): Part[] {
  return editor.newSections.map((section, i) => {
    const last = i === editor.newSections.length - 1;
    // What has its place in a gap is written there.
    if (section.placed !== undefined) return NO_PART;
    const contents = last && late !== undefined ? late(ranges) : section.contents;
    return {
      oldStart: -1,
      oldEnd: -1,
      alignment: section.sh_addralign,
      size: contents.length,
      contents: freshContents(contents),
      sections: [editor.elf.sections.length + i],
      start: 0,
    };
  });
}

function writeHeaders(
  editor: ElfEditor,
  parts: readonly Part[],
  built: ReturnType<typeof rebuildSections>,
  bytes: Uint8Array,
  sectionCount: number,
  newSizes: readonly number[],
): void {
  const { elf } = editor;
  const table = parts.find(p => p.contents === undefined)!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kept = parts.filter(p => p.oldStart >= 0);
  const partOf = new Map<SectionIndex, Part>();
  for (const part of parts) for (const index of part.sections) partOf.set(index, part);
  const at = (newIndex: number) => table.start + newIndex * SHDR_SIZE;
  const put64 = (offset: number, value: number) => view.setBigUint64(offset, BigInt(value), true);

  for (const section of elf.sections) {
    const index = built.sectionIndex.map(section.index);
    if (index < 0) continue;
    const from = elf.header.e_shoff + section.index * SHDR_SIZE;
    bytes.set(elf.bytes.subarray(from, from + SHDR_SIZE), at(index));
    const part = partOf.get(section.index);
    if (part !== undefined) {
      put64(at(index) + 24, part.start);
      put64(at(index) + 32, part.size);
    } else if (section.index > 0) {
      put64(at(index) + 24, follow(kept, section.sh_offset, bytes.length));
      if (built.contents.has(section.index)) put64(at(index) + 32, 0);
    }
    const size = editor.sizes.get(section.index);
    if (size !== undefined) put64(at(index) + 32, size);
    const alignment = editor.alignments.get(section.index);
    if (alignment !== undefined) put64(at(index) + 48, alignment);
    view.setUint32(at(index) + 40, built.link(section), true);
    view.setUint32(at(index) + 44, built.info(section), true);
  }
  editor.newSections.forEach((section, i) => {
    const own = elf.sections.length + i;
    const header = at(built.sectionIndex.map(own));
    view.setUint32(header, built.newNames[i]!, true);
    view.setUint32(header + 4, section.sh_type, true);
    put64(header + 8, section.sh_flags);
    if (section.placed !== undefined) view.setBigUint64(header + 16, section.placed.sh_addr, true);
    put64(header + 24, section.placed?.sh_offset ?? partOf.get(own)!.start);
    put64(header + 32, section.size ?? newSizes[i]!);
    view.setUint32(header + 40, built.newLink(section), true);
    view.setUint32(header + 44, built.newInfo(section), true);
    put64(header + 48, section.sh_addralign);
    put64(header + 56, section.sh_entsize);
  });

  put64(40, table.start);
  const phdr = parts.find(p => elf.header.e_phnum > 0 && p.oldStart === elf.header.e_phoff);
  if (phdr !== undefined) put64(32, phdr.start);
  const shstrndx = built.sectionIndex.map(elf.header.shstrndx);
  writeCounts(view, at(0), sectionCount, shstrndx, elf.words[15]!);
}

/** e_shnum and e_shstrndx, or section 0's fields where they are too large (or where the input already did it so). */
function writeCounts(view: DataView, first: number, count: number, shstrndx: number, old: number): void {
  if (count === 0) return;
  const extendedCount = count >= SHN_LORESERVE || (old & 0xffff) === 0;
  view.setUint16(60, extendedCount ? 0 : count, true);
  if (extendedCount) view.setBigUint64(first + 32, BigInt(count), true);
  const extendedNames = shstrndx >= SHN_LORESERVE || old >>> 16 === SHN_XINDEX;
  view.setUint16(62, extendedNames ? SHN_XINDEX : shstrndx, true);
  if (extendedNames) view.setUint32(first + 40, shstrndx, true);
}
