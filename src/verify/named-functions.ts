/** The functions of the output by name and place. */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import type { SymbolTable } from '../elf/symbols.ts';
import { functionSymbols, functionsOf, type KernelFunction } from '../kernel/functions.ts';
import type { SectionOffset } from '../util/indexes.ts';

/** Functions of one section in the arrays of all: from number `start` up to `end`. */
interface Span {
  readonly section: Section;
  readonly start: number;
  readonly end: number;
}

export class NamedFunctions {
  readonly #elf: ElfFile;
  /** By section, then place: the functions' symbols and global entries. */
  readonly #order: Uint32Array;
  readonly #places: Float64Array;
  readonly #spans = new Map<string, Span[]>();
  #byName: ReadonlyMap<string, KernelFunction[]> | undefined;

  constructor(elf: ElfFile) {
    this.#elf = elf;
    const { symbols } = elf;
    this.#order = symbols === undefined ? new Uint32Array(0) : functionSymbols(elf, symbols);
    this.#places = new Float64Array(this.#order.length);
    for (let n = 0; n < this.#order.length; n++) this.#places[n] = symbols!.offsetInSection(this.#order[n]!);
    for (let start = 0; start < this.#order.length; ) {
      const home = symbols!.sectionOf(this.#order[start]!);
      let end = start + 1;
      while (end < this.#order.length && symbols!.sectionOf(this.#order[end]!) === home) end++;
      const section = elf.sections[home]!;
      const span = { section, start, end };
      const spans = this.#spans.get(section.name);
      if (spans === undefined) this.#spans.set(section.name, [span]);
      else spans.push(span);
      start = end;
    }
  }

  /** All functions called `name`. */
  called(name: string): readonly KernelFunction[] {
    if (this.#byName === undefined) {
      const byName = new Map<string, KernelFunction[]>();
      for (const f of functionsOf(this.#elf)) {
        const list = byName.get(f.name);
        if (list === undefined) byName.set(f.name, [f]);
        else list.push(f);
      }
      this.#byName = byName;
    }
    return this.#byName.get(name) ?? [];
  }

  /** The function called `name`, in a section called `section`, that has a byte at `offset`. */
  over(name: string, section: string, offset: SectionOffset): KernelFunction | undefined {
    return this.called(name).find(
      f => f.section.name === section && offset >= f.global && offset < f.global + Math.max(f.size, 4),
    );
  }

  /** The section of `over`, without looking at all functions where the nearest one in front of `offset` is meant. */
  sectionOver(name: string, section: string, offset: SectionOffset): Section | undefined {
    const symbols = this.#elf.symbols;
    for (const span of this.#spans.get(section) ?? []) {
      const last = this.#upTo(span, offset);
      for (let n = last; n >= span.start && this.#places[n] === this.#places[last]; n--) {
        const symbol = this.#order[n]!;
        if (offset < this.#places[n]! + Math.max(symbols!.size(symbol), 4) && symbols!.name(symbol) === name)
          return span.section;
      }
    }
    return this.over(name, section, offset)?.section;
  }

  /** All names of the code that `over` finds, the one that was asked for among them; empty where it finds none. */
  namesOver(name: string, section: string, offset: SectionOffset): readonly string[] {
    const symbols = this.#elf.symbols;
    for (const span of this.#spans.get(section) ?? []) {
      const names = this.#namesAt(span, offset);
      if (names.includes(name) && this.#reaches(span, offset, symbols!)) return names;
    }
    const f = this.over(name, section, offset);
    const span = f && this.#spans.get(section)!.find(s => s.section === f.section);
    return span === undefined ? [] : this.#namesAt(span, f!.global);
  }

  /** Whether a function of this section has a byte at `offset`. */
  isCovered(section: Section, offset: SectionOffset): boolean {
    const span = this.#spans.get(section.name)?.find(s => s.section === section);
    if (span === undefined || this.#elf.symbols === undefined) return false;
    for (let n = this.#upTo(span, offset); n >= span.start; n--)
      if (offset < this.#places[n]! + this.#elf.symbols.size(this.#order[n]!)) return true;
    return false;
  }

  /** Names of the functions that begin where the last one in front of `offset` does. */
  #namesAt(span: Span, offset: SectionOffset): string[] {
    const last = this.#upTo(span, offset);
    const names: string[] = [];
    for (let n = last; n >= span.start && this.#places[n] === this.#places[last]; n--)
      names.push(this.#elf.symbols!.name(this.#order[n]!));
    return names;
  }

  #reaches(span: Span, offset: SectionOffset, symbols: SymbolTable): boolean {
    const last = this.#upTo(span, offset);
    for (let n = last; n >= span.start && this.#places[n] === this.#places[last]; n--)
      if (offset < this.#places[n]! + Math.max(symbols.size(this.#order[n]!), 4)) return true;
    return false;
  }

  /** The last function of a span that begins at `offset` or before it; below the span where none does. */
  #upTo(span: Span, offset: SectionOffset): number {
    const places = this.#places;
    let low = span.start;
    let high = span.end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (places[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
