/**
 * What the parts of the judge share: room for its tables, comparing bytes, and the count of bytes by reason.
 *
 * This folder is AssemblyScript (`scripts/webassembly.js` compiles it). Memory is read with `load` at a byte address, which nothing
 * but the code that calls it keeps inside a file: every offset of a file is compared with the file's size before it is used.
 */

export const RECORD_SIZE: u32 = 8;
export const NOP: u32 = 0x60000000;

let next: u32 = 0;
let end: u32 = 0;

/** Why bytes of the output are what they are; the words of the result, in this order. */
export let identical: u32 = 0;
export let changedByPlan: u32 = 0;
export let addedByPlan: u32 = 0;
export let layout: u32 = 0;
export let removedByPlan: u32 = 0;

export function countIdentical(bytes: u32): void {
  identical += bytes;
}

export function countChanged(bytes: u32): void {
  changedByPlan += bytes;
}

export function countAdded(bytes: u32): void {
  addedByPlan += bytes;
}

export function countLayout(bytes: u32): void {
  layout += bytes;
}

export function countRemoved(bytes: u32): void {
  removedByPlan += bytes;
}

export function startRoom(at: u32, size: u32): void {
  next = at;
  end = at + size;
  identical = changedByPlan = addedByPlan = layout = removedByPlan = 0;
}

/** Zeroed room for `size` bytes, aligned to 16; 0 where there is none left. */
export function zeroed(size: u32): u32 {
  const at = (next + 15) & ~15;
  if (at < next || at > end || size > end - at) return 0;
  next = at + size;
  memory.fill(at, 0, size);
  return at;
}

/** Whether `size` bytes are the same at both places. */
export function same(a: u32, b: u32, size: u32): bool {
  let i: u32 = 0;
  for (; i + 64 <= size; i += 64) {
    const one = v128.xor(v128.load(a + i), v128.load(b + i));
    const two = v128.xor(v128.load(a + i, 16), v128.load(b + i, 16));
    const three = v128.xor(v128.load(a + i, 32), v128.load(b + i, 32));
    const four = v128.xor(v128.load(a + i, 48), v128.load(b + i, 48));
    if (v128.any_true(v128.or(v128.or(one, two), v128.or(three, four)))) return false;
  }
  for (; i + 8 <= size; i += 8) if (load<u64>(a + i) !== load<u64>(b + i)) return false;
  // The last eight, some of them once more.
  if (size >= 8) return load<u64>(a + size - 8) === load<u64>(b + size - 8);
  for (; i < size; i++) if (load<u8>(a + i) !== load<u8>(b + i)) return false;
  return true;
}
