import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import { makePlan } from '../../../src/rewrite/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { callSitesOf } from '../../../src/sites/call-sites.ts';
import { verifyPatched } from '../../../src/verify/verify.ts';
import { R, SHN, STB, STT } from '../../support/object-builder.ts';
import { B, BL, BLR, type Form, type FunctionSpec, LI, ModuleBuilder, redirect, refusalOf } from './support/module.ts';

const forms: readonly Form[] = ['mprofile-kernel', 'patchable', 'patchable-out-of-line'];
const options = { toolVersion: 'test' };
const pair: readonly FunctionSpec[] = [{ name: 'f' }, { name: 'g' }];
const R_REL32 = 26;
const R_TOC16_HA = 50;

const code = (module: ModuleBuilder, request: ReturnType<typeof redirect>) => {
  const elf = module.elf();
  return refusalOf(() => makePlan(elf, request));
};

describe.each(forms)('direct with %s', form => {
  it('replaces the word behind the site by a branch that the loader aims', () => {
    const module = new ModuleBuilder(form, pair);
    const elf = module.elf();
    const plan = makePlan(elf, redirect('f', 'g'));
    const { after } = module.at('f');
    expect(plan.words).toEqual([{ section: module.text, offset: after, before: LI, after: B }]);
    expect(plan.addedRelocations).toMatchObject([{ section: module.text, offset: after, type: R.REL24, addend: 0 }]);
    const { symbol } = plan.addedRelocations[0]!;
    expect('existing' in symbol && elf.symbols!.name(symbol.existing)).toBe('g');
    expect(plan.actions).toMatchObject([{ strategy: 'direct', toc: 'kept', recordRemoved: false, form }]);
    expect(plan.newCode).toEqual([]);
    const { bytes } = applyPlan(elf, plan, options);
    expect(callSitesOf(readElf(bytes)).sites.filter(s => s.record !== undefined)).toHaveLength(2);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });

  it('takes the place of the site, and its record', () => {
    const module = new ModuleBuilder(form, pair);
    const elf = module.elf();
    const plan = makePlan(elf, redirect('f', 'g', { at: 'site' }));
    expect(plan.removedRecords).toHaveLength(1);
    expect(plan.removedRelocations).toHaveLength(form === 'mprofile-kernel' ? 1 : 0);
    const { bytes } = applyPlan(elf, plan, options);
    const sites = callSitesOf(readElf(bytes));
    expect(sites.sites.map(s => s.function!.name)).toEqual(['g']);
    expect(sites.strays).toEqual([]);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });
});

describe('direct', () => {
  it('goes through r12 from a function without r2 to one that needs it', () => {
    const module = new ModuleBuilder('patchable', [{ name: 'f', k: 0 }, { name: 'g' }]);
    const elf = module.elf();
    const plan = makePlan(elf, redirect('f', 'g'));
    expect(plan.newCode).toMatchObject([{ name: '.text.tocsin', alignment: 16 }]);
    expect(plan.newCode[0]!.relocations.map(r => [r.type, r.addend])).toEqual([
      [R.REL16_HA, 8],
      [R.REL16_LO, 12],
    ]);
    expect(plan.newSymbols).toMatchObject([
      { name: '__tocsin_direct_f', type: STT.FUNC, st_other: 2, code: 0, size: 32 },
    ]);
    const { bytes } = applyPlan(elf, plan, options);
    const after = readElf(bytes);
    expect(after.sectionNamed('.rela.text.tocsin')!.sh_info).toBe(after.sectionNamed('.text.tocsin')!.index);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });

  it('branches in place between functions that do not need r2', () => {
    const module = new ModuleBuilder('patchable', [
      { name: 'f', k: 0 },
      { name: 'g', k: 0 },
    ]);
    expect(makePlan(module.elf(), redirect('f', 'g')).newCode).toEqual([]);
  });

  it('removes the relocation of the word that it replaces', () => {
    const module = new ModuleBuilder('mprofile-kernel', pair);
    module.object.relocate(module.text, module.at('f').after, R_TOC16_HA, module.textSymbol);
    const elf = module.elf();
    const plan = makePlan(elf, redirect('f', 'g'));
    expect(plan.removedRelocations).toHaveLength(1);
    const { bytes } = applyPlan(elf, plan, options);
    const after = readElf(bytes);
    const table = after.relocations(after.sectionNamed('.rela.text')!);
    const types = Array.from({ length: table.count }, (_, i) => table.type(i));
    expect(types).not.toContain(R_TOC16_HA);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });

  it('warns where the replacement calls what it replaces', () => {
    const module = new ModuleBuilder('patchable', [{ name: 'f' }, { name: 'g', body: [BL, LI, BLR] }]);
    module.object.relocate(module.text, module.at('g').after, R.REL24, module.at('f').symbol);
    expect(makePlan(module.elf(), redirect('f', 'g')).warnings.join()).toMatch(/g calls f/);
  });
});

