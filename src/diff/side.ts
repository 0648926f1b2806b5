/**
 * One of the two objects, prepared for comparison: items, relocations by place, and for each section an image in which
 * everything that a relocation will overwrite, and the distance in every branch, is blank.
 *
 * RELA relocations do not read the field that they write, so its bytes in the file mean nothing.
 */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { encodeField } from '../ppc64/relocation-fields.ts';
import { wordsOf } from '../util/bytes.ts';
import type { SectionIndex } from '../util/indexes.ts';
import { type Item, type ItemsBySection, itemsOf } from './items.ts';
import { type SectionKind, sectionKind } from './kinds.ts';
import { withNamelessCode } from './nameless-code.ts';
import { firstAt, type Places, placesOf } from './places.ts';

/** In `Image.meanings`: a branch that no relocation changes; where it goes is in its own bits. */
export const BRANCH = -1;

export interface Image {
  /** The section's contents with blank fields. Read-only by contract: it may be the file's own memory. */
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  /** Code only. The words as the file has them, in the same order. */
  readonly raw: Uint32Array;
  /** Code only. By word: 0, the number of what its relocations mean, or BRANCH. Meanings come when they are resolved. */
  readonly meanings: Int32Array;
}

interface Mask {
  readonly first: number;
  readonly second: number;
}

const masks = new Map<number, Mask>();

/** Bits that a relocation of `type` leaves alone, in the words at its place. */
function maskOf(type: number): Mask {
  let mask = masks.get(type);
  if (mask === undefined) {
    const { first, second } = encodeField(type, { first: 0, second: 0 }, -1n);
    const kept = encodeField(type, { first: 0xffffffff, second: 0xffffffff }, 0n);
    mask = { first: (kept.first & ~first) >>> 0, second: (kept.second & ~second) >>> 0 };
    masks.set(type, mask);
  }
  return mask;
}

function blankField(view: DataView, offset: number, type: number): void {
  const mask = maskOf(type);
  if (mask.first !== 0xffffffff) blankWord(view, offset, mask.first);
  if (mask.second !== 0xffffffff) blankWord(view, offset + 4, mask.second);
}

/** As `blankField`, for a place on a word boundary with both words inside. */
function blankWords(words: Uint32Array, at: number, type: number): void {
  const mask = maskOf(type);
  words[at]! &= mask.first;
  words[at + 1]! &= mask.second;
}

/** `view`'s word at `offset` and `mask`; what lies behind the end is left out. */
function blankWord(view: DataView, offset: number, mask: number): void {
  for (let i = 0; i < 4 && offset + i < view.byteLength; i++)
    view.setUint8(offset + i, view.getUint8(offset + i) & ((mask >>> (8 * i)) & 0xff));
}

const OP_PREFIX = 1;
const OP_BC = 16;
const OP_B = 18;

/** Blanks the distance of every relative branch without a relocation and marks it. */
function blankBranches(words: Uint32Array, meanings: Int32Array): void {
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const opcode = word >>> 26;
    if (opcode === OP_PREFIX) i++;
    else if ((opcode === OP_B || opcode === OP_BC) && (word & 2) === 0 && meanings[i] === 0) {
      meanings[i] = BRANCH;
      words[i] = opcode === OP_B ? word & 0xfc000003 : word & 0xffff0003;
    }
  }
}

/** Words that the branch at word `i` jumps over, counted from itself. Relative branches only. */
export function branchDistance(word: number): number {
  return word >>> 26 === OP_B ? (word << 6) >> 8 : (word << 16) >> 18;
}

export class Side {
  readonly elf: ElfFile;
  readonly items: ItemsBySection;
  readonly kinds: readonly SectionKind[];
  readonly places: (section: SectionIndex) => Places;
  readonly #images = new Map<SectionIndex, Image>();
  readonly itemsBySymbol = new Map<number, Item>();

  constructor(elf: ElfFile) {
    this.elf = elf;
    this.kinds = elf.sections.map(sectionKind);
    this.places = placesOf(elf);
    const named = itemsOf(elf, s => this.kinds[s.index] === 'code' || this.kinds[s.index] === 'data');
    const all = new Map(named);
    for (const section of elf.sections)
      if (this.kinds[section.index] === 'code')
        all.set(section.index, withNamelessCode(this, section, named.get(section.index) ?? []));
    this.items = all;
    for (const list of all.values())
      for (const item of list) {
        for (const symbol of item.symbols) this.itemsBySymbol.set(symbol, item);
        item.hash = this.#hash(item);
      }
  }

  itemsIn(section: SectionIndex): readonly Item[] {
    return this.items.get(section) ?? [];
  }

  image(section: Section): Image {
    let image = this.#images.get(section.index);
    if (image === undefined) {
      image = this.#makeImage(section);
      this.#images.set(section.index, image);
    }
    return image;
  }

  #makeImage(section: Section): Image {
    const contents = this.elf.contents(section);
    const isCode = this.kinds[section.index] === 'code';
    const places = this.places(section.index);
    // Without anything to blank, and on a word boundary, the file itself serves.
    const inPlace = contents.byteOffset % 4 === 0;
    const bytes = inPlace && !isCode && places.count === 0 ? contents : new Uint8Array(contents);
    const words = wordsOf(bytes);
    const raw = !isCode ? new Uint32Array(0) : inPlace ? wordsOf(contents) : words.slice();
    const meanings = new Int32Array(isCode ? words.length : 0);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const { count, offsets, types } = places;
    for (let i = 0; i < count; i++) {
      const at = offsets[i]! >>> 2;
      if (offsets[i]! % 4 === 0 && at + 1 < words.length) blankWords(words, at, types[i]!);
      else blankField(view, offsets[i]!, types[i]!);
      // Any number but 0 and BRANCH: a relocation is here.
      if (isCode && at < meanings.length) meanings[at] = 1;
    }
    if (isCode) blankBranches(words, meanings);
    return { bytes, words, raw, meanings };
  }

  #hash(item: Item): number {
    if (!item.section.hasContents) return item.end - item.start;
    const { bytes, words } = this.image(item.section);
    let hash = item.end - item.start;
    if (item.start % 4 === 0) {
      const last = item.end >>> 2;
      for (let i = item.start >>> 2; i < last; i++) hash = Math.imul(hash ^ words[i]!, 0x01000193);
      for (let i = last * 4; i < item.end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    } else for (let i = item.start; i < item.end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    return hash;
  }

  /** Whether a relocation of the section lies in [start, end). */
  hasRelocation(section: SectionIndex, start: number, end: number): boolean {
    const places = this.places(section);
    const i = firstAt(places, start);
    return i < places.count && places.offsets[i]! < end;
  }
}
