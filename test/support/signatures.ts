/** Signatures as scripts/sign-file appends them to modules, made part by part so that each can be spoiled; and certificates. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

type Bytes = Uint8Array | readonly number[];

/** An element of DER. */
export function der(tag: number, ...parts: readonly Bytes[]): Buffer {
  const value = Buffer.concat(parts.map(part => Buffer.from(part)));
  const { length } = value;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}

export const SEQUENCE = 0x30;
export const SET = 0x31;
export const INTEGER = 0x02;
export const OCTETS = 0x04;

/** An object identifier, from its text. */
export function oid(text: string): Buffer {
  const [first, second, ...rest] = text.split('.').map(Number);
  const bytes = rest.flatMap(part => {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return der(6, [first! * 40 + second!, ...bytes]);
}

export const OIDS = {
  signedData: '1.2.840.113549.1.7.2',
  data: '1.2.840.113549.1.7.1',
  rsa: '1.2.840.113549.1.1.1',
  ecdsa: '1.2.840.10045.4.3.2',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const;

const name = (text: string) => der(SEQUENCE, der(SET, der(SEQUENCE, oid('2.5.4.3'), der(0x0c, Buffer.from(text)))));

/** Who signs. */
export interface Signatory {
  readonly privateKey: KeyObject;
  /** DER, as a kernel has it built in. */
  readonly certificate: Uint8Array;
  readonly issuer: Buffer;
  readonly serial: Buffer;
  readonly keyId: Buffer;
  readonly algorithm: 'rsa' | 'ecdsa';
}

export function signatory(text: string, algorithm: 'rsa' | 'ecdsa' = 'rsa'): Signatory {
  const { privateKey, publicKey } =
    algorithm === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const issuer = name(text);
  const serial = der(INTEGER, Buffer.from(text.padEnd(4)).subarray(0, 4));
  const keyId = Buffer.from(text.padEnd(20)).subarray(0, 20);
  const kind = der(SEQUENCE, oid(algorithm === 'rsa' ? '1.2.840.113549.1.1.11' : OIDS.ecdsa));
  const times = der(SEQUENCE, der(0x17, Buffer.from('250101000000Z')), der(0x17, Buffer.from('450101000000Z')));
  const extension = der(SEQUENCE, oid('2.5.29.14'), der(OCTETS, der(OCTETS, keyId)));
  const body = der(
    SEQUENCE,
    der(0xa0, der(INTEGER, [2])),
    serial,
    kind,
    issuer,
    times,
    issuer,
    publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa3, der(SEQUENCE, extension)),
  );
  const certificate = der(SEQUENCE, body, kind, der(3, [0], sign('sha256', body, privateKey)));
  return { privateKey, certificate, issuer, serial, keyId, algorithm };
}

/** What a test may have otherwise. */
export interface Spoiled {
  readonly outerType?: string;
  readonly innerType?: string;
  readonly version?: number;
  readonly signerVersion?: number;
  readonly byKeyId?: boolean;
  readonly hash?: 'sha256' | 'sha512';
  readonly hashOid?: string;
  readonly algorithmOid?: string;
  /** Elements in the message beside the usual: inside what is signed, between it and the signers, and of the signer. */
  readonly content?: Buffer;
  readonly certificates?: Buffer;
  readonly attributes?: Buffer;
  readonly signers?: number;
}

/** A PKCS#7 message that signs `data`. */
export function message(data: Uint8Array, who: Signatory, spoiled: Spoiled = {}): Buffer {
  const { version = 1, byKeyId = false, hash = 'sha256', signers = 1 } = spoiled;
  const digest = der(SEQUENCE, oid(spoiled.hashOid ?? OIDS[hash]));
  const signer = der(
    SEQUENCE,
    der(INTEGER, [spoiled.signerVersion ?? version]),
    byKeyId ? der(0x80, who.keyId) : der(SEQUENCE, who.issuer, who.serial),
    digest,
    spoiled.attributes ?? [],
    der(SEQUENCE, oid(spoiled.algorithmOid ?? OIDS[who.algorithm]), der(5)),
    der(OCTETS, sign(hash, data, who.privateKey)),
  );
  return der(
    SEQUENCE,
    oid(spoiled.outerType ?? OIDS.signedData),
    der(
      0xa0,
      der(
        SEQUENCE,
        der(INTEGER, [version]),
        der(SET, digest),
        der(SEQUENCE, oid(spoiled.innerType ?? OIDS.data), spoiled.content ?? []),
        spoiled.certificates ?? [],
        der(SET, ...new Array<Buffer>(signers).fill(signer)),
      ),
    ),
  );
}

/** `module` with the signature behind it. */
export function appended(module: Uint8Array, signature: Uint8Array): Uint8Array {
  const description = Buffer.alloc(12);
  description[2] = 2;
  description.writeUInt32BE(signature.length, 8);
  const marker = Buffer.from('~Module signature appended~\n', 'latin1');
  return new Uint8Array(Buffer.concat([module, signature, description, marker]));
}
