import type { ElfFile } from '../elf/read.ts';

export type ObjectKind = 'module' | 'vmlinux' | 'object';

const THIS_MODULE = new TextEncoder().encode('.gnu.linkonce.this_module');

/** A linked image is taken for a kernel; a relocatable file with a `struct module` in it is a module. */
export function objectKind(elf: ElfFile): ObjectKind {
  if (!elf.isRelocatable) return 'vmlinux';
  return elf.sections.some(s => s.index > 0 && s.isNamed(THIS_MODULE)) ? 'module' : 'object';
}
