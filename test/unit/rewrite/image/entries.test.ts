/** Redirects of a linked image for some callers only. */
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../../src/cli/patch/attempt.ts';
import { type ElfFile, readElf } from '../../../../src/elf/read.ts';
import { linkObjects } from '../../../../src/merge/image.ts';
import type { ImagePlan } from '../../../../src/plan/image.ts';
import type { PlannedRedirect, RedirectAt } from '../../../../src/plan/plan.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import { revert } from '../../../../src/rewrite/revert.ts';
import { verifyImage } from '../../../../src/verify/image/verify-image.ts';
import { PatchProver } from '../../../../src/verify/patched/prove-patched.ts';
import { codeOf } from '../../../support/errors.ts';
import { AT, BASE, branch, FILE_START, type ImageFunction, placesOf } from '../../../support/linked-image.ts';
import { FUNCTIONS, image, NOP, object, redirect } from './support.ts';

/** Calls `first` behind its entry, jumps to it, and calls `helper` once more. */
const CALLS: ImageFunction = {
  name: 'calls',
  words: [0x7c0802a6, branch(164, 40, true), branch(168, 96, true), 0x7c0803a6, branch(176, 40)],
  k: 0,
};
const ALL = [...FUNCTIONS, CALLS];
const PLACES = placesOf(ALL);
const PLACE = (name: string) => PLACES.get(name)!;

const at = (from: string, to: string, where: RedirectAt) => ({ ...redirect(from, to), at: where });

function made(requests: ReturnType<typeof at>[], input: ElfFile = image({ functions: ALL })) {
  const merged = object();
  const additions = linkObjects(input, [merged]);
  const plan = makeImagePlan(input, { nops: [], redirects: requests, additions });
  const { bytes } = applyImagePlan(input, plan, { toolVersion: 'test' });
  const codes = (of: ImagePlan, output = applyImagePlan(input, of, { toolVersion: 'test' }).bytes) => [
    ...new Set(verifyImage(input, output, of, [merged.elf]).findings.map(f => f.code)),
  ];
  return { input, plan, bytes, codes, output: readElf(bytes) };
}

const addressOf = (elf: ElfFile, name: string) => Number(elf.symbols!.address(elf.symbols!.find(name)) - BASE);
function target(bytes: Uint8Array, place: number): number {
  const word = new DataView(bytes.buffer, bytes.byteOffset).getUint32(FILE_START + place, true);
  return place + (((word & 0x03fffffc) << 6) >> 6);
}
/** The redirect of a plan, changed. */
function changed(plan: ImagePlan, change: Partial<PlannedRedirect>): ImagePlan {
  return { ...plan, actions: plan.actions.map(a => ({ ...a, ...change }) as typeof a) };
}
function spoiled(bytes: Uint8Array, place: number, word: number): Uint8Array {
  const other = bytes.slice();
  new DataView(other.buffer).setUint32(FILE_START + place, word, true);
  return other;
}

it('stand where they should', () => {
  expect([PLACE('first'), PLACE('helper'), PLACE('calls')]).toEqual([32, 96, 160]);
});

describe('at the global entry', () => {
  const { input, plan, bytes, codes, output } = made([at('first', 'fix', 'global-entry')]);
  const code = target(bytes, PLACE('first'));

  it('lead to code that makes the TOC, and change one word', () => {
    expect(codes(plan)).toEqual([]);
    expect(code).toBe(addressOf(output, '__tocsin_direct_first'));
    expect(target(bytes, code + 24)).toBe(addressOf(output, 'fix') + 8);
    expect(target(bytes, 164)).toBe(40);
    expect(plan.words.filter(w => input.sections[w.section]!.isCode).map(w => w.offset)).toEqual([PLACE('first')]);
    expect(revert(bytes).original).toEqual(input.bytes);
  });

  it('are proved', () => {
    const proof = new PatchProver(input, undefined).prove(output, plan.actions.flatMap(placeOf));
    expect(Object.fromEntries(proof.functions.map(f => [f.function, f.verdict]))).toMatchObject({
      first: 'proved',
      fix: 'proved',
    });
    expect(proof.verdict).toBe('proved');
  });

  it('are judged from the words', () => {
    const half = new DataView(bytes.buffer, bytes.byteOffset).getUint32(FILE_START + code + 20, true);
    expect(codes(plan, spoiled(bytes, code + 20, half + 8))).toContain('VER210');
    expect(codes(plan, spoiled(bytes, code + 24, branch(code + 24, addressOf(output, 'fix'))))).toContain('VER210');
    expect(codes(plan, spoiled(bytes, PLACE('first'), branch(PLACE('first'), addressOf(output, 'fix') + 8)))).toContain(
      'VER210',
    );
    expect(codes(changed(plan, { to: 'count' }))).toContain('VER210');
    expect(codes(changed(plan, { toc: 'own' }))).toContain('VER210');
    expect(codes(changed(plan, { offset: PLACE('first') + 8 }))).toContain('VER210');
    expect(codes(changed(plan, { at: 'local-entry' }))).toContain('VER211');
  });

  it('are refused where there is one entry, and with a trampoline of the own', () => {
    expect(codeOf(() => made([at('leaf', 'fix', 'global-entry')]))).toBe('PAT071');
    const custom = { ...at('first', 'fix', 'global-entry'), strategy: 'custom' as 'auto' };
    expect(codeOf(() => made([custom]))).toBe('PAT195');
  });
});

