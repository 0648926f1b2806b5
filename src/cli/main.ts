/**
 * The command line: yargs describes the commands, each command's code is loaded when it is called.
 *
 * Exit codes: 0 done, 1 refused or different, 2 bad usage or input. A bug of tocsin shows its stack and ends with 70
 * (EX_SOFTWARE), so that no script takes it for an answer.
 */
import yargs, { type ArgumentsCamelCase, type Argv } from 'yargs';
import type { SigningHash } from '../sign/hashes.ts';
import { version } from '../util/version.ts';
import type { SigningArguments } from './commands/patch.ts';
import { wordsAfter } from './completion.ts';
import { checkOptions } from './describe-check.ts';
import { diffOptions } from './describe-diff.ts';
import { kernelOptions } from './describe-kernel.ts';
import { loadOptions } from './describe-load.ts';
import { patchOptions } from './describe-patch.ts';
import { scanOptions } from './describe-scan.ts';
import { guarded } from './guarded.ts';
import { withDefaults } from './patch/settings.ts';
import { isStrategy, STRATEGIES, type StrategyText } from './patch/strategy.ts';
import { note, print } from './terminal.ts';

class UsageError extends Error {}

/** Options that mean one thing may be given once. */
const REPEATABLE = new Set([
  'nop',
  'redirect',
  'hook',
  'hook-exit',
  'hookExit',
  'retarget',
  'epilogue',
  'symvers',
  'with',
  'structure',
  'modules',
]);

/** A module may be loaded without arguments. */
const MAY_BE_EMPTY = new Set(['_', 'parameters']);

