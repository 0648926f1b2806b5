import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import { dwarfStructures } from '../../../../src/kernel/knowledge/dwarf.ts';
import { ET, ObjectBuilder } from '../../../support/object-builder.ts';

/** Numbers of DWARF 5, section 7.5. */
const TAG = { member: 0x0d, unit: 0x11, structure: 0x13, union: 0x17, base: 0x24, subprogram: 0x2e } as const;
const AT = { name: 0x03, size: 0x0b, location: 0x38, declaration: 0x3c, type: 0x49, base: 0x72 } as const;
const FORM = {
  data1: 0x0b,
  data2: 0x05,
  string: 0x08,
  block1: 0x0a,
  strp: 0x0e,
  ref4: 0x13,
  secOffset: 0x17,
  exprloc: 0x18,
  present: 0x19,
  strx1: 0x25,
  implicit: 0x21,
  lineStrp: 0x1f,
} as const;

const text = (value: string) => [...Buffer.from(`${value}\0`)];
const u32 = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];

/** Abbreviations: [tag, has children, [attribute, form, constant?]...]. */
function abbreviations(...rows: readonly [number, boolean, ...(readonly number[])[]][]): number[] {
  return [
    ...rows.flatMap(([tag, children, ...attributes], i) => [i + 1, tag, children ? 1 : 0, ...attributes.flat(), 0, 0]),
    0,
  ];
}

function image(
  version: number,
  abbrev: readonly number[],
  entries: readonly number[],
  more: Record<string, readonly number[]> = {},
) {
  const head = version >= 5 ? [version, 0, 1, 8, ...u32(0)] : [version, 0, ...u32(0), 8];
  const builder = new ObjectBuilder({ type: ET.EXEC });
  builder.code('.text', [0x60000000], { address: 0x1000n });
  const info = [...u32(head.length + entries.length), ...head, ...entries];
  builder.section('.debug_info', { bytes: Uint8Array.from(info) });
  builder.section('.debug_abbrev', { bytes: Uint8Array.from(abbrev) });
  for (const [name, bytes] of Object.entries(more)) builder.section(name, { bytes: Uint8Array.from(bytes) });
  return readElf(builder.build());
}

const WANTED = new Set(['module', 'arch']);

/** Where entries begin in `.debug_info`: behind the length and the head. */
const START = { 4: 11, 5: 12 } as const;

