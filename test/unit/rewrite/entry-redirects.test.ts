/** Redirects for some callers only: at the global entry, and of the object's own branches. */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import { makePlan } from '../../../src/rewrite/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { callSitesOf } from '../../../src/sites/call-sites.ts';
import { R } from '../../support/object-builder.ts';
import { ADDIS_R2, B, BL, BLR, type Form, LI, ModuleBuilder, NOP, redirect, refusalOf } from './support/module.ts';

const forms: readonly Form[] = ['mprofile-kernel', 'patchable', 'patchable-out-of-line'];
const options = { toolVersion: 'test' };
const R_REL14 = 11;
const R_REL32 = 26;
const R_ENTRY = 118;

const code = (module: ModuleBuilder, request: ReturnType<typeof redirect>) => {
  const elf = module.elf();
  return refusalOf(() => makePlan(elf, request));
};

/** f, g, and a caller with a call and a jump; k of f and g. */
function callers(form: Form, k: 0 | 3 = 3, gK: 0 | 3 = 3): ModuleBuilder {
  const module = new ModuleBuilder(form, [
    { name: 'f', k },
    { name: 'g', k: gK },
    { name: 'caller', k: 3, body: [BL, LI, B] },
  ]);
  const { after } = module.at('caller');
  module.object.relocate(module.text, after, R.REL24, module.at('f').symbol);
  module.object.relocate(module.text, after + 8, R.REL24, module.at('f').symbol);
  return module;
}

describe.each(forms)('global entry with %s', form => {
  const at = { at: 'global-entry' } as const;

  it('becomes the branch, and the call site stays', () => {
    const module = new ModuleBuilder(form, [
      { name: 'f', k: 3 },
      { name: 'g', k: 0 },
    ]);
    const elf = module.elf();
    const plan = makePlan(elf, redirect('f', 'g', at));
    const { global } = module.at('f');
    expect(plan.words).toEqual([{ section: module.text, offset: global, before: ADDIS_R2, after: B }]);
    expect(plan.removedRecords).toEqual([]);
    expect(plan.newSymbols.map(s => s.name)).toEqual(['.TOC.', '__tocsin_direct_f']);
    expect(plan.actions).toMatchObject([{ at: 'global-entry', offset: global, recordRemoved: false, form }]);
    const { bytes } = applyPlan(elf, plan, options);
    expect(callSitesOf(readElf(bytes)).sites.filter(s => s.record !== undefined)).toHaveLength(2);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });

  it('knows no r2, which is computed first', () => {
    const module = callers(form);
    const elf = module.elf();
    const direct = makePlan(elf, redirect('f', 'g', at));
    expect(direct.newCode[0]!.relocations.map(r => r.type)).toEqual([R.REL16_HA, R.REL16_LO, R.REL24]);
    const frame = makePlan(elf, redirect('f', 'elsewhere', { ...at, toc: 'saved' }));
    expect(frame.newCode[0]!.relocations.map(r => r.type)).toEqual([R.REL16_HA, R.REL16_LO, R.REL24]);
  });
});

