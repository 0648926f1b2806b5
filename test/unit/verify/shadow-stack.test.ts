/** Shadow redirects on the second stack of tasks: what the judge and the prover say of good ones, and of what may be wrong. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../src/cli/patch/attempt.ts';
import { readElf } from '../../../src/elf/read.ts';
import type { LivepatchStack } from '../../../src/kernel/knowledge/model.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import type { NewCode, PatchPlan, PlannedAction } from '../../../src/plan/plan.ts';
import { CODE } from '../../../src/prove/subject.ts';
import { assumedKernel } from '../../../src/verify/patched/assumed-kernel.ts';
import { PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import { Memory } from '../../../src/verify/proof/memory.ts';
import { shadowEdges } from '../../../src/verify/proof/shadow.ts';
import { root } from '../../support/samples.ts';
import {
  carryOut,
  codes,
  GENERATIONS,
  judge,
  type Patched,
  patch,
  redirect,
  Spoiler,
  sample,
} from './support/patched.ts';

const STACK: LivepatchStack = { threadInfo: 2312, sp: 16, source: 'handler' };
const stack = { threadInfo: STACK.threadInfo, sp: STACK.sp };

/** A sample with the counters. */
function withState(generation: string): Uint8Array {
  const module = readElf(sample(`${generation}/tocsin_demo.ko`));
  const bytes = new Uint8Array(readFileSync(`${root}runtime/shadow-stack.o`));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const objects = [{ name: 'shadow-stack.o', elf: readElf(bytes), sha256 }];
  return applyMerge(module, objects, planMerge(module, objects)).bytes;
}

const shadow = (from: string, rest: object = {}) => redirect(from, 'elsewhere', { strategy: 'shadow', stack, ...rest });

function verdicts({ elf, plan, output }: Patched, livepatchStack: LivepatchStack | undefined = STACK): string[] {
  const places = plan.actions.flatMap(placeOf);
  const after = readElf(output);
  const kernel = { ...assumedKernel(after), ...(livepatchStack && { livepatchStack }) };
  const { functions } = new PatchProver(elf, { kernel, exporterOf: () => undefined }).prove(after, places);
  return functions.map(f => `${f.function} ${f.verdict} ${f.code ?? ''}`.trim()).sort();
}

const NAMES = ['demo_in_range', 'demo_parity', 'demo_sum_ten', 'demo_sum_variadic'];

describe.each(GENERATIONS)('good ones, %s', generation => {
  const bytes = withState(generation);

  it.each(['recomputed', 'saved'] as const)('r2 %s', toc => {
    for (const at of ['after-site', 'site'] as const) {
      const good = patch(bytes, { redirects: NAMES.map(name => shadow(name, { toc, at })) });
      expect(judge(good).findings).toEqual([]);
      expect(verdicts(good)).toEqual(NAMES.map(name => `${name} proved`));
      expect(good.plan.actions.map(a => a.kind === 'redirect' && a.stack)).toEqual(NAMES.map(() => stack));
    }
  });
});

it('goes with some callers only', () => {
  const bytes = withState('7.2');
  for (const [at, names] of [
    ['global-entry', ['demo_in_range']],
    ['local-entry', ['demo_in_range', 'demo_parity']],
  ] as const) {
    const good = patch(bytes, { redirects: names.map(name => shadow(name, { at })) });
    expect(judge(good).findings).toEqual([]);
    expect(verdicts(good).filter(v => !v.endsWith('proved'))).toEqual([]);
  }
});

const bytes = withState('6.12');
const good = patch(bytes, { redirects: [shadow('demo_in_range')] });
const NOP = 0x60000000;

function changed(from: Patched, change: (code: NewCode) => NewCode): Patched {
  return carryOut(from.elf, { ...from.plan, newCode: from.plan.newCode.map(change) });
}

/** Puts a word in place of the n-th `was`. */
function withWord(from: Patched, was: number, is: number, n = 0): Patched {
  return changed(from, code => {
    let seen = 0;
    const words = code.words.map(word => (word === was && seen++ === n ? is : word));
    expect(seen).toBeGreaterThan(n);
    return { ...code, words };
  });
}

