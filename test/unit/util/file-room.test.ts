import { describe, expect, it } from 'vitest';
import { FileRoom } from '../../../src/util/file-room.ts';

const PAGE = 65536;

/** A memory as WebAssembly has it: after it has grown, its old buffer is empty. */
function memoryOf(pages: number, most: number) {
  const memory = {
    buffer: new ArrayBuffer(pages * PAGE),
    grow(more: number): number {
      const before = memory.buffer.byteLength / PAGE;
      if (before + more > most) throw new RangeError('WebAssembly.Memory.grow(): Maximum memory size exceeded');
      const old = memory.buffer;
      memory.buffer = new ArrayBuffer((before + more) * PAGE);
      new Uint8Array(memory.buffer).set(new Uint8Array(old));
      structuredClone(old, { transfer: [old] });
      return before;
    },
  };
  return memory;
}

describe('FileRoom', () => {
  it('is the memory from its place on, less some bytes that belong to nothing', () => {
    const memory = memoryOf(2, 4);
    const room = new FileRoom(memory, 1024, () => {});
    expect(room.buffer.byteOffset).toBe(1024);
    expect(room.buffer.buffer).toBe(memory.buffer);
    expect(room.buffer.length).toBe(2 * PAGE - 1024 - 64);
  });

  it('grows to what is asked for, keeps what it holds, and tells that it has moved', () => {
    let moves = 0;
    const room = new FileRoom(memoryOf(1, 4), 0, () => moves++);
    expect(moves).toBe(1);
    room.buffer.set([1, 2, 3]);
    room.grow(room.buffer.length);
    expect(moves).toBe(1);
    room.grow(2 * PAGE);
    expect(moves).toBe(2);
    expect(room.buffer.length).toBeGreaterThanOrEqual(2 * PAGE);
    expect([...room.buffer.subarray(0, 4)]).toEqual([1, 2, 3, 0]);
  });

  it('throws as every array does for which there is no memory', () => {
    const room = new FileRoom(memoryOf(1, 2), 0, () => {});
    expect(() => room.grow(3 * PAGE)).toThrow(new RangeError('Array buffer allocation failed'));
    expect(room.buffer.length).toBe(PAGE - 64);
  });
});
