/**
 * A small linked kernel image: one segment, the borders and tables that a kernel has, and functions that the caller writes. Where a
 * thing lies is fixed, so that tests can name places: see `AT`.
 */
export const BASE = 0xc000_0000_0000_0000n;

/** Bytes from BASE. Between the sections there are the gaps that a linker leaves for alignment. */
export const AT = {
  text: 0,
  etext: 0x1000,
  rodata: 0x1000,
  fixups: 0x1080,
  got: 0x1100,
  initText: 0x3000,
  exitText: 0x3040,
  mcount: 0x3100,
  dynamic: 0x3200,
  rela: 0x3300,
  data: 0x4000,
  pageData: 0x4800,
  edata: 0x4840,
  bss: 0x5000,
  end: 0x6000,
} as const;

/** The image's bytes begin here in the file. */
export const FILE_START = 0x1000;
const NOP = 0x60000000;

export interface ImageFunction {
  readonly name: string;
  /** All of its words, from the global entry. */
  readonly words: readonly number[];
  /** The three bits of st_other; 0 unless told. */
  readonly k?: number;
  /** The word that the tracer's table names, counted from the global entry. */
  readonly site?: number;
}

export interface ImageOptions {
  readonly functions: readonly ImageFunction[];
  /** Whether records are in the words and not in dynamic relocations. */
  readonly isFixed?: boolean;
  /** Address constants in the read-only data: what they name, bytes from BASE. */
  readonly pointers?: readonly number[];
  /** Words by place, bytes from BASE: contents of the data sections. */
  readonly words?: Readonly<Record<number, number>>;
  /** A table of feature fixups: the name of its section, and bytes, up to 128. */
  readonly fixups?: { readonly name: string; readonly size: number };
  /** Symbols to leave out. */
  readonly without?: readonly string[];
  /** More symbols: name and bytes from BASE. */
  readonly symbols?: Readonly<Record<string, number>>;
  /** What DT_RELASZ says, if it is wrong. */
  readonly dynamicSize?: number;
  /** ET_EXEC unless told. */
  readonly type?: number;
}

/** `_mcount`, for calls of it: the first function of all images, one `blr`. */
export const MCOUNT: ImageFunction = { name: '_mcount', words: [0x4e800020, NOP, NOP, NOP] };

