/**
 * The kernel finds exports by bisection, so their tables have to be sorted by name (`__ksymtab`, `__ksymtab_gpl`; since 7.0 the first
 * alone). What objects export stands behind what the module exports, and both are sorted in themselves: here the rows of the merged
 * module change places, with their relocations, checksums and flags. Nothing else changes, and nothing its size.
 */
import { SHT_RELA, STT_SECTION, SYM_SIZE } from '../elf/constants.ts';
import { putWord } from '../elf/editor.ts';
import type { PlacedRange } from '../elf/ranges.ts';
import { type ElfFile, readElf } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { moduleExports } from '../kernel/module-exports.ts';
import type { SortedTable } from '../plan/merge.ts';
import type { Merged } from './apply.ts';

/** Bytes of `struct kernel_symbol`, of a checksum and of a flag. */
const ROW = 24;
const COLUMNS = [
  {
    table: '__ksymtab',
    beside: [
      { name: '__kcrctab', size: 4 },
      { name: '__kflagstab', size: 1 },
    ],
  },
  { table: '__ksymtab_gpl', beside: [{ name: '__kcrctab_gpl', size: 4 }] },
] as const;

export interface Sorted {
  readonly merged: Merged;
  readonly tables: readonly SortedTable[];
}

/** The same where nothing has to change places, or where a table is not one that could be sorted: PAT117 is for those. */
export function sortExports(merged: Merged): Sorted {
  const names = moduleExports(merged.bytes)?.names;
  if (names === undefined) return { merged, tables: [] };
  const elf = readElf(merged.bytes);
  const bytes = merged.bytes.slice();
  const tables: SortedTable[] = [];
  const spans: [number, number][] = [];
  let first = 0;
  for (const { table, beside } of COLUMNS) {
    const section = elf.sectionNamed(table);
    if (section === undefined) continue;
    const count = Math.floor(section.sh_size / ROW);
    const own = names.slice(first, first + count);
    first += count;
    const order = own.map((_, i) => i).sort((a, b) => (own[a]! < own[b]! ? -1 : own[a]! > own[b]! ? 1 : a - b));
    const parts = beside.flatMap(({ name, size }) => {
      const part = elf.sectionNamed(name);
      return part === undefined ? [] : [{ part, size }];
    });
    const isPlain =
      !elf.contents(section).some(byte => byte !== 0) && parts.every(({ part, size }) => part.sh_size === count * size);
    const isFilled = parts.some(({ part }) => relocationsOf(elf, part).length > 0);
    if (own.length !== count || order.every((row, i) => row === i) || !isPlain || isFilled) continue;
    for (const relocations of relocationsOf(elf, section)) moveRelocations(elf, relocations, order, bytes, spans);
    moveSymbols(elf, section, order, bytes, spans);
    for (const { part, size } of parts) {
      const before = elf.contents(part);
      for (const [i, row] of order.entries())
        bytes.set(before.subarray(row * size, (row + 1) * size), part.sh_offset + i * size);
      spans.push([part.sh_offset, part.sh_offset + part.sh_size]);
    }
    tables.push({ table, order });
  }
  if (tables.length === 0) return { merged, tables };
  return { merged: { bytes, ranges: without(merged.ranges, spans) }, tables };
}

function relocationsOf(elf: ElfFile, section: Section): readonly Section[] {
  return elf.sections.filter(s => s.sh_type === SHT_RELA && s.sh_info === section.index);
}

function moveRelocations(
  elf: ElfFile,
  section: Section,
  order: readonly number[],
  bytes: Uint8Array,
  spans: [number, number][],
): void {
  const placeOf = new Map(order.map((row, i) => [row, i]));
  const relocations = elf.relocations(section);
  for (let i = 0; i < relocations.count; i++) {
    const offset = relocations.offset(i);
    const at = section.sh_offset + i * section.sh_entsize;
    putWord(bytes, at, placeOf.get(Math.floor(offset / ROW))! * ROW + (offset % ROW));
    spans.push([at, at + 4]);
  }
}

/** Compilers name each row. */
function moveSymbols(
  elf: ElfFile,
  section: Section,
  order: readonly number[],
  bytes: Uint8Array,
  spans: [number, number][],
): void {
  const placeOf = new Map(order.map((row, i) => [row, i]));
  const symbols = elf.symbols!;
  for (let i = 1; i < symbols.count; i++) {
    if (symbols.sectionOf(i) !== section.index || symbols.type(i) === STT_SECTION) continue;
    const value = symbols.value(i);
    const at = symbols.section.sh_offset + i * SYM_SIZE + 8;
    putWord(bytes, at, (placeOf.get(Math.floor(value / ROW)) ?? 0) * ROW + (value % ROW));
    spans.push([at, at + 4]);
  }
}

/** The ranges with the bytes of [start, end) of the merged file taken out. */
function without(ranges: readonly PlacedRange[], spans: readonly (readonly [number, number])[]): PlacedRange[] {
  const cuts = [...spans].sort((a, b) => a[0] - b[0]);
  return ranges.flatMap(range => {
    const parts: PlacedRange[] = [];
    let at = 0;
    const add = (stop: number) => {
      if (stop <= at) return;
      const { from, to, exact, bytes, changed } = range;
      const inside = changed?.filter(c => c >= at && c < stop).map(c => c - at);
      parts.push({
        from: from + at,
        to: to + at,
        length: stop - at,
        exact,
        bytes: bytes?.subarray(at, stop),
        ...(inside && { changed: inside }),
      });
    };
    let isCut = false;
    for (const [start, end] of cuts) {
      if (end <= range.to + at || start >= range.to + range.length) continue;
      isCut = true;
      add(Math.max(start - range.to, at));
      at = end - range.to;
    }
    if (!isCut) return [range];
    add(range.length);
    return parts;
  });
}
