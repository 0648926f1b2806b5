/** Rows of export tables that change places when objects export something, and a judge who puts them back. */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { moduleExports } from '../../../src/kernel/module-exports.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import { withExports } from '../../../src/merge/fix-exports.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import { type Sorted, sortExports } from '../../../src/merge/sort-exports.ts';
import type { MergePlan } from '../../../src/plan/merge.ts';
import { verifyMerge } from '../../../src/verify/merged/verify-merge.ts';
import { type ObjectBuilder, R, SHF, STB, STT } from '../../support/object-builder.ts';
import { fixObject, moduleBuilder } from './support/objects.ts';

const ROW = 24;

interface Export {
  readonly name: string;
  readonly crc: number;
  readonly flag: number;
}

/** The tables as modpost makes them for a kernel that has flags beside one table (7.0 and later). */
function exporting(object: ObjectBuilder, text: number, exports: readonly Export[], table = '__ksymtab'): void {
  const strings = object.section('__ksymtab_strings', {
    flags: 0x32,
    entsize: 1,
    bytes: Buffer.from(`\0${exports.map(e => e.name).join('\0')}\0`),
  });
  const start = object.sectionSymbol(strings);
  const rows = object.section(table, { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(ROW * exports.length) });
  const crcs = Buffer.concat(exports.map(e => Buffer.from(Uint32Array.of(e.crc).buffer)));
  object.section(table.replace('sym', 'crc'), { flags: SHF.ALLOC, align: 4, bytes: crcs });
  object.section('__kflagstab', { flags: SHF.ALLOC, align: 1, bytes: Uint8Array.from(exports, e => e.flag) });
  let at = 1;
  for (const [i, { name }] of exports.entries()) {
    object.symbol(`__ksymtab_${name}`, { section: rows, value: i * ROW, size: ROW, type: STT.OBJECT, bind: STB.LOCAL });
    object.relocate(rows, i * ROW, R.ADDR64, object.function(name, text, 4 * i, 4));
    object.relocate(rows, i * ROW + 8, R.ADDR64, start, at);
    object.relocate(rows, i * ROW + 16, R.ADDR64, start, 0);
    at += name.length + 1;
  }
}

const OLD = [
  { name: 'b_old', crc: 0x1111, flag: 0 },
  { name: 'd_old', crc: 0x2222, flag: 1 },
];
const NEW = [
  { name: 'a_new', crc: 0x3333, flag: 1 },
  { name: 'c_new', crc: 0x4444, flag: 0 },
];
const ALL = [...OLD, ...NEW].sort((a, b) => (a.name < b.name ? -1 : 1));

/** As the command line merges. */
function joined(old: readonly Export[], fresh: readonly Export[]) {
  const builder = moduleBuilder();
  builder.section('.modinfo', { flags: SHF.ALLOC, bytes: Buffer.from('license=GPL\0name=m\0') });
  // Its code is the first section.
  exporting(builder, 1, old);
  const module = readElf(builder.build());
  const { objects, exports } = withExports(module, [fixObject((o, text) => exporting(o, text, fresh))]);
  const plain = planMerge(module, objects);
  const before = applyMerge(module, objects, plain);
  const sorted = sortExports(before);
  const plan: MergePlan = { ...plain, sorted: sorted.tables, exports };
  return { module, objects, plan, before, sorted };
}

const good = joined(OLD, NEW);
const { bytes } = good.sorted.merged;
const elf = readElf(bytes);
const at = (name: string) => elf.sectionNamed(name)!.sh_offset;

function codes(changed: Uint8Array, plan = good.plan): string[] {
  return [...new Set(verifyMerge({ ...good, plan }, changed).findings.map(f => f.code))];
}

/** The file with `size` bytes at two places in each other's place. */
function swapped(one: number, other: number, size: number): Uint8Array {
  const copy = bytes.slice();
  copy.set(bytes.subarray(one, one + size), other);
  copy.set(bytes.subarray(other, other + size), one);
  return copy;
}

function exportsIn(sorted: Sorted): Export[] {
  const found = moduleExports(sorted.merged.bytes)!;
  return found.names.map((name, i) => ({ name, crc: found.crcs![i]!, flag: found.gplOnly[i]! }));
}

