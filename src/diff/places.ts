/**
 * The relocations of one object by the section that they change, in the order of their places.
 *
 * In a relocatable file they come from the SHT_RELA sections of the target. In a linked image the dynamic ones
 * (`.rela.dyn`) are addresses on both sides: the place is turned into a section and an offset here, and so is what an
 * R_PPC64_RELATIVE points to.
 */
import { SHT_RELA } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import { RELA_WORDS, type Relocations } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import { signed64 } from '../util/bytes.ts';
import type { SectionIndex } from '../util/indexes.ts';

const R_PPC64_RELATIVE = 22;

/** Columns of equal length, ascending by offset; entries with one offset in file order. */
export interface Places {
  readonly count: number;
  /** Bytes from the start of the section. */
  readonly offsets: Float64Array;
  readonly types: Uint32Array;
  /** Symbol index; -1 - n stands for section n itself. */
  readonly symbols: Int32Array;
  readonly addends: Float64Array;
}

const NONE: Places = {
  count: 0,
  offsets: new Float64Array(0),
  types: new Uint32Array(0),
  symbols: new Int32Array(0),
  addends: new Float64Array(0),
};

function columns(count: number) {
  return {
    count,
    offsets: new Float64Array(count),
    types: new Uint32Array(count),
    symbols: new Int32Array(count),
    addends: new Float64Array(count),
  };
}

/** Copies the entries of `lists`, one list behind the other, then sorts where that is needed. */
function fromRelocatable(lists: readonly Relocations[]): Places {
  const places = columns(lists.reduce((n, l) => n + l.count, 0));
  let at = 0;
  for (const { words, count } of lists) {
    for (let i = 0, w = 0; i < count; i++, w += RELA_WORDS, at++) {
      places.offsets[at] = words[w]!;
      places.types[at] = words[w + 2]!;
      places.symbols[at] = words[w + 3]!;
      places.addends[at] = signed64(words[w + 4]!, words[w + 5]!);
    }
  }
  return sorted(places);
}

function sorted(places: Places): Places {
  const { offsets, count } = places;
  let inOrder = true;
  for (let i = 1; i < count && inOrder; i++) inOrder = offsets[i - 1]! <= offsets[i]!;
  if (inOrder) return places;
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  order.sort((a, b) => offsets[a]! - offsets[b]! || a - b);
  const out = columns(count);
  order.forEach((from, to) => {
    out.offsets[to] = offsets[from]!;
    out.types[to] = places.types[from]!;
    out.symbols[to] = places.symbols[from]!;
    out.addends[to] = places.addends[from]!;
  });
  return out;
}

/** Finds the allocated section of an address by its distance from the lowest one, without 64-bit arithmetic. */
class AddressMap {
  readonly #sections: readonly Section[];
  readonly #starts: readonly number[];
  readonly #low: number;
  readonly #high: number;

  constructor(elf: ElfFile) {
    const byAddress = (a: Section, b: Section) => a.addressHigh - b.addressHigh || a.addressLow - b.addressLow;
    this.#sections = elf.sections.filter(s => s.isAllocated && s.sh_size > 0).sort(byAddress);
    this.#low = this.#sections[0]?.addressLow ?? 0;
    this.#high = this.#sections[0]?.addressHigh ?? 0;
    this.#starts = this.#sections.map(s => this.#distance(s.addressLow, s.addressHigh));
  }

  #distance(low: number, high: number): number {
    return (high - this.#high) * 0x1_0000_0000 + (low - this.#low);
  }

  find(low: number, high: number): { section: SectionIndex; offset: number } | undefined {
    const distance = this.#distance(low, high);
    let first = 0;
    let last = this.#starts.length;
    while (first < last) {
      const middle = (first + last) >>> 1;
      if (this.#starts[middle]! <= distance) first = middle + 1;
      else last = middle;
    }
    const section = this.#sections[first - 1];
    if (section === undefined) return undefined;
    const offset = distance - this.#starts[first - 1]!;
    return offset <= section.sh_size ? { section: section.index, offset } : undefined;
  }
}

function fromLinked(elf: ElfFile): Map<SectionIndex, Places> {
  const addresses = new AddressMap(elf);
  const rows = new Map<SectionIndex, number[]>();
  for (const section of elf.sections) {
    if (section.sh_type !== SHT_RELA || !section.isAllocated) continue;
    const { words, count } = elf.relocations(section);
    for (let i = 0, w = 0; i < count; i++, w += RELA_WORDS) {
      const place = addresses.find(words[w]!, words[w + 1]!);
      if (place === undefined) continue;
      const type = words[w + 2]!;
      const relative = type === R_PPC64_RELATIVE ? addresses.find(words[w + 4]!, words[w + 5]!) : undefined;
      const symbol = relative === undefined ? words[w + 3]! : -1 - relative.section;
      const addend = relative === undefined ? signed64(words[w + 4]!, words[w + 5]!) : relative.offset;
      const list = rows.get(place.section);
      if (list === undefined) rows.set(place.section, [place.offset, type, symbol, addend]);
      else list.push(place.offset, type, symbol, addend);
    }
  }
  const bySection = new Map<SectionIndex, Places>();
  for (const [index, list] of rows) {
    const places = columns(list.length / 4);
    for (let i = 0; i < places.count; i++) {
      places.offsets[i] = list[i * 4]!;
      places.types[i] = list[i * 4 + 1]!;
      places.symbols[i] = list[i * 4 + 2]!;
      places.addends[i] = list[i * 4 + 3]!;
    }
    bySection.set(index, sorted(places));
  }
  return bySection;
}

/** Relocations by section. @throws InputError as `ElfFile.relocations` does */
export function placesOf(elf: ElfFile): (section: SectionIndex) => Places {
  if (!elf.isRelocatable) {
    const map = fromLinked(elf);
    return section => map.get(section) ?? NONE;
  }
  const tables = new Map<SectionIndex, Relocations[]>();
  for (const section of elf.sections) {
    if (section.sh_type !== SHT_RELA) continue;
    const list = tables.get(section.sh_info);
    if (list === undefined) tables.set(section.sh_info, [elf.relocations(section)]);
    else list.push(elf.relocations(section));
  }
  const done = new Map<SectionIndex, Places>();
  return section => {
    let places = done.get(section);
    if (places === undefined) {
      const lists = tables.get(section);
      places = lists === undefined ? NONE : fromRelocatable(lists);
      done.set(section, places);
    }
    return places;
  };
}

/** The first entry at `offset` or behind it; `count` where there is none. */
export function firstAt(places: Places, offset: number): number {
  let low = 0;
  let high = places.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places.offsets[middle]! < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
