/** What the kernel takes from a module without a look, and follows when the module comes, goes or runs. */
import { describe, expect, it } from 'vitest';
import type { LoadOutcome, LoadRequest } from '../../../src/loader/model.ts';
import type { Generation, KnowledgeSpec } from '../../support/kernel-knowledge.ts';
import { GENERATIONS, load, Mutant, SH } from '../../support/loader.ts';
import { R, SHF, SHT, STT, type SymbolHandle } from '../../support/object-builder.ts';
import { type SmallModule, smallModule } from '../../support/small-module.ts';

const BLR = 0x4e800020;
const REL32 = 26;
const SPEC = { options: { modversions: false, moduleSig: false }, sizes: { srcu_struct: 24, tracepoint: 24 } };

/** Loads with and without the image; both have to say the same. */
function loaded(
  generation: Generation,
  bytes: Uint8Array,
  spec: KnowledgeSpec = SPEC,
  request: Partial<LoadRequest> = {},
): LoadOutcome {
  const { outcome } = load(generation, bytes, spec, { ...request, checkOnly: false });
  const checked = load(generation, bytes, spec, request).outcome;
  expect({ ...checked, step: undefined }).toEqual({ ...outcome, image: undefined, step: undefined });
  return outcome;
}

const verdict = (outcome: LoadOutcome) => [outcome.dangerous, outcome.remarks.map(r => r.code)];
const GOOD = [false, []];

describe.each(GENERATIONS)('pointers of %s', generation => {
  /** A table of one pointer. `.data` has an object of 24 bytes at 8, whose last word may point to itself. */
  const withTable = (name: string, lead: (module: SmallModule) => readonly [SymbolHandle, number] | undefined) =>
    smallModule(generation, [BLR], module => {
      const { builder, data, variables } = module;
      builder.symbol('object', { section: data, value: 8, size: 24, type: STT.OBJECT });
      builder.symbol('larger', { section: data, value: 32, size: 32, type: STT.OBJECT });
      builder.relocate(data, 24, R.ADDR64, variables, 40);
      builder.relocate(data, 32, R.ADDR64, variables, 40);
      const table = builder.section(name, { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(8) });
      const target = lead(module);
      if (target !== undefined) builder.relocate(table, 0, R.ADDR64, target[0], target[1]);
    });

  it.each(['___srcu_struct_ptrs', '__tracepoints_ptrs'])('of %s lead to objects of the right size', name => {
    expect(
      verdict(
        loaded(
          generation,
          withTable(name, ({ variables }) => [variables, 8]),
        ),
      ),
    ).toEqual(GOOD);
    const wrong: ((module: SmallModule) => readonly [SymbolHandle, number] | undefined)[] = [
      () => undefined,
      ({ variables }) => [variables, 9],
      ({ variables }) => [variables, 16],
      ({ variables }) => [variables, 32],
      ({ variables }) => [variables, 0x10_0000],
      ({ builder }) => [builder.undefined('_printk'), 0],
    ];
    for (const lead of wrong) expect(verdict(loaded(generation, withTable(name, lead)))).toEqual([true, ['FTR210']]);
  });

  it('may lead anywhere where the symbols do not tell', () => {
    const bytes = withTable('___srcu_struct_ptrs', ({ builder }) => {
      const other = builder.section('.data.other', {
        flags: SHF.ALLOC | SHF.WRITE,
        align: 8,
        bytes: new Uint8Array(32),
      });
      const start = builder.sectionSymbol(other);
      builder.relocate(other, 16, R.ADDR64, start, 0);
      return [start, 0];
    });
    expect(verdict(loaded(generation, bytes))).toEqual(GOOD);
  });

  it('of SRCU are followed a second time from 6.4 on', () => {
    const bytes = smallModule(generation, [BLR], ({ builder, data, variables }) => {
      builder.symbol('object', { section: data, value: 8, size: 24, type: STT.OBJECT });
      const table = builder.section('___srcu_struct_ptrs', { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(8) });
      builder.relocate(table, 0, R.ADDR64, variables, 8);
    });
    expect(verdict(loaded(generation, bytes))).toEqual(generation === '6.1' ? GOOD : [true, ['FTR210']]);
  });

  it('to trace events are left alone where the module taints the kernel, which says so', () => {
    const bytes = withTable('_ftrace_events', () => undefined);
    expect(verdict(loaded(generation, bytes))).toEqual([true, ['FTR210']]);
    const proprietary = Buffer.from(bytes);
    proprietary.write('license=XXX', proprietary.indexOf('license=GPL'));
    const outcome = loaded(generation, proprietary, SPEC, { taints: ['oot', 'unsigned notice', 'proprietary'] });
    expect(verdict(outcome)).toEqual(GOOD);
    expect(outcome.log).toEqual([{ level: 'err', text: 'small: module has bad taint, not creating trace events' }]);
  });
});

