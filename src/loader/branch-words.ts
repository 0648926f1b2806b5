/**
 * Branch words as the kernel makes and reads them (arch/powerpc/lib/code-patching.c): which words it takes for branches, how
 * far they reach, and how it moves one to another address.
 */
import { wrapping } from './memory.ts';

const LINK = 1;
const ABSOLUTE = 2;

/** Bits of an I-form branch that hold the displacement. */
const LI_MASK = 0x03ff_fffc;

/** Whether an I-form branch reaches that far: `is_offset_in_branch_range()`. */
export function reaches(from: bigint, to: bigint): boolean {
  const offset = BigInt.asIntN(64, to - from);
  return offset >= -0x200_0000n && offset <= 0x1ff_fffcn && (offset & 3n) === 0n;
}

/** `b` or `bl` from one address to another; `undefined` where it does not reach. */
export function branchWord(from: bigint, to: bigint, link: boolean): number | undefined {
  if (!reaches(from, to)) return undefined;
  return (0x4800_0000 | (Number(BigInt.asUintN(26, to - from)) & LI_MASK) | (link ? LINK : 0)) >>> 0;
}

/** `is_bl_op()`: relative `bl`. */
export function isBranchAndLink(word: number): boolean {
  return (word & ~LI_MASK) >>> 0 === 0x4800_0001;
}

/** Where a relative I-form branch leads. */
export function branchTarget(from: bigint, word: number): bigint {
  return wrapping(from, BigInt(((word & LI_MASK) << 6) >> 6));
}

/** Whether an instruction is a relative branch of I-form or B-form. */
export function isRelativeBranch(word: number): boolean {
  const primary = word >>> 26;
  return (primary === 18 || primary === 16) && (word & ABSOLUTE) === 0;
}

/** Where a relative branch of either form leads. */
export function relativeTarget(from: bigint, word: number): bigint {
  if (word >>> 26 === 18) return branchTarget(from, word);
  return wrapping(from, BigInt(((word & 0xfffc) << 16) >> 16));
}

/** `translate_branch()`: the branch at `from`, moved to `to` with its target kept; `undefined` where it does not reach. */
export function movedBranch(word: number, from: bigint, to: bigint): number | undefined {
  const target = relativeTarget(from, word);
  if (word >>> 26 === 18) return branchWord(to, target, (word & LINK) !== 0);
  const offset = BigInt.asIntN(64, target - to);
  if (offset < -0x8000n || offset > 0x7fffn || (offset & 3n) !== 0n) return undefined;
  return (0x4000_0000 | (word & 0x03ff_0003) | Number(BigInt.asUintN(16, offset) & 0xfffcn)) >>> 0;
}
