/** The rules one by one: for each a function that keeps it, and one that does not. */
import { describe, expect, it } from 'vitest';
import { callStub, prologue, verdicts } from './support/assemble.ts';

const FRAME = `mflr r0
 std r0,16(r1)
 stdu r1,-64(r1)`;
const UNFRAME = `addi r1,r1,64
 ld r0,16(r1)
 mtlr r0
 blr`;
const STUBS = `stubs: ${callStub('stub', 'printk')}
stubs_end:`;

/** One function `f` with two entries, and a stub for `printk`. */
function one(body: string, more = '', k = 3) {
  return verdicts({
    functions: { f: { k }, ...(more === '' ? {} : { g: { k: 3 } }) },
    code: `${k === 0 ? 'f:' : prologue('f')}\n${body}\n${more}\n${STUBS}`,
    stubs: ['stubs', 'stubs_end'],
  }).f;
}

describe('the TOC', () => {
  it('is right where it is used', () => {
    expect(one(`addis r3,r2,0\n ld r3,8(r3)\n blr`)).toBe('proved');
  });

  it('is used while another object’s may be there', () => {
    expect(one(`${FRAME}\n bl stub\n addis r3,r2,0\n ld r2,24(r1)\n ${UNFRAME}`)).toBe('refuted TOC001');
  });

  it('is used by a function that says it needs none', () => {
    expect(verdicts({ functions: { f: { k: 0 } }, code: 'f: addis r3,r2,0\n blr', exposed: ['f'] }).f).toBe(
      'unknown TOC001',
    );
  });

  it('comes back after a call that leaves the object', () => {
    expect(one(`${FRAME}\n bl stub\n ld r2,24(r1)\n ${UNFRAME}`)).toBe('proved');
    expect(one(`${FRAME}\n bl stub\n nop\n ${UNFRAME}`)).toBe('refuted TOC002');
  });

  it('comes back from the slot of this frame and no other', () => {
    expect(one(`${FRAME}\n bl stub\n ld r2,88(r1)\n ${UNFRAME}`)).toBe('unknown TOC002');
  });

  it('is lost where the slot was overwritten', () => {
    expect(one(`${FRAME}\n std r3,24(r1)\n bl stub\n ld r2,24(r1)\n ${UNFRAME}`)).toBe('proved');
    expect(one(`${FRAME}\n bl stub\n std r3,24(r1)\n ld r2,24(r1)\n ${UNFRAME}`)).toBe('unknown TOC002');
  });

  it('is set up wrongly', () => {
    expect(
      verdicts({ functions: { f: {} }, code: `f: addis r2,r12,toc@ha(f)\n addi r2,r2,4\n addis r3,r2,0\n blr` }).f,
    ).toMatch(/^(refuted|unknown) TOC001/);
    expect(verdicts({ functions: { f: {} }, code: `f: addis r2,r11,toc@ha(f)\n addi r2,r2,toc@l(f)\n blr` }).f).toBe(
      'unknown TOC002',
    );
  });

  it('is kept by a function with one entry', () => {
    expect(one('blr', '', 0)).toBe('proved');
    expect(one('li r2,0\n blr', '', 0)).toBe('refuted TOC002');
  });
});

describe('calls inside the object', () => {
  const callee = `${prologue('g')}\n blr`;

  it('need r2 at a local entry', () => {
    expect(
      one(`${FRAME}\n bl g_local\n ${UNFRAME}`, callee.replace('addi r2,r2,toc@l(g)', 'addi r2,r2,toc@l(g)\ng_local:')),
    ).toBe('proved');
    const lost = `${FRAME}\n bl stub\n bl g_local\n ld r2,24(r1)\n ${UNFRAME}`;
    expect(one(lost, callee.replace('addi r2,r2,toc@l(g)', 'addi r2,r2,toc@l(g)\ng_local:'))).toBe('refuted TOC003');
  });

  it('need r12 at a global entry', () => {
    expect(one(`${FRAME}\n bl g\n ${UNFRAME}`, callee)).toMatch(/TOC004$/);
  });

  it('may be sibling calls when everything is back', () => {
    const local = callee.replace('addi r2,r2,toc@l(g)', 'addi r2,r2,toc@l(g)\ng_local:');
    expect(one('li r3,1\n b g_local', local)).toBe('proved');
    expect(one(`${FRAME}\n addi r1,r1,64\n ld r0,16(r1)\n mtlr r0\n b g_local`, local)).toBe('proved');
  });

  it('must not be sibling calls with the frame still there', () => {
    const local = callee.replace('addi r2,r2,toc@l(g)', 'addi r2,r2,toc@l(g)\ng_local:');
    expect(one(`${FRAME}\n b g_local`, local)).toBe('refuted TOC010');
  });
});

