/** `--sign-key` and `--sign-cert`: reads who signs, before anything else is done. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readStored } from '../../io/read.ts';
import type { SigningHash } from '../../sign/hashes.ts';
import { type Signer, signer } from '../../sign/sign-module.ts';
import { InputError } from '../../util/errors.ts';

export { signatureOf, summaryOf } from '../../sign/sign-module.ts';
export { signatureFault } from '../../verify/signature.ts';

/** As the kernel's `sign-file` has it. */
const PASSPHRASE = 'KBUILD_SIGN_PIN';

/**
 * @param keyFile PEM, or DER (PKCS#8); encrypted ones are opened with `$KBUILD_SIGN_PIN`
 * @param certificateFile PEM (what else it holds is skipped) or DER
 * @throws InputError IO codes, SIG010 to SIG013
 */
export async function readSigner(keyFile: string, certificateFile: string, hash: SigningHash): Promise<Signer> {
  if (keyFile.startsWith('pkcs11:'))
    throw new InputError({
      code: 'SIG012',
      message: 'keys in hardware tokens cannot be used',
      expected: 'a file',
      found: keyFile,
      remedy: "write the module unsigned, and sign it with the kernel's scripts/sign-file",
    });
  const key = readKey(keyFile, Buffer.from((await readStored(keyFile)).bytes));
  const certificate = readCertificate(certificateFile, Buffer.from((await readStored(certificateFile)).bytes));
  return signer(key, certificate, hash);
}

function readKey(file: string, bytes: Buffer): KeyObject {
  const passphrase = process.env[PASSPHRASE];
  const secret = passphrase === undefined ? {} : { passphrase };
  try {
    return bytes.includes('-----BEGIN')
      ? createPrivateKey({ key: bytes, ...secret })
      : createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8', ...secret });
  } catch (error) {
    throw new InputError({
      code: 'SIG012',
      message: `no private key can be read from it: ${(error as Error).message}`,
      file,
      expected: `a private key, PEM or PKCS#8; the passphrase of an encrypted one in ${PASSPHRASE}`,
      remedy: `give the key's file, and ${PASSPHRASE} in the environment where it is encrypted`,
    });
  }
}

function readCertificate(file: string, bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (error) {
    throw new InputError({
      code: 'SIG013',
      message: `no certificate can be read from it: ${(error as Error).message}`,
      file,
      expected: 'an X.509 certificate, PEM or DER',
      remedy: 'give the certificate that belongs to the key',
    });
  }
}
