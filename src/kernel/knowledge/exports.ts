/**
 * The kernel's table of exported symbols, read from the image as the module loader reads it from memory.
 *
 *     6.1, 6.12   `__ksymtab` and `__ksymtab_gpl`, and beside them `__kcrctab` and `__kcrctab_gpl`
 *     7.2         one `__ksymtab`; `__kflagstab` has a byte for each entry whose bit 0 means GPL only
 *
 * An entry is a value, a pointer to the name and one to the namespace: three addresses, which dynamic relocations fill in a
 * relocatable kernel, or three 32-bit distances from themselves (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS, which no powerpc kernel
 * up to 7.2 has). Checksums are 32-bit words, only where the kernel has CONFIG_MODVERSIONS. Sources: include/linux/export.h of 6.1,
 * include/linux/export-internal.h and asm-generic/vmlinux.lds.h of 6.12 and 7.2.
 */
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import { InputError } from '../../util/errors.ts';
import { relocatedWords, sectionAt } from '../image.ts';
import { numberNames } from './names.ts';
import { EXPORT_GPL_ONLY, EXPORT_HAS_CRC, type ExportArrays } from './tables.ts';

const ABSOLUTE_SIZE = 24;
const PREL32_SIZE = 12;
const FLAG_GPL_ONLY = 1;
/** In place of an offset in the file: no text begins with the ELF header. */
const NO_NAMESPACE = 0;

/** What one table of entries says. */
interface Entries {
  readonly count: number;
  /** Two words each. */
  readonly values: Uint32Array;
  /** Where name and namespace begin, bytes from the start of the file. */
  readonly nameAt: Uint32Array;
  readonly namespaceAt: Uint32Array;
}

export interface ExportSource {
  readonly elf: ElfFile;
  /** Address of a symbol of the image. */
  readonly address: (name: string) => bigint | undefined;
  /** The kernel has CONFIG_MODVERSIONS. */
  readonly modversions: boolean;
}

/**
 * @throws InputError KER014 where the image has no such tables, KER016 where they are damaged, ELF031 where they do not lie in
 *   one section
 */
export function exportsOfImage(source: ExportSource): ExportArrays {
  const { elf } = source;
  const plain = tableOf(source, '');
  if (plain === undefined)
    throw new InputError({
      code: 'KER014',
      message: 'the image exports no symbols to modules',
      expected: 'the symbols __start___ksymtab and __stop___ksymtab, as every kernel with CONFIG_MODULES has them',
      found: 'none',
      remedy: 'give the vmlinux of a kernel that loads modules',
    });
  const gpl = tableOf(source, '_gpl');
  const count = plain.count + (gpl?.count ?? 0);
  const starts = new Uint32Array(count);
  const addresses = new Uint32Array(count * 2);
  const namespaceAt = new Uint32Array(count);
  const crcs = new Uint32Array(count);
  const flags = new Uint8Array(count);
  const namespaces = new Namespaces(elf.bytes);
  let at = 0;
  for (const [entries, suffix] of [[plain, ''] as const, ...(gpl ? [[gpl, '_gpl'] as const] : [])]) {
    const isGpl = suffix === '_gpl';
    starts.set(entries.nameAt, at);
    addresses.set(entries.values, at * 2);
    if (source.modversions) crcs.set(words32(source, `__start___kcrctab${suffix}`, entries.count), at);
    for (let i = 0; i < entries.count; i++) {
      namespaceAt[at + i] = namespaces.place(entries.namespaceAt[i]!);
      flags[at + i] = (isGpl ? EXPORT_GPL_ONLY : 0) | (source.modversions ? EXPORT_HAS_CRC : 0);
    }
    at += entries.count;
  }
  if (gpl === undefined) readFlags(source, flags);
  const { numbers: _numbers, ...names } = numberNames(elf.bytes, starts);
  if (names.nameAt.length !== count)
    throw damaged('names that differ', `${count - names.nameAt.length} names that come twice`);
  return { ...names, addresses, namespaceAt, crcs, flags, namespaces: namespaces.bytes() };
}

/** One of the two tables; `undefined` where the image has no symbols for it. */
function tableOf(source: ExportSource, suffix: string): Entries | undefined {
  const start = source.address(`__start___ksymtab${suffix}`);
  const stop = source.address(`__stop___ksymtab${suffix}`);
  if (start === undefined || stop === undefined) return undefined;
  const size = Number(stop - start);
  if (size === 0) return { count: 0, values: none, nameAt: none, namespaceAt: none };
  if (size < 0)
    throw damaged('a table that ends behind its start', `0x${start.toString(16)} to 0x${stop.toString(16)}`);
  const entries =
    (size % ABSOLUTE_SIZE === 0 ? absolute(source.elf, start, stop) : undefined) ??
    (size % PREL32_SIZE === 0 ? relative(source.elf, start, stop) : undefined);
  if (entries === undefined)
    throw damaged(
      `entries of ${ABSOLUTE_SIZE} or ${PREL32_SIZE} bytes whose names lie in the image`,
      `${size} bytes at 0x${start.toString(16)} that are neither`,
    );
  return entries;
}

const none = new Uint32Array(0);

/** Three addresses an entry; `undefined` where a name does not lie in the image. */
function absolute(elf: ElfFile, start: bigint, stop: bigint): Entries | undefined {
  const values = relocatedWords(elf, start, stop);
  const words = new Uint32Array(values.buffer);
  return gather(elf, values.length / 3, (entry, field) => {
    const at = entry * 6 + field * 2;
    return [words[at]!, words[at + 1]!];
  });
}

