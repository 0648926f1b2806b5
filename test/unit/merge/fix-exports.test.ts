/** What objects export as their compiler left it, before modpost: the module gets rows, names, flags and checksums for it. */
import { describe, expect, it } from 'vitest';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import { moduleExports } from '../../../src/kernel/module-exports.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import { checkExports } from '../../../src/merge/exports.ts';
import { withExports } from '../../../src/merge/fix-exports.ts';
import type { MergeObject } from '../../../src/merge/objects.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import { sortExports } from '../../../src/merge/sort-exports.ts';
import type { MergePlan } from '../../../src/plan/merge.ts';
import { verifyMerge } from '../../../src/verify/merged/verify-merge.ts';
import { codeOf } from '../../support/errors.ts';
import { ObjectBuilder, R, SHF, STB, STT } from '../../support/object-builder.ts';
import { asObject, DATA, fixObject, moduleBuilder } from './support/objects.ts';

const ROW = 24;

type Generation = '6.1' | '6.12' | '7.2';
const GENERATIONS: readonly Generation[] = ['6.1', '6.12', '7.2'];

interface Wanted {
  readonly name: string;
  readonly gpl?: boolean;
  readonly namespace?: string;
  /** Its code is at this word of `.text`; else it is left undefined. */
  readonly word?: number;
  readonly size?: number;
  readonly bind?: number;
}

/** A module that exports `m_old`, a function, with a checksum; or nothing. */
function moduleOf(generation: Generation, { versions = true, exports = true } = {}): ElfFile {
  const object = moduleBuilder();
  const magic = `${generation}.0-lab SMP mod_unload ${versions ? 'modversions ' : ''}`;
  object.section('.modinfo', { flags: SHF.ALLOC, bytes: Buffer.from(`license=GPL\0name=m\0vermagic=${magic}\0`) });
  const gpl = generation === '7.2' ? '' : '_gpl';
  if (exports) {
    const strings = object.section('__ksymtab_strings', {
      flags: 0x32,
      entsize: 1,
      bytes: Buffer.from('m_old\0OLD_NS\0'),
    });
    const start = object.sectionSymbol(strings);
    const rows = object.section(`__ksymtab${gpl}`, { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(ROW) });
    object.relocate(rows, 0, R.ADDR64, object.function('m_old', 1, 8, 8));
    object.relocate(rows, 8, R.ADDR64, start, 0);
    object.relocate(rows, 16, R.ADDR64, start, 6);
    if (versions) {
      const bytes = Uint8Array.of(1, 2, 3, 4);
      object.section(`__kcrctab${gpl}`, { flags: SHF.ALLOC, align: 4, bytes });
    }
    if (generation === '7.2') object.section('__kflagstab', { flags: SHF.ALLOC, bytes: Uint8Array.of(1) });
  }
  return readElf(object.build());
}

/** The object as gcc and gas leave it with the EXPORT_SYMBOL macros of a kernel. */
function declare(object: ObjectBuilder, text: number, exports: readonly Wanted[], generation: Generation): void {
  const symbols = exports.map(({ name, word, size = 4, bind = STB.GLOBAL }) =>
    word === undefined ? object.undefined(name) : object.function(name, text, word * 4, size, { bind }),
  );
  if (generation === '6.1') {
    const texts = exports.flatMap(e => [e.name, e.namespace ?? '']);
    const strings = object.section('__ksymtab_strings', {
      flags: 0x32,
      entsize: 1,
      bytes: Buffer.from(texts.map(t => `${t}\0`).join('')),
    });
    const start = object.sectionSymbol(strings);
    let at = 0;
    exports.forEach(({ name, gpl, namespace = '' }, i) => {
      const row = object.section(`___ksymtab${gpl ? '_gpl' : ''}+${name}`, {
        flags: DATA,
        align: 8,
        bytes: new Uint8Array(ROW),
      });
      object.symbol(`__ksymtab_${name}`, { section: row, size: ROW, type: STT.OBJECT, bind: STB.LOCAL });
      object.relocate(row, 0, R.ADDR64, symbols[i]!);
      object.relocate(row, 8, R.ADDR64, start, at);
      object.relocate(row, 16, R.ADDR64, start, at + name.length + 1);
      at += name.length + namespace.length + 2;
    });
    return;
  }
  const parts: Buffer[] = [];
  let at = 0;
  const places = exports.map(({ gpl, namespace = '' }) => {
    const strings = `${gpl ? 'GPL' : ''}\0${namespace}\0`;
    const pointer = Math.ceil((at + strings.length) / 8) * 8;
    const label = at;
    parts.push(Buffer.from(strings.padEnd(pointer - at, '\0')), Buffer.alloc(8));
    at = pointer + 8;
    return { label, pointer };
  });
  const section = object.section('.export_symbol', { flags: SHF.ALLOC, align: 8, bytes: Buffer.concat(parts) });
  exports.forEach(({ name }, i) => {
    object.symbol(`__export_symbol_${name}`, { section, value: places[i]!.label, bind: STB.LOCAL });
    object.relocate(section, places[i]!.pointer, R.ADDR64, symbols[i]!);
  });
}

