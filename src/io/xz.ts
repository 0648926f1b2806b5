/**
 * The xz container, and the decoder of the `xz-decompress` package below it.
 *
 * The package is the decoder that the kernel itself uses (xz-embedded), compiled to WebAssembly. Its public face is a web
 * stream, which cannot say how many bytes it took and cannot run synchronously, so tocsin drives the WebAssembly instance
 * behind it: four exported functions and one small structure in its memory. The version of the package is pinned.
 *
 * An .xz file is one or more streams, each followed by zero bytes in fours. A stream ends with an index (the packed and
 * expanded size of every block) and a footer that gives the index's size, so a file is taken apart from its end, as
 * `xz --list` does. That yields the expanded size before anything is expanded, and makes every truncation visible at once.
 * Layout: the .xz file format specification 1.2.0, sections 2 to 4.
 */
import { allocate } from './aligned.ts';
import { ioError } from './diagnostics.ts';

const HEADER_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] as const;
/** Bytes of a stream header, and of a stream footer. */
const EDGE_SIZE = 12;

export function isXz(bytes: Uint8Array): boolean {
  return HEADER_MAGIC.every((byte, i) => bytes[i] === byte);
}

interface XzStream {
  /** Offset of the stream in the file, and of its end, in bytes. */
  readonly start: number;
  readonly end: number;
  readonly expandedSize: number;
}

const damaged = (message: string, offset?: number) => ioError('IO010', `xz data: ${message}`, { offset });

/** The streams in file order. Throws InputError IO010 where the container is not sound. */
export function xzStreams(bytes: Uint8Array): XzStream[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const streams: XzStream[] = [];
  let end = bytes.length;
  while (end > 0) {
    while (end >= 4 && view.getUint32(end - 4, true) === 0) end -= 4;
    const stream = lastStream(bytes, view, end);
    streams.unshift(stream);
    end = stream.start;
  }
  return streams;
}

function lastStream(bytes: Uint8Array, view: DataView, end: number): XzStream {
  const footer = end - EDGE_SIZE;
  // Footer: CRC32 of the next six bytes, index size / 4 - 1, stream flags, "YZ".
  if (footer < EDGE_SIZE || bytes[end - 2] !== 0x59 || bytes[end - 1] !== 0x5a) {
    throw damaged('no stream footer at the end: truncated, or foreign bytes after it', end);
  }
  if (crc32(bytes.subarray(footer + 4, end - 2)) !== view.getUint32(footer, true)) {
    throw damaged('the checksum of the stream footer is wrong', footer);
  }
  const indexSize = (view.getUint32(footer + 4, true) + 1) * 4;
  const index = footer - indexSize;
  if (index < EDGE_SIZE) throw damaged('the index is larger than the stream', footer);
  const { packed, expandedSize } = readIndex(bytes, view, index, footer);
  const start = index - packed - EDGE_SIZE;
  if (start < 0 || !isXz(bytes.subarray(start))) throw damaged('the index does not lead to a stream header', index);
  return { start, end, expandedSize };
}

/** Sums of the sizes of all blocks. The decoder checks the records one by one against the blocks. */
function readIndex(bytes: Uint8Array, view: DataView, start: number, end: number) {
  if (bytes[start] !== 0) throw damaged('no index where the footer says', start);
  if (crc32(bytes.subarray(start, end - 4)) !== view.getUint32(end - 4, true)) {
    throw damaged('the checksum of the index is wrong', start);
  }
  let at = start + 1;
  // Seven bits a byte, lowest first; the top bit says that another byte follows.
  const next = (): number => {
    let value = 0;
    for (let scale = 1; at < end - 4; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80 && value <= Number.MAX_SAFE_INTEGER) return value;
    }
    throw damaged('a number in the index is not well formed', start);
  };
  const records = next();
  let packed = 0;
  let expandedSize = 0;
  for (let i = 0; i < records; i++) {
    packed += Math.ceil(next() / 4) * 4;
    expandedSize += next();
  }
  return { packed, expandedSize };
}

function crc32(bytes: Uint8Array): number {
  return process.getBuiltinModule('node:zlib').crc32(bytes);
}

/** What the package's WebAssembly module exports. */
interface Decoder {
  readonly memory: { readonly buffer: ArrayBuffer };
  create_context(): number;
  destroy_context(context: number): void;
  supply_input(context: number, size: number): void;
  get_next_output(context: number): number;
}

interface PackageInternals {
  _getModuleInstance(): Promise<void>;
  readonly _moduleInstance?: { readonly exports: Decoder };
}

let loading: Promise<void> | undefined;
let loadedDecoder: Decoder | undefined;

