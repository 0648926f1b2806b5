/** The samples: an object merged, the result patched, proved and verified, and all of it undone at once. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import { readPatchNote } from '../../../src/kernel/patch-note.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import type { MergeObject } from '../../../src/merge/objects.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import { makePlan, type PatchRequest } from '../../../src/rewrite/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { verifyMerge } from '../../../src/verify/merged/verify-merge.ts';
import { PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import { verifyPatched } from '../../../src/verify/verify.ts';
import { ObjectBuilder } from '../../support/object-builder.ts';
import { root } from '../../support/samples.ts';
import { asObject, fixObject } from './support/objects.ts';

const read = (path: string) => new Uint8Array(readFileSync(`${root}samples/${path}`));

function redirects(...pairs: readonly (readonly [from: string, to: string])[]): PatchRequest {
  return {
    nops: [],
    redirects: pairs.map(([from, to]) => ({ from, to, strategy: 'direct', at: 'after-site', toc: 'recomputed' })),
    allowUnversioned: true,
  };
}

const FIXES = redirects(
  ['demo_in_range', 'fixed_in_range'],
  ['demo_parity', 'fixed_parity'],
  ['demo_sum_ten', 'fixed_sum_ten'],
);

/** Merges, patches, judges; gives the output. */
function patched(module: ElfFile, objects: readonly MergeObject[], request: PatchRequest) {
  const merge = planMerge(module, objects);
  const middle = applyMerge(module, objects, merge);
  expect(verifyMerge({ module, objects, plan: merge }, middle.bytes).findings).toEqual([]);
  const elf = readElf(middle.bytes);
  const plan = makePlan(elf, { ...request, merge });
  const before = { bytes: module.bytes, merged: middle };
  const { bytes } = applyPlan(elf, plan, { toolVersion: 'test', before });
  const { findings, ok } = verifyPatched({ elf, bytes: module.bytes }, bytes, plan);
  expect(findings.filter(f => f.level === 'error')).toEqual([]);
  expect(ok).toBe(true);
  return { bytes, plan, merge };
}

describe.each(['6.1', '6.12', '7.2'])('the %s sample', generation => {
  const module = readElf(read(`${generation}/tocsin_demo.ko`));
  const object = asObject(read(`${generation}/demo_object.o`), 'demo_object.o');

  it('with its fix merged in is proved, and one revert brings it back', () => {
    const { bytes, plan, merge } = patched(module, [object], FIXES);
    const after = readElf(bytes);
    const proof = new PatchProver(module, undefined).prove(
      after,
      plan.actions.filter(a => a.kind === 'redirect'),
    );
    expect([proof.verdict, proof.judged - proof.proved]).toEqual(['proved', 0]);
    expect(merge.bindings.filter(b => b.to === 'local').map(b => b.name)).toEqual(
      expect.arrayContaining(['demo_checks', 'demo_hits', 'canary_get']),
    );
    const record = readPatchNote(after)!.record;
    expect(record.merged).toEqual([{ name: 'demo_object.o', size: object.elf.bytes.length, sha256: object.sha256 }]);
    const back = revert(bytes);
    expect(Buffer.compare(back.original, module.bytes)).toBe(0);
    // What the script takes is far less than the module.
    expect(readPatchNote(after)!.script.length).toBeLessThan(module.bytes.length / 7);
  });

  it('keeps its own symbols and section numbers', () => {
    const { bytes } = patched(module, [object], FIXES);
    const after = readElf(bytes);
    for (const section of module.sections) expect(after.sections[section.index]!.name).toBe(section.name);
    for (let i = 1; i < module.symbols!.count; i++) expect(after.symbols!.name(i)).toBe(module.symbols!.name(i));
  });

  it('can lose its call sites with those of the fix', () => {
    const { bytes } = patched(module, [object], { nops: ['*'], redirects: [], allowUnversioned: true });
    expect(Buffer.compare(revert(bytes).original, module.bytes)).toBe(0);
  });

  it('can be patched and merged into again, and is undone layer by layer', () => {
    const first = patched(module, [object], FIXES).bytes;
    const more = fixObject(() => {}, 'more.o');
    const second = patched(readElf(first), [more], { nops: ['demo_alarm'], redirects: [], allowUnversioned: true });
    const once = revert(second.bytes);
    expect(Buffer.compare(once.original, first)).toBe(0);
    expect(once.record.layer).toBe(2);
    expect(Buffer.compare(revert(once.original).original, module.bytes)).toBe(0);
  });

  it('loses a signature, which revert brings back', () => {
    const unsigned = module.bytes;
    const { length } = new ObjectBuilder().build();
    const signature = new ObjectBuilder().sign(Buffer.from('not a signature')).build().subarray(length);
    const signed = Buffer.concat([unsigned, signature]);
    const { bytes, plan } = patched(readElf(new Uint8Array(signed)), [object], FIXES);
    const { record } = readPatchNote(readElf(bytes))!;
    expect([record.signatureDropped, plan.merged?.dropsSignature]).toEqual([true, true]);
    expect(plan.warnings).toContainEqual(expect.stringContaining('signature'));
    expect(Buffer.compare(revert(bytes).original, signed)).toBe(0);
  });
});

it('merges the same to the byte each time', () => {
  const module = readElf(read('6.1/tocsin_demo.ko'));
  const object = asObject(read('6.1/demo_object.o'), 'demo_object.o');
  const [a, b] = [patched(module, [object], FIXES), patched(module, [object], FIXES)];
  expect(Buffer.compare(a.bytes, b.bytes)).toBe(0);
});
