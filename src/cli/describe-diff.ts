/** The options of `diff`, for yargs. */
import type { Argv } from 'yargs';

export function diffOptions<T>(y: Argv<T>) {
  return y
    .positional('files', { describe: 'OLD and NEW', type: 'string', array: true })
    .option('format', {
      describe: 'how to print',
      choices: ['text', 'json'] as const,
      requiresArg: true,
      default: 'text' as const,
    })
    .example('$0 diff original.ko patched.ko', 'changed functions with their disassembly');
}
