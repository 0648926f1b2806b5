/** What `bin/tocsin.js` loads first for `patch`: the patches that most of its code is not needed for. */
import { beginQuick, isQuick } from './patch/early-nops.ts';
import { quickPatch } from './quick.ts';

/** @returns the exit code to come; `undefined`, also later, where `start-patch.ts` is needed */
export function start(args: readonly string[]): Promise<number | undefined> | undefined {
  const patch = quickPatch(args);
  return patch !== undefined && isQuick(patch) ? beginQuick(patch) : undefined;
}
