/**
 * The code of `shadow` is executed instruction by instruction by two CPUs, with several tasks that move from one to the other, and
 * interrupts at any instruction. G may call F again, jump to it, or wait; each return has to go where it belongs.
 */
import { describe, expect, it } from 'vitest';
import { shadowTemplate } from '../../../src/trampoline/shadow.ts';
import { Machine, REST, SIZE, TABLE } from './support/shadow-machine.ts';

describe.each(['recomputed', 'saved'] as const)('shadow, r2 %s', toc => {
  it.each([512n, 6n, 1n, 0n])('with a limit of %d: every return is right, and the counters are', limit => {
    let overflows = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const machine = new Machine(shadowTemplate(toc, REST), toc, seed * 7919, limit);
      machine.run(12, 12_000);
      const [calls, live, high, over] = machine.counters();
      expect([calls, live, over]).toEqual([BigInt(machine.entries), 0n, BigInt(machine.originals)]);
      expect(high! <= limit).toBe(true);
      expect(machine.used()).toBe(0);
      expect(machine.returns).toBeGreaterThanOrEqual(12);
      overflows += machine.originals;
      if (limit === 512n) expect(high! > 12n).toBe(true);
    }
    if (limit === 512n) expect(overflows).toBe(0);
    else expect(overflows).toBeGreaterThan(0);
  });

  it('goes on in F where the window is full', () => {
    const machine = new Machine(shadowTemplate(toc, REST), toc, 5, 512n);
    // Slots of tasks that died in G.
    for (let i = 0; i < SIZE.slots; i++) machine.memory.set(TABLE + SIZE.slot * BigInt(i), 0x123450n);
    machine.run(4, 2000);
    const [calls, live, , overflows] = machine.counters();
    expect([calls, live, overflows]).toEqual([BigInt(machine.entries), 0n, BigInt(machine.entries)]);
    expect(machine.originals).toBe(machine.entries);
  });

  it.each([
    ['a slot in front of one with the same key', 0x38000000, 0x60000000, 1],
    ['a slot that another has claimed', 0x40c2ff84, 0x60000000, 0],
    ['a claim that failed', 0x40c2fff0, 0x60000000, 1],
    ['a slot that is not given back', 0xf98a0000, 0x60000000, 0],
    ['the first slot instead of the last', 0x7d6a5b78, 0x4800000c, 0],
  ])('the test finds %s', (_, was, is, which) => {
    let wrong = 0;
    for (let seed = 1; seed <= 12 && wrong === 0; seed++) {
      const machine = new Machine(shadowTemplate(toc, REST), toc, seed * 7919, 512n);
      let seen = 0;
      machine.words = machine.words.map(word => (word === was && seen++ === which ? is : word));
      expect(seen).toBeGreaterThan(which);
      try {
        machine.run(12, 6000);
        if (machine.used() > 0) wrong++;
      } catch {
        wrong++;
      }
    }
    expect(wrong).toBeGreaterThan(0);
  });

  it('is not led astray by a slot that a dead task with the same stack left', () => {
    const machine = new Machine(shadowTemplate(toc, REST), toc, 6, 512n);
    const stale = 0xc000_0000_1000_3e00n;
    for (let i = 0; i < SIZE.slots; i += 2) {
      machine.memory.set(TABLE + SIZE.slot * BigInt(i), stale);
      machine.memory.set(TABLE + SIZE.slot * BigInt(i) + 8n, 0xbadn);
    }
    machine.run(6, 4000);
    expect(machine.returns).toBeGreaterThan(6);
  });
});
