/**
 * `frame`: the replacement G lives somewhere else, and a frame of our own stands between it and F's caller.
 *
 * Why not a branch: a function of another home comes back with that home's r2, and a local caller of F has nothing after its
 * call that would put its own back. With a frame, the return goes through here.
 *
 * - Entry: at F's site or behind it; LR holds the return address (see direct.ts), 16(r1) is the slot where a callee saves it.
 * - The stub that the loader makes for an undefined G addresses itself through r2, so r2 must be home before the call: it
 *   is where F has k >= 2, and is computed where F has k = 0, or is met at its global entry, with anybody's r2.
 * - The stub saves r2 at 24(r1): that is our own frame, never the caller's.
 * - Return: `saved` trusts that slot, where the loader put `ld r2,24(r1)` in place of the nop; `recomputed` takes nothing
 *   from memory. Both give home, which is right for every caller of F by the argument in direct.ts.
 * - If G is defined here, there is no stub, the nop stays one, and G is entered at its local entry with r2 = home.
 *
 * What the frame breaks: arguments in the parameter save area of F's caller, at 32(r1) and above, are out of place for G.
 * The plan refuses functions that use them (rewrite/arguments.ts). The frame has 96 bytes where 32 would do for the
 * header: a G that turns out to be variadic stores r3 to r10 at 32(r1) to 95(r1) of whoever called it (psABI 2.2.3.3), and
 * that must be this frame, not the frame of F's caller.
 */
import type { TocRecovery } from '../plan/plan.ts';
import { frameTemplate, type Template } from './template.ts';

export function frame(fromK: number, toc: TocRecovery): Template {
  return frameTemplate(fromK >= 2, toc === 'recomputed');
}
