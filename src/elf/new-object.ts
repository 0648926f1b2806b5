/** A relocatable object from nothing: sections, relocations and global symbols, laid out one behind the other. */

import {
  EHDR_SIZE,
  ET_REL,
  RELA_SIZE,
  SHDR_SIZE,
  SHF_INFO_LINK,
  SHT_PROGBITS,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  STB_GLOBAL,
  STT_SECTION,
  SYM_SIZE,
} from './constants.ts';
import { putWord } from './editor.ts';

const EM_PPC64 = 21;
/** `e_flags`: ELFv2. */
const ABI_2 = 2;

export interface ObjectSection {
  readonly name: string;
  readonly sh_flags: number;
  readonly sh_addralign: number;
  readonly sh_entsize?: number;
  readonly contents: Uint8Array;
  /** `symbol`: number in the list of symbols, or -1 - k for the start of the k-th section. */
  readonly relocations: readonly {
    readonly offset: number;
    readonly type: number;
    readonly symbol: number;
    readonly addend: number;
  }[];
}

/** A global symbol; without a section it is undefined. */
export interface ObjectSymbol {
  readonly name: string;
  readonly type: number;
  readonly st_other: number;
  /** Number in the list of sections. */
  readonly section?: number;
  readonly value: number;
  readonly size: number;
}

/** The bytes of an ELF64 little-endian ET_REL file for ppc64. Its section k is the k-th given one, counted from 1. */
export function newObject(sections: readonly ObjectSection[], symbols: readonly ObjectSymbol[]): Uint8Array {
  const strings = new Strings();
  const locals = sections.length + 1;
  const symtab = new Uint8Array((locals + symbols.length) * SYM_SIZE);
  const view = new DataView(symtab.buffer);
  for (let i = 1; i < locals; i++) {
    symtab[i * SYM_SIZE + 4] = STT_SECTION;
    view.setUint16(i * SYM_SIZE + 6, i, true);
  }
  symbols.forEach((s, i) => {
    const at = (locals + i) * SYM_SIZE;
    putWord(symtab, at, strings.add(s.name));
    symtab[at + 4] = (STB_GLOBAL << 4) | s.type;
    symtab[at + 5] = s.st_other;
    view.setUint16(at + 6, s.section === undefined ? 0 : s.section + 1, true);
    view.setBigUint64(at + 8, BigInt(s.value), true);
    view.setBigUint64(at + 16, BigInt(s.size), true);
  });
  const symtabIndex = sections.length + 1;
  const headers: Header[] = sections.map(s => ({ ...s, sh_type: SHT_PROGBITS, sh_link: 0, sh_info: 0 }));
  headers.push({
    ...PLAIN,
    name: '.symtab',
    sh_type: SHT_SYMTAB,
    sh_link: symtabIndex + 1,
    sh_info: locals,
    contents: symtab,
    sh_addralign: 8,
    sh_entsize: SYM_SIZE,
  });
  headers.push({ ...PLAIN, name: '.strtab', sh_type: SHT_STRTAB, contents: strings.bytes() });
  sections.forEach((s, i) => {
    if (s.relocations.length === 0) return;
    const contents = new Uint8Array(s.relocations.length * RELA_SIZE);
    const out = new DataView(contents.buffer);
    s.relocations.forEach((r, k) => {
      out.setBigUint64(k * RELA_SIZE, BigInt(r.offset), true);
      out.setUint32(k * RELA_SIZE + 8, r.type, true);
      out.setUint32(k * RELA_SIZE + 12, r.symbol < 0 ? -r.symbol : locals + r.symbol, true);
      out.setBigInt64(k * RELA_SIZE + 16, BigInt(r.addend), true);
    });
    headers.push({
      name: `.rela${s.name}`,
      sh_type: SHT_RELA,
      sh_flags: SHF_INFO_LINK,
      sh_link: symtabIndex,
      sh_info: i + 1,
      sh_addralign: 8,
      sh_entsize: RELA_SIZE,
      contents,
    });
  });
  return fileOf(headers);
}

interface Header {
  readonly name: string;
  readonly sh_type: number;
  readonly sh_flags: number;
  readonly sh_link: number;
  readonly sh_info: number;
  readonly sh_addralign: number;
  readonly sh_entsize?: number;
  readonly contents: Uint8Array;
}

const PLAIN = { sh_flags: 0, sh_link: 0, sh_info: 0, sh_addralign: 1 };

/** Header, contents, section headers. */
function fileOf(sections: readonly Header[]): Uint8Array {
  const names = new Strings();
  const offsets = sections.map(s => names.add(s.name));
  const ownName = names.add('.shstrtab');
  const all = [...sections, { ...PLAIN, name: '.shstrtab', sh_type: SHT_STRTAB, contents: names.bytes() }];
  let size = EHDR_SIZE;
  const places = all.map(s => {
    const at = Math.ceil(size / s.sh_addralign) * s.sh_addralign;
    size = at + s.contents.length;
    return at;
  });
  const table = Math.ceil(size / 8) * 8;
  const bytes = new Uint8Array(table + (all.length + 1) * SHDR_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_REL, true);
  view.setUint16(18, EM_PPC64, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(table), true);
  view.setUint32(48, ABI_2, true);
  view.setUint16(52, EHDR_SIZE, true);
  view.setUint16(58, SHDR_SIZE, true);
  view.setUint16(60, all.length + 1, true);
  view.setUint16(62, all.length, true);
  all.forEach((s, i) => {
    const at = table + (i + 1) * SHDR_SIZE;
    bytes.set(s.contents, places[i]!);
    view.setUint32(at, offsets[i] ?? ownName, true);
    view.setUint32(at + 4, s.sh_type, true);
    view.setBigUint64(at + 8, BigInt(s.sh_flags), true);
    view.setBigUint64(at + 24, BigInt(places[i]!), true);
    view.setBigUint64(at + 32, BigInt(s.contents.length), true);
    view.setUint32(at + 40, s.sh_link, true);
    view.setUint32(at + 44, s.sh_info, true);
    view.setBigUint64(at + 48, BigInt(s.sh_addralign), true);
    view.setBigUint64(at + 56, BigInt(s.sh_entsize ?? 0), true);
  });
  return bytes;
}

class Strings {
  #text = '\0';
  readonly #known = new Map<string, number>();

  add(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const at = this.#text.length;
    this.#known.set(text, at);
    this.#text += `${text}\0`;
    return at;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.#text, 'latin1');
  }
}
