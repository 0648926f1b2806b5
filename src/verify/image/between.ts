/**
 * The plan that would have made one image of another, as far as the two files tell: what changed, what was added, which records went.
 * Which object each added section came from, and what names of it were bound to, they do not tell.
 */
import type { ElfFile } from '../../elf/read.ts';
import { RELA_WORDS } from '../../elf/relocations.ts';
import type { Section } from '../../elf/section.ts';
import { imageRecords } from '../../kernel/image.ts';
import { dynamicRelocations, loadSegments, R_PPC64_RELATIVE } from '../../kernel/image-layout.ts';
import { addedTo, tableEnds } from '../../kernel/image-tables.ts';
import { PATCH_NOTE_SECTION } from '../../kernel/patch-note.ts';
import { RECORD_SIZE } from '../../kernel/tracer-tables.ts';
import type {
  DroppedImageRecord,
  GrownTable,
  ImagePart,
  ImagePiece,
  ImagePlan,
  ImageRelative,
  ImageRest,
  ImageSymbol,
} from '../../plan/image.ts';
import type { PlannedAction, RestPlace, WordChange } from '../../plan/plan.ts';
import { keptSections } from './compare-headers.ts';
import { ImageWords } from './words.ts';

const TABLES = [
  ['exceptions', '__ex_table', 8],
  ['bugs', '__bug_table', 12],
] as const;

/** @returns undefined where the sections of one are not those of the other with more behind them */
export function planBetween(input: ElfFile, output: ElfFile, actions: readonly PlannedAction[]): ImagePlan | undefined {
  const kept = keptSections(input);
  const fresh = output.sections.slice(kept.length);
  const note = fresh.pop();
  const isKept = kept.every((s, i) => output.sections[i]?.name === s.name && output.sections[i]?.sh_addr === s.sh_addr);
  if (!isKept || note?.name !== PATCH_NOTE_SECTION || fresh.some(s => !s.isAllocated || !s.hasContents))
    return undefined;
  const parts = fresh.map(section => partOf(input, output, section));
  const relatives = addedRelatives(input, output);
  const first = kept.length;
  const { judged, rests } = restsOf(output, actions, parts, relatives);
  return {
    schema: 'tocsin.image-plan/1',
    actions: judged,
    words: changedWords(kept, input, output),
    records: droppedRecords(input, output),
    parts,
    symbols: addedSymbols(input, output, first),
    relatives,
    merged: [],
    pieces: parts.map(
      (part, n): ImagePiece => ({
        object: 0,
        section: n,
        name: part.name,
        part: n,
        offset: 0,
        size: part.bytes.length,
      }),
    ),
    bindings: [],
    rests,
    tables: grownTables(input, output, fresh),
    warnings: [],
  };
}

function partOf(input: ElfFile, output: ElfFile, section: Section): ImagePart {
  const { name, sh_addr: address, sh_offset: fileOffset, sh_addralign: alignment } = section;
  const kind = section.isCode ? 'code' : (section.sh_flags & 1) !== 0 ? 'data' : 'constants';
  const part = { name, kind, address, fileOffset, alignment, bytes: output.contents(section).slice() } as const;
  const isInserted = loadSegments(input).some(s => s.p_vaddr + BigInt(s.p_filesz) === address);
  return isInserted ? { ...part, isInserted } : part;
}

