/**
 * Rows of export tables that changed places: the judge puts them back by the plan, and everything else is judged of what comes out.
 * That the kernel finds what the tables hold is judged of the tables as they are.
 */
import { SHT_RELA, STT_SECTION, SYM_SIZE } from '../../elf/constants.ts';
import { type ElfFile, readElf } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import { moduleExports } from '../../kernel/module-exports.ts';
import type { MergePlan, SortedTable } from '../../plan/merge.ts';
import { count, type Report } from '../verification.ts';

const ROW = 24;
const RELA = 24;

/** Sections beside a table that have an item for each of its rows, and the size of an item. */
function columnsOf(table: string): readonly (readonly [string, number])[] {
  const crcs = [table.replace('__ksymtab', '__kcrctab'), 4] as const;
  return table === '__ksymtab' ? [crcs, ['__kflagstab', 1]] : [crcs];
}

/** The merged file with the rows in the order in which they were joined. */
export function unsorted(report: Report, module: ElfFile, { sorted }: MergePlan, merged: ElfFile): ElfFile {
  checkOrder(report, module, merged);
  if (sorted.length === 0) return merged;
  const bytes = merged.bytes.slice();
  for (const told of sorted) putBack(report, told, merged, bytes);
  return readElf(bytes);
}

function putBack(report: Report, { table, order }: SortedTable, merged: ElfFile, bytes: Uint8Array): void {
  const section = merged.sectionNamed(table);
  const seen = new Set(order);
  const isComplete = seen.size === order.length && order.every(row => row >= 0 && row < order.length);
  if (section === undefined || section.sh_size !== order.length * ROW || !isComplete) {
    report.error('VER147', `the plan does not say of each row of ${table} where it comes from`, table);
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const relocations of merged.sections.filter(s => s.sh_type === SHT_RELA && s.sh_info === section.index))
    for (let at = relocations.sh_offset; at < relocations.sh_offset + relocations.sh_size; at += RELA) {
      const offset = view.getUint32(at, true);
      view.setUint32(at, order[Math.floor(offset / ROW)]! * ROW + (offset % ROW), true);
    }
  const symbols = merged.symbols!;
  for (let i = 1; i < symbols.count; i++) {
    if (symbols.sectionOf(i) !== section.index || symbols.type(i) === STT_SECTION) continue;
    const value = symbols.value(i);
    const at = symbols.section.sh_offset + i * SYM_SIZE + 8;
    view.setUint32(at, (order[Math.floor(value / ROW)] ?? 0) * ROW + (value % ROW), true);
  }
  putBackItems(merged, section, order, ROW, bytes);
  for (const [name, size] of columnsOf(table)) {
    const column = merged.sectionNamed(name);
    if (column !== undefined) putBackItems(merged, column, order, size, bytes);
  }
}

function putBackItems(
  merged: ElfFile,
  section: Section,
  order: readonly number[],
  size: number,
  bytes: Uint8Array,
): void {
  const items = merged.contents(section);
  for (const [i, row] of order.entries())
    bytes.set(items.subarray(i * size, (i + 1) * size), section.sh_offset + row * size);
}

/** The kernel bisects each table by name. A table that was not in order before is left to the audits. */
function checkOrder(report: Report, module: ElfFile, merged: ElfFile): void {
  const before = tablesOf(module);
  for (const [table, names] of tablesOf(merged)) {
    if (isSorted(names) || !isSorted(before.get(table) ?? [])) continue;
    const text = `${table} is not sorted by name: the kernel would not find ${count(names.length, 'export')}`;
    report.error('VER147', text, table);
  }
}

function tablesOf(elf: ElfFile): Map<string, readonly string[]> {
  const names = moduleExports(elf.bytes)?.names ?? [];
  const tables = new Map<string, readonly string[]>();
  let first = 0;
  for (const table of ['__ksymtab', '__ksymtab_gpl']) {
    const rows = Math.floor((elf.sectionNamed(table)?.sh_size ?? 0) / ROW);
    tables.set(table, names.slice(first, first + rows));
    first += rows;
  }
  return tables;
}

function isSorted(names: readonly string[]): boolean {
  return names.every((name, i) => i === 0 || name >= names[i - 1]!);
}
