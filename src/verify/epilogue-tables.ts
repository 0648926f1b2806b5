/** What the kernel's tables say of code, for functions and their copies: the ways that they add, and that both have the same entries. */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { fixupTable } from '../kernel/fixups.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { placeKey, type Relocation, relocationsOn } from './places.ts';
import type { Report } from './verification.ts';

interface Field {
  readonly at: number;
  readonly type: number;
  readonly section: SectionIndex;
  /** What it leads to: S + A, less the field's place in the entry where it counts from there. */
  readonly offset: SectionOffset;
  /** It leads to where a range ends: what stands there is no part of it. */
  readonly isEnd: boolean;
}

interface Entry {
  readonly table: Section;
  readonly bytes: Buffer;
  readonly fields: readonly Field[];
}

/** Tables that are no tracer's, entry by entry, by the code that the fields name. */
export class TableEdges {
  readonly #entries: Entry[] = [];
  readonly #edges = new Map<number, SectionOffset[]>();

  constructor(elf: ElfFile) {
    const symbols = elf.symbols!;
    for (const table of elf.sections) {
      const layout = table.isAllocated ? fixupTable(table) : undefined;
      if (layout === undefined || layout.kind === 'tracer record') continue;
      const found = new Map<number, Field[]>();
      for (const [place, relocations] of relocationsOn(elf, table.index))
        for (const { type, symbol, addend } of relocations as readonly Relocation[]) {
          const row = Math.floor(place / layout.entrySize);
          const at = place % layout.entrySize;
          const known = layout.fields.find(f => f.offset === at);
          const field = {
            at,
            type,
            section: symbols.sectionOf(symbol),
            offset: symbols.value(symbol) + addend - (known?.relativeTo === 'entry' ? at : 0),
            isEnd: known?.endsRange === true,
          };
          found.set(row, [...(found.get(row) ?? []), field]);
        }
      const contents = Buffer.from(elf.contents(table));
      for (const [row, fields] of found) {
        const from = row * layout.entrySize;
        fields.sort((a, b) => a.at - b.at);
        this.#entries.push({ table, fields, bytes: contents.subarray(from, from + layout.entrySize) });
        const [first, second] = fields;
        if (
          (layout.kind !== 'exception' && layout.kind !== 'jump label') ||
          first === undefined ||
          second === undefined
        )
          continue;
        const key = placeKey(first.section, first.offset);
        this.#edges.set(key, [...(this.#edges.get(key) ?? []), second.offset]);
      }
    }
  }

  /** Places of the same section where control may go on besides. */
  from(section: SectionIndex, offset: SectionOffset): readonly SectionOffset[] {
    return this.#edges.get(placeKey(section, offset)) ?? [];
  }

  /** Entries with a field in [start, end), as texts in which places there count from `start`. */
  #of(elf: ElfFile, section: SectionIndex, start: SectionOffset, end: SectionOffset): string[] {
    const isIn = ({ section: home, offset, isEnd }: Field) =>
      home === section && (isEnd ? offset > start && offset <= end : offset >= start && offset < end);
    const text = ({ at, type, section: home, offset }: Field, own: boolean) =>
      `${at}:${type}:${own ? `here+${offset - start}` : `${elf.sections[home]?.name}+${offset}`}`;
    return this.#entries
      .filter(e => e.fields.some(isIn))
      .map(e => `${e.table.name} ${e.bytes.toString('hex')} ${e.fields.map(f => text(f, isIn(f))).join(' ')}`)
      .sort();
  }

  /** Both have the same entries, each about its own code. */
  compare(report: Report, elf: ElfFile, from: KernelFunction, copy: KernelFunction, body: number, name: string): void {
    const end = (from.global + from.size) & ~3;
    const was = this.#of(elf, from.section.index, from.local, end);
    const start = copy.global + body;
    const now = this.#of(elf, copy.section.index, start, start + end - from.local);
    const all = this.#of(elf, copy.section.index, copy.global, copy.global + copy.size);
    if (was.length === now.length && now.length === all.length && was.every((text, i) => text === now[i])) return;
    report.error(
      'VER145',
      `the kernel's tables say of ${name} other things than of its copy`,
      copy.section,
      copy.global,
      name,
    );
  }
}