describe('structures from DWARF', () => {
  const abbrev = abbreviations(
    [TAG.unit, true, [AT.name, FORM.string]],
    [TAG.structure, true, [AT.name, FORM.string], [AT.size, FORM.data2]],
    [TAG.member, false, [AT.name, FORM.string], [AT.location, FORM.data1], [AT.type, FORM.ref4]],
    [TAG.structure, false, [AT.name, FORM.string], [AT.declaration, FORM.present]],
    [TAG.union, true, [AT.size, FORM.data1]],
    [TAG.member, false, [AT.location, FORM.data1], [AT.type, FORM.ref4]],
    [TAG.subprogram, false, [AT.name, FORM.string], [AT.location, FORM.exprloc]],
  );

  it.each([4, 5] as const)('version %i: sizes, offsets, unnamed unions, what a member is', version => {
    const unit = [1, ...text('unit')];
    const declaration = [4, ...text('module')];
    const other = [7, ...text('function'), 2, 0x91, 0x08];
    const union = START[version] + unit.length + declaration.length + other.length;
    const inUnion = [5, 8, 3, ...text('init'), 0, ...u32(union), 0];
    const arch = union + inUnion.length;
    const inner = [2, ...text('arch'), 16, 0, 3, ...text('toc'), 4, ...u32(union), 0];
    const module = [
      2,
      ...text('module'),
      0x80,
      0x05,
      ...[3, ...text('name'), 24, ...u32(0)],
      ...[6, 0x30, ...u32(union)],
      ...[3, ...text('arch'), 0x40, ...u32(arch)],
      0,
    ];
    const elf = image(version, abbrev, [...unit, ...declaration, ...other, ...inUnion, ...inner, ...module, 0]);
    const found = dwarfStructures(elf, WANTED)!;
    expect(found.get('module')?.size).toBe(1408);
    expect([...found.get('module')!.members]).toEqual([
      ['name', 24],
      ['init', 0x30],
      ['arch', 0x40],
    ]);
    expect(found.get('module')!.nested.get('arch')).toBe('arch');
    expect([...found.get('arch')!.members]).toEqual([['toc', 4]]);
  });

  it('version 5: names by index and in other sections, implicit constants', () => {
    const rows = abbreviations(
      [TAG.unit, true, [AT.base, FORM.secOffset]],
      [TAG.structure, true, [AT.name, FORM.strx1], [AT.size, FORM.implicit, 24]],
      [TAG.member, false, [AT.name, FORM.strp], [AT.location, FORM.data1], [AT.type, FORM.ref4]],
      [TAG.member, false, [AT.name, FORM.lineStrp], [AT.location, FORM.data1], [AT.type, FORM.ref4]],
    );
    const entries = [
      ...[1, ...u32(8)],
      ...[2, 1],
      ...[3, ...u32(7), 8, ...u32(0)],
      ...[4, ...u32(0), 16, ...u32(0)],
      0,
      0,
    ];
    const elf = image(5, rows, entries, {
      '.debug_str': [...text('module'), ...text('state')],
      '.debug_line_str': text('list'),
      '.debug_str_offsets': [...u32(12), 5, 0, 0, 0, ...u32(7), ...u32(0)],
    });
    const module = dwarfStructures(elf, WANTED)!.get('module')!;
    expect(module.size).toBe(24);
    expect([...module.members]).toEqual([
      ['state', 8],
      ['list', 16],
    ]);
  });

  it('version 2: offsets as expressions', () => {
    const rows = abbreviations(
      [TAG.unit, true],
      [TAG.structure, true, [AT.name, FORM.string], [AT.size, FORM.data1]],
      [TAG.member, false, [AT.name, FORM.string], [AT.location, FORM.block1], [AT.type, FORM.ref4]],
    );
    const member = [3, ...text('name'), 3, 0x23, 0x98, 0x01, ...u32(0)];
    const elf = image(2, rows, [1, 2, ...text('module'), 200, ...member, 0, 0]);
    expect([...dwarfStructures(elf, WANTED)!.get('module')!.members]).toEqual([['name', 152]]);
  });

  it('reads compressed sections', () => {
    const rows = abbreviations([TAG.unit, true], [TAG.structure, false, [AT.name, FORM.string], [AT.size, FORM.data1]]);
    const head = [5, 0, 1, 8, ...u32(0)];
    const entries = [1, 2, ...text('module'), 64, 0];
    const info = Uint8Array.from([...u32(head.length + entries.length), ...head, ...entries]);
    const header = Buffer.alloc(24);
    header.writeUInt32LE(1, 0);
    header.writeBigUInt64LE(BigInt(info.length), 8);
    const builder = new ObjectBuilder({ type: ET.EXEC });
    builder.code('.text', [0x60000000], { address: 0x1000n });
    const bytes = new Uint8Array(Buffer.concat([header, deflateSync(info)]));
    builder.section('.debug_info', { flags: 0x800, bytes });
    builder.section('.debug_abbrev', { bytes: Uint8Array.from(rows) });
    expect(dwarfStructures(readElf(builder.build()), WANTED)!.get('module')!.size).toBe(64);
  });

  it('says nothing of damaged data, whichever byte is wrong', () => {
    const entries = [1, ...text('unit'), 2, ...text('module'), 0x80, 0x05, 3, ...text('name'), 24, ...u32(0), 0, 0];
    expect(dwarfStructures(image(5, abbrev, entries), WANTED)!.get('module')!.size).toBe(1408);
    for (let at = 0; at < entries.length; at++)
      for (const value of [0xff, 0x7f, 0]) {
        const damaged = entries.map((byte, i) => (i === at ? value : byte));
        const found = dwarfStructures(image(5, abbrev, damaged), WANTED);
        expect(found === undefined || found instanceof Map).toBe(true);
      }
    expect(dwarfStructures(image(6, abbrev, entries), WANTED)).toBeUndefined();
    expect(dwarfStructures(image(5, [1], entries), WANTED)).toBeUndefined();
    expect(dwarfStructures(image(5, abbrev, entries.slice(0, -8)), WANTED)).toBeUndefined();
  });
});
