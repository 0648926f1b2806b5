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
const MR_R3_R11 = 0x7d635b78;
const MR_R3_R12 = 0x7d836378;
const LI_R11 = 0x39600000;
const MFLR_R0 = 0x7c0802a6;
const MTLR_R0 = 0x7c0803a6;
const LI_R10 = 0x39400000;
const MR_R3_R4 = 0x7c832378;
const MR_R4_R3 = 0x7c641b78;
const MR_R9_R0 = 0x7c090378;
const BDNZ = 0x4200fffc;
const MTCTR_R3 = 0x7c6903a6;
const TRAP_R0 = 0x0fe00000;
const OR_R6 = 0x7cc63378;
const XOR_R9 = 0x7d294a78;
/** Around the next word, if r3 is not 0. */
const BNE_8 = 0x40820008;
const CMPWI = 0x2c030000;
const CMPWI_CR7 = 0x2f830000;
const BEQ_CR7_8 = 0x419e0008;
const MFCR_R12 = 0x7d800026;
const STW_R12_8_R1 = 0x91810008;
const ADDZE = 0x7c630194;
const ADDIC = 0x30630001;
const SUBFE_R9 = 0x7d294910;
const VXOR_V0_V5 = 0x10002cc4;
const LVX_V5 = 0x7ca018ce;
const STVX_V20 = 0x7e8019ce;
const FADD = 0xfc21102a;
const STFD_F14 = 0xd9c10000;
const BCL_NEXT = 0x429f0005;
const BCTR = 0x4e800420;
/** pld r3,0, whose second word is that of an ld. */
const PREFIX = 0x04100000;
const PLD = 0xe4600000;

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
    ['reads r0 on one path only', [BL, CMPWI, BNE_8, MR_R9_R0, BLR], 'caller r0'],
    ['reads r4, which f has no result in', [BL, MR_R3_R4, BLR], 'caller r4'],
    ['branches on CR7', [BL, BEQ_CR7_8, NOP, BLR], 'caller CR7'],
    ['keeps CR in a register', [BL, MFCR_R12, BLR], 'caller CR0'],
    ['adds the carry', [BL, ADDZE, BLR], 'caller XER'],
    ['makes the carry a number', [BL, SUBFE_R9, BLR], 'caller XER'],
    ['reads v5', [BL, VXOR_V0_V5, BLR], 'caller vector or floating-point registers'],
    ['reads f1', [BL, FADD, BLR], 'caller vector or floating-point registers'],
    ['reads r10 behind a second call', [BL, BL, MTLR_R10, BLR], 'caller r10'],
    ['asks for its own address', [BL, BCL_NEXT, MTLR_R10, BLR], 'caller r10'],
    ['reads it behind a prefixed instruction', [BL, PREFIX, PLD, MTLR_R10, BLR], 'caller r10'],
    ['goes on nobody knows where', [BL, MTCTR_R3, BCTR], 'caller what cannot be told'],
    ['reads it behind a jump', [BL, B | 8, BLR, MTLR_R10, BLR], 'caller r10'],
  ])('that %s is told', (_, body, told) => {
    expect(caller(body)).toEqual([told]);
  });

  it.each<{ what: string; body: readonly number[]; more?: Partial<FunctionSpec> }>([
    { what: 'takes results', body: [BL, MR_R4_R3, BLR] },
    { what: 'writes the register first', body: [BL, LI_R10, MTLR_R10, BLR] },
    { what: 'sets CTR first', body: [BL, MTCTR_R3, BDNZ, BLR] },
    { what: 'compares first', body: [BL, CMPWI_CR7, BEQ_CR7_8, NOP, BLR] },
    { what: 'carries first', body: [BL, ADDIC, ADDZE, BLR] },
    { what: 'puts CR away', body: [BL, MFCR_R12, STW_R12_8_R1, BLR] },
    { what: 'loads a vector register, and stores one that is kept', body: [BL, LVX_V5, STVX_V20, STFD_F14, BLR] },
    { what: 'ends before it reads', body: [BL, BLR, MTLR_R10] },
    { what: 'traps before it reads', body: [BL, TRAP_R0, MTLR_R10, BLR] },
    { what: 'does not mean the register', body: [BL, OR_R6, XOR_R9, BLR] },
    { what: 'is what a compiler has made a place for the tracer in', body: [BL, MTLR_R10, BLR], more: { site: true } },
    { what: 'jumps', body: [B, MTLR_R10, BLR] },
  ])('that $what is not', ({ body, more }) => {
    expect(caller(body, more)).toEqual([]);
  });
});