const optionName = (name: string) =>
  name.length === 1 ? `-${name}` : `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;

/** Stands for `-` while yargs reads the command line: it takes that word for an option. No argument can hold a NUL. */
const DASH = '\0-';

/** The text with the stand-in, which yargs may have quoted, replaced. */
function withDashes(text: string): string {
  return text.replaceAll(DASH, '-').replaceAll('\\u0000-', '-');
}

function requireSingle(argv: ArgumentsCamelCase): void {
  for (const [name, value] of Object.entries(argv)) {
    if (value === DASH) argv[name] = '-';
    if (Array.isArray(value)) argv[name] = value.map(v => (v === DASH ? '-' : v));
    if (!MAY_BE_EMPTY.has(name) && (Array.isArray(value) ? value : [value]).includes(''))
      throw new UsageError(`${name === 'files' ? 'FILE' : optionName(name)} is given as an empty text`);
    if (Array.isArray(value) && name !== '_' && name !== 'files' && !REPEATABLE.has(name))
      throw new UsageError(`--${name} is given ${value.length} times; it can be given once`);
  }
}

/** yargs drops positionals behind `--` when a command declares some: they are taken out before it sees them. */
function splitOperands(args: readonly string[]): { readonly options: string[]; readonly operands: string[] } {
  const at = args.indexOf('--');
  // What a shell asks for completion may be the word `--` itself.
  const end = at < 0 || args[0] === '--get-yargs-completions' ? args.length : at;
  return { options: args.slice(0, end).map(a => (a === '-' ? DASH : a)), operands: args.slice(end + 1) };
}

type Run = () => Promise<number>;

/**
 * @param args the arguments behind `tocsin`
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  const { options, operands } = splitOperands(args);
  let chosen: Run | undefined;
  try {
    const parser = describe(args, operands, command => {
      chosen = command;
    });
    await parser.parseAsync(options, {}, (_error, _argv, output) => {
      if (output !== '') print(`${withOperands(output)}\n`);
    });
  } catch (error) {
    if (!isUsageError(error)) return guarded(() => Promise.reject(error));
    note(`tocsin: ${withDashes(error.message)}\nTry "tocsin --help", or "tocsin COMMAND --help".`);
    return 2;
  }
  if (chosen === undefined) return 0;
  return guarded(chosen);
}

/** Ours, or one of yargs, which also wraps what a `coerce` throws in its own. */
function isUsageError(error: unknown): error is Error {
  return error instanceof UsageError || (error instanceof Error && error.name === 'YError');
}

interface Common {
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean | undefined;
}

function common(argv: Common): Common {
  return { quiet: argv.quiet, verbose: argv.verbose, color: argv.color };
}

/** What stands behind a command's name: yargs would take a wrong number of them for something unknown. */
const OPERANDS: Readonly<Record<string, string>> = {
  scan: '[FILE..]',
  patch: '[FILE]',
  revert: 'FILE',
  diff: 'OLD NEW',
  kernel: '[VMLINUX]',
  check: '[FILE..]',
  load: 'FILE',
  explain: '[CODE..]',
};

function withOperands(help: string): string {
  return help.replace(
    /^( *tocsin (\w+)) \[files\.\.\](?=( ?))/gm,
    (all, command: string, name: string, more: string) =>
      `${command} ${(OPERANDS[name] ?? all).padEnd(more === '' ? 0 : '[files..]'.length)}`,
  );
}

/** @param words the whole command line */
function describe(words: readonly string[], operands: readonly string[], choose: (run: Run) => void): Argv {
  const strings = (value: unknown): string[] => [...((value as string[] | undefined) ?? []).map(String), ...operands];
  return yargs()
    .scriptName('tocsin')
    .locale('en')
    .usage(
      '$0 COMMAND [OPTIONS]\n\nFinds, rewrites and checks the call sites and entries of ppc64le kernel modules and kernels.',
    )
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'duplicate-arguments-array': true,
    })
    .option('quiet', { describe: 'print results and errors only', type: 'boolean', default: false, global: true })
    .option('verbose', { describe: 'print more of what was done', type: 'boolean', default: false, global: true })
    .option('color', { describe: 'colours on a terminal; --no-color for none', type: 'boolean', global: true })
    .command(
      'scan [files..]',
      'list call sites, entry points and calls',
      y => scanOptions(y, positive('--jobs')),
      argv => {
        requireSingle(argv);
        const files = strings(argv.files);
        if (files.length === 0 && argv.filesFrom === undefined)
          throw new UsageError('scan: give a FILE, a folder, or --files-from');
        const request = {
          files,
          filesFrom: argv.filesFrom,
          summary: argv.summary,
          calls: argv.calls,
          functions: argv.functions,
          format: argv.format,
          jobs: argv.jobs,
          ...common(argv),
        };
        choose(async () => (await import('./commands/scan.ts')).scanCommand(request));
      },
    )
    .command(
      'patch [files..]',
      'rewrite functions of a module or a kernel, verify the result, write it',
      y => patchOptions(y),
      argv => {
        requireSingle(argv);
        const { plan, output } = argv;
        const files = strings(argv.files);
        const file = plan !== undefined && files.length === 0 ? undefined : onlyFile('patch', files);
        if (plan === undefined && output === undefined && !argv.dryRun)
          throw new UsageError('patch: say where the result goes: -o OUT (or --dry-run)');
        const asked = [argv.nop, argv.redirect, argv.hook, argv.hookExit, argv.retarget, argv.epilogue, argv.with];
        if (plan === undefined && asked.every(list => list.length === 0))
          throw new UsageError(
            'patch: nothing to do: give --nop, --redirect, --hook, --hook-exit, --retarget, --epilogue, --with or --plan',
          );
        const request = {
          output,
          nops: argv.nop,
          redirects: argv.redirect,
          hooks: argv.hook,
          exitHooks: argv.hookExit,
          retargets: argv.retarget,
          epilogues: argv.epilogue,
          objects: argv.with,
          dryRun: argv.dryRun,
          report: argv.report,
          symvers: argv.symvers,
          modules: argv.modules,
          format: argv.format,
          force: argv.force,
          ...common(argv),
        };
        const { toc, at, shadowStack, kernel, allowUnproved } = argv;
        const said = { strategy: strategy(argv.strategy), toc, at, shadowStack, kernel, allowUnproved };
        const settings = { ...said, signing: signing(argv) };
        const proving = () => import('./patch/proved.ts');
        if (plan === undefined) {
          const complete = { ...request, ...withDefaults(settings), file: file! };
          choose(async () => (await import('./commands/patch.ts')).patchCommand(complete, proving));
        } else {
          const beside = { ...request, ...settings, file, plan };
          choose(async () => (await import('./commands/patch-plan.ts')).patchPlanCommand(beside, proving));
        }
      },
    )
    .command(
      'revert [files..]',
      'turn a patched file back into its original, bit for bit',
      y =>
        y
          .positional('files', { describe: 'FILE: a module that tocsin patched', type: 'string', array: true })
          .option('output', { alias: 'o', describe: 'where the original goes', type: 'string', requiresArg: true })
          .option('force', { describe: 'replace a write-protected OUT', type: 'boolean', default: false })
          .example('$0 revert patched.ko -o original.ko', 'undo the last patch'),
      argv => {
        requireSingle(argv);
        const file = onlyFile('revert', strings(argv.files));
        const { output, force } = argv;
        if (output === undefined) throw new UsageError('revert: say where the original goes: -o OUT');
        choose(async () =>
          (await import('./commands/revert.ts')).revertCommand({ file, output, force, ...common(argv) }),
        );
      },
    )
    .command(
      'diff [files..]',
      'show what changed between two objects, function by function',
      y => diffOptions(y),
      argv => {
        requireSingle(argv);
        const files = strings(argv.files);
        if (files.length !== 2) throw new UsageError(`diff: give two files, OLD and NEW; ${files.length} given`);
        const request = { old: files[0]!, new: files[1]!, format: argv.format, ...common(argv) };
        choose(async () => (await import('./commands/diff.ts')).diffCommand(request));
      },
    )
    .command(
      'kernel [files..]',
      'read what a kernel asks of its modules, and write it as an index',
      y => kernelOptions(y),
      argv => {
        requireSingle(argv);
        const files = strings(argv.files);
        if (files.length > 1) throw new UsageError(`kernel: give one VMLINUX; ${files.length} given`);
        if (files.length === 0 && argv.systemMap === undefined)
          throw new UsageError('kernel: give a VMLINUX, or --system-map with the other pieces');
        // Another command takes it several times.
        if (Array.isArray(argv.symvers)) throw new UsageError('--symvers is given several times; it can be given once');
        const request = {
          file: files[0],
          output: argv.output,
          symvers: argv.symvers,
          config: argv.config,
          systemMap: argv.systemMap,
          module: argv.module,
          structures: argv.structure,
          root: argv.root,
          format: argv.format,
          force: argv.force,
          ...common(argv),
        };
        choose(async () => (await import('./commands/kernel.ts')).kernelCommand(request));
      },
    )
    .command(
      'check [files..]',
      'say what a kernel will do with modules, before they are loaded',
      y => checkOptions(y, positive('--jobs')),
      argv => {
        requireSingle(argv);
        const files = strings(argv.files);
        if (files.length === 0 && argv.filesFrom === undefined)
          throw new UsageError('check: give a FILE, a folder, or --files-from');
        const { filesFrom, kernel, modules, parameters, format, report, jobs } = argv;
        const { proof, signatures, allowUnproved, explain } = argv;
        const how = { proof, signatures, allowUnproved, explain, format, report, jobs };
        const request = { files, filesFrom, kernel, modules, parameters, ...how, ...common(argv) };
        choose(async () => (await import('./commands/check.ts')).checkCommand(request));
      },
    )
    .command(
      'load [files..]',
      "write a module's memory as the kernel's loader would leave it",
      y => loadOptions(y),
      argv => {
        requireSingle(argv);
        const file = onlyFile('load', strings(argv.files));
        const { kernel, output, sections, bases, base, kallsyms, modules, parameters, format, force } = argv;
        if (kernel === undefined) throw new UsageError('load: say for which kernel: --kernel K');
        if (output === undefined) throw new UsageError('load: say where the image goes: -o DIR');
        if ([sections, bases, base].filter(given => given !== undefined).length !== 1)
          throw new UsageError('load: say where the module lies, by one of --sections, --bases and --base');
        const where = { sections, bases, base, kallsyms, modules };
        const request = { file, kernel, output, ...where, parameters, format, force, ...common(argv) };
        choose(async () => (await import('./commands/load.ts')).loadCommand(request));
      },
    )
    .command(
      'explain [files..]',
      'cause and remedy of a code; all codes where none is given',
      y =>
        y
          .positional('files', {
            describe: 'CODE: as it stands in brackets behind a message',
            type: 'string',
            array: true,
          })
          .example('$0 explain REL303', 'what "Expected nop after call" is about'),
      argv => {
        requireSingle(argv);
        const codes = strings(argv.files);
        choose(async () => (await import('./commands/explain.ts')).explainCommand({ codes }));
      },
    )
    .completion(
      'completion',
      'print a script that completes commands, options and their values in bash or zsh',
      (_current: string, _argv: unknown, byYargs: () => void, done: (found: string[]) => void) => {
        const found = wordsAfter(words, /zsh/.test(`${process.env.SHELL} ${process.env.ZSH_NAME}`));
        if (found === undefined) byYargs();
        else done([...found]);
      },
    )
    .demandCommand(1, 'give a command: scan, patch, revert, diff, check, load, kernel or explain')
    .recommendCommands()
    .strict()
    .version(version)
    .alias('version', 'V')
    .help()
    .alias('help', 'h')
    .epilogue('Exit codes: 0 done, 1 refused or different, 2 bad usage or input.')
    .wrap(Math.min(110, process.stdout.columns || 110))
    .exitProcess(false)
    .fail((message, error) => {
      if (error !== undefined && error !== null) throw error;
      throw new UsageError(message);
    });
}

function strategy(text: string | undefined): StrategyText | undefined {
  if (text === undefined || isStrategy(text)) return text;
  throw new UsageError(`patch: --strategy ${text}: give auto, ${STRATEGIES.join(', ')} or custom:FILE.o`);
}

/** Who signs what `patch` writes, if anybody does. */
function signing({
  signKey,
  signCert,
  signHash,
}: Readonly<Record<`sign${'Key' | 'Cert'}`, string | undefined>> & { readonly signHash: SigningHash }):
  | SigningArguments
  | undefined {
  if (signKey === undefined && signCert === undefined) return undefined;
  if (signKey === undefined || signCert === undefined)
    throw new UsageError('patch: --sign-key and --sign-cert go together');
  return { key: signKey, certificate: signCert, hash: signHash };
}

function onlyFile(command: string, files: readonly string[]): string {
  if (files.length !== 1) throw new UsageError(`${command}: give one FILE; ${files.length} given`);
  return files[0]!;
}

function positive(option: string): (value: string | readonly string[] | undefined) => number | undefined {
  return value => {
    if (value === undefined) return undefined;
    if (typeof value !== 'string')
      throw new UsageError(`${option} is given ${value.length} times; it can be given once`);
    const n = Number(value);
    if (!/^\d+$/.test(value) || n < 1 || n > 1024)
      throw new UsageError(`${option} wants a whole number from 1 to 1024, not "${value}"`);
    return n;
  };
}
