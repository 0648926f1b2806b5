import { describe, expect, it } from 'vitest';
import {
  type BranchKind,
  branchDisplacement,
  branchTarget,
  branchTargetAddress,
  classifyBranch,
  isB,
  isBl,
  isBranch,
  isConditional,
  isDirectBranch,
  isLinking,
} from '../../../src/ppc64/branches.ts';

/** [word, text, kind, direct, links, conditional] */
const cases: readonly [number, string, BranchKind, boolean, boolean, boolean][] = [
  [0x48000011, 'bl .+16', 'call', true, true, false],
  [0x48000010, 'b .+16', 'jump', true, false, false],
  [0x48000012, 'ba 16', 'jump', true, false, false],
  [0x41820008, 'beq .+8', 'conditional', true, false, true],
  [0x42800008, 'bc 20,lt,.+8', 'jump', true, false, false],
  [0x4200fff8, 'bdnz .-8', 'conditional', true, false, true],
  [0x41820009, 'beql .+8', 'call', true, true, true],
  [0x429f0005, 'bcl 20,31,.+4', 'get-pc', true, true, false],
  [0x4e800020, 'blr', 'return', false, false, false],
  [0x4d820020, 'beqlr', 'conditional-return', false, false, true],
  [0x4e800021, 'blrl', 'indirect-call', false, true, false],
  [0x4e800420, 'bctr', 'indirect-jump', false, false, false],
  [0x4d820420, 'beqctr', 'indirect-jump', false, false, true],
  [0x4e800421, 'bctrl', 'indirect-call', false, true, false],
  [0x4e800460, 'btar', 'indirect-jump', false, false, false],
  [0x60000000, 'nop', 'none', false, false, false],
  [0x4c00012c, 'isync', 'none', false, false, false],
  [0x4c000024, 'rfid', 'none', false, false, false],
  [0x44000002, 'sc', 'none', false, false, false],
  [0x7fe00008, 'trap', 'none', false, false, false],
];

describe('branches', () => {
  it.each(cases)('%#: %s', (word, _, kind, direct, links, conditional) => {
    expect(classifyBranch(word)).toBe(kind);
    expect(isBranch(word)).toBe(kind !== 'none');
    expect([isDirectBranch(word), isLinking(word), isConditional(word)]).toEqual([direct, links, conditional]);
    expect(classifyBranch(word | 0)).toBe(kind);
  });

  it('tell plain bl and b from their absolute forms', () => {
    expect([0x48000011, 0x48000013, 0x48000010].map(isBl)).toEqual([true, false, false]);
    expect([0x48000011, 0x48000012, 0x48000010].map(isB)).toEqual([false, false, true]);
  });

  it('have targets', () => {
    expect(branchDisplacement(0x4bfffffd)).toBe(-4);
    expect(branchTarget(0x4bfffffd, 0x20)).toBe(0x1c);
    expect(branchTarget(0x4200fff8, 0x20)).toBe(0x18);
    expect(branchTarget(0x48000012, 0x20)).toBeUndefined();
    expect(branchTarget(0x4e800020, 0x20)).toBeUndefined();
    expect(branchTargetAddress(0x4bfffffd, 0xc000000000000000n)).toBe(0xbffffffffffffffcn);
    expect(branchTargetAddress(0x4bfffffe, 0x20n)).toBe(0xfffffffffffffffcn);
    expect(branchTargetAddress(0x60000000, 0n)).toBeUndefined();
  });
});
