/**
 * The index file of a kernel: everything that `KernelKnowledge` says, laid out so that opening it means making views.
 *
 *     0   8 bytes  "tocsinK", 0x1a
 *     8   u32      version of the layout
 *     12  u32      bytes of the whole file
 *     16  u32      CRC-32 of the first part: bytes 0 to `tail`, this field taken as zero
 *     20  u32      CRC-32 of the second part: `tail` to the end
 *     24  u32      where the second part begins (`tail`)
 *     28  u32      bytes of the JSON
 *     32  u32[8]   counts: exports, their slots, bytes of their names, bytes of their namespaces;
 *                  names of symbols, addresses, slots, bytes of their names
 *     64           JSON; then, each on an 8-byte boundary, the arrays of the exports; at `tail` those of the symbols
 *
 * Almost every run needs exports only, so the larger second part is checked when a symbol is first asked for. The checksums
 * tell damage, not malice: every offset is nevertheless used within the arrays only.
 */
import { crc32 } from 'node:zlib';
import { aligned, alignUp, requireLittleEndianHost } from '../../util/bytes.ts';
import { InputError } from '../../util/errors.ts';
import type { KernelKnowledge, KernelOptions, KernelStructures, LivepatchStack } from './model.ts';
import { type ExportArrays, IndexedExports, IndexedSymbols, type SymbolArrays } from './tables.ts';

const MAGIC = [0x74, 0x6f, 0x63, 0x73, 0x69, 0x6e, 0x4b, 0x1a] as const;
/** Goes up with every change of the layout or of what the JSON says. */
export const INDEX_VERSION = 4;
const HEADER = 64;
export const INDEX_HEADER = HEADER;

/** What the JSON holds: `KernelKnowledge` without its tables. */
interface Head {
  readonly release: string;
  readonly version: readonly [number, number];
  readonly vermagic: string;
  readonly buildId: string;
  /** Hexadecimal with 0x. */
  readonly toc: string;
  readonly options: KernelOptions;
  readonly structures: KernelStructures;
  readonly assumptions: readonly string[];
  /** Base64. */
  readonly certificates?: readonly string[];
  readonly builtin?: readonly string[];
  readonly livepatchStack?: LivepatchStack;
}

/** What an index is made of. */
export interface KernelParts extends Omit<KernelKnowledge, 'exports' | 'symbols'> {
  readonly exports: ExportArrays;
  readonly symbols: SymbolArrays;
}

/** Whether a file begins as an index does; an index of any version. */
export function isIndex(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);
}

type Arrays = readonly (Uint8Array | Uint32Array)[];

const exportArrays = (e: ExportArrays): Arrays => [
  e.slots,
  e.nameAt,
  e.addresses,
  e.crcs,
  e.namespaceAt,
  e.flags,
  e.strings,
  e.namespaces,
];
const symbolArrays = (s: SymbolArrays): Arrays => [s.slots, s.nameAt, s.first, s.addresses, s.strings];

/** The bytes of an index. */
export function encodeIndex(parts: KernelParts): Uint8Array<ArrayBuffer> {
  const { exports, symbols } = parts;
  const head: Head = {
    release: parts.release,
    version: parts.version,
    vermagic: parts.vermagic,
    buildId: parts.buildId,
    toc: `0x${parts.toc.toString(16)}`,
    options: parts.options,
    structures: parts.structures,
    assumptions: parts.assumptions,
    ...(parts.builtin && { builtin: parts.builtin }),
    ...(parts.livepatchStack && { livepatchStack: parts.livepatchStack }),
    ...(parts.certificates && { certificates: parts.certificates.map(der => Buffer.from(der).toString('base64')) }),
  };
  const json = Buffer.from(JSON.stringify(head), 'utf8');
  const first = [...exportArrays(exports)];
  const tail = first.reduce((at, a) => alignUp(at, 8) + a.byteLength, HEADER + json.length);
  const tailStart = alignUp(tail, 8);
  const size = symbolArrays(symbols).reduce((at, a) => alignUp(at, 8) + a.byteLength, tailStart);
  const bytes = new Uint8Array(size);
  bytes.set(MAGIC);
  const words = new Uint32Array(bytes.buffer, 0, HEADER / 4);
  words.set(
    [
      INDEX_VERSION,
      size,
      0,
      0,
      tailStart,
      json.length,
      exports.nameAt.length,
      exports.slots.length / 2,
      exports.strings.length,
      exports.namespaces.length,
      symbols.nameAt.length,
      symbols.addresses.length / 2,
      symbols.slots.length / 2,
      symbols.strings.length,
    ],
    2,
  );
  bytes.set(json, HEADER);
  put(bytes, HEADER + json.length, first);
  put(bytes, tailStart, symbolArrays(symbols));
  words[5] = crc32(bytes.subarray(tailStart));
  words[4] = crc32(bytes.subarray(0, tailStart));
  return bytes;
}

function put(bytes: Uint8Array, start: number, arrays: Arrays): void {
  let at = start;
  for (const array of arrays) {
    at = alignUp(at, 8);
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += array.byteLength;
  }
}

/** How many bytes of the file `openIndex` needs at once, from its first `INDEX_HEADER` bytes; 0 where they are none of an index. */
export function firstPart(header: Uint8Array): number {
  if (!isIndex(header) || header.length < HEADER) return 0;
  return new DataView(header.buffer, header.byteOffset, HEADER).getUint32(24, true);
}

