/** The sample modules of all three generations: every strategy, layers, packed records, damage. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { readPatchNote } from '../../../src/kernel/patch-note.ts';
import { moduleSignature } from '../../../src/kernel/signature.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import { makePlan, type PatchRequest } from '../../../src/rewrite/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { callSitesOf } from '../../../src/sites/call-sites.ts';
import { join as concatenate } from '../../support/object-builder.ts';
import { redirect, refusalOf } from './support/module.ts';

const options = { toolVersion: 'test' };
const file = (generation: string) => join(import.meta.dirname, '../../../samples', generation, 'tocsin_demo.ko');
const generations = ['6.1', '6.12', '7.2'].filter(g => existsSync(file(g)));
const read = (generation: string) => new Uint8Array(readFileSync(file(generation)));

function patch(bytes: Uint8Array, request: PatchRequest): Uint8Array {
  const elf = readElf(bytes);
  return applyPlan(elf, makePlan(elf, { ...request, allowUnversioned: true }), options).bytes;
}

const everything: PatchRequest = { nops: ['*'], redirects: [] };
const requests: readonly (readonly [string, PatchRequest])[] = [
  ['every site a nop', everything],
  ['some', { nops: ['demo_a*', 'demo_lookup'], redirects: [] }],
  ['direct', redirect('demo_in_range', 'demo_in_range_fixed')],
  ['direct at the site', redirect('demo_in_range', 'demo_in_range_fixed', { at: 'site' })],
  ['direct from a leaf', redirect('demo_parity', 'demo_in_range_fixed')],
  ['frame', redirect('demo_in_range', 'fix_in_range')],
  ['frame from a leaf, saved', redirect('demo_parity', 'int_sqrt', { toc: 'saved', at: 'site' })],
  ['several', { nops: ['demo_*'], redirects: redirect('demo_in_range', 'fix_in_range').redirects }],
];

describe.each(generations)('tocsin_demo of %s', generation => {
  it.each(requests)('%s: patched, and turned back bit for bit', (_, request) => {
    const original = read(generation);
    const kept = original.slice();
    const bytes = patch(original, request);
    expect(original).toEqual(kept);
    const back = revert(bytes);
    expect(Buffer.compare(back.original, original)).toBe(0);
    expect(back.record.original.sha256).toBe(createHash('sha256').update(original).digest('hex'));
    expect(patch(original, request)).toEqual(bytes);
    const { strays } = callSitesOf(readElf(bytes));
    expect(strays).toEqual([]);
  });

  it('refuses stack arguments and variadic functions under frame, not under direct', () => {
    const elf = readElf(read(generation));
    for (const name of ['demo_sum_ten', 'demo_sum_variadic']) {
      expect(refusalOf(() => makePlan(elf, redirect(name, 'int_sqrt')))).toBe('PAT011');
      expect(refusalOf(() => makePlan(elf, redirect(name, 'demo_in_range_fixed')))).toBe('none');
    }
  });

  it('patches on top of a patch, and takes one off at a time', () => {
    const original = read(generation);
    const one = patch(original, redirect('demo_parity', 'demo_in_range_fixed'));
    const elf = readElf(one);
    const plan = makePlan(elf, { ...redirect('demo_in_range', 'int_sqrt'), nops: ['demo_alarm'] });
    expect(plan.newCode.map(c => c.name)).toEqual(['.text.tocsin.2']);
    expect(plan.warnings.join()).toMatch(/patched before/);
    const two = applyPlan(elf, plan, options).bytes;
    const after = readElf(two);
    expect(after.sections.filter(s => s.name === '.note.tocsin')).toHaveLength(1);
    expect(readPatchNote(after)!.record.layer).toBe(2);
    const back = revert(two);
    expect(Buffer.compare(back.original, one)).toBe(0);
    expect(Buffer.compare(revert(back.original).original, original)).toBe(0);
  });

  it('drops a signature, says so, and brings it back', () => {
    const info = new Uint8Array(12);
    info[2] = 2;
    info[11] = 200;
    const marker = Buffer.from('~Module signature appended~\n');
    const signed = concatenate([read(generation), new Uint8Array(200).fill(7), info, marker]);
    const elf = readElf(signed);
    const plan = makePlan(elf, everything);
    expect(plan.dropsSignature).toBe(true);
    expect(plan.warnings.join()).toMatch(/signature/);
    const { bytes, record } = applyPlan(elf, plan, options);
    expect(record.signatureDropped).toBe(true);
    expect(moduleSignature(bytes)).toBeUndefined();
    expect(Buffer.compare(revert(bytes).original, signed)).toBe(0);
  });

  it('says how the input was packed', () => {
    const elf = readElf(read(generation));
    const packed = { form: 'xz', sha256: 'ab'.repeat(32) } as const;
    const { bytes } = applyPlan(elf, makePlan(elf, everything), { ...options, packed });
    expect(readPatchNote(readElf(bytes))!.record.original.packed).toEqual(packed);
  });

  it('notices what was changed after the patch', () => {
    const bytes = patch(read(generation), everything);
    expect(refusalOf(() => revert(read(generation)))).toBe('RVT001');
    const elf = readElf(bytes);
    const text = elf.sectionNamed('.text')!;
    const changed = bytes.slice();
    changed[text.sh_offset + 64]! ^= 1;
    expect(refusalOf(() => revert(changed))).toBe('RVT002');
    const note = elf.sectionNamed('.note.tocsin')!;
    for (let at = 0; at < note.sh_size; at += 61) {
      const bad = bytes.slice();
      bad[note.sh_offset + at]! ^= 0x55;
      // Some bytes of the record matter to nobody: then the original still comes out.
      expect(['RVT001', 'RVT002', 'none']).toContain(refusalOf(() => revert(bad)));
    }
  });

  it('can be reverted after it was signed', () => {
    const original = read(generation);
    const bytes = patch(original, everything);
    const signed = concatenate([bytes, new Uint8Array(300)]);
    expect(Buffer.compare(revert(signed).original, original)).toBe(0);
  });
});

it.each(generations)(
  '%s: warns that the replacement calls the function only where its calls are led to it',
  generation => {
    const elf = readElf(read(generation));
    const places = ['after-site', 'site', 'local-entry', 'global-entry'] as const;
    const warns = places.map(at =>
      makePlan(elf, redirect('demo_lookup', 'demo_lookup_all', { at })).warnings.some(w => w.includes('leads back')),
    );
    expect(warns).toEqual([true, true, true, false]);
  },
);
