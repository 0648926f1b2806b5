/**
 * Ways of redirecting calls that have gone wrong somewhere, as the reports have it: each is refuted, on a path that shows what
 * r2 (or the register that it is about) holds at each instruction, and who is left with it. test/lab/prove has the same code
 * for a booted kernel, where each is seen to fail.
 */
import { describe, expect, it } from 'vitest';
import type { ParameterUse } from '../../../src/prove/parameters.ts';
import { Prover } from '../../../src/prove/prover.ts';
import { STUB } from '../../../src/prove/subject.ts';
import { EXTERNAL, kindOf } from '../../../src/prove/values.ts';
import { Proof, type ProofFinding } from '../../../src/verify/proof/proof.ts';
import { assemble, callStub, prologue, type Source } from './support/assemble.ts';

const FRAME = `mflr r0
 std r0,16(r1)
 stdu r1,-32(r1)`;
const UNFRAME = `addi r1,r1,32
 ld r0,16(r1)
 mtlr r0
 blr`;

const HOME = "the home's TOC";
const OTHER = "another object's TOC, perhaps";

/** `body` and whoever calls it, with a stub for `fix`; labels of functions and how many bits their symbols have. */
function source(functions: Source['functions'], code: string): Source {
  return {
    functions,
    code: `${code}\nstubs: ${callStub('stub', 'fix')}\nstubs_end:\ncell: .quad fix`,
    stubs: ['stubs', 'stubs_end'],
  };
}

/** What is said of function `name`. `fix`: what the external does with its caller's stack arguments. */
function finding(of: Source, name: string, fix?: ParameterUse): ProofFinding | undefined {
  const subject = assemble(of);
  const { functions } = subject;
  const nameOf = (value: number): string => {
    if (kindOf(value) === EXTERNAL) return subject.nameOf(value);
    const at = Number(subject.nameOf(value).slice(1));
    if ((subject.marks[at / 4]! & STUB) !== 0) return 'stub of fix';
    const i = functions.global.findLastIndex(start => start <= at);
    return at === functions.global[i] ? functions.name(i) : `${functions.name(i)}+${at - functions.global[i]!}`;
  };
  const proof = new Proof({ ...subject, nameOf, parameters: () => fix }, offset => ({ section: '.text', offset }));
  return proof.findings().find(f => f.function === name);
}

/** One line for each instruction of the path: what it is, and what was in r2 before it. */
function told(found: ProofFinding | undefined): readonly string[] {
  return (found?.path ?? []).map(step => `${step.text.replace(/\s+/g, ' ')} | ${step.r2}`);
}

/** The same, with the register that the finding is about. */
function toldOf(found: ProofFinding | undefined): readonly string[] {
  return (found?.path ?? []).map(step => `${step.text.replace(/\s+/g, ' ')} | ${step.register?.value ?? step.r1}`);
}

function summary(found: ProofFinding | undefined): string {
  return `${found?.verdict} ${found?.code}: ${found?.message}`;
}

/** A function that calls `callee` as any local caller does. */
const caller = (callee: string) => `${prologue('a')}\na_local: ${FRAME}\n bl ${callee}\n ${UNFRAME}`;

describe('a plain branch to another object’s function', () => {
  const code = (f: string) => source({ f: {}, a: {} }, `${prologue('f')}\nf_local: ${f}\n${caller('f_local')}`);
  const found = finding(code('b stub'), 'f');

  it('is refuted', () => {
    expect(summary(found)).toBe(
      `refuted TOC006: f leaves the object by a sibling call, so nobody restores r2: r2 is ${OTHER}`,
    );
  });

  it('on the path of a local caller, whom it leaves without r2', () => {
    expect(told(found)).toEqual([`b stub of fix | ${HOME}`]);
    expect(found?.callers).toEqual(['a']);
  });

  it('is right with a frame in between', () => {
    expect(finding(code(`${FRAME}\n bl stub\n ld r2,24(r1)\n ${UNFRAME}`), 'f')).toBeUndefined();
  });
});

