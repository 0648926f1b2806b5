/** What `bin/tocsin.js` loads first for `scan`. */
import { scanCommand } from './commands/scan.ts';
import { guarded } from './guarded.ts';
import { quickScan } from './quick.ts';

/** @returns the exit code to come, or `undefined` where the full command line is needed */
export function start(args: readonly string[]): Promise<number> | undefined {
  const scan = quickScan(args);
  return scan && guarded(() => scanCommand(scan));
}
