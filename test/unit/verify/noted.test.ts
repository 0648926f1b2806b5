/** What the note in a patched file says is held against the file and the original that its script gives back. */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { type PatchRecord, readPatchNote } from '../../../src/kernel/patch-note.ts';
import type { PatchPlan } from '../../../src/plan/plan.ts';
import { judgeNote } from '../../../src/verify/noted.ts';
import type { NotedFault } from '../../../src/verify/noted-actions.ts';
import { told, withCopies } from './support/copies.ts';
import { liesOf } from './support/lies.ts';
import { GENERATIONS, type Patched, patch, redirect, sample } from './support/patched.ts';

const hook = (functions: string, name: string, more: object = {}) =>
  ({ functions, hook: name, when: 'before', at: undefined, toc: 'recomputed', ...more }) as const;

/** @param change of the record, as an editor would make it */
function judged({ output }: Pick<Patched, 'output'>, change: Partial<PatchRecord> = {}): readonly NotedFault[] {
  const elf = readElf(output);
  const note = readPatchNote(elf)!;
  return judgeNote(elf, { ...note, record: { ...note.record, ...change } });
}

const codes = (faults: readonly NotedFault[]) => [...new Set(faults.map(f => f.code))];

function cases(generation: string): readonly Patched[] {
  const file = `${generation}/tocsin_demo.ko`;
  const fix = withCopies(sample(`${generation}/tocsin_fix.ko`));
  return [
    patch(file, { nops: ['*'] }),
    patch(file, { redirects: [redirect('demo_in_range', 'demo_in_range_fixed')] }),
    patch(file, { redirects: [redirect('demo_in_range', 'somewhere_else', { toc: 'saved', at: 'site' })] }),
    patch(file, { redirects: [redirect('demo_in_range', 'demo_parity', { at: 'global-entry' })] }),
    patch(file, { redirects: [redirect('demo_in_range', 'somewhere_else', { at: 'local-entry' })] }),
    patch(file, {
      redirects: [redirect('demo_in_range', 'fix_in_range', { strategy: 'epilogue' })],
      ...told(fix),
    }),
    patch(file, { hooks: [hook('demo_*', 'elsewhere'), hook('demo_[a-l]*', 'demo_parity', { when: 'after' })] }),
    patch(file, { retargets: [{ from: 'demo_external', call: 'int_sqrt', to: 'elsewhere' }] }),
  ];
}

describe.each(GENERATIONS)('notes of %s', generation => {
  it('that say what was done', () => {
    for (const good of cases(generation)) {
      expect(judged(good)).toEqual([]);
      // A patch on top of it tells of itself.
      const again = patch(good.output, {
        redirects: [redirect('demo_sum_ten', 'demo_parity', { at: 'global-entry' })],
      });
      expect(judged(again)).toEqual([]);
    }
    expect(judged({ output: withCopies(sample(`${generation}/tocsin_fix.ko`)) })).toEqual([]);
  });

  it('that were edited', () => {
    for (const good of cases(generation).slice(generation === '6.1' ? 1 : 6, 6)) {
      for (const { path, what, plan } of liesOf({ actions: good.plan.actions } as unknown as PatchPlan, [
        'demo_lookup',
      ])) {
        if (
          path === '.actions' ||
          path.includes('.grounds') ||
          path.includes('.copy.module') ||
          what === 'moved to the front'
        )
          continue;
        expect(judged(good, { actions: plan.actions }), `${path} ${what}`).not.toEqual([]);
      }
    }
  });
});

const frame = patch('6.1/tocsin_demo.ko', { redirects: [redirect('demo_external', 'somewhere_else')] });

it.each<[string, Partial<PatchRecord>, string]>([
  ['another layer', { layer: 2 }, 'VER235'],
  ['more code', { codeAdded: 52 }, 'VER235'],
  ['another version of tocsin', { tool: '9.9.9' }, 'VER235'],
  ['no action at all', { actions: [] }, 'VER235'],
  ['nonsense', { actions: [7] as unknown as PatchRecord['actions'] }, 'VER235'],
  ['an action of no known kind', { actions: [{ kind: 'toString' }] as unknown as PatchRecord['actions'] }, 'VER235'],
  ['another original', { original: { size: frame.bytes.length, sha256: '0'.repeat(64) } }, 'VER236'],
])('a note with %s', (_, change, code) => {
  expect(codes(judged(frame, change))).toEqual([code]);
});

it('a script that was changed', () => {
  const elf = readElf(frame.output);
  const note = readPatchNote(elf)!;
  for (let i = 0; i < note.script.length; i += 7) {
    const script = note.script.slice();
    script[i]! ^= 0x41;
    expect(codes(judgeNote(elf, { ...note, script }))).toEqual(['VER236']);
  }
});
