/**
 * `mr rX,r1` while r1 is what it was at entry (T): function and copy get the same address, and in both it has to be one of the caller's frame, behind
 * its header. Each such register is followed along all paths until it is written; whoever reads it adds 32 or more to it, or loads or stores
 * that far above it; and no call, no jump and no return sees it.
 */
import { memoryAccess, readsRegister, writesRegister } from '../ppc64/registers.ts';
import type { SectionOffset } from '../util/indexes.ts';

/** Bytes of the caller's frame that are no arguments (ELFv2, 2.2.3). */
const CALLERS_HEADER = 32;

/** The register that gets r1, if the word is such a copy. */
export function copyOfStackPointer(word: number): number | undefined {
  const [source, target, other] = [(word >>> 21) & 31, (word >>> 16) & 31, (word >>> 11) & 31];
  const isMove = word >>> 26 === 31 && (word & 0x7ff) === 0x378;
  return isMove && source === 1 && other === 1 && target !== 1 ? target : undefined;
}

export interface Ways {
  readonly words: Uint32Array;
  /** Where control goes from a place that is no call, return or jump to elsewhere; `undefined` from those. */
  readonly after: (at: SectionOffset) => readonly SectionOffset[] | undefined;
}

/**
 * @param at place of the copy
 * @returns the place of a use that is not an argument's
 */
export function wrongUse({ words, after }: Ways, at: SectionOffset): SectionOffset | undefined {
  const register = copyOfStackPointer(words[at / 4]!)!;
  const seen = new Set<SectionOffset>();
  const work = [...(after(at) ?? [])];
  for (let place = work.pop(); place !== undefined; place = work.pop()) {
    if (seen.has(place)) continue;
    seen.add(place);
    const word = words[place / 4]!;
    const next = words[place / 4 + 1];
    const ways = after(place);
    if (ways === undefined) return place;
    const opcode = word >>> 26;
    const isBranch = opcode === 18 || opcode === 16;
    if (!isBranch && readsRegister(word, register, next) && !isOfArguments(word, next, register)) return place;
    if (isBranch || !writesRegister(word, register, next)) work.push(...ways);
  }
  return undefined;
}

function isOfArguments(word: number, next: number | undefined, register: number): boolean {
  const opcode = word >>> 26;
  const displacement = (word << 16) >> 16;
  if (opcode === 1 || ((word >>> 16) & 31) !== register) return false;
  if (opcode === 14) return displacement >= CALLERS_HEADER;
  const access = memoryAccess(word, next);
  const isStored = access?.kind === 'store' && ((word >>> 21) & 31) === register;
  return access?.base === register && !isStored && (access.displacement ?? -1) >= CALLERS_HEADER;
}
