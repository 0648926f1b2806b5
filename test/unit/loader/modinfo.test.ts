/** What the loader concludes from .modinfo, and from a module's name. */
import { describe, expect, it } from 'vitest';
import { Modinfo } from '../../../src/loader/modinfo.ts';
import { knowledge } from '../../support/kernel-knowledge.ts';
import { GENERATIONS, load, Mutant } from '../../support/loader.ts';

const bytes = (text: string) => Uint8Array.from(text, c => c.charCodeAt(0));

describe('Modinfo', () => {
  it('finds entries behind any number of zeros, and reads values up to their NUL', () => {
    const text = '\0\0name=a\0\0\0license=GPL\0names=b\0import_ns=X\0import_ns=Y\0';
    const modinfo = new Modinfo(bytes(text), 0, text.length);
    expect(modinfo.get('name')).toBe('a');
    expect(modinfo.get('license')).toBe('GPL');
    expect(modinfo.importedNamespaces()).toEqual(['X', 'Y']);
    expect(modinfo.has('vermagic')).toBe(false);
  });

  it('stops at the end of the section, but not in the middle of a string', () => {
    const text = 'license=GPL v2\0vermagic=1\0';
    expect(new Modinfo(bytes(text), 0, 10).get('license')).toBe('GPL v2');
    expect(new Modinfo(bytes(text), 0, 10).has('vermagic')).toBe(false);
    expect(new Modinfo(bytes(text), 0, 15).has('vermagic')).toBe(false);
    expect(new Modinfo(bytes(text), 0, 16).get('vermagic')).toBe('1');
  });

  it('is empty outside the file', () => {
    expect(new Modinfo(bytes('name=a\0'), 100, 7).has('name')).toBe(false);
  });
});

describe.each(GENERATIONS)('%s', generation => {
  const { vermagic } = knowledge({ generation });

  it('compares vermagic; with versions not its first word', () => {
    const other = new Mutant(generation).replace('vermagic=', 'vermagic=').replace(vermagic.slice(0, 4), '9.9.');
    const first = load(generation, other.bytes);
    if (generation === '7.2') {
      expect(first.answer).toBe('ENOEXEC');
      expect(first.log).toEqual([`tocsin_fix: version magic '9.9.${vermagic.slice(4)}' should be '${vermagic}'`]);
    } else expect(first.answer).toBe('loads');
    const flags = load(generation, new Mutant(generation).replace(' SMP ', ' SMQ ').bytes);
    expect(flags.answer).toBe('ENOEXEC');
    expect(flags.log).toEqual([
      `tocsin_fix: version magic '${vermagic.replace('SMP', 'SMQ')}' should be '${vermagic}'`,
    ]);
  });

  it('loads a module without vermagic where forcing is allowed, and says so once', () => {
    const { bytes: without } = new Mutant(generation).replace('vermagic=', 'vermagix=');
    expect(load(generation, without).log).toEqual(['tocsin_fix: bad vermagic: kernel tainted.']);
    expect(load(generation, without, {}, { taints: ['oot', 'unsigned notice', 'forced'] }).log).toEqual([]);
    expect(load(generation, without, { options: { moduleForceLoad: false } }).answer).toBe('ENOEXEC');
    const ignoring = load(generation, new Mutant(generation).bytes, {}, { ignoreVermagic: true });
    expect(ignoring.log).toEqual(['tocsin_fix: bad vermagic: kernel tainted.']);
  });

  it('taints for a licence that is not compatible, and then lacks GPL-only symbols', () => {
    const mutant = new Mutant(generation).replace('license=GPL', 'license=MIT');
    expect(load(generation, mutant.bytes).log[0]).toBe("tocsin_fix: module license 'MIT' taints kernel.");
    const spec = { exports: [{ name: 'int_sqrt', crc: 0xb678366f, gplOnly: true }] };
    const refused = load(generation, mutant.bytes, spec);
    expect(refused.answer).toBe('ENOENT');
    expect(refused.log).toContain('tocsin_fix: Unknown symbol int_sqrt (err -2)');
  });

  it('says of a module that lacks its licence that it is unspecified', () => {
    const { log } = load(generation, new Mutant(generation).replace('license=', 'lizense=').bytes);
    const first = "tocsin_fix: module license 'unspecified' taints kernel.";
    // From 6.4 on both messages come from one function, which asks for the taint at its beginning.
    expect(log).toEqual(generation === '6.1' ? [first] : [first, 'tocsin_fix: module license taints kernel.']);
  });

  it('refuses livepatch modules without livepatch support', () => {
    const mutant = new Mutant(generation).replace('description=', 'livepatch=y\0');
    expect(load(generation, mutant.bytes)).toMatchObject({
      answer: 'ENOEXEC',
      log: ['tocsin_fix: module is marked as livepatch module, but livepatch support is disabled'],
    });
  });

  it('refuses what is blacklisted or loaded already', () => {
    const fix = new Mutant(generation).bytes;
    expect(load(generation, fix, {}, { blacklist: ['tocsin_fix'] })).toMatchObject({
      answer: 'EPERM',
      log: ['Module tocsin_fix is blacklisted'],
    });
    const modules = new Map([['tocsin_fix', { name: 'tocsin_fix', exports: new Map(), gplCompatible: true }]]);
    expect(load(generation, fix, {}, { modules })).toMatchObject({ answer: 'EEXIST', log: [] });
  });
});

it('lets nobody import a module namespace by name from 6.16 on', () => {
  const change = (g: '6.12' | '7.2') => new Mutant(g).replace('description=Replacem', 'import_ns=module:x\0s').bytes;
  expect(load('7.2', change('7.2'))).toMatchObject({
    answer: 'EPERM',
    log: ['tocsin_fix: module tries to import module namespace: module:x'],
  });
  expect(load('6.12', change('6.12')).answer).toBe('loads');
});
