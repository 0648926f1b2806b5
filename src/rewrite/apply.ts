/**
 * Carries a plan out. Nothing is decided here: every change is in the plan, in coordinates of the input.
 */
import { createHash } from 'node:crypto';
import { SHF_ALLOC, SHF_EXECINSTR, SHF_INFO_LINK, SHT_NOTE, SHT_PROGBITS, SHT_RELA } from '../elf/constants.ts';
import { ElfEditor, encodeRelocation } from '../elf/editor.ts';
import { layOut } from '../elf/layout.ts';
import type { PlacedRange } from '../elf/ranges.ts';
import type { ElfFile } from '../elf/read.ts';
import {
  encodePatchNote,
  PATCH_NOTE_SECTION,
  type PackedOriginal,
  type PatchRecord,
  patchNoteSection,
  readPatchNote,
} from '../kernel/patch-note.ts';
import { moduleSignature } from '../kernel/signature.ts';
import { encodeVersion, VERSION_NAME_LIMIT } from '../kernel/versions.ts';
import type { NewCode, NewRelocation, PatchPlan, SymbolRef } from '../plan/plan.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import { composeRanges, type MiddleFile } from './compose-ranges.ts';
import { addModinfo } from './modinfo.ts';
import { writeRestoreScript } from './restore-script.ts';

export interface ApplyOptions {
  readonly toolVersion: string;
  /** Where the input was packed: how, and the SHA-256 of the packed file. */
  readonly packed?: PackedOriginal | undefined;
  /** Where the plan is for a merged module: the file before the merging, and how its bytes went into the merged one. */
  readonly before?: { readonly bytes: Uint8Array; readonly merged: MiddleFile } | undefined;
  /** Zeroed memory for the result, which is made in it if it is large enough. */
  readonly memory?: Uint8Array | undefined;
}

export interface Applied {
  /** The patched file, unpacked. */
  readonly bytes: Uint8Array;
  readonly plan: PatchPlan;
  /** What the note in the file says. */
  readonly record: PatchRecord;
}

/**
 * Carries `plan` out on the file that it was made for. The input is not touched.
 *
 * @throws InputError ELF026, ELF027 where the file has no room for a change
 */
export function applyPlan(elf: ElfFile, plan: PatchPlan, options: ApplyOptions): Applied {
  const record = describe(elf, plan, options);
  const editor = new ElfEditor(elf);
  changeWords(editor, plan);
  removeEntries(editor, plan);
  const code = addCodeSections(editor, plan);
  const symbols = addSymbols(editor, plan, code);
  addRelocations(editor, plan, code, symbols);
  addVersions(editor, plan);
  addModinfo(editor, record);
  if (plan.dropsSignature) editor.end = moduleSignature(elf.bytes)?.start ?? editor.end;
  replaceNoteSection(editor);
  const { before, memory } = options;
  const script = (ranges: readonly PlacedRange[]) =>
    before === undefined
      ? writeRestoreScript(elf.bytes, ranges)
      : writeRestoreScript(before.bytes, composeRanges(before.merged, ranges));
  const { bytes } = layOut(editor, ranges => encodePatchNote(record, script(ranges)), memory);
  return { bytes, plan, record };
}

function describe(elf: ElfFile, plan: PatchPlan, options: ApplyOptions): PatchRecord {
  const input = options.before?.bytes ?? elf.bytes;
  const sha256 = createHash('sha256').update(input).digest('hex');
  const original = { size: input.length, sha256 };
  return {
    schema: 'tocsin.patch-record/1',
    tool: options.toolVersion,
    layer: (readPatchNote(elf)?.record.layer ?? 0) + 1,
    original: options.packed === undefined ? original : { ...original, packed: options.packed },
    signatureDropped: plan.dropsSignature || plan.merged?.dropsSignature === true,
    codeAdded: plan.newCode.reduce((n, c) => n + c.words.length * 4, 0),
    ...(plan.unproved !== undefined && { unproved: plan.unproved }),
    ...(plan.merged !== undefined && { merged: plan.merged.objects }),
    actions: plan.actions,
  };
}

