/** The functions of the output by name and place. */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
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
