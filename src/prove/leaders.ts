/**
 * Where control may come in: what branches lead to. A word of code that reads as one is taken for one, whoever executes it. What the
 * loader puts beside the instructions of its stubs (the word `stub`, an address) is a part of a stub and not marked as code. It reads
 * as a branch by chance, and counts as one all the same wherever something might lead to any of it.
 */
import { CODE, EXTRA, GLOBAL, LEADER, LOCAL, type ProofSubject, SITE, STUB } from './subject.ts';

export type BranchingObject = Pick<ProofSubject, 'code' | 'marks' | 'edges'>;

const BCTR = 0x4e800420;
/** `b` that does not link, and its mask. */
const BRANCH = 0x48000000;
const BRANCH_MASK = 0xfc000003;

/** Marks every place where a block begins. */
export function markLeaders(object: BranchingObject & Pick<ProofSubject, 'functions'>): void {
  const { marks, edges, functions } = object;
  const words = marks.length;
  eachBranch(object, (_, to) => {
    if (to >= 0 && to < words) marks[to]! |= LEADER;
  });
  for (const list of edges.values())
    for (const { target } of list) {
      const at = target >> 2;
      if ((target & 3) === 0 && at >= 0 && at < words && (marks[at]! & CODE) !== 0) marks[at]! |= LEADER;
    }
  for (let i = 0; i < functions.count; i++) marks[functions.local[i]! >> 2]! |= LEADER;
}

/** Tells of each branch from which word it leads to which one, counted from the origin. */
export function eachBranch(object: BranchingObject, tell: (from: number, to: number) => void): void {
  const { code, marks } = object;
  const inData: number[] = [];
  for (let i = 0; i < code.length; i++) {
    const word = code[i]!;
    if (!isBranch(word)) continue;
    const mark = marks[i]! & (CODE | STUB);
    if ((mark & CODE) !== 0) tell(i, i + distance(word));
    else if (mark === STUB) inData.push(i);
  }
  if (inData.length > 0 && isDataInReach(object)) for (const i of inData) tell(i, i + distance(code[i]!));
}

function isBranch(word: number): boolean {
  const opcode = word >>> 26;
  return (opcode === 18 || opcode === 16) && (word & 2) === 0;
}

/** In words. */
function distance(word: number): number {
  return word >>> 26 === 18 ? (word << 6) >> 8 : ((word & 0xfffc) << 16) >> 18;
}

/** Whether a branch of the code, a table, an entry or the word in front leads to data of some stub. */
function isDataInReach({ code, marks, edges }: BranchingObject): boolean {
  const isData = (at: number) => at >= 0 && at < marks.length && (marks[at]! & (CODE | STUB)) === STUB;
  /** Nothing goes on behind it, and no table says otherwise. */
  const isEnd = (at: number) => {
    const word = code[at]!;
    if ((marks[at]! & (CODE | EXTRA | SITE)) !== CODE || code[at - 1]! >>> 26 === 1) return false;
    return word === BCTR || (word & BRANCH_MASK) >>> 0 === BRANCH;
  };
  for (let i = 0; i < code.length; i++) {
    const mark = marks[i]!;
    if (!isData(i)) {
      if ((mark & CODE) !== 0 && isBranch(code[i]!) && isData(i + distance(code[i]!))) return true;
      continue;
    }
    if ((mark & (GLOBAL | LOCAL | EXTRA | SITE)) !== 0) return true;
    if (i === 0 || !(isData(i - 1) || isEnd(i - 1))) return true;
  }
  for (const [at, list] of edges) if (isData(at >> 2) || list.some(({ target }) => isData(target >> 2))) return true;
  return false;
}
