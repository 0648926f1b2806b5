/**
 * Tables of the kernel that objects have rows for, in a linked image. The kernel finds a table by its two ends, which its code knows
 * (rewrite/image/table-ends.ts changes that), so a table may grow where there is room behind it, or get another place:
 *
 * - `__bug_table` (lib/bug.c) is written at run time, in no order, and the last thing of the kernel's data: it grows in its place, and
 *   only its end is another one.
 * - `__ex_table` (kernel/extable.c) is searched by halves, so it has to be sorted, and is read-only: all of it moves, and the old one stays.
 *
 * Rows hold distances from their own fields.
 */
import type { ElfFile } from '../elf/read.ts';
import { sectionAt } from '../kernel/image.ts';
import { symbolAddress } from '../kernel/image-layout.ts';
import { imageBytes, type TableEnds, tableEnds } from '../kernel/image-tables.ts';
import { mergeRefusal } from './refusals.ts';

export const EXCEPTIONS = '__ex_table';
export const BUGS = '__bug_table';
export const BUG_ROW = 12;
export const EXCEPTION_ROW = 8;

/** What a row of the exception table names. */
export interface ExceptionRow {
  readonly insn: bigint;
  readonly fixup: bigint;
}

interface TableBytes extends TableEnds {
  readonly view: DataView;
}

/** @throws RefusalError PAT190 */
function tableOf(image: ElfFile, name: string): TableBytes {
  const ends = tableEnds(image, name);
  const view = ends && imageBytes(image, ends);
  if (ends === undefined || view === undefined)
    throw mergeRefusal('PAT190', { section: name, what: 'the image does not tell where it begins and ends' });
  return { ...ends, view };
}

/** The end of the bug table, where rows may be added; the image's rows have to be of the size that is known. @throws RefusalError PAT190 */
export function endOfBugs(image: ElfFile): TableEnds {
  const { start, stop, view } = tableOf(image, BUGS);
  const code = image.sections.filter(s => s.isCode && s.sh_addr > 0n);
  const isCode = (v: bigint) => code.some(s => v >= s.sh_addr && v < s.sh_addr + BigInt(s.sh_size));
  let isKnown = view.byteLength % BUG_ROW === 0;
  for (let at = 0; isKnown && at < view.byteLength; at += BUG_ROW)
    isKnown = isCode(start + BigInt(at) + BigInt(view.getInt32(at, true)));
  if (!isKnown) throw mergeRefusal('PAT190', { section: BUGS, what: `its rows are not ${BUG_ROW} bytes each` });
  return { start, stop };
}

/** The image's rows. @throws RefusalError PAT190 where they are not sorted */
export function exceptionRows(image: ElfFile): ExceptionRow[] {
  const { start, view } = tableOf(image, EXCEPTIONS);
  const sorts = symbolAddress(image, 'main_extable_sort_needed');
  const home = sorts === undefined ? undefined : sectionAt(image, sorts);
  const isSortedAtBoot =
    sorts !== undefined &&
    home !== undefined &&
    image
      .contents(home)
      .subarray(Number(sorts - home.sh_addr), Number(sorts - home.sh_addr) + 4)
      .some(b => b !== 0);
  const rows = rowsIn(view, start);
  const isSorted =
    view.byteLength % EXCEPTION_ROW === 0 && rows.every((r, i) => i === 0 || rows[i - 1]!.insn <= r.insn);
  if (!isSorted || isSortedAtBoot)
    throw mergeRefusal('PAT190', {
      section: EXCEPTIONS,
      what: 'the kernel sorts it when it starts: its build has not',
    });
  return rows;
}

/** @param at address of the first row */
export function rowsIn(view: DataView, at: bigint): ExceptionRow[] {
  const rows: ExceptionRow[] = [];
  for (let offset = 0; offset + EXCEPTION_ROW <= view.byteLength; offset += EXCEPTION_ROW) {
    const place = at + BigInt(offset);
    const insn = place + BigInt(view.getInt32(offset, true));
    rows.push({ insn, fixup: place + 4n + BigInt(view.getInt32(offset + 4, true)) });
  }
  return rows;
}

/** Rows in order, as a table that begins at an address. */
export function exceptionTable(rows: readonly ExceptionRow[], start: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(rows.length * EXCEPTION_ROW));
  const sorted = [...rows].sort((a, b) => (a.insn < b.insn ? -1 : a.insn > b.insn ? 1 : 0));
  sorted.forEach(({ insn, fixup }, i) => {
    const at = start + BigInt(i * EXCEPTION_ROW);
    view.setInt32(i * EXCEPTION_ROW, Number(insn - at), true);
    view.setInt32(i * EXCEPTION_ROW + 4, Number(fixup - at - 4n), true);
  });
  return new Uint8Array(view.buffer);
}
