/** Reads an appended signature back and verifies it, as the kernel does once it has found the key. */
import { type KeyObject, verify } from 'node:crypto';
import { type BaseBlock, fromBER, ObjectIdentifier, OctetString, Sequence, Set as SetOf } from 'asn1js';
import { moduleSignature } from '../kernel/signature.ts';

const DIGESTS: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/**
 * What is wrong with the signature at the end of `file`; `undefined` where it is good: one signer without attributes, whose
 * signature over all that comes before the message was made with the key that `publicKey` belongs to.
 *
 * @throws InputError SIG001, SIG002
 */
export function signatureFault(file: Uint8Array, publicKey: KeyObject): string | undefined {
  const found = moduleSignature(file);
  if (found === undefined) return 'there is no signature at the end';
  const message = file.slice(found.start, found.start + found.length);
  const { result, offset } = fromBER(message);
  if (offset !== message.length) return 'the message is not one ASN.1 value';
  const signer = signerInfo(result);
  if (signer === undefined) return 'the message is not SignedData with one signer';
  const [, , algorithm, , signature, ...rest] = signer.valueBlock.value;
  const digest = DIGESTS[first(algorithm)?.valueBlock.toString() ?? ''];
  if (digest === undefined) return 'the digest is none that is known';
  if (!(signature instanceof OctetString) || rest.length > 0) return 'the signer has attributes';
  const value = Buffer.from(signature.valueBlock.valueHexView);
  if (!verify(digest, file.subarray(0, found.start), publicKey, value)) return 'the signature is not one of this key';
  return undefined;
}

/** SignedData → signerInfos → the only one. */
function signerInfo(message: BaseBlock): Sequence | undefined {
  const signedData = children(children(message)[1])[0];
  const signers = children(signedData).at(-1);
  const list = signers instanceof SetOf ? children(signers) : [];
  return list.length === 1 && list[0] instanceof Sequence && children(list[0]).length >= 5 ? list[0] : undefined;
}

function children(block: BaseBlock | undefined): readonly BaseBlock[] {
  const value = (block?.valueBlock as { value?: unknown } | undefined)?.value;
  return Array.isArray(value) ? value : [];
}

function first(block: BaseBlock | undefined): ObjectIdentifier | undefined {
  const found = children(block)[0];
  return found instanceof ObjectIdentifier ? found : undefined;
}
