/** Appended signatures: what the kernel refuses without any key, and what only its keys decide. */
import { expect, it } from 'vitest';
import { load, Mutant } from '../../support/loader.ts';
import { message, signatory } from '../../support/signatures.ts';

const MARKER = '~Module signature appended~\n';

/** The sample with `message` as its signature; `info` overwrites bytes of the 12 that describe it. */
function signed(message: readonly number[], info: Readonly<Record<number, number>> = {}): Uint8Array {
  const description = Buffer.alloc(12);
  description[2] = 2;
  description.writeUInt32BE(message.length, 8);
  for (const [at, value] of Object.entries(info)) description[Number(at)] = value;
  return new Uint8Array(
    Buffer.concat([new Mutant('6.1').bytes, Buffer.from(message), description, Buffer.from(MARKER, 'latin1')]),
  );
}

/** Of a key that nobody knows. */
const GOOD = [...message(new Mutant('6.1').bytes, signatory('Somebody'))];
const fresh = { taints: ['oot'] } as const;

it('loads what is not signed, and says that it taints the kernel', () => {
  const text = 'tocsin_fix: module verification failed: signature and/or required key missing - tainting kernel';
  expect(load('6.1', new Mutant('6.1').bytes, {}, fresh)).toMatchObject({ answer: 'loads', log: [text] });
  expect(load('6.1', new Mutant('6.1').bytes, { options: { moduleSig: false } }, fresh).log).toEqual([]);
});

it('refuses what is not signed where signatures are enforced', () => {
  const answer = { answer: 'EKEYREJECTED', log: ['Loading of unsigned module is rejected'] };
  expect(load('6.1', new Mutant('6.1').bytes, { options: { moduleSigForce: true } })).toMatchObject(answer);
  expect(load('6.1', new Mutant('6.1').bytes, {}, { enforceSignatures: true })).toMatchObject(answer);
  // Modules whose versions are to be ignored count as unsigned.
  const ignoring = { enforceSignatures: true, ignoreModversions: true };
  expect(load('6.1', signed(GOOD), {}, ignoring)).toMatchObject(answer);
});

it('is not sure about a signature', () => {
  const { answer, outcome } = load('6.1', signed(GOOD), {}, fresh);
  expect([answer, outcome.unknown.length, outcome.log.length]).toEqual(['loads', 1, 1]);
  const enforced = load('6.1', signed(GOOD), {}, { ...fresh, enforceSignatures: true }).outcome;
  expect([enforced.loads, enforced.unknown.length, enforced.log.length]).toEqual([true, 1, 0]);
});

it('refuses damaged descriptions whatever is enforced', () => {
  expect(load('6.1', signed(GOOD, { 8: 0x7f }))).toMatchObject({ answer: 'EBADMSG', log: [] });
  expect(load('6.1', signed(GOOD, { 0: 1 }))).toMatchObject({
    answer: 'EBADMSG',
    log: ['module: PKCS#7 signature info has unexpected non-zero params'],
  });
  expect(load('6.1', signed([0, 1, 2, 3]))).toMatchObject({ answer: 'EBADMSG', log: [] });
  expect(load('6.1', signed([0x30, 0])).answer).toBe('EBADMSG');
  expect(load('6.1', signed([0x30, 3, 2, 1, 0])).answer).toBe('EBADMSG');
  expect(load('6.1', signed([0x30, 0x82, 0x10, 0]))).toMatchObject({ answer: 'EBADMSG', log: [] });
});

it('forgives a kind that it does not know, and then checks all of the file', () => {
  const other = load('6.1', signed(GOOD, { 2: 1 }));
  expect(other).toMatchObject({ answer: 'loads', log: ['module: not signed with expected PKCS#7 message'] });
  const enforced = load('6.1', signed(GOOD, { 2: 1 }), {}, { enforceSignatures: true });
  expect(enforced).toMatchObject({
    answer: 'EKEYREJECTED',
    log: ['module: not signed with expected PKCS#7 message', 'Loading of module with unsupported crypto is rejected'],
  });
});

it('counts only the bytes in front of the signature', () => {
  const bytes = signed(GOOD);
  const view = new DataView(bytes.buffer);
  // Section headers inside the signature.
  view.setBigUint64(40, BigInt(new Mutant('6.1').bytes.length + 8), true);
  expect(load('6.1', bytes).log).toEqual(['Invalid ELF section header overflow']);
});
