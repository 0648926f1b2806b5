/**
 * The shortest way to a command. Loading yargs takes longer than scanning or patching a module, and build pipelines call
 * tocsin for each module that they make; so the plainest command lines are read here, with the meanings that main.ts
 * describes to yargs. Anything else, and anything wrong, is left to yargs and its messages.
 */
import type { PatchArguments } from './commands/patch.ts';
import type { ScanArguments } from './commands/scan.ts';
import { readPlain, type Shape } from './plain-arguments.ts';

const SCAN: Shape = {
  flags: ['--summary', '--calls', '--quiet'],
  values: { '--functions': null, '--format': ['table', 'json', 'ndjson'], '-j': null },
  lists: [],
};

/** Arguments of a plain `scan` command, or `undefined` where yargs should look. */
export function quickScan(args: readonly string[]): ScanArguments | undefined {
  const plain = args[0] === 'scan' ? readPlain(args, SCAN) : undefined;
  if (plain === undefined || plain.files.length === 0) return undefined;
  const { files, flags, values } = plain;
  const jobs = values.get('-j');
  if (jobs !== undefined && !/^[1-9]\d?$/.test(jobs)) return undefined;
  return {
    files,
    filesFrom: undefined,
    summary: flags.has('--summary'),
    calls: flags.has('--calls'),
    functions: values.get('--functions'),
    format: (values.get('--format') ?? 'table') as ScanArguments['format'],
    jobs: jobs === undefined ? undefined : Number(jobs),
    quiet: flags.has('--quiet'),
  };
}

const PATCH: Shape = {
  flags: ['--quiet', '--verbose', '--force', '--dry-run', '--allow-unproved'],
  values: {
    '-o': null,
    '--strategy': ['auto', 'direct', 'epilogue', 'frame', 'shadow'],
    '--toc': ['recomputed', 'saved'],
    '--at': ['after-site', 'site', 'global-entry', 'local-entry'],
    '--format': ['text', 'json', 'ndjson'],
    '--report': null,
    '--kernel': null,
  },
  lists: ['--nop', '--redirect', '--with', '--symvers', '--modules'],
};

/** Arguments of a plain `patch` command, or `undefined` where yargs should look. */
export function quickPatch(args: readonly string[]): PatchArguments | undefined {
  const plain = args[0] === 'patch' ? readPlain(args, PATCH) : undefined;
  if (plain?.files.length !== 1) return undefined;
  const { files, flags, values } = plain;
  const nops = plain.list('--nop');
  const redirects = plain.list('--redirect');
  const output = values.get('-o');
  const dryRun = flags.has('--dry-run');
  if (nops.length + redirects.length === 0 || (output === undefined && !dryRun)) return undefined;
  return {
    file: files[0]!,
    output,
    nops,
    redirects,
    objects: plain.list('--with'),
    hooks: [],
    exitHooks: [],
    retargets: [],
    epilogues: [],
    strategy: (values.get('--strategy') ?? 'auto') as PatchArguments['strategy'],
    shadowStack: 'auto',
    toc: (values.get('--toc') ?? 'recomputed') as PatchArguments['toc'],
    at: values.get('--at') as PatchArguments['at'],
    symvers: plain.list('--symvers'),
    modules: plain.list('--modules'),
    kernel: values.get('--kernel'),
    allowUnproved: flags.has('--allow-unproved'),
    signing: undefined,
    dryRun,
    report: values.get('--report'),
    format: (values.get('--format') ?? 'text') as PatchArguments['format'],
    force: flags.has('--force'),
    quiet: flags.has('--quiet'),
    verbose: flags.has('--verbose'),
  };
}

/** Whether a patch asks for more than taking call sites out. */
export function needsMore(args: PatchArguments): boolean {
  const { redirects, hooks, exitHooks, retargets, epilogues, objects, symvers, modules, kernel, planned } = args;
  const lists = [redirects, hooks, exitHooks, retargets, objects, symvers, modules, planned?.redirects ?? []];
  const alsoPlanned = [planned?.hooks ?? [], planned?.retargets ?? [], epilogues, planned?.epilogues ?? []];
  return [...lists, ...alsoPlanned].some(list => list.length > 0) || kernel !== undefined;
}