describe('ways out of the object', () => {
  it('are no sibling calls', () => {
    expect(one('li r3,1\n b stub')).toBe('refuted TOC006');
    expect(one('li r3,1\n b stub', '', 0)).toBe('refuted TOC006');
  });

  it('need r12 for a call through a pointer', () => {
    const through = (set: string) => `${FRAME}\n std r2,24(r1)\n ${set}\n bctrl\n ld r2,24(r1)\n ${UNFRAME}`;
    expect(one(through('mtctr r12'))).toBe('proved');
    expect(one(through('ld r9,0(r3)\n mtctr r9\n mr r12,r9'))).toBe('proved');
    expect(one(through('ld r9,0(r3)\n mr r12,r9\n mtctr r9'))).toBe('proved');
    expect(one(through('ld r12,0(r3)\n mtctr r12\n ld r12,8(r3)'))).toBe('unknown TOC004');
    expect(one(through('ld r9,0(r3)\n mtctr r9'))).toBe('unknown TOC004');
  });

  it('need a frame of one’s own', () => {
    expect(one(`mflr r0\n bl stub\n ld r2,24(r1)\n mtlr r0\n blr`)).toBe('refuted TOC005');
  });

  it('end where the callee never returns', () => {
    const source = (name: string) => ({
      functions: { f: {}, g: {} },
      code: `${prologue('f')}\n ${FRAME}\n bl stub\n${prologue('g')}\n blr\n stubs: ${callStub('stub', name)}\nstubs_end:`,
      stubs: ['stubs', 'stubs_end'] as const,
    });
    expect(verdicts(source('panic')).f).toBe('proved');
    expect(verdicts(source('printk')).f).toBe('unknown PRV003');
  });
});

describe('what the caller is owed', () => {
  it('is r1', () => {
    expect(one(`stdu r1,-64(r1)\n addi r1,r1,64\n blr`)).toBe('proved');
    expect(one(`stdu r1,-64(r1)\n addi r1,r1,48\n blr`)).toBe('refuted TOC010');
    expect(one(`stdu r1,-64(r1)\n ld r1,0(r1)\n blr`)).toBe('proved');
  });

  it('is its return address', () => {
    expect(one(`${FRAME}\n bl stub\n ld r2,24(r1)\n addi r1,r1,64\n blr`)).toBe('refuted TOC011');
    expect(one(`mflr r0\n stdu r1,-64(r1)\n bl stub\n ld r2,24(r1)\n ${UNFRAME}`)).toBe('refuted TOC011');
  });

  it('are r14 to r31', () => {
    const saved = (restore: string) =>
      `std r31,-8(r1)\n stdu r1,-64(r1)\n mr r31,r3\n addi r1,r1,64\n ${restore}\n blr`;
    expect(one(saved('ld r31,-8(r1)'))).toBe('proved');
    expect(one(saved('nop'))).toBe('refuted TOC012');
    expect(one(saved('ld r30,-8(r1)'))).toMatch(/^refuted TOC012/);
  });

  it('are CR2 to CR4', () => {
    const fields = (restore: string) => `mfcr r12\n stw r12,8(r1)\n cmpdi cr3,r3,0\n ${restore}\n blr`;
    expect(one(fields('lwz r12,8(r1)\n mtcrf 16,r12'))).toBe('proved');
    expect(one(fields('lwz r12,8(r1)\n mtcrf 32,r12'))).toBe('unknown TOC013');
    expect(one(fields('nop'))).toBe('unknown TOC013');
  });

  it('are its slots', () => {
    expect(one('std r2,24(r1)\n blr')).toBe('refuted TOC005');
    expect(one('std r3,0(r1)\n blr')).toBe('refuted TOC015');
    expect(one('std r3,16(r1)\n blr')).toMatch(/TOC016$/);
  });

  it('are those that a pair with an odd number may be', () => {
    const pair = (rt: number) => `.long 0x04000000\n .long ${0xe0030000 + rt * 0x200000}`;
    const kept = (rt: number) =>
      `std r14,-16(r1)\n std r15,-8(r1)\n ${pair(rt)}\n ld r14,-16(r1)\n ld r15,-8(r1)\n blr`;
    expect(one(kept(14))).toBe('proved');
    expect(one(kept(15))).toBe('unknown TOC012');
  });

  it('is r13', () => {
    expect(one('li r13,0\n blr')).toMatch(/TOC014$/);
  });
});