/** Three distances an entry, each from the word it stands in. */
function relative(elf: ElfFile, start: bigint, stop: bigint): Entries | undefined {
  const section = sectionAt(elf, start);
  if (section === undefined || stop > section.sh_addr + BigInt(section.sh_size)) return undefined;
  const bytes = elf.contents(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const from = Number(start - section.sh_addr);
  return gather(elf, Number(stop - start) / PREL32_SIZE, (entry, field) => {
    const at = from + entry * PREL32_SIZE + field * 4;
    if (view.getInt32(at, true) === 0) return [0, 0];
    const target = section.sh_addr + BigInt(at) + BigInt(view.getInt32(at, true));
    return [Number(target & 0xffff_ffffn), Number((target >> 32n) & 0xffff_ffffn)];
  });
}

function gather(
  elf: ElfFile,
  count: number,
  read: (entry: number, field: 0 | 1 | 2) => readonly [low: number, high: number],
): Entries | undefined {
  const values = new Uint32Array(count * 2);
  const nameAt = new Uint32Array(count);
  const namespaceAt = new Uint32Array(count);
  const places = new Places(elf);
  for (let i = 0; i < count; i++) {
    values.set(read(i, 0), i * 2);
    const name = places.fileOffset(...read(i, 1));
    const pointer = read(i, 2);
    // Exports of assembly files in 6.1 have no pointer there.
    const namespace = pointer[0] === 0 && pointer[1] === 0 ? NO_NAMESPACE : places.fileOffset(...pointer);
    if (name === undefined || namespace === undefined || elf.bytes[name] === 0) return undefined;
    nameAt[i] = name;
    namespaceAt[i] = namespace;
  }
  return { count, values, nameAt, namespaceAt };
}

/** Where in the file the bytes at an address are. Nearly all strings of exports lie in one section. */
class Places {
  readonly #elf: ElfFile;
  #section: Section | undefined;
  /** Bytes of the section before its last NUL. */
  #limit = 0;

  constructor(elf: ElfFile) {
    this.#elf = elf;
  }

  /** @returns `undefined` where no NUL-ended text is at the address */
  fileOffset(low: number, high: number): number | undefined {
    const found = this.#inSection(low, high);
    if (found !== undefined) return found;
    this.#section = sectionAt(this.#elf, (BigInt(high) << 32n) | BigInt(low));
    if (this.#section === undefined) return undefined;
    this.#limit = this.#elf.contents(this.#section).lastIndexOf(0);
    return this.#inSection(low, high);
  }

  #inSection(low: number, high: number): number | undefined {
    const section = this.#section;
    if (section === undefined) return undefined;
    const offset = (high - section.addressHigh) * 0x1_0000_0000 + (low - section.addressLow);
    return offset >= 0 && offset <= this.#limit ? section.sh_offset + offset : undefined;
  }
}

/** The namespaces as one string table, each text once. The empty one is at 0. */
class Namespaces {
  readonly #file: Uint8Array;
  readonly #places = new Map<string, number>();
  readonly #text: string[] = [''];
  #length = 1;

  constructor(file: Uint8Array) {
    this.#file = file;
  }

  place(at: number): number {
    if (at === NO_NAMESPACE || this.#file[at] === 0) return 0;
    const text = Buffer.from(this.#file.subarray(at, this.#file.indexOf(0, at))).toString('latin1');
    let place = this.#places.get(text);
    if (place === undefined) {
      place = this.#length;
      this.#places.set(text, place);
      this.#text.push(text);
      this.#length += text.length + 1;
    }
    return place;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.#text.map(text => `${text}\0`).join(''), 'latin1');
  }
}

function words32(source: ExportSource, name: string, count: number): Uint32Array {
  return new Uint32Array(rangeAt(source, name, count * 4).slice().buffer);
}

function readFlags(source: ExportSource, flags: Uint8Array): void {
  if (source.address('__start___kflagstab') === undefined)
    throw damaged('__ksymtab_gpl or __kflagstab beside __ksymtab', 'neither');
  const bytes = rangeAt(source, '__start___kflagstab', flags.length);
  for (let i = 0; i < flags.length; i++) if ((bytes[i]! & FLAG_GPL_ONLY) !== 0) flags[i]! |= EXPORT_GPL_ONLY;
}

/** `size` bytes of the image from the symbol `name` on. */
function rangeAt({ elf, address }: ExportSource, name: string, size: number): Uint8Array {
  const start = address(name);
  if (size === 0) return new Uint8Array(0);
  const section = start === undefined ? undefined : sectionAt(elf, start);
  if (start === undefined || section === undefined) throw damaged(`${size} bytes at ${name}`, 'none');
  const from = Number(start - section.sh_addr);
  if (from + size > section.sh_size)
    throw damaged(`${size} bytes at ${name}`, `${section.sh_size - from} to the end of ${section.name}`);
  return elf.contents(section).subarray(from, from + size);
}

function damaged(expected: string, found: string): InputError {
  return new InputError({
    code: 'KER016',
    message: "the kernel's table of exported symbols is damaged or of an unknown form",
    expected,
    found,
    remedy: 'give an undamaged vmlinux; if it is one, report it with the release of the kernel',
  });
}
