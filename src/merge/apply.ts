/** Carries a merge plan out. Nothing is decided here. */
import { SHF_EXECINSTR, SHF_INFO_LINK, SHT_NOBITS, SHT_RELA } from '../elf/constants.ts';
import { ElfEditor, encodeRelocation, putWord } from '../elf/editor.ts';
import { layOut } from '../elf/layout.ts';
import type { PlacedRange } from '../elf/ranges.ts';
import type { ElfFile } from '../elf/read.ts';
import { moduleSignature } from '../kernel/signature.ts';
import type { MergedPiece, MergePlan } from '../plan/merge.ts';
import type { SectionIndex } from '../util/indexes.ts';
import type { MergeObject } from './objects.ts';

const NOP = 0x60000000;
/** Relocations that the loader leaves to the livepatch core (kernel). */
const SHF_RELA_LIVEPATCH = 0x0010_0000;

export interface Merged {
  /** The merged module. */
  readonly bytes: Uint8Array;
  /** Where the module's own bytes are in it, ascending in `from`. */
  readonly ranges: readonly PlacedRange[];
}

/**
 * The module with the objects in it. The inputs are not touched.
 *
 * @throws InputError ELF025, ELF026 where the file has no room for a change
 */
export function applyMerge(module: ElfFile, objects: readonly MergeObject[], plan: MergePlan): Merged {
  const editor = new ElfEditor(module);
  const pieces = new Map<SectionIndex, MergedPiece[]>();
  for (const piece of plan.pieces) pieces.set(piece.target, [...(pieces.get(piece.target) ?? []), piece]);
  for (const [target, list] of pieces) if (target < module.sections.length) extend(editor, target, list, objects);
  for (const { section, alignment } of plan.alignments) editor.raiseAlignment(section, alignment);
  addSections(editor, plan, pieces, objects);
  for (const { section, value, ...symbol } of plan.symbols)
    editor.addSymbol({ ...symbol, st_shndx: section, st_value: value, st_size: symbol.size });
  for (const [target, list] of pieces) addRelocations(editor, plan, target, list, objects);
  if (plan.dropsSignature) editor.end = moduleSignature(module.bytes)?.start ?? editor.end;
  const { bytes, ranges } = layOut(editor);
  return { bytes, ranges };
}

/** Room between two pieces: of code nops, else zeros. */
function padding(size: number, isCode: boolean): Uint8Array {
  const bytes = new Uint8Array(size);
  if (isCode && size % 4 === 0) for (let at = 0; at < size; at += 4) putWord(bytes, at, NOP);
  return bytes;
}

/** The pieces one behind the other, from `start` on. */
function contentsOf(
  list: readonly MergedPiece[],
  start: number,
  isCode: boolean,
  objects: readonly MergeObject[],
): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = start;
  for (const { object, section, offset, size, kept } of list) {
    const { elf } = objects[object]!;
    if (offset > at) parts.push(padding(offset - at, isCode));
    const contents = elf.contents(elf.sections[section]!);
    if (kept === undefined) parts.push(contents);
    else for (const [start, end] of kept) parts.push(contents.subarray(start, end));
    at = offset + size;
  }
  return parts;
}

function extend(
  editor: ElfEditor,
  target: SectionIndex,
  list: readonly MergedPiece[],
  objects: readonly MergeObject[],
): void {
  const { sh_type, sh_flags, sh_size } = editor.elf.sections[target]!;
  const last = list.at(-1)!;
  if (sh_type === SHT_NOBITS) editor.resize(target, last.offset + last.size);
  else
    for (const part of contentsOf(list, sh_size, (sh_flags & SHF_EXECINSTR) !== 0, objects))
      editor.append(target, part);
}

function addSections(
  editor: ElfEditor,
  plan: MergePlan,
  pieces: ReadonlyMap<SectionIndex, readonly MergedPiece[]>,
  objects: readonly MergeObject[],
): void {
  plan.sections.forEach((section, k) => {
    const list = pieces.get(editor.elf.sections.length + k) ?? [];
    const last = list.at(-1);
    const isCode = (section.sh_flags & SHF_EXECINSTR) !== 0;
    const isEmpty = section.sh_type === SHT_NOBITS;
    editor.addSection({
      ...section,
      sh_link: 0,
      sh_info: 0,
      contents: isEmpty ? new Uint8Array(0) : Buffer.concat(contentsOf(list, 0, isCode, objects)),
      ...(isEmpty && { size: last === undefined ? 0 : last.offset + last.size }),
    });
  });
}

function addRelocations(
  editor: ElfEditor,
  plan: MergePlan,
  target: SectionIndex,
  list: readonly MergedPiece[],
  objects: readonly MergeObject[],
): void {
  const entries: Uint8Array[] = [];
  for (const { object, section, offset } of list) {
    const { elf } = objects[object]!;
    const targets = plan.targets[object]!;
    for (const table of elf.relocationSectionsFor(section)) {
      const relocations = elf.relocations(table);
      for (let i = 0; i < relocations.count; i++) {
        const { symbol, addend } = targets.get(relocations.symbol(i))!;
        const type = relocations.type(i);
        entries.push(encodeRelocation(offset + relocations.offset(i), symbol, type, relocations.addend(i) + addend));
      }
    }
  }
  if (entries.length === 0) return;
  const { elf } = editor;
  const table = elf.relocationSectionsFor(target).find(s => (s.sh_flags & SHF_RELA_LIVEPATCH) === 0);
  if (table !== undefined) {
    for (const entry of entries) editor.append(table.index, entry);
    return;
  }
  const name = elf.sections[target]?.name ?? plan.sections[target - elf.sections.length]!.name;
  editor.addSection({
    name: `.rela${name}`,
    sh_type: SHT_RELA,
    sh_flags: SHF_INFO_LINK,
    sh_link: elf.symbols!.section.index,
    sh_info: target,
    sh_addralign: 8,
    sh_entsize: 24,
    contents: Buffer.concat(entries),
  });
}
