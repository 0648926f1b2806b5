/** Sections that hold no code: their headers, their contents by named object, their relocations by what they mean. */
import type { Section } from '../elf/section.ts';
import type { SectionIndex } from '../util/indexes.ts';
import type { CodeComparer } from './code.ts';
import type { Item } from './items.ts';
import { VERSION_SIZE } from './kinds.ts';
import { groupBy, type Matched, type Pair } from './match.ts';
import type { ContentDiff, FieldChange, RelocationDiff, SectionDiff } from './model.ts';
import { firstAt } from './places.ts';
import { distanceText, quoted, type References } from './references.ts';
import type { Side } from './side.ts';

/** Nameless stretches up to this length are recognised by their contents wherever they lie. Bytes. */
const MOST_KEYED = 0x10000;
const PREVIEW = 16;

export interface SectionPair {
  readonly old: Section;
  readonly new: Section;
}

export interface MatchedSections {
  readonly pairs: readonly SectionPair[];
  readonly removed: readonly Section[];
  readonly added: readonly Section[];
}

/** Sections by name, those with one name in order; symbol and string tables and relocations are not among them. */
export function matchSections(old: Side, fresh: Side): MatchedSections {
  const contents = (side: Side) => side.elf.sections.filter(s => s.index > 0 && side.kinds[s.index] !== 'structure');
  const waiting = groupBy(contents(old), s => s.name);
  const pairs: SectionPair[] = [];
  const added: Section[] = [];
  for (const section of contents(fresh)) {
    const match = waiting.get(section.name)?.shift();
    if (match === undefined) added.push(section);
    else pairs.push({ old: match, new: section });
  }
  return { pairs, added, removed: [...waiting.values()].flat() };
}

function range(side: Side, item: Item): { start: number; end: number } {
  if (item.size > 0 || !item.section.hasContents) return { start: item.start, end: item.end };
  return { start: item.start, end: withoutZeros(side, item.section.index, item.start, item.end) };
}

/** The end of [start, end) without zeros that no relocation fills. */
function withoutZeros(side: Side, section: SectionIndex, start: number, end: number): number {
  const { bytes } = side.image(side.elf.sections[section]!);
  let stop = Math.min(end, bytes.length);
  while (stop > start && bytes[stop - 1] === 0) stop--;
  const places = side.places(section);
  const i = firstAt(places, end) - 1;
  return i >= 0 && places.offsets[i]! >= stop ? Math.min(end, Math.max(stop, places.offsets[i]! + 8)) : stop;
}

interface Stretch {
  readonly section: Section;
  readonly start: number;
  readonly end: number;
  readonly title: string;
}

/** A stretch of bytes as people want to see it. */
function preview(side: Side, { section, start, end }: Stretch, at: number): string {
  const { bytes } = side.image(section);
  const all = bytes.subarray(start, end);
  const text = Buffer.from(all.subarray(0, 200)).toString('latin1').replace(/\0+$/, '');
  if (text.length > 2 && /^[\x20-\x7e\n\t]*$/.test(text)) return quoted(text);
  const part = bytes.subarray(start + at, Math.min(end, start + at + PREVIEW));
  const more = start + at + PREVIEW < end ? '…' : '';
  return part.length === 0
    ? 'nothing'
    : `${Buffer.from(part)
        .toString('hex')
        .replaceAll(/(..)(?=.)/g, '$1 ')}${more}`;
}

export class DataComparer {
  readonly #old: References;
  readonly #new: References;
  readonly #code: CodeComparer;
  /** Pairs of data objects by the section of the new one. */
  readonly #pairs: ReadonlyMap<Section, readonly Pair[]>;
  readonly relocations: RelocationDiff[] = [];

  constructor(old: References, fresh: References, code: CodeComparer, matched: Matched) {
    this.#old = old;
    this.#new = fresh;
    this.#code = code;
    const data = matched.pairs.filter(p => !p.old.isCode);
    this.#pairs = groupBy(data, p => p.new.section);
  }

