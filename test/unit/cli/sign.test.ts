/** `tocsin patch --sign-key`: who signs, and what becomes of the signature. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { moduleSignature } from '../../../src/kernel/signature.ts';
import { signatureFault } from '../../../src/verify/signature.ts';
import { inThread, temporaryFolder } from '../../support/cli.ts';
import { root } from '../../support/samples.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const material = (name: string) => `${root}test/support/signing/${name}`;
const demo = `${root}samples/6.1/tocsin_demo.ko`;
const schema = JSON.parse(readFileSync(`${root}schemas/tocsin.patch-1.schema.json`, 'utf8'));
const valid = new Ajv2020({ strict: false }).compile(schema);

const publicKey = new X509Certificate(readFileSync(material('certificate.pem'))).publicKey;

function patch(out: string, signing: readonly string[], env = {}, input = demo) {
  return inThread(['patch', input, '-o', at(out), '--nop', 'demo_*', ...signing], env);
}

const by = (key: string, certificate: string) => ['--sign-key', material(key), '--sign-cert', material(certificate)];

describe('tocsin patch --sign-key', () => {
  it('signs what it writes, and revert takes signature and patch back', () => {
    const done = patch('signed.ko', [...by('key.pem', 'certificate.pem'), '--format', 'json']);
    expect(done.code, done.stderr).toBe(0);
    const document = JSON.parse(done.stdout);
    expect(valid(document), JSON.stringify(valid.errors)).toBe(true);
    expect(document.signature).toMatchObject({ hash: 'sha256', signer: expect.stringContaining('tocsin test key') });
    const signed = readFileSync(at('signed.ko'));
    expect(signatureFault(signed, publicKey)).toBeUndefined();
    expect(inThread(['revert', at('signed.ko'), '-o', at('back.ko')]).code).toBe(0);
    expect(readFileSync(at('back.ko')).equals(readFileSync(demo))).toBe(true);
  });

  it('changes nothing but the end of the file', () => {
    expect(patch('plain.ko', []).code).toBe(0);
    expect(patch('with.ko', [...by('key.pem', 'certificate.pem'), '--sign-hash', 'sha512']).code).toBe(0);
    const signed = readFileSync(at('with.ko'));
    const { start } = moduleSignature(signed)!;
    expect(signed.subarray(0, start).equals(readFileSync(at('plain.ko')))).toBe(true);
  });

  it('signs anew what was signed, and no longer says that a signature is lost', () => {
    const first = ['patch', demo, '-o', at('first.ko'), '--nop', 'demo_alarm', ...by('key.pem', 'certificate.pem')];
    expect(inThread(first).code).toBe(0);
    const done = patch('third.ko', by('ec-key.pem', 'ec-certificate.pem'), {}, at('first.ko'));
    expect(done.code, done.stderr).toBe(0);
    expect(done.stdout).not.toContain('no longer holds');
    expect(done.stdout).toMatch(/^signed: {3}sha256, by CN=tocsin test key on a curve/m);
    const curve = new X509Certificate(readFileSync(material('ec-certificate.pem'))).publicKey;
    expect(signatureFault(readFileSync(at('third.ko')), curve)).toBeUndefined();
    expect(inThread(['revert', at('third.ko'), '-o', at('undone.ko')]).code).toBe(0);
    expect(readFileSync(at('undone.ko')).equals(readFileSync(at('first.ko')))).toBe(true);
  });

  const symvers = ['--symvers', `${root}samples/6.1/Module.symvers`];
  const merged = ['--with', `${root}samples/6.1/demo_object.o`];
  // The versions of the kernel's own exports are not among the samples.
  const unversioned = [...symvers, '--allow-unproved'];

  it.each([
    ['direct', ['--redirect', 'demo_in_range=demo_in_range_fixed', '--strategy', 'direct']],
    ['frame', ['--redirect', 'demo_in_range=fix_in_range', '--strategy', 'frame', ...symvers]],
    ['shadow', ['--redirect', 'demo_in_range=fix_in_range', '--strategy', 'shadow', ...unversioned]],
    ['global entry', ['--redirect', 'demo_in_range=fix_in_range', '--at', 'global-entry', ...symvers]],
    ['hook', ['--hook', 'demo_*=fix_in_range', ...symvers]],
    ['merged', [...merged, '--redirect', 'demo_in_range=fixed_in_range', ...unversioned]],
    ['epilogue copies', ['--epilogue', 'demo_in_range', ...symvers]],
  ])('signs what any other way of patching wrote: %s', (name, options) => {
    const out = at(`${name.replace(' ', '-')}.ko`);
    const signing = by('key.pem', 'certificate.pem');
    const done = inThread(['patch', demo, '-o', out, ...options, ...signing, '--format', 'json']);
    expect(done.code, done.stderr).toBe(0);
    expect(JSON.parse(done.stdout).proof.verdict).toBe('proved');
    expect(signatureFault(readFileSync(out), publicKey)).toBeUndefined();
    expect(inThread(['revert', out, '-o', `${out}.back`]).code).toBe(0);
    expect(readFileSync(`${out}.back`).equals(readFileSync(demo))).toBe(true);
  });

  it('opens an encrypted key with KBUILD_SIGN_PIN, and takes a certificate in DER', () => {
    const signing = by('key-encrypted.pem', 'certificate.der');
    expect(patch('pin.ko', signing, { KBUILD_SIGN_PIN: 'opensesame' }).code).toBe(0);
    expect(signatureFault(readFileSync(at('pin.ko')), publicKey)).toBeUndefined();
    for (const env of [{}, { KBUILD_SIGN_PIN: 'wrong' }]) {
      const done = patch('no.ko', signing, env);
      expect(done.code).toBe(2);
      expect(done.stderr).toContain('SIG012');
    }
  });

  it('takes key and certificate from one file, as certs/signing_key.pem has them', () => {
    writeFileSync(at('both.pem'), Buffer.concat(['key.pem', 'certificate.pem'].map(n => readFileSync(material(n)))));
    expect(createPrivateKey(readFileSync(at('both.pem'))).asymmetricKeyType).toBe('rsa');
    const done = patch('both.ko', ['--sign-key', at('both.pem'), '--sign-cert', at('both.pem')]);
    expect(done.code, done.stderr).toBe(0);
    expect(signatureFault(readFileSync(at('both.ko')), publicKey)).toBeUndefined();
  });

  it.each([
    [by('key.pem', 'ec-certificate.pem'), 'SIG010'],
    [by('ed25519-key.pem', 'certificate.pem'), 'SIG011'],
    [by('certificate.pem', 'certificate.pem'), 'SIG012'],
    [['--sign-key', 'pkcs11:token=x', '--sign-cert', material('certificate.pem')], 'SIG012'],
    [by('key.pem', 'payload'), 'SIG013'],
    [by('nobody.pem', 'certificate.pem'), 'IO00'],
    [['--sign-key', material('key.pem')], '--sign-key and --sign-cert go together'],
  ])('refuses %j', (signing, text) => {
    const done = patch('refused.ko', signing);
    expect(done.code).toBe(2);
    expect(done.stderr).toContain(text);
    expect(existsSync(at('refused.ko'))).toBe(false);
  });
});
