import { describe, expect, it } from 'vitest';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import type { PatchPlan, PlannedHook } from '../../../src/plan/plan.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import type { HookRequest } from '../../../src/rewrite/hooks.ts';
import { makePlan, type PatchRequest } from '../../../src/rewrite/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { callSitesOf } from '../../../src/sites/call-sites.ts';
import { verifyPatched } from '../../../src/verify/verify.ts';
import { R } from '../../support/object-builder.ts';
import {
  B,
  BL,
  BLR,
  type Form,
  type FunctionSpec,
  LI,
  MFLR,
  ModuleBuilder,
  NOP,
  redirect,
  refusalOf,
} from './support/module.ts';

const forms: readonly Form[] = ['mprofile-kernel', 'patchable', 'patchable-out-of-line'];
const BEQ = 0x41820000;
const TRAP = 0x7fe00008;
const R_TOC16_HA = 50;
const R_REL16_HA = 252;

function request(functions: string, hook: string, more: Partial<HookRequest> = {}, rest: Partial<PatchRequest> = {}) {
  const asked: HookRequest = { functions, hook, when: 'before', at: undefined, toc: 'recomputed', ...more };
  return { nops: [], redirects: [], hooks: [asked], ...rest } as PatchRequest;
}

const hooksOf = (plan: PatchPlan) => plan.actions.filter((a): a is PlannedHook => a.kind === 'hook');

/** Functions with two entries, unless they say otherwise. */
const built = (form: Form, specs: readonly FunctionSpec[], section?: string) =>
  new ModuleBuilder(
    form,
    specs.map(spec => ({ k: 3, ...spec })),
    section,
  );

/** Carries the plan out; the result must verify, and go back to what it was. */
function carryOut(elf: ElfFile, plan: PatchPlan): ElfFile {
  const { bytes } = applyPlan(elf, plan, { toolVersion: 'test' });
  const verification = verifyPatched({ elf, bytes: elf.bytes }, bytes, plan);
  expect(verification.findings.filter(f => f.level === 'error')).toEqual([]);
  expect(revert(bytes).original).toEqual(elf.bytes);
  return readElf(bytes);
}

describe.each(forms)('hooks with %s', form => {
  const specs: readonly FunctionSpec[] = [{ name: 'f' }, { name: 'h' }, { name: 'leaf', k: 0 }];

  it.each(['before', 'after'] as const)('%s: the word behind the site moves, and the record stays', when => {
    const module = built(form, specs);
    const elf = module.elf();
    const plan = makePlan(elf, request('f', 'h', { when }));
    const { global, local, after } = module.at('f');
    const ip = form === 'patchable-out-of-line' ? local : local + 4;
    expect(plan.words).toEqual([{ section: module.text, offset: after, before: LI, after: B }]);
    expect(hooksOf(plan)).toMatchObject([
      { function: 'f', [when]: 'h', at: 'after-site', offset: after, ip, toc: 'kept', recordRemoved: false, form },
    ]);
    const [code] = plan.newCode;
    const back = code!.relocations.find(r => r.type === R.REL24 && code!.words[r.offset / 4] === B);
    expect(back?.addend).toBe(after + 4 - local);
    expect(code!.words[back!.offset / 4 - 1]).toBe(LI);
    expect(code!.relocations.find(r => r.type === R_TOC16_HA)?.addend).toBe(ip - global);
    expect(callSitesOf(carryOut(elf, plan)).sites.filter(s => s.record !== undefined)).toHaveLength(3);
  });

  it('takes the place of the site, and its record', () => {
    const module = built(form, specs);
    const elf = module.elf();
    const plan = makePlan(elf, request('f', 'h', { at: 'site' }));
    const { local } = module.at('f');
    const site = form === 'mprofile-kernel' ? local + 4 : local;
    expect(plan.removedRecords).toHaveLength(1);
    expect(hooksOf(plan)).toMatchObject([{ at: 'site', offset: site, recordRemoved: true }]);
    expect(plan.newCode[0]!.words).not.toContain(LI);
    expect(callSitesOf(carryOut(elf, plan)).sites.map(s => s.function!.name)).toEqual(['h', 'leaf']);
  });

  it('falls back on the site where the word cannot move', () => {
    const elf = built(form, [{ name: 'f', body: [BEQ + 8, LI, LI, BLR] }, { name: 'h' }]).elf();
    const plan = makePlan(elf, request('f', 'h'));
    expect(hooksOf(plan)[0]!.at).toBe('site');
    expect(hooksOf(plan)[0]!.grounds.join()).toMatch(/at the site: .*\[PAT062\]/);
    carryOut(elf, plan);
    expect(refusalOf(() => makePlan(elf, request('f', 'h', { at: 'after-site' })))).toBe('PAT062');
  });

  it('keeps a r2 that may be anybody’s', () => {
    const elf = built(form, specs).elf();
    for (const when of ['before', 'after'] as const) {
      const plan = makePlan(elf, request('leaf', 'elsewhere', { when }));
      expect(hooksOf(plan)).toMatchObject([{ toc: 'saved' }]);
      carryOut(elf, plan);
    }
  });

  it('matches patterns, and leaves out what cannot be hooked', () => {
    const elf = built(form, [...specs, { name: 'bare', site: false }]).elf();
    const plan = makePlan(elf, request('*', 'h'));
    expect(hooksOf(plan).map(h => h.function)).toEqual(['f', 'leaf']);
    expect(plan.warnings.join()).toMatch(/h \[PAT060\]; bare \[PAT004\]/);
    expect(refusalOf(() => makePlan(elf, request('ba*', 'h')))).toBe('PAT063');
    expect(refusalOf(() => makePlan(elf, request('x*', 'h')))).toBe('PAT002');
    carryOut(elf, plan);
  });
});

