/**
 * Functions compared by what their words mean.
 *
 * 1. Strictly: the same words once relocated fields are blank, the same meanings, branches to the same distance or name. Most
 *    functions of two builds pass here, wherever they lie.
 * 2. What is left is aligned, with distances inside functions left out: an inserted word moves every branch over it.
 * 3. With all alignments known, each aligned pair of words is looked at again: a branch or a reference into a function
 *    is the same if it leads to the word that the alignment put opposite. So a part split off (`f.cold`) that jumps
 *    back into a changed `f` is itself unchanged.
 */
import { diff as shortestEdit } from 'fast-myers-diff';
import type { Item } from './items.ts';
import type { Matched, Pair } from './match.ts';
import { firstAt } from './places.ts';
import type { References } from './references.ts';
import { BRANCH, branchDistance, type Image, type Side } from './side.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A run of words that differ: [oldStart, oldEnd) against [newStart, newEnd), word numbers in the bodies. */
export interface Edit {
  readonly oldStart: number;
  readonly oldEnd: number;
  readonly newStart: number;
  readonly newEnd: number;
}

/** A function's words in its section. */
export interface Body {
  readonly item: Item;
  readonly image: Image;
  /** Number of the first word in the image, and how many. */
  readonly first: number;
  readonly count: number;
  /** Words before the global entry that belong to it: the TOC distance of large-model code. */
  readonly lead: number;
}

export interface ChangedPair {
  readonly pair: Pair;
  readonly old: Body;
  readonly new: Body;
  readonly edits: readonly Edit[];
  readonly unaligned: boolean;
}

export interface CodeComparison {
  readonly changed: readonly ChangedPair[];
  /** The same code at another offset or in another section. */
  readonly moved: readonly Pair[];
  readonly unchanged: readonly Pair[];
  /** Offset in the new function of the word opposite `delta` of item `number` in the old object, or -1. */
  map(number: number, delta: number): number;
}

/** Comparisons of words that aligning one pair, and all pairs together, may take. */
const MOST_STEPS = 4_000_000;
const MOST_STEPS_TOGETHER = 40_000_000;
/** Up to so many differing words in functions of one length, word for word is good enough. */
const FEW = 2;

const R_PPC64_REL64 = 44;

export function bodyOf(side: Side, item: Item): Body {
  const image = side.image(item.section);
  const limit = image.words.length;
  const start = Math.min(item.start >>> 2, limit);
  const count = Math.max(0, Math.min((item.end + 3) >>> 2, limit) - start);
  const lead = hasTocDistance(side, item) ? 2 : 0;
  return { item, image, first: start - lead, count: count + lead, lead };
}

/** Large-model code keeps `.quad .TOC.-f` in the 8 bytes before the global entry, outside `st_size`. */
function hasTocDistance(side: Side, item: Item): boolean {
  if (!item.isFunction || item.start < 8 || item.start % 4 !== 0) return false;
  const places = side.places(item.section.index);
  const i = firstAt(places, item.start - 8);
  return places.offsets[i] === item.start - 8 && places.types[i] === R_PPC64_REL64;
}

/** Word number in its body that the branch at word `i` goes to; it may lie outside. */
export function branchTarget(body: Body, i: number): number {
  return i + branchDistance(body.image.raw[body.first + i]!);
}

export class CodeComparer {
  readonly #vocabulary: Vocabulary;
  readonly #old: References;
  readonly #new: References;
  readonly #maps = new Map<number, { old: Body; new: Body; to: Int32Array }>();
  #steps = 0;

  constructor(vocabulary: Vocabulary, old: References, fresh: References) {
    this.#vocabulary = vocabulary;
    this.#old = old;
    this.#new = fresh;
  }

