/**
 * Items: the named stretches of a section. A function, a data object, a label with what follows it up to the next one.
 * Several names at one offset are one item with aliases.
 *
 * Sizes come from the file and are not to be trusted: an item ends with its section at the latest, and where the items of
 * a section together claim several times its size (overlaps nobody would write), each ends where the next begins.
 */
import { STB_LOCAL, STT_FILE, STT_FUNC, STT_GNU_IFUNC, STT_SECTION } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import type { SymbolTable } from '../elf/symbols.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';

/** How many times the size of a section its items may claim before overlaps are cut off. */
const MOST_OVERLAP = 4;

export interface Item {
  readonly section: Section;
  /** Bytes from the section's start. */
  readonly start: number;
  /** One past its last byte. */
  end: number;
  /** The name that people know: a function's, then one with a size, then a global one, then the first in the table. */
  readonly name: string;
  readonly aliases: readonly string[];
  /** All symbols at `start`, ascending. */
  readonly symbols: readonly SymbolIndex[];
  /** In a section with code. */
  readonly isCode: boolean;
  /** A FUNC symbol is among them. */
  readonly isFunction: boolean;
  /** The largest `st_size`; 0 where nobody said. */
  readonly size: number;
  readonly binding: number;
  /** The three bits of `st_other` of the symbol that gave the name. */
  readonly k: number;
  /** Number that the two objects share once they are matched; 0 before. */
  number: number;
  /** Hash of the contents without relocated fields. */
  hash: number;
}

export type ItemsBySection = ReadonlyMap<SectionIndex, readonly Item[]>;

function isFunctionType(type: number): boolean {
  return type === STT_FUNC || type === STT_GNU_IFUNC;
}

/** Symbols that can start an item, ordered by section and offset. */
function itemSymbols(elf: ElfFile, symbols: SymbolTable, wants: (section: Section) => boolean): SymbolIndex[] {
  const wanted = elf.sections.map(s => s.index > 0 && wants(s));
  const list: SymbolIndex[] = [];
  const offsets = new Float64Array(symbols.count);
  for (let i = 1; i < symbols.count; i++) {
    const type = symbols.type(i);
    const section = symbols.sectionOf(i);
    if (type === STT_SECTION || type === STT_FILE || section === 0 || !wanted[section]) continue;
    const offset = symbols.offsetInSection(i);
    if (offset < 0 || offset > elf.sections[section]!.sh_size) continue;
    offsets[i] = offset;
    list.push(i);
  }
  return list.sort((a, b) => symbols.sectionOf(a) - symbols.sectionOf(b) || offsets[a]! - offsets[b]! || a - b);
}

function makeItem(symbols: SymbolTable, section: Section, start: number, group: readonly SymbolIndex[]): Item {
  const score = (i: SymbolIndex) =>
    (isFunctionType(symbols.type(i)) ? 4 : 0) +
    (symbols.size(i) > 0 ? 2 : 0) +
    (symbols.binding(i) !== STB_LOCAL ? 1 : 0);
  const best = group.reduce((a, b) => (score(b) > score(a) ? b : a));
  return {
    section,
    start,
    end: start,
    name: symbols.name(best),
    aliases: group.length === 1 ? [] : group.filter(i => i !== best).map(i => symbols.name(i)),
    symbols: group,
    isCode: section.isCode,
    isFunction:
      group.length === 1 ? isFunctionType(symbols.type(best)) : group.some(i => isFunctionType(symbols.type(i))),
    size: group.reduce((n, i) => Math.max(n, symbols.size(i)), 0),
    binding: symbols.binding(best),
    k: symbols.st_other(best) >>> 5,
    number: 0,
    hash: 0,
  };
}

/** Drops labels inside something that has a size: they only mark a place in it. */
function withoutInnerLabels(items: readonly Item[]): Item[] {
  let end = 0;
  return items.filter(item => {
    if (item.size === 0 && !item.isFunction && item.start < end) return false;
    if (item.size > 0) end = Math.max(end, item.start + item.size);
    return true;
  });
}

function setEnds(items: readonly Item[], limit: number): void {
  let claimed = 0;
  items.forEach((item, i) => {
    const next = items[i + 1]?.start ?? limit;
    item.end = item.size > 0 ? Math.min(item.start + item.size, limit) : next;
    claimed += item.end - item.start;
  });
  if (claimed <= MOST_OVERLAP * limit) return;
  items.forEach((item, i) => {
    item.end = Math.min(item.end, items[i + 1]?.start ?? limit);
  });
}

/** The items of every section that `wants` accepts, ascending by offset. */
export function itemsOf(elf: ElfFile, wants: (section: Section) => boolean): ItemsBySection {
  const bySection = new Map<SectionIndex, readonly Item[]>();
  const symbols = elf.symbols;
  if (symbols === undefined) return bySection;
  const list = itemSymbols(elf, symbols, wants);
  for (let i = 0; i < list.length; ) {
    const index = symbols.sectionOf(list[i]!);
    const section = elf.sections[index]!;
    const items: Item[] = [];
    while (i < list.length && symbols.sectionOf(list[i]!) === index) {
      const start = symbols.offsetInSection(list[i]!);
      const first = i++;
      while (i < list.length && symbols.sectionOf(list[i]!) === index && symbols.offsetInSection(list[i]!) === start)
        i++;
      items.push(makeItem(symbols, section, start, list.slice(first, i)));
    }
    const kept = withoutInnerLabels(items);
    setEnds(kept, section.sh_size);
    bySection.set(index, kept);
  }
  return bySection;
}

/** How far back an item that covers an offset is looked for among those that overlap. */
const LOOK_BACK = 8;

/** Number in `items` of the last one that starts at `offset` or before it, or -1. */
export function lastAtOrBefore(items: readonly Item[], offset: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle]!.start <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The item around `offset`. */
export function itemAt(items: readonly Item[], offset: number): Item | undefined {
  const last = lastAtOrBefore(items, offset);
  for (let i = last; i >= 0 && i > last - LOOK_BACK; i--) if (offset < items[i]!.end) return items[i];
  return undefined;
}