describe('hooks', () => {
  const build = (body: readonly number[], more: readonly FunctionSpec[] = [{ name: 'h' }]) =>
    built('patchable', [{ name: 'f', body }, ...more]);
  const refused = (module: ModuleBuilder, asked: PatchRequest) => refusalOf(() => makePlan(module.elf(), asked));

  it('move a relocation that does not depend on the place with its word', () => {
    const module = build([0x3d220000, BLR]);
    module.object.relocate(module.text, module.at('f').after, R_TOC16_HA, module.textSymbol, 4);
    const elf = module.elf();
    const plan = makePlan(elf, request('f', 'h'));
    expect(plan.removedRelocations).toHaveLength(1);
    const { words, relocations } = plan.newCode[0]!;
    expect(relocations).toContainEqual(
      expect.objectContaining({ type: R_TOC16_HA, addend: 4, offset: words.indexOf(0x3d220000) * 4 }),
    );
    carryOut(elf, plan);
  });

  it('leave one that does', () => {
    const module = build([0x3d2c0000, LI, BLR]);
    module.object.relocate(module.text, module.at('f').after, R_REL16_HA, module.textSymbol);
    expect(refused(module, request('f', 'h', { at: 'after-site' }))).toBe('PAT062');
  });

  it.each([
    ['a branch', BEQ + 8],
    ['a return', BLR],
    ['a trap', TRAP],
    ['a system call', 0x44000002],
    ['a prefix', 0x06000000],
    ['no instruction', 0],
  ])('do not move %s', (_, word) => {
    expect(refused(build([word, LI, LI, BLR]), request('f', 'h', { at: 'after-site' }))).toBe('PAT062');
  });

  it('move what reads LR, which is as it was', () => {
    expect(hooksOf(makePlan(build([MFLR, LI, BLR]).elf(), request('f', 'h')))[0]!.at).toBe('after-site');
  });

  it('do not move a branch target', () => {
    const module = build([LI, 0x4082fffc, BLR]);
    expect(refused(module, request('f', 'h', { at: 'after-site' }))).toBe('PAT008');
    expect(hooksOf(makePlan(module.elf(), request('f', 'h')))[0]!.at).toBe('site');
  });

  it.each([
    ['__ex_table', 26, 'PAT009'],
    ['__bug_table', 26, 'PAT009'],
    ['__lwsync_fixup', 44, 'PAT010'],
    ['.data', 38, 'PAT008'],
  ])('do not move a word that %s names', (name, type, code) => {
    const module = build([LI, LI, BLR]);
    module.table(name, 48, [[0, type, module.at('f').after]]);
    expect(refused(module, request('f', 'h', { at: 'after-site' }))).toBe(code);
  });

  it('see a label of a jump table in data', () => {
    const module = build([LI, LI, BLR]);
    const { after } = module.at('f');
    const table = module.table('.rodata', 16, [
      [8, 26, after + 4 + 0],
      [12, 26, after + 4],
    ]);
    // The table begins at 8: its second entry says label - table + 4.
    module.object.relocate(module.text, module.at('h').after, R_TOC16_HA, module.object.sectionSymbol(table), 8);
    expect(refused(module, request('f', 'h', { at: 'after-site' }))).toBe('PAT008');
  });

  it('need a function that goes on behind the word', () => {
    expect(refused(build([BLR]), request('f', 'h', { at: 'after-site' }))).toBe('PAT007');
    expect(hooksOf(makePlan(build([BLR]).elf(), request('f', 'h')))[0]!.at).toBe('site');
  });

  it('do not lead to themselves', () => {
    const more = [
      { name: 'h', body: [BL, BLR] },
      { name: 'g', body: [BL, BLR] },
    ];
    const module = build([LI, BLR], more);
    module.object.relocate(module.text, module.at('h').after, R.REL24, module.at('g').symbol);
    module.object.relocate(module.text, module.at('g').after, R.REL24, module.at('f').symbol);
    expect(refused(module, request('h', 'h'))).toBe('PAT060');
    expect(refused(module, request('f', 'h'))).toBe('PAT061');
    expect(refused(module, request('g', 'h'))).toBe('PAT061');
  });

  it('do not lead to one another', () => {
    const more = [{ name: 'h', body: [BL, BLR] }, { name: 'g' }, { name: 'i', body: [BL, BLR] }];
    const module = build([LI, BLR], more);
    module.object.relocate(module.text, module.at('h').after, R.REL24, module.at('g').symbol);
    module.object.relocate(module.text, module.at('i').after, R.REL24, module.at('f').symbol);
    // f -> h -> g -> i -> f
    const asked = [request('f', 'h').hooks![0]!, request('g', 'i').hooks![0]!];
    expect(refused(module, { nops: [], redirects: [], hooks: asked })).toBe('PAT061');
  });

  it('of init functions lie with them', () => {
    const module = built('patchable', [{ name: 'f' }, { name: 'h' }], '.init.text');
    const elf = module.elf();
    const plan = makePlan(elf, request('f', 'h'));
    expect(plan.newCode.map(c => c.name)).toEqual(['.init.text.tocsin']);
    carryOut(elf, plan);
  });

  it('do not call init code when it is gone', () => {
    const module = build([LI, BLR], []);
    const init = module.object.code('.init.text', [LI, BLR]);
    module.object.function('h', init, 0, 8);
    expect(refused(module, request('f', 'h'))).toBe('PAT022');
  });

  it('are refused where something else is asked of the function', () => {
    const module = build([LI, BLR], [{ name: 'h' }, { name: 'g' }]);
    expect(refused(module, { ...request('f', 'h'), redirects: redirect('f', 'g').redirects })).toBe('PAT016');
    expect(refused(module, { ...request('f', 'h', { at: 'site' }), nops: ['f'] })).toBe('PAT016');
    const twice = [request('f', 'h').hooks![0]!, request('f', 'g').hooks![0]!];
    expect(refused(module, { nops: [], redirects: [], hooks: twice })).toBe('PAT016');
    expect(refused(module, request('f', 'h', { when: 'after', functions: 'nobody' }))).toBe('PAT002');
  });

  it('after a function that takes arguments from the stack are refused', () => {
    // ld r9,96(r1)
    const module = build([0xe9210060, BLR]);
    expect(refused(module, request('f', 'h', { when: 'after' }))).toBe('PAT011');
    expect(refused(module, request('f', 'h'))).toBe('none');
  });

  it('after a function that never returns are refused', () => {
    const body = [LI, TRAP, NOP];
    expect(refused(build(body), request('f', 'h', { when: 'after' }))).toBe('PAT070');
    expect(refused(build(body), request('f', 'h'))).toBe('none');
    // h returns to f's caller.
    const jumps = build([LI, B, NOP]);
    jumps.object.relocate(jumps.text, jumps.at('f').after + 4, R.REL24, jumps.at('h').symbol);
    expect(refused(jumps, request('f', 'h', { when: 'after' }))).toBe('none');
  });

  it('before and after the same function are one', () => {
    const module = build([LI, BLR], [{ name: 'h' }, { name: 'g' }]);
    const both = [request('f', 'h').hooks![0]!, request('f', 'g', { when: 'after' }).hooks![0]!];
    const elf = module.elf();
    const plan = makePlan(elf, { nops: [], redirects: [], hooks: both });
    expect(hooksOf(plan)).toMatchObject([{ function: 'f', before: 'h', after: 'g' }]);
    expect(plan.newSymbols.map(s => s.name)).toEqual(['.TOC.', '__tocsin_body_f', '__tocsin_hook_f']);
    carryOut(elf, plan);
  });

  it('may be put on what is hooked already', () => {
    const elf = build([LI, BLR], [{ name: 'h' }, { name: 'g' }]).elf();
    const once = carryOut(elf, makePlan(elf, request('f', 'h')));
    // The word behind the site is the first branch now, and the record is still there.
    const plan = makePlan(once, request('f', 'g'));
    expect(hooksOf(plan)[0]!.at).toBe('site');
    carryOut(once, plan);
  });

  it('leave a function alone that has code in front of its site', () => {
    const module = built('patchable', [{ name: 'f', site: false, body: [LI, NOP, NOP, LI, BLR] }, { name: 'h' }]);
    module.object.records('__patchable_function_entries', module.textSymbol, [module.at('f').after + 4]);
    expect(refused(module, request('f', 'h'))).toBe('PAT064');
  });
});
