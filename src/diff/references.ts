/**
 * From a relocation to what it means: the names behind symbol numbers, the string behind an offset, what an entry of
 * `.toc` points to. Each meaning is a number of the vocabulary that both objects share, and has a text for people.
 */
import { SHF_WRITE, SHN_ABS, SHN_COMMON, SHN_LIVEPATCH, STT_SECTION } from '../elf/constants.ts';
import type { Section } from '../elf/section.ts';
import { relocationName } from '../ppc64/relocations.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import { itemAt, lastAtOrBefore } from './items.ts';
import { firstAt, type Places } from './places.ts';
import type { Side } from './side.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Nameless data longer than this is not told apart by its contents. Bytes. */
const MOST_NAMELESS = 4096;
/** How deep nameless data may point to nameless data. */
const MOST_DEPTH = 4;

/** `+0x8`, `-0x8`, or nothing. */
export function distanceText(distance: number): string {
  if (distance === 0) return '';
  return distance < 0 ? `-0x${(-distance).toString(16)}` : `+0x${distance.toString(16)}`;
}

/** A string as in a C source. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007f-\uffff]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export class References {
  readonly side: Side;
  readonly vocabulary: Vocabulary;
  /** By symbol, then addend. */
  readonly #symbols = new Map<number, Map<number, number>>();
  /** By section, then offset. */
  readonly #offsets = new Map<SectionIndex, Map<number, number>>();
  #referenced: Map<SectionIndex, Float64Array> | undefined;
  #depth = 0;

  constructor(side: Side, vocabulary: Vocabulary) {
    this.side = side;
    this.vocabulary = vocabulary;
  }

  /** The meaning of `symbol + addend`; a negative symbol stands for a section (see `Places`). */
  reference(symbol: number, addend: number): number {
    let byAddend = this.#symbols.get(symbol);
    if (byAddend === undefined) {
      byAddend = new Map();
      this.#symbols.set(symbol, byAddend);
    }
    let id = byAddend.get(addend);
    if (id === undefined) {
      id = this.#resolve(symbol, addend);
      byAddend.set(addend, id);
    }
    return id;
  }

  /** The meaning of relocation `i` of `places`, its type included. */
  relocation(places: Places, i: number): number {
    return this.vocabulary.relocation(places.types[i]!, this.reference(places.symbols[i]!, places.addends[i]!));
  }

  /** Fills the meanings of a code section's image. */
  resolveImage(section: Section): void {
    const { meanings } = this.side.image(section);
    const places = this.side.places(section.index);
    let before = -1;
    for (let i = 0; i < places.count; i++) {
      const at = places.offsets[i]! >>> 2;
      if (at >= meanings.length) continue;
      const id = this.relocation(places, i);
      meanings[at] = at === before ? this.vocabulary.text(`and ${meanings[at]} ${id}`) : id;
      before = at;
    }
  }

  #resolve(symbol: number, addend: number): number {
    if (symbol < 0) return this.at(-1 - symbol, addend);
    const { vocabulary } = this;
    const symbols = this.side.elf.symbols;
    if (symbol === 0 || symbols === undefined) return vocabulary.text(`absolute ${addend}`);
    const section = symbols.sectionOf(symbol);
    if (section === 0) {
      const raw = symbols.rawSection(symbol);
      if (raw === SHN_ABS) return vocabulary.text(`absolute ${symbols.address(symbol)} ${addend}`);
      const kind = raw === SHN_LIVEPATCH ? 'livepatch' : raw === SHN_COMMON ? 'common' : 'undefined';
      return vocabulary.text(`${kind} ${symbols.name(symbol)} ${addend}`);
    }
    const offset = symbols.offsetInSection(symbol);
    const item = symbols.type(symbol) === STT_SECTION ? undefined : this.side.itemsBySymbol.get(symbol);
    return item === undefined ? this.at(section, offset + addend) : vocabulary.place(item.number, addend);
  }

  /** The meaning of `offset` bytes into a section. */
  at(index: SectionIndex, offset: number): number {
    let byOffset = this.#offsets.get(index);
    if (byOffset === undefined) {
      byOffset = new Map();
      this.#offsets.set(index, byOffset);
    }
    let id = byOffset.get(offset);
    if (id === undefined) {
      const depth = this.#depth;
      id = this.#resolveOffset(this.side.elf.sections[index]!, offset);
      // A meaning cut short by the limit belongs to that depth only.
      if (depth < MOST_DEPTH) byOffset.set(offset, id);
    }
    return id;
  }

  #resolveOffset(section: Section, offset: number): number {
    const { vocabulary } = this;
    const kind = this.side.kinds[section.index]!;
    if (offset >= 0 && offset < section.sh_size) {
      if (kind === 'strings' || kind === 'modinfo') return vocabulary.text(`string ${this.string(section, offset)}`);
      if (kind === 'toc') return this.#tocEntry(section, offset);
      if (kind === 'constants') return this.#constant(section, offset);
    }
    const items = this.side.itemsIn(section.index);
    const item = itemAt(items, offset);
    if (item !== undefined) return vocabulary.place(item.number, offset - item.start);
    const before = items[lastAtOrBefore(items, offset)];
    return (
      this.#nameless(section, offset) ??
      (before === undefined
        ? vocabulary.text(`section ${section.name} ${offset}`)
        : vocabulary.place(before.number, offset - before.start))
    );
  }

  /** The string that starts at `offset`. */
  string(section: Section, offset: number): string {
    const bytes = this.side.elf.contents(section);
    const end = bytes.indexOf(0, offset);
    const part = bytes.subarray(offset, end < 0 ? bytes.length : end);
    return Buffer.from(part.buffer, part.byteOffset, part.length).toString('latin1');
  }

  #tocEntry(section: Section, offset: number): number {
    const within = offset % 8;
    const places = this.side.places(section.index);
    const i = firstAt(places, offset - within);
    if (i < places.count && places.offsets[i] === offset - within && this.#depth < MOST_DEPTH) {
      this.#depth++;
      const id = this.relocation(places, i);
      this.#depth--;
      const entry = this.vocabulary.tocEntry(id);
      return within === 0 ? entry : this.vocabulary.text(`toc ${entry} ${within}`);
    }
    return this.vocabulary.text(`toc value ${this.#hexadecimal(section, offset - within, 8)} ${within}`);
  }

  #constant(section: Section, offset: number): number {
    const within = offset % section.sh_entsize;
    return this.vocabulary.text(
      `constant ${this.#hexadecimal(section, offset - within, section.sh_entsize)} ${within}`,
    );
  }

  #hexadecimal(section: Section, offset: number, length: number): string {
    const part = this.side.elf.contents(section).subarray(offset, offset + length);
    return Buffer.from(part.buffer, part.byteOffset, part.length).toString('hex');
  }

  /**
   * Read-only data that no symbol names (tables of a `switch`, constants): what it holds, up to the next place that
   * something refers to. `undefined` where that says too little.
   */
  #nameless(section: Section, offset: number): number | undefined {
    const readOnly = (section.sh_flags & SHF_WRITE) === 0 || section.name.startsWith('.data.rel.ro');
    if (!readOnly || this.side.kinds[section.index] !== 'data' || !section.hasContents) return undefined;
    if (offset < 0 || offset >= section.sh_size || this.#depth >= MOST_DEPTH) return undefined;
    const end = this.#namelessEnd(section, offset);
    if (end - offset > MOST_NAMELESS) return undefined;
    return this.vocabulary.text(`nameless ${this.contentsText(section, offset, end)}`);
  }

  /** Bytes and meanings of relocations of a range, without the zeros at its end. Equal texts mean equal contents. */
  contentsText(section: Section, start: number, end: number): string {
    const { bytes } = this.side.image(section);
    const places = this.side.places(section.index);
    const meanings: string[] = [];
    let last = start;
    this.#depth++;
    for (let i = firstAt(places, start); i < places.count && places.offsets[i]! < end; i++) {
      meanings.push(`${places.offsets[i]! - start}:${this.relocation(places, i)}`);
      last = places.offsets[i]! + 1;
    }
    this.#depth--;
    let stop = Math.min(end, bytes.length);
    while (stop > last && bytes[stop - 1] === 0) stop--;
    return `${meanings.join(' ')} ${Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, stop - start)).toString('latin1')}`;
  }

  #namelessEnd(section: Section, offset: number): number {
    const items = this.side.itemsIn(section.index);
    const nextItem = items[lastAtOrBefore(items, offset) + 1]?.start ?? section.sh_size;
    this.#referenced ??= this.#collectReferenced();
    const starts = this.#referenced.get(section.index) ?? new Float64Array(0);
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return Math.min(nextItem, starts[low] ?? section.sh_size);
  }

  /** Offsets of data sections that relocations reach through the section itself, ascending. */
  #collectReferenced(): Map<SectionIndex, Float64Array> {
    const { elf, kinds } = this.side;
    const symbols = elf.symbols;
    const found = new Map<SectionIndex, Set<number>>();
    for (const section of elf.sections) {
      if (!section.isAllocated || kinds[section.index] === 'structure') continue;
      const places = this.side.places(section.index);
      for (let i = 0; i < places.count; i++) {
        const symbol = places.symbols[i]!;
        const target =
          symbol < 0
            ? -1 - symbol
            : symbols !== undefined && symbols.type(symbol) === STT_SECTION
              ? symbols.sectionOf(symbol)
              : 0;
        if (target === 0 || kinds[target] !== 'data') continue;
        let set = found.get(target);
        if (set === undefined) {
          set = new Set();
          found.set(target, set);
        }
        set.add(places.addends[i]!);
      }
    }
    return new Map([...found].map(([index, set]) => [index, Float64Array.from(set).sort()]));
  }

  /** `R_PPC64_REL24 demo_in_range`: relocation `i` of `places`, for people. */
  relocationText(places: Places, i: number): string {
    const name = relocationName(places.types[i]!);
    // A marker such as R_PPC64_ENTRY names nothing.
    if (places.symbols[i] === 0 && places.addends[i] === 0) return name;
    return `${name} ${this.text(places.symbols[i]!, places.addends[i]!)}`;
  }

  /** What `symbol + addend` is called. */
  text(symbol: number, addend: number): string {
    if (symbol < 0) return this.textAt(-1 - symbol, addend);
    const symbols = this.side.elf.symbols;
    if (symbol === 0 || symbols === undefined) return addend === 0 ? '*ABS*' : `*ABS*${distanceText(addend)}`;
    const section = symbols.sectionOf(symbol);
    if (section === 0 || symbols.type(symbol) !== STT_SECTION) return this.#namedText(symbol, addend, section);
    return this.textAt(section, symbols.offsetInSection(symbol) + addend);
  }

  #namedText(symbol: SymbolIndex, addend: number, section: SectionIndex): string {
    const symbols = this.side.elf.symbols!;
    const kind = this.side.kinds[section];
    const place = symbols.offsetInSection(symbol) + addend;
    if (section !== 0 && (kind === 'strings' || kind === 'toc')) return this.textAt(section, place);
    const name = symbols.name(symbol);
    return `${name === '' ? `symbol ${symbol}` : name}${distanceText(addend)}`;
  }

  /** What `offset` bytes into a section is called. */
  textAt(index: SectionIndex, offset: number, depth = 0): string {
    const section = this.side.elf.sections[index]!;
    const kind = this.side.kinds[index]!;
    if (offset >= 0 && offset < section.sh_size) {
      if (kind === 'strings' || kind === 'modinfo') return quoted(this.string(section, offset));
      if (kind === 'toc' && depth < MOST_DEPTH) {
        const within = offset % 8;
        const places = this.side.places(index);
        const i = firstAt(places, offset - within);
        const entry =
          i < places.count && places.offsets[i] === offset - within
            ? this.#tocText(places, i, depth)
            : `0x${swapped(this.#hexadecimal(section, offset - within, 8))}`;
        return `.toc[${entry}]${distanceText(within)}`;
      }
      if (kind === 'constants') {
        const within = offset % section.sh_entsize;
        return `${section.name}[${this.#hexadecimal(section, offset - within, section.sh_entsize)}]${distanceText(within)}`;
      }
    }
    const item = itemAt(this.side.itemsIn(index), offset);
    if (item !== undefined) return `${item.name}${distanceText(offset - item.start)}`;
    return `${section.name}${distanceText(offset)}`;
  }

  #tocText(places: Places, i: number, depth: number): string {
    const symbol = places.symbols[i]!;
    const symbols = this.side.elf.symbols;
    if (symbol < 0 || symbols === undefined) return this.text(symbol, places.addends[i]!);
    const section = symbols.sectionOf(symbol);
    if (section !== 0 && this.side.kinds[section] === 'toc')
      return this.textAt(section, symbols.offsetInSection(symbol) + places.addends[i]!, depth + 1);
    return this.text(symbol, places.addends[i]!);
  }
}

/** Hexadecimal bytes as the little-endian number that they are. */
function swapped(bytes: string): string {
  const number = bytes.match(/../g)?.reverse().join('') ?? '';
  return number.replace(/^0+(?=.)/, '');
}
