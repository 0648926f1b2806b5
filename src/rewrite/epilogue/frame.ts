/**
 * Where r1 stands at each word of a function, and what becomes of a word where the frame grows by SHIFT bytes at its top.
 *
 * With T = r1 at entry, whatever lies below T moves down by SHIFT, and T - 8 becomes free for the caller's r2. What lies at T and
 * above, the frame of the caller, stays where it is. An address that is formed below T is one of this function's own frame, as C
 * requires of pointers into objects.
 */
import { branchDisplacement, isBranch, isConditional, isDirectBranch, isLinking } from '../../ppc64/branches.ts';
import { memoryAccess, readsRegister, writesRegister } from '../../ppc64/registers.ts';
import { isEntryCopy } from './entry-copies.ts';

/** Bytes by which the frame grows: r1 stays a multiple of 16 (ELFv2, 2.2.2.1). */
export const SHIFT = 16;
/** The back chain, CR and LR save slots and the TOC save slot of the caller's frame end here (2.2.3). */
export const HEADER = 32;
/** Below r1, what interrupts leave alone (2.2.3.4). */
const PROTECTED = 288;

/** What cannot be followed, for a refusal. */
export class Unfollowed extends Error {
  readonly offset: number;

  constructor(what: string, offset: number) {
    super(what);
    this.offset = offset;
  }
}

const NOP = 0x60000000;
/** Not reached. */
const NOWHERE = -1;

export interface Body {
  /** Words of the section. */
  readonly words: Uint32Array;
  /** Bytes from the start of the section: the local entry, and one past the last word. */
  readonly start: number;
  readonly end: number;
  /** Places where control may go besides what the word at an offset says. */
  readonly sideways: (offset: number) => readonly number[];
  /** Whether a relocation leads the branch at an offset out of the body. */
  readonly leaves: (offset: number) => boolean;
}

/** Bytes that r1 is below its value at entry, before each word; -1 where no path leads. */
export function frameDepths({ words, start, end, sideways, leaves }: Body): Int32Array {
  const depths = new Int32Array((end - start) / 4).fill(NOWHERE);
  const work: number[] = [];
  const reach = (at: number, depth: number, from: number): void => {
    if (at < start || at >= end) throw new Unfollowed('control runs out of the function', from);
    const i = (at - start) / 4;
    if (depths[i] === depth) return;
    if (depths[i] !== NOWHERE) throw new Unfollowed('two paths meet with frames of different size', at);
    depths[i] = depth;
    work.push(at);
  };
  reach(start, 0, start);
  for (let at = work.pop(); at !== undefined; at = work.pop()) {
    const word = words[at / 4]!;
    let depth = depths[(at - start) / 4]!;
    for (const to of sideways(at)) reach(to, depth, at);
    if (isBranch(word) && !isLinking(word)) {
      if (isDirectBranch(word) && !leaves(at)) reach(at + branchDisplacement(word), depth, at);
      if (!isConditional(word)) continue;
    } else depth = depthBehind(word, words[at / 4 + 1], depth, at);
    const next = at + (word >>> 26 === 1 ? 8 : 4);
    if (next === end && endsInCall(words, end)) continue;
    reach(next, depth, at);
  }
  return depths;
}

/** A call that does not come back may be the last word, or the last but the nop for its load of r2. */
export function endsInCall(words: Uint32Array, end: number): boolean {
  const last = words[end / 4 - 1]!;
  return isLinking(last === NOP ? words[end / 4 - 2]! : last);
}

function depthBehind(word: number, next: number | undefined, depth: number, at: number): number {
  if (isBranch(word) || !writesRegister(word, 1, next)) return depth;
  const makes = (word & 0xffff0003) >>> 0 === 0xf8210001 ? -(((word & 0xfffc) << 16) >> 16) : 0;
  if (makes > 0 && depth === 0) return makes;
  const ends = (word & 0xffff0000) >>> 0 === 0x38210000 ? (word << 16) >> 16 : 0;
  if (depth > 0 && (ends === depth || word === 0xe8210000)) return 0;
  throw new Unfollowed('r1 changes in a way that is not followed', at);
}

/**
 * The word that does the same with the larger frame.
 *
 * @param own whether it was shown that the function leaves its caller's frame alone above the header: then sums of r1 and an
 *   index are addresses of its own frame
 */
export function shifted(word: number, next: number | undefined, depth: number, own: boolean, at: number): number {
  if (isBranch(word) || !(readsRegister(word, 1, next) || writesRegister(word, 1, next))) return word;
  const fail = (what: string): never => {
    throw new Unfollowed(what, at);
  };
  if (writesRegister(word, 1, next)) {
    if (word === 0xe8210000) return word;
    return moved(word, (word & 0xffff0003) >>> 0 === 0xf8210001 ? -SHIFT : SHIFT, at);
  }
  const opcode = word >>> 26;
  const rt = (word >>> 21) & 31;
  const ra = (word >>> 16) & 31;
  const access = memoryAccess(word, next);
  if (opcode === 31 && isEntryCopy(word, depth)) return word;
  if (opcode === 31)
    return own && ra !== rt && isSum(word, access !== undefined) ? word : fail('r1 is copied or computed with');
  const isStore = access?.kind === 'store' && (opcode < 48 || opcode === 62);
  if (isStore && rt === 1) return fail('r1 is stored');
  if (opcode === 14 && ra === 1) {
    const from = ((word << 16) >> 16) - depth;
    if (from >= 0 && from < HEADER) return fail("the address of the caller's frame is taken");
    return moved(word, shiftOf(from, depth), at);
  }
  if (
    opcode === 1 ||
    access?.base !== 1 ||
    access.displacement === undefined ||
    access.size === undefined ||
    access.updates
  )
    return fail('r1 is used in a way that is not followed');
  const from = access.displacement - depth;
  if (from < 0 && from + access.size > 0) return fail('an access lies across the end of the frame');
  if (depth === 0 && from < SHIFT - PROTECTED) return fail('the room below r1 does not suffice');
  return moved(word, shiftOf(from, depth), at);
}

/** By how much a displacement from r1 changes, if it leads to T + from while r1 is T - depth. */
function shiftOf(from: number, depth: number): number {
  if (from < 0) return depth === 0 ? -SHIFT : 0;
  return depth === 0 ? 0 : SHIFT;
}

/** SHIFT is a multiple of 16, so the bits that DS and DQ forms keep below the displacement stay. */
function moved(word: number, by: number, at: number): number {
  const displacement = ((word << 16) >> 16) + by;
  if (displacement < -0x8000 || displacement > 0x7fff) throw new Unfollowed('the frame is too large', at);
  return ((word & 0xffff0000) | (displacement & 0xffff)) >>> 0;
}

/** `add rT,rA,rB`, or an indexed load or store that leaves its base alone, with r1 as an address and not as what is stored. */
function isSum(word: number, isAccess: boolean): boolean {
  const xo = (word >>> 1) & 0x3ff;
  if (xo === 266) return true;
  return isAccess && ((word >>> 21) & 31) !== 1 && (xo & 0x3ff) !== 181;
}