describe('global entry', () => {
  const at = { at: 'global-entry' } as const;

  it('takes the relocations of its word along, also the one for the loader', () => {
    for (const type of [R_ENTRY, R.REL16_HA]) {
      const module = new ModuleBuilder('patchable', [{ name: 'f', k: 3 }, { name: 'g' }]);
      module.object.relocate(module.text, module.at('f').global, type, module.textSymbol);
      expect(makePlan(module.elf(), redirect('f', 'g', at)).removedRelocations).toHaveLength(1);
      // At the site nothing of the kind is expected.
      const other = new ModuleBuilder('patchable', [{ name: 'f', k: 3 }, { name: 'g' }]);
      other.object.relocate(other.text, other.at('f').after, R_ENTRY, other.textSymbol);
      expect(code(other, redirect('f', 'g'))).toBe('PAT021');
    }
  });

  it('needs no call site', () => {
    const module = new ModuleBuilder('patchable', [{ name: 'f', k: 3, site: false }, { name: 'g' }]);
    const [action] = makePlan(module.elf(), redirect('f', 'g', at)).actions;
    expect(action).not.toHaveProperty('form');
  });

  it('is not there with one entry (PAT071), and may be known to a table (PAT009, PAT010)', () => {
    expect(code(callers('patchable', 0), redirect('f', 'g', at))).toBe('PAT071');
    for (const [table, expected] of [
      ['__ex_table', 'PAT009'],
      ['__patchable_function_entries.2', 'none'],
      ['__lwsync_fixup', 'PAT010'],
    ] as const) {
      const module = callers('patchable');
      module.table(table, 8, [[0, table === '__ex_table' ? R_REL32 : R.REL64, module.at('f').global]]);
      expect([table, code(module, redirect('f', 'g', at))]).toEqual([table, expected]);
    }
  });

  it('may go another way than the local callers, and no third', () => {
    const two = [...redirect('f', 'g', at).redirects, ...redirect('f', 'x', { at: 'local-entry' }).redirects];
    expect(makePlan(callers('patchable').elf(), { nops: [], redirects: two }).actions).toHaveLength(2);
    for (const other of ['site', 'after-site', 'global-entry'] as const) {
      const redirects = [...redirect('f', 'g', at).redirects, ...redirect('f', 'x', { at: other }).redirects];
      expect(code(callers('patchable'), { nops: [], redirects })).toBe('PAT016');
    }
  });
});

describe.each(forms)('local callers with %s', form => {
  it('have their branches changed, and the function stays as it is', () => {
    const module = callers(form);
    const elf = module.elf();
    const plan = makePlan(elf, redirect('f', 'g', { at: 'local-entry' }));
    const { after } = module.at('caller');
    expect(plan.words).toEqual([]);
    expect(plan.newCode).toEqual([]);
    expect(plan.removedRecords).toEqual([]);
    expect(plan.removedRelocations).toHaveLength(2);
    expect(plan.addedRelocations.map(r => [r.offset, r.type])).toEqual([
      [after, R.REL24],
      [after + 8, R.REL24],
    ]);
    expect(plan.actions).toMatchObject([
      {
        at: 'local-entry',
        offset: module.at('f').local,
        branches: [
          { function: 'caller', section: '.text', offset: after, links: true },
          { function: 'caller', section: '.text', offset: after + 8, links: false },
        ],
      },
    ]);
    const { bytes } = applyPlan(elf, plan, options);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });
});

