/** Changes of an image's dynamic relocations, entry by entry: as words of `.rela.dyn` and `.dynamic`. */
import type { ElfFile } from '../../elf/read.ts';
import { RELA_WORDS, type Relocations } from '../../elf/relocations.ts';
import type { Section } from '../../elf/section.ts';
import {
  type DynamicRelocations,
  dynamicRelocations,
  R_PPC64_NONE,
  R_PPC64_RELATIVE,
} from '../../kernel/image-layout.ts';
import type { WordChange } from '../../plan/plan.ts';
import { imageRefusal } from './refusals.ts';

const ENTRY = 24;

export class ImageRelocations {
  readonly words: WordChange[] = [];
  readonly #elf: ElfFile;
  readonly #dynamic: DynamicRelocations | undefined;
  readonly #table: Relocations | undefined;
  /** The entry by the place that it fills; -1 where several do. */
  readonly #entries = new Map<bigint, number>();
  /** Entries from here on need not be R_PPC64_RELATIVE. */
  #leading: number;

  /** @throws RefusalError PAT121 where the image's dynamic relocations are not those that the kernel applies */
  constructor(elf: ElfFile) {
    this.#elf = elf;
    this.#dynamic = dynamicRelocations(elf);
    if (this.#dynamic === undefined && elf.sectionNamed('.rela.dyn') !== undefined)
      throw imageRefusal('PAT121', { what: '.dynamic does not describe .rela.dyn as the kernel reads it' });
    this.#table = this.#dynamic && elf.relocations(this.#dynamic.section);
    this.#leading = Number(this.#dynamic?.count?.value ?? 0n);
  }

  /** Makes the entries of these places known, in one walk over the table. */
  lookUp(places: ReadonlySet<bigint>): void {
    const table = this.#table;
    if (table === undefined) return;
    const lows = new Set<number>();
    for (const place of places) lows.add(Number(place & 0xffff_ffffn));
    const { words } = table;
    for (let i = 0, w = 0; i < table.count; i++, w += RELA_WORDS) {
      if (!lows.has(words[w]!)) continue;
      const place = (BigInt(words[w + 1]!) << 32n) | BigInt(words[w]!);
      if (places.has(place)) this.#entries.set(place, this.#entries.has(place) ? -1 : i);
    }
  }

  /** The R_PPC64_RELATIVE that fills `place`, which was looked up; `undefined` where there is none, or more than it. */
  entryOf(place: bigint): number | undefined {
    const entry = this.#entries.get(place) ?? -1;
    const isRelative = entry >= 0 && this.#table!.type(entry) === R_PPC64_RELATIVE && this.#table!.symbol(entry) === 0;
    return isRelative ? entry : undefined;
  }

  /** Whether anything at all fills `place`. */
  isFilled(place: bigint): boolean {
    return this.#entries.has(place);
  }

  /** From now on the entry stores `value`. */
  setValue(entry: number, value: bigint): void {
    this.#put(entry, 4, Number(value & 0xffff_ffffn));
    this.#put(entry, 5, Number(value >> 32n));
  }

  /** From now on the entry does nothing: R_PPC64_NONE, which the kernel passes over. */
  drop(entry: number): void {
    this.#put(entry, 2, R_PPC64_NONE);
    this.setValue(entry, 0n);
    this.#leading = Math.min(this.#leading, entry);
  }

  #put(entry: number, field: number, after: number): void {
    const before = this.#table!.words[entry * RELA_WORDS + field]!;
    if (before === after) return;
    this.words.push({ section: this.#dynamic!.section.index, offset: entry * ENTRY + field * 4, before, after });
  }

  /**
   * Ends the changes: DT_RELACOUNT says how many entries at the beginning are all R_PPC64_RELATIVE, DT_RELASZ how many bytes there
   * are with `added` entries behind the last one.
   *
   * @throws RefusalError PAT126 where there is no room for these
   */
  finish(added: number): readonly WordChange[] {
    const { count, dynamic, size, section } = this.#dynamic ?? {};
    if (added > 0) {
      if (section === undefined) throw imageRefusal('PAT126', { what: 'the image has none' });
      const room = this.#roomBehind(section);
      if (room < added * ENTRY)
        throw imageRefusal('PAT126', { what: `${added} more want ${added * ENTRY} bytes, and ${room} are free` });
      const before = Number(size!.value);
      this.words.push({ section: dynamic!.index, offset: size!.offset + 8, before, after: before + added * ENTRY });
    }
    const was = Number(count?.value ?? 0n);
    if (count !== undefined && this.#leading !== was)
      this.words.push({ section: dynamic!.index, offset: count.offset + 8, before: was, after: this.#leading });
    return this.words;
  }

  /** Bytes of zeros behind a section, up to the next one. */
  #roomBehind(section: Section): number {
    const end = section.sh_addr + BigInt(section.sh_size);
    let next: bigint | undefined;
    for (const s of this.#elf.sections)
      if (s.isAllocated && s.sh_addr >= end && s.sh_size > 0 && (next === undefined || s.sh_addr < next))
        next = s.sh_addr;
    const room = next === undefined ? 0 : Number(next - end);
    const start = section.sh_offset + section.sh_size;
    const free = this.#elf.bytes.subarray(start, start + room).findIndex(b => b !== 0);
    return free < 0 ? room : free;
  }

  /** The section that holds `place` in the file, and where in it. */
  spotOf(place: bigint): { readonly section: number; readonly offset: number } | undefined {
    for (const s of this.#elf.sections)
      if (s.isAllocated && s.hasContents && place >= s.sh_addr && place < s.sh_addr + BigInt(s.sh_size))
        return { section: s.index, offset: Number(place - s.sh_addr) };
    return undefined;
  }
}
