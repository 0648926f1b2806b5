/** What yargs is told of `tocsin kernel`. */
import type { Argv } from 'yargs';

export function kernelOptions<T>(y: Argv<T>) {
  return y
    .positional('files', {
      describe: 'VMLINUX: a kernel image, also packed, /lib/modules/RELEASE, or an index to show',
      type: 'string',
      array: true,
    })
    .option('output', { alias: 'o', describe: 'where the index goes', type: 'string', requiresArg: true })
    .option('symvers', {
      describe: 'Module.symvers to hold the exports against',
      type: 'string',
      requiresArg: true,
    })
    .option('config', { describe: "the kernel's .config", type: 'string', requiresArg: true })
    .option('system-map', { describe: 'System.map, for an image without symbols', type: 'string', requiresArg: true })
    .option('module', {
      describe: 'a module of this kernel, for an image without types',
      type: 'string',
      requiresArg: true,
    })
    .option('structure', {
      describe: 'NAME=BYTES: size of a structure, or module.MEMBER=BYTES (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('root', { describe: 'where an unpacked tree begins', type: 'string', requiresArg: true })
    .option('format', {
      describe: 'how to print',
      choices: ['table', 'json'] as const,
      requiresArg: true,
      default: 'table' as const,
    })
    .option('force', { describe: 'replace a write-protected OUT', type: 'boolean', default: false })
    .example('$0 kernel /boot/vmlinux-6.1.0 -o k.index', 'an index for --kernel k.index')
    .example('$0 kernel /lib/modules/$(uname -r)', 'what tocsin knows of the installed kernel');
}
