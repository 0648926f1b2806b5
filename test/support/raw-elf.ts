/**
 * A second, plain way to read an ELF64 little-endian file, for tests: everything is copied into objects, nothing is
 * checked. It shares nothing with `src/elf`.
 */

export interface RawSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: bigint;
  readonly address: bigint;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entsize: number;
  /** Where its header stands in the file. */
  readonly header: number;
  readonly contents: Uint8Array;
}

export interface RawSymbol {
  readonly index: number;
  readonly name: string;
  readonly info: number;
  readonly other: number;
  /** With the extended table applied. */
  readonly section: number;
  /** Whether `section` is a special value (0xff00 and above, not extended). */
  readonly special: boolean;
  readonly value: bigint;
  readonly size: bigint;
}

export interface RawRelocation {
  readonly offset: bigint;
  readonly type: number;
  readonly symbol: number;
  readonly addend: bigint;
}

const NOBITS = 8;
const SYMTAB = 2;
const SHNDX = 18;

export class RawElf {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly shoff: number;
  readonly sections: readonly RawSection[];
  readonly symbols: readonly RawSymbol[];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.shoff = Number(this.view.getBigUint64(40, true));
    const count = this.view.getUint16(60, true) || Number(this.view.getBigUint64(this.shoff + 32, true));
    const named = this.view.getUint16(62, true);
    const names = named === 0xffff ? this.view.getUint32(this.shoff + 40, true) : named;
    const nameBytes = this.#contents(this.shoff + names * 64);
    this.sections = Array.from({ length: count }, (_, i) => this.#section(i, nameBytes));
    this.symbols = this.#readSymbols();
  }

  #contents(header: number): Uint8Array {
    const type = this.view.getUint32(header + 4, true);
    const offset = Number(this.view.getBigUint64(header + 24, true));
    const size = Number(this.view.getBigUint64(header + 32, true));
    return type === NOBITS || type === 0 ? new Uint8Array(0) : this.bytes.subarray(offset, offset + size);
  }

  #section(index: number, names: Uint8Array): RawSection {
    const at = this.shoff + index * 64;
    const long = (field: number) => this.view.getBigUint64(at + field, true);
    return {
      index,
      name: text(names, this.view.getUint32(at, true)),
      type: this.view.getUint32(at + 4, true),
      flags: long(8),
      address: long(16),
      offset: Number(long(24)),
      size: Number(long(32)),
      link: this.view.getUint32(at + 40, true),
      info: this.view.getUint32(at + 44, true),
      align: Number(long(48)),
      entsize: Number(long(56)),
      header: at,
      contents: this.#contents(at),
    };
  }

  #readSymbols(): RawSymbol[] {
    const table = this.sections.find(s => s.type === SYMTAB);
    if (table === undefined) return [];
    const strings = this.sections[table.link]!.contents;
    const extended = this.sections.find(s => s.type === SHNDX && s.link === table.index)?.contents;
    const view = viewOf(table.contents);
    return Array.from({ length: table.contents.length / 24 }, (_, index) => {
      const at = index * 24;
      const shndx = view.getUint16(at + 6, true);
      const section = shndx === 0xffff && extended !== undefined ? viewOf(extended).getUint32(index * 4, true) : shndx;
      return {
        index,
        name: text(strings, view.getUint32(at, true)),
        info: view.getUint8(at + 4),
        other: view.getUint8(at + 5),
        section,
        special: shndx >= 0xff00 && shndx !== 0xffff,
        value: view.getBigUint64(at + 8, true),
        size: view.getBigUint64(at + 16, true),
      };
    });
  }

  named(name: string): RawSection {
    const found = this.sections.find(s => s.name === name);
    if (found === undefined) throw new Error(`no section ${name}`);
    return found;
  }

  relocations(section: RawSection): RawRelocation[] {
    const view = viewOf(section.contents);
    return Array.from({ length: section.contents.length / 24 }, (_, i) => ({
      offset: view.getBigUint64(i * 24, true),
      type: view.getUint32(i * 24 + 8, true),
      symbol: view.getUint32(i * 24 + 12, true),
      addend: view.getBigInt64(i * 24 + 16, true),
    }));
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function text(strings: Uint8Array, at: number): string {
  const end = strings.indexOf(0, at);
  return Buffer.from(strings.subarray(at, end < 0 ? undefined : end)).toString('utf8');
}
