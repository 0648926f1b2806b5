/** What `bin/tocsin.js` loads first for `patch`. */
import { patchCommand } from './commands/patch.ts';
import { guarded } from './guarded.ts';
import { needsMore, quickPatch } from './quick.ts';

/**
 * @returns the exit code to come; `undefined`, at once or in its place, where the full command line is needed: nothing has been said
 *   then
 */
export function start(args: readonly string[]): Promise<number | undefined> | undefined {
  const patch = quickPatch(args);
  if (patch === undefined || needsMore(patch)) return undefined;
  let isMore = false;
  const code = guarded(async () => {
    try {
      return await patchCommand(patch, nothingToProve);
    } catch (error) {
      if (error !== MORE) throw error;
      isMore = true;
      return 0;
    }
  });
  return code.then(found => (isMore ? undefined : found));
}

const MORE = new Error('a kernel image, or something to be proved');

/** The prover is several times as large as all else that a plain patch needs, and is left out of this bundle. */
function nothingToProve(): never {
  throw MORE;
}
