/** What a section holds, as far as comparing it goes. */
import {
  SHF_MERGE,
  SHF_STRINGS,
  SHT_GROUP,
  SHT_NULL,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
} from '../elf/constants.ts';
import type { Section } from '../elf/section.ts';

/**
 * - `structure`: symbol tables, string tables, relocations, groups: compared by what they say about other sections.
 * - `strings`: NUL-ended strings whose order and offsets mean nothing.
 * - `constants`: mergeable constants of `sh_entsize` bytes; the same.
 * - `toc`: 8-byte entries that code reaches through r2; their order means nothing.
 * - `versions`: CRCs of imported symbols, compared by symbol.
 * - `table`: entries about code (tracer records, exceptions, bugs, jump labels, fixups), compared by function.
 */
export type SectionKind =
  | 'structure'
  | 'code'
  | 'strings'
  | 'constants'
  | 'toc'
  | 'modinfo'
  | 'versions'
  | 'table'
  | 'data';

/** Bytes of an entry of the tables that the kernel reads about code (`include/asm`, `arch/powerpc/lib/feature-fixups.c`). */
const entrySizes: Readonly<Record<string, number>> = {
  __mcount_loc: 8,
  __patchable_function_entries: 8,
  __ex_table: 8,
  __bug_table: 12,
  __jump_table: 16,
  __barrier_nospec_fixup: 8,
  __btb_flush_fixup: 8,
  __ftr_fixup: 48,
  __mmu_ftr_fixup: 48,
  __fw_ftr_fixup: 48,
  __lwsync_fixup: 8,
};

/** Bytes of an entry of the table called `name`; `undefined` for what is not such a table. */
export function tableEntrySize(name: string): number | undefined {
  return Object.hasOwn(entrySizes, name) ? entrySizes[name] : undefined;
}

/** `struct modversion_info`: a CRC of 8 bytes, a name of 56. */
export const VERSION_SIZE = 64;

const structures = new Set([SHT_NULL, SHT_RELA, SHT_SYMTAB, SHT_STRTAB, SHT_SYMTAB_SHNDX, SHT_GROUP]);

export function sectionKind(section: Section): SectionKind {
  if (structures.has(section.sh_type)) return 'structure';
  if (section.isCode) return 'code';
  const { name } = section;
  if (name === '.modinfo') return 'modinfo';
  if (name === '.toc') return 'toc';
  if (name === '__versions' && section.sh_size % VERSION_SIZE === 0) return 'versions';
  if (name === '__ksymtab_strings' || ((section.sh_flags & SHF_STRINGS) !== 0 && section.sh_entsize <= 1))
    return 'strings';
  if (tableEntrySize(name) !== undefined) return 'table';
  if ((section.sh_flags & SHF_MERGE) !== 0 && section.sh_entsize > 0 && section.sh_entsize <= 64) return 'constants';
  return 'data';
}
