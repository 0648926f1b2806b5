/** The signature behind the file; `loader/signature-check.ts` is the model. */
import { FILE, startsWith } from './memory';
import { looksAtSignatures } from './settings';

const MARKER_SIZE: u32 = 28;
const INFO_SIZE: u32 = 12;
const PKEY_ID_PKCS7: u32 = 2;
const SEQUENCE: u32 = 0x30;
const OBJECT_IDENTIFIER: u32 = 6;

/** Bytes of the file that count, of `size`; 0 where the signature is none that the kernel takes for one. */
export function unsignedSize(size: u32): u32 {
  if (size <= MARKER_SIZE + INFO_SIZE || !startsWith(FILE + size - MARKER_SIZE, '~Module signature appended~\n'))
    return size;
  if (!looksAtSignatures()) return 0;
  const info = size - MARKER_SIZE - INFO_SIZE;
  const at = FILE + info;
  const length = bswap<u32>(load<u32>(at, 8));
  if (length >= info || load<u8>(at, 2) !== PKEY_ID_PKCS7) return 0;
  // Every other field is zero.
  if ((load<u32>(at) & 0xff00_ffff) !== 0 || load<u32>(at, 4) !== 0) return 0;
  const left = info - length;
  return isMessage(FILE + left, length) ? left : 0;
}

/** Whether `length` bytes are a DER SEQUENCE that begins with an identifier. */
function isMessage(at: u32, length: u32): bool {
  if (length < 3 || load<u8>(at) !== SEQUENCE) return false;
  const first: u32 = load<u8>(at, 1);
  const count: u32 = first < 0x80 ? 0 : first - 0x80;
  // The kernel's messages have two bytes of length; an indefinite length has none.
  if (first === 0x80 || count > 3 || length < count + 3) return false;
  let size: u32 = count === 0 ? first : 0;
  for (let i: u32 = 0; i < count; i++) size = (size << 8) | load<u8>(at + 2 + i);
  return size > 0 && count + size + 2 <= length && load<u8>(at + 2 + count) === OBJECT_IDENTIFIER;
}
