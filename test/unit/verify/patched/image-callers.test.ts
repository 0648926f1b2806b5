/** Chains of callers in linked images: who counts on a register that a call behind several others keeps. */
import { expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import { PrivateCalls } from '../../../../src/verify/patched/private-calls.ts';
import { AT, branch, type ImageFunction, linkedImage, placesOf } from '../../../support/linked-image.ts';

const [BLR, MTLR_R10, LI_R3] = [0x4e800020, 0x7d4803a6, 0x38600000];

type Body = readonly (number | { readonly to: string; readonly links?: boolean })[];
interface Spec {
  readonly name: string;
  readonly body: Body;
  readonly site?: number;
}

/** `f`, and functions whose branches lead to others by name. */
function told(specs: readonly Spec[], from: string) {
  const all: readonly Spec[] = [{ name: 'f', body: [BLR] }, ...specs];
  const shape = all.map(s => ({ name: s.name, words: s.body.map(() => 0) }));
  const places = placesOf(shape);
  const functions = all.map(
    (s): ImageFunction => ({
      name: s.name,
      words: s.body.map((w, i) =>
        typeof w === 'number' ? w : branch(places.get(s.name)! + i * 4, places.get(w.to)!, w.links),
      ),
      ...(s.site !== undefined && { site: s.site }),
    }),
  );
  const elf = readElf(linkedImage({ functions }));
  const offset = places.get(from)! - AT.text;
  return new PrivateCalls(elf).behind([{ section: '.text', offset }]).map(c => `${c.function} ${c.register}`);
}

const call = (to: string) => ({ to, links: true });
const outer = (to: string, more: Partial<Spec> = {}): Spec => ({
  name: 'outer',
  body: [call(to), MTLR_R10, BLR],
  ...more,
});

it('is told of the caller itself, and of callers of callers', () => {
  expect(told([outer('f')], 'outer')).toEqual(['outer r10']);
  const middle = { name: 'middle', body: [call('f'), LI_R3, BLR] };
  const second = { name: 'second', body: [{ to: 'middle' }] };
  expect(told([middle, second, outer('second')], 'middle')).toEqual(['outer r10']);
});

it('a place for the tracer, with its record, ends the chain; a nop without one does not', () => {
  const middle = (site?: number): Spec => ({
    name: 'middle',
    body: [{ to: 'f' }, 0x60000000],
    ...(site !== undefined && { site }),
  });
  expect(told([middle(1), outer('middle')], 'middle')).toEqual([]);
  expect(told([middle(), outer('middle')], 'middle')).toEqual(['outer r10']);
  expect(told([middle(), outer('middle', { site: 0 })], 'middle')).toEqual([]);
});

it('who comes in at any word of a function calls it', () => {
  const middle = { name: 'middle', body: [{ to: 'f' }, LI_R3, LI_R3, { to: 'f' }] };
  const inside = { name: 'outer', body: [(0x48000001 | (-8 & 0x03fffffc)) >>> 0, MTLR_R10, BLR] };
  expect(told([middle, inside], 'middle')).toEqual(['outer r10']);
});

it('goes through thunks of the linker, by what their code tells', () => {
  const middle = { name: 'middle', body: [{ to: 'f' }] };
  const thunk = { name: '00000001.long_branch.middle', body: [{ to: 'middle' }] };
  expect(told([middle, thunk, outer(thunk.name)], 'middle')).toEqual(['outer r10']);
});