describe('frame', () => {
  const build = (k: 0 | 2, more: readonly FunctionSpec[] = []) => {
    const module = new ModuleBuilder('patchable', [{ name: 'f', k }, ...more]);
    return module;
  };

  it.each([
    [0, 'recomputed', [252, 250, 10, 252, 250]],
    [0, 'saved', [252, 250, 10]],
    [2, 'recomputed', [10, 252, 250]],
    [2, 'saved', [10]],
  ] as const)('k = %i, %s', (k, toc, types) => {
    const module = build(k);
    const elf = module.elf();
    const plan = makePlan(elf, redirect('f', 'elsewhere', { toc }));
    expect(plan.actions).toMatchObject([{ strategy: 'frame', toc, to: 'elsewhere' }]);
    expect(plan.newCode[0]!.relocations.map(r => r.type)).toEqual(types);
    const names = plan.newSymbols.map(s => s.name);
    expect(names).toEqual(
      types.length > 1 ? expect.arrayContaining(['elsewhere', '.TOC.']) : ['elsewhere', '__tocsin_frame_f'],
    );
    const { bytes } = applyPlan(elf, plan, options);
    const after = readElf(bytes);
    const added = after.symbols!.find('elsewhere');
    expect([after.symbols!.rawSection(added), after.symbols!.binding(added), after.symbols!.type(added)]).toEqual([
      0, 1, 0,
    ]);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });

  it('uses the undefined symbols that are there', () => {
    const module = build(2);
    module.object.undefined('elsewhere');
    module.object.undefined('.TOC.');
    expect(makePlan(module.elf(), redirect('f', 'elsewhere')).newSymbols.map(s => s.name)).toEqual([
      '__tocsin_frame_f',
    ]);
  });

  it('may call a function of the same object', () => {
    const plan = makePlan(build(2, [{ name: 'g' }]).elf(), redirect('f', 'g', { strategy: 'frame' }));
    expect(plan.actions).toMatchObject([{ strategy: 'frame' }]);
  });

  it('puts code for init functions into an init section', () => {
    const module = new ModuleBuilder('patchable', [{ name: 'f' }], '.init.text');
    expect(makePlan(module.elf(), redirect('f', 'x')).newCode[0]!.name).toBe('.init.text.tocsin');
  });

  it.each([
    ['a load of a ninth argument', [0xe9610060, BLR]],
    ['stores of registers by a variadic function', [0xf8810028, BLR]],
    ['a load through a frame pointer', [0xf821ff91, 0x7c3f0b78, 0xe93f00d0, 0x38210070, BLR]],
    ['an address of the save area', [0xf821ff91, 0x39210090, 0x38210070, BLR]],
  ])('refuses %s', (_, body) => {
    expect(code(new ModuleBuilder('patchable', [{ name: 'f', body }]), redirect('f', 'x'))).toBe('PAT011');
  });

  it('refuses where r1 cannot be followed', () => {
    // stdux 1,1,9
    const module = new ModuleBuilder('patchable', [{ name: 'f', body: [0x7c21496a, BLR] }]);
    expect(code(module, redirect('f', 'x'))).toBe('PAT012');
  });

  it('looks at the replacement too, where it is here', () => {
    const module = build(2, [{ name: 'g', body: [0xe9610060, BLR] }]);
    expect(code(module, redirect('f', 'g', { strategy: 'frame' }))).toBe('PAT011');
    expect(code(build(2, [{ name: 'g', body: [0xe9610060, BLR] }]), redirect('f', 'g'))).toBe('none');
  });

  it('wants a symbol version for a new import, and adds the one that it is given', () => {
    const module = build(2);
    module.object.section('__versions', { flags: 2, align: 8, bytes: new Uint8Array(64) });
    const elf = module.elf();
    expect(refusalOf(() => makePlan(elf, redirect('f', 'x')))).toBe('PAT026');
    expect(makePlan(elf, { ...redirect('f', 'x'), allowUnversioned: true }).warnings.join()).toMatch(
      /no symbol version/,
    );
    const exported = { name: 'x', crc: 0x12345678, exporter: 'm', gplOnly: false, namespace: '' };
    const plan = makePlan(elf, { ...redirect('f', 'x'), exports: new Map([['x', exported]]) });
    expect(plan.addedVersions).toEqual([{ name: 'x', crc: 0x12345678 }]);
    const { bytes } = applyPlan(elf, plan, options);
    expect(readElf(bytes).sectionNamed('__versions')!.sh_size).toBe(128);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });

  it.each([
    ['both forms', true, 'x'],
    ['the extended form only', false, 'x'],
    ['both, and the name has room in one', true, 'x'.repeat(60)],
  ])('adds a version in %s', (_, isBasic, name) => {
    const module = build(2);
    if (isBasic) module.object.section('__versions', { flags: 2, align: 8, bytes: new Uint8Array(64) });
    module.object.section('__version_ext_crcs', { flags: 2, align: 4, bytes: Uint8Array.of(9, 0, 0, 0) });
    module.object.section('__version_ext_names', { flags: 2, bytes: Buffer.from('old\0') });
    const elf = module.elf();
    expect(refusalOf(() => makePlan(elf, redirect('f', name)))).toBe('PAT026');
    const exported = { name, crc: 0x12345678, exporter: 'm', gplOnly: false, namespace: '' };
    const plan = makePlan(elf, { ...redirect('f', name), exports: new Map([[name, exported]]) });
    const { bytes } = applyPlan(elf, plan, options);
    const output = readElf(bytes);
    const contents = (section: string) => Buffer.from(output.contents(output.sectionNamed(section)!));
    expect(contents('__version_ext_names').toString()).toBe(`old\0${name}\0`);
    expect([...new Uint32Array(Uint8Array.from(contents('__version_ext_crcs')).buffer)]).toEqual([9, 0x12345678]);
    if (isBasic) expect(contents('__versions').length).toBe(name.length < 56 ? 128 : 64);
    // VER055: no relocation says that the first words of this test's function set up r2.
    const faults = (file: Uint8Array) =>
      verifyPatched({ elf, bytes: elf.bytes }, file, plan)
        .findings.filter(f => (f.level === 'error' || f.code === 'VER048') && f.code !== 'VER055')
        .map(f => f.code);
    expect(faults(bytes)).toEqual([]);
    const spoiled = Uint8Array.from(bytes);
    const at = output.sectionNamed('__version_ext_crcs')!.sh_offset + 4;
    spoiled[at] = spoiled[at]! ^ 1;
    expect(faults(spoiled)).not.toEqual([]);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });

  it('does not import what the module may not have', () => {
    const module = build(2);
    module.object.section('.modinfo', { flags: 2, bytes: Buffer.from('license=Proprietary\0') });
    const elf = module.elf();
    const symbol = { name: 'x', crc: 1, exporter: 'm', gplOnly: true, namespace: '' };
    expect(refusalOf(() => makePlan(elf, { ...redirect('f', 'x'), exports: new Map([['x', symbol]]) }))).toBe('PAT027');
    const spaced = { ...symbol, gplOnly: false, namespace: 'NS' };
    expect(refusalOf(() => makePlan(elf, { ...redirect('f', 'x'), exports: new Map([['x', spaced]]) }))).toBe('PAT027');
  });
});

