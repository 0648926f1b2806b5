import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import type { ImagePlan } from '../../../../src/plan/image.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import { verifyImage } from '../../../../src/verify/image/verify-image.ts';
import { AT, branch, FILE_START, linkedImage } from '../../../support/linked-image.ts';

const functions = ['one', 'two'].map((name, i) => ({
  name,
  words: [0x7c0802a6, branch(20 + i * 16, 0, true), 0x4e800020],
  site: 1,
}));
const input = readElf(linkedImage({ functions }));
const plan = makeImagePlan(input, { nops: ['one'], redirects: [] });
const good = applyImagePlan(input, plan, { toolVersion: 'test' }).bytes;

function codes(bytes: Uint8Array, of: ImagePlan = plan): string[] {
  return [...new Set(verifyImage(input, bytes, of).findings.map(f => f.code))];
}

function spoiled(at: number, word: number): Uint8Array {
  const bytes = good.slice();
  new DataView(bytes.buffer).setUint32(at, word, true);
  return bytes;
}

const rela = (entry: number, field: number) => FILE_START + AT.rela + entry * 24 + field;

describe('what the judge finds in a patched image', () => {
  it('is nothing where all is as planned', () => {
    expect(codes(good)).toEqual([]);
  });

  it.each<[string, Uint8Array, string[]]>([
    ['another word of code', spoiled(FILE_START + 24, 0x60000000), ['VER110', 'VER118']],
    ['a word in a gap', spoiled(FILE_START + AT.etext - 8, 1), ['VER110', 'VER118']],
    ['a call site that is still there', spoiled(FILE_START + 20, 0x48000001), ['VER110', 'VER115']],
    ['a relocation of another record', spoiled(rela(2, 16), 20), ['VER110', 'VER113', 'VER114', 'VER118']],
    ['a relocation that is back', spoiled(rela(1, 8), 22), ['VER110', 'VER113']],
    ['a segment of another size', spoiled(64 + 32, 0x1000), ['VER111']],
    ['another entry point', spoiled(24, 4), ['VER111']],
  ])('is %s', (_, bytes, wanted) => {
    expect(codes(bytes)).toEqual(wanted);
  });

  it('is a plan that does not fit the input', () => {
    const words = plan.words.map((w, i) => (i === 0 ? { ...w, before: w.before ^ 4 } : w));
    expect(codes(good, { ...plan, words })).toEqual(['VER117']);
  });

  it('is a record that goes to where the kernel does not pass over it', () => {
    const records = plan.records.map(r => ({ ...r, after: r.before }));
    expect(codes(good, { ...plan, records })).toContain('VER114');
  });

  it('is an action that no record goes with', () => {
    const actions = plan.actions.map(a => ({ ...a, recordRemoved: false }) as typeof a);
    expect(codes(good, { ...plan, actions })).toEqual(['VER114', 'VER118']);
  });

  it('is an output that cannot be read', () => {
    expect(codes(good.subarray(0, 1000))).toEqual(['VER001']);
  });
});
