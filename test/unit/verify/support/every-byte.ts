/** Each byte of a file changed, in several ways, one at a time. */
import type { ElfFile } from '../../../../src/elf/read.ts';

export interface SpoiltByte {
  readonly at: number;
  readonly was: number;
  readonly is: number;
}

/** A bit of its own, nothing, all bits, the neighbours, and (in the last byte of a little-endian word) the next opcode. */
function waysFor(was: number, at: number): ReadonlySet<number> {
  const ways = new Set([was ^ (1 << ((at * 5) % 8)), 0, 0xff, (was + 1) & 0xff, (was - 1) & 0xff, was ^ 4, was ^ 0x80]);
  ways.delete(was);
  return ways;
}

/**
 * Calls `look` with the file, one byte of it changed; the bytes are the same array each time, and whole again afterwards.
 *
 * @param every takes only every n-th change
 */
export function spoilEach(
  bytes: Uint8Array,
  every: number,
  look: (spoilt: Uint8Array, byte: SpoiltByte) => void,
): void {
  const copy = bytes.slice();
  let seen = 0;
  for (let at = 0; at < copy.length; at++) {
    const was = copy[at]!;
    for (const is of waysFor(was, at)) {
      if (seen++ % every !== 0) continue;
      copy[at] = is;
      look(copy, { at, was, is });
    }
    copy[at] = was;
  }
}

/** Where a byte of a file lies: `SECTION+0xOFFSET`, a field of a header, or `between`. */
export function placeOfByte(elf: ElfFile, { at, was, is }: SpoiltByte): string {
  const change = `0x${was.toString(16)} -> 0x${is.toString(16)}`;
  const { header, sections } = elf;
  const section = sections.find(s => s.hasContents && s.sh_offset <= at && at < s.sh_offset + s.sh_size);
  if (section !== undefined) return `${section.name}+0x${(at - section.sh_offset).toString(16)} ${change}`;
  const row = Math.floor((at - header.e_shoff) / 64);
  if (row >= 0 && row < sections.length)
    return `header of ${row} ${sections[row]!.name}+${(at - header.e_shoff) % 64} ${change}`;
  return `${at < 64 ? 'ELF header' : 'between'} ${at} ${change}`;
}
