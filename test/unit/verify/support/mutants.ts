/**
 * Lies in bytes: an ELF file with one thing in it changed. Every field of the section headers, symbols and relocations, every word of
 * contents, and entries that are gone, doubled or have changed places.
 */
import { SHT_RELA } from '../../../../src/elf/constants.ts';
import { type ElfFile, readElf } from '../../../../src/elf/read.ts';

export interface Mutant {
  /** What kind of thing was changed. */
  readonly field: string;
  readonly what: string;
  readonly bytes: () => Uint8Array;
}

const EHDR = 64;
const SHDR = 64;
const SYM = 24;
const RELA = 24;
/** NONE, ADDR32, REL24, REL32, ADDR64, REL64, TOC16_LO, TOC16_HA, REL16_LO, REL16_HA */
const TYPES = [0, 1, 10, 26, 38, 44, 48, 50, 250, 252];
const MASKS = [1, 0x0020_0000, 0x8000_0000, 4, 0x1_0000, 0x0400_0000];

/** @param isWanted which sections' contents, relocations and symbols are to be changed */
export function* mutantsOf(bytes: Uint8Array, isWanted: (section: string) => boolean = () => true): Generator<Mutant> {
  const elf = readElf(bytes);
  yield* headers(elf, bytes);
  yield* symbols(elf, bytes, isWanted);
  for (const section of elf.sections) {
    if (!section.hasContents || section.sh_size === 0 || !isWanted(section.name)) continue;
    if (section.sh_type === SHT_RELA) yield* relocations(elf, bytes, section.index);
    else if (section.index !== elf.symbols?.section.index) yield* contents(elf, bytes, section.index);
  }
  yield* between(elf, bytes);
}

function edited(bytes: Uint8Array, edit: (view: DataView, copy: Uint8Array) => void): () => Uint8Array {
  return () => {
    const copy = bytes.slice();
    edit(new DataView(copy.buffer), copy);
    return copy;
  };
}

function flip(bytes: Uint8Array, at: number, mask: number): () => Uint8Array {
  return edited(bytes, view => view.setUint32(at, (view.getUint32(at, true) ^ mask) >>> 0, true));
}

const HEADER_FIELDS = [
  'sh_name',
  'sh_type',
  'sh_flags',
  'flags, high',
  'sh_addr',
  'addr, high',
  'sh_offset',
  'offset, high',
  'sh_size',
  'size, high',
  'sh_link',
  'sh_info',
  'sh_addralign',
  'align, high',
  'sh_entsize',
  'entsize, high',
];

const FLAGS = [1, 2, 4, 0x10, 0x40, 0x80, 0x100, 0x400, 0x10_0000, 0x20_0000, 0x8000_0000];

function* headers(elf: ElfFile, bytes: Uint8Array): Generator<Mutant> {
  for (let at = 0; at < EHDR; at += 4) yield { field: 'ELF header', what: `word ${at}`, bytes: flip(bytes, at, 1) };
  for (const { index, name } of elf.sections)
    for (const [w, field] of HEADER_FIELDS.entries())
      for (const mask of field === 'sh_flags' ? FLAGS : [1, 4, 16, 0x100]) {
        const at = elf.header.e_shoff + index * SHDR + w * 4;
        yield { field, what: `${name} ^ 0x${mask.toString(16)}`, bytes: flip(bytes, at, mask) };
      }
}

function* symbols(elf: ElfFile, bytes: Uint8Array, isWanted: (section: string) => boolean): Generator<Mutant> {
  const table = elf.symbols!;
  for (let i = 0; i < table.count; i++) {
    const home = elf.sections[table.sectionOf(i)];
    if (i > 0 && !isWanted(home === undefined || home.index === 0 ? 'undefined' : home.name)) continue;
    const at = table.section.sh_offset + i * SYM;
    const name = `${i} ${table.name(i)}`;
    const byte = (field: string, offset: number, mask: number): Mutant => ({
      field: `symbol ${field}`,
      what: `${name} ^ 0x${mask.toString(16)}`,
      bytes: edited(bytes, view => view.setUint8(at + offset, view.getUint8(at + offset) ^ mask)),
    });
    for (const mask of [1, 4]) yield byte('name', 0, mask);
    for (const mask of [1, 2, 3, 0x10, 0x20, 0x30]) yield byte('info', 4, mask);
    for (const mask of [1, 2, 0x20, 0x40, 0x60, 0x80]) yield byte('other', 5, mask);
    for (const mask of [1, 2, 0x80]) yield byte('section', 6, mask);
    for (const mask of [1, 4, 8]) yield byte('value', 8, mask);
    yield byte('value, high', 12, 1);
    for (const mask of [1, 4, 8]) yield byte('size', 16, mask);
    yield byte('size, high', 20, 1);
  }
}

