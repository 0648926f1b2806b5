/** Plans that lie about what was merged. */
import { expect, it } from 'vitest';
import type { PatchPlan, PlannedAction } from '../../../../src/plan/plan.ts';
import { mutantsOf } from '../support/mutants.ts';
import { made, refusals, type Subject, subjectOf, withObject } from '../support/subjects.ts';

const custom = subjectOf('custom frame.o', '6.1');
const copies = subjectOf('epilogue', '6.1');

const told = (given: Subject, change: Partial<PatchPlan>) => {
  const plan = { ...given.plan, ...change };
  return refusals(given, { plan, output: made(given, plan) });
};
const actions = (given: Subject, change: (a: PlannedAction) => object) => ({
  actions: given.plan.actions.map(a => ({ ...a, ...change(a) }) as PlannedAction),
});

it('honest ones are believed', () => {
  for (const given of [custom, copies]) expect(refusals(given, {})).toEqual([]);
});

it('VER280: other objects', () => {
  const { objects, dropsSignature } = copies.plan.merged!;
  const other = objects.map(o => ({ ...o, sha256: '0'.repeat(64) }));
  expect(told(copies, { merged: { objects: other, dropsSignature } })).toEqual(['merge', 'VER280']);
  expect(told(copies, { merged: { objects, dropsSignature: true } })).toEqual(['merge', 'VER280']);
  const { merged: _, ...rest } = copies.plan;
  expect(refusals(copies, { plan: rest, output: made(copies, rest) })).toEqual(['merge', 'VER280']);
});

it('VER280: a copy that no action speaks of', () => {
  expect(told(copies, { actions: copies.plan.actions.slice(1) })).toEqual(['merge', 'VER280']);
});

it('VER280: another trampoline, or for somebody else', () => {
  const own = (a: PlannedAction) => (a.kind === 'redirect' ? a.custom! : undefined!);
  expect(
    told(
      custom,
      actions(custom, a => ({ custom: { ...own(a), object: 'x.o' } })),
    ),
  ).toContain('VER280');
  expect(
    told(
      custom,
      actions(custom, a => ({ custom: { ...own(a), sha256: '' } })),
    ),
  ).toContain('VER280');
  expect(
    told(
      custom,
      actions(custom, () => ({ to: '' })),
    ),
  ).toContain('VER280');
});

it('VER284: a place twice, or between words', () => {
  const change = (places: (list: readonly { offset: number }[]) => readonly object[]) =>
    actions(custom, a => (a.kind === 'redirect' ? { custom: { ...a.custom!, places: places(a.custom!.places) } } : {}));
  expect(
    told(
      custom,
      change(list => [...list, ...list]),
    ),
  ).toContain('VER284');
  expect(
    told(
      custom,
      change(list => list.map(p => ({ ...p, offset: p.offset + 1 }))),
    ),
  ).toContain('VER284');
});

it('VER285: something behind a copy, or a copy with a weak symbol', () => {
  const { bytes } = copies.merge!.objects[0]!.elf;
  const lies = [...mutantsOf(bytes, name => name === '.text.tocsin')].filter(m =>
    /^contents .text.tocsin (220|324|328|332) |^symbol info .*_demo_external \^ 0x30/.test(`${m.field} ${m.what}`),
  );
  expect(lies.length).toBeGreaterThan(20);
  for (const { bytes: lie } of lies) expect(refusals(copies, withObject(copies, 0, lie()))).toContain('VER285');
});

it('VER103: shadow code whose plan does not say how r2 comes back; VER190: an island that the plan keeps quiet', () => {
  const shadow = subjectOf('shadow table', '6.1');
  expect(
    told(
      shadow,
      actions(shadow, () => ({ toc: undefined })),
    ),
  ).toContain('VER103');
  const island = subjectOf('island', '6.1');
  expect(
    told(
      island,
      actions(island, () => ({ branch: undefined })),
    ),
  ).toContain('VER190');
});
