/** The options of `load`, for yargs. */
import type { Argv } from 'yargs';

export function loadOptions<T>(y: Argv<T>) {
  const text = (describe: string) => ({ describe, type: 'string' as const, requiresArg: true });
  return y
    .positional('files', { describe: 'FILE: a module, also packed', type: 'string', array: true })
    .option('kernel', text('the kernel: an index of tocsin kernel, a vmlinux, or an installed release'))
    .option('output', { ...text('the folder that is written: a file for each section, and map.json'), alias: 'o' })
    .option('sections', text("addresses of the sections: a file of lines NAME ADDRESS, from a module's /sys/module"))
    .option('bases', text('bases of the memory areas, in the same form'))
    .option('base', text('one address: the areas follow one another from there'))
    .option('kallsyms', text('addresses of the running kernel: a copy of /proc/kallsyms'))
    .option('modules', {
      describe: 'modules that are loaded before: files or folders (repeatable)',
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
    })
    .option('parameters', text('arguments of the module, as insmod takes them'))
    .option('format', {
      describe: 'how to print the map',
      choices: ['text', 'json'] as const,
      requiresArg: true,
      default: 'text' as const,
    })
    .option('force', { describe: 'replace an earlier output in DIR', type: 'boolean', default: false })
    .example('$0 load ext4.ko --kernel vmlinux --base 0xc008000000000000 -o image', 'as the kernel would lay it out')
    .example(
      '$0 load ext4.ko --kernel 6.1.0-50-powerpc64le --sections sections.txt --kallsyms kallsyms.txt -o image',
      'as it lies in a running kernel',
    );
}
