/** What the mutation campaign found the prover to believe once, and what stands in its way now. */
import { describe, expect, it } from 'vitest';
import { callStub, prologue, type Source, verdicts } from './support/assemble.ts';

const PUSH = `mflr r0
 std r0,16(r1)
 stdu r1,-96(r1)`;
const POP = `addi r1,r1,96
 ld r0,16(r1)
 mtlr r0
 blr`;
const STUB = callStub('stub', 'printk');

/** The verdict about `f`, which may call `stub`. */
function one(body: string, stub = STUB, more: Partial<Source> = {}): string | undefined {
  return verdicts({
    functions: { f: { k: 3 } },
    code: `${prologue('f')}\n${body}\nstubs: ${stub}\nstubs_end:`,
    stubs: ['stubs', 'stubs_end'],
    ...more,
  }).f;
}

describe('a register that is saved as a word', () => {
  it('loses its upper half', () => {
    const kept = (store: string, load: string) =>
      one(`${store} r31,-8(r1)\n ${PUSH}\n li r31,1\n bl stub\n ld r2,24(r1)\n addi r1,r1,96\n ${load} r31,-8(r1)
 ld r0,16(r1)\n mtlr r0\n blr`);
    expect(kept('std', 'ld')).toBe('proved');
    expect(kept('stw', 'lwz')).toBe('unknown TOC012');
  });
});

describe('the back chain', () => {
  it('is the old r1', () => {
    const pushed = (push: string) => one(`mflr r0\n std r0,16(r1)\n ${push}\n bl stub\n ld r2,24(r1)\n ${POP}`);
    expect(pushed('stdu r1,-96(r1)')).toBe('proved');
    expect(pushed('stdu r0,-96(r1)')).toMatch(/TOC019$/);
  });

  it('stays', () => {
    expect(one(`${PUSH}\n std r3,0(r1)\n bl stub\n ld r2,24(r1)\n ${POP}`)).toBe('unknown TOC019');
  });

  it('goes from frame to frame', () => {
    expect(one(`${PUSH}\n stdu r1,-32(r1)\n bl stub\n ld r2,24(r1)\n addi r1,r1,32\n ${POP}`)).toBe('proved');
  });
});

describe('what lay in a frame that is gone', () => {
  it('may be read until the next frame is made, where variables have its place', () => {
    const restored = (first: string) =>
      one(`std r31,-40(r1)\n mflr r0\n std r0,16(r1)\n ${first} stdu r1,-128(r1)\n li r31,1\n bl stub\n ld r2,24(r1)
 addi r1,r1,128\n ld r31,-40(r1)\n ld r0,16(r1)\n mtlr r0\n blr`);
    expect(restored('')).toBe('proved');
    expect(restored('stdu r1,-96(r1)\n addi r1,r1,96\n')).toBe('unknown TOC012');
    expect(restored('stdu r1,-96(r1)\n addi r1,r1,96\n std r31,-40(r1)\n')).toBe('proved');
    // The back chain of the second frame lies where that of the first one did.
    expect(restored('stdu r1,-128(r1)\n addi r1,r1,128\n std r31,-40(r1)\n')).toBe('proved');
  });

  it('is gone after the next one though only one of two ways led through it', () => {
    const joined = one(`std r31,-40(r1)\n mflr r0\n std r0,16(r1)\n cmpdi cr0,r3,0\n beq cr0,over\n stdu r1,-96(r1)
 addi r1,r1,96\n over: stdu r1,-128(r1)\n li r31,1\n bl stub\n ld r2,24(r1)\n addi r1,r1,128\n ld r31,-40(r1)
 ld r0,16(r1)\n mtlr r0\n blr`);
    expect(joined).toBe('unknown TOC012');
  });

  it('is no pointer to the stack in the next one', () => {
    const reads = `mflr r0\n std r0,16(r1)\n stdu r1,-96(r1)\n addi r1,r1,96\n stdu r1,-128(r1)\n addi r3,r1,32\n bl stub
 ld r2,24(r1)\n ld r3,32(r1)\n ld r3,120(r3)\n addi r1,r1,128\n ld r0,16(r1)\n mtlr r0\n blr`;
    const calls = `${PUSH}\n bl local\n ${POP}\n ${prologue('g')}\n local: ${reads}`;
    expect(one(calls, STUB, { functions: { f: { k: 3 }, g: { k: 3 } } })).toBe('proved');
  });
});

describe('a call', () => {
  it('is made below the caller’s frame', () => {
    const over = `mflr r0\n std r0,16(r1)\n addi r1,r1,64\n bl g\n addi r1,r1,-64\n ld r0,16(r1)\n mtlr r0\n blr\n g: blr`;
    expect(one(over, STUB, { functions: { f: { k: 3 }, g: { k: 0 } } })).toMatch(/^refuted/);
  });

  it('does not need a return to be wrong', () => {
    const endless = `${PUSH}\n cmpdi cr0,r3,0\n beq cr0,over\n addi r1,r1,96\n over: bl g\n b over\n g: blr`;
    expect(one(endless, STUB, { functions: { f: { k: 3 }, g: { k: 0 } } })).toMatch(/TOC019$/);
  });
});

