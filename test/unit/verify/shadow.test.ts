/** Shadow redirects: what the judge and the prover say of good ones, and of each thing that may be wrong with them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../src/cli/patch/attempt.ts';
import { readElf } from '../../../src/elf/read.ts';
import { applyMerge } from '../../../src/merge/apply.ts';
import { planMerge } from '../../../src/merge/plan.ts';
import type { NewCode, PatchPlan, PlannedAction } from '../../../src/plan/plan.ts';
import { PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import { root } from '../../support/samples.ts';
import { carryOut, codes, GENERATIONS, judge, type Patched, patch, redirect, sample } from './support/patched.ts';

/** A sample with the shadow table. */
function withTable(generation: string): Uint8Array {
  const module = readElf(sample(`${generation}/tocsin_demo.ko`));
  const bytes = new Uint8Array(readFileSync(`${root}runtime/shadow.o`));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const objects = [{ name: 'shadow.o', elf: readElf(bytes), sha256 }];
  return applyMerge(module, objects, planMerge(module, objects)).bytes;
}

const shadow = (from: string, rest: object = {}) => redirect(from, 'elsewhere', { strategy: 'shadow', ...rest });

function verdicts({ elf, plan, output }: Patched): string[] {
  const places = plan.actions.flatMap(placeOf);
  const { functions } = new PatchProver(elf, undefined).prove(readElf(output), places);
  return functions.map(f => `${f.function} ${f.verdict} ${f.code ?? ''}`.trim());
}

describe.each(GENERATIONS)('good ones, %s', generation => {
  const bytes = withTable(generation);

  it.each(['recomputed', 'saved'] as const)('r2 %s', toc => {
    for (const at of ['after-site', 'site'] as const) {
      const names = ['demo_in_range', 'demo_sum_ten', 'demo_sum_variadic', 'demo_parity'];
      const good = patch(bytes, { redirects: names.map(name => shadow(name, { toc, at })) });
      expect(judge(good).findings).toEqual([]);
      expect(verdicts(good).sort()).toEqual(names.map(name => `${name} proved`).sort());
      // A function that leaves r2 alone has to find it again.
      const tocs = good.plan.actions.map(a => (a.kind === 'redirect' ? a.toc : ''));
      expect(tocs).toEqual([toc, toc, toc, 'saved']);
    }
  });
});

describe.each(GENERATIONS)('for some callers only, %s', generation => {
  const bytes = withTable(generation);

  it.each(['recomputed', 'saved'] as const)('r2 %s', toc => {
    const global = patch(bytes, { redirects: [shadow('demo_in_range', { toc, at: 'global-entry' })] });
    const local = ['demo_in_range', 'demo_parity', 'demo_sum_ten'];
    const inside = patch(bytes, { redirects: local.map(name => shadow(name, { toc, at: 'local-entry' })) });
    for (const good of [global, inside]) {
      expect(judge(good).findings).toEqual([]);
      expect(verdicts(good).filter(v => !v.endsWith('proved'))).toEqual([]);
    }
    // At the global entry r2 is anybody's.
    expect(global.plan.actions.map(a => a.kind === 'redirect' && a.toc)).toEqual(['recomputed']);
    expect(inside.plan.actions.map(a => a.kind === 'redirect' && a.toc)).toEqual([toc, 'saved', toc]);
    expect(verdicts(global)).toEqual(['demo_in_range proved', '__tocsin_shadow_demo_in_range proved']);
  });
});

const bytes = withTable('6.12');
const good = patch(bytes, { redirects: [shadow('demo_in_range')] });
const saved = patch(bytes, { redirects: [shadow('demo_parity')] });

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

const NOP = 0x60000000;

