/**
 * The shortest way to a scan. Loading yargs takes longer than scanning a module, and build pipelines call `tocsin scan` for
 * each module that they make; so the plainest command lines are read here, from the same meanings that main.ts
 * describes to yargs. Anything else, and anything wrong, is left to yargs and its messages.
 */
import type { ScanArguments } from './commands/scan.ts';

/** Arguments of a plain `scan` command, or `undefined` where yargs should look. */
export function quickScan(args: readonly string[]): ScanArguments | undefined {
  if (args[0] !== 'scan') return undefined;
  const seen = new Set<string>();
  const files: string[] = [];
  let format: ScanArguments['format'] = 'table';
  let functions: string | undefined;
  for (let i = 1; i < args.length; i++) {
    const arg = args[i]!;
    if (!arg.startsWith('-')) {
      if (arg === '') return undefined;
      files.push(arg);
      continue;
    }
    if (seen.has(arg)) return undefined;
    seen.add(arg);
    if (arg === '--summary' || arg === '--calls' || arg === '--quiet') continue;
    const value = args[++i];
    if (value === undefined || value === '' || value.startsWith('-')) return undefined;
    if (arg === '--functions') functions = value;
    else if (arg === '--format' && (value === 'json' || value === 'ndjson' || value === 'table')) format = value;
    else return undefined;
  }
  if (files.length === 0) return undefined;
  return {
    files,
    filesFrom: undefined,
    summary: seen.has('--summary'),
    calls: seen.has('--calls'),
    functions,
    format,
    jobs: undefined,
    quiet: seen.has('--quiet'),
  };
}
