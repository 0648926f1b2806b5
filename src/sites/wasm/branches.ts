/** Branches: whether they enter another function, and finding those that the assembler or the linker resolved. */
import { GLOBAL, LOCAL, markOf, PART, PROFILER, RECORD, THUNK, unmark } from './memory';
import { codeWords, isImage } from './sections';

export let sites: u32 = 0;
export let recorded: u32 = 0;
export let local: u32 = 0;
export let external: u32 = 0;
export let sibling: u32 = 0;
export let indirect: u32 = 0;

const MFLR_R0: u32 = 0x7c0802a6;
const STD_R0_16_R1: u32 = 0xf8010010;

export function startCounts(): void {
  sites = recorded = local = external = sibling = indirect = 0;
  askedAt = -1;
  entry = -1;
}

/**
 * A profiling call at word `i` of the section at `code`, which is word `first + i` of the code.
 *
 * @returns whether it has the form of -mprofile-kernel, as all have that are counted here
 */
export function countSite(code: u32, i: u32, first: u32): bool {
  const at = code + 4 * i;
  if (i === 0) return false;
  if (load<u32>(at - 4) !== MFLR_R0) {
    if (i === 1 || load<u32>(at - 4) !== STD_R0_16_R1 || load<u32>(at - 8) !== MFLR_R0) return false;
  }
  sites++;
  recorded += markOf(first + i) & RECORD;
  // A second call at the same place finds no record any more.
  unmark(first + i, RECORD);
  return true;
}

export function countCall(toForeign: bool): void {
  if (toForeign) external++;
  else local++;
}

export function countForeignJump(): void {
  sibling++;
}

/** A jump from word to word is one to another function, unless it stays in the function or goes to a part of one. */
export function countJump(from: u32, target: u32): void {
  const marks = markOf(target);
  if ((marks & (GLOBAL | LOCAL)) === 0 || (marks & PART) !== 0) return;
  if (entryAt(from) !== entryNear(target)) sibling++;
}

/** The word that `entryAt` was asked for last, and what it found. */
let askedAt: i32 = -1;
let entry: i32 = -1;

/** The nearest global entry at `word` or before it, or -1. Whoever asks goes up through the code. */
function entryAt(word: i32): i32 {
  if (word < askedAt) askedAt = entry = -1;
  let at = word;
  while (at > askedAt && (markOf(at) & GLOBAL) === 0) at--;
  if (at > askedAt) entry = at;
  askedAt = word;
  return entry;
}

/** The same for a word that is an entry: the global one of a local entry is at most 16 words away. */
function entryNear(word: i32): i32 {
  let at = word;
  while (at >= 0 && (markOf(at) & GLOBAL) === 0) at--;
  return at;
}

/**
 * Counts resolved and indirect branches among `length` words at `code`, the first of them word `first` of the code.
 *
 * One word in six is a branch, and which one no processor can predict. So sixteen words at once are asked whether they are
 * worth a look, and only those get one. Opcodes 16 to 19 are looked for; the second word of a prefixed instruction is
 * never one of them (Power ISA 3.1, 1.6.3). A `b` or `bl` of displacement zero has a relocation, and `blr` only returns.
 *
 * @returns false where a profiling call has another form than -mprofile-kernel
 */
export function countWords(code: u32, length: u32, first: u32): bool {
  // Targets outside the section, in an image outside all code, are nobody's.
  const low = isImage ? 0 : i32(first);
  const high = isImage ? i32(codeWords) : i32(first + length);
  for (let block: u32 = 0; block < length; block += 16) {
    let found = sixteen(code + 4 * block);
    if (length - block < 16) found &= (1 << (length - block)) - 1;
    for (; found !== 0; found &= found - 1) if (!countWord(code, block + ctz(found), first, low, high)) return false;
  }
  return true;
}

/** A bit for each of sixteen words that is worth a look. Behind the last word of a file is room for fifteen more. */
function sixteen(at: u32): u32 {
  const four = i16x8.narrow_i32x4_s(worthALook(v128.load(at)), worthALook(v128.load(at, 16)));
  const more = i16x8.narrow_i32x4_s(worthALook(v128.load(at, 32)), worthALook(v128.load(at, 48)));
  return i8x16.bitmask(i8x16.narrow_i16x8_s(four, more));
}

/** All ones in the lanes whose words are worth a look. */
function worthALook(words: v128): v128 {
  const isBranch = i32x4.eq(v128.and(words, i32x4.splat(0xf0000000)), i32x4.splat(0x40000000));
  const isStill = i32x4.eq(v128.and(words, i32x4.splat(0xfffffffe)), i32x4.splat(0x48000000));
  const isReturn = i32x4.eq(words, i32x4.splat(0x4e800020));
  return v128.andnot(isBranch, v128.or(isStill, isReturn));
}

function countWord(code: u32, i: u32, first: u32, low: i32, high: i32): bool {
  const word = load<u32>(code + 4 * i);
  const opcode = word >>> 26;
  if (opcode === 19) {
    // The fourth word of a stub through `.branch_lt` only carries a call on.
    if (isIndirect(code, i, word) && (first + i < 3 || (markOf(first + i - 3) & THUNK) === 0)) indirect++;
    return true;
  }
  // `sc`, and branches to absolute addresses.
  if (opcode === 17 || (word & 2) !== 0) return true;
  const distance = opcode === 18 ? i32(word << 6) >> 8 : i32(word << 16) >> 18;
  const target = i32(first + i) + distance;
  if (target < low || target >= high) return true;
  const marks = markOf(target);
  if ((word & 1) === 0) {
    if ((marks & (GLOBAL | LOCAL | THUNK)) !== 0) countResolvedJump(first + i, target, marks);
    return true;
  }
  if ((markOf(first + i) & THUNK) !== 0) return true;
  // `bcl 20,31,.+4` only asks for its own address, and `bl .+4` too unless a function begins there.
  if (distance === 1 && (opcode === 16 || (marks & (GLOBAL | LOCAL)) === 0)) return true;
  if ((marks & PROFILER) !== 0) return countSite(code, i, first);
  local++;
  return true;
}

function countResolvedJump(from: u32, target: u32, marks: u32): void {
  if ((markOf(from) & THUNK) !== 0) return;
  if ((marks & THUNK) !== 0) sibling++;
  else countJump(from, target);
}

/** Whether an XL-form branch is an indirect call; `isIndirect` in `walk.ts` is the model and says why. */
function isIndirect(code: u32, i: u32, word: u32): bool {
  const form = (word >>> 1) & 0x3ff;
  // bclr, bcctr, bctar
  if (form !== 16 && form !== 528 && form !== 560) return false;
  if ((word & 1) !== 0) return true;
  if (form !== 528 || ((word >>> 21) & 0x14) !== 0x14) return false;
  const stop = code + 4 * (i < 16 ? 0 : i - 16);
  let at = code + 4 * i - 4;
  while (at >= stop && (load<u32>(at) & 0xfc1fffff) !== 0x7c0903a6) at -= 4;
  if (at < stop || ((load<u32>(at) >>> 21) & 31) !== 12) return false;
  for (at -= 4; at >= stop; at -= 4) {
    const before = load<u32>(at);
    // add r12,x,y: the sum of a jump table.
    if ((before & 0xffe007fe) === 0x7d800214) return false;
    // ld r12,d(x) or mr r12,x: a function pointer.
    if ((before & 0xffe00003) === 0xe9800000 || (before & 0xfc1f07fe) === 0x7c0c0378) return true;
  }
  return true;
}