const NEW: readonly Wanted[] = [
  { name: 'z_new', word: 0 },
  { name: 'a_new', word: 1, gpl: true, namespace: 'LAB' },
  { name: 'k_new', word: 2, gpl: true },
];

const exporting = (exports: readonly Wanted[], generation: Generation, name = 'fix.o') =>
  fixObject((o, text) => declare(o, text, exports, generation), name);

/** As the command line merges. */
function joined(module: ElfFile, given: readonly MergeObject[], ownerOf?: (name: string) => string | undefined) {
  const { objects, exports } = withExports(module, given, ownerOf);
  const plain = planMerge(module, objects);
  const { merged, tables } = sortExports(applyMerge(module, objects, plain));
  const plan: MergePlan = { ...plain, sorted: tables, exports };
  checkExports(module, merged.bytes, plan);
  return { module, objects, plan, bytes: merged.bytes };
}

type Joined = ReturnType<typeof joined>;
const codes = (made: Joined, bytes = made.bytes) => [...new Set(verifyMerge(made, bytes).findings.map(f => f.code))];

function rowsOf(bytes: Uint8Array) {
  const found = moduleExports(bytes)!;
  return found.names.map((name, i) => ({
    name,
    namespace: found.namespaces[i],
    gpl: found.gplOnly[i],
    crc: found.crcs?.[i],
  }));
}

