import { describe, expect, it } from 'vitest';
import { readElf } from '../../../../src/elf/read.ts';
import { imageRecords } from '../../../../src/kernel/image.ts';
import { dynamicRelocations } from '../../../../src/kernel/image-layout.ts';
import { applyImagePlan } from '../../../../src/rewrite/image/apply.ts';
import { makeImagePlan } from '../../../../src/rewrite/image/plan.ts';
import { revert } from '../../../../src/rewrite/revert.ts';
import { verifyImage } from '../../../../src/verify/image/verify-image.ts';
import { codeOf } from '../../../support/errors.ts';
import { AT, BASE, branch, type ImageFunction, type ImageOptions, linkedImage } from '../../../support/linked-image.ts';

const [NOP, BLR, MFLR] = [0x60000000, 0x4e800020, 0x7c0802a6];

/** 16 bytes each, the first one at 16. */
const called = (name: string, at: number): ImageFunction => ({
  name,
  words: [MFLR, branch(at + 4, 0, true), BLR],
  site: 1,
});
const PROFILED = [called('one', 16), called('two', 32), called('three', 48)];
const nops = (name: string, count: number): ImageFunction => ({
  name,
  words: [...Array(count).fill(NOP), BLR],
  site: 0,
});

function patched(options: ImageOptions, ...patterns: string[]) {
  const input = readElf(linkedImage(options));
  const plan = makeImagePlan(input, { nops: patterns, redirects: [] });
  const { bytes } = applyImagePlan(input, plan, { toolVersion: 'test' });
  const verification = verifyImage(input, bytes, plan);
  return { input, plan, bytes, output: readElf(bytes), verification };
}

const word = (elf: ReturnType<typeof readElf>, at: number) => elf.sectionWords(elf.sectionNamed('.text')!)[at / 4];

describe('call sites of a linked image', () => {
  it('become nops, and their records zeros that nothing moves', () => {
    const { output, verification, input, bytes } = patched({ functions: PROFILED }, 't*');
    expect(verification.findings).toEqual([]);
    expect([20, 36, 52].map(at => word(output, at))).toEqual([word(input, 20), NOP, NOP]);
    expect([...imageRecords(output)!.values]).toEqual([BASE + 20n, 0n, 0n]);
    const { section, size, count } = dynamicRelocations(output)!;
    const table = output.relocations(section);
    expect([0, 1, 2, 3].map(i => table.type(i))).toEqual([22, 22, 0, 0]);
    expect(size.value).toBe(96n);
    expect(count!.value).toBe(2n);
    expect(revert(bytes).original).toEqual(input.bytes);
  });

  it.each([1, 2])('made of %i nops stay, and their records name the exit code', count => {
    const functions = [nops('one', count), nops('two', count)];
    const { output, verification, plan } = patched({ functions }, 'two');
    expect(verification.findings).toEqual([]);
    expect(plan.words.every(w => !output.sections[w.section]!.isCode)).toBe(true);
    expect([...imageRecords(output)!.values]).toEqual([BASE + 16n, BASE + BigInt(AT.exitText)]);
    expect(dynamicRelocations(output)!.count!.value).toBe(3n);
  });

  it('of an image that is not relocatable have their records in the words', () => {
    const { output, verification } = patched({ functions: PROFILED, isFixed: true }, 'two');
    expect(verification.findings).toEqual([]);
    expect([...imageRecords(output)!.values]).toEqual([BASE + 20n, 0n, BASE + 52n]);
    const other = patched({ functions: [nops('one', 2)], isFixed: true }, 'one');
    expect([...imageRecords(other.output)!.values]).toEqual([BASE + BigInt(AT.exitText)]);
  });

  it('are the same in an ET_DYN image', () => {
    expect(patched({ functions: PROFILED, type: 3 }, 'one').verification.ok).toBe(true);
  });

  it('are refused where the image is linked for another address than a kernel', () => {
    const bytes = linkedImage({ functions: PROFILED });
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setBigUint64(80, BASE + 0x200_0000n, true);
    expect(codeOf(() => makeImagePlan(readElf(bytes), { nops: ['one'], redirects: [] }))).toBe('PAT250');
  });

  it('go in two steps, and come back in two', () => {
    const first = patched({ functions: PROFILED }, 'one');
    const second = makeImagePlan(first.output, { nops: ['two'], redirects: [] });
    const { bytes } = applyImagePlan(first.output, second, { toolVersion: 'test' });
    expect(verifyImage(first.output, bytes, second).findings).toEqual([]);
    expect(revert(revert(bytes).original).original).toEqual(first.input.bytes);
  });

  it.each<[string, ImageOptions, string]>([
    ['no exit code', { functions: [nops('one', 2)], without: ['__exittext_begin'] }, 'PAT122'],
    ['exit code that is text', { functions: [nops('one', 2)], symbols: { _einittext: AT.mcount } }, 'PAT122'],
    ['other relocations than the kernel applies', { functions: PROFILED, dynamicSize: 24 }, 'PAT121'],
    ['no function of the name', { functions: [nops('two', 2)] }, 'PAT002'],
  ])('are refused where there is %s', (_, options, code) => {
    const input = readElf(linkedImage(options));
    expect(codeOf(() => makeImagePlan(input, { nops: ['one'], redirects: [] }))).toBe(code);
  });
});
