import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { callSitesOf } from '../../../src/sites/call-sites.ts';
import { ObjectBuilder, R, SHF, SHT } from '../../support/object-builder.ts';
import { RawElf, viewOf } from '../../support/raw-elf.ts';
import { ADDIS_ADDI, BLR, bl, LI_R3_1, LOAD_ADD, MFLR_R0, NOP, STD_R0_16_R1 } from '../../support/words.ts';
import { branches, code, scan } from './support.ts';

describe('the forms of call sites', () => {
  it('mprofile-kernel: mflr r0; bl _mcount at the local entry', () => {
    const c = code([...LOAD_ADD, MFLR_R0, bl(0), LI_R3_1, BLR]);
    c.builder.function('f', c.text, 0, 24, { k: 3 });
    branches(c, c.mcount, 3);
    c.builder.records('__mcount_loc', c.section, [12]);
    expect(scan(c.builder)).toMatchObject({
      kind: 'object',
      profiling: 'mprofile-kernel',
      callSites: [{ function: 'f', section: '.text', offset: 12, form: 'mprofile-kernel', recorded: true }],
      entryPoints: [{ function: 'f', global: 0, local: 8, toc: 'load-add', binding: 'global' }],
      calls: [],
      strays: [],
      unrecordedNops: [],
    });
    const elf = readElf(c.builder.build());
    expect(callSitesOf(elf).sites).toMatchObject([
      { start: 8, offset: 12, after: 16, record: { offset: 0 }, call: { entry: 0 } },
    ]);
  });

  it('mprofile-kernel with the LR store between', () => {
    const c = code([MFLR_R0, STD_R0_16_R1, bl(0), LI_R3_1, BLR]);
    c.builder.function('f', c.text, 0, 20);
    branches(c, c.mcount, 2);
    c.builder.records('__mcount_loc', c.section, [8]);
    expect(scan(c.builder)).toMatchObject({
      profiling: 'mprofile-kernel',
      callSites: [{ offset: 8, form: 'mprofile-kernel-lr', recorded: true }],
    });
    expect(callSitesOf(readElf(c.builder.build())).sites).toMatchObject([{ start: 0, offset: 8, after: 12 }]);
  });

  it('pg: the call behind a prologue, with a nop', () => {
    const c = code([MFLR_R0, STD_R0_16_R1, 0xf821ffe1, bl(0), NOP, LI_R3_1, BLR]);
    c.builder.function('f', c.text, 0, 28);
    branches(c, c.mcount, 3);
    c.builder.records('__mcount_loc', c.section, [12]);
    expect(scan(c.builder)).toMatchObject({ profiling: 'pg', callSites: [{ offset: 12, form: 'pg', recorded: true }] });
    expect(callSitesOf(readElf(c.builder.build())).sites).toMatchObject([{ start: 12, offset: 12, after: 20 }]);
  });

  it('patchable: two nops at the local entry', () => {
    const c = code([...LOAD_ADD, NOP, NOP, LI_R3_1, BLR, NOP, NOP, BLR]);
    c.builder.function('f', c.text, 0, 24, { k: 3 });
    c.builder.function('g', c.text, 24, 12);
    c.builder.records('__patchable_function_entries', c.section, [8, 24]);
    expect(scan(c.builder)).toMatchObject({
      profiling: 'patchable',
      callSites: [
        { function: 'f', offset: 8, form: 'patchable', recorded: true },
        { function: 'g', offset: 24, form: 'patchable', recorded: true },
      ],
    });
    expect(callSitesOf(readElf(c.builder.build())).sites[0]).toMatchObject({ start: 8, after: 16, call: undefined });
  });

  it('patchable out of line: one nop; two at some entries do not matter', () => {
    const c = code([NOP, NOP, BLR, NOP, LI_R3_1, BLR]);
    c.builder.function('f', c.text, 0, 12);
    c.builder.function('g', c.text, 12, 12);
    c.builder.records('__patchable_function_entries', c.section, [0, 12]);
    expect(scan(c.builder)).toMatchObject({
      profiling: 'patchable-out-of-line',
      callSites: [{ form: 'patchable-out-of-line' }, { form: 'patchable-out-of-line' }],
    });
    expect(callSitesOf(readElf(c.builder.build())).sites.map(s => [s.start, s.after])).toEqual([
      [0, 4],
      [12, 16],
    ]);
  });

  it('none', () => {
    const c = code([LI_R3_1, BLR]);
    c.builder.function('f', c.text, 0, 8);
    expect(scan(c.builder)).toMatchObject({ profiling: 'none', callSites: [], counts: { functions: 1, callSites: 0 } });
  });

  it('an object of several forms is what decides its kernel', () => {
    const c = code([MFLR_R0, LI_R3_1, bl(0), NOP, BLR, MFLR_R0, bl(0), BLR]);
    c.builder.function('f', c.text, 0, 20);
    c.builder.function('g', c.text, 20, 12);
    branches(c, c.mcount, 2, 6);
    c.builder.records('__mcount_loc', c.section, [8, 24]);
    expect(scan(c.builder)).toMatchObject({
      profiling: 'mprofile-kernel',
      callSites: [{ form: 'pg' }, { form: 'mprofile-kernel' }],
    });
  });

  it('the first words of a section', () => {
    const c = code([bl(0), BLR]);
    branches(c, c.mcount, 0);
    expect(scan(c.builder)).toMatchObject({ callSites: [{ function: null, offset: 0, form: 'pg', recorded: false }] });
  });
});