describe('at the local entry', () => {
  const { input, plan, bytes, codes, output } = made([at('first', 'fix', 'local-entry')]);

  it('lead all branches elsewhere, and leave the function alone', () => {
    expect(codes(plan)).toEqual([]);
    const fix = addressOf(output, 'fix') + 8;
    expect([164, 176].map(place => target(bytes, place))).toEqual([fix, fix]);
    expect(plan.words.filter(w => input.sections[w.section]!.isCode).map(w => w.offset)).toEqual([164, 176]);
    expect(revert(bytes).original).toEqual(input.bytes);
  });

  it('may be where the tracer has its record', () => {
    const nops = ALL.map(f => (f.name === 'first' ? { ...f, words: f.words.with(2, NOP).with(3, NOP), site: 2 } : f));
    const traced = made([at('first', 'count', 'local-entry')], image({ functions: nops }));
    expect(traced.codes(traced.plan)).toEqual([]);
    expect(target(traced.bytes, 164)).toBe(addressOf(traced.output, 'count'));
  });

  it('of one with one entry may need its address', () => {
    const other = made([at('helper', 'fix', 'local-entry')]);
    expect(other.codes(other.plan)).toEqual([]);
    const code = addressOf(other.output, '__tocsin_direct_helper');
    // Two callers; what the object calls is the function that was.
    expect([target(other.bytes, 112 + 24), target(other.bytes, 168)]).toEqual([code, code]);
    expect(target(other.bytes, addressOf(other.output, 'fix') + 28)).toBe(PLACE('helper'));
    const simple = made([at('helper', 'count', 'local-entry')]);
    expect(simple.codes(simple.plan)).toEqual([]);
    expect(target(simple.bytes, 168)).toBe(addressOf(simple.output, 'count'));
  });

  it('go together with those at the global one', () => {
    const both = made([at('first', 'fix', 'global-entry'), at('first', 'second', 'local-entry')]);
    expect(both.codes(both.plan)).toEqual([]);
    expect(target(both.bytes, 164)).toBe(PLACE('second') + 8);
  });

  it('are judged from the words of the input', () => {
    const [action] = plan.actions as readonly PlannedRedirect[];
    expect(codes(plan, spoiled(bytes, 176, branch(176, 40)))).toContain('VER211');
    expect(codes(plan, spoiled(bytes, 164, branch(164, addressOf(output, 'fix') + 8)))).toContain('VER211');
    expect(codes(changed(plan, { branches: action!.branches!.slice(1) }))).toContain('VER211');
    const more = { function: 'leaf', section: '.text', offset: 16, links: false };
    expect(codes(changed(plan, { branches: [...action!.branches!, more] }))).toContain('VER211');
    expect(codes(changed(plan, { to: 'second' }))).toContain('VER211');
    expect(codes(changed(plan, { toc: 'saved' }))).toContain('VER211');
    expect(codes(changed(plan, { recordRemoved: true }))).toContain('VER211');
    // One of them is forgotten, by the maker and in its plan.
    const words = plan.words.filter(w => w.offset !== 176);
    expect(codes(changed({ ...plan, words }, { branches: action!.branches!.slice(0, 1) }))).toContain('VER211');
  });

  it.each<[string, Parameters<typeof image>[0], string, string]>([
    ['a conditional branch', { words: { [160 + 12]: 0x4082ff7c } }, 'first', 'PAT072'],
    ['an address constant of the entry', { pointers: [40] }, 'first', 'PAT072'],
    ['no branch', {}, 'second', 'PAT073'],
    ['what may be data', { words: { [AT.initText + 4]: branch(AT.initText + 4, 40) } }, 'first', 'PAT251'],
  ])('are refused with %s', (_, options, name, code) => {
    expect(codeOf(() => made([at(name, 'fix', 'local-entry')], image({ functions: ALL, ...options })))).toBe(code);
  });

  it('include thunks of the linker, and all who go by them', () => {
    const words = { [AT.initText + 4]: branch(AT.initText + 4, 40) };
    const symbols = { '00000012.long_branch.first': AT.initText + 4 };
    const thunk = made([at('first', 'fix', 'local-entry')], image({ functions: ALL, words, symbols }));
    expect(thunk.codes(thunk.plan)).toEqual([]);
    expect(target(thunk.bytes, AT.initText + 4)).toBe(addressOf(thunk.output, 'fix') + 8);
  });
});
