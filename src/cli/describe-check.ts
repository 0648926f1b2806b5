/** The options of `check`, for yargs. */
import type { Argv } from 'yargs';

/** @param jobs reads the value of --jobs */
export function checkOptions<T>(
  y: Argv<T>,
  jobs: (value: string | readonly string[] | undefined) => number | undefined,
) {
  return y
    .positional('files', {
      describe: 'FILE: .ko or vmlinux, also packed, or a folder of modules; several resolve one another; - for stdin',
      type: 'string',
      array: true,
    })
    .option('kernel', {
      describe: 'the kernel: an index of tocsin kernel, a vmlinux, or an installed release',
      type: 'string',
      requiresArg: true,
    })
    .option('modules', {
      describe: 'import from all modules below this folder too (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('parameters', {
      describe: 'arguments of the module, as insmod takes them',
      type: 'string',
      requiresArg: true,
    })
    .option('proof', {
      describe: 'judge the functions too; --no-proof for a quick look before loading',
      type: 'boolean',
      default: true,
    })
    .option('signatures', {
      describe: 'verify signatures; with --no-proof --no-signatures many files are looked through quickest',
      type: 'boolean',
      default: true,
    })
    .option('allow-unproved', {
      describe: 'let functions pass that are neither proved nor refuted',
      type: 'boolean',
      default: false,
    })
    .option('explain', {
      describe: 'derive the verdict about this function, instruction by instruction',
      type: 'string',
      requiresArg: true,
    })
    .option('files-from', {
      describe: 'read names of files from this file, one a line; - for stdin',
      type: 'string',
      requiresArg: true,
    })
    .option('format', {
      describe: 'how to print',
      choices: ['table', 'json', 'ndjson', 'sarif', 'junit'] as const,
      requiresArg: true,
      default: 'table' as const,
    })
    .option('report', {
      describe: 'also write a report to this file (.json, .ndjson, .sarif, .xml for JUnit, .txt)',
      type: 'string',
      requiresArg: true,
    })
    .option('jobs', {
      alias: 'j',
      describe: 'worker threads',
      type: 'string',
      requiresArg: true,
      coerce: jobs,
    })
    .example('$0 check demo.ko --kernel 6.1.0-50-powerpc64le', 'for an installed kernel')
    .example('$0 check demo.ko --kernel vmlinux.index --explain demo_add', 'why a function is proved, or is not')
    .example('$0 check a.ko b.ko --kernel vmlinux.index --format sarif', 'modules that import from each other')
    .example(
      '$0 check demo.ko --kernel vmlinux --modules /lib/modules/6.1.0-50-powerpc64le',
      'imports of other modules too',
    );
}