describe('paths', () => {
  it('have another address in LR behind a call that is not made, too', () => {
    const later = (call: string) => `cmpdi cr0,r3,0\n ${call}\n blr\ng: blr`;
    const source = (call: string) => ({ functions: { f: {}, g: { k: 0 } }, code: `${prologue('f')}\n ${later(call)}` });
    expect(verdicts(source('beq cr0,g')).f).toBe('proved');
    expect(verdicts(source('beql cr0,g')).f).toMatch(/^refuted TOC011/);
    const kept = `mflr r0\n std r0,16(r1)\n stdu r1,-64(r1)\n cmpdi cr0,r3,0\n beql cr0,g\n ${UNFRAME}\ng: blr`;
    expect(verdicts({ functions: { f: {}, g: { k: 0 } }, code: `${prologue('f')}\n ${kept}` }).f).toBe('proved');
  });

  it('are unknown behind a jump through CTR that counts it down', () => {
    expect(one('mtctr r12\n .long 0x4e000420\n blr')).toBe('unknown PRV001');
    expect(one('mtctr r12\n .long 0x4e000421\n blr')).toBe('unknown PRV001');
  });

  it('do not lead to absolute addresses', () => {
    // The word's target, counted from the origin, would be the `blr` of g.
    for (const word of ['0x48000002', '0x48000003', '0x40820002', '0x40820003']) {
      const code = `g: blr\n${prologue('f')}\n .long ${word}\n blr`;
      expect(verdicts({ functions: { f: {}, g: { k: 0 } }, code }).f).toBe('unknown PRV004');
    }
  });

  it('are all followed', () => {
    const either = (second: string) =>
      `std r31,-8(r1)\n li r31,0\n cmpdi cr0,r3,0\n beq cr0,out\n ${second}\nout: ld r31,-8(r1)\n blr`;
    expect(one(either('nop'))).toBe('proved');
    expect(one(either('std r3,-8(r1)'))).toBe('unknown TOC012');
  });

  it('come to rest in loops', () => {
    expect(one('again: addi r3,r3,-1\n cmpdi cr0,r3,0\n bne cr0,again\n blr')).toBe('proved');
    expect(one('again: stdu r1,-64(r1)\n cmpdi cr0,r3,0\n bne cr0,again\n addi r1,r1,64\n blr')).toBe('unknown TOC010');
  });

  it('go through jump tables', () => {
    const source = (second: string) => ({
      functions: { f: {} },
      code: `${prologue('f')}\n cmplwi cr0,r4,1\n bgt cr0,two\n addis r9,r2,at@ha(table)\n addi r9,r9,at@l(table)
 rldic r4,r4,2,30\n lwax r10,r9,r4\n add r10,r10,r9\n mtctr r10\n bctr\ntable: .long 0\n .long 0\none: blr\ntwo: ${second}\n blr`,
      tables: { table: ['one', 'two'] },
    });
    expect(verdicts(source('nop')).f).toBe('proved');
    expect(verdicts(source('li r31,0')).f).toBe('refuted TOC012');
    expect(verdicts({ ...source('nop'), tables: {} }).f).toBe('unknown PRV002');
  });

  it('go through the jump tables of a function that is gone on in', () => {
    // `body` stands in for f's first instruction and goes on behind it, as a hook's does.
    const table = (label: string, second: string) => `cmplwi cr0,r4,1\n bgt cr0,two
 addis r9,r2,at@ha(${label})\n addi r9,r9,at@l(${label})\n rldic r4,r4,2,30\n lwax r10,r9,r4\n add r10,r10,r9\n mtctr r10\n bctr\n${label}: .long 0\n .long 0\n${second}`;
    const source = (one: string, more = '') => ({
      functions: { body: { k: 0 }, f: {}, cold: { k: 0, part: true }, ...(more === '' ? {} : { g: {} }) },
      code: `body: cmpdi cr0,r3,0\n beq cr0,into_g\n b inside\ninto_g: ${more === '' ? 'blr' : 'b in_g'}
${prologue('f')}\n b body\ninside: cmpdi cr0,r3,1\n beq cr0,cold
 ${table('table', `one: ${one}\n blr\ntwo: blr`)}\ncold: ${table('other', 'back: b two')}\n${more}`,
      tables: { table: ['one', 'two'], other: ['back', 'two'] },
    });
    expect(verdicts(source('nop')).body).toBe('proved');
    expect(verdicts(source('li r31,0')).body).toBe('refuted TOC012');
    // The part may belong to either of two functions: nobody knows whose places its table names.
    expect(verdicts(source('nop', `${prologue('g')}\n nop\nin_g: b cold`)).body).toBe('unknown PRV002');
  });

  it('go to exception fixups with the state before the instruction', () => {
    const source = (fixup: string) => ({
      functions: { f: {} },
      code: `${prologue('f')}\n std r31,-8(r1)\nload: ld r31,0(r3)\n ld r31,-8(r1)\n blr\nfixup: ${fixup}\n blr`,
      edges: [{ at: 'load', kind: 'also' as const, to: 'fixup' }],
    });
    expect(verdicts(source('nop')).f).toBe('proved');
    expect(verdicts(source('li r31,0')).f).toBe('refuted TOC012');
  });

  it('skip what a warning’s fixup skips', () => {
    const source = (fixup: string) => ({
      functions: { f: {} },
      code: `${prologue('f')}\n ${FRAME}\n bl stub\n ld r2,24(r1)\ntrap: tdnei r3,0\nreload: ld r0,80(r1)
 mtlr r0\nlate: addi r1,r1,64\n blr\n stubs: ${callStub('stub', 'printk')}\nstubs_end:`,
      stubs: ['stubs', 'stubs_end'] as const,
      edges: [
        { at: 'trap', kind: 'fixup' as const, to: fixup },
        { at: 'trap', kind: 'next' as const, to: 'reload' },
      ],
    });
    expect(verdicts(source('reload')).f).toBe('proved');
    expect(verdicts(source('late')).f).toBe('unknown TOC011');
  });

  it('run past the end', () => {
    expect(one('li r3,0', `${prologue('g')}\n blr`)).toBe('unknown PRV003');
  });

  it('meet words that are no instructions', () => {
    expect(one('.long 0\n blr')).toBe('unknown PRV001');
  });
});

