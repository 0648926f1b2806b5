/**
 * Builds ppc64le ELF64 files from a description, for tests. It shares nothing with `src/elf`: what is tested must not be
 * made by the same hands. All numbers are those of the gABI and the ELFv2 ABI.
 *
 * Sections get their final numbers when they are added, symbols when the file is built (local ones come first). Behind the
 * added sections follow `.rela.*`, `.symtab`, `.symtab_shndx` (where section numbers need it), `.strtab`, `.shstrtab`.
 */

export const ET = { REL: 1, EXEC: 2, DYN: 3 } as const;
export const SHT = {
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  DYNSYM: 11,
  GROUP: 17,
  SHNDX: 18,
} as const;
export const SHF = { WRITE: 1, ALLOC: 2, EXEC: 4, INFO_LINK: 0x40 } as const;
export const SHN = {
  UNDEF: 0,
  LORESERVE: 0xff00,
  LIVEPATCH: 0xff20,
  ABS: 0xfff1,
  COMMON: 0xfff2,
  XINDEX: 0xffff,
} as const;
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4 } as const;
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
export const R = {
  REL24: 10,
  REL14: 11,
  RELATIVE: 22,
  REL32: 26,
  ADDR64: 38,
  REL64: 44,
  TOC16_LO: 48,
  TOC16_HA: 50,
  REL24_NOTOC: 116,
  ENTRY: 118,
  REL16_LO: 250,
  REL16_HA: 252,
} as const;

export interface SectionSpec {
  readonly type?: number;
  readonly flags?: number;
  readonly bytes?: Uint8Array;
  readonly words?: readonly number[];
  /** Size without contents (NOBITS). */
  readonly size?: number;
  readonly align?: number;
  readonly entsize?: number;
  readonly link?: number;
  readonly info?: number;
  readonly address?: bigint;
  /** Bytes of nobody in front of the section. */
  readonly gap?: Uint8Array;
}

export interface SymbolSpec {
  /** Section number, or a special value from 0xff00 on with `special`. Absent: undefined. */
  readonly section?: number;
  readonly special?: boolean;
  readonly value?: number | bigint;
  readonly size?: number;
  readonly type?: number;
  readonly bind?: number;
  /** The three upper bits of st_other. */
  readonly k?: number;
}

/** Stands for a symbol until the file is built. */
export interface SymbolHandle {
  readonly name: string;
  readonly spec: SymbolSpec;
}

export interface RelocationSpec {
  readonly offset: number | bigint;
  readonly type: number;
  readonly symbol: SymbolHandle | undefined;
  readonly addend: number | bigint;
}

export interface BuilderOptions {
  readonly type?: number;
  readonly flags?: number;
  /** The section header table right behind the ELF header instead of at the end. */
  readonly tableFirst?: boolean;
  readonly segments?: number;
  /** Bytes of nobody at the end of the file. */
  readonly trailing?: Uint8Array;
}

interface Planned {
  readonly name: string;
  readonly spec: SectionSpec;
}

export class ObjectBuilder {
  readonly #options: BuilderOptions;
  readonly #sections: Planned[] = [];
  readonly #symbols: SymbolHandle[] = [];
  readonly #relocations = new Map<string, { target: number; entries: RelocationSpec[]; spec: SectionSpec }>();
  readonly #groups = new Map<number, SymbolHandle>();
  #signature: Uint8Array | undefined;

  constructor(options: BuilderOptions = {}) {
    this.#options = options;
  }

  /** Adds a section and gives its number. */
  section(name: string, spec: SectionSpec = {}): number {
    this.#sections.push({ name, spec });
    return this.#sections.length;
  }

  code(name: string, words: readonly number[], spec: SectionSpec = {}): number {
    return this.section(name, { flags: SHF.ALLOC | SHF.EXEC, align: 4, words, ...spec });
  }

  symbol(name: string, spec: SymbolSpec = {}): SymbolHandle {
    const handle = { name, spec };
    this.#symbols.push(handle);
    return handle;
  }

  /** A FUNC symbol; global unless said otherwise. */
  function(name: string, section: number, value: number | bigint, size: number, spec: SymbolSpec = {}): SymbolHandle {
    return this.symbol(name, { section, value, size, type: STT.FUNC, bind: STB.GLOBAL, ...spec });
  }

  undefined(name: string): SymbolHandle {
    return this.symbol(name, { bind: STB.GLOBAL });
  }

  /** The section symbol of a section: local, without a name. */
  sectionSymbol(section: number): SymbolHandle {
    return this.symbol('', { section, type: STT.SECTION });
  }

  /** `table` tells several relocation sections of one target apart. */
  relocate(
    target: number,
    offset: number | bigint,
    type: number,
    symbol?: SymbolHandle,
    addend: number | bigint = 0,
    table = '',
  ): void {
    const key = `${target}/${table}`;
    let relocations = this.#relocations.get(key);
    if (relocations === undefined) {
      relocations = { target, entries: [], spec: {} };
      this.#relocations.set(key, relocations);
    }
    relocations.entries.push({ offset, type, symbol, addend });
  }

