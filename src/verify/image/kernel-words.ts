/**
 * Words of an image that the kernel itself rewrites, or looks up, while it runs, from the image's own tables: a patch that changes one would
 * be overwritten, be taken for something else by whoever rewrites it, or leave a row that tells of a word which is gone.
 */
import type { ElfFile } from '../../elf/read.ts';
import { type FixupTable, fixupTable } from '../../kernel/fixups.ts';
import { imageRecords } from '../../kernel/image.ts';
import { addedTo, imageBytes, type TableEnds, tableEnds } from '../../kernel/image-tables.ts';
import type { ImagePlan } from '../../plan/image.ts';
import { firstWhere } from '../../util/search.ts';
import { count, type Report } from '../verification.ts';

/** Tables that code finds by their ends: a section of their own tells of them in some images only. */
const BY_ENDS = ['__jump_table', '__ex_table', '__bug_table'];
const isBranch = (word: number) => word >>> 26 === 18;

interface KnownWord {
  readonly from: bigint;
  readonly to: bigint;
  readonly table: string;
  /** Control comes in here, and nothing is done to the word. */
  readonly isTarget: boolean;
}

/** @returns in words, what was looked at */
export function checkKernelWords(report: Report, input: ElfFile, plan: ImagePlan): string {
  const changed = plan.words.flatMap(({ section: index, offset, before, after }) => {
    const section = input.sections[index];
    return section?.isCode === true
      ? [{ section, offset, at: section.sh_addr + BigInt(offset), isLed: isBranch(before) || !isBranch(after) }]
      : [];
  });
  if (changed.length === 0) return 'no word of code changes';
  const places = new Map(changed.map(c => [c.at, c]));
  const gone = new Set(plan.records.map(r => r.before));
  for (const value of imageRecords(input)?.values ?? []) {
    const found = gone.has(value) ? undefined : places.get(value);
    if (found !== undefined)
      report.error('VER288', 'the tracer patches the word that changes', found.section, found.offset);
  }
  const sorted = changed.sort((a, b) => (a.at < b.at ? -1 : 1));
  let rows = 0;
  for (const { from, to, table, isTarget } of knownWords(input)) {
    rows++;
    for (
      let i = firstWhere(sorted.length, n => sorted[n]!.at >= from - 3n);
      i < sorted.length && sorted[i]!.at < to;
      i++
    ) {
      const { section, offset, isLed } = sorted[i]!;
      if (isTarget && isLed) continue;
      const what = isTarget ? 'may jump to' : 'rewrites, or looks up,';
      report.error('VER288', `by ${table} the kernel ${what} the word that changes`, section, offset);
    }
  }
  return `${count(changed.length, 'word')} of code that the kernel does not rewrite or look up, by ${count(rows, 'place')} in its tables`;
}

function* knownWords(elf: ElfFile): Generator<KnownWord> {
  for (const name of BY_ENDS) {
    const ends = tableEnds(elf, name);
    if (ends !== undefined) yield* rowsOf(elf, name, ends, fixupTable({ name })!);
  }
  for (const { name: given, isAllocated, hasContents, sh_addr, sh_size } of elf.sections) {
    const name = addedTo(given);
    const table = isAllocated && hasContents ? fixupTable({ name }) : undefined;
    if (table !== undefined && table.kind !== 'tracer record')
      yield* rowsOf(elf, name, { start: sh_addr, stop: sh_addr + BigInt(sh_size) }, table);
  }
}

function* rowsOf(elf: ElfFile, name: string, ends: TableEnds, { kind, entrySize, fields }: FixupTable) {
  const view = imageBytes(elf, ends);
  for (let at = 0; view !== undefined && at + entrySize <= view.byteLength; at += entrySize)
    for (const [i, field] of fields.entries()) {
      if (field.endsRange === true) continue;
      const target = (f: typeof field) =>
        f.relativeTo === 'field'
          ? ends.start + BigInt(at + f.offset) + BigInt(view.getInt32(at + f.offset, true))
          : ends.start + BigInt(at) + view.getBigInt64(at + f.offset, true);
      const from = target(field);
      const last = fields[i + 1]?.endsRange === true ? target(fields[i + 1]!) : from;
      const least = from + BigInt(Math.max(field.covers, 4));
      // What an exception or a jump label goes on with.
      const isTarget = i > 0 && (kind === 'exception' || kind === 'jump label');
      yield { from, to: fields[i + 1]?.endsRange === true ? last : least, table: name, isTarget };
    }
}