describe('nothing is proved', () => {
  it('for a kernel that has no such stack, or has it elsewhere', () => {
    const plain = { ...STACK };
    expect(verdicts(good, plain)).toEqual(['demo_in_range proved']);
    const all: (LivepatchStack | undefined)[] = [
      { ...STACK, sp: 24 },
      { ...STACK, threadInfo: 2320 },
    ];
    for (const other of all) expect(verdicts(good, other)).not.toEqual(['demo_in_range proved']);
    const places = good.plan.actions.map(({ section, offset }) => ({ section, offset }));
    expect(new PatchProver(good.elf, undefined).prove(readElf(good.output), places).verdict).not.toBe('proved');
  });

  it.each([
    ['LR is not kept', 0xf80bfff0, NOP, 0],
    ['another place is read', 0xe80bfff0, 0xe80bffe8, 0],
    ['livepatch_sp is not moved', 0xf96c0010, NOP, 0],
    ['livepatch_sp is not moved back', 0xf96c0010, NOP, 1],
    ['livepatch_sp is moved somewhere else', 0xf96c0010, 0xf96c0018, 0],
    ['it is stored before it is moved', 0x396b0018, 0x396b0030, 0],
    ['no bound', 0x7c2c0040, 0x7c0c0040, 0],
  ])('%s, and the judge finds it', (_, was, is, n) => {
    const bad = withWord(good, was, is, n);
    expect(codes(judge(bad))).toContain('VER103');
    expect(verdicts(bad)).not.toEqual(['demo_in_range proved']);
  });
});

it('the judge finds a plan that says something else', () => {
  const withAction = (change: object) => {
    const actions = good.plan.actions.map(a => ({ ...a, ...change }) as PlannedAction);
    return codes(judge(carryOut(good.elf, { ...good.plan, actions } as PatchPlan)));
  };
  expect(withAction({ stack: { threadInfo: 2312, sp: 24 } })).toContain('VER156');
  expect(withAction({ stack: undefined })).toContain('VER156');
  expect(withAction({ toc: 'saved' })).toContain('VER103');
  expect(withAction({ to: 'somewhere_else' })).toContain('VER105');
  const addend = (type: number) =>
    changed(good, code => ({
      ...code,
      relocations: code.relocations.map(r => (r.type === type ? { ...r, addend: r.addend + 8 } : r)),
    }));
  expect(codes(judge(addend(252)))).toContain('VER104');
});

it('needs its counters, all of them', () => {
  expect(() => patch('6.12/tocsin_demo.ko', { redirects: [shadow('demo_in_range')] })).toThrow(
    'shadow needs its table',
  );
  const few = new Spoiler(bytes);
  few.setSymbolByte('__tocsin_shadow_stack_state', 16, 16);
  expect(() => patch(few.bytes, { redirects: [shadow('demo_in_range')] })).toThrow('shadow needs its table');
});

describe('the address behind the code', () => {
  const [code] = good.plan.newCode;
  const target = code!.words.length - 2;

  /** Edges of the code with `low` for the low word of G's address; `jump` is a word in front of all. */
  function edges(low: number, jump = NOP, last = code!.words[target - 1]!, room = 40): number {
    const words = Uint32Array.of(jump, ...code!.words);
    words[target + 1] = low;
    words[target] = last;
    // Counters 0x8000 behind the start.
    for (const { offset, type, addend } of code!.relocations) {
      const distance = 0x8000 + addend - offset - 4;
      if (type === 252) words[offset / 4 + 1]! |= ((distance + 0x8000) >> 16) & 0xffff;
      if (type === 250) words[offset / 4 + 1]! |= distance & 0xffff;
    }
    const section = (name: string, offset: number, contents: Uint8Array, isCode: boolean) => ({
      ...{ name, offset, bytes: contents, size: contents.length, isCode, isConstant: isCode },
    });
    const text = section('.text', 0, new Uint8Array(words.buffer), true);
    const memory = new Memory(0n, [text, section('.data', 0x8000, new Uint8Array(room), false)]);
    const marks = new Uint8Array(words.length + 1).fill(CODE, 0, words.length);
    return shadowEdges(memory, { marks, edges: new Map() }, stack).size;
  }

  it('is no branch into the code, whatever it looks like', () => {
    expect(edges(0)).toBe(2);
    // bc and b, 0x40 back.
    for (const low of [0x4000ffc0, 0x4bffffc0]) expect(edges(low)).toBe(2);
  });

  it('has room for all counters, or nothing is told of the code', () => {
    expect(edges(0, NOP, undefined, 32)).toBe(0);
  });

  it('is one where control may come to it', () => {
    expect(edges(0x4000ffc0, NOP, 0x7c0802a6)).toBe(0);
    expect(edges(0x4000ffc0, 0x48000000 | ((target + 1) * 4))).toBe(0);
  });
});
