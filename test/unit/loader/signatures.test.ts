/** Signatures by keys that are made here: good, of changed modules, by other keys, and in messages that the kernel refuses. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LoadRequest } from '../../../src/loader/model.ts';
import { load, Mutant } from '../../support/loader.ts';
import {
  appended,
  der,
  INTEGER,
  message,
  OCTETS,
  OIDS,
  oid,
  SEQUENCE,
  SET,
  type Spoiled,
  signatory,
} from '../../support/signatures.ts';

const module = new Mutant('6.1').bytes;
const rsa = signatory('Tocsin test key');
const ec = signatory('Tocsin other key', 'ecdsa');
const certificates = [rsa.certificate, ec.certificate];
const fresh = { taints: ['oot'] } as const;
const UNSIGNED = 'tocsin_fix: module verification failed: signature and/or required key missing - tainting kernel';

const given = (bytes: Uint8Array, request: Partial<LoadRequest> = {}) =>
  load('6.1', bytes, { certificates, options: {} }, { ...fresh, ...request });
const signed = (spoiled: Spoiled = {}, who = rsa) => appended(module, message(module, who, spoiled));

/** A byte of the module's text is another. */
function changed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[Math.floor(module.length / 2)]! ^= 1;
  return copy;
}

describe('a key of the kernel', () => {
  it('confirms a signature, and the module taints nothing', () => {
    for (const bytes of [
      signed(),
      signed({}, ec),
      signed({ version: 3, byKeyId: true }),
      appended(module, message(module, ec, { version: 3, byKeyId: true })),
    ]) {
      const { answer, log, outcome } = given(bytes);
      expect([answer, log, outcome.unknown, outcome.remarks]).toEqual(['loads', [], [], []]);
      expect(given(bytes, { enforceSignatures: true }).answer).toBe('loads');
    }
  });

  it('disproves the signature of a module that was changed, whatever is enforced', () => {
    for (const bytes of [changed(signed()), changed(signed({}, ec)), changed(signed({ version: 3, byKeyId: true }))]) {
      const { answer, log, outcome } = given(bytes);
      expect([answer, log, outcome.remarks.map(r => r.code)]).toEqual(['EKEYREJECTED', [], ['SIG303']]);
    }
    // An algorithm that is not the key's.
    expect(given(signed({ algorithmOid: OIDS.ecdsa })).answer).toBe('EKEYREJECTED');
  });

  it('is not asked where signatures are not to be verified', () => {
    const { answer, outcome } = given(changed(signed()), { verifySignature: false });
    expect([answer, outcome.unknown.length]).toEqual(['loads', 1]);
  });

  it('says nothing certain with a hash that the kernel may lack', () => {
    expect(given(signed({ hash: 'sha512' })).outcome.unknown).toEqual([
      'whether the kernel can check a signature with sha512 is not known',
    ]);
    const spec = { certificates, symbols: { sha512_generic_mod_init: [0xc000_0000_0200_0000n] } };
    expect(load('6.1', signed({ hash: 'sha512' }), spec, fresh).outcome.unknown).toEqual([]);
    expect(load('6.1', changed(signed({ hash: 'sha512' })), spec, fresh).answer).toBe('EKEYREJECTED');
  });
});

describe('a key that is not built into the kernel', () => {
  const other = appended(module, message(module, signatory('Somebody else')));

  it('leaves the module unsigned, as far as is known', () => {
    const { answer, log, outcome } = given(other);
    expect([answer, log]).toEqual(['loads', [UNSIGNED]]);
    expect(outcome.unknown).toEqual([expect.stringContaining('the key of the signature is not built into the kernel')]);
    expect(given(other, { enforceSignatures: true }).outcome).toMatchObject({ loads: true, unknown: [/./] });
  });

  it('is any, where nobody knows those of the kernel', () => {
    const { answer, outcome } = load('6.1', changed(signed()), {}, fresh);
    expect([answer, outcome.unknown]).toEqual(['loads', [expect.stringContaining('the signature was not checked')]]);
  });
});

