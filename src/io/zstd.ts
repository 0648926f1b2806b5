/**
 * The zstd container, and the `@bokuweb/zstd-wasm` package (the reference implementation as WebAssembly) below it.
 *
 * The package expands one frame in one call into memory that it reserves beforehand, on the word of the frame's header.
 * So the headers are read here first (RFC 8878, section 3.1): frames are separated, and the sizes of the blocks bound what
 * a frame can expand to before anything is reserved. A header that promises more than its blocks can hold is refused.
 */
import { allocate } from './aligned.ts';
import { ioError } from './diagnostics.ts';
import { xxh64Low } from './xxhash64.ts';

const MAGIC = 0xfd2fb528;
/** Sixteen magic numbers, 0x184d2a50 to 0x184d2a5f, begin frames that decoders skip. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const CHECKSUM_FLAG = 0x04;
const BLOCK_MAX = 128 << 10;
/** The package's heap cannot exceed 2 GiB; packed and expanded bytes share it. */
const HEAP_MAX = 1.5 * 2 ** 30;
/** What the zstd program and the kernel's `make modules_install` use. */
const LEVEL = 3;

type Package = typeof import('@bokuweb/zstd-wasm');
/**
 * Once in a process, which several of our bundles may share: the package has one memory, and a second `init()` ends before it has
 * put the new one in its place.
 */
const LOADING = Symbol.for('tocsin.zstd');
const shared = globalThis as { [LOADING]?: Promise<Package> };
let zstd: Package | undefined;

/** Loads the WebAssembly module, once. */
export async function prepareZstd(): Promise<void> {
  shared[LOADING] ??= load();
  zstd = await shared[LOADING];
}

async function load(): Promise<Package> {
  const loaded = await import('@bokuweb/zstd-wasm');
  await loaded.init();
  return loaded;
}

export function isZstd(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const magic = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return magic === MAGIC || isSkippable(magic);
}

const isSkippable = (magic: number) => (magic & 0xffff_fff0) >>> 0 === SKIPPABLE_MAGIC;

interface Frame {
  /** Offset of the frame in the file, and of its end, in bytes. */
  readonly start: number;
  readonly end: number;
  /** Expanded bytes: what the header says, or else an upper bound from the blocks. */
  readonly size: number;
  readonly exact: boolean;
}

const damaged = (message: string, offset: number) => ioError('IO010', `zstd data: ${message}`, { offset });

/** The frames that hold data, in file order. Throws InputError IO010 or IO012. */
export function zstdFrames(bytes: Uint8Array): Frame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Frame[] = [];
  let at = 0;
  while (at < bytes.length) {
    need(bytes, at, 8);
    const magic = view.getUint32(at, true);
    if (isSkippable(magic)) {
      const size = 8 + view.getUint32(at + 4, true);
      need(bytes, at, size);
      at += size;
    } else if (magic === MAGIC) {
      const frame = readFrame(bytes, view, at);
      frames.push(frame);
      at = frame.end;
    } else {
      throw damaged('foreign bytes after the last frame', at);
    }
  }
  return frames;
}

function need(bytes: Uint8Array, at: number, size: number): void {
  if (at + size > bytes.length) throw damaged('it ends in the middle', at);
}

function readFrame(bytes: Uint8Array, view: DataView, start: number): Frame {
  const descriptor = bytes[start + 4]!;
  const singleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) throw damaged('a reserved bit is set in the frame header', start + 4);
  let at = start + 5 + (singleSegment ? 0 : 1);
  const dictionarySize = [0, 1, 2, 4][descriptor & 3]!;
  const sizeSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  need(bytes, at, dictionarySize + sizeSize + 3);
  for (let i = 0; i < dictionarySize; i++) {
    if (bytes[at + i] !== 0) throw ioError('IO012', 'zstd data: it needs a dictionary', { offset: at });
  }
  at += dictionarySize;
  const promised = contentSize(view, at, sizeSize);
  at += sizeSize;

  let bound = 0;
  for (let last = false; !last; ) {
    need(bytes, at, 3);
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    const size = block >> 3;
    const type = (block >> 1) & 3;
    last = (block & 1) !== 0;
    // Raw bytes, one byte repeated, packed, reserved.
    if (type === 3 || size > BLOCK_MAX) throw damaged('a block header is not well formed', at);
    bound += type === 2 ? BLOCK_MAX : size;
    at += 3 + (type === 1 ? 1 : size);
  }
  if ((descriptor & CHECKSUM_FLAG) !== 0) at += 4;
  need(bytes, start, at - start);
  if (promised !== undefined && promised > bound) throw damaged('the header promises more than the blocks hold', start);
  return { start, end: at, size: promised ?? bound, exact: promised !== undefined };
}

function contentSize(view: DataView, at: number, width: number): number | undefined {
  switch (width) {
    case 0:
      return undefined;
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

/** The reference implementation's error for a destination that is too small. */
const DESTINATION_TOO_SMALL = -70;

/** `limit` bounds the expanded size, in bytes. Throws InputError IO010, IO011 or IO012. */
export function expandZstd(bytes: Uint8Array, limit: number): Uint8Array {
  if (zstd === undefined) throw new Error('prepareZstd() comes first');
  const frames = zstdFrames(bytes);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (const frame of frames) {
    const room = Math.min(limit, HEAP_MAX - (frame.end - frame.start)) - total;
    if (frame.exact && frame.size > room) throw tooLarge(limit, total + frame.size);
    const part = expandFrame(zstd, bytes.subarray(frame.start, frame.end), frame, room);
    if (part === undefined) throw tooLarge(limit);
    parts.push(part);
    total += part.length;
  }
  if (parts.length === 1) return parts[0]!;
  const out = allocate(total);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Undefined where the frame holds more than `room` bytes. */
function expandFrame(library: Package, bytes: Uint8Array, frame: Frame, room: number): Uint8Array | undefined {
  const capacity = Math.min(frame.size, room);
  let part: Uint8Array;
  try {
    part = library.decompress(bytes, { defaultHeapSize: capacity });
  } catch (error) {
    // "Failed to compress with code N" is all that the package says.
    const code = Number(/code (-?\d+)/.exec((error as Error).message)?.[1]);
    if (Number.isNaN(code)) throw error;
    if (code === DESTINATION_TOO_SMALL && !frame.exact && capacity < frame.size) return undefined;
    throw damaged(`a checksum or a length disagrees (decoder error ${-code})`, frame.start);
  }
  if (frame.exact && part.length !== frame.size)
    throw damaged('the frame is shorter than its header says', frame.start);
  return part;
}

function tooLarge(limit: number, found?: number) {
  return ioError('IO011', 'zstd data expands beyond the limit', {
    expected: `at most ${limit} bytes`,
    found: found === undefined ? undefined : `${found}`,
  });
}

/**
 * One frame at level 3 with its expanded size and a checksum, as the zstd program writes. The package leaves the checksum
 * out; it is the low half of XXH64 after the last block, announced by one bit of the header that means nothing else.
 */
export function packZstd(bytes: Uint8Array): Uint8Array {
  if (zstd === undefined) throw new Error('prepareZstd() comes first');
  const frame = zstd.compress(bytes, LEVEL);
  const packed = allocate(frame.length + 4);
  packed.set(frame);
  packed[4]! |= CHECKSUM_FLAG;
  new DataView(packed.buffer).setUint32(frame.length, xxh64Low(bytes), true);
  return packed;
}
