/** Trampolines of the user's own: what the judge says of a good one, and of each thing that may be wrong. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import { customObject } from '../../../src/merge/custom.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import type { PatchPlan, PlannedAction } from '../../../src/plan/plan.ts';
import type { RenamedObject } from '../../../src/verify/merged/renamed.ts';
import { verifyMerge } from '../../../src/verify/merged/verify-merge.ts';
import { refusalOf } from '../rewrite/support/module.ts';
import {
  carryOut,
  codes,
  GENERATIONS,
  judge,
  type Patched,
  patch,
  redirect,
  Spoiler,
  sample,
} from './support/patched.ts';

function read(name: string) {
  const bytes = sample(name);
  return { name, elf: readElf(bytes), sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** The copy of `frame.o` for demo_in_range=elsewhere, merged into a sample. */
function merge(generation: string) {
  const module = readElf(sample(`${generation}/tocsin_demo.ko`));
  const given = read('custom/frame.o');
  const use = { from: 'demo_in_range', to: 'elsewhere', entry: '__tocsin_custom_demo_in_range' };
  const made = customObject(given, use);
  if (!('object' in made)) throw new Error(made[0]);
  const plan = planMerge(module, [made.object]);
  const { bytes } = applyMerge(module, [made.object], plan);
  const places = made.places.map(p => {
    const { target, offset } = plan.pieces.find(piece => piece.section === p.section)!;
    return { ...p, section: target, offset: offset + p.offset };
  });
  const { namesTarget, movesStack } = made;
  const custom = { object: 'frame.o', sha256: given.sha256, entry: use.entry, places, namesTarget, movesStack };
  const renamed: RenamedObject = { name: 'frame.o', given: given.elf, copy: made.object.elf, ...use };
  return { module, made, plan, bytes, custom, renamed };
}

function patched(generation: string): Patched {
  const { bytes, custom } = merge(generation);
  return patch(bytes, { redirects: [redirect('demo_in_range', 'elsewhere', { strategy: 'custom', custom })] });
}

describe.each(GENERATIONS)('%s', generation => {
  it('a good one', () => {
    expect(judge(patched(generation)).findings).toEqual([]);
    const { module, made, plan, bytes, renamed } = merge(generation);
    const given = { module, objects: [made.object], plan, renamed: [renamed] };
    expect(verifyMerge(given, bytes).findings).toEqual([]);
  });
});

const good = patched('6.1');

it.each(['global-entry', 'local-entry'] as const)('PAT076: at the %s there is no rest to go on in', at => {
  const { bytes, custom } = merge('6.1');
  const asked = redirect('demo_in_range', 'elsewhere', { strategy: 'custom', custom, at });
  expect(refusalOf(() => patch(bytes, { redirects: [asked] }))).toBe('PAT076');
});

function withAction(change: (action: PlannedAction) => object): string[] {
  const actions = good.plan.actions.map(a => ({ ...a, ...change(a) }) as PlannedAction);
  return codes(judge(carryOut(good.elf, { ...good.plan, actions } as PatchPlan)));
}

function withWord(was: number, is: number): string[] {
  const newCode = good.plan.newCode.map(code => {
    expect(code.words).toContain(was);
    return { ...code, words: code.words.map(word => (word === was ? is : word)) };
  });
  return codes(judge(carryOut(good.elf, { ...good.plan, newCode })));
}

describe('finds', () => {
  const custom = (action: PlannedAction) => (action.kind === 'redirect' ? action.custom! : undefined!);

  it('a branch to something else', () => {
    expect(withAction(a => ({ custom: { ...custom(a), entry: 'demo_alarm' } }))).toContain('VER101');
  });

  it('a place that names something else', () => {
    const moved = (a: PlannedAction) => custom(a).places.map(p => ({ ...p, offset: p.offset - 32 }));
    expect(withAction(a => ({ custom: { ...custom(a), places: moved(a) } }))).toContain('VER102');
    const continued = (a: PlannedAction) => custom(a).places.map(p => ({ ...p, stands: 'continue' }));
    expect(withAction(a => ({ custom: { ...custom(a), places: continued(a) } }))).toContain('VER102');
  });

  it.each([
    ['no return address in r0', 0x7c0802a6, 0x60000000],
    ['a body without its TOC', 0x38420000, 0x60000000],
    ['another moved instruction', 0x3d220000, 0x3d420000],
  ])('%s', (_, was, is) => {
    expect(withWord(was, is)).toContain('VER102');
  });

  it('a way back to another word', () => {
    const newCode = good.plan.newCode.map(code => ({
      ...code,
      relocations: code.relocations.map(r => (r.type === 10 ? { ...r, addend: r.addend + 4 } : r)),
    }));
    expect(codes(judge(carryOut(good.elf, { ...good.plan, newCode })))).toContain('VER102');
  });

  it('a place in the rest of the function', () => {
    const places = good.plan.actions.flatMap(a => (a.kind === 'redirect' ? (a.custom?.places ?? []) : []));
    const at = new Set(places.map(p => p.offset));
    const addedRelocations = good.plan.addedRelocations.map(r =>
      at.has(r.offset) ? { ...r, addend: r.addend + 4 } : r,
    );
    expect(codes(judge(carryOut(good.elf, { ...good.plan, addedRelocations })))).toContain('VER102');
  });

  it('VER240: a branch beside the rest of the function, and a call of it, where the merged object has them', () => {
    const { bytes, custom: asked } = merge('6.1');
    const [place] = asked.places;
    const spoiler = new Spoiler(bytes);
    const i = spoiler.relocation('.text', r => r.offset === place!.offset);
    spoiler.setRelocation('.text', i, 16, 4);
    const beside = redirect('demo_in_range', 'elsewhere', { strategy: 'custom', custom: asked });
    expect(codes(judge(patch(spoiler.bytes, { redirects: [beside] })))).toContain('VER240');
    // What is called is named as what is gone on in.
    const places = asked.places.map(p => ({ ...p, stands: 'continue' as const }));
    const called = { ...beside, custom: { ...asked, places } };
    expect(codes(judge(patch(bytes, { redirects: [called] })))).toContain('VER240');
  });

  it('a copy that is not the object', () => {
    const { module, made, plan, bytes, renamed } = merge('6.1');
    const findings = (change: Partial<RenamedObject>) =>
      codes(verifyMerge({ module, objects: [made.object], plan, renamed: [{ ...renamed, ...change }] }, bytes));
    const spoiled = (offset: number): ElfFile => {
      const changed = renamed.copy.bytes.slice();
      changed[renamed.copy.sectionNamed('.text')!.sh_offset + offset]! ^= 1;
      return readElf(changed);
    };
    expect(findings({ copy: spoiled(4) })).toEqual(['VER100']);
    expect(findings({ to: 'somewhere_else' })).toEqual(['VER100']);
    expect(findings({ entry: 'demo_alarm' })).toEqual(['VER100']);
    expect(findings({ given: read('custom/count.o').elf })).toEqual(['VER100']);
  });
});
