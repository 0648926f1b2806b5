/** String tables: the input's bytes first, then the names of what the plan adds, and not a byte more. */
import type { SectionIndex } from '../util/indexes.ts';
import { buffer } from './compare-contents.ts';
import type { SymbolMap } from './compare-symbols.ts';
import type { Pairing } from './pairing.ts';
import { count, type Report } from './verification.ts';

/** A name: where it begins in its table. */
interface Use {
  readonly table: SectionIndex;
  readonly at: number;
}

export function compareStrings(report: Report, pair: Pairing, symbols: SymbolMap): string {
  const { input, output } = pair;
  const uses: Use[] = pair.fresh().map(s => ({ table: output.header.shstrndx, at: s.sh_name }));
  const own = output.symbols;
  for (const j of symbols.added)
    if (own !== undefined && j >= 0) uses.push({ table: own.section.sh_link, at: own.st_name(j) });
  let appended = 0;
  const names = input.symbols?.section.sh_link;
  for (const table of new Set([input.header.shstrndx, ...(names === undefined ? [] : [names])]))
    if (table !== 0 && table < input.sections.length) appended += compareTable(report, pair, table, uses);
  return `${count(appended, 'byte')} of new names`;
}

/** @param index the table's number in the input */
function compareTable(report: Report, pair: Pairing, index: SectionIndex, uses: readonly Use[]): number {
  const { input, output } = pair;
  const section = output.sections[pair.to(index)];
  if (section === undefined) return 0;
  const before = buffer(input, input.sections[index]!);
  const after = buffer(output, section);
  const { counts } = report;
  if (after.length < before.length || before.compare(after, 0, before.length) !== 0) {
    report.error('VER039', 'names of the input are missing or changed', section);
    return 0;
  }
  counts.identical += before.length;
  const added = after.length - before.length;
  counts.addedByPlan += added;
  const used = new Uint8Array(added);
  for (const { table: of, at } of uses) {
    if (of !== section.index || at < before.length) continue;
    const end = after.indexOf(0, at) + 1;
    used.fill(1, at - before.length, end - before.length);
  }
  const stray = used.indexOf(0);
  if (stray >= 0) report.error('VER039', 'the table has bytes that no new name uses', section, before.length + stray);
  return added;
}