describe('refusals', () => {
  const long = { name: 'f', body: [LI, LI, LI, BLR] };

  it('PAT002, PAT004, PAT014 to PAT016, PAT023', () => {
    expect(code(new ModuleBuilder('patchable', pair), redirect('h', 'g'))).toBe('PAT002');
    expect(
      code(new ModuleBuilder('mprofile-kernel', [{ name: 'f', site: false }, { name: 'g' }]), redirect('f', 'g')),
    ).toBe('PAT004');
    expect(code(new ModuleBuilder('patchable', pair), redirect('f', 'f'))).toBe('PAT014');
    expect(code(new ModuleBuilder('patchable', pair), redirect('f', 'x', { strategy: 'direct' }))).toBe('PAT023');
    const both = [...redirect('f', 'g').redirects, ...redirect('g', 'f').redirects];
    expect(code(new ModuleBuilder('patchable', pair), { nops: [], redirects: both })).toBe('PAT015');
    const twice = [...redirect('f', 'g').redirects, ...redirect('f', 'x').redirects];
    expect(code(new ModuleBuilder('patchable', pair), { nops: [], redirects: twice })).toBe('PAT016');
    expect(code(new ModuleBuilder('patchable', pair), { ...redirect('f', 'g', { at: 'site' }), nops: ['f'] })).toBe(
      'PAT016',
    );
    expect(code(new ModuleBuilder('patchable', pair), { ...redirect('f', 'g'), nops: ['f'] })).toBe('none');
  });

  it('PAT078: epilogue, whose returns cannot know the TOC', () => {
    for (const to of ['g', 'x'])
      expect(code(new ModuleBuilder('patchable', pair), redirect('f', to, { strategy: 'epilogue' }))).toBe('PAT078');
  });

  it('PAT030 names all strategies, and why each was not taken', () => {
    const passedOver = [
      { strategy: 'frame', code: 'TOC003', why: 'f is bad' },
      { strategy: 'shadow', code: 'TOC004', why: 'so is g' },
    ] as const;
    const elf = new ModuleBuilder('patchable', pair).elf();
    expect(() => makePlan(elf, redirect('f', 'x', { passedOver }))).toThrow(
      /direct: .*\[PAT023\]; epilogue: .*\[PAT078\]; frame: f is bad \[TOC003\]; shadow: so is g \[TOC004\]/,
    );
  });

  it('PAT007: nothing behind the site', () => {
    expect(code(new ModuleBuilder('patchable', [{ name: 'f', body: [] }, { name: 'g' }]), redirect('f', 'g'))).toBe(
      'PAT007',
    );
  });

  it('PAT004: a symbol without a size has no site', () => {
    const module = new ModuleBuilder('patchable', [{ name: 'f', size: 0 }, { name: 'g' }]);
    expect(code(module, redirect('f', 'g'))).toBe('PAT004');
    expect(makePlan(module.elf(), { nops: ['*'], redirects: [] }).warnings.join()).toMatch(
      /1 call sites belong to no function/,
    );
  });

  it('PAT008: branches to the word, resolved or not, and jump tables', () => {
    // b .-4 from the word behind; beq .-8
    expect(
      code(
        new ModuleBuilder('patchable', [{ name: 'f', body: [LI, 0x4bfffffc, BLR] }, { name: 'g' }]),
        redirect('f', 'g'),
      ),
    ).toBe('PAT008');
    expect(
      code(
        new ModuleBuilder('patchable', [{ name: 'f', body: [LI, LI, 0x4182fff8, BLR] }, { name: 'g' }]),
        redirect('f', 'g'),
      ),
    ).toBe('PAT008');
    const module = new ModuleBuilder('patchable', [long, { name: 'g', body: [B, BLR] }]);
    module.object.relocate(module.text, module.at('g').after, R.REL24, module.textSymbol, module.at('f').after);
    expect(code(module, redirect('f', 'g'))).toBe('PAT008');
    // bctr, then a table with one distance back to the word.
    const table = [LI, 0x4e800420, 0xfffffff8, BLR];
    expect(code(new ModuleBuilder('patchable', [{ name: 'f', body: table }, { name: 'g' }]), redirect('f', 'g'))).toBe(
      'PAT008',
    );
    const inner = new ModuleBuilder('patchable', [long, { name: 'g' }]);
    inner.object.function('inner', inner.text, inner.at('f').after, 8);
    expect(code(inner, redirect('f', 'g'))).toBe('PAT008');
  });

  it.each([
    ['__ex_table', 8, 0],
    ['__ex_table', 8, 4],
    ['__bug_table', 12, 0],
    ['__jump_table', 16, 0],
    ['__jump_table', 16, 4],
  ])('PAT009: %s', (name, size, field) => {
    const module = new ModuleBuilder('patchable', [long, { name: 'g' }]);
    module.table(name, size, [[field, R_REL32, module.at('f').after]]);
    expect(code(module, redirect('f', 'g'))).toBe('PAT009');
    expect(code(module, redirect('f', 'g', { at: 'site' }))).toBe('none');
  });

  it('PAT009: a pointer in data, but not one to the entry', () => {
    const module = new ModuleBuilder('patchable', [long, { name: 'g' }]);
    module.table('.data', 16, [[0, R.ADDR64, module.at('f').global]]);
    expect(code(module, redirect('f', 'g'))).toBe('none');
    module.table('.data2', 16, [[0, R.ADDR64, module.at('f').after]]);
    expect(code(module, redirect('f', 'g'))).toBe('PAT009');
  });

  it.each([
    ['ends before', -8, 0, 'none'],
    ['begins with it', 0, 4, 'PAT010'],
    ['covers it', -8, 12, 'PAT010'],
    ['begins behind', 4, 8, 'none'],
  ])('PAT010: a feature section that %s', (_, from, to, expected) => {
    const module = new ModuleBuilder('patchable', [long, { name: 'g' }]);
    const { after } = module.at('f');
    // Distances from the entry: S + A carries the field's offset as well.
    module.table('__ftr_fixup', 48, [
      [16, R.REL64, after + from + 16],
      [24, R.REL64, after + to + 24],
    ]);
    expect(code(module, redirect('f', 'g'))).toBe(expected);
  });

  it('PAT010: a place that the kernel replaces by itself', () => {
    const module = new ModuleBuilder('patchable', [long, { name: 'g' }]);
    module.table('__lwsync_fixup', 8, [[0, R.REL64, module.at('f').after]]);
    expect(code(module, redirect('f', 'g'))).toBe('PAT010');
    const unknown = new ModuleBuilder('patchable', [long, { name: 'g' }]);
    unknown.table('__new_flush_fixup', 8, [[0, R.REL64, unknown.at('f').after - 8]]);
    expect(code(unknown, redirect('f', 'g'))).toBe('PAT010');
  });

  it('PAT017, PAT019: what is no function', () => {
    const module = new ModuleBuilder('patchable', pair);
    module.object.symbol('data', { section: module.records, type: STT.OBJECT, bind: STB.GLOBAL });
    module.object.symbol('fixed', { section: SHN.ABS, special: true, bind: STB.GLOBAL });
    module.object.symbol('.klp.sym.x.y,0', { section: SHN.LIVEPATCH, special: true, bind: STB.GLOBAL });
    module.object.symbol('maybe', { bind: STB.WEAK });
    expect(code(module, redirect('f', 'data'))).toBe('PAT017');
    for (const name of ['fixed', '.klp.sym.x.y,0', 'maybe']) expect(code(module, redirect('f', name))).toBe('PAT019');
  });

  it('PAT018: r2 that callers save', () => {
    expect(code(new ModuleBuilder('patchable', [{ name: 'f', k: 1 }, { name: 'g' }]), redirect('f', 'g'))).toBe(
      'PAT018',
    );
    expect(code(new ModuleBuilder('patchable', [{ name: 'f' }, { name: 'g', k: 1 }]), redirect('f', 'g'))).toBe(
      'PAT018',
    );
  });

  it('PAT021: a relocation that is not an instruction of its own', () => {
    const module = new ModuleBuilder('patchable', [long, { name: 'g' }]);
    module.object.relocate(module.text, module.at('f').after, R.ADDR64, module.textSymbol);
    expect(code(module, redirect('f', 'g'))).toBe('PAT021');
  });

  it('PAT022: a replacement that does not live as long', () => {
    const module = new ModuleBuilder('patchable', pair);
    const init = module.object.code('.init.text', [LI, BLR]);
    module.object.function('early', init, 0, 8);
    expect(code(module, redirect('f', 'early'))).toBe('PAT022');
  });

  it('does not follow a damaged size out of the section', () => {
    const module = new ModuleBuilder('patchable', [{ name: 'f' }, { name: 'g', size: 2 ** 52 }]);
    expect(code(module, redirect('g', 'f'))).toBe('none');
  });
});
