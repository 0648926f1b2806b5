/** What `bin/tocsin.js` loads first for `patch`. */
import { patchCommand } from './commands/patch.ts';
import { guarded } from './guarded.ts';
import { quickPatch } from './quick.ts';

/** @returns the exit code to come, or `undefined` where the full command line is needed */
export function start(args: readonly string[]): Promise<number> | undefined {
  const patch = quickPatch(args);
  return patch && guarded(() => patchCommand(patch));
}
