/** Objects that are not merged, each with its code. */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { checkExports } from '../../../src/merge/exports.ts';
import type { RefusalError } from '../../../src/util/errors.ts';
import { verifyMerge } from '../../../src/verify/merged/verify-merge.ts';
import { ET, ObjectBuilder, R, SHF, SHN, STB, type SymbolHandle } from '../../support/object-builder.ts';
import { ModuleBuilder, refusalOf } from '../rewrite/support/module.ts';
import { asObject, DATA, fixObject, merge, moduleBuilder, moduleElf, needs, TOC16_DS } from './support/objects.ts';

type More = (object: ObjectBuilder, text: number) => void;

const TLS_FLAG = 0x400;
const PCREL34 = 132;
const GOT16 = 14;
const TPREL16 = 69;

const CASES: readonly (readonly [code: string, what: string, more: More])[] = [
  ['PAT102', 'function descriptors', o => o.section('.opd', { flags: DATA, align: 8, bytes: new Uint8Array(24) })],
  ['PAT103', 'init code', o => o.code('.init.text', [0])],
  ['PAT103', 'exit data', o => o.section('.exit.data', { flags: DATA, bytes: new Uint8Array(8) })],
  ['PAT103', 'constructors', o => o.section('.init_array', { flags: DATA, bytes: new Uint8Array(8) })],
  [
    'PAT104',
    'the structure of a module',
    o => o.section('.gnu.linkonce.this_module', { flags: DATA, bytes: new Uint8Array(8) }),
  ],
  ['PAT104', 'symbol versions', o => o.section('__versions', { flags: SHF.ALLOC, bytes: new Uint8Array(64) })],
  ['PAT104', 'stubs', o => o.code('.stubs', [0])],
  ['PAT104', 'the entry of a module', (o, text) => o.function('init_module', text, 0, 4)],
  ['PAT105', 'a thread-local section', o => o.section('.tdata', { flags: DATA | TLS_FLAG, bytes: new Uint8Array(8) })],
  ['PAT105', 'a thread-local symbol', (o, text) => o.symbol('mine', { section: text, type: 6 })],
  ['PAT105', 'a thread-local relocation', (o, text) => o.relocate(text, 4, TPREL16, o.undefined('first'))],
  [
    'PAT106',
    'a common symbol',
    o => o.symbol('shared', { section: SHN.COMMON, special: true, bind: STB.GLOBAL, size: 8 }),
  ],
  ['PAT107', 'a function that does not keep r2', (o, text) => o.function('pcrel', text, 0, 4, { k: 1 })],
  ['PAT107', 'a pc-relative relocation', (o, text) => o.relocate(text, 4, PCREL34, o.undefined('first'))],
  ['PAT107', 'a call without a TOC', (o, text) => o.relocate(text, 4, R.REL24_NOTOC, o.undefined('first'))],
  ['PAT108', 'a relocation that no kernel knows', (o, text) => o.relocate(text, 4, GOT16, o.undefined('first'))],
  ['PAT108', 'a relocation that nobody knows', (o, text) => o.relocate(text, 4, 255, o.undefined('first'))],
  [
    'PAT109',
    'a reference into debug information',
    (o, text) => o.relocate(text, 4, R.ADDR64, o.sectionSymbol(o.section('.debug_str', { bytes: new Uint8Array(8) }))),
  ],
  ['PAT110', 'a name that the module has', (o, text) => o.function('first', text, 0, 4)],
  ['PAT110', 'a name that the module has as a weak one', (o, text) => o.function('second', text, 0, 4)],
  ['PAT111', 'a name that the module imports', (o, text) => o.function('imported', text, 0, 4)],
  ['PAT112', 'one of several local symbols', needs('twice')],
  ['PAT113', 'a local symbol of another file', needs('twice@three.c')],
  ['PAT113', 'what nobody has', needs('nobody')],
  ['PAT116', 'a table of another kind', o => o.section('.toc', { flags: SHF.ALLOC, bytes: new Uint8Array(8) })],
  ['PAT118', 'what is gone after loading', needs('starts')],
  [
    'PAT202',
    'BTF ids that nobody has filled, and that are used',
    (o, text) => {
      const ids = o.section('.BTF_ids', { flags: SHF.ALLOC, bytes: new Uint8Array(8) });
      o.relocate(text, 4, R.TOC16_HA, o.sectionSymbol(ids));
    },
  ],
  ['PAT203', 'allocation tags', o => o.section('alloc_tags', { flags: DATA, bytes: new Uint8Array(8) })],
  [
    'PAT203',
    'allocation tags as a module has them',
    o => o.section('.codetag.alloc_tags', { flags: DATA, bytes: new Uint8Array(8) }),
  ],
  [
    'PAT119',
    'an addend beyond all modules',
    (o, text) => o.relocate(text, 4, R.ADDR64, o.undefined('first'), 2 ** 31 + 4),
  ],
  ['PAT119', 'a symbol behind its section', (o, text) => o.symbol('far', { section: text, value: 16 })],
  ['PAT119', 'an indirect function', (o, text) => o.symbol('chosen', { section: text, type: 10, bind: STB.GLOBAL })],
  [
    'PAT119',
    'a strange section',
    o => o.section('.strange', { type: 0x70000000, flags: SHF.ALLOC, bytes: new Uint8Array(8) }),
  ],
];

const nothing = { isExported: () => false };

it.each(CASES)('%s: %s', (code, _, more) => {
  expect(refusalOf(() => merge([fixObject(more)], moduleElf(), nothing))).toBe(code);
});

it('PAT101: linked files', () => {
  expect(refusalOf(() => merge([asObject(new ObjectBuilder({ type: ET.DYN }).build())]))).toBe('PAT101');
});

