/** The module's own exports: who may have them, and what must be there with them. */
import { describe, expect, it } from 'vitest';
import { GENERATIONS, load, Mutant } from '../../support/loader.ts';

describe.each(GENERATIONS)('%s', generation => {
  it('tells name, address, checksum and licence of each', () => {
    const { outcome } = load(generation, new Mutant(generation).bytes);
    const symbols = new Mutant(generation).elf.symbols;
    expect([...outcome.exports.keys()]).toEqual(
      symbols
        .filter(s => s.name.startsWith('__ksymtab_fix'))
        .map(s => s.name.slice('__ksymtab_'.length))
        .sort(),
    );
    for (const symbol of outcome.exports.values()) {
      expect(symbol.gplOnly).toBe(true);
      expect(symbol.address >> 48n).toBe(0xc008n);
      expect(symbol.crc === undefined).toBe(generation === '7.2');
    }
  });

  it('refuses a name that the kernel or a loaded module has', () => {
    const fix = new Mutant(generation).bytes;
    const kernels = load(generation, fix, { exports: [{ name: 'fix_parity' }] });
    expect(kernels).toMatchObject({
      answer: 'ENOEXEC',
      log: ['tocsin_fix: exports duplicate symbol fix_parity (owned by kernel)'],
    });
    const symbol = { name: 'fix_alarm', address: 1n, crc: undefined, gplOnly: true, namespace: '' };
    const other = { name: 'other', exports: new Map([['fix_alarm', symbol]]), gplCompatible: true };
    const owned = { answer: 'ENOEXEC', log: ['tocsin_fix: exports duplicate symbol fix_alarm (owned by other)'] };
    expect(load(generation, fix, {}, { modules: new Map([['other', other]]) })).toMatchObject(owned);
    const exporter = (name: string) => (name === 'fix_alarm' ? other : undefined);
    expect(load(generation, fix, {}, { exporter })).toMatchObject(owned);
  });

  it('is a danger where a name is nowhere', () => {
    const mutant = new Mutant(generation);
    const table = generation === '7.2' ? '.rela__ksymtab' : '.rela__ksymtab_gpl';
    // The relocation of the first entry's name becomes one of no effect.
    const relocations = mutant.elf.relocations(mutant.section(table));
    const index = relocations.findIndex(r => r.offset === 8n);
    mutant.view.setBigUint64(mutant.section(table).offset + index * 24 + 8, 0n, true);
    const { outcome } = load(generation, mutant.bytes);
    if (outcome.loads) expect([outcome.dangerous, outcome.remarks[0]?.code]).toEqual([true, 'MOD006']);
    else expect(outcome.errno?.name).toBe('ENOEXEC');
  });
});

it.each(['6.1', '6.12'] as const)('forces exports without checksums into %s', generation => {
  const { bytes } = new Mutant(generation).rename('__kcrctab_gpl', '__kcrctab_gpx');
  expect(load(generation, bytes)).toMatchObject({
    answer: 'loads',
    log: ['tocsin_fix: no versions for exported symbols: kernel tainted.'],
  });
  expect(load(generation, bytes, { options: { moduleForceLoad: false } }).answer).toBe('ENOEXEC');
});

it('wants flags for exports from 7.0 on, and ignores the tables of before', () => {
  const flagless = new Mutant('7.2').rename('__kflagstab', '__kflagstax');
  expect(load('7.2', flagless.bytes)).toMatchObject({
    answer: 'ENOEXEC',
    log: ['tocsin_fix: no flags for exported symbols'],
  });
  const older = new Mutant('7.2').rename('__ksymtab_strings', '__ksymtab_gpl\0ngs');
  expect(load('7.2', older.bytes).log).toEqual(['tocsin_fix: ignoring obsolete section __ksymtab_gpl']);
});
