/**
 * What a module exports, read from its file without loading it: `__ksymtab` and `__ksymtab_gpl` hold 24 bytes a symbol (value, name,
 * namespace), each filled by a relocation; `__kcrctab*` a checksum of 4 bytes each in the same order; from 7.0 on
 * `__kflagstab` a byte each, whose first bit says GPL-only. The names are in `__ksymtab_strings`.
 *
 * Only the few parts of the file that hold this are read, and most modules export nothing: thousands are looked through in
 * the time that reading them whole would take. A file that is damaged exports nothing here; whoever loads it will say more.
 */
import { EHDR_SIZE, ET_REL, RELA_SIZE, SHDR_SIZE, SHT_RELA, SYM_SIZE } from '../elf/constants.ts';
import { isGplCompatible } from './licenses.ts';

const ENTRY_SIZE = 24;
const NAME_FIELD = 8;
const NAMESPACE_FIELD = 16;
const CRC_SIZE = 4;
const GPL_ONLY_FLAG = 1;

export interface ModuleExports {
  /** As `.modinfo` has it. */
  readonly module: string;
  readonly gplCompatible: boolean;
  readonly names: readonly string[];
  /** Empty where it is in none. */
  readonly namespaces: readonly string[];
  /** One each; `undefined` where the module was built without symbol versions. */
  readonly crcs: Uint32Array | undefined;
  /** 1 for a symbol that GPL-compatible modules alone may use. */
  readonly gplOnly: Uint8Array;
}

/** Bytes of the file from `offset` on; fewer than `length` where it ends before. */
export type ReadPart = (offset: number, length: number) => Buffer;

/**
 * @param header the first bytes of the unpacked file
 * @param read parts of it; each part is done with before the next is asked for
 */
export function readModuleExports(header: Buffer, read: ReadPart): ModuleExports | undefined {
  if (header.length < EHDR_SIZE || header.readUInt32LE(0) !== 0x464c457f || header.readUInt16LE(16) !== ET_REL)
    return undefined;
  const shoff = Number(header.readBigUInt64LE(40));
  const shnum = header.readUInt16LE(60);
  const shstrndx = header.readUInt16LE(62);
  const tail = new Tail(shoff, shnum * SHDR_SIZE, read);
  const headers = Buffer.from(tail.part(shoff, shnum * SHDR_SIZE));
  const sections = new Headers(headers, shnum);
  if (shstrndx >= sections.count) return undefined;
  const names = tail.part(sections.offset(shstrndx), sections.size(shstrndx));
  if (names.indexOf('__ksymtab') < 0) return undefined;
  return collect(sections, Buffer.from(names), (offset, length) => Buffer.from(read(offset, length)));
}

/** What a whole, unpacked file exports. */
export function moduleExports(bytes: Uint8Array): ModuleExports | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return readModuleExports(file.subarray(0, EHDR_SIZE), (offset, length) => file.subarray(offset, offset + length));
}

/** Bytes: as much as the names of a module's sections take. */
const NAMES_BEFORE = 4096;

/** Section names and headers lie together at the end of what `ld -r` writes: one read serves for both. */
class Tail {
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #read: ReadPart;

  constructor(shoff: number, size: number, read: ReadPart) {
    this.#start = Math.max(0, shoff - NAMES_BEFORE);
    this.#bytes = Buffer.from(read(this.#start, shoff - this.#start + size));
    this.#read = read;
  }

  part(offset: number, length: number): Buffer {
    const at = offset - this.#start;
    return at >= 0 && at + length <= this.#bytes.length
      ? this.#bytes.subarray(at, at + length)
      : this.#read(offset, length);
  }
}

