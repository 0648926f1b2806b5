import { describe, expect, it } from 'vitest';
import { withImageCustoms } from '../../../../src/cli/patch/custom.ts';
import { readElf } from '../../../../src/elf/read.ts';
import { customObject } from '../../../../src/merge/custom.ts';
import { linkObjects } from '../../../../src/merge/image.ts';
import type { ImagePlan } from '../../../../src/plan/image.ts';
import type { RedirectAt } from '../../../../src/plan/plan.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import { revert } from '../../../../src/rewrite/revert.ts';
import { verifyImage } from '../../../../src/verify/image/verify-image.ts';
import { PatchProver } from '../../../../src/verify/patched/prove-patched.ts';
import { codeOf } from '../../../support/errors.ts';
import { BASE } from '../../../support/linked-image.ts';
import { ObjectBuilder, R, SHF, STT } from '../../../support/object-builder.ts';
import { BLR, image, MFLR, NOP, PLACES } from './support.ts';

const [B, BL] = [0x48000000, 0x48000001];

/** A piece of F: it goes on in F. Its data has the address of F as a function. */
function piece(): Uint8Array {
  const b = new ObjectBuilder();
  const text = b.code('.text', [0x39600001, B], { align: 16 });
  const data = b.section('.data', { flags: SHF.ALLOC | SHF.WRITE, bytes: new Uint8Array(8), align: 8 });
  b.symbol('__tocsin_trampoline', { section: text, value: 0, size: 8, bind: 1 });
  b.relocate(text, 4, R.REL24, b.undefined('__tocsin_continue'), 0);
  b.relocate(data, 0, R.ADDR64, b.undefined('__tocsin_original'), 0);
  return b.build();
}

/** A function in front of G: calls G, then F as it was, in a frame of its own. */
function stand(findsToc: boolean): Uint8Array {
  const b = new ObjectBuilder();
  const find = findsToc ? [0x429f0005, 0x7d8802a6, 0x3c4c0000, 0x38420000] : [];
  const words = [MFLR, 0xf8010010, 0xf821ffe1, ...find, BL, NOP, BL, 0x38210020, 0xe8010010, 0x7c0803a6, BLR];
  const text = b.code('.text', words, { align: 16 });
  b.symbol('__tocsin_trampoline', { section: text, value: 0, size: words.length * 4, bind: 1, type: STT.FUNC });
  const calls = 12 + find.length * 4;
  if (findsToc) {
    const toc = b.undefined('__tocsin_toc');
    b.relocate(text, 20, R.REL16_HA, toc, 4);
    b.relocate(text, 24, R.REL16_LO, toc, 8);
  }
  b.relocate(text, calls, R.REL24, b.undefined('__tocsin_target'), 0);
  b.relocate(text, calls + 8, R.REL24, b.undefined('__tocsin_original'), 0);
  return b.build();
}

function patched(from: string, to: string, bytes: Uint8Array, at: RedirectAt = 'after-site') {
  const input = image();
  const given = { name: 'own.o', elf: readElf(bytes), sha256: 'f'.repeat(64) };
  const entry = `__tocsin_custom_${from}`;
  const made = customObject(given, { from, to, entry });
  if (!('object' in made)) throw new Error(made[0]);
  const redirect = { from, to, strategy: 'custom:own.o', at, toc: 'recomputed' } as const;
  const renamed = { name: 'own.o', given: given.elf, copy: made.object.elf, from, to, entry };
  const customs = [{ redirect, made, entry, renamed, sha256: given.sha256 }];
  const objects = [made.object];
  const additions = linkObjects(input, objects);
  const redirects = withImageCustoms([redirect], customs, input, additions);
  const plan = makeImagePlan(input, {
    nops: [],
    redirects,
    additions,
    relink: rests => linkObjects(input, objects, rests),
  });
  const check = (of: ImagePlan) => {
    const output = applyImagePlan(input, of, { toolVersion: 'test' }).bytes;
    return verifyImage(input, output, of, [made.object.elf], [renamed]).findings.map(f => f.code);
  };
  return { input, plan, check, bytes: applyImagePlan(input, plan, { toolVersion: 'test' }).bytes };
}

describe('a trampoline of the user in a kernel image', () => {
  it.each([
    ['first', 'after-site'],
    ['leaf', 'after-site'],
    ['first', 'site'],
    ['leaf', 'site'],
  ] as const)('lets %s go on, branched to %s, proved', (name, at) => {
    const { input, plan, check, bytes } = patched(name, name, piece(), at);
    expect(check(plan)).toEqual([]);
    expect(revert(bytes).original).toEqual(input.bytes);
    const [action] = plan.actions;
    const { verdict, functions } = new PatchProver(input, undefined).prove(readElf(bytes), [
      { section: '.text', offset: action!.offset, to: name },
    ]);
    expect([verdict, functions]).toEqual([
      'proved',
      expect.arrayContaining([expect.objectContaining({ function: name })]),
    ]);
    const k = name === 'first' ? 8 : 0;
    expect(plan.rests.map(r => [r.stands, r.local])).toEqual([
      ['continue', 0],
      ['original', k],
    ]);
    expect(plan.relatives.map(r => r.value)).toEqual([plan.rests[1]!.address]);
  });

  it.each([
    ['first', 'helper'],
    ['leaf', 'helper'],
    ['first', 'second'],
  ])('calls another function in front of %s, and %s, proved', (from, to) => {
    const { input, plan, check, bytes } = patched(from, to, stand(from === 'first'));
    expect(check(plan)).toEqual([]);
    expect(revert(bytes).original).toEqual(input.bytes);
    const { verdict, functions } = new PatchProver(input, undefined).prove(readElf(bytes), [
      { section: '.text', offset: PLACES.get(from)! + (from === 'leaf' ? 8 : 16), to },
    ]);
    expect(verdict).toBe('proved');
    expect(functions.map(f => f.function)).toEqual(
      expect.arrayContaining([from, `__tocsin_custom_${from}`, `__tocsin_body_${from}`]),
    );
  });

  it('is not told to be right where one TOC is not enough', () => {
    const { input, bytes } = patched('leaf', 'second', stand(false));
    const proof = new PatchProver(input, undefined).prove(readElf(bytes), [
      { section: '.text', offset: PLACES.get('leaf')! + 8, to: 'second' },
    ]);
    expect(proof.verdict).not.toBe('proved');
  });

  it('is refused where the function has no call site', () => {
    expect(codeOf(() => patched('helper', 'helper', piece()))).toBe('PAT004');
  });

  const { plan, check } = patched('first', 'helper', stand(true));
  it.each<[string, (of: ImagePlan) => ImagePlan]>([
    ['its rest elsewhere', of => ({ ...of, rests: of.rests.map(r => ({ ...r, address: BASE + 32n })) })],
    ['its rest entered otherwise', of => ({ ...of, rests: of.rests.map(r => ({ ...r, local: 0 })) })],
    ['no rest', of => ({ ...of, rests: [] })],
    [
      'another start',
      of => ({
        ...of,
        actions: of.actions.map(a => ('custom' in a ? { ...a, custom: { ...a.custom!, entry: 'fix' } } : a)),
      }),
    ],
  ])('is judged wrong with %s', (_, spoil) => {
    expect(check(spoil(plan))).toContain('VER167');
  });
});
