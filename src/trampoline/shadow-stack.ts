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
 * - r0, r11, r12 and CR0 are free at F's entry, CTR and r10 too when G has returned. r2 is kept in any case, as the kernel's entries have it.
 */
import type { ShadowStack, TocRecovery } from '../plan/plan.ts';
import { encodeLd, encodeStd } from '../ppc64/words.ts';
import { add, BACK, GOES_ON, here, near, nextHere, recomputeToc, withTarget, word } from './shadow-words.ts';
import type { Template, TemplateWord } from './template.ts';

const code = (saved: boolean, { threadInfo, sp }: ShadowStack, loadTarget: TemplateWord): Template => {
  const loadThreadInfo = word(`ld 12,${threadInfo}(13)`, encodeLd(12, threadInfo, 13));
  const find = [loadThreadInfo, word(`ld 11,${sp}(12)`, encodeLd(11, sp, 12))];
  const move = word(`std 11,${sp}(12)`, encodeStd(11, sp, 12));
  return [
    // the limit
    word('mflr 0', 0x7c0802a6),
    word('bcl 20,31,1f', 0x429f0005),
    word('1: mflr 12', 0x7d8802a6),
    BACK,
    near('addis 12,12,(state-1b)@ha', 0x3d8c0000, 'ha', 'state', 8),
    near('addi 12,12,(state-1b)@l', 0x398c0000, 'lo', 'state', 12),
    word('ld 0,8(12)', 0xe80c0008),
    // room
    ...find,
    word('clrldi 12,11,51', 0x796c04e0),
    word('cmpld 12,0', 0x7c2c0040),
    word('bge- 5f', saved ? 0x40c00078 : 0x40c00084),
    word('subf 12,11,1', 0x7d8b0850),
    word('cmpldi 12,2048', 0x282c0800),
    word('blt- 5f', saved ? 0x41c0006c : 0x41c00078),
    // the entry
    loadThreadInfo,
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
    ...(saved ? [] : [...nextHere(4), ...recomputeToc(4)]),
    BACK,
    word('blr', 0x4e800020),
    // overflows += 1, and F goes on
    ...here(6, 'state', 0, '5: '),
    ...add(7, 1),
    GOES_ON,
  ];
};

/** @param rest how F goes on (hook.ts) */
export function shadowStackTemplate(toc: TocRecovery, offsets: ShadowStack, rest: Template): Template {
  return withTarget(loadTarget => code(toc === 'saved', offsets, loadTarget), 2, rest);
}