describe.each(GENERATIONS)('exports of an object, %s', generation => {
  const made = joined(moduleOf(generation), [exporting(NEW, generation)]);

  it('are exported by the module, in order, in the form of its kernel', () => {
    const rows = rowsOf(made.bytes);
    const elf = readElf(made.bytes);
    const plain = generation === '7.2' ? ['a_new', 'k_new', 'm_old', 'z_new'] : ['z_new', 'a_new', 'k_new', 'm_old'];
    expect(rows.map(r => r.name)).toEqual(plain);
    const of = (name: string) => rows.find(r => r.name === name)!;
    expect(of('m_old')).toEqual({ name: 'm_old', namespace: 'OLD_NS', gpl: 1, crc: 0x04030201 });
    expect(of('a_new')).toMatchObject({ namespace: 'LAB', gpl: 1 });
    expect(of('k_new')).toMatchObject({ namespace: '', gpl: 1 });
    expect(of('z_new')).toMatchObject({ namespace: '', gpl: 0 });
    expect(elf.sectionNamed('__kflagstab')?.sh_size).toBe(generation === '7.2' ? 4 : undefined);
    expect(elf.sectionNamed('__ksymtab_gpl')?.sh_size).toBe(generation === '7.2' ? undefined : 3 * ROW);
    expect(made.plan.exports.map(e => [e.symbol, e.crc])).toEqual(
      made.plan.exports.map(e => [e.symbol, of(e.symbol).crc]),
    );
    expect(codes(made)).toEqual([]);
  });

  it('have the checksum of their definition: another build has another', () => {
    const crcOf = (exports: readonly Wanted[], name: string) =>
      joined(moduleOf(generation), [exporting(exports, generation)]).plan.exports.find(e => e.symbol === name)!.crc;
    const [first, ...rest] = NEW;
    expect(crcOf([{ ...first!, word: 0 }, ...rest], 'a_new')).toBe(crcOf(NEW, 'a_new'));
    expect(crcOf([{ ...first!, size: 8 }, ...rest], 'z_new')).not.toBe(crcOf(NEW, 'z_new'));
    const words = new Set(made.plan.exports.map(e => e.crc));
    expect(words.size).toBe(3);
  });

  it('get no checksums where the module has none', () => {
    for (const exports of [true, false]) {
      const without = joined(moduleOf(generation, { versions: false, exports }), [exporting(NEW, generation)]);
      expect(without.plan.exports.every(e => e.crc === undefined)).toBe(true);
      expect(readElf(without.bytes).sections.some(s => s.name.startsWith('__kcrctab'))).toBe(false);
      expect(codes(without)).toEqual([]);
    }
    const first = joined(moduleOf(generation, { exports: false }), [exporting(NEW, generation)]);
    expect(first.plan.exports.every(e => e.crc !== undefined)).toBe(true);
    expect(codes(first)).toEqual([]);
  });

  it('of several objects stay beside their checksums, one naming what another defines, or the module', () => {
    const others: readonly Wanted[] = [{ name: 'b_new', word: 0 }, { name: 'first' }, { name: 'fix' }];
    const both = joined(moduleOf(generation), [exporting(NEW, generation), exporting(others, generation, 'other.o')]);
    expect(rowsOf(both.bytes)).toHaveLength(7);
    expect(codes(both)).toEqual([]);
    const crcs = new Map(rowsOf(both.bytes).map(r => [r.name, r.crc]));
    expect(both.plan.exports.map(e => e.crc)).toEqual(both.plan.exports.map(e => crcs.get(e.symbol)));
    expect(crcs.get('a_new')).toBe(made.plan.exports.find(e => e.symbol === 'a_new')!.crc);
  });

  it('are judged in every byte of the tables', () => {
    const elf = readElf(made.bytes);
    const tables = elf.sections.filter(s => /^__(k(crctab|flagstab)|ksymtab_strings)/.test(s.name));
    for (const { sh_offset, sh_size } of tables)
      for (let at = sh_offset; at < sh_offset + sh_size; at++) {
        const copy = made.bytes.slice();
        copy[at]! ^= 2;
        expect([at, codes(made, copy).length > 0]).toEqual([at, true]);
      }
    const rela = elf.sections.filter(s => /^\.rela__ksymtab/.test(s.name));
    for (const { sh_offset, sh_size } of rela)
      for (let at = sh_offset; at < sh_offset + sh_size; at += 8) {
        const copy = made.bytes.slice();
        copy[at]! ^= 1;
        expect([at, codes(made, copy).length > 0]).toEqual([at, true]);
      }
  });

  it('are judged against the objects, not against what was made for them', () => {
    const changed = (change: (e: MergePlan['exports'][number]) => MergePlan['exports'][number]) => ({
      ...made,
      plan: { ...made.plan, exports: made.plan.exports.map(change) },
    });
    expect(codes(changed(e => ({ ...e, gplOnly: !e.gplOnly })))).toEqual(['VER205']);
    expect(codes(changed(e => ({ ...e, namespace: 'OTHER' })))).toEqual(['VER205']);
    expect(codes(changed(e => ({ ...e, crc: (e.crc ?? 0) ^ 1 })))).toEqual(['VER205']);
    expect(codes({ ...made, plan: { ...made.plan, exports: [] } })).toEqual(['VER205']);
    // Tables that say other things than the object does, merged in all the same.
    const liar = exporting(
      NEW.map(e => ({ ...e, gpl: e.gpl !== true, namespace: 'FREE' })),
      generation,
    );
    const lied = joined(moduleOf(generation), [liar]);
    const honest = exporting(NEW, generation);
    expect(codes({ ...lied, objects: [honest, ...lied.objects.slice(1)] })).toContain('VER200');
  });

  it('are refused with a code of their own', () => {
    const refused = (exports: readonly Wanted[], owner?: string, module = moduleOf(generation)) =>
      codeOf(() => joined(module, [exporting(exports, generation)], name => (name === 'z_new' ? owner : undefined)));
    expect(refused(NEW)).toBe('nothing was thrown');
    expect(refused([{ name: 'z_new', word: 0, bind: STB.LOCAL }])).toBe('PAT230');
    expect(refused([{ name: 'z_new', word: 0, size: 0 }])).toBe('PAT230');
    expect(refused([{ name: 'm_old' }])).toBe('PAT231');
    expect(refused(NEW, 'the kernel')).toBe('PAT232');
    expect(refused([{ name: 'imported' }])).toBe('PAT233');
    expect(refused([{ name: 'nobody' }])).toBe('PAT233');
    expect(refused([{ name: 'twice' }])).toBe('PAT233');
    const two = [exporting(NEW, generation), exporting([{ name: 'k_new' }], generation, 'other.o')];
    expect(codeOf(() => joined(moduleOf(generation), two))).toBe('PAT231');
  });
});

