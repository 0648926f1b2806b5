import { describe, expect, it } from 'vitest';
import { warmMemory } from '../../../src/io/warm-memory.ts';

describe('warmMemory', () => {
  it.each([0, 1, 4096.5, 3_000_000.25])('gives %d bytes, all zero, from the start of their buffer', async size => {
    const memory = await warmMemory(size);
    expect(memory.length).toBe(Math.ceil(size));
    expect(memory.byteOffset).toBe(0);
    expect(memory.every(byte => byte === 0)).toBe(true);
  });
});