describe('a stub', () => {
  const called = (stub: string) => one(`${PUSH}\n bl stub\n ld r2,24(r1)\n ${POP}`, stub);

  it('stores nothing but r2', () => {
    expect(called(STUB)).toBe('proved');
    expect(called(STUB.replace('std r2,24(r1)', 'std r2,40(r1)'))).toBe('unknown PRV005');
  });

  it('leads to something that is imported', () => {
    expect(called(STUB.replace('.quad printk', '.quad nowhere'))).toBe('unknown PRV005');
  });
});

describe('a call of a known place by its address', () => {
  const called = (place: string, k = 3, between = '') =>
    one(
      `${PUSH}\n addis r12,r2,at@ha(${place})\n addi r12,r12,at@l(${place})\n mtctr r12\n std r2,24(r1)\n ${between}\n bctrl
 ld r2,24(r1)\n ${POP}\n ${k > 1 ? prologue('g') : 'g:'}\n nop\nmiddle: nop\n blr`,
      STUB,
      { functions: { f: { k: 3 }, g: { k } } },
    );

  it('is one of a function', () => {
    expect(called('g')).toBe('proved');
    expect(called('g', 0)).toBe('proved');
    expect(called('middle')).toBe('unknown PRV005');
    expect(called('middle', 0)).toBe('unknown PRV005');
    expect(called('stub')).toBe('unknown PRV005');
  });
});

describe('CTR', () => {
  it('is counted down by a conditional return too', () => {
    const through = (returns: string) =>
      one(`mr r12,r3\n mtctr r12\n ${returns}\n ${PUSH}\n std r2,24(r1)\n bctrl\n ld r2,24(r1)\n ${POP}`);
    expect(through('nop')).toBe('proved');
    expect(through('bdnzlr')).toBe('unknown TOC004');
  });
});

describe('a jump table', () => {
  const table = (load: string, bound: number, entries: readonly string[]) =>
    one(
      `cmplwi cr0,r3,${bound}
 bgt cr0,two
 addis r10,r2,at@ha(table)
 addi r10,r10,at@l(table)
 rldic r9,r3,2,30
 ${load} r9,r10,r9
 add r9,r9,r10
 mtctr r9
 bctr
 table: .quad 0
 one: blr
 two: blr`,
      STUB,
      { tables: { table: entries } },
    );

  it('is read with its sign', () => {
    expect(table('lwax', 1, ['one', 'two'])).toBe('proved');
    expect(table('lwzx', 1, ['one', 'two'])).toBe('unknown PRV002');
  });

  it('is as long as the compare says', () => {
    expect(table('lwax', 2, ['one', 'two'])).toBe('unknown PRV002');
  });

  /** With `check` before the index in `index` is shifted; `shift` the rest of it, mask included. */
  const checked = (check: string, index: string, shift: string) =>
    one(
      `${check}
 addis r10,r2,at@ha(table)
 addi r10,r10,at@l(table)
 rldic r9,${index},${shift}
middle: lwax r9,r10,r9
 add r9,r9,r10
 mtctr r9
 bctr
 table: .quad 0
 one: blr
 two: blr`,
      STUB,
      { tables: { table: ['one', 'two'] } },
    );

  it.each([
    ['cmplwi cr0,r3,1\n bgt cr0,two'],
    ['cmpldi cr7,r3,1\n mtctr r4\n bgt cr7,two\n bdnz two'],
    ['cmplwi cr0,r3,1\n bgtlr cr0'],
    ['cmplwi cr0,r3,1\n mr r4,r3\n bgt cr0,two', 'r4'],
    ['mr r4,r3\n cmplwi cr0,r3,1\n bgt cr0,two', 'r4'],
    ['mr r4,r3\n cmplwi cr0,r4,1\n bgt cr0,two', 'r3'],
    ['rlwinm r4,r3,0,24,31\n cmplwi cr0,r4,1\n bgt cr0,two', 'r3', '2,54'],
    ['rldicl r4,r3,0,48\n cmplwi cr0,r4,1\n bgt cr0,two', 'r3', '2,46'],
    ['nop', 'r3', '2,61'],
    ['cmplwi cr0,r3,1\n bgt cr0,two\n cmplwi cr1,r3,7\n std r3,-8(r1)'],
  ])('is gone through where the index is checked: %s', (check, index = 'r3', shift = '2,30') => {
    expect(checked(check, index, shift)).toBe('proved');
  });

  it('is not gone through where the mask of the shift goes around', () => {
    expect(checked('nop', 'r3', '2,62')).toBe('unknown PRV002');
    expect(checked('nop', 'r3', '2,63')).toBe('unknown PRV002');
    expect(checked('cmplwi cr0,r3,1\n bgt cr0,two', 'r3', '2,63')).toBe('unknown PRV002');
  });

  it.each([
    ['29', 'proved'],
    ['26', 'unknown PRV002'],
    ['31', 'unknown PRV002'],
  ])('by rlwinm, whose mask is from 28 to %s, is %s', (end, verdict) => {
    expect(
      one(
        `addis r10,r2,at@ha(table)
 addi r10,r10,at@l(table)
 rlwinm r9,r3,2,28,${end}
 lwax r9,r10,r9
 add r9,r9,r10
 mtctr r9
 bctr
 table: .quad 0
 .quad 0
 one: blr
 two: blr`,
        STUB,
        { tables: { table: ['one', 'two', 'one', 'two'] } },
      ),
    ).toBe(verdict);
  });

  it.each([
    ['nop'],
    ['bgt cr0,two'],
    ['cmplwi cr0,r3,1'],
    ['cmplwi cr0,r3,1\n ble cr0,two'],
    ['cmplwi cr0,r3,1\n bge cr0,two'],
    ['cmplwi cr0,r3,1\n bgt cr1,two'],
    ['cmpwi cr0,r3,1\n bgt cr0,two'],
    ['cmplwi cr0,r4,1\n bgt cr0,two'],
    ['cmplwi cr0,r3,1\n andi. r5,r4,1\n bgt cr0,two'],
    ['cmplwi cr0,r3,1\n bgt cr0,two\n addi r3,r3,1'],
    ['cmplwi cr0,r3,1\n bgt cr0,two\n mr r3,r4'],
    ['rlwinm r4,r3,0,24,31\n cmplwi cr0,r4,1\n bgt cr0,two', 'r3', '2,30'],
    ['rlwinm r4,r3,0,24,31\n cmplwi cr0,r4,1\n addi r3,r3,1\n bgt cr0,two', 'r3', '2,54'],
    ['cmplwi cr0,r3,1\n bgt cr0,behind\nbehind: nop'],
    ['cmpdi cr0,r4,0\n bne cr0,middle\n cmplwi cr0,r3,1\n bgt cr0,two'],
    ['cmplwi cr0,r3,1\n bgt cr0,two\n b on\non: nop'],
    ['nop', 'r3', '2,60'],
  ])('is not where nothing keeps the index in bounds: %s', (check, index = 'r3', shift = '2,30') => {
    expect(checked(check, index, shift)).toBe('unknown PRV002');
  });
});

