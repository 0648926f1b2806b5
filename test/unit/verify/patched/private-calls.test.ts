/** Callers that count on registers which a function may change: hand-written ones. */
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../../src/cli/patch/attempt.ts';
import { readElf } from '../../../../src/elf/read.ts';
import { applyPlan } from '../../../../src/rewrite/apply.ts';
import { makePlan } from '../../../../src/rewrite/plan.ts';
import { PrivateCalls } from '../../../../src/verify/patched/private-calls.ts';
import { PatchProver } from '../../../../src/verify/patched/prove-patched.ts';
import { R } from '../../../support/object-builder.ts';
import { B, BL, BLR, type FunctionSpec, LI, ModuleBuilder, NOP, redirect } from '../../rewrite/support/module.ts';

const MFLR_R10 = 0x7d4802a6;
const MTLR_R10 = 0x7d4803a6;
const LI_R10 = 0x39400000;
const MR_R3_R4 = 0x7c832378;
const MR_R9_R0 = 0x7c090378;
const BDNZ = 0x4200fffc;
const MTCTR_R3 = 0x7c6903a6;
const TRAP_R0 = 0x0fe00000;
const OR_R6 = 0x7cc63378;
const XOR_R9 = 0x7d294a78;
/** Around the next word, if r3 is not 0. */
const BNE_8 = 0x40820008;

/** f, and functions whose branches, by number of the word, lead to others. */
function module(...callers: (FunctionSpec & { readonly leads: Readonly<Record<number, string>> })[]) {
  const built = new ModuleBuilder('patchable', [
    { name: 'f', k: 0, site: false },
    ...callers.map(c => ({ k: 0 as const, ...c })),
  ]);
  for (const { name, leads } of callers)
    for (const [word, target] of Object.entries(leads))
      built.object.relocate(built.text, built.at(name).after + Number(word) * 4, R.REL24, built.at(target).symbol);
  const calls = new PrivateCalls(built.elf());
  return (name: string, word = 0) =>
    calls
      .behind([{ section: '.text', offset: built.at(name).after + word * 4 }])
      .map(c => `${c.function} ${c.register}`);
}

const caller = (body: readonly number[], more: Partial<FunctionSpec> = {}) =>
  module({ name: 'caller', site: false, body, leads: { 0: 'f' }, ...more })('caller');

describe('a hand-written caller', () => {
  it.each([
    ['keeps its return address in r10', [BL, MTLR_R10, BLR], 'caller r10'],
    ['counts in CTR', [BL, NOP, BDNZ, BLR], 'caller CTR'],
    ['reads r0 on one path only', [BL, BNE_8, MR_R9_R0, BLR], 'caller r0'],
    ['reads it behind a jump', [BL, B | 8, BLR, MTLR_R10, BLR], 'caller r10'],
  ])('that %s is told', (_, body, told) => {
    expect(caller(body)).toEqual([told]);
  });

  it.each<{ what: string; body: readonly number[]; more?: Partial<FunctionSpec> }>([
    { what: 'takes results', body: [BL, MR_R3_R4, BLR] },
    { what: 'writes the register first', body: [BL, LI_R10, MTLR_R10, BLR] },
    { what: 'sets CTR first', body: [BL, MTCTR_R3, BDNZ, BLR] },
    { what: 'ends before it reads', body: [BL, BLR, MTLR_R10] },
    { what: 'traps before it reads', body: [BL, TRAP_R0, MTLR_R10, BLR] },
    { what: 'does not mean the register', body: [BL, OR_R6, XOR_R9, BLR] },
    { what: 'is what a compiler has made a place for the tracer in', body: [BL, MTLR_R10, BLR], more: { site: true } },
    { what: 'jumps', body: [B, MTLR_R10, BLR] },
  ])('that $what is not', ({ body, more }) => {
    expect(caller(body, more)).toEqual([]);
  });
});

it('is told of a function that calls, or goes to, the one that is called', () => {
  const outer = { name: 'outer', site: false, body: [BL, MTLR_R10, BLR], leads: { 0: 'middle' } };
  const to = (body: readonly number[], site: boolean) =>
    module({ name: 'middle', site, body, leads: { 0: 'f' } }, outer)('middle');
  expect(to([B], false)).toEqual(['outer r10']);
  expect(to([BL, LI, BLR], false)).toEqual(['outer r10']);
  // The tracer may change r10 there already.
  expect(to([B], true)).toEqual([]);
});

it('a call of another object is one through a stub', () => {
  const built = new ModuleBuilder('patchable', [{ name: 'caller', k: 0, site: false, body: [BL, MTLR_R10, BLR] }]);
  built.object.relocate(built.text, 0, R.REL24, built.object.undefined('elsewhere'));
  expect(new PrivateCalls(built.elf()).behind([{ section: '.text', offset: 0 }])).toEqual([]);
});

it('follows branches that the assembler has resolved, and functions without a size', () => {
  const built = new ModuleBuilder('patchable', [
    { name: 'f', k: 0, site: false },
    { name: 'caller', k: 0, site: false, size: 0, body: [BL | (-8 & 0x03fffffc), MTLR_R10, BLR] },
  ]);
  const [found] = new PrivateCalls(built.elf()).behind([{ section: '.text', offset: 8 }]);
  expect(found).toMatchObject({ function: 'caller', offset: 8, register: 'r10' });
});

describe('a patch that leads such a call elsewhere is not proved', () => {
  const built = new ModuleBuilder('patchable', [
    { name: 'f', k: 0, site: false },
    { name: 'g', k: 0, site: false },
    { name: 'caller', k: 0, site: false, body: [MFLR_R10, BL, MTLR_R10, BLR] },
  ]);
  built.object.relocate(built.text, built.at('caller').after + 4, R.REL24, built.at('f').symbol);
  const elf = built.elf();

  it.each([
    ['by its callee', redirect('f', 'g', { at: 'local-entry' })],
    ['by itself', { nops: [], redirects: [], retargets: [{ from: 'caller', call: 'f', to: 'g' }] }],
  ])('%s', (_, request) => {
    const plan = makePlan(elf, request);
    const output = readElf(applyPlan(elf, plan, { toolVersion: 'test' }).bytes);
    const proof = new PatchProver(elf, undefined).prove(output, plan.actions.flatMap(placeOf));
    expect(proof.verdict).toBe('unknown');
    const found = proof.functions.filter(f => f.code === 'VER250');
    expect(found).toMatchObject([{ function: 'caller', verdict: 'unknown', offset: built.at('caller').after + 4 }]);
  });
});
