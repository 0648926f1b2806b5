/** How the global entry of a function of a file finds the TOC. */
import type { ElfFile } from '../elf/read.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import { type TocSetup as AnySetup, tocSetup as setupOf } from '../ppc64/entry-points.ts';

/** As in ppc64/entry-points.ts; code that is none of the known forms counts as none. */
export type TocSetup = Exclude<AnySetup, 'unknown'>;

export function tocSetup(elf: ElfFile, f: KernelFunction): TocSetup {
  if (f.global % 4 !== 0) return f.k === 1 ? 'pcrel' : 'none';
  const words = elf.sectionWords(f.section);
  const setup = setupOf(f.k << 5, words[f.global / 4] ?? 0, words[f.global / 4 + 1] ?? 0);
  return setup === 'unknown' ? 'none' : setup;
}
