/** What `bin/tocsin.js` loads first for `patch`. */
import { patchCommand } from './commands/patch.ts';
import { guarded } from './guarded.ts';
import { needsMore, quickPatch } from './quick.ts';

/** @returns the exit code to come, or `undefined` where the full command line is needed */
export function start(args: readonly string[]): Promise<number> | undefined {
  const patch = quickPatch(args);
  if (patch === undefined || needsMore(patch)) return undefined;
  return guarded(() => patchCommand(patch, nothingToProve));
}

/** The prover is several times as large as all else that a plain patch needs, and is left out of this bundle. */
function nothingToProve(): never {
  throw new Error('a plain patch asks for a proof');
}