it('may take a result in r4 of a function that calls others', () => {
  const between = { name: 'between', site: false, body: [BL, BLR], leads: { 0: 'f' } };
  const to = module({ name: 'caller', site: false, body: [BL, MR_R3_R4, BLR], leads: { 0: 'between' } }, between);
  expect(to('caller')).toEqual([]);
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

describe('a hand-written function', () => {
  const called = (body: readonly number[], more: Partial<FunctionSpec> = {}) => {
    const built = new ModuleBuilder('patchable', [
      { name: 'f', k: 0, site: false, body, ...more },
      { name: 'caller', k: 0, site: false, body: [BL, BLR] },
    ]);
    built.object.relocate(built.text, built.at('caller').after, R.REL24, built.at('f').symbol);
    return new PrivateCalls(built.elf())
      .behind([{ section: '.text', offset: built.at('caller').after }])
      .map(c => `${c.function} ${c.register} ${c.isTaken}`);
  };

  it.each([
    ['takes r0', [MR_R9_R0, BLR], 'f r0 true'],
    ['takes r11 on one path only', [CMPWI, BNE_8, MR_R3_R11, BLR], 'f r11 true'],
    ['looks at CR before it puts it away', [MFCR_R12, MR_R3_R12, STW_R12_8_R1, BLR], 'f CR0 true'],
    ['is asked something in CR7', [BEQ_CR7_8, NOP, BLR], 'f CR7 true'],
    ['takes a carry', [ADDZE, BLR], 'f XER true'],
    ['takes a count', [BDNZ, BLR], 'f CTR true'],
    ['goes on where CTR says', [BCTR], 'f CTR true'],
  ])('that %s is told', (_, body, told) => {
    expect(called(body)).toEqual([told]);
  });

  it.each<{ what: string; body: readonly number[]; more?: Partial<FunctionSpec> }>([
    { what: 'takes arguments', body: [MR_R3_R4, MR_R4_R3, VXOR_V0_V5, FADD, BLR] },
    { what: 'writes first', body: [LI_R11, MR_R3_R11, CMPWI_CR7, BEQ_CR7_8, NOP, BLR] },
    { what: 'puts CR away', body: [MFCR_R12, ...Array<number>(20).fill(NOP), STW_R12_8_R1, BLR] },
    { what: 'goes on where a register says', body: [MTCTR_R3, BCTR] },
    { what: 'has a place for the tracer', body: [MR_R3_R11, BLR], more: { site: true } },
  ])('that $what is not', ({ body, more }) => {
    expect(called(body, more)).toEqual([]);
  });
});

it('what runs in place of a function that takes something in r11 is not proved', () => {
  const built = new ModuleBuilder('patchable', [
    { name: 'f', k: 0, site: false, body: [MR_R3_R11, BLR] },
    { name: 'g', k: 0, site: false },
    { name: 'caller', k: 0, site: false, body: [MFLR_R0, BL, MTLR_R0, BLR] },
  ]);
  built.object.relocate(built.text, built.at('caller').after + 4, R.REL24, built.at('f').symbol);
  const elf = built.elf();
  const plan = makePlan(elf, redirect('f', 'g', { at: 'local-entry' }));
  const output = readElf(applyPlan(elf, plan, { toolVersion: 'test' }).bytes);
  const proof = new PatchProver(elf, undefined).prove(output, plan.actions.flatMap(placeOf));
  const found = proof.functions.filter(f => f.code === 'VER250' && f.function === 'f');
  expect(found).toMatchObject([{ verdict: 'unknown', message: expect.stringContaining('takes something in r11') }]);
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
