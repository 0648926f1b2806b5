/**
 * A second reader. After each write of a module the elf-tools package reads the bytes as well, and both readers have to
 * see the same sections: number, names, types, places, sizes and contents. It shares no line with `src/elf`, so a mistake
 * that `src/elf` makes in writing and again in reading shows here.
 *
 * What it is like (1.1.2), and what follows:
 *
 * - It turns 8-byte header fields round in the buffer that it reads, so it gets a copy.
 * - It throws on a 64-bit value that a double cannot hold. Relocatable files have none; linked kernels have many and are
 *   not given to it.
 * - It does not know extended section numbering.
 * - It decodes flags with the table for types, and takes section names for ASCII of 7 bits. Flags are not compared, and
 *   names are compared in those 7 bits.
 * - It gives sections without contents in the file (SHT_NOBITS) the bytes at their offset. Those are not compared.
 */
import { EHDR_SIZE, SHDR_SIZE, SHN_XINDEX, SHT_NOBITS, SHT_NULL } from '../elf/constants.ts';
import { type ElfFile, readElf } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';

interface ReaderDifference {
  /** Number of the section; absent where the file as a whole is meant. */
  readonly section?: number;
  readonly field: string;
  readonly tocsin: string;
  readonly elfTools: string;
}

export interface CrossCheck {
  readonly agreed: boolean;
  /** Sections that both readers were asked about. */
  readonly sections: number;
  /** Bytes of contents that were compared. */
  readonly bytes: number;
  readonly differences: readonly ReaderDifference[];
  /** Why the package was not asked at all; `agreed` is true then. */
  readonly skipped?: string;
}

/** The package's words for section types; other types have none, or one of another system. */
const TYPE_WORDS: Readonly<Record<number, string>> = {
  0: 'null',
  1: 'progbits',
  2: 'symtab',
  3: 'strtab',
  4: 'rela',
  7: 'note',
  8: 'nobits',
  9: 'rel',
  11: 'dynsym',
  14: 'init_array',
  15: 'fini_array',
  16: 'preinit_array',
  17: 'group',
  18: 'symtab_shndx',
};

type ParsedImage = ReturnType<typeof import('elf-tools')['default']['parse']>;

/**
 * Compares what elf-tools reads in `bytes` with what tocsin reads there.
 *
 * @param bytes a whole file; not changed
 * @param elf the same bytes as tocsin reads them
 * @param copy the same bytes once more, for the package alone: it turns header fields round in them. `bytes` itself where nobody else
 *   looks at them meanwhile: then the headers are put back
 */
export async function crossCheck(
  bytes: Uint8Array,
  elf: ElfFile = readElf(bytes),
  copy: Uint8Array | undefined = undefined,
): Promise<CrossCheck> {
  const skipped = reasonToSkip(elf);
  if (skipped !== undefined) return { agreed: true, sections: 0, bytes: 0, differences: [], skipped };
  const { default: elfTools } = await import('elf-tools');
  const headers = copy === bytes ? headersOf(elf).map(own => [own, own.slice()] as const) : [];
  let image: ParsedImage;
  try {
    image = elfTools.parse(copy === undefined ? Buffer.from(bytes) : bufferOver(copy));
  } catch (error) {
    const elfToolsSays = error instanceof Error ? error.message : String(error);
    return unreadable(elf, elfToolsSays);
  } finally {
    for (const [own, kept] of headers) own.set(kept);
  }
  return compare(elf, image);
}

/** What the package turns round. */
function headersOf({ bytes, header, sections }: ElfFile): readonly Uint8Array[] {
  return [bytes.subarray(0, EHDR_SIZE), bytes.subarray(header.e_shoff, header.e_shoff + sections.length * SHDR_SIZE)];
}

function reasonToSkip(elf: ElfFile): string | undefined {
  if (!elf.isRelocatable) return 'elf-tools cannot hold the addresses of a linked image';
  const counts = elf.words[15]!;
  if ((counts & 0xffff) === 0 || counts >>> 16 === SHN_XINDEX)
    return 'elf-tools does not know extended section numbering';
  return undefined;
}

function unreadable(elf: ElfFile, message: string): CrossCheck {
  const difference = {
    field: 'file',
    tocsin: `${elf.sections.length} sections`,
    elfTools: `cannot read it: ${message}`,
  };
  return { agreed: false, sections: 0, bytes: 0, differences: [difference] };
}

function compare(elf: ElfFile, image: ParsedImage): CrossCheck {
  const differences: ReaderDifference[] = [];
  const expect = (section: number | undefined, field: string, tocsin: unknown, elfTools: unknown) => {
    if (tocsin === elfTools) return;
    const place = section === undefined ? {} : { section };
    differences.push({ ...place, field, tocsin: String(tocsin), elfTools: String(elfTools) });
  };
  const { header } = image;
  expect(undefined, 'class', '64', header.class);
  expect(undefined, 'byte order', 'lsb', header.endian);
  expect(undefined, 'e_type', 'rel', header.type);
  expect(undefined, 'e_machine', 'ppc64', header.machine);
  expect(undefined, 'e_flags', elf.header.e_flags, header.flags);
  expect(undefined, 'e_shoff', elf.header.e_shoff, header.shoff);
  expect(undefined, 'e_shstrndx', elf.header.shstrndx, header.shstrndx);
  expect(undefined, 'number of sections', elf.sections.length, image.sections.length);
  let bytes = 0;
  const sections = Math.min(elf.sections.length, image.sections.length);
  for (let i = 0; i < sections; i++) {
    const section = elf.sections[i]!;
    const { header: other, data } = image.sections[i]!;
    expect(i, 'name', sevenBits(section.name), other.name);
    const word = TYPE_WORDS[section.sh_type];
    if (word !== undefined) expect(i, 'sh_type', word, other.type);
    expect(i, 'sh_addr', Number(section.sh_addr), other.addr);
    expect(i, 'sh_offset', section.sh_offset, other.offset);
    expect(i, 'sh_size', section.sh_size, other.size);
    expect(i, 'sh_link', section.sh_link, other.link);
    expect(i, 'sh_info', section.sh_info, other.info);
    expect(i, 'sh_addralign', section.sh_addralign, other.addralign);
    expect(i, 'sh_entsize', section.sh_entsize, other.entsize);
    if (section.sh_type === SHT_NOBITS || section.sh_type === SHT_NULL) continue;
    bytes += section.sh_size;
    if (!sameBytes(elf, section, data)) expect(i, 'contents', `${section.sh_size} bytes`, `${data.length} other bytes`);
  }
  return { agreed: differences.length === 0, sections, bytes, differences };
}

function sameBytes(elf: ElfFile, section: Section, data: Buffer): boolean {
  const own = elf.contents(section);
  // Where the package was given the very same memory, the place says it all.
  const isOnePlace = own.buffer === data.buffer && own.byteOffset === data.byteOffset && own.length === data.length;
  return isOnePlace || Buffer.compare(own, data) === 0;
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function sevenBits(name: string): string {
  return Buffer.from(name).toString('ascii');
}
