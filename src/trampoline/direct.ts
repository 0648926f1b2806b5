/**
 * `direct`: the replacement G lives in the home of the function F that it replaces, so both have one TOC.
 *
 * Entered at F's site or behind it, LR holds the return address: with profiling off nothing has touched it, and the tracer
 * gives it back (`ftrace_caller` returns to the site with LR as `mflr r0` found it). No frame exists yet, so arguments, the
 * parameter save area and r1 are as F's caller left them, and G returns to that caller itself.
 *
 * r2, by the k of `st_other` (ELFv2, 3.4.1; k = 0: one entry that makes no statement about r2; k >= 2: two entries, the
 * local one wants r2 = home):
 *
 * - F has k >= 2: F's site lies behind its local entry, so r2 is home, whichever entry was used. A plain branch; the loader
 *   aims a REL24 at G's local entry. G leaves r2 = home, as F would.
 * - F and G have k = 0: nobody knows r2, and G neither needs nor changes it. A plain branch.
 * - F has k = 0 and G has k >= 2: r2 may be anybody's. G is entered at its global entry with its address in r12. On return r2
 *   is home, where F would have left it alone. That is right for every caller: one of the same home has r2 = home across a
 *   local call anyway; one from another home came through a stub or a pointer, cannot know which k it met, and reloads its
 *   own r2 from its frame, as after every function with k >= 2.
 *
 * - F has k >= 2 and is met at its global entry (rewrite/entry-redirects.ts): r2 is anybody's, and F owes home on return, whatever
 *   the k of G is. So r2 becomes home, and then it is the first case.
 *
 * k = 1 (r2 is caller-saved, pcrel code) is refused where the plan is made: its local callers do not keep r2.
 */
import { BRANCH, directByAddress, directWithToc, type Template } from './template.ts';

/** The code between F and G: one branch that takes the place of F's own word, or code to be reached by it. */
export function directTemplate(
  fromK: number,
  toK: number,
  atGlobalEntry = false,
): { readonly inPlace: boolean; readonly code: Template } {
  if (atGlobalEntry) return { inPlace: false, code: directWithToc };
  if (fromK === 0 && toK >= 2) return { inPlace: false, code: directByAddress };
  return { inPlace: true, code: [BRANCH] };
}
