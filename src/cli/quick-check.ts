/** The plainest command lines of `check`, read without yargs; see quick.ts. */
import type { CheckArguments } from './commands/check.ts';
import { readPlain, type Shape } from './plain-arguments.ts';

const CHECK: Shape = {
  flags: ['--quiet', '--verbose', '--no-proof', '--no-signatures', '--allow-unproved'],
  values: {
    '--kernel': null,
    '--format': ['table', 'json', 'ndjson', 'sarif', 'junit'],
    '--parameters': null,
    '--explain': null,
    '--report': null,
    '-j': null,
  },
  lists: ['--modules'],
};

/** Arguments of a plain `check` command, or `undefined` where yargs should look. */
export function quickCheck(args: readonly string[]): CheckArguments | undefined {
  const plain = args[0] === 'check' ? readPlain(args, CHECK) : undefined;
  if (plain === undefined) return undefined;
  const { files, flags, values } = plain;
  const kernel = values.get('--kernel');
  const jobs = values.get('-j');
  if (files.length === 0 || kernel === undefined || (jobs !== undefined && !/^[1-9]\d?$/.test(jobs))) return undefined;
  return {
    files,
    filesFrom: undefined,
    kernel,
    modules: plain.list('--modules'),
    parameters: values.get('--parameters'),
    proof: !flags.has('--no-proof'),
    signatures: !flags.has('--no-signatures'),
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
