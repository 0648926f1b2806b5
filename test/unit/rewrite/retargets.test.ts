import { describe, expect, it } from 'vitest';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import { makePlan, type PatchRequest } from '../../../src/rewrite/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { verifyPatched } from '../../../src/verify/verify.ts';
import { R } from '../../support/object-builder.ts';
import { B, BL, BLR, type FunctionSpec, LI, ModuleBuilder, NOP, refusalOf } from './support/module.ts';

const retarget = (from: string, call: string, to: string): PatchRequest => ({
  nops: [],
  redirects: [],
  retargets: [{ from, call, to }],
});

/** f calls g, then `elsewhere`, then g again; s ends in a jump to g. */
function build(body = [BL, NOP, BL, NOP, BL, LI, BLR], more: readonly FunctionSpec[] = []): ModuleBuilder {
  const specs = [
    { name: 'f', body },
    { name: 'g' },
    { name: 'h' },
    { name: 'leaf', k: 0 as const },
    { name: 's', body: [B] },
  ];
  const module = new ModuleBuilder(
    'patchable',
    [...specs, ...more].map(spec => ({ k: 3 as const, ...spec })),
  );
  const { object, text } = module;
  const elsewhere = object.undefined('elsewhere');
  const { after } = module.at('f');
  object.relocate(text, after, R.REL24, module.at('g').symbol);
  object.relocate(text, after + 8, R.REL24, elsewhere);
  object.relocate(text, after + 16, R.REL24, module.at('g').symbol);
  object.relocate(text, module.at('s').after, R.REL24, module.at('g').symbol);
  return module;
}

const refused = (module: ModuleBuilder, ...asked: readonly [string, string, string]) =>
  refusalOf(() => makePlan(module.elf(), retarget(...asked)));

function carryOut(elf: ElfFile, request: PatchRequest) {
  const plan = makePlan(elf, request);
  const { bytes } = applyPlan(elf, plan, { toolVersion: 'test' });
  expect(verifyPatched({ elf, bytes: elf.bytes }, bytes, plan).findings.filter(f => f.level === 'error')).toEqual([]);
  expect(revert(bytes).original).toEqual(elf.bytes);
  return { plan, after: readElf(bytes) };
}

describe('calls', () => {
  it('lead to another function of the object, all of them', () => {
    const module = build();
    const { plan, after } = carryOut(module.elf(), retarget('f', 'g', 'h'));
    const first = module.at('f').after;
    expect(plan.actions).toMatchObject([
      { kind: 'retarget', function: 'f', call: 'g', to: 'h', offset: first, links: true, toc: 'kept' },
      { kind: 'retarget', offset: first + 16 },
    ]);
    expect(plan.words).toEqual([]);
    const table = after.relocations(after.sectionNamed('.rela.text')!);
    const names = new Map(
      Array.from({ length: table.count }, (_, i) => [table.offset(i), after.symbols!.name(table.symbol(i))]),
    );
    expect([0, 8, 16].map(d => names.get(first + d))).toEqual(['h', 'elsewhere', 'h']);
  });

  it('lead to a function of another object where a nop stands behind', () => {
    const module = build();
    const place = `+0x${(module.at('f').after - module.at('f').global).toString(16)}`;
    const { plan } = carryOut(module.elf(), retarget('f', place, 'elsewhere'));
    expect(plan.actions).toMatchObject([{ call: 'g', to: 'elsewhere', toc: 'restored' }]);
    expect(refused(module, 'f', 'g', 'elsewhere')).toBe('PAT066');
  });

  it('of another object lead to one of this, and elsewhere', () => {
    carryOut(build().elf(), retarget('f', 'elsewhere', 'g'));
    carryOut(build().elf(), retarget('f', 'elsewhere', 'leaf'));
    carryOut(build().elf(), retarget('f', 'elsewhere', 'third'));
  });

  it('that the assembler resolved get a relocation', () => {
    const specs = [{ name: 'f', body: [BL + 20, LI, BLR] }, { name: 'g' }, { name: 'h' }];
    const module = new ModuleBuilder(
      'patchable-out-of-line',
      specs.map(spec => ({ k: 3 as const, ...spec })),
    );
    const call = module.at('f').after;
    expect(module.at('g').local - call).toBe(20);
    const { plan } = carryOut(module.elf(), retarget('f', 'g', 'h'));
    expect(plan.words).toMatchObject([{ offset: call, after: BL }]);
  });

  it('that are jumps stay in the object', () => {
    const { plan } = carryOut(build().elf(), retarget('s', 'g', 'h'));
    expect(plan.actions).toMatchObject([{ links: false, toc: 'kept' }]);
    expect(refused(build(), 's', 'g', 'elsewhere')).toBe('PAT068');
  });
});

describe('calls are not changed', () => {
  it('where there are none', () => {
    expect(refused(build(), 'f', 'h', 'g')).toBe('PAT065');
    expect(refused(build(), 'leaf', 'h', 'g')).toBe('PAT065');
    expect(refused(build(), 'f', '+0x10', 'h')).toBe('none');
    expect(refused(build(), 'f', '+0x14', 'g')).toBe('PAT069');
    expect(refused(build(), 'f', '+0x1000', 'g')).toBe('PAT069');
    expect(refused(build(), 'f', '_mcount', 'g')).toBe('PAT069');
    expect(refused(build(), 'nobody', 'g', 'h')).toBe('PAT002');
  });

  it('into what they are', () => {
    expect(refused(build(), 'f', 'g', 'g')).toBe('PAT014');
  });

  it('twice', () => {
    const request = {
      ...retarget('f', 'g', 'h'),
      retargets: [retarget('f', 'g', 'h'), retarget('f', '+0x10', 'leaf')].flatMap(r => r.retargets!),
    };
    expect(refusalOf(() => makePlan(build().elf(), request))).toBe('PAT016');
  });

  it('where a table of the kernel names them', () => {
    for (const [name, type, code] of [
      ['__jump_table', 26, 'PAT009'],
      ['__lwsync_fixup', 44, 'PAT010'],
    ] as const) {
      const module = build();
      module.table(name, 48, [[0, type, module.at('f').after]]);
      expect(refused(module, 'f', 'g', 'h')).toBe(code);
    }
  });

  it('where the nop behind them is somebody else’s', () => {
    for (const [name, type] of [
      ['__jump_table', 26],
      ['.data', 38],
    ] as const) {
      const module = build();
      module.table(name, 48, [[0, type, module.at('f').after + 4]]);
      expect(refused(module, 'f', '+0x10', 'third')).toBe('PAT066');
    }
  });

  it('where r2 may be anybody’s', () => {
    const module = build(undefined, [{ name: 'z', k: 0, body: [BL, NOP, BLR] }]);
    module.object.relocate(module.text, module.at('z').after, R.REL24, module.at('leaf').symbol);
    expect(refused(module, 'z', 'leaf', 'g')).toBe('PAT067');
    expect(refused(module, 'z', 'leaf', 'elsewhere')).toBe('PAT067');
  });

  it('to what takes arguments from the stack', () => {
    // ld r9,96(r1)
    const module = build(undefined, [{ name: 'ten', body: [0xe9210060, BLR] }]);
    expect(refused(module, 'f', 'g', 'ten')).toBe('PAT011');
  });
});
