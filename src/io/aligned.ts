/**
 * Byte arrays that own their memory from its first byte, so that a `Uint32Array` or `BigUint64Array` can be laid over them.
 * Node's small Buffers are slices of a shared pool at any offset.
 */

/** Zeroed bytes (given a size) or a copy (given bytes), at offset 0 of an ArrayBuffer of exactly that size. */
export function allocate(content: number | Uint8Array): Uint8Array<ArrayBuffer> {
  if (typeof content === 'number') return new Uint8Array(new ArrayBuffer(content));
  const copy = new Uint8Array(new ArrayBuffer(content.length));
  copy.set(content);
  return copy;
}

/** The same bytes where they already start on an 8-byte boundary and waste less than half of their memory; else a copy. */
export function aligned(bytes: Uint8Array): Uint8Array {
  const { byteOffset, byteLength, buffer } = bytes;
  return byteOffset % 8 === 0 && byteLength * 2 >= buffer.byteLength ? plainView(bytes) : allocate(bytes);
}

/** Not a Buffer: `slice` of a Buffer shares memory where `slice` of a Uint8Array copies, and tocsin means the latter. */
function plainView(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
