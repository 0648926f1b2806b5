/** What `modinfo` shows of a patched module. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { modinfoOf } from '../../../src/kernel/modinfo.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { codes, judge, patch, redirect, sample } from '../verify/support/patched.ts';

const MODULE = '6.1/tocsin_demo.ko';
const told = (bytes: Uint8Array) => modinfoOf(readElf(bytes)).filter(entry => entry.key === 'tocsin');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

describe('.modinfo', () => {
  const first = patch(MODULE, { nops: ['demo_lookup'], redirects: [redirect('demo_external', 'somewhere_else')] });

  it('tells version, actions and the original behind what it told before', () => {
    const before = modinfoOf(readElf(sample(MODULE)));
    const after = modinfoOf(readElf(first.output));
    expect(after.slice(0, -1)).toEqual(before);
    expect(after.at(-1)?.value).toMatch(/^[\w.+-]+: redirect frame 1, nop 1, original [0-9a-f]{16}$/);
    expect(after.at(-1)?.value).toContain(sha256(sample(MODULE)));
  });

  it('tells of each patch, and revert takes the last one back', () => {
    const second = patch(first.output, { redirects: [redirect('demo_in_range', 'somewhere_else')] });
    expect(codes(judge(second))).toEqual([]);
    expect(told(second.output).map(entry => entry.value.replace(/^\S+ /, ''))).toEqual([
      `redirect frame 1, nop 1, original ${sha256(sample(MODULE))}`,
      `redirect frame 1, original ${sha256(first.output)}`,
    ]);
    expect(Buffer.from(revert(second.output).original).equals(first.output)).toBe(true);
  });

  it('tells of call sites that are taken out, and revert gives the module back', () => {
    const nopped = patch(MODULE, { nops: ['demo_lookup'] });
    expect(codes(judge(nopped))).toEqual([]);
    expect(told(nopped.output)).toEqual([
      { key: 'tocsin', value: expect.stringMatching(/^[\w.+-]+: nop 1, original [0-9a-f]{16}$/) },
    ]);
    expect(Buffer.from(revert(nopped.output).original).equals(sample(MODULE))).toBe(true);
  });
});
