/** Certificates that are built into a kernel: whose signatures it checks, and what it makes of one. */
import type { KeyObject } from 'node:crypto';
import { lazy } from '../../util/lazy.ts';

/** Loading it takes a tenth of the time that a check of one module takes, and most runs verify nothing. */
const crypto = lazy(() => process.getBuiltinModule('node:crypto'));

/** A certificate's key and the two names under which the kernel finds it. */
export interface Key {
  /** Serial number and issuer, as the certificate has them. */
  readonly name: Uint8Array;
  /** Subject key identifier. */
  readonly keyId: Uint8Array | undefined;
  readonly algorithm: 'rsa' | 'ecdsa' | undefined;
  readonly key: KeyObject;
}

const SEQUENCE = 0x30;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
/** 2.5.29.14 */
const SUBJECT_KEY_ID = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x0e]);

interface Part {
  readonly tag: number;
  /** The element with its header. */
  readonly whole: Uint8Array;
  readonly value: Uint8Array;
}

/** The elements of DER, one behind the other; ends where something is none. */
function partsOf(bytes: Uint8Array): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    let length = bytes[at + 1]!;
    let start = at + 2;
    if (length >= 0x80) {
      const count = length - 0x80;
      if (count < 1 || count > 3 || start + count > bytes.length) break;
      length = Buffer.from(bytes.buffer, bytes.byteOffset + start, count).readUIntBE(0, count);
      start += count;
    }
    if (start + length > bytes.length) break;
    parts.push({
      tag: bytes[at]!,
      whole: bytes.subarray(at, start + length),
      value: bytes.subarray(start, start + length),
    });
    at = start + length;
  }
  return parts;
}

/** Reading a key takes longer than most of what is done with a module. */
const known = new WeakMap<readonly Uint8Array[], readonly Key[]>();

/** @param certificates DER, each by itself @returns those of them that can be read */
export function keysOf(certificates: readonly Uint8Array[]): readonly Key[] {
  let keys = known.get(certificates);
  if (keys === undefined) {
    keys = certificates.flatMap(certificate => keyOf(certificate) ?? []);
    known.set(certificates, keys);
  }
  return keys;
}

function keyOf(certificate: Uint8Array): Key | undefined {
  const [body] = partsOf(partsOf(certificate)[0]?.value ?? certificate);
  const parts = partsOf(body?.value ?? certificate);
  if (parts[0]?.tag === VERSION) parts.shift();
  const [serial, , issuer, , , keyInfo] = parts;
  if (serial === undefined || issuer === undefined || keyInfo?.tag !== SEQUENCE) return undefined;
  let key: KeyObject;
  try {
    key = crypto().createPublicKey({ key: Buffer.from(keyInfo.whole), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
  const type = key.asymmetricKeyType;
  return {
    name: Buffer.concat([serial.value, issuer.value]),
    keyId: subjectKeyId(parts.find(part => part.tag === EXTENSIONS)),
    algorithm: type === 'rsa' ? 'rsa' : type === 'ec' ? 'ecdsa' : undefined,
    key,
  };
}

function subjectKeyId(extensions: Part | undefined): Uint8Array | undefined {
  const list = extensions === undefined ? [] : partsOf(partsOf(extensions.value)[0]?.value ?? extensions.value);
  const own = list.find(({ value }) => SUBJECT_KEY_ID.equals(value.subarray(0, SUBJECT_KEY_ID.length)));
  const octets = own === undefined ? undefined : partsOf(own.value).at(-1);
  return octets === undefined ? undefined : partsOf(octets.value)[0]?.value;
}

export function findKey(keys: readonly Key[], id: Uint8Array): Key | undefined {
  const isId = (name: Uint8Array | undefined) => name !== undefined && Buffer.compare(name, id) === 0;
  return keys.find(key => isId(key.name) || isId(key.keyId));
}

/** Hashes that node:crypto has under the kernel's names. */
const HASHES = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-384', 'sha3-512'];

export interface Claim {
  readonly hash: string;
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

/** `public_key_verify_signature()`; `undefined` where that cannot be computed here. */
export function isGood({ key, algorithm }: Key, claim: Claim, data: Uint8Array): boolean | undefined {
  if (algorithm === undefined || !HASHES.includes(claim.hash)) return undefined;
  if (algorithm !== claim.algorithm) return false;
  return crypto().verify(claim.hash, data, key, claim.signature);
}
