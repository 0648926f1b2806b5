import { describe, expect, it } from 'vitest';
import { loadCapstone } from '../../../src/report/disassembly/capstone.ts';
import { disassemble, disassembleNow, wordsOf } from '../../../src/report/disassembly/disassemble.ts';

/** wrteei 0, an embedded processor's instruction: Capstone's business. */
const embedded = 0x7c000146;

describe('disassembly', () => {
  it('reads words, prefixed pairs and data', () => {
    const { lines, counts } = disassembleNow([0x60000000, 0x06000000, 0x38640001, 0, 0x06000000], 0x1000n);
    expect(lines.map(({ offset, text, source }) => [offset, text, source])).toEqual([
      [0, 'nop', 'table'],
      [4, 'paddi   r3,r4,1', 'table'],
      [12, '.long 0x0', 'data'],
      [16, '.long 0x6000000', 'data'],
    ]);
    expect(lines[1]).toMatchObject({ address: 0x1004n, words: [0x06000000, 0x38640001] });
    expect(counts).toEqual({ table: 3, capstone: 0, data: 2 });
  });

  it('leaves the text of targets to its caller', () => {
    const target = (address: bigint): string => `${address.toString(16)} <f+0x${(address - 0x1000n).toString(16)}>`;
    const { lines } = disassembleNow([0x48000009], 0x1000n, { target });
    expect(lines[0]?.text).toBe('bl      1008 <f+0x8>');
  });

  it('wraps addresses at 64 bits', () => {
    expect(disassembleNow([0x60000000, 0x4bfffffc], 0xfffffffffffffffcn).lines[1]).toMatchObject({
      address: 0n,
      text: 'b       0xfffffffffffffffc',
    });
  });

  it('asks Capstone about what the table does not know', async () => {
    const { lines, counts } = await disassemble([0x60000000, embedded, 0], 0n);
    expect(lines.map(({ source }) => source)).toEqual(['table', 'capstone', 'data']);
    expect(lines[1]?.text).toBe('wrteei  0');
    expect(counts).toEqual({ table: 1, capstone: 1, data: 1 });
    expect((await disassemble([embedded], 0n, { fallback: false })).counts.data).toBe(1);
  });

  it('does not believe Capstone about invalid forms', async () => {
    const read = await loadCapstone();
    // ldu r3,8(r3); a branch with a reserved BO; a word that is nothing
    expect([0xe8630009, 0x42a01000, 0xffffffff & 0xf4000004].map(word => read(word >>> 0))).toEqual([null, null, null]);
  });

  it('takes bytes in little-endian order', () => {
    const bytes = new Uint8Array([0xff, 0x00, 0x00, 0x00, 0x60, 0x20, 0x00, 0x80, 0x4e, 0x01]);
    expect([...wordsOf(bytes.subarray(1))]).toEqual([0x60000000, 0x4e800020]);
  });
});
