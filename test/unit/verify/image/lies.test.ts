/**
 * Plans of images that lie, fields of each plan in turn, carried out to the letter and judged; and notes that lie, held against the
 * image and its original. What is let through is the same file, or differs in what means nothing. The lab tells all lies.
 */
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import { type PatchRecord, readPatchNote } from '../../../../src/kernel/patch-note.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { judgeNote } from '../../../../src/verify/noted.ts';
import { IMAGE_LIARS, IMAGE_NAMES, imageCampaign } from '../support/image-liars.ts';
import { liesOf } from '../support/lies.ts';

describe.each(Object.entries(IMAGE_LIARS))('%s', (name, make) => {
  it('lies in its plan in vain', () => {
    const { tried, refused, harmful } = imageCampaign(make(), 13);
    expect(harmful).toEqual([]);
    expect(refused).toBeGreaterThan(tried / 2);
  });

  it('lies in its note in vain', () => {
    const { input, plan } = make();
    const elf = readElf(applyImagePlan(input, plan, { toolVersion: 'test' }).bytes);
    const note = readPatchNote(elf)!;
    const judged = (change: Partial<PatchRecord>) => judgeNote(elf, { ...note, record: { ...note.record, ...change } });
    expect(judged({})).toEqual([]);
    const believed: string[] = [];
    for (const { field, path, what, plan: lie } of liesOf({ actions: note.record.actions }, IMAGE_NAMES))
      if (
        field !== '.actions' &&
        !UNSEEN.test(field) &&
        !(name === 'a trampoline of the user' && WHOM.test(field)) &&
        what !== 'moved to the front' &&
        judged(lie).length === 0
      )
        believed.push(`${path}: ${what}`);
    expect(believed).toEqual([]);
    for (const change of [{ layer: 2 }, { codeAdded: note.record.codeAdded + 4 }, { actions: [] }])
      expect([name, judged(change).map(f => f.code)]).toEqual([name, expect.arrayContaining(['VER235'])]);
  });
});

/** Reasons, and what only the objects of the patch would tell. */
const UNSEEN = /\.grounds|\.custom\.(object|sha256|places)/;
const WHOM = /\.to$/;
