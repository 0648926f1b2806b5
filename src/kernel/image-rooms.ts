/**
 * Free room in a linked kernel image: what its linker left empty between sections, in the part of memory that the kernel maps as the
 * contents need it and keeps (image-layout.ts). A gap is free if it is in the file, all zero, and neither a symbol nor an address
 * constant names a place in it. The room of the tracer and of the linker's own stubs lies inside `.text`, so it is no gap.
 */
import type { ElfFile } from '../elf/read.ts';
import { RELA_WORDS } from '../elf/relocations.ts';
import type { RoomKind } from '../plan/image.ts';
import { dynamicRelocations, loadSegments, symbolAddress } from './image-layout.ts';

interface Gap {
  readonly start: bigint;
  readonly end: bigint;
  readonly fileOffset: number;
}

/** Where the kind may lie, the best place first. Code that is not far from `.text` is where people look for it. */
const PLACES: Readonly<Record<RoomKind, readonly (readonly [from: string, to: string])[]>> = {
  code: [
    ['_stext', '_etext'],
    ['_etext', '__init_begin'],
  ],
  constants: [['_etext', '__init_begin']],
  data: [['_sdata', '_edata']],
};

export interface Room {
  readonly address: bigint;
  readonly fileOffset: number;
}

/** Gives room away; what it has given is taken. */
export class ImageRooms {
  readonly #free = new Map<RoomKind, Gap[]>();

  constructor(elf: ElfFile) {
    const gaps = unknownGaps(elf, gapsOf(elf));
    for (const kind of ['code', 'constants', 'data'] as const) {
      const found: Gap[] = [];
      for (const [from, to] of PLACES[kind]) {
        const [a, b] = [symbolAddress(elf, from), symbolAddress(elf, to)];
        if (a === undefined || b === undefined) continue;
        // The largest first: of many small ones each would be too small soon.
        found.push(
          ...gaps
            .filter(g => g.start >= a && g.end <= b)
            .sort((x, y) => Number(y.end - y.start) - Number(x.end - x.start)),
        );
      }
      this.#free.set(kind, found);
    }
  }

  /** Bytes of the largest room of a kind. */
  largest(kind: RoomKind): number {
    return this.#free.get(kind)!.reduce((most, g) => Math.max(most, Number(g.end - g.start)), 0);
  }

  /** As `take`, at the beginning of a room: behind what lies in front of it. */
  takeAt(kind: RoomKind, address: bigint, size: number): Room | undefined {
    const gap = this.#free.get(kind)!.find(g => g.start === address);
    return gap === undefined ? undefined : this.#taken(gap, address, size);
  }

  /** `size` bytes, the address a multiple of `alignment`; `undefined` where there is no such room. */
  take(kind: RoomKind, size: number, alignment: number): Room | undefined {
    const step = BigInt(Math.max(alignment, 16));
    for (const gap of this.#free.get(kind)!) {
      const address = ((gap.start + step - 1n) / step) * step;
      const room = this.#taken(gap, address, size);
      if (room !== undefined) return room;
    }
    return undefined;
  }

  #taken(gap: Gap, address: bigint, size: number): Room | undefined {
    const end = address + BigInt(size);
    if (end > gap.end) return undefined;
    const fileOffset = gap.fileOffset + Number(address - gap.start);
    for (const list of this.#free.values())
      for (const [i, g] of list.entries())
        if (g.start === gap.start)
          list[i] = { start: end, end: g.end, fileOffset: g.fileOffset + Number(end - g.start) };
    return { address, fileOffset };
  }
}

/** Room for data behind the last byte that the file has for a segment, up to the next section: the file would have to get longer. */
export function roomBehindFile(elf: ElfFile, address: bigint, size: number): Room | undefined {
  const segment = loadSegments(elf).find(s => s.p_vaddr + BigInt(s.p_filesz) === address);
  const end = symbolAddress(elf, '_edata');
  if (segment === undefined || end === undefined) return undefined;
  const next = elf.sections
    .filter(s => s.isAllocated && s.sh_size > 0 && s.sh_addr >= address)
    .reduce((least, s) => (s.sh_addr < least ? s.sh_addr : least), end);
  const fileOffset = segment.p_offset + segment.p_filesz;
  const isFree =
    address + BigInt(size) <= next && unknownGaps(elf, [{ start: address, end: next, fileOffset }]).length > 0;
  return isFree ? { address, fileOffset } : undefined;
}

/** Between sections with an address, where the file has bytes for it. */
function gapsOf(elf: ElfFile): Gap[] {
  const sections = elf.sections
    .filter(s => s.isAllocated && s.sh_size > 0)
    .map(s => ({ start: s.sh_addr, end: s.sh_addr + BigInt(s.sh_size) }))
    .sort((a, b) => (a.start < b.start ? -1 : 1));
  const segments = loadSegments(elf);
  const gaps: Gap[] = [];
  let end: bigint | undefined;
  for (const section of sections) {
    if (end !== undefined && section.start > end) {
      const start = (end + 3n) & ~3n;
      const segment = segments.find(
        s => start >= s.p_vaddr && section.start <= s.p_vaddr + BigInt(s.p_filesz) && section.start > start,
      );
      if (segment !== undefined) {
        const fileOffset = segment.p_offset + Number(start - segment.p_vaddr);
        const size = Number(section.start - start);
        if (elf.bytes.subarray(fileOffset, fileOffset + size).every(b => b === 0))
          gaps.push({ start, end: section.start, fileOffset });
      }
    }
    if (end === undefined || section.end > end) end = section.end;
  }
  return gaps;
}

/** Those in which nothing is named. */
function unknownGaps(elf: ElfFile, gaps: readonly Gap[]): Gap[] {
  const known = new Set<Gap>();
  // What r2 points to is no place: it lies 0x8000 behind the start of `.got`, whatever is there.
  const toc = symbolAddress(elf, '.TOC.');
  const mark = (address: bigint) => {
    if (address === toc) return;
    for (const gap of gaps) if (address > gap.start && address < gap.end) known.add(gap);
  };
  const { symbols } = elf;
  const low = Number((gaps[0]?.start ?? 0n) & 0xffff_ffffn);
  const high = Number((gaps.at(-1)?.end ?? 0n) & 0xffff_ffffn);
  for (let i = 1; symbols !== undefined && i < symbols.count; i++)
    if (symbols.sectionOf(i) !== 0 && symbols.valueLow(i) >= low && symbols.valueLow(i) <= high)
      mark(symbols.address(i));
  const dynamic = dynamicRelocations(elf);
  if (dynamic !== undefined) {
    const { words } = elf.relocations(dynamic.section);
    const starts = gaps.map(g => Number(g.start & 0xffff_ffffn));
    const ends = gaps.map(g => Number(g.end & 0xffff_ffffn));
    for (let w = 0; w < words.length; w += RELA_WORDS)
      for (const at of [w, w + 4])
        for (let g = 0; g < starts.length; g++)
          if (words[at]! > starts[g]! && words[at]! < ends[g]!)
            mark((BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!));
  }
  return gaps.filter(g => !known.has(g));
}
