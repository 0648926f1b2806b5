/**
 * A linked kernel: its tracer table, and the stubs that the linker put between distant sections.
 *
 * The table lies between `__start_mcount_loc` and `__stop_mcount_loc`, whatever the compiler's way of recording was. In a
 * relocatable kernel each entry has an R_PPC64_RELATIVE in `.rela.dyn` whose addend is the value; the word in the file
 * may be zero, so the relocation is asked first. Where the distance to a target is too long for a branch, ld puts
 * `N.long_branch.NAME` (one `b`) or `N.plt_branch.NAME` (address loaded from `.branch_lt` through r2) between.
 */
import { SHT_RELA } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Relocations } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import { big64 } from '../util/bytes.ts';
import { InputError } from '../util/errors.ts';

const R_PPC64_ADDR64 = 38;
const R_PPC64_RELATIVE = 22;
const TOC_BIAS_SYMBOL = '.TOC.';

/** The section that holds `address`, if one with contents does. */
export function sectionAt(elf: ElfFile, address: bigint): Section | undefined {
  return elf.sections.find(
    s => s.isAllocated && s.hasContents && address >= s.sh_addr && address < s.sh_addr + BigInt(s.sh_size),
  );
}

/** The 64-bit word at `address` as the file has it, or `undefined` outside every section. */
function storedWord(elf: ElfFile, address: bigint): bigint | undefined {
  const section = sectionAt(elf, address);
  if (section === undefined) return undefined;
  const bytes = elf.contents(section);
  const at = Number(address - section.sh_addr);
  if (at + 8 > bytes.length) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(at, true);
}

/**
 * The values that dynamic relocations put into [start, end), by word: index (address - start) / 8.
 *
 * @returns the values, those without a relocation read from the file
 */
export function relocatedWords(elf: ElfFile, start: bigint, end: bigint): BigUint64Array {
  const section = sectionAt(elf, start);
  const count = Number(end - start) / 8;
  if (section === undefined || !Number.isInteger(count) || end > section.sh_addr + BigInt(section.sh_size))
    throw new InputError({
      code: 'ELF031',
      message: 'a table of the kernel does not lie in one section',
      expected: 'a range of whole 8-byte words inside a section',
      found: `0x${start.toString(16)} to 0x${end.toString(16)}`,
      remedy: 'give an unstripped, undamaged vmlinux',
    });
  const values = new BigUint64Array(count);
  const bytes = elf.contents(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const from = Number(start - section.sh_addr);
  for (let i = 0; i < count; i++) values[i] = view.getBigUint64(from + i * 8, true);
  const startLow = Number(start & 0xffff_ffffn);
  const startHigh = Number(start >> 32n);
  const length = count * 8;
  for (const table of elf.sections) {
    if (table.sh_type !== SHT_RELA || !table.isAllocated) continue;
    const relocations = elf.relocations(table);
    const { words } = relocations;
    const inOrder = relocations.sorted && relocations.sameHigh;
    for (let i = inOrder ? firstFrom(relocations, startLow) : 0, w = i * 6; i < relocations.count; i++, w += 6) {
      const distance = (words[w + 1]! - startHigh) * 0x1_0000_0000 + (words[w]! - startLow);
      if (inOrder && distance >= length) break;
      if (distance < 0 || distance >= length || distance % 8 !== 0) continue;
      const type = words[w + 2]!;
      if (type === R_PPC64_RELATIVE) values[distance / 8] = big64(words[w + 4]!, words[w + 5]!);
      else if (type === R_PPC64_ADDR64 && words[w + 3] === 0)
        values[distance / 8] = big64(words[w + 4]!, words[w + 5]!);
    }
  }
  return values;
}

/** The first entry whose r_offset is not below `low` in its lower half. */
function firstFrom({ words, count }: Relocations, low: number): number {
  let from = 0;
  let to = count;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (words[middle * 6]! < low) from = middle + 1;
    else to = middle;
  }
  return from;
}

export interface ImageRecords {
  /** Address of the table's first entry. */
  readonly start: bigint;
  /** One value an entry; zero where the entry is empty. */
  readonly values: BigUint64Array;
}

