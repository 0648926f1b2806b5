/** Hooks and changed calls: good outputs pass, and each thing that may be wrong with them is found. */
import { describe, expect, it } from 'vitest';
import type { NewCode, PatchPlan, PlannedAction, PlannedHook } from '../../../src/plan/plan.ts';
import type { HookRequest } from '../../../src/rewrite/hooks.ts';
import { carryOut, codes, GENERATIONS, judge, type Patched, patch } from './support/patched.ts';

function hook(functions: string, name: string, more: Partial<HookRequest> = {}): HookRequest {
  return { functions, hook: name, when: 'before', at: undefined, toc: 'recomputed', ...more };
}

function expectGood(good: Patched): void {
  expect(judge(good).findings.filter(f => f.code !== 'VER048')).toEqual([]);
}

describe.each(GENERATIONS)('good ones, %s', generation => {
  const file = `${generation}/tocsin_demo.ko`;

  it.each(['before', 'after'] as const)('hooks %s everything', when => {
    for (const at of ['after-site', 'site'] as const)
      for (const toc of ['recomputed', 'saved'] as const)
        expectGood(patch(file, { hooks: [hook('*', 'elsewhere', { when, at, toc })] }));
    expectGood(patch(file, { hooks: [hook('*', 'demo_alarm', { when })] }));
    expectGood(patch(file, { hooks: [hook('*', 'demo_parity', { when })] }));
  });

  it('hooks before and after', () => {
    const hooks = [hook('demo_*', 'elsewhere'), hook('demo_[a-l]*', 'demo_parity', { when: 'after' })];
    const good = patch(file, { hooks });
    expect(good.plan.actions.some(a => a.kind === 'hook' && a.before !== undefined && a.after !== undefined)).toBe(
      true,
    );
    expectGood(good);
  });

  it('calls', () => {
    const calls = [
      ['demo_external', 'int_sqrt', 'elsewhere'],
      ['demo_external', 'int_sqrt', 'demo_in_range'],
      ['demo_lookup', 'demo_in_range', 'demo_in_range_fixed'],
      ['demo_sibling', 'demo_in_range', 'demo_in_range_fixed'],
    ] as const;
    for (const [from, call, to] of calls) expectGood(patch(file, { retargets: [{ from, call, to }] }));
  });
});

const MODULE = '6.12/tocsin_demo.ko';
const before = patch(MODULE, { hooks: [hook('demo_in_range', 'elsewhere')] });
const leaf = patch(MODULE, { hooks: [hook('demo_parity', 'elsewhere')] });
const after = patch(MODULE, { hooks: [hook('demo_in_range', 'elsewhere', { when: 'after' })] });
const leafAfter = patch(MODULE, { hooks: [hook('demo_parity', 'elsewhere', { when: 'after' })] });

/** The same with other code: what a maker would write that has a bug. */
function withCode(
  { elf, plan }: Patched,
  change: (words: number[], code: NewCode) => NewCode['relocations'] | undefined,
): string[] {
  const newCode = plan.newCode.map(code => {
    const words = [...code.words];
    return { ...code, relocations: change(words, code) ?? code.relocations, words };
  });
  return codes(judge(carryOut(elf, { ...plan, newCode })));
}

/** The same with a plan that says something else. */
function withAction({ elf, plan }: Patched, change: Partial<PlannedHook>): string[] {
  const actions = plan.actions.map(a => ({ ...a, ...change }) as PlannedAction);
  return codes(judge(carryOut(elf, { ...plan, actions } as PatchPlan)));
}

const NOP = 0x60000000;

/** Puts a word where the first `was` stands. */
function replaced(good: Patched, was: number, is: number): string[] {
  return withCode(good, words => {
    const at = words.indexOf(was);
    expect(at).toBeGreaterThanOrEqual(0);
    words[at] = is;
    return undefined;
  });
}