function changeWords(editor: ElfEditor, plan: PatchPlan): void {
  for (let i = 0; i < plan.words.length; i++) {
    const { section, offset, after } = plan.words[i]!;
    editor.setWord(section, offset, after);
  }
}

/**
 * Takes relocations and records out. A record's later neighbours move up; the relocations that fill them have to follow.
 */
function removeEntries(editor: ElfEditor, plan: PatchPlan): void {
  const { removedRelocations, removedRecords } = plan;
  const entries = new Lists();
  for (let i = 0; i < removedRelocations.length; i++)
    entries.add(removedRelocations[i]!.table, removedRelocations[i]!.entry);
  for (let i = 0; i < removedRecords.length; i++)
    entries.add(removedRecords[i]!.relocation.table, removedRecords[i]!.relocation.entry);
  for (const list of entries.byTable.values()) sortNumbers(list);
  const gone = new Lists();
  for (let i = 0; i < removedRecords.length; i++) gone.add(removedRecords[i]!.table, removedRecords[i]!.offset);
  for (const [table, offsets] of gone.byTable) {
    const { size } = removedRecords.find(r => r.table === table)!;
    for (let i = 0; i < offsets.length; ) {
      const first = i++;
      while (i < offsets.length && offsets[i] === offsets[first]! + (i - first) * size) i++;
      editor.remove(table, offsets[first]!, (i - first) * size);
    }
    moveRelocations(editor, table, offsets, size, entries.byTable);
  }
  for (const [table, list] of entries.byTable) editor.removeRelocations(table, list);
}

/** Numbers by the table that they belong to. */
class Lists {
  readonly byTable = new Map<SectionIndex, number[]>();
  #table: SectionIndex = -1;
  #list: number[] = [];

