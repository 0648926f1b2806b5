/**
 * Copies of functions that keep the r2 of whoever enters them, as modules export them for others to go on in. By their names it is known
 * what they are meant to be; that they are it only the proof of their own modules can say.
 */
const PREFIX = '__tocsin_epilogue_';

export function isCopy(symbol: string): boolean {
  return symbol.startsWith(PREFIX);
}

const MARK = Buffer.from(PREFIX, 'latin1');

/** Whether a file may import or export a copy. */
export function mentionsCopies(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(MARK);
}
