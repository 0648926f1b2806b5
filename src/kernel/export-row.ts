/** Rows of a module's export tables in an object in the making (include/linux/export-internal.h, include/asm-generic/export.h). */
import { SHF_ALLOC } from '../elf/constants.ts';
import type { ObjectDraft } from '../elf/object-draft.ts';
import type { ExportForm } from './export-form.ts';

const R_PPC64_ADDR64 = 38;
const SHF_MERGE_STRINGS = 0x30;
/** Address, name and namespace, eight bytes each. */
const ROW_SIZE = 24;

export interface ExportRow {
  /** Number of the symbol in the draft. */
  readonly symbol: number;
  readonly name: string;
  /** Empty for none. */
  readonly namespace: string;
  readonly gplOnly: boolean;
}

/** `__ksymtab`, or `__ksymtab_gpl` where a kernel has two tables. */
export function exportTable(gplOnly: boolean, { hasFlags }: ExportForm): string {
  return gplOnly && !hasFlags ? '__ksymtab_gpl' : '__ksymtab';
}

/** Adds a row, its strings, and its flags where the kernel has them. */
export function addExportRow(draft: ObjectDraft, form: ExportForm, row: ExportRow): void {
  const strings = draft.section('__ksymtab_strings', SHF_ALLOC | SHF_MERGE_STRINGS, 1, 1);
  const table = draft.section(exportTable(row.gplOnly, form), SHF_ALLOC, 8);
  const at = table.append(new Uint8Array(ROW_SIZE));
  const name = strings.append(Buffer.from(`${row.name}\0`, 'latin1'));
  const namespace = strings.append(Buffer.from(`${row.namespace}\0`, 'latin1'));
  const fill = (offset: number, symbol: number, addend: number) =>
    table.relocations.push({ offset: at + offset, type: R_PPC64_ADDR64, symbol, addend });
  fill(0, row.symbol, 0);
  fill(8, draft.start(strings), name);
  fill(16, draft.start(strings), namespace);
  if (form.hasFlags) draft.section('__kflagstab', SHF_ALLOC, 1).append(Uint8Array.of(row.gplOnly ? 1 : 0));
}

/** Adds the checksum of the next row of `table`. */
export function addChecksum(draft: ObjectDraft, table: string, crc: number): void {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, crc, true);
  draft.section(table.replace('sym', 'crc'), SHF_ALLOC, 4).append(bytes);
}
