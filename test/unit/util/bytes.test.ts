import { describe, expect, it } from 'vitest';
import { aligned, alignUp, big64, hex, signed64, unsigned64, wordsOf } from '../../../src/util/bytes.ts';
import { formatComplaint, InputError, inFile, RefusalError } from '../../../src/util/errors.ts';

describe('bytes', () => {
  it('puts 64-bit values together from two words', () => {
    expect(unsigned64(0xffffffff, 1)).toBe(0x1ffffffff);
    expect(signed64(0xffffffff, 0xffffffff)).toBe(-1);
    expect(signed64(0, 0xffffff00)).toBe(-(2 ** 40));
    expect(big64(0xffffffff, 0xc0000000)).toBe(0xc0000000ffffffffn);
  });

  it('rounds up to an alignment; 0 and 1 mean none', () => {
    expect([0, 1, 7, 8, 9].map(n => alignUp(n, 8))).toEqual([0, 8, 8, 8, 16]);
    expect([alignUp(5, 0), alignUp(5, 1)]).toEqual([5, 5]);
    expect(alignUp(2 ** 40 + 1, 2 ** 31)).toBe(2 ** 40 + 2 ** 31);
  });

  it('copies only what does not start on an 8-byte boundary', () => {
    const buffer = new Uint8Array(32).fill(7);
    expect(aligned(buffer.subarray(8)).buffer).toBe(buffer.buffer);
    expect(aligned(buffer.subarray(4)).buffer).not.toBe(buffer.buffer);
    expect(aligned(buffer.subarray(4))).toEqual(new Uint8Array(28).fill(7));
    expect(wordsOf(buffer.subarray(8, 19))).toHaveLength(2);
    expect(hex(255n)).toBe('0xff');
  });
});

describe('complaints', () => {
  const complaint = {
    code: 'X001',
    message: 'it is wrong',
    section: '.text',
    offset: 16,
    function: 'f',
    expected: 'a',
    found: 'b',
    remedy: 'mend it',
  };

  it('are one line, and the remedy on a second', () => {
    expect(formatComplaint({ ...complaint, file: 'x.ko' })).toBe(
      'x.ko: .text+0x10: f: it is wrong (expected a, found b) [X001]\n  remedy: mend it',
    );
    expect(formatComplaint({ code: 'X002', message: 'm', offset: 3 })).toBe('offset 0x3: m [X002]');
  });

  it('get the name of their file once', () => {
    const placed = inFile(new InputError(complaint), 'a.ko') as InputError;
    expect(placed.complaint.file).toBe('a.ko');
    expect(placed.code).toBe('X001');
    expect(inFile(placed, 'b.ko')).toBe(placed);
    expect(inFile(new RefusalError(complaint), 'a.ko')).toBeInstanceOf(RefusalError);
    const bug = new TypeError('bug');
    expect(inFile(bug, 'a.ko')).toBe(bug);
  });
});
