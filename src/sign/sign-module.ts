/**
 * Signs a module as the kernel's `scripts/sign-file` does: behind the ELF part go a PKCS#7 message (CMS SignedData, RFC 5652,
 * detached, without certificates and attributes, the signer named by issuer and serial number), `struct module_signature`
 * and a marker line. The kernel finds the key by issuer and serial number, so both are taken byte by byte from the
 * certificate. RSA signatures are the same bytes each time.
 */
import { createHash, type KeyObject, sign, type X509Certificate } from 'node:crypto';
import {
  type BaseBlock,
  Constructed,
  fromBER,
  Integer,
  Null,
  ObjectIdentifier,
  OctetString,
  Sequence,
  Set as SetOf,
} from 'asn1js';
import { appendedSignature } from '../kernel/signature.ts';
import { InputError } from '../util/errors.ts';
import type { SigningHash } from './hashes.ts';

export interface Signer {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
  readonly hash: SigningHash;
}

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const DATA = '1.2.840.113549.1.7.1';
const RSA = '1.2.840.113549.1.1.1';
const HASHES: Readonly<Record<SigningHash, { readonly digest: string; readonly ecdsa: string }>> = {
  sha256: { digest: '2.16.840.1.101.3.4.2.1', ecdsa: '1.2.840.10045.4.3.2' },
  sha384: { digest: '2.16.840.1.101.3.4.2.2', ecdsa: '1.2.840.10045.4.3.3' },
  sha512: { digest: '2.16.840.1.101.3.4.2.3', ecdsa: '1.2.840.10045.4.3.4' },
};

/**
 * The parts of a signer, checked against one another.
 *
 * @throws InputError SIG010 where the key does not belong to the certificate, SIG011 where the kernel cannot verify its kind
 */
export function signer(key: KeyObject, certificate: X509Certificate, hash: SigningHash): Signer {
  const kind = key.asymmetricKeyType;
  if (kind !== 'rsa' && kind !== 'ec')
    throw new InputError({
      code: 'SIG011',
      message: 'the kernel cannot verify signatures of this kind of key',
      expected: 'an RSA key, or one on an elliptic curve',
      found: kind ?? 'no private key',
      remedy: 'sign with the key that the kernel was built with, or with one of its machine owner keys',
    });
  if (!certificate.checkPrivateKey(key))
    throw new InputError({
      code: 'SIG010',
      message: 'the key of --sign-key does not belong to the certificate of --sign-cert',
      expected: `the private key of ${certificate.subject.replaceAll('\n', ', ')}`,
      found: 'another key',
      remedy: 'give the two that were made together (certs/signing_key.pem holds both)',
    });
  return { key, certificate, hash };
}

/** The bytes that go behind `module`, which must not be signed already. */
export function signatureOf(module: Uint8Array, { key, certificate, hash }: Signer): Uint8Array {
  const { digest, ecdsa } = HASHES[hash];
  const [serial, issuer] = named(certificate);
  const algorithm = (oid: string, ...parameters: BaseBlock[]) =>
    new Sequence({ value: [new ObjectIdentifier({ value: oid }), ...parameters] });
  const signerInfo = new Sequence({
    value: [
      new Integer({ value: 1 }),
      new Sequence({ value: [issuer, serial] }),
      algorithm(digest),
      key.asymmetricKeyType === 'rsa' ? algorithm(RSA, new Null()) : algorithm(ecdsa),
      new OctetString({ valueHex: sign(hash, module, key) }),
    ],
  });
  const signedData = new Sequence({
    value: [
      new Integer({ value: 1 }),
      new SetOf({ value: [algorithm(digest)] }),
      algorithm(DATA),
      new SetOf({ value: [signerInfo] }),
    ],
  });
  const message = new Sequence({
    value: [
      new ObjectIdentifier({ value: SIGNED_DATA }),
      new Constructed({ idBlock: { tagClass: 3, tagNumber: 0 }, value: [signedData] }),
    ],
  });
  return appendedSignature(new Uint8Array(message.toBER()));
}

/** Serial number and issuer, as they stand in the certificate (RFC 5280, 4.1). */
function named(certificate: X509Certificate): readonly [serial: BaseBlock, issuer: BaseBlock] {
  const { result } = fromBER(new Uint8Array(certificate.raw));
  const fields = ((result as Sequence).valueBlock.value[0] as Sequence).valueBlock.value as BaseBlock[];
  // The version is there for every certificate but those of version 1.
  const first = fields[0] instanceof Integer ? 0 : 1;
  return [fields[first]!, fields[first + 2]!];
}

/** For people and reports: who signed, and how. */
export interface SignatureSummary {
  readonly hash: SigningHash;
  readonly signer: string;
  readonly serial: string;
  /** SHA-256 of the certificate, in hexadecimal digits. */
  readonly certificate: string;
}

export function summaryOf({ certificate, hash }: Signer): SignatureSummary {
  return {
    hash,
    signer: certificate.subject.replaceAll('\n', ', '),
    serial: certificate.serialNumber.toLowerCase(),
    certificate: createHash('sha256').update(certificate.raw).digest('hex'),
  };
}
