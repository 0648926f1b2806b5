/** Operators that spoil the stack frame, and the registers that are nobody's. */
import { BLR, isPlain, isPop, isPush, isRestore, isSave, moved, NOP, type Operator, withRa, withRt } from './body.ts';

const PUSH_64 = 0xf821ffc1;

export const frameOperators: readonly Operator[] = [
  {
    name: 'frame pushed too small',
    what: 'stdu r1,-N(r1) → stdu r1,-N+16(r1)',
    ways: b => b.each(isPush, w => moved(w, 16)),
  },
  {
    name: 'frame pushed too large',
    what: 'stdu r1,-N(r1) → stdu r1,-N-32(r1)',
    ways: b => b.each(isPush, w => moved(w, -32)),
  },
  { name: 'frame not pushed', what: 'stdu r1 → nop', ways: b => b.each(isPush, () => NOP) },
  { name: 'back chain stored without a push', what: 'stdu r1 → std r1', ways: b => b.each(isPush, w => w & ~1) },
  { name: 'another back chain', what: 'stdu r1,-N(r1) → stdu r0,-N(r1)', ways: b => b.each(isPush, w => withRt(w, 0)) },
  {
    name: 'back chain overwritten',
    what: 'some instruction → std r3,0(r1)',
    ways: b => b.each(isPlain, () => 0xf8610000),
  },
  {
    name: 'frame pushed twice',
    what: 'what follows stdu r1 → a copy of it',
    ways: b =>
      b.each(
        (w, pc) => isPlain(w) && isPush(b.at(pc - 4)),
        (_, pc) => b.at(pc - 4),
      ),
  },
  {
    name: 'another frame pushed',
    what: 'some instruction → stdu r1,-64(r1)',
    ways: b => b.each(isPlain, () => PUSH_64),
  },
  { name: 'frame popped too little', what: 'addi r1,r1,N → N-16', ways: b => b.each(isPop, w => moved(w, -16)) },
  { name: 'frame popped too far', what: 'addi r1,r1,N → N+16', ways: b => b.each(isPop, w => moved(w, 16)) },
  { name: 'frame not popped', what: 'addi r1,r1,N → nop', ways: b => b.each(isPop, () => NOP) },
  {
    name: 'frame popped twice',
    what: 'what follows addi r1 → a copy of it',
    ways: b =>
      b.each(
        (w, pc) => isPlain(w) && isPop(b.at(pc - 4)),
        (_, pc) => b.at(pc - 4),
      ),
  },
  {
    name: 'frame popped into another register',
    what: 'addi r1,r1,N → addi r11,r1,N',
    ways: b => b.each(isPop, w => withRt(w, 11)),
  },
  {
    name: 'frame popped from another register',
    what: 'addi r1,r1,N → addi r1,r31,N',
    ways: b => b.each(isPop, w => withRa(w, 31)),
  },
  {
    name: 'frame popped early',
    what: 'some instruction → addi r1,r1,N',
    ways: b => (b.frame === undefined ? [] : b.each(isPlain, () => (0x38210000 | (b.frame! & 0xffff)) >>> 0)),
  },
  { name: 'r1 overwritten', what: 'some instruction → mr r1,r3', ways: b => b.each(isPlain, () => 0x7c611b78) },
  { name: 'r13 overwritten', what: 'some instruction → li r13,0', ways: b => b.each(isPlain, () => 0x39a00000) },
  { name: 'LR overwritten', what: 'some instruction → mtlr r3', ways: b => b.each(isPlain, () => 0x7c6803a6) },
  {
    name: "caller's LR slot overwritten",
    what: 'some instruction → std r3,N+16(r1)',
    ways: b => b.each(isPlain, () => moved(0xf8610000, (b.frame ?? 0) + 16)),
  },
  {
    name: 'saved register overwritten',
    what: 'some instruction → std r3 over the slot of a save',
    ways: b => {
      const save = b.find(isSave)[0];
      if (save === undefined || b.frame === undefined) return [];
      // Saves before the push are counted from the old r1.
      const isBefore = save < b.find(isPush)[0]!;
      const slot = moved(withRt(b.at(save), 3), isBefore ? b.frame : 0);
      return b.each(
        w => isPlain(w) && !isSave(w),
        () => slot,
      );
    },
  },
  { name: 'return in the middle', what: 'some instruction → blr', ways: b => b.each(isPlain, () => BLR) },
  {
    name: 'return dropped',
    what: 'blr → nop',
    ways: b =>
      b.each(
        w => w === BLR,
        () => NOP,
      ),
  },
  {
    name: 'neighbours exchanged',
    what: 'a save, a restore, a push or a pop changes places with what follows',
    ways: b =>
      b
        .find(
          (w, pc) =>
            (isSave(w) || isRestore(w) || isPush(w) || isPop(w)) && isPlain(b.at(pc + 4)) && b.at(pc + 4) !== w,
        )
        .map(pc => [
          { at: pc, word: b.at(pc + 4) },
          { at: pc + 4, word: b.at(pc) },
        ]),
  },
];
