import { describe, expect, it } from 'vitest';
import { moduleSignature } from '../../../src/kernel/signature.ts';
import { InputError } from '../../../src/util/errors.ts';

const MARKER = Buffer.from('~Module signature appended~\n');

function signed(length: number, change: (info: Uint8Array) => void = () => {}, body = 500): Uint8Array {
  const info = new Uint8Array(12);
  info[2] = 2;
  new DataView(info.buffer).setUint32(8, length, false);
  change(info);
  return Buffer.concat([new Uint8Array(body + 100), info, MARKER]);
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof InputError) return error.code;
  }
  return 'none';
}

describe('module signature', () => {
  it('is found at the end', () => {
    expect(moduleSignature(signed(100))).toEqual({ start: 500, length: 100 });
  });

  it('is not there without its last line', () => {
    expect(moduleSignature(new Uint8Array(10))).toBeUndefined();
    expect(moduleSignature(signed(100).subarray(0, -1))).toBeUndefined();
  });

  it('SIG001: a length that does not fit', () => {
    expect(codeOf(() => moduleSignature(signed(0)))).toBe('SIG001');
    expect(codeOf(() => moduleSignature(signed(600)))).toBe('SIG001');
    expect(codeOf(() => moduleSignature(signed(0xffffffff)))).toBe('SIG001');
    expect(codeOf(() => moduleSignature(MARKER))).toBe('SIG001');
  });

  it('SIG002: another kind, or fields that have to be zero', () => {
    for (const at of [0, 1, 2, 3, 4, 5, 6, 7])
      expect(codeOf(() => moduleSignature(signed(100, info => info.fill(9, at, at + 1))))).toBe('SIG002');
  });
});