function changedWords(kept: readonly Section[], input: ElfFile, output: ElfFile): WordChange[] {
  const found: WordChange[] = [];
  for (const [i, section] of kept.entries()) {
    if (!section.isAllocated || !section.hasContents) continue;
    const [was, is] = [input.contents(section), output.contents(output.sections[i]!)];
    const size = Math.min(was.length, is.length);
    if (Buffer.compare(was.subarray(0, size), is.subarray(0, size)) === 0) continue;
    const [before, after] = [was, is].map(bytes => new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
    for (let offset = 0; offset + 4 <= size; offset += 4) {
      const [a, b] = [before!.getUint32(offset, true), after!.getUint32(offset, true)];
      if (a !== b) found.push({ section: section.index, offset, before: a, after: b });
    }
  }
  return found;
}

function droppedRecords(input: ElfFile, output: ElfFile): DroppedImageRecord[] {
  const [was, is] = [imageRecords(input)?.values, imageRecords(output)?.values];
  const found: DroppedImageRecord[] = [];
  was?.forEach((before, i) => {
    const after = is?.[i];
    if (after !== undefined && after !== before) found.push({ offset: i * RECORD_SIZE, before, after });
  });
  return found;
}

function addedSymbols({ symbols: was }: ElfFile, { symbols: is }: ElfFile, first: number): ImageSymbol[] {
  const found: ImageSymbol[] = [];
  for (let i = was?.count ?? 0; is !== undefined && i < is.count; i++)
    found.push({
      name: is.name(i),
      binding: is.binding(i),
      type: is.type(i),
      st_other: is.st_other(i) & 0xe0,
      part: is.sectionOf(i) - first,
      address: is.address(i),
      size: is.size(i),
    });
  return found;
}

function addedRelatives(input: ElfFile, output: ElfFile): ImageRelative[] {
  const [before, after] = [dynamicRelocations(input), dynamicRelocations(output)];
  if (before === undefined || after === undefined) return [];
  const { words } = output.relocations(after.section);
  const found: ImageRelative[] = [];
  const at = (w: number) => (BigInt(words[w + 1]!) << 32n) | BigInt(words[w]!);
  for (let w = input.relocations(before.section).words.length; w < words.length; w += RELA_WORDS)
    if (words[w + 2] === R_PPC64_RELATIVE && words[w + 3] === 0) found.push({ place: at(w), value: at(w + 4) });
  return found;
}

function grownTables(input: ElfFile, output: ElfFile, fresh: readonly Section[]): GrownTable[] {
  return TABLES.flatMap(([kind, name, row]) => {
    const part = fresh.findIndex(s => addedTo(s.name) === name);
    const [was, is] = [tableEnds(input, name), tableEnds(output, name)];
    if (part < 0 || was === undefined || is === undefined) return [];
    return [{ kind, part, rows: Number(is.stop - is.start - (was.stop - was.start)) / row, ...is }];
  });
}

/** What stands for the rest of functions, where a branch or an address leads there; other places cannot be judged, and are left out. */
function restsOf(
  output: ElfFile,
  actions: readonly PlannedAction[],
  parts: readonly ImagePart[],
  relatives: readonly ImageRelative[],
): { readonly judged: readonly PlannedAction[]; readonly rests: readonly ImageRest[] } {
  const words = new ImageWords(output);
  const rests: ImageRest[] = [];
  const restAt = ({ section: name, offset, stands }: RestPlace, isDouble: boolean): ImageRest | undefined => {
    const part = parts.findIndex(p => p.name === name);
    if (part < 0) return undefined;
    const at = parts[part]!.address + BigInt(offset);
    const entry = words.branchAt(at) ?? words.branchAt(at, true);
    const local = stands === 'original' && isDouble ? 8 : 0;
    const address = entry === undefined ? relatives.find(r => r.place === at)?.value : entry - BigInt(local);
    return address === undefined ? undefined : { object: 0, section: part, offset, stands, address, local };
  };
  const judged = actions.map(action => {
    if (action.kind !== 'redirect' || action.custom === undefined) return action;
    const home = output.sectionNamed(action.section);
    const own = home && ownOf(output, action.function, home.sh_addr + BigInt(action.offset));
    const found = action.custom.places.map(place => [place, restAt(place, own === true)] as const);
    for (const [, rest] of found) if (rest !== undefined) rests.push(rest);
    const isOutside = ({ section }: RestPlace) => !parts.some(p => p.name === section);
    const places = found.flatMap(([place, rest]) => (rest !== undefined || isOutside(place) ? [place] : []));
    return { ...action, custom: { ...action.custom, places } };
  });
  return { judged, rests };
}

/** Whether the function over a place has two entries. */
function ownOf({ symbols }: ElfFile, name: string, at: bigint): boolean {
  const i =
    symbols?.find(name, n => at >= symbols.address(n) && at < symbols.address(n) + BigInt(symbols.size(n))) ?? -1;
  return i >= 0 && symbols!.st_other(i) >>> 5 >= 2;
}
