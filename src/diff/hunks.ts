/** From the edits of a changed function to hunks: the words that differ with a few around them, and their names. */
import { isPrefix, prefixedIndex } from '../ppc64/decode.ts';
import { type Body, branchTarget, type ChangedPair, type Edit } from './code.ts';
import type { Hunk, HunkWord } from './model.ts';
import { firstAt } from './places.ts';
import { distanceText, type References } from './references.ts';
import { BRANCH } from './side.ts';

/** Words before and behind a difference. */
const CONTEXT = 3;

/** Groups edits whose context would touch. */
function groups(edits: readonly Edit[], context: number): Edit[][] {
  const all: Edit[][] = [];
  for (const edit of edits) {
    const last = all.at(-1)?.at(-1);
    if (last !== undefined && edit.oldStart - last.oldEnd <= 2 * context) all.at(-1)!.push(edit);
    else all.push([edit]);
  }
  return all;
}

/** Numbers of the words that are the second half of an instruction of eight bytes. */
function suffixes(body: Body): Set<number> {
  const found = new Set<number>();
  for (let i = 0; i + 1 < body.count; i++) {
    const word = body.image.raw[body.first + i]!;
    if (isPrefix(word) && prefixedIndex(word, body.image.raw[body.first + i + 1]!) >= 0) found.add(++i);
  }
  return found;
}

class Reader {
  readonly #body: Body;
  readonly #references: References;
  readonly #suffixes: Set<number>;

  constructor(body: Body, references: References) {
    this.#body = body;
    this.#references = references;
    this.#suffixes = suffixes(body);
  }

  offset(i: number): number {
    return (i - this.#body.lead) * 4;
  }

  word(op: HunkWord['op'], i: number, oldOffset?: number): HunkWord {
    const { image, first, count } = this.#body;
    const word = image.raw[first + i]!;
    const isSuffix = this.#suffixes.has(i);
    const relocation = this.#relocation(i);
    const target = this.#target(i);
    return {
      op,
      offset: this.offset(i),
      ...(oldOffset === undefined ? {} : { oldOffset }),
      word,
      ...(isPrefix(word) && !isSuffix && i + 1 < count ? { next: image.raw[first + i + 1]! } : {}),
      ...(isSuffix ? { suffix: true as const } : {}),
      ...(relocation === '' ? {} : { relocation }),
      ...(target === undefined ? {} : { target }),
    };
  }

  #relocation(i: number): string {
    const start = (this.#body.first + i) * 4;
    const places = this.#references.side.places(this.#body.item.section.index);
    const texts: string[] = [];
    for (let r = firstAt(places, start); r < places.count && places.offsets[r]! < start + 4; r++)
      texts.push(this.#references.relocationText(places, r));
    return texts.join(', ');
  }

  #target(i: number): string | undefined {
    const { image, first, count, item } = this.#body;
    if (image.meanings[first + i] !== BRANCH) return this.#relocatedTarget(i);
    const target = branchTarget(this.#body, i);
    if (target >= 0 && target < count) return `+0x${Math.max(0, this.offset(target)).toString(16)}`;
    return this.#references.textAt(item.section.index, (first + target) * 4);
  }

  /** Where a branch with a relocation goes. */
  #relocatedTarget(i: number): string | undefined {
    const { image, first, item } = this.#body;
    const opcode = image.raw[first + i]! >>> 26;
    if (opcode !== 18 && opcode !== 16) return undefined;
    const start = (first + i) * 4;
    const places = this.#references.side.places(item.section.index);
    const r = firstAt(places, start);
    if (r >= places.count || places.offsets[r]! !== start) return undefined;
    return this.#references.text(places.symbols[r]!, places.addends[r]!) || distanceText(0);
  }
}

/** The hunks of a changed function. */
export function hunksOf(changed: ChangedPair, old: References, fresh: References, context = CONTEXT): Hunk[] {
  const before = new Reader(changed.old, old);
  const after = new Reader(changed.new, fresh);
  return groups(changed.edits, context).map(group => {
    const first = group[0]!;
    const last = group.at(-1)!;
    // What stands before the global entry is shown only if it differs.
    const room = first.oldStart >= changed.old.lead ? changed.old.lead : 0;
    const lead = Math.min(context, first.oldStart - room, first.newStart - Math.min(room, first.newStart));
    const tail = Math.min(context, changed.old.count - last.oldEnd, changed.new.count - last.newEnd);
    let i = first.oldStart - lead;
    let j = first.newStart - lead;
    const words: HunkWord[] = [];
    const hunk = { oldOffset: before.offset(i), newOffset: after.offset(j), words };
    const equal = (until: number) => {
      for (; i < until; i++, j++) words.push(after.word(' ', j, before.offset(i)));
    };
    for (const edit of group) {
      equal(edit.oldStart);
      for (; i < edit.oldEnd; i++) words.push(before.word('-', i));
      for (; j < edit.newEnd; j++) words.push(after.word('+', j));
    }
    equal(last.oldEnd + tail);
    return hunk;
  });
}