describe('a frame under ten arguments', () => {
  const trampoline = (frame: number) => `mflr r0
 std r0,16(r1)
 stdu r1,-${frame}(r1)
 bl stub
 ld r2,24(r1)
 addi r1,r1,${frame}
 ld r0,16(r1)
 mtlr r0
 blr`;
  const code = (f: string) => source({ f: {}, a: {} }, `${prologue('f')}\nf_local: ${f}\n${caller('f_local')}`);
  /** What the prover finds in a function that adds its ninth and tenth argument. */
  const ten = (): ParameterUse => {
    const prover = new Prover(
      assemble({ functions: { g: { k: 0 } }, code: 'g: ld r9,96(r1)\n ld r10,104(r1)\n add r3,r9,r10\n blr' }),
    );
    prover.proveAll();
    return prover.parameters(0)!;
  };

  it('is known of the function that reads them', () => {
    expect(ten()).toEqual({ reads: 0b11 << 8, readEnd: 112, writeEnd: 0, isVariadic: false });
  });

  it('is refuted: they lie above the trampoline’s frame', () => {
    const found = finding(code(trampoline(32)), 'f', ten());
    expect(summary(found)).toBe(
      'refuted TOC018: f calls a function that looks for stack arguments where this one has not put them: r1 is r1 at entry - 32',
    );
    expect(toldOf(found)).toEqual([
      'mflr r0 | r1 at entry',
      'std r0,16(r1) | r1 at entry',
      'stdu r1,-32(r1) | r1 at entry',
      'bl stub of fix | r1 at entry - 32',
    ]);
    expect(found?.callers).toEqual(['a']);
  });

  it('is unknown where the frame is large enough for them, and nobody is seen to put them there', () => {
    const found = finding(code(trampoline(128)), 'f', ten());
    expect([found?.verdict, found?.code]).toEqual(['unknown', 'TOC018']);
  });

  it('is right where they are put there, or where there is no frame', () => {
    const put = 'stdu r1,-128(r1)\n std r3,96(r1)\n std r4,104(r1)';
    expect(finding(code(trampoline(128).replace('stdu r1,-128(r1)', put)), 'f', ten())).toBeUndefined();
    expect(finding(code(trampoline(32)), 'f')).toBeUndefined();
  });

  it('is found through a function that passes them on, whatever their order', () => {
    const g = (name: string) => `${name}: ld r9,96(r1)\n add r3,r3,r9\n blr`;
    const f = `f: ${FRAME}\n bl pass\n ${UNFRAME}`;
    const functions = { f: { k: 0 }, g: { k: 0 }, pass: { k: 0 } };
    for (const order of [
      [f, 'pass: b g', g('g')],
      [g('g'), 'pass: b g', f],
    ])
      expect(finding(source(functions, order.join('\n')), 'f')?.code).toBe('TOC018');
  });

  it('is found where the callee keeps its register arguments above its frame', () => {
    const g = 'g: std r3,32(r1)\n std r4,40(r1)\n blr';
    const found = finding(source({ f: { k: 0 }, g: { k: 0 } }, `f: ${FRAME}\n bl g\n ${UNFRAME}\n${g}`), 'f');
    expect([found?.verdict, found?.code]).toEqual(['refuted', 'TOC018']);
  });
});

describe('the TOC saved in the slot of the caller’s frame', () => {
  // h is entered from outside; the frame that f then finds is that of h's caller, whose own TOC is in the slot.
  const code = source(
    { f: {}, h: {} },
    `${prologue('f')}
f_local: mflr r0
 std r0,16(r1)
 std r2,24(r1)
 stdu r1,-32(r1)
 bl stub
 ld r2,24(r1)
 addi r1,r1,32
 ld r2,24(r1)
 ld r0,16(r1)
 mtlr r0
 blr
${prologue('h')}
 b f_local`,
  );
  const found = finding(code, 'f');

  it('is refuted where it is saved', () => {
    expect(summary(found)).toBe("refuted TOC005: f overwrites its caller's TOC save slot: r1 is r1 at entry");
    expect(told(found)).toEqual([`mflr r0 | ${HOME}`, `std r0,16(r1) | ${HOME}`, `std r2,24(r1) | ${HOME}`]);
  });

  it('for whoever is called by a function that goes on in it', () => {
    expect(found?.callers).toEqual(['h']);
    expect(finding(code, 'h')).toBeUndefined();
  });
});