describe('of another kernel', () => {
  it('rows of 6.1 do not go into a module of 7.2, and its entries go into one of 6.1', () => {
    expect(codeOf(() => joined(moduleOf('7.2'), [exporting(NEW, '6.1')]))).toBe('PAT234');
    const made = joined(moduleOf('6.1'), [exporting(NEW, '6.12')]);
    expect(codes(made)).toEqual([]);
    expect(rowsOf(made.bytes)).toEqual(rowsOf(joined(moduleOf('6.12'), [exporting(NEW, '6.12')]).bytes));
  });
});

describe('.export_symbol', () => {
  it.each([
    ['a licence that is none', 'MIT\0\0\0\0\0', '__export_symbol_fix', 8, 0],
    ['a namespace without an end', 'GPL\0NSNS', '__export_symbol_fix', 8, 0],
    ['a label for something else', 'GPL\0\0\0\0\0', '__export_symbol_other', 8, 0],
    ['no label', 'GPL\0\0\0\0\0', 'fix_label', 8, 0],
    ['a pointer behind the symbol', 'GPL\0\0\0\0\0', '__export_symbol_fix', 8, 4],
  ])('%s is refused', (_, text, label, at, addend) => {
    const object = fixObject((o, code) => {
      const bytes = Buffer.concat([Buffer.from(text), Buffer.alloc(8)]);
      const section = o.section('.export_symbol', { flags: SHF.ALLOC, align: 8, bytes });
      o.symbol(label, { section, bind: STB.LOCAL });
      o.relocate(section, at, R.ADDR64, o.function('fix', code, 4, 4), addend);
    }, 'own.o');
    expect(codeOf(() => joined(moduleOf('6.12'), [object]))).toBe('PAT230');
  });

  it('that holds nothing exports nothing', () => {
    const object = fixObject(o => o.section('.export_symbol', { bytes: new Uint8Array(8) }));
    const made = joined(moduleOf('6.12'), [object]);
    expect([made.plan.exports, made.objects.length]).toEqual([[], 1]);
    expect(codes(made)).toEqual([]);
  });
});

it('an object for tables that has code besides is found', () => {
  const made = joined(moduleOf('6.12'), [exporting(NEW, '6.12')]);
  const builder = new ObjectBuilder();
  builder.function('hidden', builder.code('.text', [0x4e800020]), 0, 4);
  const hidden = { ...asObject(builder.build(), 'exports of fix.o'), exportsOf: 'fix.o', isOwn: true };
  const objects = [...made.objects, hidden];
  const plain = planMerge(made.module, objects);
  const { merged, tables } = sortExports(applyMerge(made.module, objects, plain));
  const plan = { ...plain, sorted: tables, exports: made.plan.exports };
  expect(codes({ ...made, objects, plan, bytes: merged.bytes })).toEqual(['VER204']);
});
