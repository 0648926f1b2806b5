/**
 * Tables of a module that name code which the kernel rewrites, watches or jumps to after loading: their layouts as data.
 *
 * A field is relative either to itself (`.long target - .`) or to the start of its entry (`.8byte label - entry`, as
 * `FTR_ENTRY_OFFSET` does); in the second form S + A of the field's relocation is the target plus the field's offset in
 * the entry. A pair of fields can bound a range [start, end). Layouts: `asm/feature-fixups.h`, `asm/extable.h`,
 * `asm-generic/bug.h`, `asm/jump_label.h`, `linux/static_call_types.h`, read in 6.1 and 6.12.
 */
import type { Section } from '../elf/section.ts';

/** What the kernel does at the places that a table names. */
export type FixupKind = 'exception' | 'bug' | 'jump label' | 'static call' | 'feature fixup' | 'tracer record';

export interface FixupField {
  /** Bytes from the start of the entry. */
  readonly offset: number;
  readonly relativeTo: 'field' | 'entry' | 'nothing';
  /** Bytes at the target that the table is about, where the field stands alone. */
  readonly covers: number;
  /** This field ends the range that the field before it begins. */
  readonly endsRange?: true;
}

export interface FixupTable {
  readonly kind: FixupKind;
  readonly entrySize: number;
  readonly fields: readonly FixupField[];
}

const point = (offset: number, relativeTo: FixupField['relativeTo'], covers: number): FixupField => ({
  offset,
  relativeTo,
  covers,
});

const end = (offset: number): FixupField => ({ offset, relativeTo: 'entry', covers: 0, endsRange: true });

/** Mask, value, then start and end of the code and of its alternative: `MAKE_FTR_SECTION_ENTRY`. */
const feature: FixupTable = {
  kind: 'feature fixup',
  entrySize: 48,
  fields: [point(16, 'entry', 4), end(24), point(32, 'entry', 4), end(40)],
};

/** One place; `words` instructions from there on are replaced. */
const single = (words: number): FixupTable => ({
  kind: 'feature fixup',
  entrySize: 8,
  fields: [point(0, 'entry', words * 4)],
});

const record: FixupTable = { kind: 'tracer record', entrySize: 8, fields: [point(0, 'nothing', 4)] };

const tables = new Map<string, FixupTable>([
  ['__ex_table', { kind: 'exception', entrySize: 8, fields: [point(0, 'field', 4), point(4, 'field', 4)] }],
  ['__bug_table', { kind: 'bug', entrySize: 12, fields: [point(0, 'field', 4)] }],
  ['__jump_table', { kind: 'jump label', entrySize: 16, fields: [point(0, 'field', 4), point(4, 'field', 4)] }],
  ['.static_call_sites', { kind: 'static call', entrySize: 8, fields: [point(0, 'field', 4)] }],
  ['__ftr_fixup', feature],
  ['__mmu_ftr_fixup', feature],
  ['__fw_ftr_fixup', feature],
  ['__lwsync_fixup', single(1)],
  ['__barrier_nospec_fixup', single(1)],
  ['__spec_barrier_fixup', single(1)],
  ['__rfi_flush_fixup', single(4)],
  ['__entry_flush_fixup', single(4)],
  ['__scv_entry_flush_fixup', single(4)],
  ['__uaccess_flush_fixup', single(4)],
  ['__stf_entry_barrier_fixup', single(3)],
  ['__stf_exit_barrier_fixup', single(6)],
  [
    '__btb_flush_fixup',
    { kind: 'feature fixup', entrySize: 16, fields: [point(0, 'entry', 4), { ...end(8), relativeTo: 'entry' }] },
  ],
  ['__mcount_loc', record],
  ['__patchable_function_entries', record],
]);

/** A fixup table of a kernel that tocsin does not know: places, with room for the longest sequence that is known. */
const unknownFixup = single(8);

/** The layout of a section that is such a table. */
export function fixupTable(section: Pick<Section, 'name'>): FixupTable | undefined {
  const known = tables.get(section.name);
  if (known !== undefined) return known;
  return /^__.*_fixup$/.test(section.name) ? unknownFixup : undefined;
}
