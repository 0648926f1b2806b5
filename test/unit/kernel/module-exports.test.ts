import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { moduleExports } from '../../../src/kernel/module-exports.ts';
import { ObjectBuilder, R, SHF } from '../../support/object-builder.ts';
import { root } from '../../support/samples.ts';

/** name, checksum, kind, namespace: what the build left in Module.symvers. */
function symvers(generation: string, module: string) {
  return readFileSync(`${root}samples/${generation}/Module.symvers`, 'utf8')
    .split('\n')
    .map(line => line.split('\t'))
    .filter(fields => fields[2]?.endsWith(module))
    .map(([crc, name, , kind, namespace]) => ({
      name,
      crc: Number(crc),
      gpl: kind!.includes('GPL'),
      namespace: namespace ?? '',
    }))
    .sort((a, b) => (a.name! < b.name! ? -1 : 1));
}

describe('what a module exports', () => {
  it.each(['6.1', '6.12', '7.2'])('is what Module.symvers says, %s', generation => {
    const found = moduleExports(readFileSync(`${root}samples/${generation}/tocsin_fix.ko`))!;
    expect([found.module, found.gplCompatible]).toEqual(['tocsin_fix', true]);
    const wanted = symvers(generation, 'tocsin_fix');
    expect(wanted.length).toBeGreaterThan(0);
    const list = found.names
      .map((name, i) => ({
        name,
        crc: found.crcs?.[i] ?? 0,
        gpl: found.gplOnly[i] === 1,
        namespace: found.namespaces[i]!,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(list).toEqual(generation === '7.2' ? wanted.map(w => ({ ...w, crc: 0 })) : wanted);
  });

  /** Two exports, the second GPL only and in a namespace. */
  function made(license: string, flags?: readonly number[]): Uint8Array {
    const builder = new ObjectBuilder();
    const text = builder.code('.text', [0, 0]);
    const f = builder.function('f', text, 0, 4);
    const strings = builder.section('__ksymtab_strings', { flags: SHF.ALLOC, bytes: Buffer.from('f\0g\0\0NS\0') });
    const symbol = builder.sectionSymbol(strings);
    const table = (name: string, at: number, namespace: number) => {
      const section = builder.section(name, { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(24) });
      builder.relocate(section, 0, R.ADDR64, f);
      builder.relocate(section, 8, R.ADDR64, symbol, at);
      builder.relocate(section, 16, R.ADDR64, symbol, namespace);
    };
    table('__ksymtab', 0, 4);
    if (flags === undefined) table('__ksymtab_gpl', 2, 5);
    else builder.section('__kflagstab', { flags: SHF.ALLOC, bytes: Uint8Array.from(flags) });
    builder.section('.modinfo', { bytes: Buffer.from(`xname=no\0name=made\0license=${license}\0`) });
    return builder.build();
  }

  it('has flags, namespaces and no checksum where there is none', () => {
    expect(moduleExports(made('Dual BSD/GPL'))).toEqual({
      module: 'made',
      gplCompatible: true,
      names: ['f', 'g'],
      namespaces: ['', 'NS'],
      crcs: undefined,
      gplOnly: Uint8Array.of(0, 1),
    });
    expect(moduleExports(made('Proprietary', [1]))).toMatchObject({
      gplCompatible: false,
      names: ['f'],
      gplOnly: Uint8Array.of(1),
    });
  });

  it('is nothing for what exports nothing, and for damaged files', () => {
    expect(moduleExports(readFileSync(`${root}samples/legacy/pg.o`))).toBeUndefined();
    const file = made('GPL');
    for (let length = 0; length < file.length; length += 7) moduleExports(file.subarray(0, length));
    for (let at = 0; at < file.length; at++) {
      const damaged = Uint8Array.from(file);
      damaged[at] = 0xff;
      moduleExports(damaged);
    }
  });
});
