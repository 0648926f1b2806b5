/** Looking at bytes, for programs in AssemblyScript (`scripts/webassembly.js`). Whoever asks keeps inside what is there. */

/** Whether `text` (ASCII) stands at `at`. */
export function startsWith(at: u32, text: string): bool {
  const length = text.length;
  for (let i = 0; i < length; i++) if (u32(load<u8>(at + i)) !== u32(text.charCodeAt(i))) return false;
  return true;
}

/** Whether `text` (ASCII) and a NUL stand at `at`. */
export function isText(at: u32, text: string): bool {
  return startsWith(at, text) && load<u8>(at + text.length) === 0;
}

/** Whether `size` bytes at `at` are zero. */
export function isZero(at: u32, size: u32): bool {
  for (let i: u32 = 0; i < size; i++) if (load<u8>(at + i) !== 0) return false;
  return true;
}
