/**
 * Section names, of which all modules together have a few hundred: each gets a number and one string, so that finding a
 * section by name compares numbers and makes no strings.
 */

/** Numbers are below it; the names of hostile files beyond it get none. */
export const NAME_LIMIT = 4096;
const SLOTS = 4 * NAME_LIMIT;

const texts: string[] = [''];
const bytesOf: Uint8Array[] = [new Uint8Array(0)];
const slots = new Uint16Array(SLOTS);

/** Longest name that is kept; bytes. */
const LONGEST = 120;

function slotOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash >>> 9) % SLOTS;
}

/** Number of the name in `bytes` from `from` to `to`; 0 where it is not kept. */
export function nameIdOf(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length > LONGEST) return 0;
  for (let slot = slotOf(bytes, from, to); ; slot = (slot + 1) % SLOTS) {
    const id = slots[slot]!;
    if (id === 0) return keep(bytes.slice(from, to), slot);
    const known = bytesOf[id]!;
    if (known.length !== length) continue;
    let i = 0;
    while (i < length && known[i] === bytes[from + i]) i++;
    if (i === length) return id;
  }
}

function keep(name: Uint8Array, slot: number): number {
  if (texts.length === NAME_LIMIT) return 0;
  const id = texts.length;
  slots[slot] = id;
  bytesOf.push(name);
  texts.push(Buffer.from(name).toString('latin1'));
  return id;
}

/** The text of a name that has a number. */
export function nameText(id: number): string {
  return texts[id]!;
}

/** Number of a name that the loader looks for; to be called when the program starts, while numbers are free. */
export function knownName(text: string): number {
  return nameIdOf(
    Uint8Array.from(text, c => c.charCodeAt(0)),
    0,
    text.length,
  );
}

let lastBytes: Uint8Array | undefined;
let lastText: Buffer | undefined;

/** One character for each byte from `from` to `to`. */
export function latin1(bytes: Uint8Array, from = 0, to = bytes.length): string {
  // Names are read from one file many times in a row, and a Buffer over it costs more than a short string.
  if (lastBytes !== bytes) {
    lastBytes = bytes;
    lastText = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }
  return lastText!.toString('latin1', from, to);
}