  /** One section in both objects; `undefined` where it means the same. Relocations that differ go to `relocations`. */
  compare(pair: SectionPair): SectionDiff | undefined {
    const changes = headerChanges(pair);
    const contents = this.#contents(pair);
    if (changes.length === 0 && contents.length === 0) return undefined;
    return {
      name: pair.new.name,
      status: 'changed',
      allocated: pair.new.isAllocated,
      oldSize: pair.old.sh_size,
      newSize: pair.new.sh_size,
      ...(changes.length === 0 ? {} : { changes }),
      ...(contents.length === 0 ? {} : { contents }),
    };
  }

  #contents(pair: SectionPair): ContentDiff[] {
    const kind = this.#new.side.kinds[pair.new.index]!;
    if (kind !== this.#old.side.kinds[pair.old.index]) return this.#whole(pair);
    if ((kind === 'strings' || kind === 'constants') && this.#whole(pair).length === 0) return [];
    switch (kind) {
      case 'strings':
        return multiset(stringsOf(this.#old, pair.old), stringsOf(this.#new, pair.new), s => quoted(s));
      case 'constants':
        return multiset(constantsOf(this.#old, pair.old), constantsOf(this.#new, pair.new), s => s);
      case 'toc':
        return this.#toc(pair);
      case 'versions':
        return compareVersions(versionsOf(this.#old.side, pair.old), versionsOf(this.#new.side, pair.new));
      case 'data':
        return pair.new.isAllocated || pair.old.isAllocated ? this.#data(pair) : this.#whole(pair);
      default:
        return [];
    }
  }

  #toc({ old, new: fresh }: SectionPair): ContentDiff[] {
    const entries = (references: References, section: Section) => {
      const meanings: number[] = [];
      for (let at = 0; at + 8 <= section.sh_size; at += 8) meanings.push(references.at(section.index, at));
      return meanings;
    };
    const before = entries(this.#old, old);
    const after = entries(this.#new, fresh);
    if (before.length === after.length && before.every((meaning, i) => meaning === after[i])) return [];
    const text = (meaning: number) => {
      const i = after.indexOf(meaning);
      const entry =
        i >= 0 ? this.#new.textAt(fresh.index, i * 8) : this.#old.textAt(old.index, before.indexOf(meaning) * 8);
      return entry.slice('.toc['.length, -1);
    };
    return multiset(before, after, text);
  }

  /** Bytes only, as one stretch: what is not loaded (debug information), or has become something else. */
  #whole({ old, new: fresh }: SectionPair): ContentDiff[] {
    const whole = (section: Section) => ({ section, start: 0, end: section.sh_size, title: section.name });
    return this.#bytes(whole(old), whole(fresh));
  }

  #data(pair: SectionPair): ContentDiff[] {
    if (this.#equalThroughout(pair)) return [];
    const found: ContentDiff[] = [];
    for (const { old, new: fresh } of this.#pairs.get(pair.new) ?? []) {
      if (old.section !== pair.old) continue;
      const a = { section: pair.old, ...range(this.#old.side, old), title: old.name };
      const b = { section: pair.new, ...range(this.#new.side, fresh), title: fresh.name };
      if (pair.new.hasContents || pair.old.hasContents) found.push(...this.#stretch(a, b));
    }
    if (pair.old.hasContents && pair.new.hasContents) this.#nameless(pair, found);
    return found;
  }

  #equalThroughout({ old, new: fresh }: SectionPair): boolean {
    if (old.sh_size !== fresh.sh_size || old.hasContents !== fresh.hasContents) return false;
    const a = this.#old.side.places(old.index);
    const b = this.#new.side.places(fresh.index);
    if (a.count !== b.count) return false;
    if (Buffer.compare(this.#old.side.image(old).bytes, this.#new.side.image(fresh).bytes) !== 0) return false;
    for (let i = 0; i < a.count; i++)
      if (a.offsets[i] !== b.offsets[i] || !this.#sameRelocation(i, i, old, fresh)) return false;
    return true;
  }

  #sameRelocation(i: number, j: number, old: Section, fresh: Section): boolean {
    const a = this.#old.relocation(this.#old.side.places(old.index), i);
    return this.#code.sameReference(a, this.#new.relocation(this.#new.side.places(fresh.index), j));
  }

  #stretch(a: Stretch, b: Stretch): ContentDiff[] {
    this.#relocations(a, b);
    return this.#bytes(a, b);
  }

  #bytes(a: Stretch, b: Stretch): ContentDiff[] {
    const x = this.#old.side.image(a.section).bytes.subarray(a.start, a.end);
    const y = this.#new.side.image(b.section).bytes.subarray(b.start, b.end);
    if (Buffer.compare(x, y) === 0) return [];
    let first = -1;
    let bytes = Math.abs(x.length - y.length);
    const most = Math.min(x.length, y.length);
    for (let i = 0; i < most; i++)
      if (x[i] !== y[i]) {
        if (first < 0) first = i;
        bytes++;
      }
    const offset = first < 0 ? most : first;
    return [
      {
        place: b.title,
        status: 'changed',
        offset,
        bytes,
        old: preview(this.#old.side, a, offset),
        new: preview(this.#new.side, b, offset),
      },
    ];
  }

  #relocations(a: Stretch, b: Stretch): void {
    const p = this.#old.side.places(a.section.index);
    const q = this.#new.side.places(b.section.index);
    let i = firstAt(p, a.start);
    let j = firstAt(q, b.start);
    const add = (old: number, fresh: number, delta: number) =>
      this.relocations.push({
        section: b.section.name,
        place: `${b.title}${distanceText(delta)}`,
        ...(old < 0 ? {} : { old: this.#old.relocationText(p, old) }),
        ...(fresh < 0 ? {} : { new: this.#new.relocationText(q, fresh) }),
      });
    for (;;) {
      const x = i < p.count && p.offsets[i]! < a.end ? p.offsets[i]! - a.start : Number.POSITIVE_INFINITY;
      const y = j < q.count && q.offsets[j]! < b.end ? q.offsets[j]! - b.start : Number.POSITIVE_INFINITY;
      if (x === Number.POSITIVE_INFINITY && y === Number.POSITIVE_INFINITY) return;
      if (x < y) add(i++, -1, x);
      else if (y < x) add(-1, j++, y);
      else {
        if (!this.#sameRelocation(i, j, a.section, b.section)) add(i, j, x);
        i++;
        j++;
      }
    }
  }

  /** Stretches without a name: the same contents anywhere are the same; the rest by the object in front. */
  #nameless({ old, new: fresh }: SectionPair, found: ContentDiff[]): void {
    const waiting = groupBy(namelessOf(this.#old, old), n => n.key);
    const left = namelessOf(this.#new, fresh).filter(n => waiting.get(n.key)?.shift() === undefined);
    const before = new Map<number, Nameless>();
    for (const n of [...waiting.values()].flat()) before.set(n.anchor, n);
    for (const n of left) {
      const opposite = before.get(n.anchor);
      if (opposite === undefined) found.push(alone('added', this.#new.side, n));
      else {
        before.delete(n.anchor);
        found.push(...this.#stretch(opposite, n));
      }
    }
    for (const n of before.values()) found.push(alone('removed', this.#old.side, n));
  }
}

interface Nameless extends Stretch {
  /** Number of the item in front. */
  readonly anchor: number;
  readonly key: string;
}

function alone(status: 'added' | 'removed', side: Side, n: Nameless): ContentDiff {
  const text = preview(side, n, 0);
  return { place: n.title, status, bytes: n.end - n.start, ...(status === 'added' ? { new: text } : { old: text }) };
}

function namelessOf(references: References, section: Section): Nameless[] {
  const { side } = references;
  const { bytes } = side.image(section);
  const list: Nameless[] = [];
  const add = (from: number, until: number, before: Item | undefined) => {
    const end = withoutZeros(side, section.index, from, until);
    let start = from;
    while (start < end && bytes[start] === 0 && !side.hasRelocation(section.index, start, start + 1)) start++;
    if (start >= end) return;
    const key = end - start > MOST_KEYED ? `at ${before?.number ?? 0}` : references.contentsText(section, start, end);
    const title = before === undefined ? `(start of ${section.name})` : `(behind ${before.name})`;
    list.push({ section, start, end, title, anchor: before?.number ?? 0, key });
  };
  let end = 0;
  let before: Item | undefined;
  for (const item of side.itemsIn(section.index)) {
    if (item.start > end) add(end, item.start, before);
    if (item.end >= end) before = item;
    end = Math.max(end, item.end);
  }
  if (section.sh_size > end) add(end, section.sh_size, before);
  return list;
}

function stringsOf(references: References, section: Section): string[] {
  const bytes = references.side.elf.contents(section);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('latin1')
    .split('\0')
    .filter(s => s !== '');
}

/** CRC by imported symbol. */
function versionsOf(side: Side, section: Section): Map<string, string> {
  const bytes = side.elf.contents(section);
  const versions = new Map<string, string>();
  for (let at = 0; at + VERSION_SIZE <= bytes.length; at += VERSION_SIZE) {
    const crc = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigUint64(0, true);
    const text = Buffer.from(bytes.subarray(at + 8, at + VERSION_SIZE)).toString('latin1');
    versions.set(text.replace(/\0.*$/s, ''), `0x${crc.toString(16)}`);
  }
  return versions;
}

function compareVersions(old: ReadonlyMap<string, string>, fresh: ReadonlyMap<string, string>): ContentDiff[] {
  const found: ContentDiff[] = [];
  for (const [name, crc] of fresh) {
    const before = old.get(name);
    if (before === undefined) found.push({ place: name, status: 'added', new: crc });
    else if (before !== crc) found.push({ place: name, status: 'changed', old: before, new: crc });
  }
  for (const [name, crc] of old) if (!fresh.has(name)) found.push({ place: name, status: 'removed', old: crc });
  return found;
}

function constantsOf(references: References, section: Section): string[] {
  const bytes = references.side.elf.contents(section);
  const list: string[] = [];
  for (let at = 0; at < bytes.length; at += section.sh_entsize)
    list.push(Buffer.from(bytes.subarray(at, at + section.sh_entsize)).toString('hex'));
  return list;
}

/** What only one of the two has, each as often as it has it more. */
function multiset<T>(old: readonly T[], fresh: readonly T[], text: (value: T) => string): ContentDiff[] {
  const counts = new Map<T, number>();
  for (const s of old) counts.set(s, (counts.get(s) ?? 0) - 1);
  for (const s of fresh) counts.set(s, (counts.get(s) ?? 0) + 1);
  const found: ContentDiff[] = [];
  for (const [s, n] of counts) {
    const times = Math.abs(n) > 1 ? `${Math.abs(n)} times ` : '';
    if (n < 0) found.push({ place: '', status: 'removed', old: times + text(s) });
    else if (n > 0) found.push({ place: '', status: 'added', new: times + text(s) });
  }
  return found;
}

const flagLetters: readonly (readonly [number, string])[] = [
  [0x1, 'W'],
  [0x2, 'A'],
  [0x4, 'X'],
  [0x10, 'M'],
  [0x20, 'S'],
  [0x40, 'I'],
  [0x80, 'L'],
  [0x100, 'O'],
  [0x200, 'G'],
  [0x400, 'T'],
];

/** Flags as readelf writes them, the rest as a number. */
function flagsText(flags: number): string {
  let rest = flags;
  let text = '';
  for (const [bit, letter] of flagLetters)
    if ((flags & bit) !== 0) {
      text += letter;
      rest &= ~bit;
    }
  if (rest !== 0) text += `${text === '' ? '' : '+'}0x${(rest >>> 0).toString(16)}`;
  return text === '' ? 'none' : text;
}

function headerChanges({ old, new: fresh }: SectionPair): FieldChange[] {
  const changes: FieldChange[] = [];
  const field = (name: string, a: string, b: string) => {
    if (a !== b) changes.push({ field: name, old: a, new: b });
  };
  field('type', `${old.sh_type}`, `${fresh.sh_type}`);
  field('flags', flagsText(old.sh_flags), flagsText(fresh.sh_flags));
  field('alignment', `${old.sh_addralign}`, `${fresh.sh_addralign}`);
  field('entry size', `${old.sh_entsize}`, `${fresh.sh_entsize}`);
  return changes;
}