describe('records', () => {
  const site = [MFLR_R0, bl(0), BLR];

  it('a site that no record names', () => {
    const c = code([...site, ...site]);
    c.builder.function('f', c.text, 0, 12);
    c.builder.function('g', c.text, 12, 12);
    branches(c, c.mcount, 1, 4);
    c.builder.records('__mcount_loc', c.section, [16]);
    expect(scan(c.builder)).toMatchObject({
      counts: { callSites: 2, recordedSites: 1 },
      callSites: [
        { function: 'f', recorded: false },
        { function: 'g', recorded: true },
      ],
      strayRecords: 0,
    });
  });

  it('a record that names a word without a site', () => {
    const c = code([...site, LI_R3_1, BLR]);
    branches(c, c.mcount, 1);
    c.builder.records('__mcount_loc', c.section, [12, 4]);
    expect(scan(c.builder)).toMatchObject({
      counts: { callSites: 1, recordedSites: 1 },
      strays: [{ table: '__mcount_loc', offset: 0, reason: 'no site there', section: '.text', target: 12 }],
    });
  });

  it('a record that names no code: data, an odd address, behind the end', () => {
    const c = code(site);
    branches(c, c.mcount, 1);
    const data = c.builder.section('.data', { bytes: new Uint8Array(8) });
    c.builder.records('__mcount_loc', c.section, [4, 5, 12, -4]);
    c.builder.records('__mcount_loc', c.builder.sectionSymbol(data), [0]);
    expect(scan(c.builder).strays).toEqual([
      { table: '__mcount_loc', offset: 8, reason: 'not code' },
      { table: '__mcount_loc', offset: 16, reason: 'not code' },
      { table: '__mcount_loc', offset: 24, reason: 'not code' },
      { table: '__mcount_loc', offset: 0, reason: 'not code' },
    ]);
  });

  it('an empty record', () => {
    const c = code(site);
    branches(c, c.mcount, 1);
    const table = c.builder.section('__mcount_loc', { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(24) });
    c.builder.relocate(table, 8, R.ADDR64, c.section, 4);
    expect(scan(c.builder)).toMatchObject({
      callSites: [{ recorded: true }],
      strays: [
        { offset: 0, reason: 'empty' },
        { offset: 16, reason: 'empty' },
      ],
    });
  });

  it('two records for one site, and two relocations in one record', () => {
    const c = code([...site, ...site]);
    branches(c, c.mcount, 1, 4);
    const table = c.builder.records('__mcount_loc', c.section, [4, 4]);
    c.builder.relocate(table, 8, R.ADDR64, c.section, 16);
    expect(scan(c.builder)).toMatchObject({
      counts: { callSites: 2, recordedSites: 2 },
      strays: [{ offset: 8, reason: 'repeated', section: '.text', target: 4 }],
    });
  });

  it('a relocation of another type, or between two records', () => {
    const c = code(site);
    branches(c, c.mcount, 1);
    const table = c.builder.section('__mcount_loc', { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(16) });
    c.builder.relocate(table, 0, R.REL64, c.section, 4);
    c.builder.relocate(table, 12, R.ADDR64, c.section, 4);
    expect(scan(c.builder).strays.map(s => [s.offset, s.reason])).toEqual([
      [0, 'not code'],
      [12, 'not code'],
      [0, 'empty'],
      [8, 'empty'],
    ]);
  });

  it('several tables of one name, several relocation sections of one table, in any order', () => {
    const c = code([...site, ...site, ...site]);
    branches(c, c.mcount, 7, 1, 4);
    const table = c.builder.section('__mcount_loc', { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(16) });
    c.builder.relocate(table, 8, R.ADDR64, c.section, 28);
    c.builder.relocate(table, 0, R.ADDR64, c.section, 4, 'b');
    c.builder.records('__mcount_loc', c.section, [16]);
    expect(scan(c.builder)).toMatchObject({ counts: { callSites: 3, recordedSites: 3 }, strays: [] });
    expect(scan(c.builder).callSites.map(s => s.offset)).toEqual([4, 16, 28]);
  });

  it('a table that has no bytes in the file', () => {
    const c = code(site);
    branches(c, c.mcount, 1);
    for (const size of [16, 2 ** 40]) c.builder.section('__mcount_loc', { type: SHT.NOBITS, flags: SHF.ALLOC, size });
    expect(scan(c.builder)).toMatchObject({ callSites: [{ recorded: false }], strays: [] });
  });

  it('a table with bytes left over', () => {
    const c = code(site);
    branches(c, c.mcount, 1);
    c.builder.section('__mcount_loc', { flags: SHF.ALLOC, bytes: new Uint8Array(7) });
    expect(scan(c.builder).strays).toEqual([]);
  });

  it('records by name and offset instead of section and offset', () => {
    const c = code([...ADDIS_ADDI, ...site]);
    const f = c.builder.function('f', c.text, 8, 12);
    branches(c, c.mcount, 3);
    c.builder.records('__mcount_loc', f, [4]);
    expect(scan(c.builder)).toMatchObject({ callSites: [{ function: 'f', offset: 12, recorded: true }] });
  });

  it('a nop that is recorded, without a second one where all others have two, decides the form', () => {
    const c = code([NOP, NOP, BLR, LI_R3_1, NOP]);
    c.builder.function('f', c.text, 0, 12);
    c.builder.records('__patchable_function_entries', c.section, [0, 16]);
    expect(scan(c.builder)).toMatchObject({ profiling: 'patchable-out-of-line', counts: { callSites: 2 } });
  });
});

