import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { scanObject, summarize } from '../../../src/sites/scan.ts';
import { type ObjectBuilder, R, SHF } from '../../support/object-builder.ts';
import {
  ADD_R12_R9_R10,
  BCL_GET_PC,
  BCTARL,
  BCTR,
  BCTRL,
  BLR,
  BLRL,
  b,
  bcl,
  beq,
  bl,
  LD_R12_0_R9,
  LI_R3_1,
  LOAD_ADD,
  MR_R12_R3,
  MTCTR_R9,
  MTCTR_R12,
  NOP,
} from '../../support/words.ts';
import { branches, code, scan } from './support.ts';

/** FROM OFFSET EDGE TO of every call. */
function edges(builder: ObjectBuilder | Uint8Array): string[] {
  return scan(builder).calls!.map(c => `${c.from ?? '?'} ${c.offset} ${c.edge} ${c.to ?? '-'}`);
}

/** caller at 0..16, callee (k = 3) at 16..32, single (k = 0) at 32..36. */
function pair(caller: readonly number[]) {
  const words = [...caller, ...new Array(4 - caller.length).fill(LI_R3_1), ...LOAD_ADD, LI_R3_1, BLR, BLR];
  const c = code(words);
  const from = c.builder.function('caller', c.text, 0, 16);
  const callee = c.builder.function('callee', c.text, 16, 16, { k: 3 });
  const single = c.builder.function('single', c.text, 32, 4, { bind: 0 });
  return { ...c, from, callee, single };
}

describe('local calls', () => {
  it('relocated, to a function, to its local entry through the section, into its middle', () => {
    const p = pair([bl(0), bl(0), bl(0), bl(0)]);
    branches(p, p.callee, 0);
    p.builder.relocate(p.text, 4, R.REL24, p.section, 24);
    p.builder.relocate(p.text, 8, R.REL24, p.section, 28);
    p.builder.relocate(p.text, 12, R.REL24, p.single, 0);
    expect(edges(p.builder)).toEqual([
      'caller 0 local callee',
      'caller 4 local callee',
      'caller 8 local callee+0xc',
      'caller 12 local single',
    ]);
  });

  it('resolved by the assembler', () => {
    const p = pair([bl(8), bl(3), bl(4), bl(4)]);
    expect(edges(p.builder)).toEqual([
      'caller 0 local single',
      'caller 4 local callee',
      'caller 8 local callee',
      'caller 12 local callee+0xc',
    ]);
  });

  it('to the function that follows at once, as a call that never returns may', () => {
    const p = pair([LI_R3_1, LI_R3_1, LI_R3_1, bl(1)]);
    expect(edges(p.builder)).toEqual(['caller 12 local callee']);
  });

  it('in another section', () => {
    const p = pair([bl(0)]);
    const init = p.builder.code('.init.text', [bl(0), BLR]);
    const start = p.builder.function('init', init, 0, 8);
    p.builder.relocate(init, 0, R.REL24, p.callee);
    branches(p, start, 0);
    expect(edges(p.builder)).toEqual(['caller 0 local init', 'init 0 local callee']);
  });

  it('to something that is no code', () => {
    const p = pair([bl(0), bl(0)]);
    const data = p.builder.section('.data', { flags: SHF.ALLOC, bytes: new Uint8Array(8) });
    branches(p, p.builder.symbol('table', { section: data }), 0);
    branches(p, p.builder.symbol('fixed', { section: 0xfff1, special: true, value: 64 }), 1);
    expect(edges(p.builder)).toEqual(['caller 0 local table', 'caller 4 local fixed']);
  });

  it('with NOTOC relocations, and conditional ones', () => {
    const p = pair([bl(0), bcl(2), bcl(0)]);
    p.builder.relocate(p.text, 0, R.REL24_NOTOC, p.callee);
    p.builder.relocate(p.text, 8, R.REL14, p.single);
    expect(edges(p.builder)).toEqual(['caller 0 local callee', 'caller 4 local caller+0xc', 'caller 8 local single']);
  });

  it('a relocated word with another displacement is one call, where the relocation says', () => {
    const p = pair([bl(8), bl(4), b(4), bcl(3)]);
    branches(p, p.callee, 0);
    branches(p, p.builder.undefined('elsewhere'), 1, 2);
    p.builder.relocate(p.text, 12, R.REL14, p.single);
    expect(edges(p.builder)).toEqual([
      'caller 0 local callee',
      'caller 4 external elsewhere',
      'caller 8 sibling elsewhere',
      'caller 12 local single',
    ]);
  });

  it('a conditional call of displacement zero with a relocation is one call', () => {
    const c = code([bcl(0), BLR, BLR]);
    c.builder.function('f', c.text, 0, 8);
    c.builder.relocate(c.text, 0, R.REL14, c.builder.function('g', c.text, 8, 4));
    expect(edges(c.builder)).toEqual(['f 0 local g']);
  });
});

