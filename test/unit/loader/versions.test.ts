/** Versions of symbols, in both forms. */
import { describe, expect, it } from 'vitest';
import { load, Mutant, SH } from '../../support/loader.ts';
import { headersOf } from './headers-of.ts';

describe.each(['6.1', '6.12'] as const)('%s', generation => {
  it('refuses a symbol whose checksum differs, and goes on to the next', () => {
    const mutant = new Mutant(generation);
    const { offset, size } = mutant.section('__versions');
    for (let at = 0; at < size; at += 64)
      if (
        Buffer.from(mutant.bytes.subarray(offset + at + 8, offset + at + 64))
          .toString('latin1')
          .startsWith('int_sqrt\0')
      )
        mutant.bytes[offset + at]! ^= 1;
    expect(load(generation, mutant.bytes)).toMatchObject({
      answer: 'EINVAL',
      log: ['tocsin_fix: disagrees about version of symbol int_sqrt', 'tocsin_fix: Unknown symbol int_sqrt (err -22)'],
    });
  });

  it('compares all 64 bits of the checksum', () => {
    const mutant = new Mutant(generation);
    mutant.bytes[mutant.section('__versions').offset + 7] = 1;
    expect(load(generation, mutant.bytes).answer).toBe('EINVAL');
  });

  it('refuses a symbol without a version', () => {
    const mutant = new Mutant(generation).replace('int_sqrt\0\0\0\0', 'int_sqrx\0\0\0\0');
    expect(load(generation, mutant.bytes)).toMatchObject({
      answer: 'EINVAL',
      log: ['tocsin_fix: no symbol version for int_sqrt', 'tocsin_fix: Unknown symbol int_sqrt (err -22)'],
    });
  });

  it('takes the first of two entries for a name', () => {
    const mutant = new Mutant(generation, 'demo');
    const { offset } = mutant.section('__versions');
    // The second entry becomes a bad one for the symbol of the first; memcpy is left without a version.
    mutant.bytes.set(mutant.bytes.slice(offset + 8, offset + 64), offset + 64 + 8);
    const { log } = load(generation, mutant.bytes);
    expect(log).toEqual(['tocsin_demo: no symbol version for memcpy', 'tocsin_demo: Unknown symbol memcpy (err -22)']);
  });

  it('refuses another layout of the kernel structures, before vermagic', () => {
    const mutant = new Mutant(generation).replace(' SMP ', ' SMQ ');
    const spec = { exports: [{ name: 'module_layout', crc: 1 }] };
    expect(load(generation, mutant.bytes, spec)).toMatchObject({
      answer: 'ENOEXEC',
      log: ['tocsin_fix: disagrees about version of symbol module_layout'],
    });
  });

  it('forces a module that has no versions at all', () => {
    const mutant = new Mutant(generation).rename('__versions', '__wersions');
    expect(load(generation, mutant.bytes).log).toEqual(['tocsin_fix: module_layout: kernel tainted.']);
    expect(load(generation, mutant.bytes, { options: { moduleForceLoad: false } }).answer).toBe('ENOEXEC');
  });

  it('knows versions without the leading dot once symbols are resolved', () => {
    const mutant = new Mutant(generation).replace('int_sqrt\0\0\0\0', '.int_sqrt\0\0\0');
    expect(load(generation, mutant.bytes).answer).toBe('loads');
  });

  it('misses no version when the table has another order than the symbols', () => {
    const mutant = new Mutant(generation, 'demo');
    const { offset, size } = mutant.section('__versions');
    const entries = Array.from({ length: size / 64 }, (_, i) =>
      mutant.bytes.slice(offset + i * 64, offset + i * 64 + 64),
    );
    mutant.bytes.set(Buffer.concat(entries.reverse()), offset);
    expect(load(generation, mutant.bytes)).toMatchObject({ answer: 'loads', log: [] });
  });
});

describe('the extended form (6.14)', () => {
  const exports = [
    { name: 'module_layout', crc: 7 },
    { name: 'int_sqrt', crc: 9 },
  ];

  /** .comment and .note.gnu.build-id of the sample become the two sections. */
  function extended(crcs: readonly number[], names: string): Uint8Array {
    const made = headersOf(new Mutant('7.2'));
    made.rename('.comment', '__version_ext_names', Buffer.from(names, 'latin1'));
    made.rename('.note.gnu.build-id', '__version_ext_crcs', new Uint8Array(new Uint32Array(crcs).buffer));
    return made.bytes();
  }

  it('compares, and lets pass what has no version', () => {
    const spec = { options: { modversions: true }, exports };
    // The sample's exports have no checksums, for which such a kernel has to be forced once.
    const request = { taints: ['oot', 'unsigned notice', 'forced'] } as const;
    const good = extended([7, 9], 'module_layout\0int_sqrt\0');
    expect(load('7.2', good, spec, request).answer).toBe('loads');
    const bad = extended([7, 8], 'module_layout\0int_sqrt\0');
    expect(load('7.2', bad, spec, request).log).toEqual([
      'tocsin_fix: disagrees about version of symbol int_sqrt',
      'tocsin_fix: Unknown symbol int_sqrt (err -22)',
    ]);
    const missing = extended([7], 'module_layout\0');
    expect(load('7.2', missing, spec, request)).toMatchObject({
      answer: 'loads',
      log: ['tocsin_fix: no extended symbol version for int_sqrt'],
    });
  });

  it('wants both sections, and a name for each checksum', () => {
    const more = extended([1, 2, 3], 'a\0b\0');
    expect(load('7.2', more)).toMatchObject({ answer: 'ENOEXEC', log: ['more extended version crcs than names'] });
    const one = headersOf(new Mutant('7.2'));
    one.rename('.comment', '__version_ext_names', Buffer.from('a\0'));
    expect(load('7.2', one.bytes())).toMatchObject({
      answer: 'ENOEXEC',
      log: ['extended version crc+name presence does not match'],
    });
    expect(load('7.2', more, {}, { ignoreModversions: true }).answer).toBe('loads');
  });
});

it('sees a version table that lies outside the file', () => {
  const mutant = new Mutant('6.1').header('__versions', SH.type, 8).header('__versions', SH.offset, 0x1000_0000n);
  expect(load('6.1', mutant.bytes).outcome.dangerous).toBe(true);
});