/** Loads the WebAssembly module, once. */
export function prepareXz(): Promise<void> {
  loading ??= load();
  return loading;
}

async function load(): Promise<void> {
  const loaded = await import('xz-decompress');
  const { XzReadableStream } = 'XzReadableStream' in loaded ? loaded : (loaded as { default: typeof loaded }).default;
  const internals = XzReadableStream as unknown as PackageInternals;
  await internals._getModuleInstance();
  const decoder = internals._moduleInstance?.exports;
  if (typeof decoder?.get_next_output !== 'function') throw new Error('xz-decompress has changed inside: pin 0.2.3');
  loadedDecoder = decoder;
}

/** Indexes of the 32-bit words in the decoder's context structure. */
const BUFFER_SIZE = 0;
const INPUT = 1;
const INPUT_AT = 2;
const INPUT_SIZE = 3;
const OUTPUT = 4;
const OUTPUT_SIZE = 5;
const CONTEXT_WORDS = 7;

/** Results of `get_next_output`; the names are those of xz-embedded's `enum xz_ret`. */
const XZ_OK = 0;
const XZ_STREAM_END = 1;
const FAILURES: Readonly<Record<number, string>> = {
  2: 'its kind of checksum is not supported',
  3: 'out of memory',
  4: 'its dictionary is larger than 64 MiB',
  5: 'no stream header',
  6: 'it uses a filter or a checksum that the decoder lacks',
  7: 'a checksum or a length disagrees',
  8: 'it ends in the middle',
};
const UNSUPPORTED: ReadonlySet<number> = new Set([2, 3, 4, 6]);

/** Expanded bytes between two pauses. */
const PAUSE_EVERY = 4 << 20;

/**
 * Expands a whole file; pauses (yields) now and then so that a caller may let others run.
 * `limit` bounds the expanded size, in bytes. Throws InputError IO010, IO011 or IO012.
 */
export function* expandXz(bytes: Uint8Array, limit: number): Generator<undefined, Uint8Array> {
  const streams = xzStreams(bytes);
  const total = streams.reduce((sum, s) => sum + s.expandedSize, 0);
  if (total > limit) {
    throw ioError('IO011', 'xz data expands beyond the limit', {
      expected: `at most ${limit} bytes`,
      found: `${total}`,
    });
  }
  const out = allocate(total);
  let at = 0;
  for (const stream of streams) {
    const end = at + stream.expandedSize;
    yield* expandStream(bytes.subarray(stream.start, stream.end), out.subarray(at, end), stream.start);
    at = end;
  }
  return out;
}

/** Fills `out` exactly, never more: a stream that holds more than its index admits is refused at the first byte too many. */
function* expandStream(bytes: Uint8Array, out: Uint8Array, offset: number): Generator<undefined, void> {
  const decoder = loadedDecoder;
  if (decoder === undefined) throw new Error('prepareXz() comes first');
  const { memory } = decoder;
  const context = decoder.create_context();
  if (context === 0) throw ioError('IO012', `xz data: ${FAILURES[3]}`);
  try {
    let taken = 0;
    let given = 0;
    let pauseAt = PAUSE_EVERY;
    for (;;) {
      // The memory may have grown during any call, which detaches views over it.
      let words = new Int32Array(memory.buffer, context, CONTEXT_WORDS);
      if (words[INPUT_AT] === words[INPUT_SIZE]) {
        const size = Math.min(words[BUFFER_SIZE]!, bytes.length - taken);
        new Uint8Array(memory.buffer, words[INPUT]!, size).set(bytes.subarray(taken, taken + size));
        decoder.supply_input(context, size);
        taken += size;
      }
      const result = decoder.get_next_output(context);
      words = new Int32Array(memory.buffer, context, CONTEXT_WORDS);
      const size = words[OUTPUT_SIZE]!;
      if (given + size > out.length) throw damaged('it holds more than its index says', offset);
      out.set(new Uint8Array(memory.buffer, words[OUTPUT]!, size), given);
      given += size;
      words[OUTPUT_SIZE] = 0;
      if (result === XZ_STREAM_END) {
        const left = bytes.length - taken + words[INPUT_SIZE]! - words[INPUT_AT]!;
        if (left !== 0 || given !== out.length) throw damaged('the index and the blocks disagree', offset);
        return;
      }
      if (result !== XZ_OK) {
        const why = FAILURES[result] ?? `decoder error ${result}`;
        throw UNSUPPORTED.has(result) ? ioError('IO012', `xz data: ${why}`) : damaged(why, offset);
      }
      if (given >= pauseAt) {
        pauseAt = given + PAUSE_EVERY;
        yield;
      }
    }
  } finally {
    decoder.destroy_context(context);
  }
}