describe.each(GENERATIONS)('bug table of %s', generation => {
  const withFlags = (flags: number) =>
    smallModule(generation, [BLR], ({ builder, code }) => {
      const table = builder.section('__bug_table', { flags, align: 4, bytes: new Uint8Array(12) });
      builder.relocate(table, 0, REL32, code, 0);
    });

  it('has to be kept and written', () => {
    expect(verdict(loaded(generation, withFlags(SHF.ALLOC | SHF.WRITE)))).toEqual(GOOD);
    expect(verdict(loaded(generation, withFlags(SHF.ALLOC)))).toEqual([true, ['FTR211']]);
    expect(verdict(loaded(generation, withFlags(SHF.WRITE)))).toEqual([true, ['FTR211']]);
  });
});

describe.each(GENERATIONS)('module structure of %s', generation => {
  const THIS_MODULE = '.gnu.linkonce.this_module';

  it('has to stay writable', () => {
    const readOnly = new Mutant(generation, 'demo').header(THIS_MODULE, SH.flags, BigInt(SHF.ALLOC));
    expect(verdict(loaded(generation, readOnly.bytes, {}))).toEqual([true, ['MOD011']]);
    const late = BigInt(SHF.ALLOC | SHF.WRITE | 0x20_0000);
    expect(
      verdict(loaded(generation, new Mutant(generation, 'demo').header(THIS_MODULE, SH.flags, late).bytes, {})),
    ).toEqual([true, ['MOD011']]);
  });

  it('names functions in code', () => {
    const module = new Mutant(generation, 'demo');
    expect(verdict(loaded(generation, module.bytes, {}))).toEqual(GOOD);
    const { remarks, dangerous } = loaded(
      generation,
      module.header('.init.text', SH.flags, BigInt(SHF.ALLOC)).bytes,
      {},
    );
    expect(dangerous).toBe(true);
    expect(remarks.map(r => r.code)).toContain('MOD012');
  });

  it('makes the kernel find the exports of a module whose state is overwritten', () => {
    const withState = (offset: number) =>
      smallModule(generation, [BLR], ({ builder, code }) => {
        const strings = builder.section('__ksymtab_strings', { flags: SHF.ALLOC, bytes: Buffer.from('offered\0') });
        const table = builder.section('__ksymtab', { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(24) });
        builder.section('__kflagstab', { flags: SHF.ALLOC, bytes: new Uint8Array(1) });
        builder.relocate(table, 0, R.ADDR64, code, 0);
        builder.relocate(table, 8, R.ADDR64, builder.sectionSymbol(strings), 0);
        // The fifth section is struct module.
        builder.relocate(5, offset, R.ADDR64, code, 0);
      });
    const outcome = loaded(generation, withState(0));
    expect([outcome.errno?.name, outcome.dangerous]).toEqual(['ENOEXEC', true]);
    expect(outcome.log.map(l => l.text)).toEqual(['small: exports duplicate symbol offered (owned by small)']);
    expect(loaded(generation, withState(8)).loads).toBe(true);
  });
});

