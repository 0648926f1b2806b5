/**
 * Islands: code that a branch leads to where its target may lie further away than it reaches. The address of the target goes through
 * r12 and CTR, which belong to nobody between a caller and its callee. LR is not changed, so `bl` works as `b` does: the target
 * returns behind the branch.
 *
 * - With the home's TOC in r2: the address lies at a distance from that. The island is a function with two entries, of which only
 *   the local one is used, so what it is owed and owes is what holds of any function of the home.
 * - With anybody's r2: the address is found from the island's own. r0 gets the return address, as a call site leaves it.
 *
 * A target with two entries is entered at the global one, with its address in r12, and sets r2 to the home's TOC again.
 */
import { directByAddress, globalEntry, longBranch, type Template } from './template.ts';

/**
 * @param isHome whether whoever branches there has the home's TOC in r2
 * @param isPiece whether it leads to a piece of a function: then it is one as well, and has no contract of its own
 * @returns k: what the three bits of st_other say of its entries
 */
export function islandCode(isHome: boolean, isPiece: boolean): { readonly code: Template; readonly k: number } {
  if (!isHome) return { code: directByAddress, k: 0 };
  return isPiece ? { code: longBranch, k: 0 } : { code: [...globalEntry, ...longBranch], k: 3 };
}
