import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import type { ImagePlan } from '../../../../src/plan/image.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import { verifyImage } from '../../../../src/verify/image/verify-image.ts';
import { AT, BASE, branch, FILE_START, linkedImage } from '../../../support/linked-image.ts';
import { hook, patched, redirect } from '../../rewrite/image/support.ts';

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
    expect(codes(good, { ...plan, actions })).toEqual(['VER222', 'VER114', 'VER118']);
  });

  it('is an output that cannot be read', () => {
    expect(codes(good.subarray(0, 1000))).toEqual(['VER001']);
  });
});

describe('what the judge finds in an image with an object in it', () => {
  const made = patched({ redirects: [redirect('first', 'fix')], hooks: [hook('leaf', 'count')] });
  const check = (of: ImagePlan) => {
    const output = applyImagePlan(made.input, of, { toolVersion: 'test' }).bytes;
    return [...new Set(verifyImage(made.input, output, of, made.objects).findings.map(f => f.code))];
  };
  /** The plan with a word of a part, counted from its start, changed; the part by number. */
  const withWord = (part: number, at: number, word: number): ImagePlan => {
    const parts = made.plan.parts.map((p, i) => {
      if (i !== part) return p;
      const bytes = p.bytes.slice();
      new DataView(bytes.buffer).setUint32(at, word, true);
      return { ...p, bytes };
    });
    return { ...made.plan, parts };
  };
  const hookPart = made.plan.parts.findIndex(p => p.name !== '.text.tocsin' && p.kind === 'code');
  const wordOf = (part: number, at: number) => new DataView(made.plan.parts[part]!.bytes.buffer).getUint32(at, true);
  /** Bytes to the n-th word of the hook's code that is `word`. */
  const find = (word: number) => {
    for (let at = 0; at < made.plan.parts[hookPart]!.bytes.length; at += 4)
      if (wordOf(hookPart, at) === word) return at;
    throw new Error(`no ${word.toString(16)}`);
  };

  it('is nothing where all is as planned', () => {
    expect(check(made.plan)).toEqual([]);
  });

  it.each<[string, ImagePlan]>([
    ['another branch in it', withWord(0, 28, 0x48000001)],
    ['other code', withWord(0, 56, 0x4e800420)],
    ['something where there is nothing', withWord(2, 20, 1)],
  ])('is %s', (_, of) => {
    expect(check(of)).toContain('VER119');
  });

  it.each<[string, ImagePlan]>([
    ['a hook without its frame', withWord(hookPart, find(0xf821ff51), 0x60000000)],
    ['an argument that does not come back', withWord(hookPart, find(0x7dc37378), 0x60000000)],
    ['a register that is not kept', withWord(hookPart, find(0x7dc37378) + 32, 0x60000000)],
    ['a return address that is lost', withWord(hookPart, find(0x7c0803a6), 0x60000000)],
    ['something that no hook does', withWord(hookPart, find(0x7c0803a6), 0x44000002)],
  ])('is %s', (_, of) => {
    expect(check(of)).toEqual(['VER115']);
  });

  it('is room that the kernel does not keep', () => {
    const parts = made.plan.parts.map(p =>
      p.kind === 'data'
        ? { ...p, address: BASE + BigInt(AT.rela + 0x400), fileOffset: FILE_START + AT.rela + 0x400 }
        : p,
    );
    expect(check({ ...made.plan, parts })).toContain('VER112');
  });

  it('is a dynamic relocation that nobody wants', () => {
    const [first, ...rest] = made.plan.relatives;
    expect(check({ ...made.plan, relatives: [{ ...first!, value: first!.value + 8n }, ...rest] })).toEqual(['VER113']);
  });

  it('is a symbol that is bound to something else', () => {
    const bindings = made.plan.bindings.map(b => ({ ...b, address: b.address + 4n }));
    expect(check({ ...made.plan, bindings })).toContain('VER119');
  });

  it('is a branch that leads elsewhere', () => {
    const words = made.plan.words.map(w => ({ ...w, after: w.after >>> 26 === 18 ? (w.after + 4) >>> 0 : w.after }));
    expect(check({ ...made.plan, words })).toEqual(['VER115']);
  });
});

describe('what the judge finds in an image with changed calls and hooks behind functions', () => {
  const call = { from: 'caller', call: 'helper', to: 'count' };
  const made = patched({ hooks: [hook('first', 'fix', 'after')], retargets: [call] });
  const check = (of: ImagePlan) => {
    const output = applyImagePlan(made.input, of, { toolVersion: 'test' }).bytes;
    return verifyImage(made.input, output, of, made.objects).findings.map(f => f.code);
  };
  const part = made.plan.parts.findIndex(p => p.name !== '.text.tocsin' && p.kind === 'code');
  /** The hook's code with the n-th occurrence of a word replaced. */
  const without = (word: number, by: number, n = 0): ImagePlan => {
    const parts = made.plan.parts.map((p, i) => {
      if (i !== part) return p;
      const words = new Uint32Array(p.bytes.slice().buffer);
      let at = words.indexOf(word);
      for (let k = 0; k < n; k++) at = words.indexOf(word, at + 1);
      expect(at).toBeGreaterThanOrEqual(0);
      words[at] = by;
      return { ...p, bytes: new Uint8Array(words.buffer) };
    });
    return { ...made.plan, parts };
  };
  const changed = (change: Partial<{ call: string; to: string; links: boolean; toc: 'restored' }>): ImagePlan => ({
    ...made.plan,
    actions: made.plan.actions.map(a => (a.kind === 'retarget' ? { ...a, ...change } : a)),
  });

  it('is nothing where all is as planned', () => {
    expect(check(made.plan)).toEqual([]);
  });

  it.each<[string, ImagePlan]>([
    ['a result that is lost', without(0xf8610060, 0x60000000)],
    ['a result that the hook does not get', without(0x7c651b78, 0x60000000)],
    ['a second result that is lost', without(0xe8810068, 0x60000000)],
    ['a frame that stays', without(0x38210080, 0x60000000)],
    ['a result that lies where the function may write', without(0xf8610060, 0xf8610040)],
    ['code without an end', without(0x4e800020, 0x60000000)],
  ])('is %s', (_, of) => {
    // A symbol ends with its code.
    expect(check(of).filter(code => code !== 'VER263')).toEqual(['VER115']);
  });

  it.each<[string, ImagePlan]>([
    ['a call of somebody else', changed({ call: 'second' })],
    ['a call that leads elsewhere', changed({ to: 'fix' })],
    ['a call that is a jump', changed({ links: false })],
    ['a load of r2 that nobody makes', changed({ toc: 'restored' })],
  ])('is %s', (_, of) => {
    expect(check(of)).toEqual(['VER166']);
  });
});
