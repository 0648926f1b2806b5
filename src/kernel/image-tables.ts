/**
 * Tables of the kernel that its code finds by their two ends, `__start_NAME` and `__stop_NAME`, as they are in a linked image that may have
 * been patched before: then they have more rows, and these symbols still tell where they were. What a patch adds is a section
 * `NAME.tocsin` (`.2`, `.3` and so on for later ones): rows behind the last one, or the whole table in another place (plan/image.ts, `GrownTable`).
 */
import type { ElfFile } from '../elf/read.ts';
import { loadSegments, symbolAddress } from './image-layout.ts';

export interface TableEnds {
  readonly start: bigint;
  readonly stop: bigint;
}

/** The section that a patch has made a section for more of, by the name of the latter; the same name where no patch has. */
export function addedTo(name: string): string {
  return name.replace(/\.tocsin(\.\d+)?$/, '');
}

/** @returns undefined where the image does not tell */
export function tableEnds(elf: ElfFile, name: string): TableEnds | undefined {
  let [start, stop] = [symbolAddress(elf, `__start_${name}`), symbolAddress(elf, `__stop_${name}`)];
  if (start === undefined || stop === undefined || stop < start) return undefined;
  for (const section of elf.sections) {
    if (!section.isAllocated || section.name === name || addedTo(section.name) !== name) continue;
    if (section.sh_addr !== stop) start = section.sh_addr;
    stop = section.sh_addr + BigInt(section.sh_size);
  }
  return { start, stop };
}

/** What the file has for a range of addresses; `undefined` where it does not have all of it. */
export function imageBytes(elf: ElfFile, { start, stop }: TableEnds): DataView | undefined {
  const segment = loadSegments(elf).find(s => start >= s.p_vaddr && stop <= s.p_vaddr + BigInt(s.p_filesz));
  if (segment === undefined || stop < start) return undefined;
  const at = segment.p_offset + Number(start - segment.p_vaddr);
  const size = Number(stop - start);
  return at + size > elf.bytes.length ? undefined : new DataView(elf.bytes.buffer, elf.bytes.byteOffset + at, size);
}
