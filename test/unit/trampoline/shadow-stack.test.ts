/**
 * The code that keeps what comes back on the second stack of a task, executed as shadow.test.ts does: tasks that move, interrupts at any
 * instruction, functions that call themselves. Each return has to go where it belongs, and nothing may be left on a stack.
 */
import { describe, expect, it } from 'vitest';
import { shadowStackTemplate } from '../../../src/trampoline/shadow-stack.ts';
import { Machine, OFFSETS, REST } from './support/shadow-machine.ts';

describe.each(['recomputed', 'saved'] as const)('shadow on the second stack, r2 %s', toc => {
  const machine = (seed: number, limit: bigint) =>
    new Machine(shadowStackTemplate(toc, OFFSETS, REST), toc, seed, limit, true);

  it.each([1016n, 104n, 32n, 8n, 0n])('with %d bytes at most: every return is right, and the counters are', limit => {
    let originals = 0;
    let entries = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const m = machine(seed * 7919, limit);
      m.run(12, 8000);
      const [calls, live, high, overflows] = m.counters();
      expect([calls, live, overflows]).toEqual([BigInt(m.entries), 0n, BigInt(m.originals)]);
      expect([high! > 0n, m.leftOnStacks(12)]).toEqual([m.originals < m.entries, 0n]);
      if (limit === 1016n) expect(high! > 12n).toBe(true);
      originals += m.originals;
      entries += m.entries;
    }
    // 42 entries, which few of these tasks come to.
    if (limit === 1016n) expect(originals * 100 < entries).toBe(true);
    else if (limit <= 8n) expect(originals).toBe(entries);
    else expect(originals > 0 && originals < entries).toBe(true);
  });

  it('does not come near the stack itself', () => {
    // F is entered with 2,000 bytes of room.
    const m = machine(3, 1016n);
    m.run(1, 500);
    const tight = m.task(0xc000_0000_1000_0008n + 2000n, 0x600000n);
    const before = m.originals;
    for (let steps = 0; m.originals === before && steps < 200; steps++) m.step(tight);
    expect(m.originals).toBe(before + 1);
  });

  it.each([
    ['an entry that is made before livepatch_sp is moved', 0xf96c0010, 0x60000000, 0],
    ['an entry that is given up too soon', 0xe80bfff0, 0xf96c0010, 0],
    ['an entry that stays', 0x396bffe8, 0x60000000, 0],
    ['a larger entry', 0x396b0018, 0x396b0030, 0],
  ])('the test finds %s', (_, was, is, which) => {
    let wrong = 0;
    for (let seed = 1; seed <= 12 && wrong === 0; seed++) {
      const m = machine(seed * 7919, 1016n);
      let seen = 0;
      m.words = m.words.map(word => (word === was && seen++ === which ? is : word));
      expect(seen).toBeGreaterThan(which);
      try {
        m.run(12, 6000);
        if (m.leftOnStacks(12) !== 0n || m.counters()[3] !== BigInt(m.originals)) wrong++;
      } catch {
        wrong++;
      }
    }
    expect(wrong).toBeGreaterThan(0);
  });
});
