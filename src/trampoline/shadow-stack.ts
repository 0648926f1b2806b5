/**
 * `shadow` on the second stack that tasks have in a kernel with CONFIG_LIVEPATCH (kernel/knowledge/livepatch-stack.ts): as shadow.ts, but what has to
 * come back waits where the kernel's own livepatches keep theirs, in an entry of the same form.
 *
 * - Whoever is entered later is back first, in one task with all its interrupts, so both kinds of entries lie on one stack: the
 *   kernel's handler and this code each leave `livepatch_sp` as they found it.
 * - An entry is made by moving `livepatch_sp` first and storing behind it: an interrupt in between puts its own entries above. It
 *   is given up by reading first and moving then. `current` is the interrupted task in interrupts, and wherever a task goes on.
 * - The kernel has no bound. Here F itself runs when more of the stack is in use than the limit says (its end is aligned to 8 KiB
 *   at least, THREAD_SHIFT being 13 or more), or when r1 has come within 2 KiB of it. On an interrupt's stack r1 says nothing of that.
 * - The counters are data that `patch` merges in (runtime/shadow-stack.S): calls, live, high, overflows, limit, as those of the table.
 * - r0, r11, r12 and CR0 are free at F's entry, CTR and r10 too when G has returned. r2 is kept in any case, as the kernel's entries have it.
 */
import type { ShadowStack, TocRecovery } from '../plan/plan.ts';
import { encodeLd, encodeStd } from '../ppc64/words.ts';
import { add, GOES_ON, here, leave, raiseHigh, withTarget, word } from './shadow-words.ts';
import type { Template, TemplateWord } from './template.ts';

const code = (saved: boolean, { threadInfo, sp }: ShadowStack, loadTarget: TemplateWord): Template => {
  const loadThreadInfo = word(`ld 12,${threadInfo}(13)`, encodeLd(12, threadInfo, 13));
  const loadSp = word(`ld 11,${sp}(12)`, encodeLd(11, sp, 12));
  const find = [loadThreadInfo, loadSp];
  const move = word(`std 11,${sp}(12)`, encodeStd(11, sp, 12));
  return [
    // calls += 1
    ...here(1, 'state'),
    ...add(2, 1),
    // room
    word('ld 0,32(11)', 0xe80b0020),
    ...find,
    word('clrldi 12,11,51', 0x796c04e0),
    word('cmpld 12,0', 0x7c2c0040),
    word('bge- 9f', saved ? 0x40c000dc : 0x40c000e0),
    word('subf 12,11,1', 0x7d8b0850),
    word('cmpldi 12,2048', 0x282c0800),
    word('blt- 9f', saved ? 0x41c000d0 : 0x41c000d4),
    // live += 1
    ...here(3, 'state', 8),
    ...add(4, 1),
    ...raiseHigh(5),
    // the entry
    word(`6: ${loadThreadInfo.asm}`, loadThreadInfo.word),
    loadSp,
    word('addi 11,11,24', 0x396b0018),
    move,
    word('std 2,-24(11)', 0xf84bffe8),
    word('mflr 0', 0x7c0802a6),
    word('std 0,-16(11)', 0xf80bfff0),
    word('lis 12,0x57ac', 0x3d8057ac),
    word('ori 12,12,0x6e9d', 0x618c6e9d),
    word('std 12,-8(11)', 0xf98bfff8),
    // the call
    word('bcl 20,31,2f', 0x429f0005),
    word('2: mflr 12', 0x7d8802a6),
    loadTarget,
    word('mtctr 12', 0x7d8903a6),
    word('bctrl', 0x4e800421),
    // the same entry, if it is whole
    ...find,
    word('ld 0,-8(11)', 0xe80bfff8),
    word('lis 10,0x57ac', 0x3d4057ac),
    word('ori 10,10,0x6e9d', 0x614a6e9d),
    word('tdne 0,10', 0x7f005088),
    word('ld 0,-16(11)', 0xe80bfff0),
    ...(saved ? [word('ld 2,-24(11)', 0xe84bffe8)] : []),
    word('addi 11,11,-24', 0x396bffe8),
    move,
    ...leave(saved, 7),
    // overflows += 1, and F goes on
    ...here(10, 'state', 8, '9: '),
    word('addi 11,11,16', 0x396b0010),
    ...add(11, 1),
    GOES_ON,
  ];
};

/** @param rest how F goes on (hook.ts) */
export function shadowStackTemplate(toc: TocRecovery, offsets: ShadowStack, rest: Template): Template {
  return withTarget(loadTarget => code(toc === 'saved', offsets, loadTarget), 2, rest);
}