describe('local callers', () => {
  const at = { at: 'local-entry' } as const;

  it('of a function without r2 are led to one that needs it by its address', () => {
    const plan = makePlan(callers('patchable', 0).elf(), redirect('f', 'g', at));
    expect(plan.newSymbols).toMatchObject([{ name: '__tocsin_direct_f', size: 32 }]);
    expect(makePlan(callers('patchable', 0, 0).elf(), redirect('f', 'g', at)).newCode).toEqual([]);
  });

  it('are led to another object through one trampoline', () => {
    const plan = makePlan(callers('patchable').elf(), redirect('f', 'elsewhere', { ...at, toc: 'saved' }));
    const added = plan.newSymbols.findIndex(s => s.name === '__tocsin_frame_f');
    expect(plan.addedRelocations.map(r => r.symbol)).toEqual([{ added }, { added }]);
    expect(plan.newCode[0]!.relocations.map(r => r.type)).toEqual([R.REL24]);
  });

  it('are also found where the assembler has resolved the branch, and by another symbol', () => {
    const module = new ModuleBuilder('patchable', [
      { name: 'f', k: 3 },
      { name: 'g' },
      { name: 'caller', k: 3, body: [BL, BL, BLR] },
    ]);
    const { after } = module.at('caller');
    const { local } = module.at('f');
    module.object.relocate(module.text, after, R.REL24, module.textSymbol, local);
    const words = (BL | ((local - (after + 4)) & 0x03fffffc)) >>> 0;
    const resolved = new ModuleBuilder('patchable', [
      { name: 'f', k: 3 },
      { name: 'g' },
      { name: 'caller', k: 3, body: [BL, words, BLR] },
    ]);
    resolved.object.relocate(resolved.text, after, R.REL24, resolved.textSymbol, local);
    const plan = makePlan(resolved.elf(), redirect('f', 'g', at));
    expect(plan.words).toEqual([{ section: resolved.text, offset: after + 4, before: words, after: BL }]);
    expect(plan.removedRelocations).toHaveLength(1);
    expect(plan.addedRelocations).toHaveLength(2);
    // Without its relocation the word of the first one leads to itself.
    expect(makePlan(module.elf(), redirect('f', 'g', at)).actions[0]).toMatchObject({ branches: [{ offset: after }] });
  });

  it('are not the loops of the function itself', () => {
    // b .-8, from the word behind the two of the site back to the entry.
    const module = new ModuleBuilder('patchable', [
      { name: 'f', k: 0, body: [0x4bfffff8, BLR] },
      { name: 'g', k: 0 },
      { name: 'caller', body: [BL, BLR] },
    ]);
    module.object.relocate(module.text, module.at('caller').after, R.REL24, module.at('f').symbol);
    expect(makePlan(module.elf(), redirect('f', 'g', at)).actions).toMatchObject([{ branches: [{ links: true }] }]);
  });

  it('PAT073: there are none', () => {
    expect(code(new ModuleBuilder('patchable', [{ name: 'f' }, { name: 'g' }]), redirect('f', 'g', at))).toBe('PAT073');
  });

  it('PAT072: ways that are no such branches', () => {
    const conditional = callers('patchable');
    conditional.object.relocate(conditional.text, conditional.at('g').after, R_REL14, conditional.at('f').symbol);
    expect(code(conditional, redirect('f', 'g', at))).toBe('PAT072');
    const known = callers('patchable');
    known.table('.data', 8, [[0, R.ADDR64, known.at('f').local]]);
    expect(code(known, redirect('f', 'g', at))).toBe('PAT072');
    const pointer = callers('patchable');
    pointer.table('.data', 8, [[0, R.ADDR64, pointer.at('f').global]]);
    expect(code(pointer, redirect('f', 'g', at))).toBe('none');
    // beq to f from g
    const back = new ModuleBuilder('patchable', [
      { name: 'f', k: 0, body: [BLR, NOP] },
      { name: 'g', k: 0, body: [0x4182ffe8, BLR] },
      { name: 'caller', body: [BL, BLR] },
    ]);
    expect(back.at('g').after - 24).toBe(back.at('f').local);
    back.object.relocate(back.text, back.at('caller').after, R.REL24, back.at('f').symbol);
    expect(code(back, redirect('f', 'g', at))).toBe('PAT072');
  });

  it('PAT009, PAT010: branches that the kernel may rewrite', () => {
    for (const [table, type, expected] of [
      ['__jump_table', R_REL32, 'PAT009'],
      ['__lwsync_fixup', R.REL64, 'PAT010'],
    ] as const) {
      const module = callers('patchable');
      module.table(table, 16, [[0, type, module.at('caller').after]]);
      expect(code(module, redirect('f', 'g', at))).toBe(expected);
    }
  });

  it('PAT074, PAT016: two changes of one branch', () => {
    const redirects = [...redirect('g', 'f').redirects, ...redirect('f', 'x', at).redirects];
    expect(code(callers('patchable'), { nops: [], redirects })).toBe('PAT074');
    const retargets = [{ from: 'caller', call: 'f', to: 'g' }];
    expect(code(callers('patchable'), { ...redirect('f', 'x', at), retargets })).toBe('PAT016');
  });

  it('PAT075: hooks are for all callers', () => {
    const hooks = [{ functions: 'f', hook: 'g', when: 'before', toc: 'recomputed', ...at } as const];
    expect(code(callers('patchable'), { nops: [], redirects: [], hooks })).toBe('PAT075');
  });
});
