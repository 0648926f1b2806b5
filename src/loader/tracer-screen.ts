/**
 * The tracer's recorded places, for `checkOnly`: each record names code that will look as the tracer expects it when the
 * relocations are done. See `screen.ts`.
 */
import { MFLR_R0, NOP, STD_R0_16_R1 } from '../ppc64/words.ts';
import { isBranchAndLink } from './branch-words.ts';
import { R_PPC64_ADDR64, R_PPC64_REL24, R_PPC64_REL64, R_PPC64_TOC } from './relocation-numbers.ts';
import { RELA_WORDS, Screen } from './screen.ts';
import { type LoadState, NeedsImage } from './state.ts';
import type { ScreenedRegion } from './tables-screen.ts';

const MCOUNT = new TextEncoder().encode('_mcount\0');
const RECORD = 8;
const DOUBLEWORDS: ReadonlySet<number> = new Set([R_PPC64_ADDR64, R_PPC64_REL64, R_PPC64_TOC]);

/** The relocations of the section that records name, walked along with the records. */
interface Cursor {
  readonly section: number;
  /** Words: the section's first, its relocations' first, next and end. */
  readonly text: number;
  readonly first: number;
  at: number;
  readonly end: number;
  /** Bytes: the place of the record before; records that do not ascend may be doubled. */
  before: number;
  /** The symbol that is `_mcount`, once it is known. */
  mcount: number;
}

/** @throws NeedsImage */
export function screenRecords(state: LoadState, table: number, regions: readonly ScreenedRegion[]): void {
  const { patchableFunctionEntry, mprofileKernel, ftraceOutOfLine } = state.kernel.options;
  if (!patchableFunctionEntry && !mprofileKernel) throw new NeedsImage();
  const screen = new Screen(state);
  const { words } = screen;
  const [first, end] = screen.relocations(table);
  const count = Math.floor(state.headers.size[table]! / RECORD);
  if (end - first !== count * RELA_WORDS) throw new NeedsImage();
  const nops = ftraceOutOfLine ? 1 : 2;
  // The word in front of a call, or the nops.
  const [before, behind] = patchableFunctionEntry ? [0, nops * 4] : [4, 4];
  const cursors: Cursor[] = [];
  let cursor: Cursor | undefined;
  for (let i = 0, at = first; i < count; i++, at += RELA_WORDS) {
    if (words[at] !== i * RECORD || words[at + 1] !== 0 || words[at + 2] !== R_PPC64_ADDR64) throw new NeedsImage();
    const offset = screen.target(at, before, behind);
    if (cursor === undefined || cursor.section !== screen.section) cursor = cursorFor(screen, cursors);
    if (offset % 4 !== 0 || offset <= cursor.before) throw new NeedsImage();
    cursor.before = offset;
    for (const region of regions)
      if (region.section === cursor.section && offset >= region.start && offset < region.end) throw new NeedsImage();
    const isGood = patchableFunctionEntry ? isNops(screen, cursor, offset, nops) : isCall(screen, cursor, offset);
    if (!isGood) throw new NeedsImage();
  }
}

function cursorFor(screen: Screen, cursors: Cursor[]): Cursor {
  const { section } = screen;
  const known = cursors.find(c => c.section === section);
  if (known !== undefined) return known;
  if (!screen.isCode) throw new NeedsImage();
  const [at, end] = screen.relocations(section);
  const made = { section, text: screen.wordAt(section), first: at, at, end, before: -1, mcount: -1 };
  cursors.push(made);
  return made;
}

/**
 * Moves to the first relocation at or behind `offset`.
 *
 * @returns whether the relocations ascend up to there
 */
function advance(words: Uint32Array, cursor: Cursor, offset: number): boolean {
  const { first, end } = cursor;
  let { at } = cursor;
  let last = at > first ? words[at - RELA_WORDS]! : 0;
  while (at < end && words[at]! < offset) {
    if (words[at]! < last) return false;
    last = words[at]!;
    at += RELA_WORDS;
  }
  cursor.at = at;
  return true;
}

/** mflr r0 (or the store of it); bl _mcount, which a relocation leads to the kernel. */
function isCall(screen: Screen, cursor: Cursor, offset: number): boolean {
  const { words } = screen;
  const word = cursor.text + offset / 4;
  if (!isBranchAndLink(words[word]!) || (words[word - 1] !== MFLR_R0 && words[word - 1] !== STD_R0_16_R1)) return false;
  if (!advance(words, cursor, offset)) return false;
  const { at, end, first } = cursor;
  if (at >= end || words[at] !== offset || words[at + 2] !== R_PPC64_REL24) return false;
  if (at > first && words[at - RELA_WORDS]! > offset - 8) return false;
  // Nothing else may write to the same word.
  if (at + RELA_WORDS < end && words[at + RELA_WORDS]! < offset + 4) return false;
  return (words[at + 4]! | words[at + 5]!) === 0 && isMcount(screen, cursor, words[at + 3]!);
}

/** Whether the symbol is the undefined `_mcount`; all calls of a section share it. */
function isMcount(screen: Screen, cursor: Cursor, symbol: number): boolean {
  if (cursor.mcount === symbol) return true;
  if (!screen.isImport(symbol) || !screen.hasName(symbol, MCOUNT)) return false;
  cursor.mcount = symbol;
  return true;
}

/** One or two nops that no relocation changes, not even as the nop behind a call. */
function isNops(screen: Screen, cursor: Cursor, offset: number, nops: number): boolean {
  const { words } = screen;
  const word = cursor.text + offset / 4;
  for (let i = 0; i < nops; i++) if (words[word + i] !== NOP) return false;
  // A doubleword may begin up to seven bytes in front.
  if (!advance(words, cursor, offset - 7)) return false;
  for (let { at } = cursor; at < cursor.end && words[at]! < offset + nops * 4; at += RELA_WORDS) {
    if (words[at]! >= offset || DOUBLEWORDS.has(words[at + 2]!)) return false;
    if (words[at + 2] === R_PPC64_REL24 && screen.isImport(words[at + 3]!)) return false;
  }
  return true;
}
