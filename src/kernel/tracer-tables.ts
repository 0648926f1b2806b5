/**
 * The tables in which the compiler recorded where the tracer may write.
 *
 * `-pg` and `-mprofile-kernel` builds have `__mcount_loc` (made by `recordmcount` or the compiler), `-fpatchable-function-entry`
 * builds `__patchable_function_entries`. In a relocatable file the 8-byte entries are zero and a relocation (ADDR64)
 * fills each; several sections may bear the name before the module's last link. A linked kernel keeps the entries
 * between two symbols; see `vmlinux.ts`.
 */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';

const ascii = (text: string) => new TextEncoder().encode(text);
const MCOUNT_LOC = ascii('__mcount_loc');
const PATCHABLE = ascii('__patchable_function_entries');

/** Bytes of one record. */
export const RECORD_SIZE = 8;

export type TracerTableKind = 'mcount' | 'patchable';

export interface TracerTable {
  readonly kind: TracerTableKind;
  readonly section: Section;
}

export function tracerTableKind(section: Section): TracerTableKind | undefined {
  if (section.isNamed(MCOUNT_LOC)) return 'mcount';
  return section.isNamed(PATCHABLE) ? 'patchable' : undefined;
}

/** The tracer tables of a relocatable file, in section order. */
export function tracerTables(elf: ElfFile): TracerTable[] {
  const tables: TracerTable[] = [];
  for (const section of elf.sections) {
    const kind = section.index > 0 ? tracerTableKind(section) : undefined;
    if (kind !== undefined) tables.push({ kind, section });
  }
  return tables;
}