/**
 * What an index says, as views over its bytes, which must not change as long as the result is used.
 *
 * @param file the whole file; or its first part, if `rest` gives what lies behind it when that is asked for
 * @throws InputError KER010 (no index), KER011 (of another version), KER012 (damaged); damage in the second part is told when
 *   a symbol is first looked up
 */
export function openIndex(file: Uint8Array, rest?: () => Uint8Array): KernelKnowledge {
  requireLittleEndianHost();
  if (!isIndex(file))
    throw new InputError({
      code: 'KER010',
      message: 'not an index of a kernel',
      remedy: 'give what "tocsin kernel VMLINUX -o K" wrote, a vmlinux, or /lib/modules/RELEASE',
    });
  const bytes = aligned(file);
  if (bytes.length < HEADER) throw damaged(`a header of ${HEADER} bytes`, `${bytes.length} bytes`);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, HEADER / 4);
  if (words[2] !== INDEX_VERSION)
    throw new InputError({
      code: 'KER011',
      message: 'the index was written by another version of tocsin',
      expected: `layout ${INDEX_VERSION}`,
      found: `layout ${words[2]}`,
      remedy: 'make it again: tocsin kernel VMLINUX -o K',
    });
  const tail = words[6]!;
  const size = words[3]!;
  if (tail > size || tail % 8 !== 0) throw damaged('a second part inside the file', `one at ${tail}`);
  if (bytes.length !== (rest === undefined ? size : tail)) throw damaged(`${size} bytes`, `${bytes.length}`);
  const second = () => (rest === undefined ? bytes.subarray(tail) : aligned(rest()));
  const sum = headSum(bytes, tail);
  if (sum !== words[4]) throw damaged(`checksum ${hex8(words[4]!)}`, hex8(sum));
  const cursor = new Cursor(bytes, HEADER, tail);
  const head = JSON.parse(Buffer.from(cursor.bytes(words[7]!)).toString('utf8')) as Head;
  const exports = readExports(cursor, words);
  return {
    release: head.release,
    version: head.version,
    vermagic: head.vermagic,
    buildId: head.buildId,
    toc: BigInt(head.toc),
    options: head.options,
    structures: head.structures,
    assumptions: head.assumptions,
    ...(head.builtin && { builtin: head.builtin }),
    ...(head.livepatchStack && { livepatchStack: head.livepatchStack }),
    ...(head.certificates && { certificates: head.certificates.map(text => Buffer.from(text, 'base64')) }),
    exports: new IndexedExports(exports),
    symbols: new IndexedSymbols(words[12]!, () => readSymbols(second(), words)),
  };
}

/** The first part's checksum with its own field taken as zero, without writing to the file's bytes. */
function headSum(bytes: Uint8Array, tail: number): number {
  const before = crc32(new Uint8Array(4), crc32(bytes.subarray(0, 16)));
  return crc32(bytes.subarray(20, tail), before);
}

function readExports(cursor: Cursor, counts: Uint32Array): ExportArrays {
  const count = counts[8]!;
  return {
    slots: cursor.slots(counts[9]!),
    nameAt: cursor.words(count),
    addresses: cursor.words(count * 2),
    crcs: cursor.words(count),
    namespaceAt: cursor.words(count),
    flags: cursor.bytes(count),
    strings: cursor.bytes(counts[10]!),
    namespaces: cursor.bytes(counts[11]!),
  };
}

function readSymbols(bytes: Uint8Array, counts: Uint32Array): SymbolArrays {
  if (bytes.length !== counts[3]! - counts[6]!)
    throw damaged(`${counts[3]! - counts[6]!} bytes of symbols`, `${bytes.length}`);
  const sum = crc32(bytes);
  if (sum !== counts[5]) throw damaged(`checksum ${hex8(counts[5]!)} of the symbols`, hex8(sum));
  const cursor = new Cursor(bytes, 0, bytes.length);
  return {
    slots: cursor.slots(counts[14]!),
    nameAt: cursor.words(counts[12]!),
    first: cursor.words(counts[12]! + 1),
    addresses: cursor.words(counts[13]! * 2),
    strings: cursor.bytes(counts[15]!),
  };
}

/** Hands out views one behind the other, each on an 8-byte boundary. */
class Cursor {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  bytes(length: number): Uint8Array {
    const start = alignUp(this.#at, 8);
    if (start + length > this.#end) throw damaged(`${length} bytes at ${start}`, `an end at ${this.#end}`);
    this.#at = start + length;
    return this.#bytes.subarray(start, this.#at);
  }

  words(count: number): Uint32Array {
    const part = this.bytes(count * 4);
    return new Uint32Array(part.buffer, part.byteOffset, count);
  }

  slots(count: number): Uint32Array {
    if (count === 0 || (count & (count - 1)) !== 0) throw damaged('a power of two of slots', `${count}`);
    return this.words(count * 2);
  }
}

const hex8 = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;

function damaged(expected: string, found: string): InputError {
  return new InputError({
    code: 'KER012',
    message: 'the index is damaged',
    expected,
    found,
    remedy: 'make it again: tocsin kernel VMLINUX -o K',
  });
}