  add(table: SectionIndex, value: number): void {
    if (table !== this.#table) {
      this.#table = table;
      this.#list = this.byTable.get(table) ?? [];
      this.byTable.set(table, this.#list);
    }
    this.#list.push(value);
  }
}

/** Plans name entries in order, most of the time. */
function sortNumbers(list: number[]): void {
  for (let i = 1; i < list.length; i++)
    if (list[i]! < list[i - 1]!) {
      list.sort((a, b) => a - b);
      return;
    }
}

/** Lowers the r_offsets of the relocations of `table` that stay by what went in front of each. */
function moveRelocations(
  editor: ElfEditor,
  table: SectionIndex,
  gone: readonly number[],
  size: number,
  removed: ReadonlyMap<SectionIndex, readonly number[]>,
): void {
  for (const relocationTable of editor.elf.relocationSectionsFor(table)) {
    const relocations = editor.elf.relocations(relocationTable);
    const skip = new Uint8Array(relocations.count);
    let stay = relocations.count;
    for (const entry of removed.get(relocationTable.index) ?? []) {
      stay -= 1 - skip[entry]!;
      skip[entry] = 1;
    }
    if (stay === 0) continue;
    const contents = editor.writable(relocationTable.index);
    const view = new DataView(contents.buffer, contents.byteOffset, contents.length);
    for (let i = 0; i < relocations.count; i++) {
      if (skip[i] === 1) continue;
      const offset = relocations.offset(i);
      const before = countBelow(gone, offset);
      if (before > 0) view.setBigUint64(i * 24, BigInt(offset - before * size), true);
    }
  }
}

/** How many of the ascending numbers are below `limit`. */
function countBelow(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function codeBytes(code: NewCode): Uint8Array {
  const bytes = new Uint8Array(code.words.length * 4);
  const view = new DataView(bytes.buffer);
  code.words.forEach((word, i) => {
    view.setUint32(i * 4, word, true);
  });
  return bytes;
}

/** The new sections' indices, in the order of `plan.newCode`. */
function addCodeSections(editor: ElfEditor, plan: PatchPlan): SectionIndex[] {
  return plan.newCode.map(code =>
    editor.addSection({
      name: code.name,
      sh_type: SHT_PROGBITS,
      sh_flags: SHF_ALLOC | SHF_EXECINSTR,
      sh_link: 0,
      sh_info: 0,
      sh_addralign: code.alignment,
      sh_entsize: 0,
      contents: codeBytes(code),
      ...(code.before !== undefined && { before: code.before }),
    }),
  );
}

function addSymbols(editor: ElfEditor, plan: PatchPlan, code: readonly SectionIndex[]): SymbolIndex[] {
  return plan.newSymbols.map(symbol =>
    editor.addSymbol({
      name: symbol.name,
      binding: symbol.binding,
      type: symbol.type,
      st_other: symbol.st_other,
      st_shndx: symbol.code === undefined ? 0 : code[symbol.code]!,
      st_value: symbol.value,
      st_size: symbol.size,
    }),
  );
}

function addRelocations(
  editor: ElfEditor,
  plan: PatchPlan,
  code: readonly SectionIndex[],
  symbols: readonly SymbolIndex[],
): void {
  const index = (ref: SymbolRef) => ('existing' in ref ? ref.existing : symbols[ref.added]!);
  const encode = (r: NewRelocation) => encodeRelocation(r.offset, index(r.symbol), r.type, r.addend);
  for (const relocation of plan.addedRelocations) {
    const table = editor.elf.relocationSectionsFor(relocation.section)[0];
    if (table !== undefined) editor.append(table.index, encode(relocation));
  }
  const symtab = editor.elf.symbols!.section.index;
  plan.newCode.forEach((section, i) => {
    if (section.relocations.length === 0) return;
    addRelocationSection(editor, `.rela${section.name}`, code[i]!, symtab, section.relocations.map(encode));
  });
  for (const [section, list] of withoutTable(editor, plan)) {
    const name = `.rela${editor.elf.sections[section]!.name}`;
    addRelocationSection(editor, name, section, symtab, list.map(encode));
  }
}

function addVersions(editor: ElfEditor, plan: PatchPlan): void {
  const append = (section: string, bytes: Uint8Array) => {
    const table = editor.elf.sectionNamed(section);
    if (table !== undefined) editor.append(table.index, bytes);
  };
  for (const version of plan.addedVersions) {
    if (version.name.length <= VERSION_NAME_LIMIT) append('__versions', encodeVersion(version));
    append('__version_ext_crcs', new Uint8Array(new Uint32Array([version.crc]).buffer));
    append('__version_ext_names', Buffer.from(`${version.name}\0`));
  }
}

/** Relocations for sections that have had none so far. */
function withoutTable(editor: ElfEditor, plan: PatchPlan): Map<SectionIndex, NewRelocation[]> {
  const lists = new Map<SectionIndex, NewRelocation[]>();
  for (const relocation of plan.addedRelocations) {
    if (editor.elf.relocationSectionsFor(relocation.section).length > 0) continue;
    const list = lists.get(relocation.section);
    if (list === undefined) lists.set(relocation.section, [relocation]);
    else list.push(relocation);
  }
  return lists;
}

function addRelocationSection(
  editor: ElfEditor,
  name: string,
  target: SectionIndex,
  symtab: SectionIndex,
  entries: readonly Uint8Array[],
): void {
  editor.addSection({
    name,
    sh_type: SHT_RELA,
    sh_flags: SHF_INFO_LINK,
    sh_link: symtab,
    sh_info: target,
    sh_addralign: 8,
    sh_entsize: 24,
    contents: Buffer.concat(entries),
  });
}

/** A new, still empty note section as the last of all; one of an earlier patch goes (its bytes stay in the script). */
function replaceNoteSection(editor: ElfEditor): void {
  const old = patchNoteSection(editor.elf);
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
}
