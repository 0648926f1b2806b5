/** What `bin/tocsin.js` loads first: plain scans run from here, all else goes to main.ts. */
import { scanCommand } from './commands/scan.ts';
import { guarded } from './guarded.ts';
import { quickScan } from './quick.ts';

/** @returns false where the full command line is needed */
export function start(args: readonly string[]): boolean {
  const scan = quickScan(args);
  if (scan === undefined) return false;
  guarded(() => scanCommand(scan)).then(code => {
    process.exitCode = code;
  });
  return true;
}
