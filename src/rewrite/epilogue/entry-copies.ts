/**
 * Copies of r1 that are made while it still has its value at entry, T, as 6.1's compiler makes them for a `va_list`: `mr r9,r1`, then
 * `ld r6,40(r9)` and `addi r9,r9,40`. The copy of the function has the same T, so such words stay as they are, if the register is used for nothing
 * but what lies behind the caller's header, at T + 32 and above. T itself could as well be the end of the function's own frame, which moves.
 */
import { branchDisplacement, isBranch, isConditional, isDirectBranch, isLinking } from '../../ppc64/branches.ts';
import { memoryAccess, registersRead, registersWritten } from '../../ppc64/registers.ts';
import { type Body, HEADER, Unfollowed } from './frame.ts';

/** `mr rX,r1`, X not 1, where r1 is T. */
export function isEntryCopy(word: number, depth: number): boolean {
  return depth === 0 && (word & 0xffe0ffff) >>> 0 === 0x7c200b78 && ((word >>> 16) & 31) !== 1;
}

/**
 * @param depths of `frameDepths`
 * @throws Unfollowed where such a copy is used for something else, or may outlive a call or the function
 */
export function checkEntryCopies({ words, start, end, sideways, leaves }: Body, depths: Int32Array): void {
  /** By word: registers that may be T before it. */
  const masks = new Int32Array(depths.length);
  const work: number[] = [];
  const reach = (at: number, mask: number): void => {
    const i = (at - start) / 4;
    if (i >= masks.length || (masks[i]! | mask) === masks[i]) return;
    masks[i]! |= mask;
    work.push(at);
  };
  const step = (at: number): void => {
    const word = words[at / 4]!;
    const next = words[at / 4 + 1];
    const mask = masks[(at - start) / 4]!;
    for (const to of sideways(at)) reach(to, mask);
    if (isBranch(word)) {
      const stays = isDirectBranch(word) && !isLinking(word) && !leaves(at);
      if (mask !== 0 && !stays) throw new Unfollowed('a copy of r1 outlives a call or the function', at);
      if (stays) reach(at + branchDisplacement(word), mask);
      if (stays && isConditional(word)) reach(at + 4, mask);
      return;
    }
    if ((registersRead(word, next) & mask) !== 0 && !isAbove(word, next, mask))
      throw new Unfollowed('a copy of r1 is used for something else than arguments', at);
    const made = isEntryCopy(word, depths[(at - start) / 4]!) ? 1 << ((word >>> 16) & 31) : 0;
    reach(at + (word >>> 26 === 1 ? 8 : 4), (mask & ~registersWritten(word, next)) | made);
  };
  for (let at = start; at < end; at += 4) if (isEntryCopy(words[at / 4]!, depths[(at - start) / 4]!)) step(at);
  for (let at = work.pop(); at !== undefined; at = work.pop()) step(at);
}

/** Whether the word takes one of the registers as an address only, and of nothing below T + 32. */
function isAbove(word: number, next: number | undefined, mask: number): boolean {
  const base = (word >>> 16) & 31;
  if (word >>> 26 === 14) return (word << 16) >> 16 >= HEADER;
  const access = memoryAccess(word, next);
  if (word >>> 26 === 1 || access?.base !== base || access.displacement === undefined || access.size === undefined)
    return false;
  const stored = access.kind === 'store' ? 1 << ((word >>> 21) & 31) : 0;
  return access.displacement >= HEADER && (stored & mask) === 0;
}