describe('code that is wrong', () => {
  it.each([
    ['r3 does not come back', 0x7dc37378, NOP, 'VER064'],
    ['r10 comes back as r9', 0x7eaaab78, 0x7e8aa378, 'VER064'],
    ['r14 does not come back', 0xe9c10060, NOP, 'VER064'],
    ['r21 is not kept', 0xfaa10098, NOP, 'VER064'],
    ['the return address is not stored', 0xf8010010, NOP, 'VER066'],
    ['r0 is lost', 0xe8010010, NOP, 'VER062'],
    ['LR is lost', 0x7c0803a6, NOP, 'VER062'],
    ['the frame stays', 0x382100b0, NOP, 'VER061'],
    ['the frame is too small', 0xf821ff51, 0xf821ffa1, 'VER066'],
    ['r4 is not the return address', 0x7c040378, NOP, 'VER090'],
    ['the argument is another', 0x7c040378, 0x7c641b78, 'VER090'],
    ['the nop is no nop', NOP, 0x38600000, 'VER065'],
    ['r2 is not computed', 0x7d8802a6, NOP, 'VER063'],
    ['a store into the caller’s frame', 0xf9c10060, 0xf9c100d8, 'VER069'],
    ['an instruction that nobody knows', 0x7c040378, 0x7c0004ac, 'VER060'],
    ['a hook before that returns', 0x7c0803a6, 0x4e800020, 'VER090'],
  ])('before: %s', (_, was, is, code) => {
    expect(replaced(before, was, is)).toContain(code);
  });

  it.each([
    ['r2 is not kept', 0xf84100a0, NOP, 'VER063'],
    ['r2 does not come back', 0xe84100a0, NOP, 'VER063'],
    ['r2 is not found', 0x7d8802a6, NOP, 'VER067'],
  ])('before a function with any r2: %s', (_, was, is, code) => {
    expect(replaced(leaf, was, is)).toContain(code);
  });

  it.each([
    ['the result is lost', 0xe8610060, NOP, 'VER064'],
    ['its second half is', 0xe8810068, NOP, 'VER064'],
    ['the hook does not see it', 0x7c651b78, NOP, 'VER090'],
    ['nor where it goes', 0xe8810090, NOP, 'VER090'],
    ['the function gets another r3', 0xf8010010, 0x38600000, 'VER060'],
  ])('after: %s', (_, was, is, code) => {
    expect(replaced(after, was, is)).toContain(code);
  });

  it('after: the body’s own entry is another', () => {
    expect(replaced(after, 0x3c4c0000, NOP)).toContain('VER063');
    const { elf, plan } = after;
    const newSymbols = plan.newSymbols.map(s => ({ ...s, st_other: 2 }));
    expect(codes(judge(carryOut(elf, { ...plan, newSymbols })))).toContain('VER090');
  });

  it('after a function with any r2: it is lost', () => {
    expect(replaced(leafAfter, 0xe8410070, NOP)).toContain('VER063');
  });

  it('is found where a relocation is wrong', () => {
    const wrong = (type: number, field: 'addend' | 'type', by: number) =>
      withCode(before, (_, code) =>
        code.relocations.map(r => (r.type === type ? { ...r, [field]: r[field] + by } : r)),
      );
    expect(wrong(50, 'addend', 4)).toContain('VER090');
    // A place beside the hook.
    const beside = withCode(before, (words, code) =>
      code.relocations.map(r => (words[r.offset / 4] === 0x48000001 ? { ...r, addend: 8 } : r)),
    );
    expect(beside).toContain('VER090');
    expect(wrong(252, 'addend', 4)).toContain('VER063');
    const back = withCode(before, (words, code) =>
      code.relocations.map(r => (words[r.offset / 4] === 0x48000000 ? { ...r, addend: r.addend + 4 } : r)),
    );
    expect(back).toContain('VER091');
  });

  it('is found where it calls itself without end', () => {
    const both = patch(MODULE, {
      hooks: [
        { functions: 'demo_in_range', hook: 'elsewhere', when: 'before', at: undefined, toc: 'recomputed' },
        { functions: 'demo_in_range', hook: 'elsewhere', when: 'after', at: undefined, toc: 'recomputed' },
      ],
    });
    expect(codes(judge(both))).toEqual([]);
    const calls = (code: NewCode) => code.relocations.filter(r => code.words[r.offset / 4] === 0x48000001);
    const [code] = both.plan.newCode;
    const body = calls(code!)[1]!;
    for (const addend of Array.from({ length: code!.words.length }, (_, i) => 4 * i)) {
      const relocations = code!.relocations.map(r => (r === body ? { ...r, addend } : r));
      const found = codes(judge(carryOut(both.elf, { ...both.plan, newCode: [{ ...code!, relocations }] })));
      expect(found.length > 0, `${addend} bytes further`).toBe(addend > 0);
    }
  });

  it('is found where the moved instruction is another', () => {
    const changed = withCode(before, (words, code) => {
      const back = code.relocations.find(r => words[r.offset / 4] === 0x48000000)!;
      words[back.offset / 4 - 1] = 0x39200000;
      return undefined;
    });
    expect(changed).toContain('VER092');
  });
});

describe('plans that say something else', () => {
  it('are found', () => {
    expect(withAction(before, { before: 'somewhere_else' })).toContain('VER090');
    expect(withAction(before, { after: 'elsewhere' })).toContain('VER090');
    expect(withAction(before, { ip: 0 })).toContain('VER090');
    expect(withAction(before, { at: 'site' })).toContain('VER064');
    const { before: _, ...rest } = before.plan.actions[0] as PlannedHook;
    const swapped = { ...before.plan, actions: [{ ...rest, after: 'elsewhere' }] } as PatchPlan;
    expect(codes(judge(carryOut(before.elf, swapped)))).toContain('VER090');
  });
});

describe('calls that are wrong', () => {
  const asked = (from: string, call: string, to: string) => patch(MODULE, { retargets: [{ from, call, to }] });
  const outside = asked('demo_external', 'int_sqrt', 'elsewhere');
  const inside = asked('demo_lookup', 'demo_in_range', 'demo_in_range_fixed');
  const spoil = ({ elf, plan }: Patched, change: object) =>
    codes(judge(carryOut(elf, { ...plan, actions: plan.actions.map(a => ({ ...a, ...change }) as PlannedAction) })));

  it('lead to somebody else', () => {
    expect(spoil(outside, { to: 'somewhere_else' })).toContain('VER093');
    expect(spoil(inside, { to: 'demo_parity' })).toContain('VER093');
    const { plan, elf } = inside;
    const none = { ...plan, addedRelocations: [] };
    expect(codes(judge(carryOut(elf, none)))).toContain('VER093');
  });

  it('are of another kind', () => {
    expect(spoil(inside, { links: false })).toContain('VER093');
    expect(spoil(outside, { toc: 'kept' })).toContain('VER094');
  });

  it('have nobody to restore r2', () => {
    const { plan, elf } = inside;
    const [relocation] = plan.addedRelocations;
    const symbol = elf.symbols!.find('int_sqrt');
    const addedRelocations = [{ ...relocation!, symbol: { existing: symbol } }];
    const actions = plan.actions.map(a => ({ ...a, to: 'int_sqrt', toc: 'restored' }) as PlannedAction);
    expect(codes(judge(carryOut(elf, { ...plan, actions, addedRelocations })))).toContain('VER094');
  });
});
