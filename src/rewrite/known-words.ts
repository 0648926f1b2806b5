/**
 * What knows a word of code, for all words at once: whoever hooks every function of a module asks about thousands of them.
 *
 * A word may be replaced, or moved, only if the one way to it is the way through its function's entry (places.ts says why). The
 * tables that are looked at are the same; what is told apart here is only what a refusal has to name.
 */
import type { Section } from '../elf/section.ts';
import { type FixupTable, fixupTable } from '../kernel/fixups.ts';
import { localEntryDistance } from '../kernel/functions.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { knownRanges } from './image/known.ts';
import { isBctr, jumpTableLabels } from './jump-tables.ts';
import { placeKey, type Subject } from './subject.ts';

/** A function begins there. */
export const ENTRY = 1;
/** A branch leads there. */
export const BRANCHED = 2;
/** A relocation names it, or a jump table of data may. */
export const NAMED = 4;
/** A table of exceptions, bugs or static calls names it, or a jump label. */
export const TABLED = 8;
/** A feature section covers it: the kernel rewrites it after loading. */
export const REWRITTEN = 16;
/** A record of the tracer names it. */
export const RECORDED = 32;

const MARKS = { address: NAMED, table: TABLED, rewritten: REWRITTEN, record: RECORDED } as const;

const R_PPC64_REL24 = 10;
const R_PPC64_REL32 = 26;
const R_PPC64_REL64 = 44;

export class KnownWords {
  readonly #subject: Subject;
  readonly #marks = new Map<SectionIndex, Uint8Array>();
  readonly #entries = new Set<number>();
  /** Functions whose jump tables have been read, by global entry. */
  readonly #read = new Set<number>();

  constructor(subject: Subject) {
    this.#subject = subject;
    for (const section of subject.elf.sections)
      if (section.isCode) this.#marks.set(section.index, new Uint8Array(Math.ceil(section.sh_size / 4)));
    for (const f of subject.functions) {
      for (const at of [f.global, f.local]) {
        this.#mark(f.section.index, at, ENTRY);
        this.#entries.add(placeKey(f.section.index, at));
      }
    }
    for (const section of subject.elf.sections) {
      if (section.isCode) this.#branches(section);
      if (!section.isAllocated) continue;
      const table = fixupTable(section);
      if (table !== undefined) this.#fixups(section, table);
      else this.#references(section);
    }
    if (!subject.elf.isRelocatable)
      for (const { section, from, to, what } of knownRanges(subject.elf))
        this.#markRange(section, from, to, MARKS[what]);
  }

  /** The marks of a word of the function [start, end). */
  at(section: Section, offset: SectionOffset, start: SectionOffset, end: SectionOffset): number {
    const key = placeKey(section.index, start);
    if (!this.#read.has(key)) {
      this.#read.add(key);
      this.#jumpTables(section, start, end);
    }
    return this.#marks.get(section.index)?.[offset >>> 2] ?? 0;
  }