  compare(matched: Matched): CodeComparison {
    const moved: Pair[] = [];
    const unchanged: Pair[] = [];
    const aligned: { pair: Pair; old: Body; new: Body; edits: Edit[]; unaligned: boolean }[] = [];
    const settle = (pair: Pair) => (isInPlace(pair) ? unchanged : moved).push(pair);
    for (const pair of matched.pairs) {
      if (!pair.old.isCode) continue;
      const old = bodyOf(this.#old.side, pair.old);
      const fresh = bodyOf(this.#new.side, pair.new);
      if (this.#strictlyEqual(old, fresh)) settle(pair);
      else aligned.push({ pair, old, new: fresh, ...this.#align(old, fresh) });
    }
    for (const a of aligned) this.#maps.set(a.pair.number, { old: a.old, new: a.new, to: opposites(a) });
    const changed: ChangedPair[] = [];
    for (const a of aligned) {
      const edits = this.#verify(a);
      if (edits.length === 0) settle(a.pair);
      else changed.push({ ...a, edits });
    }
    return { changed, moved, unchanged, map: (number, delta) => this.#map(number, delta) };
  }

  #strictlyEqual(a: Body, b: Body): boolean {
    if (a.count !== b.count || a.lead !== b.lead) return false;
    const aw = a.image.words;
    const bw = b.image.words;
    const am = a.image.meanings;
    const bm = b.image.meanings;
    for (let i = 0, p = a.first, q = b.first; i < a.count; i++, p++, q++) {
      if (aw[p] !== bw[q] || am[p] !== bm[q]) return false;
      if (am[p] === BRANCH && !this.#sameBranch(a, i, b, i)) return false;
    }
    return true;
  }

  #sameBranch(a: Body, i: number, b: Body, j: number): boolean {
    const at = branchTarget(a, i);
    const bt = branchTarget(b, j);
    const inside = at >= 0 && at < a.count;
    if (inside !== (bt >= 0 && bt < b.count)) return false;
    return inside ? at === bt : this.#outside(this.#old, a, at) === this.#outside(this.#new, b, bt);
  }

  #outside(references: References, body: Body, target: number): number {
    return references.at(body.item.section.index, (body.first + target) * 4);
  }

  #looselyEqual(a: Body, i: number, b: Body, j: number): boolean {
    const p = a.first + i;
    const q = b.first + j;
    if (a.image.words[p] !== b.image.words[q]) return false;
    const m = a.image.meanings[p]!;
    const n = b.image.meanings[q]!;
    if (m === n && m !== BRANCH) return true;
    const v = this.#vocabulary;
    if (m !== BRANCH && n !== BRANCH) return v.item(m) !== 0 && v.loose(m) === v.loose(n);
    if (m !== n) return false;
    const at = branchTarget(a, i);
    const bt = branchTarget(b, j);
    const inside = at >= 0 && at < a.count;
    if (inside !== (bt >= 0 && bt < b.count)) return false;
    return inside || v.loose(this.#outside(this.#old, a, at)) === v.loose(this.#outside(this.#new, b, bt));
  }

  #align(a: Body, b: Body): { edits: Edit[]; unaligned: boolean } {
    const positional = a.count === b.count && a.lead === b.lead ? this.#positional(a, b) : undefined;
    if (positional !== undefined && changedWords(positional) <= FEW) return { edits: positional, unaligned: false };
    const allowed = Math.min(MOST_STEPS, MOST_STEPS_TOGETHER - this.#steps);
    let steps = 0;
    const equal = (i: number, j: number) => {
      if (++steps > allowed) throw new TooFarApart();
      return this.#looselyEqual(a, i, b, j);
    };
    let edits: Edit[] = [];
    try {
      for (const [oldStart, oldEnd, newStart, newEnd] of shortestEdit({ length: a.count }, { length: b.count }, equal))
        edits.push({ oldStart, oldEnd, newStart, newEnd });
    } catch (error) {
      if (!(error instanceof TooFarApart)) throw error;
      this.#steps += steps;
      return { edits: positional ?? [this.#middle(a, b)], unaligned: true };
    }
    this.#steps += steps;
    if (positional !== undefined && changedWords(positional) <= changedWords(edits)) edits = positional;
    return { edits, unaligned: false };
  }

  /** Word for word, for functions of one length. */
  #positional(a: Body, b: Body): Edit[] {
    const edits: Edit[] = [];
    for (let i = 0; i < a.count; i++) if (!this.#looselyEqual(a, i, b, i)) extend(edits, i, i + 1, i, i + 1);
    return edits;
  }

  /** All between the first and the last difference. */
  #middle(a: Body, b: Body): Edit {
    const most = Math.min(a.count, b.count);
    let start = 0;
    while (start < most && this.#looselyEqual(a, start, b, start)) start++;
    let tail = 0;
    while (tail < most - start && this.#looselyEqual(a, a.count - 1 - tail, b, b.count - 1 - tail)) tail++;
    return { oldStart: start, oldEnd: a.count - tail, newStart: start, newEnd: b.count - tail };
  }

  /** The edits, and the aligned words that turn out to differ, in order. */
  #verify({ old, new: fresh, edits }: { old: Body; new: Body; edits: readonly Edit[] }): Edit[] {
    const all: Edit[] = [];
    const equalRun = (i: number, j: number, length: number) => {
      for (let n = 0; n < length; n++)
        if (!this.#sameMeaning(old, i + n, fresh, j + n)) extend(all, i + n, i + n + 1, j + n, j + n + 1);
    };
    let i = 0;
    let j = 0;
    for (const edit of edits) {
      equalRun(i, j, edit.oldStart - i);
      extend(all, edit.oldStart, edit.oldEnd, edit.newStart, edit.newEnd);
      i = edit.oldEnd;
      j = edit.newEnd;
    }
    equalRun(i, j, old.count - i);
    return all;
  }

  #sameMeaning(a: Body, i: number, b: Body, j: number): boolean {
    const m = a.image.meanings[a.first + i]!;
    if (m !== BRANCH) return this.sameReference(m, b.image.meanings[b.first + j]!);
    const at = branchTarget(a, i);
    const bt = branchTarget(b, j);
    if (at < 0 || at >= a.count)
      return this.sameReference(this.#outside(this.#old, a, at), this.#outside(this.#new, b, bt));
    return this.#maps.get(a.item.number)?.to[at] === bt;
  }

  /** Whether two meanings are the same once changed functions are aligned. */
  sameReference(old: number, fresh: number): boolean {
    if (old === fresh) return true;
    const v = this.#vocabulary;
    const number = v.item(old);
    if (number === 0 || number !== v.item(fresh) || v.loose(old) !== v.loose(fresh)) return false;
    return this.#map(number, v.delta(old)) === v.delta(fresh);
  }

  #map(number: number, delta: number): number {
    const map = this.#maps.get(number);
    if (map === undefined) return delta;
    const at = map.to[map.old.lead + (delta >> 2)];
    return at === undefined || at < 0 ? -1 : (at - map.new.lead) * 4 + (delta & 3);
  }
}

class TooFarApart extends Error {}

function isInPlace({ old, new: fresh }: Pair): boolean {
  return old.start === fresh.start && old.section.name === fresh.section.name && old.name === fresh.name;
}

function changedWords(edits: readonly Edit[]): number {
  return edits.reduce((n, e) => n + e.oldEnd - e.oldStart + e.newEnd - e.newStart, 0);
}

/** Adds an edit, joined to the last one where they touch. */
function extend(edits: Edit[], oldStart: number, oldEnd: number, newStart: number, newEnd: number): void {
  const last = edits.at(-1);
  if (last !== undefined && last.oldEnd === oldStart && last.newEnd === newStart)
    edits[edits.length - 1] = { oldStart: last.oldStart, oldEnd, newStart: last.newStart, newEnd };
  else edits.push({ oldStart, oldEnd, newStart, newEnd });
}

/** For each word of the old body the number of the one opposite it, or -1. One more for the end. */
function opposites({ old, new: fresh, edits }: { old: Body; new: Body; edits: readonly Edit[] }): Int32Array {
  const to = new Int32Array(old.count + 1).fill(-1);
  let i = 0;
  let j = 0;
  for (const edit of [
    ...edits,
    { oldStart: old.count, oldEnd: old.count, newStart: fresh.count, newEnd: fresh.count },
  ]) {
    for (; i < edit.oldStart; i++, j++) to[i] = j;
    // Words that were replaced one for one stand opposite each other as well.
    if (edit.oldEnd - edit.oldStart === edit.newEnd - edit.newStart)
      for (let n = 0; n < edit.oldEnd - edit.oldStart; n++) to[edit.oldStart + n] = edit.newStart + n;
    i = edit.oldEnd;
    j = edit.newEnd;
  }
  to[old.count] = fresh.count;
  return to;
}