describe('sorting', () => {
  it('moves rows with their relocations, checksums, flags and symbols', () => {
    expect(good.sorted.tables).toEqual([{ table: '__ksymtab', order: [2, 0, 3, 1] }]);
    expect(exportsIn(good.sorted)).toEqual(ALL);
    const symbols = elf.symbols!;
    const rows = ALL.map(e => symbols.value(symbols.find(`__ksymtab_${e.name}`)));
    // Symbols of rows of the objects are local and nobody needs them.
    expect([rows[1], rows[3]]).toEqual([ROW, 3 * ROW]);
    expect(codes(bytes)).toEqual([]);
  });

  it('changes no byte of anything else, and does not call moved bytes those of the module', () => {
    const { before, sorted } = good;
    const moved = new Set<number>();
    for (const [i, byte] of bytes.entries()) if (byte !== before.bytes[i]) moved.add(i);
    expect(moved.size).toBeGreaterThan(0);
    for (const { to, length } of sorted.merged.ranges)
      for (let i = to; i < to + length; i++) expect(moved.has(i)).toBe(false);
  });

  it('leaves alone what is in order, and tables whose columns do not fit', () => {
    const inOrder = joined(OLD, [{ name: 'e_new', crc: 5, flag: 0 }]);
    expect(inOrder.sorted).toEqual({ merged: inOrder.before, tables: [] });
    const copy = good.before.bytes.slice();
    const header = readElf(copy).header.e_shoff + elf.sectionNamed('__kcrctab')!.index * 64;
    new DataView(copy.buffer).setUint32(header + 32, 12, true);
    expect(sortExports({ ...good.before, bytes: copy }).tables).toEqual([]);
  });
});

describe('the judge finds', () => {
  it('rows that are not in order, whether the plan says so or not', () => {
    expect(codes(good.before.bytes, { ...good.plan, sorted: [] })).toEqual(['VER147']);
    expect(codes(good.before.bytes)).toContain('VER147');
  });

  it('sorted rows of which the plan says nothing', () => {
    expect(codes(bytes, { ...good.plan, sorted: [] })).not.toEqual([]);
  });

  it.each([
    [[2, 0, 3]],
    [[2, 0, 3, 3]],
    [[2, 0, 3, 4]],
    [[2, 0, 3, -1]],
    [[0, 1, 2, 3]],
    [[0, 2, 3, 1]],
    [[2, 0, 1, 3]],
    [[3, 0, 2, 1]],
  ])('an order that is not the one (%j)', order => {
    const found = codes(bytes, { ...good.plan, sorted: [{ table: '__ksymtab', order }] });
    expect(found).not.toEqual([]);
    if (new Set(order).size < 4 || order.some(row => row < 0 || row > 3)) expect(found).toContain('VER147');
  });

  it("two checksums in each other's place, and two flags", () => {
    for (let i = 0; i < 3; i++) {
      expect(codes(swapped(at('__kcrctab') + 4 * i, at('__kcrctab') + 4 * i + 4, 4))).not.toEqual([]);
      if (ALL[i]!.flag !== ALL[i + 1]!.flag)
        expect(codes(swapped(at('__kflagstab') + i, at('__kflagstab') + i + 1, 1))).not.toEqual([]);
    }
  });

  it("two names, and two values, in each other's place", () => {
    const [table] = elf.relocationSectionsFor(elf.sectionNamed('__ksymtab')!.index);
    const relocations = elf.relocations(table!);
    for (let one = 0; one < relocations.count; one++)
      for (let other = one + 1; other < relocations.count; other++) {
        // r_offset alone: the rows get each other's contents.
        const places = [one, other].map(i => table!.sh_offset + ROW * i) as [number, number];
        const isSame =
          relocations.symbol(one) === relocations.symbol(other) &&
          relocations.addend(one) === relocations.addend(other);
        if (!isSame) expect(codes(swapped(...places, 8))).not.toEqual([]);
      }
  });

  it('every changed byte of the tables and of the symbols of rows', () => {
    const places = ['__ksymtab', '__kcrctab', '__kflagstab'].flatMap(name => {
      const section = elf.sectionNamed(name)!;
      return Array.from({ length: section.sh_size }, (_, i) => section.sh_offset + i);
    });
    const symbols = elf.symbols!;
    places.push(symbols.section.sh_offset + 24 * symbols.find('__ksymtab_d_old') + 8);
    for (const place of places) {
      const copy = bytes.slice();
      copy[place] = copy[place]! ^ 1;
      expect([place, codes(copy).length > 0]).toEqual([place, true]);
    }
  });
});