  #mark(section: SectionIndex, offset: SectionOffset, bit: number): void {
    const marks = this.#marks.get(section);
    if (marks !== undefined && offset >= 0 && offset >>> 2 < marks.length) marks[offset >>> 2]! |= bit;
  }

  #markRange(section: SectionIndex, from: SectionOffset, to: SectionOffset, bit: number): void {
    const last = Math.min(to, (this.#marks.get(section)?.length ?? 0) * 4);
    for (let at = Math.max(from, 0) & ~3; at < last; at += 4) this.#mark(section, at, bit);
  }

  /** Branches that the assembler resolved. One that a relocation fills leads to itself, which is no way to it. */
  #branches(section: Section): void {
    const words = this.#subject.elf.sectionWords(section);
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      const opcode = word >>> 26;
      if ((opcode !== 18 && opcode !== 16) || (word & 2) !== 0) continue;
      const distance = opcode === 18 ? ((word & 0x03fffffc) << 6) >> 6 : ((word & 0xfffc) << 16) >> 16;
      if (distance !== 0) this.#mark(section.index, i * 4 + distance, BRANCHED);
    }
  }

  /** Jump tables that lie in the code of one function. */
  #jumpTables(section: Section, start: SectionOffset, end: SectionOffset): void {
    const words = this.#subject.elf.sectionWords(section);
    for (let at = start; at < end; at += 4)
      if (isBctr(words[at / 4]!) && !this.#subject.elf.isRelocatable) {
        // Linked tables of distances lie in the data, and no relocation tells where: any word may be one of their labels.
        this.#markRange(section.index, start, end, BRANCHED);
        return;
      } else if (isBctr(words[at / 4]!))
        for (const label of jumpTableLabels(words, at + 4, start, end)) this.#mark(section.index, label, BRANCHED);
  }

  /** What the relocations of a section name that is no table of the kernel's. */
  #references(section: Section): void {
    const { elf } = this.#subject;
    const symbols = elf.symbols!;
    for (const table of this.#subject.relocationTablesFor(section.index)) {
      const relocations = elf.relocations(table);
      let starts: readonly number[] | undefined;
      for (let i = 0; i < relocations.count; i++) {
        const symbol = relocations.symbol(i);
        const home = symbols.sectionOf(symbol);
        if (home === 0 || !this.#marks.has(home)) continue;
        if (this.#subject.standIns.has(placeKey(section.index, relocations.offset(i)))) continue;
        const value = symbols.value(symbol) + relocations.addend(i);
        this.#mark(home, value, NAMED);
        const type = relocations.type(i);
        const k = symbols.st_other(symbol) >>> 5;
        if (type === R_PPC64_REL24 && k > 1 && k < 7) this.#mark(home, value + localEntryDistance(k), NAMED);
        if (section.isCode || (type !== R_PPC64_REL32 && type !== R_PPC64_REL64)) continue;
        // A distance from the start of its table, not from the field: the label lies below S + A by as much.
        if (this.#entries.has(placeKey(home, value))) continue;
        const at = relocations.offset(i);
        starts ??= this.#startsIn(section);
        const start = lastUpTo(starts, at);
        if (start === undefined) this.#markRange(home, value - at, value, NAMED);
        else this.#mark(home, value - (at - start), NAMED);
      }
    }
  }

  /** Places of a data section that relocations name: where its tables may begin; ascending. */
  #startsIn(section: Section): readonly number[] {
    const { elf } = this.#subject;
    const symbols = elf.symbols!;
    const starts = new Set<number>();
    for (const s of elf.sections) {
      if (!s.isAllocated) continue;
      for (const table of this.#subject.relocationTablesFor(s.index)) {
        const relocations = elf.relocations(table);
        for (let i = 0; i < relocations.count; i++) {
          const symbol = relocations.symbol(i);
          if (symbols.sectionOf(symbol) === section.index) starts.add(symbols.value(symbol) + relocations.addend(i));
        }
      }
    }
    return [...starts].sort((a, b) => a - b);
  }

  #fixups(section: Section, table: FixupTable): void {
    const { elf } = this.#subject;
    const symbols = elf.symbols!;
    const bit = table.kind === 'feature fixup' ? REWRITTEN : table.kind === 'tracer record' ? RECORDED : TABLED;
    const starts = new Map<number, { readonly home: SectionIndex; readonly target: number }>();
    for (const relocationTable of this.#subject.relocationTablesFor(section.index)) {
      const relocations = elf.relocations(relocationTable);
      for (let i = 0; i < relocations.count; i++) {
        const symbol = relocations.symbol(i);
        const home = symbols.sectionOf(symbol);
        if (!this.#marks.has(home)) continue;
        const at = relocations.offset(i);
        const value = symbols.value(symbol) + relocations.addend(i);
        const { fields } = table;
        const alone = fields.length === 1 && fields[0]!.relativeTo !== 'entry' ? fields[0] : undefined;
        const field = alone ?? fields.find(f => f.offset === at % table.entrySize);
        // A layout that is not known: take the word itself, as for a table of places.
        const target = field?.relativeTo === 'entry' ? value - field.offset : value;
        if (field?.endsRange === true) {
          const start = starts.get(at - 8);
          if (start?.home === home) this.#markRange(home, start.target, Math.max(target, start.target + 1), bit);
          continue;
        }
        starts.set(at, { home, target });
        this.#markRange(home, target, target + Math.max(field?.covers ?? 4, 1), bit);
      }
    }
  }
}

function lastUpTo(ascending: readonly number[], limit: number): number | undefined {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return ascending[low - 1];
}
