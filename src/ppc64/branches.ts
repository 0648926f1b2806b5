/**
 * What a word does to the flow of control, straight from its bits: no table, no allocation, for scanning code.
 *
 * Branches have primary opcodes 16 (bc), 18 (b) and 19 with extended opcodes 16 (bclr), 528 (bcctr) and 560 (bctar). Bit 31
 * (LK) makes any of them link; bit 30 (AA) makes the first two absolute. BO = 0b1z1zz branches always.
 *
 * Classification, in the words of the kernel's calling convention:
 * - `call` links and goes somewhere known; `jump` does not link and always goes there;
 * - `conditional` goes there or on;
 * - `return` is `blr`, `conditional-return` its conditional forms;
 * - `indirect-call` and `indirect-jump` go through CTR or TAR (or link through LR), whether conditionally or not;
 * - `get-pc` is `bcl 20,31,.+4`, which links only to learn its own address;
 * - `none` is no branch. Traps, `sc` and returns from interrupts are not branches here.
 */

export type BranchKind =
  | 'none'
  | 'call'
  | 'jump'
  | 'conditional'
  | 'return'
  | 'conditional-return'
  | 'indirect-call'
  | 'indirect-jump'
  | 'get-pc';

const linkBit = 1;
const absoluteBit = 2;

function branchesAlways(word: number): boolean {
  return ((word >>> 21) & 0x14) === 0x14;
}

/** 16, 528 or 560 for a branch to LR, CTR or TAR; 0 for anything else. */
function registerBranch(word: number): number {
  if (word >>> 26 !== 19) return 0;
  const extended = (word >>> 1) & 0x3ff;
  return extended === 16 || extended === 528 || extended === 560 ? extended : 0;
}

/** Does the word name its target itself (b, bl, bc and their absolute forms)? */
export function isDirectBranch(word: number): boolean {
  const primary = word >>> 26;
  return primary === 18 || primary === 16;
}

/** Is the word any branch, direct or through a register? */
export function isBranch(word: number): boolean {
  return isDirectBranch(word) || registerBranch(word) !== 0;
}

/** Does the branch leave its return address in LR? False for words that are no branch. */
export function isLinking(word: number): boolean {
  return isBranch(word) && (word & linkBit) !== 0;
}

/** Can execution go on at the next word without the branch having been taken and come back? */
export function isConditional(word: number): boolean {
  return isBranch(word) && word >>> 26 !== 18 && !branchesAlways(word);
}

/** Is the word a `bl` (primary opcode 18, relative, linking)? */
export function isBl(word: number): boolean {
  return (word & 0xfc000003) >>> 0 === 0x48000001;
}

/** Is the word a plain `b` (primary opcode 18, relative, not linking)? */
export function isB(word: number): boolean {
  return (word & 0xfc000003) >>> 0 === 0x48000000;
}

/** Signed bytes from a direct branch to its target, or the target itself where AA is set; 0 for any other word. */
export function branchDisplacement(word: number): number {
  if (word >>> 26 === 18) return ((word & 0x03fffffc) << 6) >> 6;
  return word >>> 26 === 16 ? ((word & 0xfffc) << 16) >> 16 : 0;
}

/** Is the target of this direct branch an address rather than a distance? */
export function isAbsolute(word: number): boolean {
  return isDirectBranch(word) && (word & absoluteBit) !== 0;
}

/**
 * The offset that a direct branch at offset `pc` goes to, both in bytes from the same origin, or undefined for other words
 * and for absolute branches (which no relocatable code has). `pc` may be any safe integer.
 */
export function branchTarget(word: number, pc: number): number | undefined {
  return isDirectBranch(word) && (word & absoluteBit) === 0 ? pc + branchDisplacement(word) : undefined;
}

/** As `branchTarget` for full 64-bit addresses; absolute branches give their sign-extended target. */
export function branchTargetAddress(word: number, pc: bigint): bigint | undefined {
  if (!isDirectBranch(word)) return undefined;
  const displacement = BigInt(branchDisplacement(word));
  return BigInt.asUintN(64, isAbsolute(word) ? displacement : pc + displacement);
}

/** What kind of branch the word is. */
export function classifyBranch(word: number): BranchKind {
  const links = (word & linkBit) !== 0;
  if (word >>> 26 === 18) return links ? 'call' : 'jump';
  if (word >>> 26 === 16) {
    if ((word & 0xffff) === 5 && links && branchesAlways(word)) return 'get-pc';
    if (links) return 'call';
    return branchesAlways(word) ? 'jump' : 'conditional';
  }
  const register = registerBranch(word);
  if (register === 0) return 'none';
  if (links) return 'indirect-call';
  if (register !== 16) return 'indirect-jump';
  return branchesAlways(word) ? 'return' : 'conditional-return';
}
