// Exports of a merged object: the patched module exports them for the booted kernel, and a module that was built for them imports
// and calls them. One that was built for the object as a module of its own has other checksums, and is refused.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { moduleExports } from '../../src/kernel/module-exports.ts';
import { runMachine } from './boot/machine.ts';
import { loadModules, prelude, troubles, unloadModules } from './boot/scripts.ts';
import { buildOnce, cacheFolder, GENERATIONS, type Generation, kernel } from './harness/harness.ts';
import { figure } from './support/lab.ts';
import { tocsin, tocsinDone } from './support/programs.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tocsin-lab-exports-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Modules of a folder of exports/ and what they are built with besides, kept in the cache as long as these stay the same. */
function built(generation: Generation, part: 'home' | 'user', symvers?: string): string {
  const source = resolve(import.meta.dirname, 'exports', part);
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const name of readdirSync(source).sort()) digest.update(readFileSync(join(source, name)));
  const folders = [source];
  if (symvers !== undefined) {
    digest.update(symvers);
    const beside = mkdtempSync(join(scratch, 'symvers-'));
    writeFileSync(join(beside, 'exports.symvers'), symvers);
    folders.push(beside);
  }
  const folder = join(cacheFolder, 'modules', `exports-${part}-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, folders, folder);
  return folder;
}

const NEW = ['a_first', 'fix_value', 'next_spaced', 'zero_calls'];

describe.each(GENERATIONS)('exports of a merged object, kernel %s', generation => {
  it('are found, imported by checksum and called', async () => {
    const of = kernel(generation);
    const folder = built(generation, 'home');
    const home = join(folder, 'exports_home.ko');
    mkdirSync(join(scratch, generation));
    const at = (name: string) => join(scratch, generation, name);
    const asked = ['--with', join(folder, 'exports_object.o'), '--redirect', 'home_value=fix_value'];
    const how = ['--strategy', 'direct', '--kernel', of.vmlinux, '--report', at('new.symvers'), '--quiet'];
    await tocsinDone('patch', home, '-o', at('exports_home.ko'), ...asked, ...how);
    await tocsinDone('revert', at('exports_home.ko'), '-o', at('back.ko'), '--quiet');
    expect(readFileSync(at('back.ko')).equals(readFileSync(home))).toBe(true);

    const exported = moduleExports(readFileSync(at('exports_home.ko')))!;
    expect([...exported.names].sort()).toEqual([...NEW, 'middle_home'].sort());
    // The object alone brings the same.
    const alone = at('alone.ko');
    await tocsinDone(
      'patch',
      home,
      '-o',
      alone,
      '--with',
      join(folder, 'exports_object.o'),
      ...how.slice(2, 4),
      '--quiet',
    );
    expect(moduleExports(readFileSync(alone))).toEqual(exported);
    const verdict = await tocsinDone('check', alone, '--kernel', of.vmlinux, '--no-signatures');
    expect(verdict.stdout).toMatch(/ loads it; (\d+) of \1 functions proved/);
    const before = moduleExports(readFileSync(home))!;
    const crcOf = ({ names, crcs }: typeof exported, name: string) => crcs?.[names.indexOf(name)];
    expect(crcOf(exported, 'middle_home')).toBe(crcOf(before, 'middle_home'));
    const hasChecksums = before.crcs !== undefined;

    const own = readFileSync(join(folder, 'Module.symvers'), 'utf8');
    const old = own.split('\n').filter(line => line.includes('\tmiddle_home\t'));
    const fresh = readFileSync(at('new.symvers'), 'utf8');
    expect(
      fresh
        .trim()
        .split('\n')
        .map(line => line.split('\t')[1]!)
        .sort(),
    ).toEqual(NEW);
    const user = join(built(generation, 'user', `${old.join('\n')}\n${fresh}`), 'exports_user.ko');
    // As of a build in which the object is a module of its own.
    const stale = at('exports_stale.ko');
    writeFileSync(stale, readFileSync(join(built(generation, 'user', own), 'exports_user.ko')));

    const check = async (...files: readonly string[]) =>
      (await tocsin('check', ...files, '--kernel', of.vmlinux, '--no-signatures', '--format', 'ndjson')).stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line));
    expect((await check(at('exports_home.ko'), user)).map(t => [t.loads, t.findings])).toEqual([
      [true, []],
      [true, []],
    ]);
    const [, refused] = await check(at('exports_home.ko'), stale);
    expect(refused.loads).toBe(!hasChecksums);
    const twice = await check(at('exports_home.ko'), join(folder, 'exports_object.ko'));

    const { exitStatus, found, said } = await runMachine(`exports-${generation}`, {
      generation,
      timeoutSeconds: 600,
      files: [at('exports_home.ko'), user, stale, join(folder, 'exports_object.ko')],
      script: [
        prelude(),
        loadModules(['exports_home.ko']),
        'insmod /files/exports_object.ko 2> /dev/null; result twice $?\n',
        ...(hasChecksums ? ['insmod /files/exports_stale.ko 2> /dev/null; result stale $?\n'] : []),
        'dmesg | grep -E "disagrees about|duplicate symbol" | sed -E "s/^[^e]*(exports_[a-z]+): /RESULT said.\\1=/"\n',
        'dmesg -c > /dev/null\n',
        loadModules(['exports_user.ko']),
        'result told "$(cat /sys/module/exports_user/parameters/told)"\n',
        'result answer "$(cat /sys/module/exports_home/parameters/answer)"\n',
        unloadModules(['exports_user', 'exports_home']),
        'insmod /files/exports_user.ko 2> /dev/null; result alone $?\n',
        'dmesg -c > /dev/null\n',
        loadModules(['exports_home.ko', 'exports_user.ko']),
        'result again "$(cat /sys/module/exports_user/parameters/told)"\n',
        unloadModules(['exports_user', 'exports_home']),
        troubles(),
      ].join(''),
    });
    expect([exitStatus, found.get('troubles')], said).toEqual([0, '0']);
    const told = '22 4 2 a00000000 7';
    expect([found.get('told'), found.get('again'), found.get('answer')], said).toEqual([told, told, '42']);
    expect(['twice', 'alone'].map(key => found.get(key) === '0')).toEqual([false, false]);
    expect(found.get('said.exports_object')).toContain('duplicate symbol');
    expect(JSON.stringify(twice)).toContain('duplicate symbol');
    if (hasChecksums) {
      expect(found.get('stale')).not.toBe('0');
      expect(found.get('said.exports_user')).toContain('disagrees about version of symbol');
      expect(refused.kernelMessage).toContain('disagrees about version of symbol');
    }
    figure(`exports ${of.release}: of a merged object, imported and called`, NEW.length);
    figure(
      `exports ${of.release}: module with other checksums refused by kernel and twin`,
      hasChecksums ? 'yes' : 'has none',
    );
  });
});