describe('stores that compiled code of the kernel has no use for', () => {
  /** r31 waits at -64(r1), r4 is -64, r5 8. */
  const kept = (word: number) =>
    one(`std r31,-64(r1)\n li r4,-64\n li r5,8\n li r31,1\n addi r3,r1,-64\n .long ${word}\n ld r31,-64(r1)\n blr`);
  const indexed = (opcode: number, ra = 1, rb = 4, bit = 0) =>
    ((31 << 26) | (6 << 21) | (ra << 16) | (rb << 11) | (opcode << 1) | bit) >>> 0;

  it.each([
    ['stxvp vs6,-64(r1)', 0x18c1ffc1],
    ['stxvp vs6,-80(r1)', 0x18c1ffb1],
    ['stxvpx', indexed(461)],
    ['stxvrbx', indexed(141)],
    ['stxvrhx', indexed(173)],
    ['stxvrwx', indexed(205)],
    ['stxvrdx', indexed(237)],
    ['stxvl, whose RB is a length', indexed(397, 3, 5)],
    ['stxvll', indexed(429, 3, 5)],
    ['lwat', indexed(582, 3, 0)],
    ['ldat', indexed(614, 3, 0)],
    ['stwat', indexed(710, 3, 0)],
    ['stdat', indexed(742, 3, 0)],
    ['dcbz', 0x7c0127ec - (0 << 21)],
    ['hashst r6,-8(r1)', indexed(722, 1, 6, 1) | (31 << 21)],
    ['hashstp', indexed(658, 1, 6, 1) | (31 << 21)],
    ['stvx, 8 bytes further', indexed(231, 3, 5)],
    ['stfdp', 0xf4c1ffc0],
  ])('%s', (_, word) => {
    expect(kept(0x60000000)).toBe('proved');
    expect(kept(word)).not.toBe('proved');
  });

  it('do not make others forget', () => {
    expect(kept(indexed(461, 3, 3))).toBe('proved');
    expect(kept(indexed(397, 7, 5))).toBe('proved');
    expect(kept(indexed(231, 1, 7))).toBe('proved');
    expect(kept(0x18c7ffc1)).toBe('proved');
  });
});

it('what is stored below the protected zone is not there any more', () => {
  const kept = (place: number) => one(`std r31,${place}(r1)\n li r31,1\n ld r31,${place}(r1)\n blr`);
  expect(kept(-288)).toBe('proved');
  expect(kept(-296)).toBe('unknown TOC012');
});

describe('a stack argument', () => {
  const reads = (load: string) =>
    one(`${PUSH}\n bl g\n ${POP}\n g: li r9,96\n ${load}\n blr`, STUB, { functions: { f: { k: 3 }, g: { k: 0 } } });

  it('is read by indexed and prefixed loads too', () => {
    expect(reads('lbzx r3,r7,r9')).toBe('proved');
    for (const load of ['ldx r3,r1,r9', 'lwzx r3,r1,r9', 'lbzx r3,r9,r1', '.long 0x7c014e98', 'plwz r3,96(r1)'])
      expect(reads(load), load).toMatch(/TOC018$/);
  });
});
