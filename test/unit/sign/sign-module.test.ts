import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { moduleSignature } from '../../../src/kernel/signature.ts';
import type { SigningHash } from '../../../src/sign/hashes.ts';
import { signatureOf, signer, summaryOf } from '../../../src/sign/sign-module.ts';
import { signatureFault } from '../../../src/verify/signature.ts';

const folder = join(import.meta.dirname, '../../support/signing');
const file = (name: string): Buffer => readFileSync(join(folder, name));
const key = (name: string) => createPrivateKey(file(name));
const certificate = (name: string) => new X509Certificate(file(name));
const rsa = (hash: SigningHash) => signer(key('key.pem'), certificate('certificate.pem'), hash);
const curve = (hash: SigningHash) => signer(key('ec-key.pem'), certificate('ec-certificate.pem'), hash);

describe('a signature', () => {
  it("is the same bytes as that of the kernel's sign-file", () => {
    const payload = file('payload');
    expect(Buffer.concat([payload, signatureOf(payload, rsa('sha512'))])).toEqual(file('payload.signed'));
  });

  it.each(['sha256', 'sha384', 'sha512'] as const)('is good, with %s, for RSA and for curves', hash => {
    const payload = file('payload');
    for (const by of [rsa(hash), curve(hash)]) {
      const signed = Buffer.concat([payload, signatureOf(payload, by)]);
      expect(moduleSignature(signed)?.start).toBe(payload.length);
      expect(signatureFault(signed, by.certificate.publicKey)).toBeUndefined();
    }
  });

  it('is bad for another key, other bytes, or none', () => {
    const payload = file('payload');
    const signed = Buffer.concat([payload, signatureOf(payload, rsa('sha256'))]);
    expect(signatureFault(signed, curve('sha256').certificate.publicKey)).toBe('the signature is not one of this key');
    const { publicKey } = certificate('certificate.pem');
    for (let at = 0; at < payload.length; at++) {
      const spoiled = Buffer.from(signed);
      spoiled[at]! ^= 1;
      expect(signatureFault(spoiled, publicKey)).toBe('the signature is not one of this key');
    }
    expect(signatureFault(payload, publicKey)).toBe('there is no signature at the end');
  });

  it('is bad where its message is damaged, and never ends in an exception', () => {
    const payload = file('payload');
    const signed = Buffer.concat([payload, signatureOf(payload, rsa('sha256'))]);
    const { start, length } = moduleSignature(signed)!;
    const { publicKey } = certificate('certificate.pem');
    // Tags and lengths in front of the signature's own bytes.
    for (let at = start; at < start + length - 256; at++) {
      const spoiled = Buffer.from(signed);
      spoiled[at] = 0xff;
      // The name of the signer is not looked at here.
      const fault = signatureFault(spoiled, publicKey);
      if (fault !== undefined) expect(fault).toMatch(/^the /);
    }
  });
});

describe('a signer', () => {
  it('needs the key of the certificate', () => {
    expect(() => signer(key('key.pem'), certificate('ec-certificate.pem'), 'sha256')).toThrow(/does not belong/);
  });

  it('needs a key of a kind that the kernel verifies', () => {
    expect(() => signer(key('ed25519-key.pem'), certificate('certificate.pem'), 'sha256')).toThrow(/this kind of key/);
  });

  it('is told by name, serial number and fingerprint', () => {
    const summary = summaryOf(rsa('sha256'));
    expect(summary).toMatchObject({
      hash: 'sha256',
      signer: 'O=Example\\, not trusted by anybody, CN=tocsin test key',
    });
    expect(summary.serial).toMatch(/^[0-9a-f]{2,40}$/);
    expect(summary.certificate).toBe(certificate('certificate.pem').fingerprint256.replaceAll(':', '').toLowerCase());
  });
});
