/**
 * `shadow`: G is called without a frame, so that it finds whatever arguments F's caller has put on the stack, and what has to come back
 * waits in a table beside the stack.
 *
 * - A slot of the table belongs to one activation. Its key is r1 at F's entry, which is r1 again when G returns: two activations with
 *   one r1 can only lie inside one another (F was reached by a sibling call out of G), and the inner one is back first. So a new
 *   slot is taken behind all slots with its key, and the last one is given back.
 * - The table is an array of {key, LR, r2, -}, 32 bytes each; 0 is a free slot. A hash of r1 says where a window of 32 slots
 *   begins, in which the activation has its slot. A slot is claimed with ldarx and stdcx. and freed by a store behind lwsync.
 *   No lock is held at any time, and nobody waits but for a reservation: so F may be entered by tasks, interrupts and NMIs on any CPU.
 * - With no slot in the window, or as many activations as the limit allows, F itself runs, as if it had no branch.
 * - r0, r11, r12, CTR and CR0 are free at F's entry; r5 to r10 too when G has returned. Nothing else is touched, and nothing is
 *   stored on the stack. LR holds the return address whenever control may go on in F.
 * - G is entered by its address, which lies behind the code: a stub of the loader would store r2 into the caller's frame.
 * - The counters and the table are data that `patch` merges in (runtime/shadow.S).
 *
 * Addresses of data are found from the code's own: r2 may be anybody's on entry, and is G's afterwards.
 */
import type { TocRecovery } from '../plan/plan.ts';
import { add, BACK, GOES_ON, here, leave, near, nextHere, raiseHigh, withTarget, word } from './shadow-words.ts';
import { R_PPC64_REL24, type Template, type TemplateWord } from './template.ts';

/** r11 = the window of r1 in the table; 32 slots are to be looked at, and r`found` gets the one that is wanted. */
const window = (label: number, found: number): Template => [
  near(`addis 11,11,(table-${label}b)@ha`, 0x3d6b0000, 'ha', 'table', found === 0 ? 8 : 4),
  near(`addi 11,11,(table-${label}b)@l`, 0x396b0000, 'lo', 'table', found === 0 ? 12 : 8),
  word('lis 12,0x9e37', 0x3d809e37),
  word('ori 12,12,0x79b9', 0x618c79b9),
  word('mullw 12,12,1', 0x7d8c09d6),
  word('rlwinm 12,12,15,17,26', 0x558c7c74),
  word('add 11,11,12', 0x7d6b6214),
  word('li 0,32', 0x38000020),
  word('mtctr 0', 0x7c0903a6),
  word(`li ${found},0`, found === 0 ? 0x38000000 : 0x39400000),
];

/** @param loadTarget the load of G's address, which lies behind the code */
const code = (saved: boolean, loadTarget: TemplateWord): Template => [
  // calls += 1
  ...here(1, 'state'),
  ...add(2, 1),
  // live += 1, unless that is more than the limit
  word('ld 0,32(11)', 0xe80b0020),
  word('addi 11,11,8', 0x396b0008),
  word('3: ldarx 12,0,11', 0x7d8058a8),
  word('cmpld 12,0', 0x7c2c0040),
  word('bge- 20f', 0x40c0017c),
  word('addi 12,12,1', 0x398c0001),
  word('stdcx. 12,0,11', 0x7d8059ad),
  word('bne- 3b', 0x40c2ffec),
  ...raiseHigh(4),
  // the window of r1, and in it the first free slot behind those of r1
  word('5: mflr 0', 0x7c0802a6),
  ...nextHere(6),
  BACK,
  ...window(6, 0),
  word('7: ld 12,0(11)', 0xe98b0000),
  word('cmpd 12,1', 0x7c2c0800),
  word('beq- 8f', 0x41c2001c),
  word('cmpdi 12,0', 0x2c2c0000),
  word('bne 9f', 0x40820018),
  word('cmpdi 0,0', 0x2c200000),
  word('bne 9f', 0x40820010),
  word('mr 0,11', 0x7d605b78),
  word('b 9f', 0x48000008),
  word('8: li 0,0', 0x38000000),
  word('9: addi 11,11,32', 0x396b0020),
  word('bdnz 7b', 0x4200ffd4),
  word('cmpdi 0,0', 0x2c200000),
  word('beq- 18f', 0x41c200c0),
  // the slot becomes ours, or somebody was faster
  word('mr 11,0', 0x7c0b0378),
  word('10: ldarx 12,0,11', 0x7d8058a8),
  word('cmpdi 12,0', 0x2c2c0000),
  word('bne- 5b', 0x40c2ff84),
  word('stdcx. 1,0,11', 0x7c2059ad),
  word('bne- 10b', 0x40c2fff0),
  word('mflr 0', 0x7c0802a6),
  word('std 0,8(11)', 0xf80b0008),
  ...(saved ? [word('std 2,16(11)', 0xf84b0010)] : []),
  // the call
  word('bcl 20,31,11f', 0x429f0005),
  word('11: mflr 12', 0x7d8802a6),
  loadTarget,
  word('mtctr 12', 0x7d8903a6),
  word('bctrl', 0x4e800421),
  // the last slot of r1 in its window
  ...nextHere(12),
  ...window(12, 10),
  word('13: ld 12,0(11)', 0xe98b0000),
  word('cmpd 12,1', 0x7c2c0800),
  word('bne 14f', 0x40820008),
  word('mr 10,11', 0x7d6a5b78),
  word('14: addi 11,11,32', 0x396b0020),
  word('bdnz 13b', 0x4200ffec),
  // what it kept; then it is free, after all that was read
  word('ld 0,8(10)', 0xe80a0008),
  ...(saved ? [word('ld 2,16(10)', 0xe84a0010)] : []),
  word('lwsync', 0x7c2004ac),
  word('li 12,0', 0x39800000),
  word('std 12,0(10)', 0xf98a0000),
  ...leave(saved, 15),
  // live -= 1
  ...here(17, 'state', 8, '18: '),
  ...add(19, -1),
  // overflows += 1, and F goes on
  word('20: addi 11,11,16', 0x396b0010),
  ...add(21, 1),
  GOES_ON,
];

/** @param rest how F goes on (hook.ts) */
export function shadowTemplate(toc: TocRecovery, rest: Template): Template {
  return withTarget(loadTarget => code(toc === 'saved', loadTarget), 11, rest);
}

/** F as a whole, for callers of its local entry. */
export const enter: Template = [
  { asm: 'b function', word: 0x48000000, relocation: { type: R_PPC64_REL24, role: 'function', addend: 0 } },
];

/** The same from its global entry, with anybody's r2: what the words there would have done. */
export const enterWithToc: Template = [
  word('bcl 20,31,23f', 0x429f0005),
  word('23: mflr 12', 0x7d8802a6),
  BACK,
  near('addis 2,12,(.TOC.-23b)@ha', 0x3c4c0000, 'ha', '.TOC.', 8),
  near('addi 2,2,(.TOC.-23b)@l', 0x38420000, 'lo', '.TOC.', 12),
  ...enter,
];
