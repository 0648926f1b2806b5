/** Entries of the kernel's tables that speak of a function's code: a copy of the function needs the same ones. */
import { fixupTable } from '../../kernel/fixups.ts';
import type { SectionOffset, SymbolIndex } from '../../util/indexes.ts';
import { placeKey, type Subject } from '../subject.ts';
import type { CopiedRelocation } from './object.ts';

/** Tables whose entries name single places, so that an entry for another place is another entry. */
const COPIED = new Set([
  '__ex_table',
  '__bug_table',
  '__jump_table',
  '__lwsync_fixup',
  '__barrier_nospec_fixup',
  '__spec_barrier_fixup',
]);

export interface TableEntry {
  readonly table: string;
  readonly bytes: Uint8Array;
  /** Fields that name places of code: offset in the entry, type, the place, and what is added to the place in S + A. */
  readonly places: readonly {
    readonly at: number;
    readonly type: number;
    readonly section: number;
    readonly offset: SectionOffset;
    readonly plus: number;
  }[];
  /** All other relocations; offsets from the start of the entry. */
  readonly others: readonly (CopiedRelocation & { readonly symbol: SymbolIndex })[];
  /** Whether an entry of the same kind for another place may be made of it. */
  readonly isCopied: boolean;
}

export class TableEntries {
  readonly #byPlace = new Map<number, TableEntry[]>();

  constructor(subject: Subject) {
    for (const section of subject.elf.sections) {
      const table = section.isAllocated ? fixupTable(section) : undefined;
      if (table === undefined || table.kind === 'tracer record') continue;
      const contents = subject.elf.contents(section);
      const isCopied = COPIED.has(section.name);
      const found = new Map<
        number,
        { places: TableEntry['places'][number][]; others: TableEntry['others'][number][] }
      >();
      for (const relocationTable of subject.relocationTablesFor(section.index)) {
        const relocations = subject.elf.relocations(relocationTable);
        for (let i = 0; i < relocations.count; i++) {
          const number = Math.floor(relocations.offset(i) / table.entrySize);
          const at = relocations.offset(i) % table.entrySize;
          const entry = found.get(number) ?? { places: [], others: [] };
          found.set(number, entry);
          const [symbol, addend, type] = [relocations.symbol(i), relocations.addend(i), relocations.type(i)];
          const field = table.fields.find(f => f.offset === at);
          const plus = field?.relativeTo === 'entry' ? field.offset : 0;
          const spot = field && subject.spotOf(symbol, addend - plus);
          if (spot === undefined) entry.others.push({ offset: at, type, symbol, addend });
          else entry.places.push({ at, type, section: spot.section.index, offset: spot.offset, plus });
        }
      }
      for (const [number, { places, others }] of found) {
        const from = number * table.entrySize;
        const bytes = contents.slice(from, from + table.entrySize);
        const entry = {
          table: section.name,
          bytes,
          places,
          others,
          isCopied: isCopied && bytes.length === table.entrySize,
        };
        for (const { section: home, offset } of places) {
          const key = placeKey(home, offset);
          this.#byPlace.set(key, [...(this.#byPlace.get(key) ?? []), entry]);
        }
      }
    }
  }

  /** Entries that name a place in [start, end), each once, in the order of these places. */
  within(section: number, start: SectionOffset, end: SectionOffset): readonly TableEntry[] {
    const found = new Set<TableEntry>();
    for (let at = start; at < end; at += 4)
      for (const e of this.#byPlace.get(placeKey(section, at)) ?? []) found.add(e);
    return [...found];
  }
}