describe.each(GENERATIONS)('jump labels of %s', generation => {
  const KEY = { name: 'foreign_key', address: 0xc000_0000_0200_0000n };
  const spec = (address: bigint) => ({
    ...SPEC,
    exports: [{ ...KEY, address }],
    symbols: {
      _stext: [0xc000_0000_0000_0000n],
      _etext: [0xc000_0000_0100_0000n],
      _end: [0xc000_0000_0300_0000n],
    },
  });
  const withLabel = (flags: number, addend: number, tableFlags = SHF.ALLOC | SHF.WRITE) =>
    smallModule(generation, [BLR], ({ builder }) => {
      const place = builder.section('.text.label', { flags, align: 4, words: [BLR, BLR] });
      const table = builder.section('__jump_table', { flags: tableFlags, align: 8, bytes: new Uint8Array(16) });
      const start = builder.sectionSymbol(place);
      builder.relocate(table, 0, REL32, start, 0);
      builder.relocate(table, 4, REL32, start, 4);
      builder.relocate(table, 8, R.REL64, builder.undefined(KEY.name), addend);
    });
  const CODE = SHF.ALLOC | SHF.EXEC;

  it('have keys in data of the kernel', () => {
    expect(verdict(loaded(generation, withLabel(CODE, 1), spec(KEY.address)))).toEqual(GOOD);
    expect(verdict(loaded(generation, withLabel(CODE, 48), spec(KEY.address)))).toEqual(GOOD);
    for (const [addend, address] of [
      [0x1000_0000, KEY.address],
      [0, 0xc000_0000_0080_0000n],
    ] as const)
      expect(verdict(loaded(generation, withLabel(CODE, addend), spec(address)))).toEqual([true, ['FTR209']]);
  });

  it('lie in a table that can be written', () => {
    expect(verdict(loaded(generation, withLabel(CODE, 1, SHF.ALLOC), spec(KEY.address)))).toEqual([true, ['FTR212']]);
  });

  it('that are not in code may make the kernel warn', () => {
    const outcome = loaded(generation, withLabel(SHF.ALLOC, 0), spec(KEY.address));
    expect(verdict(outcome)).toEqual([true, ['FTR209', 'FTR209']]);
    expect(outcome.unknown.join()).toMatch(/^whether the kernel warns "can't patch jump_label at 0x[0-9a-f]{16}"/);
  });
});

describe.each(GENERATIONS)('classes of dynamic debug of %s', generation => {
  const withClass = (isNamed: boolean, messages: number, flags = SHF.ALLOC | SHF.WRITE) =>
    smallModule(generation, [BLR], ({ builder, variables }) => {
      builder.section('__dyndbg', { flags: SHF.ALLOC | SHF.WRITE, align: 8, bytes: new Uint8Array(messages * 56) });
      const table = builder.section('__dyndbg_classes', { flags, align: 8, bytes: new Uint8Array(56) });
      if (isNamed) builder.relocate(table, 24, R.ADDR64, variables, 0);
    });

  it('have names, which are compared where there are messages', () => {
    expect(verdict(loaded(generation, withClass(true, 1)))).toEqual(GOOD);
    expect(verdict(loaded(generation, withClass(false, 0)))).toEqual(GOOD);
    expect(verdict(loaded(generation, withClass(false, 1)))).toEqual([true, ['FTR210']]);
    expect(verdict(loaded(generation, withClass(true, 1, SHF.ALLOC)))).toEqual([true, ['FTR212']]);
  });
});

