/** The plainest command lines of `check`, read without yargs; see quick.ts. */
import type { CheckArguments } from './commands/check.ts';

const FLAGS = ['--quiet', '--verbose', '--no-proof', '--allow-unproved'];
/** Options with a value: the values that are allowed, or `null` for any. */
const VALUES: Readonly<Record<string, readonly string[] | null>> = {
  '--kernel': null,
  '--format': ['table', 'json', 'ndjson', 'sarif', 'junit'],
  '--parameters': null,
  '--explain': null,
  '--report': null,
  '-j': null,
};
const MODULES = '--modules';

/** Words that yargs does not take as they stand: values of flags, its own `help`, quotes that it takes off. */
const NOT_PLAIN = /^(?:|true|false|help|["']|(["']).*\1)$/s;

/** Arguments of a plain `check` command, or `undefined` where yargs should look. */
export function quickCheck(args: readonly string[]): CheckArguments | undefined {
  if (args[0] !== 'check') return undefined;
  const files: string[] = [];
  const modules: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (let i = 1; i < args.length; i++) {
    const arg = args[i]!;
    if (NOT_PLAIN.test(arg)) return undefined;
    if (!arg.startsWith('-')) files.push(arg);
    else if (FLAGS.includes(arg)) {
      if (flags.has(arg)) return undefined;
      flags.add(arg);
    } else {
      const value = args[++i];
      if (value === undefined || NOT_PLAIN.test(value) || value.startsWith('-')) return undefined;
      if (arg === MODULES) modules.push(value);
      else {
        const allowed = VALUES[arg];
        if (allowed === undefined || values.has(arg) || (allowed !== null && !allowed.includes(value)))
          return undefined;
        values.set(arg, value);
      }
    }
  }
  const kernel = values.get('--kernel');
  const jobs = values.get('-j');
  if (files.length === 0 || kernel === undefined || (jobs !== undefined && !/^[1-9]\d?$/.test(jobs))) return undefined;
  return {
    files,
    filesFrom: undefined,
    kernel,
    modules,
    parameters: values.get('--parameters'),
    proof: !flags.has('--no-proof'),
    signatures: true,
    allowUnproved: flags.has('--allow-unproved'),
    explain: values.get('--explain'),
    format: (values.get('--format') ?? 'table') as CheckArguments['format'],
    report: values.get('--report'),
    jobs: jobs === undefined ? undefined : Number(jobs),
    quiet: flags.has('--quiet'),
    verbose: flags.has('--verbose'),
    color: undefined,
  };
}
