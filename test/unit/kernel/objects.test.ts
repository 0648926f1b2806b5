import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { objectKind } from '../../../src/kernel/kind.ts';
import { modinfoOf } from '../../../src/kernel/modinfo.ts';
import { readPatchNote } from '../../../src/kernel/patch-note.ts';
import { moduleSignature } from '../../../src/kernel/signature.ts';
import { tracerTables } from '../../../src/kernel/tracer-tables.ts';
import { codeOf } from '../../support/errors.ts';
import { ET, note, ObjectBuilder, SHF, SHT } from '../../support/object-builder.ts';

const module = () => {
  const builder = new ObjectBuilder();
  builder.section('.gnu.linkonce.this_module', { flags: SHF.ALLOC | SHF.WRITE, bytes: new Uint8Array(64) });
  return builder;
};

describe('what kind of object it is', () => {
  it('is told from struct module, or from being linked', () => {
    expect(objectKind(readElf(module().build()))).toBe('module');
    expect(objectKind(readElf(new ObjectBuilder().build()))).toBe('object');
    expect(objectKind(readElf(new ObjectBuilder({ type: ET.DYN }).build()))).toBe('vmlinux');
  });
});

describe('signatures', () => {
  const plain = module().build();

  it('are found behind the ELF file', () => {
    const signed = module().sign(new Uint8Array(100)).build();
    expect(moduleSignature(signed)).toEqual({ start: plain.length, length: 100 });
    expect(moduleSignature(plain)).toBeUndefined();
    expect(moduleSignature(new Uint8Array(0))).toBeUndefined();
    expect(moduleSignature(Buffer.from('~Module signature appended~'))).toBeUndefined();
  });

  it('of a wrong length or kind are refused', () => {
    const change = (offset: number, value: number) => {
      const signed = module().sign(new Uint8Array(100)).build();
      signed[signed.length - 40 + offset] = value;
      return codeOf(() => moduleSignature(signed));
    };
    expect(change(2, 1)).toBe('SIG002');
    expect(change(0, 1)).toBe('SIG002');
    expect(change(8, 0x7f)).toBe('SIG001');
    expect(change(11, 0)).toBe('SIG001');
    expect(codeOf(() => moduleSignature(Buffer.from('~Module signature appended~\n')))).toBe('SIG001');
  });
});

describe('modinfo', () => {
  it('is key=value, with padding between', () => {
    const text = Buffer.from('license=GPL\0\0\0parm=a=b\0alone\0last=1');
    const builder = module();
    builder.section('.modinfo', { flags: SHF.ALLOC, bytes: text });
    expect(modinfoOf(readElf(builder.build()))).toEqual([
      { key: 'license', value: 'GPL' },
      { key: 'parm', value: 'a=b' },
      { key: 'alone', value: '' },
      { key: 'last', value: '1' },
    ]);
    expect(modinfoOf(readElf(module().build()))).toEqual([]);
  });
});

describe('tracer tables', () => {
  it('are known by name, several of one name too', () => {
    const builder = module();
    for (const name of ['__mcount_loc', '__patchable_function_entries', '__mcount_loc', '__mcount_locs'])
      builder.section(name, { bytes: new Uint8Array(8) });
    expect(tracerTables(readElf(builder.build())).map(t => [t.kind, t.section.index])).toEqual([
      ['mcount', 2],
      ['patchable', 3],
      ['mcount', 4],
    ]);
  });
});

describe('the note of a patched file', () => {
  const read = (...notes: Uint8Array[]) => {
    const builder = module();
    builder.section('.note.tocsin', { type: SHT.NOTE, align: 4, bytes: Buffer.concat(notes) });
    let why = '';
    const found = readPatchNote(readElf(builder.build()), text => {
      why = text;
    });
    return { found, why };
  };
  const record = {
    schema: 'tocsin.patch-record/1',
    layer: 1,
    actions: [],
    original: { size: 1, sha256: '0'.repeat(64) },
  };
  const json = (value: unknown) => note('tocsin', 1, Buffer.from(JSON.stringify(value)));
  const script = note('tocsin', 2, Uint8Array.of(1, 2));

  it('is read where it is whole', () => {
    expect(read(json(record), script).found).toMatchObject({ record: { layer: 1 }, script: Uint8Array.of(1, 2) });
  });

  it('is not where a part is missing or no record', () => {
    expect(read(json(record))).toEqual({ found: undefined, why: 'no note of type 2' });
    expect(read(script)).toEqual({ found: undefined, why: 'no note of type 1' });
    expect(read(note('tocsin', 1, Buffer.from('{')), script).why).toBe('the record is not JSON');
    for (const wrong of [
      null,
      [],
      7,
      {},
      { ...record, schema: 'other' },
      { ...record, layer: 0.5 },
      { ...record, actions: {} },
    ])
      expect(read(json(wrong), script).why).toBe('the record is not of schema tocsin.patch-record/1');
    for (const original of [null, 1, {}, { size: 1, sha256: 'x' }, { size: '1', sha256: '0'.repeat(64) }])
      expect(read(json({ ...record, original }), script).found).toBeUndefined();
  });
});