describe('external calls', () => {
  it('to undefined and to livepatch symbols', () => {
    const p = pair([bl(0), NOP, bl(0), NOP]);
    branches(p, p.builder.undefined('printk'), 0);
    branches(p, p.builder.symbol('.klp.sym.vmlinux.x,0', { section: 0xff20, special: true, bind: 1 }), 2);
    expect(edges(p.builder)).toEqual(['caller 0 external printk', 'caller 8 external .klp.sym.vmlinux.x,0']);
  });

  it('calls of _mcount are sites, not calls', () => {
    const p = pair([LI_R3_1, bl(0)]);
    branches(p, p.mcount, 1);
    expect(edges(p.builder)).toEqual([]);
  });
});

describe('sibling calls', () => {
  it('relocated, to functions here and elsewhere', () => {
    const p = pair([b(0), b(0), b(0), b(0)]);
    branches(p, p.callee, 0);
    p.builder.relocate(p.text, 4, R.REL24, p.section, 24);
    branches(p, p.builder.undefined('printk'), 2);
    branches(p, p.single, 3);
    expect(edges(p.builder)).toEqual([
      'caller 0 sibling callee',
      'caller 4 sibling callee',
      'caller 8 sibling printk',
      'caller 12 sibling single',
    ]);
  });

  it('resolved by the assembler, to the global and to the local entry, also conditional', () => {
    const p = pair([b(4), b(5), beq(6), beq(4)]);
    expect(edges(p.builder)).toEqual(['caller 0 sibling callee', 'caller 4 sibling callee', 'caller 8 sibling single']);
  });

  it('in a large section, far away both ways', () => {
    const words = new Array(40_000).fill(LI_R3_1);
    words[0] = b(39_998);
    words[39_998] = b(-39_998);
    const c = code(words);
    c.builder.function('first', c.text, 0, 8);
    c.builder.function('last', c.text, 39_998 * 4, 8);
    expect(edges(c.builder)).toEqual(['first 0 sibling last', 'last 159992 sibling first']);
  });

  it('a jump inside a function is none, nor is a loop to its own start or local entry', () => {
    const c = code([...LOAD_ADD, LI_R3_1, beq(2), b(-2), b(-3), b(-6), BLR]);
    c.builder.function('loop', c.text, 0, 32, { k: 3 });
    expect(edges(c.builder)).toEqual([]);
  });

  it('a function that jumps to itself through a relocation is none', () => {
    const p = pair([LI_R3_1, b(0)]);
    branches(p, p.from, 1);
    expect(edges(p.builder)).toEqual([]);
  });

  it('a jump to a cold part is none, by relocation or resolved; nor is the jump back', () => {
    const c = code([beq(4), b(0), LI_R3_1, BLR, LI_R3_1, b(-3)]);
    c.builder.function('f', c.text, 0, 16);
    c.builder.function('f.cold', c.text, 16, 8, { bind: 0 });
    const unlikely = c.builder.code('.text.unlikely', [LI_R3_1, b(0)]);
    const part = c.builder.function('f.cold.7', unlikely, 0, 8, { bind: 0 });
    branches(c, part, 1);
    c.builder.relocate(unlikely, 4, R.REL24, c.section, 8);
    expect(edges(c.builder)).toEqual([]);
  });

  it('a jump to something whose name only looks like a cold part is one', () => {
    const c = code([b(2), BLR, BLR, BLR]);
    c.builder.function('f', c.text, 0, 8);
    c.builder.function('f.colder', c.text, 8, 4);
    c.builder.function('f.constprop.0', c.text, 12, 4);
    expect(edges(c.builder)).toEqual(['f 0 sibling f.colder']);
  });

  it('a jump to an out-of-line epilogue is a return', () => {
    const c = code([b(2), b(0), LI_R3_1, BLR]);
    c.builder.function('f', c.text, 0, 8);
    const helper = c.builder.function('_restgpr0_14', c.text, 8, 8);
    branches(c, helper, 1);
    expect(edges(c.builder)).toEqual([]);
  });

  it('a jump to data of this object is none', () => {
    const p = pair([b(0)]);
    branches(p, p.builder.symbol('fixed', { section: 0xfff1, special: true, value: 64 }), 0);
    expect(edges(p.builder)).toEqual([]);
  });

  it('a jump out of the section without a relocation is nothing that can be told', () => {
    const p = pair([b(1000), bl(-5), bl(1000)]);
    expect(edges(p.builder)).toEqual([]);
  });
});

