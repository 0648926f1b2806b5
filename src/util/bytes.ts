/**
 * Byte order is settled here, once. ppc64le files are little-endian and typed arrays have the order of the host, so on a
 * little-endian host a `Uint32Array` over a file reads its words directly. A big-endian host would read every word
 * backwards; tocsin refuses to start there instead of carrying a flag through every loop.
 */
import { InputError } from './errors.ts';

const hostIsLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

const TWO_32 = 0x1_0000_0000;

/** Throws on a host whose typed arrays are big-endian. */
export function requireLittleEndianHost(): void {
  if (!hostIsLittleEndian)
    throw new InputError({
      code: 'SYS001',
      message: 'this machine is big-endian, and tocsin reads little-endian files through the order of the machine',
      remedy: 'run tocsin on a little-endian machine (x86-64, arm64, ppc64le)',
    });
}

/**
 * The same memory as a plain `Uint8Array` if it starts on an 8-byte boundary of its buffer, else an aligned copy. Plain,
 * because `slice` of a Node `Buffer` does not copy.
 */
export function aligned(bytes: Uint8Array): Uint8Array {
  if (bytes.byteOffset % 8 === 0) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/** The 32-bit words of `bytes`, which must start on a 4-byte boundary; up to three bytes at the end are left out. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
}

/** An unsigned 64-bit value as a number; exact below 2^53, otherwise larger than any file or section can be. */
export function unsigned64(low: number, high: number): number {
  return high * TWO_32 + low;
}

/** A signed 64-bit value as a number; exact while its magnitude is below 2^53. */
export function signed64(low: number, high: number): number {
  return (high | 0) * TWO_32 + low;
}

/** An unsigned 64-bit value, always exact. */
export function big64(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** `value` rounded up to a multiple of `alignment` (a power of two, or 0 and 1 for none). */
export function alignUp(value: number, alignment: number): number {
  if (alignment <= 1) return value;
  const over = value % alignment;
  return over === 0 ? value : value + alignment - over;
}

/** Lower-case hexadecimal with `0x`. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
