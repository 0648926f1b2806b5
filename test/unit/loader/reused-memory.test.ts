/** Memory that loads one after another share. */
import { describe, expect, it } from 'vitest';
import { ReusedMemory } from '../../../src/loader/reused-memory.ts';

describe('memory for one load after another', () => {
  it('gives zeroes and copies that do not touch one another, before it has room and after', () => {
    const memory = new ReusedMemory();
    for (let round = 0; round < 3; round++) {
      memory.clear();
      const copy = memory.copyOf(Uint8Array.of(1, 2, 3));
      const first = memory.zeroed(20);
      const second = memory.zeroed(5);
      expect(first).toEqual(new Uint8Array(20));
      expect(second).toEqual(new Uint8Array(5));
      expect(first.byteOffset % 16).toBe(0);
      first.fill(0xff);
      second.fill(0xee);
      expect(copy).toEqual(Uint8Array.of(1, 2, 3));
      expect(first).toEqual(new Uint8Array(20).fill(0xff));
    }
  });

  it('uses the same memory again once it was cleared', () => {
    const memory = new ReusedMemory();
    memory.zeroed(100);
    memory.clear();
    const { buffer } = memory.zeroed(100);
    memory.clear();
    expect(memory.zeroed(100).buffer).toBe(buffer);
  });
});
