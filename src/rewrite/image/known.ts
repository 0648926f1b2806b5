/**
 * What knows words of a linked image's code, beside its branches: address constants, and the tables that relocations name in an object
 * (known-words.ts) and that hold distances here.
 */
import type { ElfFile } from '../../elf/read.ts';
import { RELA_WORDS } from '../../elf/relocations.ts';
import { type FixupTable, fixupTable } from '../../kernel/fixups.ts';
import { imageRecords, sectionAt } from '../../kernel/image.ts';
import { dynamicRelocations, R_PPC64_RELATIVE, symbolAddress } from '../../kernel/image-layout.ts';
import { addedTo } from '../../kernel/image-tables.ts';
import type { SectionIndex, SectionOffset } from '../../util/indexes.ts';

export interface KnownRange {
  readonly section: SectionIndex;
  readonly from: SectionOffset;
  readonly to: SectionOffset;
  readonly what: 'address' | 'table' | 'rewritten' | 'record';
}

const JUMP_LABEL = fixupTable({ name: '__jump_table' })!;

export function* knownRanges(elf: ElfFile): Generator<KnownRange> {
  const code = elf.sections.filter(s => s.isCode && s.sh_addr > 0n);
  const place = (address: bigint, length: number, what: KnownRange['what']): KnownRange | undefined => {
    for (const s of code)
      if (address >= s.sh_addr && address < s.sh_addr + BigInt(s.sh_size)) {
        const from = Number(address - s.sh_addr);
        return { section: s.index, from, to: from + length, what };
      }
    return undefined;
  };
  const dynamic = dynamicRelocations(elf);
  const words = dynamic === undefined ? new Uint32Array(0) : elf.relocations(dynamic.section).words;
  const records = imageRecords(elf);
  const [first, end] = [records?.start ?? 0n, (records?.start ?? 0n) + BigInt((records?.values.length ?? 0) * 8)];
  const at = (w: number) => (BigInt(words[w + 1]!) << 32n) | BigInt(words[w]!);
  for (let w = 0; w < words.length; w += RELA_WORDS) {
    if (words[w + 2] !== R_PPC64_RELATIVE) continue;
    const known = place(at(w + 4), 4, 'address');
    // What fills a record is no way to the place.
    if (known !== undefined && !(at(w) >= first && at(w) < end)) yield known;
  }
  for (const value of records?.values ?? []) {
    const known = place(value, 4, 'record');
    if (known !== undefined) yield known;
  }
  for (const section of elf.sections) {
    const name = addedTo(section.name);
    const table = section.isAllocated && section.hasContents ? fixupTable({ name }) : undefined;
    if (table === undefined || table.kind === 'tracer record') continue;
    for (const [address, length] of tablePlaces(section.sh_addr, elf.contents(section), table)) {
      const known = place(address, length, table.kind === 'feature fixup' ? 'rewritten' : 'table');
      if (known !== undefined) yield known;
    }
  }
  const [start, stop] = [symbolAddress(elf, '__start___jump_table'), symbolAddress(elf, '__stop___jump_table')];
  const home = start === undefined ? undefined : sectionAt(elf, start);
  if (start === undefined || stop === undefined || home === undefined) return;
  const from = Number(start - home.sh_addr);
  const bytes = elf.contents(home).subarray(from, from + Number(stop - start));
  for (const [address, length] of tablePlaces(start, bytes, JUMP_LABEL)) {
    const known = place(address, length, 'table');
    if (known !== undefined) yield known;
  }
}

/** Addresses that a table of distances names, and how many bytes there it is about. */
function* tablePlaces(start: bigint, bytes: Uint8Array, table: FixupTable): Generator<readonly [bigint, number]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { entrySize, fields } = table;
  for (let at = 0; at + entrySize <= bytes.length; at += entrySize) {
    let range: bigint | undefined;
    for (const field of fields) {
      const target =
        field.relativeTo === 'field'
          ? start + BigInt(at + field.offset) + BigInt(view.getInt32(at + field.offset, true))
          : start + BigInt(at) + view.getBigInt64(at + field.offset, true);
      if (field.endsRange === true) {
        if (range !== undefined && target > range) yield [range, Number(target - range)];
        continue;
      }
      range = target;
      yield [target, Math.max(field.covers, 4)];
    }
  }
}
