// Signatures against the kernel's own sign-file: the same file, byte for byte, for RSA; and openssl verifies both kinds.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { moduleSignature } from '../../src/kernel/signature.ts';
import { SIGNING_HASHES } from '../../src/sign/hashes.ts';
import { GENERATIONS, type Generation, kernel, samplesFolder } from './harness/harness.ts';
import { tocsinProgram } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-sign-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
const material = (name: string) => join(import.meta.dirname, '../support/signing', name);

function signFile(generation: Generation): string {
  const tools = join(kernel(generation).folder, 'usr/lib');
  const kbuild = readdirSync(tools).find(name => name.startsWith('linux-kbuild-'));
  if (kbuild === undefined) throw new Error(`${generation}: no linux-kbuild in ${tools}`);
  return join(tools, kbuild, 'scripts/sign-file');
}

function patched(generation: Generation, name: string, options: readonly string[] = []): string {
  const input = join(samplesFolder, generation, 'tocsin_demo.ko');
  const out = at(`${generation}-${name}.ko`);
  execFileSync(tocsinProgram[0], [tocsinProgram[1], 'patch', input, '-o', out, '--nop', '*', '--quiet', ...options]);
  return out;
}

describe.each(GENERATIONS)('a patched module of %s', generation => {
  it.each(SIGNING_HASHES)('is signed with %s as sign-file signs it', hash => {
    const ours = patched(generation, hash, [
      ...['--sign-key', material('key.pem'), '--sign-cert', material('certificate.pem'), '--sign-hash', hash],
    ]);
    const theirs = at(`${generation}-${hash}-theirs.ko`);
    copyFileSync(patched(generation, 'unsigned'), theirs);
    execFileSync(signFile(generation), [hash, material('key.pem'), material('certificate.pem'), theirs]);
    expect(readFileSync(ours).equals(readFileSync(theirs))).toBe(true);
  });

  it.each(['', 'ec-'])('has a signature that openssl verifies: %skey', kind => {
    const [key, certificate] = [material(`${kind}key.pem`), material(`${kind}certificate.pem`)];
    const file = readFileSync(patched(generation, `${kind}key`, ['--sign-key', key, '--sign-cert', certificate]));
    const { start, length } = moduleSignature(file)!;
    writeFileSync(at('content'), file.subarray(0, start));
    writeFileSync(at('message'), file.subarray(start, start + length));
    const verify = ['cms', '-verify', '-binary', '-inform', 'DER', '-in', at('message'), '-content', at('content')];
    const how = ['-certfile', certificate, '-noverify', '-out', at('verified')];
    execFileSync('openssl', [...verify, ...how], { stdio: 'pipe' });
    expect(readFileSync(at('verified')).equals(file.subarray(0, start))).toBe(true);
    writeFileSync(at('content'), 'other bytes');
    expect(() => execFileSync('openssl', [...verify, ...how], { stdio: 'pipe' })).toThrow();
  });
});
