/** What `bin/tocsin.js` loads first for `check`. */
import { checkCommand } from './commands/check.ts';
import { guarded } from './guarded.ts';
import { quickCheck } from './quick-check.ts';

/** @returns the exit code to come, or `undefined` where the full command line is needed */
export function start(args: readonly string[]): Promise<number> | undefined {
  const check = quickCheck(args);
  return check && guarded(() => checkCommand(check));
}