describe('a guess whether the caller is a local one', () => {
  const restoring = `${FRAME}\n bl stub\n ld r2,24(r1)\n ${UNFRAME}`;

  it('by the distance of the return address is refuted for those that are far', () => {
    const code = `${prologue('f')}
f_local: mflr r0
 bcl 20,31,here
here: mflr r11
 mtlr r0
 subf r11,r11,r0
 cmpldi cr0,r11,32767
 bgt cr0,far
 ${restoring}
far: b stub`;
    const found = finding(source({ f: {}, a: {} }, `${code}\n${caller('f_local')}`), 'f');
    expect([found?.verdict, found?.code, found?.callers]).toEqual(['refuted', 'TOC006', ['a']]);
    expect(told(found)).toEqual([
      `mflr r0 | ${HOME}`,
      expect.stringMatching(/^bcl .* \| the home's TOC$/),
      `mflr r11 | ${HOME}`,
      `mtlr r0 | ${HOME}`,
      `subf r11,r11,r0 | ${HOME}`,
      expect.stringMatching(/^cmpldi .* \| the home's TOC$/),
      expect.stringMatching(/^bgt .* \| the home's TOC$/),
      `b stub of fix | ${HOME}`,
    ]);
  });

  it('by r2 at entry is refuted for those that have another', () => {
    const code = `f: addis r11,r12,toc@ha(f)
 addi r11,r11,toc@l(f)
 cmpd cr0,r2,r11
 mr r2,r11
 bne cr0,global
 nop
 nop
 nop
f_local: ${restoring}
global: b stub`;
    const found = finding(source({ f: { k: 5 }, a: {} }, `${code}\n${caller('f_local')}`), 'f');
    expect([found?.verdict, found?.code]).toEqual(['refuted', 'TOC006']);
    expect(told(found)).toEqual([
      'addis r11,r12,2 | r2 of the caller',
      expect.stringMatching(/^addi r11,r11,.* \| r2 of the caller$/),
      expect.stringMatching(/^cmpd .* \| r2 of the caller$/),
      'mr r2,r11 | r2 of the caller',
      expect.stringMatching(/^bne .* \| the home's TOC$/),
      `b stub of fix | ${HOME}`,
    ]);
  });
});

describe('a call through a stub without a frame of one’s own', () => {
  // The return address waits in a register that the callee keeps, so that only the slot is wrong.
  const code = `${prologue('f')}
f_local: std r31,-8(r1)
 mflr r31
 bl stub
 ld r2,24(r1)
 mtlr r31
 ld r31,-8(r1)
 blr`;

  it('is refuted: the stub stores r2 in the caller’s frame', () => {
    const found = finding(source({ f: {}, a: {} }, `${code}\n${caller('f_local')}`), 'f');
    expect(summary(found)).toBe("refuted TOC005: f overwrites its caller's TOC save slot: r1 is r1 at entry");
    expect(told(found)).toEqual([`std r31,-8(r1) | ${HOME}`, `mflr r31 | ${HOME}`, `bl stub of fix | ${HOME}`]);
    expect(found?.callers).toEqual(['a']);
  });
});

describe('the return address', () => {
  const keeper = `g: mflr r0
 std r0,16(r1)
 blr`;

  it('is lost in a slot that the callee writes', () => {
    const code = source(
      { f: { k: 0 }, g: { k: 0 } },
      `f: mflr r0\n std r0,16(r1)\n bl g\n ld r0,16(r1)\n mtlr r0\n blr\n${keeper}`,
    );
    const found = finding(code, 'f');
    expect(summary(found)).toBe(
      'refuted TOC011: f returns to another place than it was called from: LR is whatever the callee left there',
    );
    expect(toldOf(found).map(line => line.split(' | ')[1])).toEqual([
      'the return address',
      'the return address',
      'the return address',
      'f+12',
      'f+12',
      'whatever the callee left there',
    ]);
    // A function that has no use for the slot leaves it alone.
    expect(finding({ ...code, code: code.code.replace(keeper, 'g: mflr r0\n nop\n blr') }, 'f')?.verdict).toBe(
      'unknown',
    );
  });

  it('is not there where the local entry lies behind the save', () => {
    const code = `f: addis r2,r12,toc@ha(f)
 addi r2,r2,toc@l(f)
 mflr r0
 std r0,16(r1)
f_local: stdu r1,-32(r1)
 add r3,r3,r4
 ${UNFRAME}`;
    const found = finding(source({ f: { k: 4 }, a: {} }, `${code}\n${caller('f_local')}`), 'f');
    expect([found?.verdict, found?.code, found?.callers]).toEqual(['refuted', 'TOC011', ['a']]);
    expect(found?.path[0]?.place).toBe('f+16');
    expect(toldOf(found).at(-2)).toBe('mtlr r0 | the return address');
    expect(toldOf(found).at(-1)).toBe('blr | whatever the callee left there');
  });

  it('is unknown when it comes from a stack of its own, be it the oldest one or the right one', () => {
    // Nothing is known of what memory holds, the frame left aside: which entry of a shadow stack is taken cannot be told, so
    // neither the wrong pop is refuted nor the right one proved.
    const code = (pop: string) => `${prologue('f')}
f_local: mflr r0
 addis r11,r2,at@ha(cell)
 addi r11,r11,at@l(cell)
 ld r12,0(r11)
 addi r12,r12,8
 stdx r0,r11,r12
 std r12,0(r11)
 bl g
 addis r11,r2,at@ha(cell)
 addi r11,r11,at@l(cell)
 ld r12,0(r11)
 ${pop}
 addi r12,r12,-8
 std r12,0(r11)
 mtlr r0
 blr
g: mflr r0
 std r0,16(r1)
 blr`;
    for (const pop of ['ld r0,8(r11)', 'ldx r0,r11,r12']) {
      const found = finding(source({ f: {}, g: { k: 0 } }, code(pop)), 'f');
      expect([found?.verdict, found?.code]).toEqual(['unknown', 'TOC011']);
      expect(toldOf(found).at(-1)).toBe('blr | not known');
    }
  });
});

describe('a branch into the middle of a prologue', () => {
  it('is refuted: the callee returns to its caller’s caller', () => {
    const code = `f: mflr r0
 std r0,16(r1)
 stdu r1,-48(r1)
 bl middle
 addi r1,r1,48
 ld r0,16(r1)
 mtlr r0
 blr
g: mflr r0
middle: std r0,16(r1)
 stdu r1,-32(r1)
 add r3,r3,r4
 ${UNFRAME}`;
    const found = finding(source({ f: { k: 0 }, g: { k: 0 } }, code), 'f');
    expect(summary(found)).toBe('refuted TOC010: f returns with a wrong r1: r1 is r1 at entry - 48');
    expect(found?.path.map(step => step.place)).toContain('g+4');
    expect(toldOf(found).at(-1)).toBe('blr | r1 at entry - 48');
    expect(told(found).every(line => line.endsWith('| r2 of the caller'))).toBe(true);
  });
});