describe('the judge finds', () => {
  it.each([
    ['LR is not kept', 0xf80b0008, NOP],
    ['another place is read', 0xe80a0008, 0xe80a0010],
    ['the slot is not given back', 0xf98a0000, NOP],
    ['no barrier', 0x7c2004ac, NOP],
    ['a larger window', 0x38000020, 0x38000040],
    ['another hash', 0x618c79b9, 0x618c79bb],
  ])('%s, and nothing is proved', (_, was, is) => {
    const bad = withWord(good, was, is);
    expect(codes(judge(bad))).toContain('VER103');
    expect(verdicts(bad)).not.toEqual(['demo_in_range proved']);
  });

  it('a plan that says something else', () => {
    const withAction = (change: object) => {
      const actions = good.plan.actions.map(a => ({ ...a, ...change }) as PlannedAction);
      return codes(judge(carryOut(good.elf, { ...good.plan, actions } as PatchPlan)));
    };
    expect(withAction({ toc: 'saved' })).toContain('VER103');
    expect(withAction({ to: 'somewhere_else' })).toContain('VER105');
    expect(withAction({ at: 'global-entry' })).toContain('VER102');
  });

  it('relocations that mean something else', () => {
    const withAddend = (type: number, add: number) =>
      codes(
        judge(
          changed(good, code => ({
            ...code,
            relocations: code.relocations.map(r => (r.type === type ? { ...r, addend: r.addend + add } : r)),
          })),
        ),
      );
    expect(withAddend(252, 8)).toContain('VER104');
    expect(withAddend(250, 4)).toContain('VER104');
    expect(withAddend(38, 8)).toContain('VER105');
    expect(withAddend(10, 4)).toContain('VER102');
  });

  it('a table that somebody else knows', () => {
    const { elf, plan } = good;
    const { symbols } = elf;
    const symbol = { existing: symbols!.find('__tocsin_shadow_table') };
    const section = elf.sectionNamed('.toc')!.index;
    const addedRelocations = [...plan.addedRelocations, { section, offset: 0, type: 38, symbol, addend: 64 }];
    expect(codes(judge(carryOut(elf, { ...plan, addedRelocations })))).toContain('VER107');
  });

  it('a function that goes on without what was moved', () => {
    const [word] = good.plan.words;
    expect(codes(judge(withWord(good, word!.before, NOP)))).toContain('VER102');
  });
});

describe('the prover', () => {
  it('does not take r2 for granted', () => {
    // ld r2,16(r10): what G left stays.
    expect(verdicts(withWord(saved, 0xe84a0010, NOP))).not.toEqual(['demo_parity proved']);
  });

  it('does not let anybody into the middle of the code', () => {
    // demo_alarm jumps behind the call, where no slot of its own is.
    const { elf, plan } = good;
    const alarm = elf.symbols!.find('demo_alarm');
    const section = elf.symbols!.sectionOf(alarm);
    const offset = elf.symbols!.value(alarm) + 32;
    const word = elf.sectionWords(elf.sections[section]!)[offset / 4]!;
    const trampoline = plan.newSymbols.findIndex(s => s.name === '__tocsin_shadow_demo_in_range');
    const addend = plan.newCode[0]!.words.indexOf(0x4e800421) * 4 + 4;
    const bad = carryOut(elf, {
      ...plan,
      words: [...plan.words, { section, offset, before: word, after: 0x48000000 }].sort((a, b) => a.offset - b.offset),
      addedRelocations: [
        ...plan.addedRelocations,
        { section, offset, type: 10, symbol: { added: trampoline }, addend },
      ].sort((a, b) => a.offset - b.offset),
    } as PatchPlan);
    const told = verdicts(bad);
    expect(told).not.toContain('demo_in_range proved');
    expect(told.some(t => t.startsWith('demo_alarm') && !t.endsWith('proved'))).toBe(true);
  });
});

describe('the judge finds that the function is not entered as it has to be', () => {
  const entered = (at: string) => patch(bytes, { redirects: [shadow('demo_in_range', { at })] });

  it('without r2, from its global entry', () => {
    const good = entered('global-entry');
    // The last addi of r2 is that of the way in.
    const last = good.plan.newCode[0]!.words.filter(word => word === 0x38420000).length - 1;
    const bad = withWord(good, 0x38420000, NOP, last);
    expect(codes(judge(bad))).toContain('VER102');
    expect(verdicts(bad).some(v => !v.endsWith('proved'))).toBe(true);
  });

  it('somewhere behind its entry', () => {
    for (const at of ['global-entry', 'local-entry']) {
      const bad = changed(entered(at), code => ({
        ...code,
        relocations: code.relocations.map(r => (r.type === 10 ? { ...r, addend: 4 } : r)),
      }));
      expect(codes(judge(bad))).toContain('VER102');
    }
  });
});

it('needs its table', () => {
  expect(() => patch('6.12/tocsin_demo.ko', { redirects: [shadow('demo_in_range')] })).toThrow(
    'shadow needs its table',
  );
});