/** Errors and words that need no key. */
const REFUSED: readonly (readonly [what: string, spoiled: Spoiled, answer: string, log: readonly string[]])[] = [
  ['another kind of message', { outerType: OIDS.data }, 'EINVAL', ['PKCS7: Only support pkcs7_signedData type']],
  ['another version', { version: 2 }, 'EINVAL', ['PKCS7: Unsupported SignedData version']],
  ['a signer of another version', { signerVersion: 2 }, 'EINVAL', ['PKCS7: Unsupported SignerInfo version']],
  [
    'versions that do not go together',
    { signerVersion: 3 },
    'EBADMSG',
    ['PKCS7: SignedData-SignerInfo version mismatch'],
  ],
  ['something else than data', { innerType: OIDS.rsa }, 'EINVAL', ['PKCS7: Unsupported data type 10']],
  ['data of Microsoft', { innerType: '1.3.6.1.4.1.311.2.1.4' }, 'EBADMSG', ['PKCS7: Authenticode requires AuthAttrs']],
  [
    'its own data',
    { content: der(0xa0, der(OCTETS, [1, 2, 3])) },
    'EBADMSG',
    ['PKCS7: Data already supplied', 'PKCS#7 signature with non-detached data'],
  ],
  ['no signer', { signers: 0 }, 'EBADMSG', []],
  [
    'attributes',
    {
      attributes: der(
        0xa0,
        der(SEQUENCE, oid('1.2.840.113549.1.9.3'), der(SET, oid(OIDS.data))),
        der(SEQUENCE, oid('1.2.840.113549.1.9.5'), der(SET, der(0x17, Buffer.from('260229000000Z')))),
        der(SEQUENCE, oid('1.2.840.113549.1.9.4'), der(SET, der(OCTETS, new Array<number>(32).fill(0)))),
      ),
    },
    // There is no 29th of February in 2026.
    'EBADMSG',
    [],
  ],
  [
    'attributes that are right',
    {
      attributes: der(
        0xa0,
        der(SEQUENCE, oid('1.2.840.113549.1.9.3'), der(SET, oid(OIDS.data))),
        der(SEQUENCE, oid('1.2.840.113549.1.9.5'), der(SET, der(0x17, Buffer.from('280229000000Z')))),
        der(SEQUENCE, oid('1.2.840.113549.1.9.4'), der(SET, der(OCTETS, new Array<number>(32).fill(0)))),
      ),
    },
    'EKEYREJECTED',
    ['PKCS7: Invalid module sig (has authattrs)'],
  ],
  [
    'attributes without a digest',
    { attributes: der(0xa0, der(SEQUENCE, oid('1.2.840.113549.1.9.3'), der(SET, oid(OIDS.data)))) },
    'EBADMSG',
    ['PKCS7: Missing required AuthAttr'],
  ],
];

describe('a message that the kernel refuses', () => {
  it.each(REFUSED)('has %s', (_what, spoiled, answer, log) => {
    expect(given(signed(spoiled))).toMatchObject({ answer, log });
  });

  it('is longer than its decoder takes', () => {
    const long = appended(module, der(SEQUENCE, Buffer.alloc(65_533)));
    expect(given(long).answer).toBe('EMSGSIZE');
  });

  it('only taints it with an algorithm that it does not know', () => {
    const hash = signed({ hashOid: '1.2.3' });
    const log = [
      `PKCS7: Unknown OID: [${message(module, rsa, { hashOid: '1.2.3' }).indexOf(oid('1.2.3')) + 2}] 1.2.3`,
      expect.stringMatching(/^PKCS7: Unknown OID: \[\d+\] 1\.2\.3$/),
      'Unsupported digest algo: 98',
      UNSIGNED,
    ];
    expect(given(hash)).toMatchObject({ answer: 'loads', log });
    expect(given(hash, { enforceSignatures: true }).log.at(-1)).toBe(
      'Loading of module with unsupported crypto is rejected',
    );
  });

  it('is not told apart where it carries certificates, which are not read', () => {
    const carrying = signed({ certificates: der(0xa0, rsa.certificate) });
    expect(given(carrying).outcome).toMatchObject({ loads: true, unknown: [/certificates/] });
    expect(given(signed({ certificates: der(0xa0, der(INTEGER, [1])) })).answer).toBe('EBADMSG');
  });
});

/** The other maker of such messages, if it is there. */
const openssl = (() => {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' });
  } catch {
    console.log('no openssl: its signatures are not tried (apt-get install openssl)');
    return undefined;
  }
})();

it.skipIf(openssl === undefined)('takes what openssl signs, with the key named either way', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-sign-'));
  try {
    const path = (name: string) => join(folder, name);
    writeFileSync(path('key'), rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }));
    const pem = Buffer.from(rsa.certificate).toString('base64');
    writeFileSync(path('cert'), `-----BEGIN CERTIFICATE-----\n${pem}\n-----END CERTIFICATE-----\n`);
    writeFileSync(path('module'), module);
    for (const more of [[], ['-keyid']]) {
      const files = ['-in', path('module'), '-signer', path('cert'), '-inkey', path('key'), '-out', path('signature')];
      const how = ['-binary', '-outform', 'DER', '-noattr', '-nocerts', '-nosmimecap', '-md', 'sha256'];
      execFileSync('openssl', ['cms', '-sign', ...how, ...more, ...files]);
      const bytes = appended(module, readFileSync(path('signature')));
      expect(given(bytes)).toMatchObject({ answer: 'loads', log: [] });
      expect(given(changed(bytes)).answer).toBe('EKEYREJECTED');
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
