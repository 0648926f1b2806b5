/**
 * The signature behind the file; `loader/signature/` is the model. A signature as scripts/sign-file makes it is plain: one signer,
 * named by issuer and serial number, without attributes or certificates. Whether it is good is not looked at here.
 */
import { startsWith } from '../../../util/wasm/bytes';
import { FILE } from './memory';
import { looksAtSignatures } from './settings';

const MARKER_SIZE: u32 = 28;
const INFO_SIZE: u32 = 12;
const PKEY_ID_PKCS7: u32 = 2;

const INTEGER: u32 = 0x02;
const OCTET_STRING: u32 = 0x04;
const NULL_VALUE: u32 = 0x05;
const OBJECT_IDENTIFIER: u32 = 0x06;
const SEQUENCE: u32 = 0x30;
const SET: u32 = 0x31;
const CONTENT: u32 = 0xa0;
const LONG_TAG: u32 = 0x1f;

/** Bytes of identifiers: the first four, the second four, the ninth. */
const RSA_SECURITY: u32 = 0x8648_862a;
const PKCS7: u32 = 0x0701_0df7;
const SIGNED_DATA: u32 = 2;
const DATA: u32 = 1;
const PKCS1: u32 = 0x0101_0df7;
const RSA_ENCRYPTION: u32 = 1;
const PKCS9: u32 = 0x0901_0df7;
const EMAIL: u32 = 1;
const NIST: u32 = 0x0148_8660;
const HASHES: u32 = 0x0204_0365;
const ANSI: u32 = 0xce48_862a;
/** ecdsa-with-SHA2, less the eighth byte. */
const ECDSA: u32 = 0x0003_043d;

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

/** Where the next element begins. */
let next: u32 = 0;

/**
 * Goes to the contents of the next element, which has this tag and lies in front of `limit`.
 *
 * @returns its end, or 0 where it is another
 */
function enter(tag: u32, limit: u32): u32 {
  if (next + 2 > limit || load<u8>(next) !== tag) return 0;
  let length: u32 = load<u8>(next, 1);
  next += 2;
  if (length >= 0x80) {
    const count = length - 0x80;
    if (count === 0 || count > 2 || next + count > limit) return 0;
    length = 0;
    for (let i: u32 = 0; i < count; i++) length = (length << 8) | load<u8>(next++);
  }
  const end = next + length;
  return end <= limit ? end : 0;
}

/** Goes past the next element. */
function pass(tag: u32, limit: u32): bool {
  const end = enter(tag, limit);
  if (end === 0) return false;
  next = end;
  return true;
}

/** Goes past the number 1, the version of both structures. */
function passVersion(limit: u32): bool {
  return pass(INTEGER, limit) && load<u8>(next - 2) === 1 && load<u8>(next - 1) === 1;
}

/** Goes past an identifier. @returns where its contents begin, or 0 */
function identifier(limit: u32): u32 {
  const end = enter(OBJECT_IDENTIFIER, limit);
  if (end === 0) return 0;
  const at = next;
  next = end;
  return at;
}

/** Of an identifier of RSA Data Security that begins at `at` and that was just gone past. */
function isIdentifier(at: u32, second: u32, last: u32): bool {
  return next - at === 9 && load<u32>(at) === RSA_SECURITY && load<u32>(at, 4) === second && load<u8>(at, 8) === last;
}

/** Goes past an algorithm without parameters, the end of which is `end`. */
function passParameters(end: u32): bool {
  return next === end || (pass(NULL_VALUE, end) && next === end);
}

function passHash(limit: u32): bool {
  const end = enter(SEQUENCE, limit);
  if (end === 0) return false;
  const at = identifier(end);
  if (at === 0 || next - at !== 9 || load<u32>(at) !== NIST || load<u32>(at, 4) !== HASHES) return false;
  // SHA-256, SHA-384 and SHA-512.
  const which: u32 = load<u8>(at, 8);
  return which >= 1 && which <= 3 && passParameters(end);
}

function passKeyAlgorithm(limit: u32): bool {
  const end = enter(SEQUENCE, limit);
  if (end === 0) return false;
  const at = identifier(end);
  if (at === 0) return false;
  const isRsa = isIdentifier(at, PKCS1, RSA_ENCRYPTION);
  const which: u32 = load<u8>(at, 7);
  const isEcdsa =
    next - at === 8 && load<u32>(at) === ANSI && (load<u32>(at, 4) & 0xff_ffff) === ECDSA && which >= 2 && which <= 4;
  return (isRsa || isEcdsa) && passParameters(end);
}

/** Goes past a name whose attributes the kernel knows, so that it says nothing about them. */
function passName(limit: u32): bool {
  const end = enter(SEQUENCE, limit);
  if (end === 0) return false;
  do {
    const part = enter(SET, end);
    if (part === 0) return false;
    const value = enter(SEQUENCE, part);
    if (value !== part) return false;
    const at = identifier(value);
    if (at === 0 || !isNameAttribute(at) || next >= value) return false;
    const tag: u32 = load<u8>(next);
    if ((tag & LONG_TAG) === LONG_TAG || !pass(tag, value) || next !== value) return false;
  } while (next < end);
  return next === end;
}

function isNameAttribute(at: u32): bool {
  if (next - at === 9) return isIdentifier(at, PKCS9, EMAIL);
  if (next - at !== 3 || load<u16>(at) !== 0x0455) return false;
  const which: u32 = load<u8>(at, 2);
  return which === 3 || (which >= 6 && which <= 8) || which === 10 || which === 11;
}

function passSigner(limit: u32): bool {
  const end = enter(SEQUENCE, limit);
  if (end === 0 || !passVersion(end)) return false;
  const who = enter(SEQUENCE, end);
  if (who === 0 || !passName(who) || !pass(INTEGER, who) || next !== who) return false;
  return passHash(end) && passKeyAlgorithm(end) && pass(OCTET_STRING, end) && next === end;
}

function isMessage(at: u32, length: u32): bool {
  next = at;
  const end = at + length;
  if (enter(SEQUENCE, end) !== end || !isIdentifier(identifier(end), PKCS7, SIGNED_DATA)) return false;
  if (enter(CONTENT, end) !== end || enter(SEQUENCE, end) !== end || !passVersion(end)) return false;
  const hashes = enter(SET, end);
  if (hashes === 0 || !passHash(hashes) || next !== hashes) return false;
  const content = enter(SEQUENCE, end);
  if (content === 0 || !isIdentifier(identifier(content), PKCS7, DATA) || next !== content) return false;
  return enter(SET, end) === end && passSigner(end) && next === end;
}