function* relocations(elf: ElfFile, bytes: Uint8Array, index: number): Generator<Mutant> {
  const section = elf.sections[index]!;
  const { count } = elf.relocations(section);
  const header = elf.header.e_shoff + index * SHDR;
  for (let i = 0; i < count; i++) {
    const at = section.sh_offset + i * RELA;
    const what = `${section.name} ${i}`;
    const word = (field: string, offset: number, change: (was: number) => number, note = ''): Mutant => ({
      field: `relocation ${field}`,
      what: `${what} ${note}`,
      bytes: edited(bytes, view => view.setUint32(at + offset, change(view.getUint32(at + offset, true)) >>> 0, true)),
    });
    for (const by of [1, 2, 4, 8, -4]) yield word('offset', 0, was => was + by, `${by}`);
    yield word('offset, high', 4, was => was ^ 1);
    for (const type of TYPES)
      if (type !== elf.relocations(section).type(i)) yield word('type', 8, () => type, `${type}`);
    for (const by of [1, -1, 2, 5]) yield word('symbol', 12, was => was + by, `${by}`);
    for (const by of [1, 2, 4, 8, -4, 0x8000, 0x10000]) yield word('addend', 16, was => was + by, `${by}`);
    yield word('addend, high', 20, was => was ^ 1);
    const last = section.sh_offset + (count - 1) * RELA;
    const size = (by: number) => (view: DataView) =>
      view.setUint32(header + 32, view.getUint32(header + 32, true) + by, true);
    yield {
      field: 'relocation dropped',
      what,
      bytes: edited(bytes, (view, copy) => {
        copy.copyWithin(at, at + RELA, last + RELA);
        size(-RELA)(view);
      }),
    };
    if (i > 0) {
      yield { field: 'relocation twice', what, bytes: edited(bytes, (_, copy) => copy.copyWithin(at, at - RELA, at)) };
      yield {
        field: 'relocation moved',
        what,
        bytes: edited(bytes, (_, copy) => {
          const own = copy.slice(at, at + RELA);
          copy.copyWithin(at, at - RELA, at);
          copy.set(own, at - RELA);
        }),
      };
    }
  }
}

function* contents(elf: ElfFile, bytes: Uint8Array, index: number): Generator<Mutant> {
  const { name, sh_offset, sh_size } = elf.sections[index]!;
  for (let at = 0; at < sh_size; at += 4)
    for (const [k, mask] of MASKS.entries()) {
      const byte = k % 4;
      const place = sh_offset + at;
      if (at + 4 <= sh_size)
        yield { field: `contents ${name}`, what: `${at} ^ 0x${mask.toString(16)}`, bytes: flip(bytes, place, mask) };
      else if (at + byte < sh_size)
        yield {
          field: `contents ${name}`,
          what: `${at + byte} ^ 1`,
          bytes: edited(bytes, view => view.setUint8(place + byte, view.getUint8(place + byte) ^ 1)),
        };
    }
}

/** Bytes of no section and no header. */
function* between(elf: ElfFile, bytes: Uint8Array): Generator<Mutant> {
  const used = new Uint8Array(bytes.length);
  used.fill(1, 0, EHDR);
  used.fill(1, elf.header.e_shoff, elf.header.e_shoff + elf.sections.length * SHDR);
  for (const s of elf.sections) if (s.hasContents) used.fill(1, s.sh_offset, s.sh_offset + s.sh_size);
  for (let at = 0; at < bytes.length; at++)
    if (used[at] === 0)
      yield { field: 'between', what: `${at}`, bytes: edited(bytes, view => view.setUint8(at, view.getUint8(at) ^ 1)) };
}
