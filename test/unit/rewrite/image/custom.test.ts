import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import type { ImagePlan } from '../../../../src/plan/image.ts';
import { revert } from '../../../../src/rewrite/revert.ts';
import { PatchProver } from '../../../../src/verify/patched/prove-patched.ts';
import { codeOf } from '../../../support/errors.ts';
import { BASE } from '../../../support/linked-image.ts';
import { PLACES } from './support.ts';

const [_B, _BL] = [0x48000000, 0x48000001];

import { patchedCustom, piece, stand } from './support-custom.ts';

describe('a trampoline of the user in a kernel image', () => {
  it.each([
    ['first', 'after-site'],
    ['leaf', 'after-site'],
    ['first', 'site'],
    ['leaf', 'site'],
  ] as const)('lets %s go on, branched to %s, proved', (name, at) => {
    const { input, plan, check, bytes } = patchedCustom(name, name, piece(), at);
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
    const { input, plan, check, bytes } = patchedCustom(from, to, stand(from === 'first'));
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
    const { input, bytes } = patchedCustom('leaf', 'second', stand(false));
    const proof = new PatchProver(input, undefined).prove(readElf(bytes), [
      { section: '.text', offset: PLACES.get('leaf')! + 8, to: 'second' },
    ]);
    expect(proof.verdict).not.toBe('proved');
  });

  it.each(['global-entry', 'local-entry'] as const)('is refused at the %s', at => {
    for (const bytes of [piece(), stand(true)])
      expect(codeOf(() => patchedCustom('first', 'helper', bytes, at))).toBe('PAT195');
  });

  it('is refused where the function has no call site', () => {
    expect(codeOf(() => patchedCustom('helper', 'helper', piece()))).toBe('PAT004');
  });

  const { plan, check } = patchedCustom('first', 'helper', stand(true));
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