describe('the tracer’s site', () => {
  const source = (before: string, site: string) => ({
    functions: { f: {} },
    code: `${prologue('f')}\n ${before}\n${site}: nop\n blr`,
    sites: [site],
    lrIsSavedAtSite: true,
  });

  it('is reached with the return address in LR and r0', () => {
    expect(verdicts(source('mflr r0', 'site')).f).toBe('proved');
    expect(verdicts(source('li r0,0', 'site')).f).toBe('refuted TOC017');
    expect(verdicts(source('mflr r0\n mtlr r3', 'site')).f).toBe('refuted TOC017');
  });

  it('is reached without a frame', () => {
    expect(verdicts(source('mflr r0\n stdu r1,-32(r1)', 'site')).f).toBe('refuted TOC017');
  });
});

describe('hand-written functions with one entry', () => {
  const code = (before: string) =>
    `f: addis r3,r2,0\n blr\n${prologue('g')}\n ${FRAME}\n ${before}\n bl f\n ${UNFRAME}\n stubs: ${callStub('stub', 'printk')}\nstubs_end:`;
  const functions = { f: { k: 0 }, g: {} };
  const stubs = ['stubs', 'stubs_end'] as const;

  it('may use the TOC if nobody else calls them', () => {
    expect(verdicts({ functions, code: code('nop'), stubs })).toEqual({ f: 'proved', g: 'proved' });
  });

  it('make their callers owe it', () => {
    expect(verdicts({ functions, code: code('bl stub'), stubs }).g).toMatch(/TOC003$/);
  });

  it('stay unknown where a pointer leads to them', () => {
    expect(verdicts({ functions, code: code('nop'), stubs, exposed: ['f'] }).f).toBe('unknown TOC001');
  });
});