describe.each(GENERATIONS)('the file as %s sees it', generation => {
  it('is dangerous where sections that are kept share their bytes', () => {
    const module = new Mutant(generation, 'demo');
    module.header('.data', SH.offset, BigInt(module.section('.text').offset));
    const outcome = load(generation, module.bytes, {}).outcome;
    expect([outcome.dangerous, outcome.remarks.map(r => r.code).includes('REL113')]).toEqual([true, true]);
  });

  it('has a parameter whose name is half relocated, and is followed', () => {
    const module = new Mutant(generation, 'demo');
    const first = module.section('.rela__param').offset;
    const isName = (at: number) => Number(module.view.getBigUint64(at, true)) % 40 === 0;
    let at = first;
    while (!isName(at)) at += 24;
    module.view.setBigUint64(at, module.view.getBigUint64(at, true) + 1n, true);
    expect(verdict(loaded(generation, module.bytes, {}))).toEqual([true, ['MOD009']]);
  });

  it('takes the dots from all names, also behind one that lies outside', () => {
    const module = new Mutant(generation, 'demo');
    const { offset, size } = module.section('.symtab');
    let at = offset + 24;
    while (module.view.getUint16(at + 6, true) !== 0) at += 24;
    expect(at).toBeLessThan(offset + size);
    module.view.setUint32(at, 0x7fff_0000, true);
    const { outcome, log } = load(generation, module.bytes, {});
    // From 6.13 on the kernel looks at every name before.
    expect([outcome.dangerous, outcome.errno?.name]).toEqual(
      generation === '7.2' ? [false, 'ENOEXEC'] : [true, 'ENOENT'],
    );
    expect(log.filter(text => text.includes('TOC.'))).toEqual([]);
  });

  it('has stubs that are not kept, and makes them all the same', () => {
    const module = new Mutant(generation, 'demo').header('.stubs', SH.flags, BigInt(SHF.EXEC));
    const { outcome } = load(generation, module.bytes, {});
    expect(outcome.dangerous).toBe(true);
    expect(outcome.remarks.filter(r => r.message === '.stubs is not kept')).toHaveLength(1);
  });

  it('has a section of the highest size, of which 32 bits count', () => {
    const withSize = (size: bigint) => {
      const bytes = Buffer.from(
        smallModule(generation, [BLR], ({ builder }) => {
          builder.section('.bss', { type: SHT.NOBITS, flags: SHF.ALLOC | SHF.WRITE, align: 1, size: 0 });
          builder.section('.data.behind', { flags: SHF.ALLOC | SHF.WRITE, align: 1, bytes: new Uint8Array(1) });
        }),
      );
      bytes.writeBigUInt64LE(size, headerOf(bytes, '.bss') + SH.size);
      const { image } = load(generation, bytes, SPEC, { checkOnly: false }).outcome;
      return image!.sections.find(({ name }) => name === '.data.behind')!.address;
    };
    expect(withSize(0xffff_ffff_ffff_ffffn)).toBe(withSize(0n) - 1n);
  });

  it('reads on behind .modinfo for another namespace', () => {
    const bytes = smallModule(generation, [BLR], () => {}, 'small', 'import_ns=SOME\0');
    const at = Buffer.from(bytes).indexOf('license=GPL');
    const imports = Buffer.from('import_ns=SOME\0').subarray(0, 11);
    const moved = Buffer.from(bytes);
    imports.copy(moved, at);
    const header = headerOf(moved, '.modinfo');
    moved.writeBigUInt64LE(1n, header + SH.size);
    const outcome = load(generation, moved, { ...SPEC, options: { ...SPEC.options, moduleForceLoad: true } }).outcome;
    // Before 6.16 only an import that is in a namespace makes the kernel look.
    expect(outcome.remarks.map(r => r.code)).toEqual(generation === '7.2' ? ['MOD013'] : []);
  });
});

/** Where the header of a section lies. */
function headerOf(bytes: Buffer, name: string): number {
  const table = Number(bytes.readBigUInt64LE(40));
  const strings = Number(bytes.readBigUInt64LE(table + 64 * bytes.readUInt16LE(62) + SH.offset));
  for (let i = 1; i < bytes.readUInt16LE(60); i++) {
    const at = strings + bytes.readUInt32LE(table + 64 * i);
    if (bytes.toString('latin1', at, bytes.indexOf(0, at)) === name) return table + 64 * i;
  }
  throw new Error(`no section ${name}`);
}
