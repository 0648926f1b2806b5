import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import { makePlan } from '../../../src/rewrite/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { callSitesOf } from '../../../src/sites/call-sites.ts';
import { ObjectBuilder, R, STT } from '../../support/object-builder.ts';
import { BL, type Form, ModuleBuilder, NOP, refusalOf } from './support/module.ts';

const nop = (...nops: string[]) => ({ nops, redirects: [] });
const five = ['a1', 'a2', 'b1', 'b2', 'c'].map(name => ({ name }));
const options = { toolVersion: 'test' };

describe.each<Form>(['mprofile-kernel', 'patchable', 'patchable-out-of-line'])('--nop with %s', form => {
  it('leaves neither call nor record, and keeps the others', () => {
    const module = new ModuleBuilder(form, five);
    const elf = module.elf();
    const plan = makePlan(elf, nop('a*', 'c'));
    expect(plan.actions.map(a => a.function)).toEqual(['a1', 'a2', 'c']);
    expect(plan.actions.every(a => a.kind === 'nop' && a.recordRemoved && a.form === form)).toBe(true);
    expect(plan.words.map(w => [w.before, w.after])).toEqual(
      form === 'mprofile-kernel' ? plan.words.map(() => [BL, NOP]) : [],
    );
    const { bytes } = applyPlan(elf, plan, options);
    const after = callSitesOf(readElf(bytes));
    expect(after.strays).toEqual([]);
    expect(after.sites.map(s => s.function!.name)).toEqual(['b1', 'b2']);
    expect(after.sites.every(s => s.record !== undefined)).toBe(true);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });

  it('makes the same file in memory that it is given', () => {
    const elf = new ModuleBuilder(form, five).elf();
    const plan = makePlan(elf, nop('*'));
    const { bytes } = applyPlan(elf, plan, options);
    for (const size of [0, bytes.length - 1, bytes.length, bytes.length + 4096]) {
      const memory = new Uint8Array(size);
      const made = applyPlan(elf, plan, { ...options, memory }).bytes;
      expect(made).toEqual(bytes);
      expect(made.buffer === memory.buffer).toBe(size >= bytes.length);
    }
  });

  it('empties the table when all records go', () => {
    const elf = new ModuleBuilder(form, five).elf();
    const { bytes } = applyPlan(elf, makePlan(elf, nop('*')), options);
    const after = readElf(bytes);
    const table = after.sections.find(s => /mcount_loc$|function_entries$/.test(s.name))!;
    expect(table.sh_size).toBe(0);
    expect(after.sectionNamed(`.rela${table.name}`)!.sh_size).toBe(0);
    expect(revert(bytes).original).toEqual(elf.bytes);
  });
});

describe('--nop', () => {
  it('names each function once, and its aliases', () => {
    const module = new ModuleBuilder('patchable', five);
    module.object.function('alias', module.text, 0, 20, { k: 2, bind: 0 });
    const plan = makePlan(module.elf(), nop('a1', 'alias', 'a?'));
    expect(plan.actions.map(a => [a.function, a.aliases])).toEqual([
      ['a1', ['alias']],
      ['a2', []],
    ]);
  });

  it('chooses by section and offset', () => {
    const module = new ModuleBuilder('patchable', [{ name: 'same' }, { name: 'other' }, { name: 'same' }]);
    const elf = module.elf();
    expect(refusalOf(() => makePlan(elf, nop('same')))).toBe('PAT003');
    expect(makePlan(elf, nop('same@.text+0x0')).actions[0]!.offset).toBe(8);
    expect(makePlan(elf, nop('same*')).actions).toHaveLength(2);
    expect(refusalOf(() => makePlan(elf, nop('same@.text+0x4')))).toBe('PAT002');
  });

  it('refuses names that are not there, with near ones', () => {
    const elf = new ModuleBuilder('patchable', [{ name: 'demo_in_range' }, { name: 'x' }]).elf();
    expect(() => makePlan(elf, nop('demo_inrange'))).toThrow(/near it are demo_in_range/);
    expect(refusalOf(() => makePlan(elf, nop('nothing*')))).toBe('PAT002');
  });

  it('refuses a function without a site by name, and counts it by pattern', () => {
    const elf = new ModuleBuilder('mprofile-kernel', [{ name: 'f1' }, { name: 'f2', site: false }]).elf();
    expect(refusalOf(() => makePlan(elf, nop('f2')))).toBe('PAT004');
    expect(refusalOf(() => makePlan(elf, nop('*2')))).toBe('PAT005');
    const plan = makePlan(elf, nop('*'));
    expect(plan.actions).toHaveLength(1);
    expect(plan.warnings).toEqual(['1 functions that match * have no call site and stay as they are']);
  });

  it('jumps over the nop behind a -pg call', () => {
    const object = new ObjectBuilder();
    const text = object.code('.text', [0x7c0802a6, 0xf8010010, 0xf821ffe1, BL, NOP, 0x38210020, 0x4e800020]);
    const symbol = object.sectionSymbol(text);
    object.function('old', text, 0, 28);
    object.relocate(text, 12, R.REL24, object.undefined('_mcount'));
    object.records('__mcount_loc', symbol, [12]);
    const plan = makePlan(readElf(object.build()), nop('old'));
    expect(plan.words[0]).toMatchObject({ offset: 12, before: BL, after: 0x48000008 });
  });

  it('refuses a table that a symbol points into', () => {
    const module = new ModuleBuilder('patchable', five);
    module.object.symbol('inside', { section: module.records, value: 8, type: STT.OBJECT });
    const elf = module.elf();
    expect(refusalOf(() => makePlan(elf, nop('a1')))).toBe('PAT020');
  });

  it('refuses a record that two relocations fill', () => {
    const module = new ModuleBuilder('patchable', five);
    module.object.relocate(module.records, 0, R.ADDR64, module.textSymbol, module.at('b1').local, 'again');
    const elf = module.elf();
    expect(refusalOf(() => makePlan(elf, nop('*')))).toBe('PAT029');
  });

  it('refuses an empty request and linked images', () => {
    const elf = new ModuleBuilder('patchable', five).elf();
    expect(refusalOf(() => makePlan(elf, nop()))).toBe('PAT024');
    const image = new ObjectBuilder({ type: 2 });
    image.code('.text', [0x4e800020]);
    expect(refusalOf(() => makePlan(readElf(image.build()), nop('*')))).toBe('PAT001');
  });

  it('gives a plan that cannot be changed', () => {
    const plan = makePlan(new ModuleBuilder('patchable', five).elf(), nop('*'));
    expect(Object.isFrozen(plan)).toBe(true);
    expect(() => (plan.actions as unknown[]).push(1)).toThrow(TypeError);
  });
});
