/** The options of `scan`, for yargs. */
import type { Argv } from 'yargs';

export function scanOptions<T>(
  y: Argv<T>,
  positive: (value: string | readonly string[] | undefined) => number | undefined,
) {
  return y
    .positional('files', {
      describe: 'FILE: .ko, .o or vmlinux, also packed, or a folder of modules; - for stdin',
      type: 'string',
      array: true,
    })
    .option('files-from', {
      describe: 'read names of files from this file, one a line; - for stdin',
      type: 'string',
      requiresArg: true,
    })
    .option('summary', { describe: 'counts only, one row a file', type: 'boolean', default: false })
    .option('calls', { describe: 'list the calls too', type: 'boolean', default: false })
    .option('functions', { describe: 'only functions whose name matches GLOB', type: 'string', requiresArg: true })
    .option('format', {
      describe: 'how to print',
      choices: ['table', 'json', 'ndjson'] as const,
      requiresArg: true,
      default: 'table' as const,
    })
    .option('jobs', {
      alias: 'j',
      describe: 'worker threads',
      type: 'string',
      requiresArg: true,
      coerce: positive,
    })
    .example('$0 scan ext4.ko', 'functions, entries and call sites of one module')
    .example('$0 scan --summary /lib/modules/$(uname -r)', 'one row for each module below a folder')
    .example("$0 scan --calls --functions 'ext4_*' --format json ext4.ko", 'the calls that some functions make');
}