describe('nops that no record names', () => {
  it('are told, and counted as no site', () => {
    const c = code([NOP, NOP, BLR, ...LOAD_ADD, NOP, NOP, BLR, NOP, BLR, LI_R3_1, NOP, NOP, BLR]);
    c.builder.function('f', c.text, 0, 12);
    c.builder.function('g', c.text, 12, 20, { k: 3 });
    c.builder.function('one_nop', c.text, 32, 8);
    c.builder.function('later', c.text, 40, 16);
    c.builder.records('__patchable_function_entries', c.section, [0]);
    expect(scan(c.builder)).toMatchObject({
      callSites: [{ function: 'f' }],
      unrecordedNops: [{ function: 'g', section: '.text', offset: 20 }],
    });
  });

  it('mean nothing where no record names nops', () => {
    const c = code([NOP, NOP, BLR]);
    c.builder.function('f', c.text, 0, 12);
    expect(scan(c.builder)).toMatchObject({ profiling: 'none', callSites: [], unrecordedNops: [] });
  });
});

describe('what is a profiling call', () => {
  it('only one to the undefined _mcount', () => {
    const c = code([bl(0), bl(0), bl(0), BLR]);
    const near = c.builder.undefined('__mcount');
    const own = c.builder.function('own_mcount', c.text, 12, 4);
    branches(c, c.mcount, 0);
    branches(c, near, 1);
    branches(c, own, 2);
    expect(scan(c.builder).counts).toMatchObject({ callSites: 1, externalCalls: 1, localCalls: 1 });
  });

  it('is a call like others where the object defines _mcount', () => {
    const builder = new ObjectBuilder();
    const text = builder.code('.text', [bl(0), BLR, BLR]);
    builder.function('_mcount', text, 8, 4);
    builder.relocate(text, 0, R.REL24, builder.symbol('_mcount', { section: text, value: 8 }));
    expect(scan(builder).counts).toMatchObject({ callSites: 0, localCalls: 1 });
  });

  it('is not a branch without link', () => {
    const c = code([0x48000000, BLR]);
    branches(c, c.mcount, 0);
    expect(scan(c.builder).counts).toMatchObject({ callSites: 0, siblingCalls: 1 });
  });

  it('is found by a name that is the end of another', () => {
    const c = code([bl(0), BLR]);
    branches(c, c.builder.undefined('x_mcount'), 0);
    const bytes = c.builder.build();
    const raw = new RawElf(bytes);
    const at = Buffer.from(raw.named('.strtab').contents).indexOf('x_mcount') + 1;
    viewOf(bytes).setUint32(
      raw.named('.symtab').offset + raw.symbols.find(s => s.name === 'x_mcount')!.index * 24,
      at,
      true,
    );
    viewOf(bytes).setUint32(
      raw.named('.symtab').offset + raw.symbols.find(s => s.name === '_mcount')!.index * 24,
      0,
      true,
    );
    expect(scan(bytes).counts).toMatchObject({ callSites: 1, externalCalls: 0 });
  });
});