it('PAT110: two objects with one name', () => {
  expect(refusalOf(() => merge([fixObject(), fixObject()]))).toBe('PAT110');
});

it('PAT112 lists the candidates as they can be named', () => {
  try {
    merge([fixObject(needs('twice'))]);
  } catch (error) {
    expect((error as RefusalError).complaint.message).toContain(
      'twice@one.c or twice@.data+0x0, twice@two.c or twice@.data+0x4',
    );
    return;
  }
  expect.unreachable();
});

it('PAT114: room for another tracer', () => {
  const site = { name: 'traced' };
  const old = new ModuleBuilder('mprofile-kernel', [site]).elf();
  const fresh = asObject(new ModuleBuilder('patchable', [{ name: 'fresh' }]).object.build());
  const newest = asObject(new ModuleBuilder('patchable-out-of-line', [{ name: 'newest' }]).object.build());
  const same = asObject(new ModuleBuilder('mprofile-kernel', [{ name: 'same' }]).object.build());
  expect(refusalOf(() => merge([fresh], old))).toBe('PAT114');
  expect(refusalOf(() => merge([newest], new ModuleBuilder('patchable', [site]).elf()))).toBe('PAT114');
  expect(refusalOf(() => merge([same], old))).toBe('none');
  expect(refusalOf(() => merge([fixObject()], old))).toBe('none');
});

describe('PAT115', () => {
  const reaching = (entry: number, size: number) =>
    fixObject((o, text) => {
      const toc = o.section('.toc', { flags: DATA, align: 8, bytes: new Uint8Array(size) });
      o.relocate(text, 4, TOC16_DS, o.sectionSymbol(toc), entry);
    });

  it('the small model and its TOC', () => {
    // The module's `.toc` has 8 bytes and is aligned to 8: r2 may be 255 bytes nearer to its start.
    const reach = 0x1_0000 - 255 - 8;
    expect(refusalOf(() => merge([reaching(reach - 8, 0x1_0000)]))).toBe('none');
    expect(refusalOf(() => merge([reaching(reach, 0x1_0000)]))).toBe('PAT115');
  });

  it('16 bits to something else than the TOC', () => {
    const object = fixObject((o, text) => o.relocate(text, 4, 47, o.undefined('first')));
    expect(refusalOf(() => merge([object]))).toBe('PAT115');
  });

  it('more code than branches reach over', () => {
    const object = fixObject(o => o.section('.text.far', { flags: 6, align: 4, bytes: new Uint8Array(0x200_0000) }));
    expect(refusalOf(() => merge([object]))).toBe('PAT115');
  });
});

it('PAT116: rows with room between them', () => {
  const rows = (o: ObjectBuilder, align: number, size: number) =>
    o.section('__bug_table', { flags: DATA, align, bytes: new Uint8Array(size) });
  const module = moduleBuilder();
  rows(module, 4, 12);
  expect(refusalOf(() => merge([fixObject(o => rows(o, 8, 12))], readElf(module.build())))).toBe('PAT116');
});

describe('PAT117', () => {
  /** A module or object that exports functions of these names. */
  function exporting(object: ObjectBuilder, text: number, names: readonly string[], prefix = ''): void {
    const strings = object.section('__ksymtab_strings', {
      flags: 0x32,
      entsize: 1,
      bytes: Buffer.from(`\0${names.join('\0')}\0`),
    });
    const symbol = object.sectionSymbol(strings);
    let at = 1;
    for (const name of names) {
      const table = object.section(`${prefix === '' ? '__ksymtab' : `${prefix}${name}`}`, {
        flags: SHF.ALLOC,
        align: 8,
        bytes: new Uint8Array(24),
      });
      const value: SymbolHandle = object.function(name, text, 0, 4);
      object.relocate(table, 0, R.ADDR64, value);
      object.relocate(table, 8, R.ADDR64, symbol, at);
      object.relocate(table, 16, R.ADDR64, symbol, 0);
      at += name.length + 1;
    }
  }

  function exportsOf(old: string, fresh: readonly string[], versions: boolean): string {
    const builder = moduleBuilder();
    builder.section('.modinfo', { flags: SHF.ALLOC, bytes: Buffer.from('license=GPL\0name=m\0') });
    if (versions) builder.section('__versions', { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(64) });
    exporting(builder, 1, [old]);
    const object = fixObject((o, text) => exporting(o, text, fresh, '___ksymtab+'));
    const merged = merge([object], readElf(builder.build()));
    expect(merged.elf.sectionNamed('__ksymtab')?.sh_size).toBe(24 * (1 + fresh.length));
    return refusalOf(() => checkExports(merged.module, merged.bytes, merged.plan));
  }

  it('exports that are sorted behind those of the module are taken', () => {
    expect(exportsOf('b_old', ['c_new', 'd_new'], false)).toBe('none');
  });

  it('exports that would not be found, or have no checksum', () => {
    expect(exportsOf('b_old', ['a_new'], false)).toBe('PAT117');
    expect(exportsOf('b_old', ['c_new'], true)).toBe('PAT117');
  });
});

it('leaves BTF ids out that only debug information refers to', () => {
  const merged = merge([
    fixObject(o => {
      const ids = o.section('.BTF_ids', { flags: SHF.ALLOC, bytes: new Uint8Array(8) });
      const debug = o.section('.debug_info', { bytes: new Uint8Array(8) });
      o.relocate(debug, 0, R.ADDR64, o.sectionSymbol(ids));
    }),
  ]);
  expect(merged.elf.sectionNamed('.BTF_ids')).toBeUndefined();
  expect(merged.plan.leftOut).toContainEqual({ object: 0, section: '.BTF_ids', why: 'nothing refers to it' });
  expect(verifyMerge(merged, merged.bytes).findings).toEqual([]);
});