/** Where each function begins: 16 bytes aligned, in order, behind `_mcount`. */
export function placesOf(functions: readonly ImageFunction[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  let at: number = AT.text;
  for (const f of [MCOUNT, ...functions]) {
    places.set(f.name, at);
    at = Math.ceil((at + f.words.length * 4) / 16) * 16;
  }
  return places;
}

/** `bl` or `b` at `from` to `to`. */
export function branch(from: number, to: number, links = false): number {
  return (0x48000000 | ((to - from) & 0x03fffffc) | (links ? 1 : 0)) >>> 0;
}

export function linkedImage(options: ImageOptions): Uint8Array {
  const all = [MCOUNT, ...options.functions];
  const places = placesOf(options.functions);
  const memory = Buffer.alloc(AT.pageData + 0x40);
  for (const f of all) for (const [i, w] of f.words.entries()) memory.writeUInt32LE(w, places.get(f.name)! + i * 4);
  for (const [at, word] of Object.entries(options.words ?? {})) memory.writeUInt32LE(word >>> 0, Number(at));
  const last = all.at(-1)!;
  const textEnd = places.get(last.name)! + last.words.length * 4;
  memory.writeUInt32LE(0x4e800020, AT.initText);
  memory.writeUInt32LE(0x4e800020, AT.exitText);
  const records = options.functions.flatMap(f => (f.site === undefined ? [] : [places.get(f.name)! + f.site * 4]));
  const relocations: [place: number, value: number][] = [[AT.got + 8, AT.data]];
  options.pointers?.forEach((value, i) => {
    relocations.push([AT.rodata + i * 8, value]);
  });
  records.forEach((value, i) => {
    if (options.isFixed === true) memory.writeBigUInt64LE(BASE + BigInt(value), AT.mcount + i * 8);
    else relocations.push([AT.mcount + i * 8, value]);
  });
  relocations.forEach(([place, value], i) => {
    memory.writeBigUInt64LE(BASE + BigInt(place), AT.rela + i * 24);
    memory.writeBigUInt64LE(22n, AT.rela + i * 24 + 8);
    memory.writeBigUInt64LE(BASE + BigInt(value), AT.rela + i * 24 + 16);
  });
  const relaSize = relocations.length * 24;
  [
    [7n, BASE + BigInt(AT.rela)],
    [8n, BigInt(options.dynamicSize ?? relaSize)],
    [9n, 24n],
    [0x6fff_fff9n, BigInt(relocations.length)],
    [0n, 0n],
  ].forEach(([tag, value], i) => {
    memory.writeBigUInt64LE(tag!, AT.dynamic + i * 16);
    memory.writeBigUInt64LE(value!, AT.dynamic + i * 16 + 8);
  });
  const [ALLOC, WRITE, EXEC] = [2, 1, 4];
  const sections: ImageSection[] = [
    { name: '.text', type: 1, flags: ALLOC | EXEC, at: AT.text, size: textEnd },
    { name: '.rodata', type: 1, flags: ALLOC, at: AT.rodata, size: 0x80 },
    ...(options.fixups === undefined ? [] : [{ ...options.fixups, type: 1, flags: ALLOC, at: AT.fixups }]),
    { name: '.got', type: 1, flags: ALLOC | WRITE, at: AT.got, size: 0x20 },
    { name: '.init.text', type: 1, flags: ALLOC | EXEC, at: AT.initText, size: 0x20 },
    { name: '.exit.text', type: 1, flags: ALLOC | EXEC, at: AT.exitText, size: 0x10 },
    { name: '.init.data', type: 1, flags: ALLOC | WRITE, at: AT.mcount, size: Math.max(8, records.length * 8) },
    { name: '.dynamic', type: 6, flags: ALLOC | WRITE, at: AT.dynamic, size: 80, entsize: 16 },
    { name: '.rela.dyn', type: 4, flags: ALLOC, at: AT.rela, size: relaSize, entsize: 24 },
    { name: '.data', type: 1, flags: ALLOC | WRITE, at: AT.data, size: 0x40 },
    { name: '.data..page_aligned', type: 1, flags: ALLOC | WRITE, at: AT.pageData, size: 0x40 },
    { name: '.bss', type: 8, flags: ALLOC | WRITE, at: AT.bss, size: 0x100 },
  ];
  const borders: Record<string, number> = {
    _stext: 0,
    _etext: AT.etext,
    __init_begin: AT.initText,
    _sinittext: AT.initText,
    _einittext: AT.initText + 0x20,
    __exittext_begin: AT.exitText,
    __exittext_end: AT.exitText + 0x10,
    __start_mcount_loc: AT.mcount,
    __stop_mcount_loc: AT.mcount + records.length * 8,
    __rela_dyn_start: AT.rela,
    __init_end: AT.data,
    _sdata: AT.data,
    _edata: AT.edata,
    __bss_start: AT.bss,
    __bss_stop: AT.bss + 0x100,
    _end: AT.end,
    '.TOC.': AT.got + 0x8000,
    ...options.symbols,
  };
  const homeOf = (at: number) =>
    1 +
    Math.max(
      0,
      sections.findLastIndex(s => s.at <= at),
    );
  const symbols = [
    ...all.map(f => ({
      name: f.name,
      info: 0x12,
      other: (f.k ?? 0) << 5,
      home: 1,
      at: places.get(f.name)!,
      size: f.words.length * 4,
    })),
    ...Object.entries(borders)
      .filter(([name]) => options.without?.includes(name) !== true)
      .map(([name, at]) => ({ name, info: 0x10, other: 0, home: homeOf(at), at, size: 0 })),
  ];
  return write(options.type ?? 2, memory, sections, symbols);
}

interface ImageSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly at: number;
  readonly size: number;
  readonly entsize?: number;
}

