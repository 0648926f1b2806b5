/**
 * What the parts of this program share: the file, and room for tables.
 *
 * This folder is AssemblyScript: TypeScript's syntax, compiled to WebAssembly by `scripts/webassembly.js`. Numbers have the types
 * of the machine (`u32` wraps), and memory is read with `load` at a byte address, which nothing but the code that calls it keeps
 * inside the file. So every offset of a file is compared with the file's size before it is used.
 */

export const RECORD_SIZE: u32 = 8;
export const NOP: u32 = 0x60000000;

/** Where the old file stands, and the new one is made. */
export let file: u32 = 0;
/** Bytes that the new one may have. */
export let fileRoom: u32 = 0;
/** Size of the old one. */
export let fileSize: u32 = 0;

let next: u32 = 0;
let end: u32 = 0;

/** @param size of the file at `at` @param tables where there are `room` bytes for tables */
export function begin(at: u32, size: u32, most: u32, tables: u32, room: u32): void {
  file = at;
  fileSize = size;
  fileRoom = most;
  next = tables;
  end = tables + room;
}

/** Room for `size` bytes, whatever they hold; 0 where there is none left. Aligned to 8. */
export function reserve(size: u32): u32 {
  const at = next;
  const aligned = (size + 7) & ~7;
  if (aligned < size || aligned > end - at) return 0;
  next = at + aligned;
  return at;
}

/** Room for tables that is left, in bytes. */
export function left(): u32 {
  return end - next;
}

/** `value` rounded up to a multiple of `alignment`: a power of two, or 0. */
export function alignUp(value: u32, alignment: u32): u32 {
  return alignment <= 1 ? value : (value + alignment - 1) & ~(alignment - 1);
}