/** The tracer table of a linked kernel; `undefined` where it has none (no such symbols). */
export function imageRecords(elf: ElfFile): ImageRecords | undefined {
  const symbols = elf.symbols;
  if (symbols === undefined) return undefined;
  const first = symbols.find('__start_mcount_loc');
  const last = symbols.find('__stop_mcount_loc');
  if (first < 0 || last < 0) return undefined;
  const start = symbols.address(first);
  const end = symbols.address(last);
  if (end < start)
    throw new InputError({
      code: 'ELF031',
      message: 'the tracer table ends before it starts',
      expected: '__start_mcount_loc not above __stop_mcount_loc',
      found: `0x${start.toString(16)} and 0x${end.toString(16)}`,
      remedy: 'give an undamaged vmlinux',
    });
  if (start === end) return { start, values: new BigUint64Array(0) };
  return { start, values: relocatedWords(elf, start, end) };
}

/**
 * Whether the kernel passes over a record with a value: its table keeps its length, so that is how a record goes (rewrite/image/records.ts
 * says for which versions this was read). Zero is passed over where records are taken as they are, which is where code calls `_mcount`;
 * where 4 is added to them, those of exit code are.
 *
 * @param callsProfiler whether the image has an `_mcount` to call
 */
export function passedRecords(elf: ElfFile, callsProfiler: boolean): (value: bigint) => boolean {
  const { symbols } = elf;
  const at = (name: string) => {
    const index = symbols?.find(name) ?? -1;
    return symbols === undefined || index < 0 ? 0n : symbols.address(index);
  };
  const [start, end] = [at('__exittext_begin'), at('__exittext_end')];
  return value => (value === 0n ? callsProfiler : start > 0n && value >= start && value < end);
}

export interface Thunk {
  readonly address: bigint;
  /** Where it leads, as far as its code tells. */
  readonly target: bigint | undefined;
  readonly name: string;
}

const MARKER = new TextEncoder().encode('_branch.');

/** The linker's branch stubs, each resolved from its code. */
export function imageThunks(elf: ElfFile): Thunk[] {
  const symbols = elf.symbols;
  if (symbols === undefined) return [];
  const thunks: Thunk[] = [];
  const names = Buffer.from(
    symbols.strings.bytes.buffer,
    symbols.strings.bytes.byteOffset,
    symbols.strings.bytes.length,
  );
  // Few names hold the marker: searching the string table finds them without looking at every symbol's name.
  const found = new Set<number>();
  for (let at = names.indexOf(MARKER); at >= 0; at = names.indexOf(MARKER, at + 1))
    found.add(names.lastIndexOf(0, at) + 1);
  if (found.size === 0) return thunks;
  const toc = symbols.find(TOC_BIAS_SYMBOL);
  for (let i = 1; i < symbols.count; i++) {
    if (!found.has(symbols.st_name(i))) continue;
    const name = symbols.name(i);
    if (!/^[0-9a-f]+\.(long|plt)_branch\./.test(name)) continue;
    const address = symbols.address(i);
    thunks.push({ address, target: thunkTarget(elf, address, toc < 0 ? undefined : symbols.address(toc)), name });
  }
  return thunks;
}

function instructionAt(elf: ElfFile, address: bigint): number | undefined {
  const section = sectionAt(elf, address);
  if (section === undefined) return undefined;
  return elf.sectionWords(section)[Number(address - section.sh_addr) / 4];
}

/** @param toc what r2 holds in the kernel */
function thunkTarget(elf: ElfFile, address: bigint, toc: bigint | undefined): bigint | undefined {
  const first = instructionAt(elf, address) ?? 0;
  if (first >>> 26 === 18 && (first & 3) === 0) return address + BigInt(((first << 6) >> 8) * 4);
  const second = instructionAt(elf, address + 4n) ?? 0;
  // addis r12,r2,HA; ld r12,LO(r12)
  if (toc === undefined || (first & 0xffff0000) >>> 0 !== 0x3d820000 || (second & 0xffff0003) >>> 0 !== 0xe98c0000)
    return undefined;
  const slot = toc + BigInt(((first << 16) >> 16) * 65536 + (((second & 0xfffc) << 16) >> 16));
  if (storedWord(elf, slot) === undefined) return undefined;
  return relocatedWords(elf, slot, slot + 8n)[0];
}
