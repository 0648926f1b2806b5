/** The words of a linked image by address. */
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';

const [MFLR_0, BCL_NEXT, MFLR_12, MTLR_0, MTCTR_12, BCTR] = [
  0x7c0802a6, 0x429f0005, 0x7d8802a6, 0x7c0803a6, 0x7d8903a6, 0x4e800420,
] as const;

export class ImageWords {
  readonly #code: readonly Section[];
  readonly #elf: ElfFile;

  constructor(elf: ElfFile) {
    this.#elf = elf;
    this.#code = elf.sections.filter(s => s.isCode && s.hasContents && s.sh_addr > 0n);
  }

  /** The word of code at an address; `undefined` where there is none. */
  at(address: bigint): number | undefined {
    for (const s of this.#code)
      if (address >= s.sh_addr && address < s.sh_addr + BigInt(s.sh_size))
        return this.#elf.sectionWords(s)[Number(address - s.sh_addr) / 4];
    return undefined;
  }

  /** Where a `b` at an address leads, or a `bl`; `undefined` where there is none. */
  branchAt(address: bigint, links = false): bigint | undefined {
    const word = this.at(address);
    if (word === undefined || (word & 0xfc000003) >>> 0 !== (links ? 0x48000001 : 0x48000000)) return undefined;
    return address + BigInt(((word & 0x03fffffc) << 6) >> 6);
  }

  /** What `addis r2,r12; addi r2,r2` at an address, entered with it in r12, make of r2. */
  tocAt(start: bigint): bigint | undefined {
    const [high, low] = [this.at(start) ?? 0, this.at(start + 4n) ?? 0];
    if (high >>> 16 !== 0x3c4c || low >>> 16 !== 0x3842) return undefined;
    return start + BigInt(((high << 16) >> 16) * 0x10000 + ((low << 16) >> 16));
  }

  /**
   * Where code at `start` goes on that makes r2 the TOC from its own place, with LR as it was; `undefined` where it is not such code,
   * or makes something else of r2.
   */
  goesWithToc(start: bigint, toc: bigint): bigint | undefined {
    const [a, b, c, d, high, low] = Array.from({ length: 6 }, (_, i) => this.at(start + BigInt(4 * i)) ?? 0) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const isPlain = a === MFLR_0 && b === BCL_NEXT && c === MFLR_12 && d === MTLR_0;
    if (!isPlain || high >>> 16 !== 0x3c4c || low >>> 16 !== 0x3842) return undefined;
    const r2 = start + 8n + BigInt(((high << 16) >> 16) * 0x10000 + ((low << 16) >> 16));
    return r2 === toc ? this.branchAt(start + 24n) : undefined;
  }

  /** The address that code at `start` computes in r12 from its own place, and goes to, with LR as it was. */
  entersByAddress(start: bigint): bigint | undefined {
    const words = Array.from({ length: 8 }, (_, i) => this.at(start + BigInt(4 * i)) ?? 0);
    const [a, b, c, d, high, low, g, h] = words as [number, number, number, number, number, number, number, number];
    const isPlain = a === MFLR_0 && b === BCL_NEXT && c === MFLR_12 && d === MTLR_0 && g === MTCTR_12 && h === BCTR;
    if (!isPlain || high >>> 16 !== 0x3d8c || low >>> 16 !== 0x398c) return undefined;
    return start + 8n + BigInt(((high << 16) >> 16) * 0x10000 + ((low << 16) >> 16));
  }
}

/** A place of the image as one string. */
export function placeName(section: number, offset: number): string {
  return `${section}+${offset}`;
}
