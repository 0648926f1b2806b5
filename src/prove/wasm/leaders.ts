/** Where control may come in: `prove/leaders.ts`. */
import {
  addMark,
  CODE,
  EDGE_SIZE,
  EXTRA,
  edges,
  edgesEnd,
  functions,
  GLOBAL,
  isCode,
  LEADER,
  LOCAL,
  locals,
  markOf,
  SITE,
  STUB,
  wordAt,
  words,
} from './subject';

const BCTR: u32 = 0x4e80_0420;
/** `b` that does not link, and its mask. */
const BRANCH: u32 = 0x4800_0000;
const BRANCH_MASK: u32 = 0xfc00_0003;

/** Marks every place where a block begins. */
export function markLeaders(): void {
  let hasBranchInData = false;
  for (let i: u32 = 0; i < words; i++) {
    const word = wordAt(i);
    if (!isBranch(word)) continue;
    const mark = markOf(i) & (CODE | STUB);
    if ((mark & CODE) !== 0) markTarget(i, word);
    else if (mark === STUB) hasBranchInData = true;
  }
  if (hasBranchInData && isDataInReach())
    for (let i: u32 = 0; i < words; i++) if (isData(i) && isBranch(wordAt(i))) markTarget(i, wordAt(i));
  const last = edgesEnd();
  for (let at = edges; at < last; at += EDGE_SIZE) {
    const target = load<i32>(at, 8);
    if (isCode(target)) addMark(u32(target) >>> 2, LEADER);
  }
  for (let i: u32 = 0; i < functions; i++) addMark(load<u32>(locals + 4 * i) >>> 2, LEADER);
}

function markTarget(from: u32, word: u32): void {
  const to = from + distance(word);
  if (to < words) addMark(to, LEADER);
}

function isBranch(word: u32): bool {
  const opcode = word >>> 26;
  return (opcode === 18 || opcode === 16) && (word & 2) === 0;
}

/** In words. */
function distance(word: u32): i32 {
  return word >>> 26 === 18 ? (i32(word) << 6) >> 8 : (i32(word & 0xfffc) << 16) >> 18;
}

function isData(at: u32): bool {
  return at < words && (markOf(at) & (CODE | STUB)) === STUB;
}

/** Nothing goes on behind it, and no table says otherwise. */
function isEnd(at: u32): bool {
  if ((markOf(at) & (CODE | EXTRA | SITE)) !== CODE || (at > 0 && wordAt(at - 1) >>> 26 === 1)) return false;
  return wordAt(at) === BCTR || (wordAt(at) & BRANCH_MASK) === BRANCH;
}

/** Whether a branch of the code, a table, an entry or the word in front leads to data of some stub. */
function isDataInReach(): bool {
  for (let i: u32 = 0; i < words; i++) {
    const mark = markOf(i);
    if (!isData(i)) {
      if ((mark & CODE) !== 0 && isBranch(wordAt(i)) && isData(i + distance(wordAt(i)))) return true;
      continue;
    }
    if ((mark & (GLOBAL | LOCAL | EXTRA | SITE)) !== 0) return true;
    if (i === 0 || !(isData(i - 1) || isEnd(i - 1))) return true;
  }
  const last = edgesEnd();
  for (let at = edges; at < last; at += EDGE_SIZE)
    if (isData(u32(load<i32>(at)) >>> 2) || isData(u32(load<i32>(at, 8)) >>> 2)) return true;
  return false;
}