interface ImageSymbol {
  readonly name: string;
  readonly info: number;
  readonly other: number;
  readonly home: number;
  readonly at: number;
  readonly size: number;
}

function write(
  type: number,
  memory: Buffer,
  sections: readonly ImageSection[],
  symbols: readonly ImageSymbol[],
): Uint8Array {
  const strings = new Names();
  const symtab = Buffer.alloc((symbols.length + 1) * 24);
  symbols.forEach((s, i) => {
    const at = (i + 1) * 24;
    symtab.writeUInt32LE(strings.add(s.name), at);
    symtab.writeUInt8(s.info, at + 4);
    symtab.writeUInt8(s.other, at + 5);
    symtab.writeUInt16LE(s.home, at + 6);
    symtab.writeBigUInt64LE(BASE + BigInt(s.at), at + 8);
    symtab.writeBigUInt64LE(BigInt(s.size), at + 16);
  });
  const names = new Names();
  const headers: Buffer[] = [Buffer.alloc(64)];
  const header = (
    name: string,
    fields: { type: number; flags: number; address: bigint; offset: number; size: number; entsize?: number },
    link = 0,
    info = 0,
  ) => {
    const out = Buffer.alloc(64);
    out.writeUInt32LE(names.add(name), 0);
    out.writeUInt32LE(fields.type, 4);
    out.writeBigUInt64LE(BigInt(fields.flags), 8);
    out.writeBigUInt64LE(fields.address, 16);
    out.writeBigUInt64LE(BigInt(fields.offset), 24);
    out.writeBigUInt64LE(BigInt(fields.size), 32);
    out.writeUInt32LE(link, 40);
    out.writeUInt32LE(info, 44);
    out.writeBigUInt64LE(8n, 48);
    out.writeBigUInt64LE(BigInt(fields.entsize ?? 0), 56);
    headers.push(out);
  };
  for (const s of sections) header(s.name, { ...s, address: BASE + BigInt(s.at), offset: FILE_START + s.at });
  let end = FILE_START + memory.length;
  const tail: Buffer[] = [];
  const put = (name: string, contents: Buffer, kind: number, link = 0, info = 0, entsize = 0) => {
    header(name, { type: kind, flags: 0, address: 0n, offset: end, size: contents.length, entsize }, link, info);
    const padded = Buffer.concat([contents, Buffer.alloc((8 - (contents.length % 8)) % 8)]);
    tail.push(padded);
    end += padded.length;
  };
  put('.symtab', symtab, 2, sections.length + 2, 1, 24);
  put('.strtab', strings.bytes(), 3);
  names.add('.shstrtab');
  put('.shstrtab', names.bytes(), 3);
  const head = Buffer.alloc(FILE_START);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head.writeUInt16LE(type, 16);
  head.writeUInt16LE(21, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BASE, 24);
  head.writeBigUInt64LE(64n, 32);
  head.writeBigUInt64LE(BigInt(end), 40);
  head.writeUInt32LE(2, 48);
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt16LE(64, 58);
  head.writeUInt16LE(headers.length, 60);
  head.writeUInt16LE(headers.length - 1, 62);
  head.writeUInt32LE(1, 64);
  head.writeUInt32LE(7, 68);
  head.writeBigUInt64LE(BigInt(FILE_START), 72);
  head.writeBigUInt64LE(BASE, 80);
  head.writeBigUInt64LE(0n, 88);
  head.writeBigUInt64LE(BigInt(memory.length), 96);
  head.writeBigUInt64LE(BigInt(AT.end), 104);
  head.writeBigUInt64LE(0x1000n, 112);
  return new Uint8Array(Buffer.concat([head, memory, ...tail, ...headers]));
}

class Names {
  readonly #known = new Map<string, number>();
  #text = '\0';

  add(name: string): number {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const at = Buffer.byteLength(this.#text);
    this.#known.set(name, at);
    this.#text += `${name}\0`;
    return at;
  }

  bytes(): Buffer {
    return Buffer.from(this.#text);
  }
}
