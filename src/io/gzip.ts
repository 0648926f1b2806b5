/**
 * gzip through node:zlib. Several members in a row expand to their contents in a row, and zero bytes may follow the last, as
 * the gzip program has it. Any other bytes at the end are refused: gzip ignores them with a warning, but a rewritten file
 * would silently lack them.
 */
import type * as Zlib from 'node:zlib';
import { aligned } from './aligned.ts';
import { ioError } from './diagnostics.ts';

/** Offset in the header of the byte for the operating system, and its value for Unix. */
const OS_BYTE = 9;
const OS_UNIX = 3;
/** Packed bytes cannot expand to more than this many times their number. */
const MAX_RATIO = 1032;
const CHUNK_MIN = 64 << 10;
const CHUNK_MAX = 64 << 20;

const zlib = () => process.getBuiltinModule('node:zlib');

export function isGzip(bytes: Uint8Array): boolean {
  // The third byte is the method; 8 (deflate) is the only one there is.
  return bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
}

/** `limit` bounds the expanded size, in bytes. Throws InputError IO010 or IO011. */
export function expandGzip(bytes: Uint8Array, limit: number): Uint8Array {
  if (bytes.length < 18) throw ioError('IO010', 'gzip data: it ends in the middle');
  // The last four bytes give the expanded size of the last member: a hint only, so that one chunk holds it all.
  const hint = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
  const chunkSize = Math.min(Math.max(Math.min(hint, bytes.length * MAX_RATIO) + 1, CHUNK_MIN), CHUNK_MAX);
  let result: { buffer: Buffer; engine: Zlib.Gunzip };
  try {
    // With `info`, which the types leave out, the call also tells how far it read.
    const options: Zlib.ZlibOptions = { info: true, chunkSize, maxOutputLength: limit };
    result = zlib().gunzipSync(bytes, options) as unknown as typeof result;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw ioError('IO011', 'gzip data expands beyond the limit', { expected: `at most ${limit} bytes` });
    }
    if (code?.startsWith('Z_')) throw ioError('IO010', `gzip data: ${message}`);
    throw error;
  }
  const end = result.engine.bytesWritten;
  if (bytes.subarray(end).some(byte => byte !== 0)) {
    throw ioError('IO010', 'gzip data: foreign bytes after the end', { offset: end });
  }
  return aligned(result.buffer);
}

/**
 * One member with the header of `gzip -n`: no name, no time, level 6, operating system Unix wherever tocsin runs. The body
 * is zlib's and may differ from that of the gzip program.
 */
export function packGzip(bytes: Uint8Array): Uint8Array {
  const packed = aligned(zlib().gzipSync(bytes, { level: 6 }));
  packed[OS_BYTE] = OS_UNIX;
  return packed;
}
