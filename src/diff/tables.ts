/**
 * Tables about code, by function: tracer records, exception table, bug table, jump labels, fixups. An entry belongs to the
 * function that its first relocation into code names.
 */
import type { CodeComparer } from './code.ts';
import { tableEntrySize } from './kinds.ts';
import type { TableDiff } from './model.ts';
import { firstAt } from './places.ts';
import type { References } from './references.ts';

interface Entry {
  readonly bytes: Buffer;
  /** Offset in the entry and meaning, in turn. */
  readonly meanings: readonly number[];
}

interface Table {
  count: number;
  /** By the number of the function's item; 0 for entries that name none. */
  readonly byItem: Map<number, Entry[]>;
}

function tablesOf(references: References, codeItems: ReadonlySet<number>): Map<string, Table> {
  const { side, vocabulary } = references;
  const tables = new Map<string, Table>();
  for (const section of side.elf.sections) {
    if (side.kinds[section.index] !== 'table' || !section.hasContents) continue;
    const size = tableEntrySize(section.name)!;
    const table = tables.get(section.name) ?? { count: 0, byItem: new Map() };
    tables.set(section.name, table);
    const places = side.places(section.index);
    const { bytes } = side.image(section);
    for (let at = 0; at < bytes.length; at += size) {
      const meanings: number[] = [];
      let owner = 0;
      for (let i = firstAt(places, at); i < places.count && places.offsets[i]! < at + size; i++) {
        const id = references.relocation(places, i);
        meanings.push(places.offsets[i]! - at, id);
        if (owner === 0 && codeItems.has(vocabulary.item(id))) owner = vocabulary.item(id);
      }
      const entry = { bytes: Buffer.from(bytes.subarray(at, at + size)), meanings };
      const list = table.byItem.get(owner);
      if (list === undefined) table.byItem.set(owner, [entry]);
      else list.push(entry);
      table.count++;
    }
  }
  return tables;
}

function same(a: Entry, b: Entry, code: CodeComparer): boolean {
  if (a.meanings.length !== b.meanings.length || !a.bytes.equals(b.bytes)) return false;
  return a.meanings.every((m, i) => (i % 2 === 0 ? m === b.meanings[i] : code.sameReference(m, b.meanings[i]!)));
}

const EMPTY: Table = { count: 0, byItem: new Map() };

/**
 * @param names by number of a function's item, its name
 */
export function compareTables(
  old: References,
  fresh: References,
  code: CodeComparer,
  names: ReadonlyMap<number, string>,
): TableDiff[] {
  const items = new Set(names.keys());
  const before = tablesOf(old, items);
  const after = tablesOf(fresh, items);
  const found: TableDiff[] = [];
  for (const table of new Set([...before.keys(), ...after.keys()])) {
    const a = before.get(table) ?? EMPTY;
    const b = after.get(table) ?? EMPTY;
    const functions = compareTable(a, b, code, names);
    if (functions.length > 0) found.push({ table, old: a.count, new: b.count, functions });
  }
  return found;
}

function compareTable(
  a: Table,
  b: Table,
  code: CodeComparer,
  names: ReadonlyMap<number, string>,
): TableDiff['functions'][number][] {
  const functions: TableDiff['functions'][number][] = [];
  for (const number of new Set([...a.byItem.keys(), ...b.byItem.keys()])) {
    const x = a.byItem.get(number) ?? [];
    const y = b.byItem.get(number) ?? [];
    let changed = 0;
    if (x.length === y.length) changed = x.filter((entry, i) => !same(entry, y[i]!, code)).length;
    if (x.length !== y.length || changed > 0)
      functions.push({ function: names.get(number) ?? '', old: x.length, new: y.length, changed });
  }
  return functions;
}
