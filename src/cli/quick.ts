/**
 * The shortest way to a command. Loading yargs takes longer than scanning or patching a module, and build pipelines call
 * tocsin for each module that they make; so the plainest command lines are read here, with the meanings that main.ts
 * describes to yargs. Anything else, and anything wrong, is left to yargs and its messages.
 */
import type { PatchArguments } from './commands/patch.ts';
import type { ScanArguments } from './commands/scan.ts';

/** What a plain command line of one command may hold. */
interface Shape {
  readonly flags: readonly string[];
  /** Options with a value: the values that are allowed, or `null` for any. */
  readonly values: Readonly<Record<string, readonly string[] | null>>;
  /** Options that may come several times. */
  readonly lists: readonly string[];
}

interface Plain {
  readonly files: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  list(name: string): readonly string[];
}

/** Words that yargs does not take as they stand: values of flags, its own `help`, quotes that it takes off. */
const NOT_PLAIN = /^(?:|true|false|help|["']|(["']).*\1)$/s;

/** The command line behind the command's name, if it is a plain one. */
function read(args: readonly string[], shape: Shape): Plain | undefined {
  const files: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const lists = new Map<string, string[]>();
  for (let i = 1; i < args.length; i++) {
    const arg = args[i]!;
    if (NOT_PLAIN.test(arg)) return undefined;
    if (!arg.startsWith('-')) files.push(arg);
    else if (shape.flags.includes(arg)) {
      if (flags.has(arg)) return undefined;
      flags.add(arg);
    } else {
      const value = args[++i];
      if (value === undefined || NOT_PLAIN.test(value) || value.startsWith('-')) return undefined;
      if (shape.lists.includes(arg)) lists.set(arg, [...(lists.get(arg) ?? []), value]);
      else {
        const allowed = shape.values[arg];
        if (allowed === undefined || values.has(arg) || (allowed !== null && !allowed.includes(value)))
          return undefined;
        values.set(arg, value);
      }
    }
  }
  return { files, flags, values, list: name => lists.get(name) ?? [] };
}

const SCAN: Shape = {
  flags: ['--summary', '--calls', '--quiet'],
  values: { '--functions': null, '--format': ['table', 'json', 'ndjson'], '-j': null },
  lists: [],
};

/** Arguments of a plain `scan` command, or `undefined` where yargs should look. */
export function quickScan(args: readonly string[]): ScanArguments | undefined {
  const plain = args[0] === 'scan' ? read(args, SCAN) : undefined;
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
    '--strategy': ['auto', 'direct', 'frame'],
    '--toc': ['recomputed', 'saved'],
    '--at': ['after-site', 'site'],
    '--format': ['text', 'json'],
    '--report': null,
    '--kernel': null,
  },
  lists: ['--nop', '--redirect', '--with', '--symvers'],
};

/** Arguments of a plain `patch` command, or `undefined` where yargs should look. */
export function quickPatch(args: readonly string[]): PatchArguments | undefined {
  const plain = args[0] === 'patch' ? read(args, PATCH) : undefined;
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
    strategy: (values.get('--strategy') ?? 'auto') as PatchArguments['strategy'],
    toc: (values.get('--toc') ?? 'recomputed') as PatchArguments['toc'],
    at: values.get('--at') as PatchArguments['at'],
    symvers: plain.list('--symvers'),
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
  const { redirects, hooks, exitHooks, retargets, objects, symvers, kernel, planned } = args;
  const lists = [redirects, hooks, exitHooks, retargets, objects, symvers, planned?.redirects ?? []];
  const alsoPlanned = [planned?.hooks ?? [], planned?.retargets ?? []];
  return [...lists, ...alsoPlanned].some(list => list.length > 0) || kernel !== undefined;
}