class Headers {
  readonly count: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, count: number) {
    this.#bytes = bytes;
    this.count = Math.min(count, Math.floor(bytes.length / SHDR_SIZE));
  }

  nameAt(i: number): number {
    return this.#bytes.readUInt32LE(i * SHDR_SIZE);
  }

  type(i: number): number {
    return this.#bytes.readUInt32LE(i * SHDR_SIZE + 4);
  }

  offset(i: number): number {
    return Number(this.#bytes.readBigUInt64LE(i * SHDR_SIZE + 24));
  }

  size(i: number): number {
    return Number(this.#bytes.readBigUInt64LE(i * SHDR_SIZE + 32));
  }

  link(i: number): number {
    return this.#bytes.readUInt32LE(i * SHDR_SIZE + 40);
  }

  info(i: number): number {
    return this.#bytes.readUInt32LE(i * SHDR_SIZE + 44);
  }
}

function collect(sections: Headers, names: Buffer, read: ReadPart): ModuleExports | undefined {
  const byName = new Map<string, number>();
  const relocations = new Map<number, number>();
  for (let i = 1; i < sections.count; i++) {
    if (sections.type(i) === SHT_RELA) relocations.set(sections.info(i), i);
    else {
      const name = stringAt(names, sections.nameAt(i));
      if (!byName.has(name)) byName.set(name, i);
    }
  }
  const contents = (name: string): Buffer | undefined => {
    const i = byName.get(name);
    return i === undefined ? undefined : read(sections.offset(i), sections.size(i));
  };
  const strings = contents('__ksymtab_strings');
  const modinfo = contents('.modinfo');
  if (strings === undefined || modinfo === undefined) return undefined;
  const flags = contents('__kflagstab');
  const out = { names: [] as string[], namespaces: [] as string[], crcs: [] as number[], gplOnly: [] as number[] };
  let hasCrcs = true;
  for (const [table, crcTable, gplOnly] of [
    ['__ksymtab', '__kcrctab', 0],
    ['__ksymtab_gpl', '__kcrctab_gpl', 1],
  ] as const) {
    const i = byName.get(table);
    const rela = i === undefined ? undefined : relocations.get(i);
    if (i === undefined || rela === undefined) continue;
    const entries = read(sections.offset(rela), sections.size(rela));
    // Each entry is filled by relocations: a damaged size claims no more entries than there are of these.
    const count = Math.floor(Math.min(sections.size(i) / ENTRY_SIZE, entries.length / RELA_SIZE));
    const crcs = contents(crcTable);
    if (crcs === undefined || crcs.length < count * CRC_SIZE) hasCrcs = false;
    const { names: found, namespaces } = readNames(sections, entries, sections.link(rela), count, strings, read);
    for (let k = 0; k < count; k++) {
      out.names.push(found[k] ?? '');
      out.namespaces.push(namespaces[k] ?? '');
      out.crcs.push(hasCrcs ? crcs!.readUInt32LE(k * CRC_SIZE) : 0);
      out.gplOnly.push(flags !== undefined && gplOnly === 0 ? (flags[k] ?? 0) & GPL_ONLY_FLAG : gplOnly);
    }
  }
  return {
    module: modinfoValue(modinfo, 'name') ?? '',
    gplCompatible: isGplCompatible(modinfoValue(modinfo, 'license') ?? ''),
    names: out.names,
    namespaces: out.namespaces,
    crcs: hasCrcs ? Uint32Array.from(out.crcs) : undefined,
    gplOnly: Uint8Array.from(out.gplOnly),
  };
}

function readNames(sections: Headers, entries: Buffer, symtab: number, count: number, strings: Buffer, read: ReadPart) {
  const names: string[] = [];
  const namespaces: string[] = [];
  // All of them refer to the strings' section symbol, whose value is 0 unless a linker merged sections.
  const values = new Map<number, number>();
  for (let at = 0; at + RELA_SIZE <= entries.length; at += RELA_SIZE) {
    const offset = entries.readUInt32LE(at);
    const field = offset % ENTRY_SIZE;
    const index = (offset - field) / ENTRY_SIZE;
    if ((field !== NAME_FIELD && field !== NAMESPACE_FIELD) || index >= count) continue;
    const symbol = entries.readUInt32LE(at + 12);
    let value = values.get(symbol);
    if (value === undefined) {
      const bytes = symtab < sections.count ? read(sections.offset(symtab) + symbol * SYM_SIZE, SYM_SIZE) : undefined;
      value = bytes?.length === SYM_SIZE ? Number(bytes.readBigUInt64LE(8)) : 0;
      values.set(symbol, value);
    }
    (field === NAME_FIELD ? names : namespaces)[index] = stringAt(strings, value + entries.readInt32LE(at + 16));
  }
  return { names, namespaces };
}

function stringAt(bytes: Buffer, offset: number): string {
  if (offset < 0 || offset >= bytes.length) return '';
  const end = bytes.indexOf(0, offset);
  return bytes.toString('latin1', offset, end < 0 ? bytes.length : end);
}

function modinfoValue(modinfo: Buffer, key: string): string | undefined {
  const wanted = `${key}=`;
  for (let at = modinfo.indexOf(wanted); at >= 0; at = modinfo.indexOf(wanted, at + 1))
    if (at === 0 || modinfo[at - 1] === 0) return stringAt(modinfo, at + wanted.length);
  return undefined;
}
