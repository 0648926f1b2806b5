/**
 * Taking records out of a linked kernel's tracer table.
 *
 * The table keeps its length, because code has the addresses of both its ends; a record that is to go gets a value that the
 * kernel passes over when it starts (`ftrace_process_locs`, kernel/trace/ftrace.c; `ftrace_call_adjust`,
 * arch/powerpc/kernel/trace; read in 6.1, 6.12 and 7.2):
 *
 * - Zero is passed over where it is seen as it is. Kernels with `-mprofile-kernel` (6.1) do not adjust records, so zero it is, and
 *   the R_PPC64_RELATIVE that would move it becomes R_PPC64_NONE.
 * - Kernels with nops (6.12, 7.2) add 4 to a record, in some versions before they look for zero: then zero would be patched at
 *   address 4. But from the version on that has `__exittext_begin` they make zero of what lies in exit code, and the later ones pass over
 *   all that is neither in the kernel's text nor in its init text. The start of the exit code is passed over by all of them.
 *
 * The kernel sorts its table itself when it starts; no order has to be kept.
 */
import type { ElfFile } from '../../elf/read.ts';
import { imageRecords } from '../../kernel/image.ts';
import { symbolAddress } from '../../kernel/image-layout.ts';
import { RECORD_SIZE } from '../../kernel/tracer-tables.ts';
import type { DroppedImageRecord } from '../../plan/image.ts';
import type { RemovedRecord, SiteForm, WordChange } from '../../plan/plan.ts';
import { imageRefusal } from './refusals.ts';
import type { ImageRelocations } from './relocations.ts';

/**
 * Changes the relocations, or the words, of these records.
 *
 * @throws RefusalError PAT122
 */
export function dropImageRecords(
  elf: ElfFile,
  removed: readonly RemovedRecord[],
  form: SiteForm | undefined,
  relocations: ImageRelocations,
): { readonly records: readonly DroppedImageRecord[]; readonly words: readonly WordChange[] } {
  const table = imageRecords(elf);
  if (removed.length === 0 || table === undefined || form === undefined) return { records: [], words: [] };
  const after = passedOver(elf, form);
  const placeOf = ({ offset }: RemovedRecord) => table.start + BigInt(offset);
  relocations.lookUp(new Set(removed.map(placeOf)));
  const words: WordChange[] = [];
  const records = removed.map(record => {
    const place = placeOf(record);
    if (!relocations.isFilled(place)) words.push(...stored(elf, relocations, place, after));
    else {
      const entry = relocations.entryOf(place);
      if (entry === undefined)
        throw imageRefusal('PAT122', { what: `its word at 0x${place.toString(16)} is filled in another way than all` });
      if (after === 0n) {
        relocations.drop(entry);
        words.push(...stored(elf, relocations, place, 0n));
      } else relocations.setValue(entry, after);
    }
    return { offset: record.offset, before: table.values[record.offset / RECORD_SIZE]!, after };
  });
  return { records, words };
}

/** The value that a record gets. */
function passedOver(elf: ElfFile, form: SiteForm): bigint {
  if (form === 'mprofile-kernel' || form === 'mprofile-kernel-lr') return 0n;
  if (form === 'pg') throw imageRefusal('PAT122', { what: 'the kernel was built with -pg' });
  const at = (name: string) => symbolAddress(elf, name) ?? 0n;
  const [start, end] = [at('__exittext_begin'), at('__exittext_end')];
  const isText = (from: string, to: string) => start >= at(from) && start < at(to);
  if (start === 0n || end <= start || isText('_stext', '_etext') || isText('_sinittext', '_einittext'))
    throw imageRefusal('PAT122', { what: 'no value is known that this version of the kernel passes over' });
  return start;
}

/** The words of a record that no relocation fills, or none any more. */
function stored(elf: ElfFile, relocations: ImageRelocations, place: bigint, value: bigint): WordChange[] {
  const spot = relocations.spotOf(place);
  if (spot === undefined) throw imageRefusal('PAT122', { what: 'its table does not lie in the file' });
  const { section, offset } = spot;
  const halves = [Number(value & 0xffff_ffffn), Number(value >> 32n)];
  const old = elf.sectionWords(elf.sections[section]!);
  return halves.flatMap((after, i) => {
    const before = old[offset / 4 + i]!;
    return before === after ? [] : [{ section, offset: offset + i * 4, before, after }];
  });
}