  /** A tracer table with one zero entry for each place, filled by ADDR64 against `symbol`. */
  records(name: string, symbol: SymbolHandle, places: readonly number[]): number {
    const table = this.section(name, {
      flags: SHF.ALLOC | SHF.WRITE,
      align: 8,
      bytes: new Uint8Array(places.length * 8),
    });
    places.forEach((place, i) => {
      this.relocate(table, i * 8, R.ADDR64, symbol, place);
    });
    return table;
  }

  group(signature: SymbolHandle, members: readonly number[], comdat = true): number {
    const index = this.section('.group', {
      type: SHT.GROUP,
      align: 4,
      entsize: 4,
      words: [comdat ? 1 : 0, ...members],
    });
    this.#groups.set(index, signature);
    return index;
  }

  /** Appends what `sign-file` appends: message, description, marker. */
  sign(message: Uint8Array): this {
    const info = new Uint8Array(12);
    info[2] = 2;
    new DataView(info.buffer).setUint32(8, message.length, false);
    this.#signature = join([message, info, Buffer.from('~Module signature appended~\n')]);
    return this;
  }

  build(): Uint8Array<ArrayBuffer> {
    const { type = ET.REL, flags = 2, tableFirst = false, segments = 0, trailing = new Uint8Array(0) } = this.#options;
    const isRelocatable = type === ET.REL;
    const all: Planned[] = [...this.#sections];
    const locals = this.#symbols.filter(s => (s.spec.bind ?? STB.LOCAL) === STB.LOCAL);
    const ordered = [...locals, ...this.#symbols.filter(s => !locals.includes(s))];
    const numbers = new Map(ordered.map((s, i) => [s, i + 1]));

    const first = this.#sections.length + 1;
    const symtab = first + this.#relocations.size;
    for (const { target, entries } of this.#relocations.values()) {
      const name = target === 0 ? '.rela.dyn' : `.rela${this.#sections[target - 1]!.name}`;
      all.push({
        name,
        spec: {
          type: SHT.RELA,
          flags: isRelocatable ? SHF.INFO_LINK : SHF.ALLOC,
          bytes: encodeRelocations(entries, numbers),
          align: 8,
          entsize: 24,
          link: isRelocatable ? symtab : 0,
          info: target,
        },
      });
    }
    const needsExtended = this.#symbols.some(s => s.spec.special !== true && (s.spec.section ?? 0) >= SHN.LORESERVE);
    const strtab = symtab + (needsExtended ? 2 : 1);
    const strings = new Strings();
    const extended = new Uint32Array(ordered.length + 1);
    const symbolBytes = ordered.map((s, i) => encodeSymbol(s, strings, extended, i + 1));
    all.push({
      name: '.symtab',
      spec: {
        type: SHT.SYMTAB,
        bytes: join([new Uint8Array(24), ...symbolBytes]),
        align: 8,
        entsize: 24,
        link: strtab,
        info: locals.length + 1,
      },
    });
    if (needsExtended)
      all.push({
        name: '.symtab_shndx',
        spec: { type: SHT.SHNDX, words: [...extended], align: 4, entsize: 4, link: symtab },
      });
    all.push({ name: '.strtab', spec: { type: SHT.STRTAB, bytes: strings.bytes() } });
    const names = new Strings();
    const nameOffsets = [...all.map(s => s.name), '.shstrtab'].map(name => names.add(name));
    all.push({ name: '.shstrtab', spec: { type: SHT.STRTAB, bytes: names.bytes() } });

    for (const [index, signature] of this.#groups) {
      const { name, spec } = all[index - 1]!;
      all[index - 1] = { name, spec: { ...spec, link: symtab, info: numbers.get(signature)! } };
    }
    const body = place(all, 64 + segments * 56 + (tableFirst ? (all.length + 1) * 64 : 0));
    const shoff = tableFirst ? 64 + segments * 56 : alignUp(body.end, 8);
    const tableEnd = shoff + (all.length + 1) * 64;
    const out = new Uint8Array(Math.max(body.end, tableEnd));
    for (const { at, bytes } of body.pieces) out.set(bytes, at);
    writeTable(out, shoff, all, nameOffsets, body.offsets);
    writeHeader(out, type, flags, segments, shoff, all.length + 1);
    for (let i = 0; i < segments; i++) writeSegment(out, 64 + i * 56);
    return join([out, trailing, this.#signature ?? new Uint8Array(0)]);
  }
}

function contentsOf(spec: SectionSpec): Uint8Array {
  if (spec.bytes !== undefined) return spec.bytes;
  return new Uint8Array(Uint32Array.from(spec.words ?? []).buffer);
}

function place(sections: readonly Planned[], start: number) {
  const offsets: number[] = [];
  const pieces: { at: number; bytes: Uint8Array }[] = [];
  let end = start;
  for (const { spec } of sections) {
    if (spec.gap !== undefined) {
      pieces.push({ at: end, bytes: spec.gap });
      end += spec.gap.length;
    }
    end = alignUp(end, spec.align ?? 1);
    offsets.push(end);
    if (spec.type === SHT.NOBITS) continue;
    const bytes = contentsOf(spec);
    pieces.push({ at: end, bytes });
    end += bytes.length;
  }
  return { offsets, pieces, end };
}

function encodeSymbol(symbol: SymbolHandle, strings: Strings, extended: Uint32Array, number: number): Uint8Array {
  const { spec } = symbol;
  const view = new DataView(new ArrayBuffer(24));
  const section = spec.section ?? 0;
  const isLarge = spec.special !== true && section >= SHN.LORESERVE;
  if (isLarge) extended[number] = section;
  view.setUint32(0, strings.add(symbol.name), true);
  view.setUint8(4, ((spec.bind ?? STB.LOCAL) << 4) | (spec.type ?? STT.NOTYPE));
  view.setUint8(5, (spec.k ?? 0) << 5);
  view.setUint16(6, isLarge ? SHN.XINDEX : section, true);
  view.setBigUint64(8, BigInt(spec.value ?? 0), true);
  view.setBigUint64(16, BigInt(spec.size ?? 0), true);
  return new Uint8Array(view.buffer);
}

function encodeRelocations(entries: readonly RelocationSpec[], numbers: ReadonlyMap<SymbolHandle, number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(entries.length * 24));
  entries.forEach(({ offset, type, symbol, addend }, i) => {
    view.setBigUint64(i * 24, BigInt(offset), true);
    view.setUint32(i * 24 + 8, type, true);
    view.setUint32(i * 24 + 12, symbol === undefined ? 0 : numbers.get(symbol)!, true);
    view.setBigInt64(i * 24 + 16, BigInt.asIntN(64, BigInt(addend)), true);
  });
  return new Uint8Array(view.buffer);
}

function writeTable(
  out: Uint8Array,
  shoff: number,
  sections: readonly Planned[],
  names: readonly number[],
  offsets: readonly number[],
): void {
  const view = new DataView(out.buffer, out.byteOffset, out.length);
  sections.forEach(({ spec }, i) => {
    const at = shoff + (i + 1) * 64;
    const put64 = (field: number, value: number | bigint) => view.setBigUint64(at + field, BigInt(value), true);
    view.setUint32(at, names[i]!, true);
    view.setUint32(at + 4, spec.type ?? SHT.PROGBITS, true);
    put64(8, spec.flags ?? 0);
    put64(16, spec.address ?? 0n);
    put64(24, offsets[i]!);
    put64(32, spec.size ?? contentsOf(spec).length);
    view.setUint32(at + 40, spec.link ?? 0, true);
    view.setUint32(at + 44, spec.info ?? 0, true);
    put64(48, spec.align ?? 1);
    put64(56, spec.entsize ?? 0);
  });
}

function writeHeader(
  out: Uint8Array,
  type: number,
  flags: number,
  segments: number,
  shoff: number,
  count: number,
): void {
  const view = new DataView(out.buffer, out.byteOffset, out.length);
  out.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, type, true);
  view.setUint16(18, 21, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, segments > 0 ? 64n : 0n, true);
  view.setBigUint64(40, BigInt(shoff), true);
  view.setUint32(48, flags, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, segments > 0 ? 56 : 0, true);
  view.setUint16(56, segments, true);
  view.setUint16(58, 64, true);
  const isLarge = count >= SHN.LORESERVE;
  view.setUint16(60, isLarge ? 0 : count, true);
  view.setUint16(62, isLarge ? SHN.XINDEX : count - 1, true);
  if (!isLarge) return;
  view.setBigUint64(shoff + 32, BigInt(count), true);
  view.setUint32(shoff + 40, count - 1, true);
}

/** PT_LOAD of nothing: only its being there matters. */
function writeSegment(out: Uint8Array, at: number): void {
  new DataView(out.buffer, out.byteOffset).setUint32(at, 1, true);
}

/** A string table; equal names share their bytes. */
class Strings {
  readonly #offsets = new Map<string, number>([['', 0]]);
  #text = '\0';

  add(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const at = Buffer.byteLength(this.#text);
    this.#text += `${name}\0`;
    this.#offsets.set(name, at);
    return at;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.#text);
  }
}

function alignUp(value: number, alignment: number): number {
  return alignment <= 1 ? value : Math.ceil(value / alignment) * alignment;
}

export function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(pieces.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** The bytes of one note, its parts padded to `alignment`. */
export function note(owner: string, type: number, descriptor: Uint8Array, alignment = 4): Uint8Array {
  const name = Buffer.from(`${owner}\0`);
  const head = alignUp(12 + name.length, alignment);
  const out = new Uint8Array(alignUp(head + descriptor.length, alignment));
  const view = new DataView(out.buffer);
  view.setUint32(0, name.length, true);
  view.setUint32(4, descriptor.length, true);
  view.setUint32(8, type, true);
  out.set(name, 12);
  out.set(descriptor, head);
  return out;
}