describe('indirect calls', () => {
  it('bctrl, blrl, bctarl, whatever came before', () => {
    const p = pair([BCTRL, BLRL, BCTARL, BLR]);
    expect(edges(p.builder)).toEqual(['caller 0 indirect -', 'caller 4 indirect -', 'caller 8 indirect -']);
  });

  it.each([
    ['a pointer from memory', [LD_R12_0_R9, MTCTR_R12, BCTR], 1],
    ['a pointer in a register', [MR_R12_R3, LI_R3_1, MTCTR_R12, BCTR], 1],
    ['an argument that is already in r12', [MTCTR_R12, LI_R3_1, BCTR], 1],
    ['a jump table', [ADD_R12_R9_R10, MTCTR_R12, BCTR], 0],
    ['a jump table through another register', [LD_R12_0_R9, MTCTR_R9, BCTR], 0],
    ['no mtctr in sight', [LD_R12_0_R9, BCTR], 0],
    ['a conditional jump', [LD_R12_0_R9, MTCTR_R12, 0x4d820420], 0],
    ['a return', [BLR, 0x4d820020], 0],
  ])('bctr: %s', (_what, words, count) => {
    const p = pair(words);
    expect(scan(p.builder).counts.indirectCalls).toBe(count);
  });
});

describe('what looks like a call and is none', () => {
  it('bcl 20,31,.+4', () => {
    const p = pair([BCL_GET_PC, BL_NEXT, LI_R3_1]);
    expect(edges(p.builder)).toEqual([]);
  });

  it('sc, rfid, isync, crand, absolute branches', () => {
    const p = pair([0x44000002, 0x4c000024, 0x4c00012c, 0x4c221202]);
    expect(edges(p.builder)).toEqual([]);
    expect(edges(pair([0x48000022, 0x48000023, 0x41820022]).builder)).toEqual([]);
  });

  it('the second word of a prefixed instruction', () => {
    // pli, pld, pstd, plwz, paddi, plxv, xxspltiw, pnop with their prefixes; the suffix holds any displacement.
    const suffixes = [0x38600000, 0xe4600000, 0xf4600000, 0x80600000, 0x38630000, 0xc8600000, 0x80630000, 0x00000000];
    const prefixes = [0x06000000, 0x04100000, 0x04100000, 0x06100000, 0x06100000, 0x04100000, 0x05000000, 0x07000000];
    const words = suffixes.flatMap((s, i) => [prefixes[i]!, (s | 0x48) >>> 0]);
    const c = code([...words, BLR]);
    c.builder.function('f', c.text, 0, words.length * 4 + 4);
    expect(edges(c.builder)).toEqual([]);
  });

  it('a bl to itself, which nothing relocates', () => {
    expect(edges(pair([bl(0), b(0)]).builder)).toEqual([]);
  });
});

/** bl .+4 */
const BL_NEXT = bl(1);

describe('relocations', () => {
  it('may be spread over several sections and stand in any order', () => {
    const p = pair([bl(0), bl(0), bl(0), b(0)]);
    const external = p.builder.undefined('printk');
    p.builder.relocate(p.text, 12, R.REL24, p.callee);
    p.builder.relocate(p.text, 4, R.REL24, external);
    p.builder.relocate(p.text, 8, R.REL24, p.single, 0, 'second');
    p.builder.relocate(p.text, 0, R.REL24, p.callee, 0, 'second');
    expect(edges(p.builder)).toEqual([
      'caller 0 local callee',
      'caller 4 external printk',
      'caller 8 local single',
      'caller 12 sibling callee',
    ]);
  });

  it('on words that are no branches, or between two words, mean no call', () => {
    const p = pair([LI_R3_1, NOP, bl(0)]);
    const external = p.builder.undefined('printk');
    p.builder.relocate(p.text, 0, R.REL24, external);
    p.builder.relocate(p.text, 6, R.REL24, external);
    p.builder.relocate(p.text, 8, R.ADDR64, external);
    expect(edges(p.builder)).toEqual([]);
  });
});

describe('--functions', () => {
  it('keeps what belongs to the functions whose names match', () => {
    const p = pair([bl(0), bl(7)]);
    branches(p, p.callee, 0);
    const elf = readElf(p.builder.build());
    expect(scanObject(elf, { calls: true, accept: n => n === 'caller' })).toMatchObject({
      counts: { functions: 1, localCalls: 2 },
      entryPoints: [{ function: 'caller' }],
      calls: [{ from: 'caller' }, { from: 'caller' }],
    });
    expect(scanObject(elf, { accept: n => n === 'callee' })).toMatchObject({ counts: { functions: 1, localCalls: 0 } });
    expect(scanObject(elf, { accept: () => false }).calls).toBeUndefined();
  });
});

describe('hostile inputs', () => {
  it('take no time over many jumps to one far entry', () => {
    const c = code(Array.from({ length: 160_000 }, (_, i) => (i === 0 ? BLR : b(-i))));
    c.builder.function('f', c.text, 0, 4);
    c.builder.function('g', c.text, 4, 4);
    const elf = readElf(c.builder.build());
    const start = performance.now();
    expect(summarize(elf).counts.siblingCalls).toBe(159_999);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
