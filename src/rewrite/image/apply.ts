/** Carries the plan for a linked image out. Nothing is decided here, and nothing that has an address moves. */
import { createHash } from 'node:crypto';
import { SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOTE, SHT_PROGBITS, STV_HIDDEN } from '../../elf/constants.ts';
import { ElfEditor } from '../../elf/editor.ts';
import { layOut } from '../../elf/layout.ts';
import type { ElfFile } from '../../elf/read.ts';
import { R_PPC64_RELATIVE } from '../../kernel/image-layout.ts';
import {
  encodePatchNote,
  PATCH_NOTE_SECTION,
  type PackedOriginal,
  type PatchRecord,
  patchNoteSection,
  readPatchNote,
} from '../../kernel/patch-note.ts';
import type { ImagePlan, ImageRelative, RoomKind } from '../../plan/image.ts';
import { writeRestoreScript } from '../restore-script.ts';

export interface ImageApplyOptions {
  readonly toolVersion: string;
  readonly packed?: PackedOriginal | undefined;
}

export interface AppliedImage {
  /** The patched file, unpacked. */
  readonly bytes: Uint8Array;
  readonly record: PatchRecord;
}

const FLAGS: Readonly<Record<RoomKind, number>> = {
  code: SHF_ALLOC | SHF_EXECINSTR,
  constants: SHF_ALLOC,
  data: SHF_ALLOC | SHF_WRITE,
};

/** @throws InputError ELF026, ELF027 where the file has no room for a change */
export function applyImagePlan(elf: ElfFile, plan: ImagePlan, options: ImageApplyOptions): AppliedImage {
  const record = describe(elf, plan, options);
  const editor = new ElfEditor(elf);
  for (const { section, offset, after } of plan.words) editor.setWord(section, offset, after);
  addParts(editor, plan);
  if (plan.relatives.length > 0) editor.extend(elf.sectionNamed('.rela.dyn')!.index, encodeRelatives(plan.relatives));
  const old = patchNoteSection(elf);
  if (old !== undefined) editor.dropSection(old.index);
  editor.addSection({
    name: PATCH_NOTE_SECTION,
    sh_type: SHT_NOTE,
    sh_flags: 0,
    sh_link: 0,
    sh_info: 0,
    sh_addralign: 4,
    sh_entsize: 0,
    contents: new Uint8Array(0),
  });
  const { bytes } = layOut(editor, ranges => encodePatchNote(record, writeRestoreScript(elf.bytes, ranges)));
  return { bytes, record };
}

function addParts(editor: ElfEditor, plan: ImagePlan): void {
  const sections = plan.parts.map(part =>
    editor.addSection({
      name: part.name,
      sh_type: SHT_PROGBITS,
      sh_flags: FLAGS[part.kind],
      sh_link: 0,
      sh_info: 0,
      sh_addralign: part.alignment,
      sh_entsize: 0,
      contents: part.bytes,
      placed: { sh_addr: part.address, sh_offset: part.fileOffset, isInserted: part.isInserted === true },
    }),
  );
  for (const { name, binding, type, st_other, part, address, size } of plan.symbols)
    editor.addSymbol({
      name,
      binding,
      type,
      st_other: st_other | STV_HIDDEN,
      st_shndx: sections[part]!,
      st_value: address,
      st_size: size,
    });
}

/** Elf64_Rela each. */
function encodeRelatives(relatives: readonly ImageRelative[]): Uint8Array {
  const bytes = new Uint8Array(relatives.length * 24);
  const view = new DataView(bytes.buffer);
  relatives.forEach(({ place, value }, i) => {
    view.setBigUint64(i * 24, place, true);
    view.setBigUint64(i * 24 + 8, BigInt(R_PPC64_RELATIVE), true);
    view.setBigUint64(i * 24 + 16, value, true);
  });
  return bytes;
}

function describe(elf: ElfFile, plan: ImagePlan, options: ImageApplyOptions): PatchRecord {
  const original = { size: elf.bytes.length, sha256: createHash('sha256').update(elf.bytes).digest('hex') };
  return {
    schema: 'tocsin.patch-record/1',
    tool: options.toolVersion,
    layer: (readPatchNote(elf)?.record.layer ?? 0) + 1,
    original: options.packed === undefined ? original : { ...original, packed: options.packed },
    signatureDropped: false,
    codeAdded: plan.parts.reduce((n, p) => n + (p.kind === 'code' ? p.bytes.length : 0), 0),
    ...(plan.unproved !== undefined && { unproved: plan.unproved }),
    ...(plan.merged.length > 0 && { merged: plan.merged }),
    actions: plan.actions,
  };
}
