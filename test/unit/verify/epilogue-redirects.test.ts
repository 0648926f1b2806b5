/** Redirects to copies that another module exports: proved with it, unknown without it, and bad ones do not get through. */
import { describe, expect, it } from 'vitest';
import { placeOf } from '../../../src/cli/patch/attempt.ts';
import { readElf } from '../../../src/elf/read.ts';
import type { PatchPlan, PlannedRedirect } from '../../../src/plan/plan.ts';
import { revert } from '../../../src/rewrite/revert.ts';
import { GivenModules } from '../../../src/verify/patched/given-modules.ts';
import { PatchProver } from '../../../src/verify/patched/prove-patched.ts';
import { told, withCopies } from './support/copies.ts';
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

const MODULE = '6.1/tocsin_demo.ko';
const FIX = withCopies(sample('6.1/tocsin_fix.ko'));
const COPY = '__tocsin_epilogue_fix_in_range';
const AWAY = '__tocsin_enter_demo_in_range';
const [STD_R2, LD_R2, NOP] = [0xf841fff8, 0xe841fff8, 0x60000000];

function given(bytes: Uint8Array = FIX): GivenModules {
  return new GivenModules([{ file: 'fix.ko', bytes }], undefined);
}

/** Verdict, and what is told of the first function that is not proved. */
function verdict(good: Patched, others: GivenModules | undefined): readonly (string | undefined)[] {
  const prover = new PatchProver(good.elf, undefined, others);
  const proof = prover.prove(readElf(good.output), good.plan.actions.flatMap(placeOf));
  const wrong = proof.functions.find(f => f.verdict !== 'proved');
  return [proof.verdict, wrong?.function, wrong?.code ?? proof.obstacle?.code];
}

function epilogue(from: string, to: string, rest: Partial<Parameters<typeof redirect>[2]> = {}): Patched {
  return patch(MODULE, { redirects: [redirect(from, to, { strategy: 'epilogue', ...rest })], ...told(FIX) });
}

/** The word of a copy that is `before` becomes `after`. */
function spoiled(before: number, after: number, symbol = COPY): Uint8Array {
  const spoiler = new Spoiler(FIX);
  const symbols = spoiler.elf.symbols!;
  const i = symbols.find(symbol);
  const section = spoiler.elf.sections[symbols.sectionOf(i)]!;
  for (let at = symbols.value(i); at < symbols.value(i) + symbols.size(i); at += 4)
    if (spoiler.word(section.name, at) === before) {
      spoiler.setWord(section.name, at, after);
      return spoiler.bytes;
    }
  throw new Error('no such word');
}

describe.each(GENERATIONS)('sample of %s', generation => {
  const fix = withCopies(sample(`${generation}/tocsin_fix.ko`));
  const cases = (['demo_in_range', 'demo_parity', 'demo_sum_ten', 'demo_sum_variadic'] as const).flatMap(from =>
    (['after-site', 'site', 'global-entry', 'local-entry'] as const).flatMap(at =>
      (['recomputed', 'saved'] as const).map(toc => ({ from, at, toc })),
    ),
  );
  it.each(cases)('$from at $at, $toc: verified, proved, reverted', ({ from, at, toc }) => {
    // A function with one entry has no global one.
    if (from === 'demo_parity' && at === 'global-entry') return;
    const to = from === 'demo_sum_ten' ? 'fix_sum_ten' : 'fix_in_range';
    const redirects = [redirect(from, to, { at, toc, strategy: 'epilogue' })];
    const good = patch(`${generation}/tocsin_demo.ko`, { redirects, ...told(fix) });
    expect(good.plan.actions[0]).toMatchObject({ to, strategy: 'epilogue', copy: { module: 'tocsin_fix' } });
    const wanted = at === 'global-entry' ? 'recomputed' : from === 'demo_parity' ? 'saved' : toc;
    expect((good.plan.actions[0] as PlannedRedirect).toc).toBe(wanted);
    expect(codes(judge(good))).toEqual([]);
    expect(verdict(good, given(fix))).toEqual(['proved', undefined, undefined]);
    expect(verdict(good, undefined)[0]).toBe('unknown');
    expect(Buffer.compare(revert(good.output).original, good.bytes)).toBe(0);
  });
});

describe('the prover', () => {
  const good = epilogue('demo_in_range', 'fix_in_range');

  it('says unknown where the other module is not given', () => {
    expect(verdict(good, undefined)).toEqual(['unknown', AWAY, 'PRV013']);
  });
  it('says unknown where the copy does not store r2', () => {
    expect(verdict(good, given(spoiled(STD_R2, NOP)))).toEqual(['unknown', AWAY, 'PRV014']);
  });
  it('says unknown where the copy does not load it again', () => {
    expect(verdict(good, given(spoiled(LD_R2, NOP)))).toEqual(['unknown', AWAY, 'PRV014']);
  });
  it('says unknown where it cannot be told where the copy returns to', () => {
    expect(verdict(good, given(spoiled(0x4e800020, 0x4e800420)))).toEqual(['unknown', AWAY, 'PRV014']);
  });
  it('says unknown where a function of the other module is not proved on which the copy relies', () => {
    const other = withCopies(sample('6.1/tocsin_demo.ko'), 'demo_lookup_all');
    const redirects = [redirect('fix_in_range', 'demo_lookup_all', { strategy: 'epilogue' })];
    const home = patch('6.1/tocsin_fix.ko', { redirects, ...told(other) });
    expect(verdict(home, given(other))).toEqual(['proved', undefined, undefined]);
    // demo_lookup_all calls demo_lookup, and that one demo_in_range.
    const spoiler = new Spoiler(other);
    const { symbols } = spoiler.elf;
    const called = symbols!.find('demo_in_range');
    let at = symbols!.value(called);
    while (spoiler.word('.text', at) !== 0x4e800020) at += 4;
    expect(at).toBeLessThan(symbols!.value(called) + symbols!.size(called));
    spoiler.setWord('.text', at, 0x4e800420);
    expect(verdict(home, given(spoiler.bytes))).toEqual(['unknown', '__tocsin_enter_fix_in_range', 'PRV014']);
  });
  it('says unknown where the module has a copy of that name that is not the one that is exported', () => {
    const spoiler = new Spoiler(FIX);
    const table = spoiler.elf.sectionNamed('__ksymtab_gpl') ?? spoiler.section('__ksymtab');
    const relocations = spoiler.elf.relocationSectionsFor(table.index)[0]!;
    const entries = spoiler.elf.relocations(relocations);
    const copy = spoiler.elf.symbols!.find(COPY);
    const i = Array.from({ length: entries.count }, (_, n) => n).find(n => entries.symbol(n) === copy)!;
    // One word behind its entry.
    new DataView(spoiler.bytes.buffer).setUint32(relocations.sh_offset + i * 24 + 16, 4, true);
    expect(verdict(good, given(spoiler.bytes))).toEqual(['unknown', AWAY, 'PRV015']);
  });
  it('says unknown where the given module exports no such copy', () => {
    const other = withCopies(sample('6.1/tocsin_fix.ko'), 'fix_parity');
    expect(verdict(good, given(other))).toEqual(['unknown', AWAY, 'PRV013']);
  });
  it('lets no import through whose checksum is another: the module was changed after the patch', () => {
    const changed = spoiled(STD_R2, STD_R2);
    const table = readElf(changed).sectionNamed('__kcrctab_gpl')!;
    for (let at = 0; at < table.sh_size; at++) changed[table.sh_offset + at]! ^= 1;
    expect(verdict(good, given(changed))).toEqual(['unknown', undefined, 'PRV104']);
  });
  it('looks at what the copy wants of the stack', () => {
    const ten = epilogue('demo_in_range', 'fix_sum_ten');
    expect(verdict(ten, given())[0]).not.toBe('proved');
    expect(verdict(epilogue('demo_sum_ten', 'fix_sum_ten'), given())[0]).toBe('proved');
  });
});

describe('the judge tells', () => {
  const good = epilogue('demo_in_range', 'fix_in_range');
  const byToc = epilogue('demo_in_range', 'fix_in_range', { toc: 'saved' });
  const code = good.plan.newCode[0]!;
  const changed = (of: Patched, change: Partial<PatchPlan>) =>
    codes(judge(carryOut(of.elf, { ...of.plan, ...change })));
  const words = (of: Patched, at: number, word: number) => {
    const [first] = of.plan.newCode;
    return [{ ...first!, words: first!.words.map((w, i) => (i === at ? word : w)) }];
  };
  const relocated = (of: Patched, offset: number, change: Partial<(typeof code.relocations)[number]> | undefined) => {
    const [first] = of.plan.newCode;
    const relocations = first!.relocations.flatMap(r =>
      r.offset !== offset ? [r] : change === undefined ? [] : [{ ...r, ...change }],
    );
    return [{ ...first!, relocations }];
  };

  it('a doubleword that is not empty', () => {
    expect(changed(good, { newCode: words(good, 10, 1) })).toContain('VER150');
  });
  it('a doubleword that nothing fills, or that something else fills', () => {
    expect(changed(good, { newCode: relocated(good, 40, undefined) })).toContain('VER150');
    expect(changed(good, { newCode: relocated(good, 40, { type: 44 }) })).toContain('VER150');
  });
  it('an address behind the entry', () => {
    expect(changed(good, { newCode: relocated(good, 40, { addend: 4 }) })).toContain('VER150');
  });
  it('a load from beside the doubleword', () => {
    expect(changed(good, { newCode: words(good, 6, 0xe98c0018) })).toContain('VER150');
    expect(changed(byToc, { newCode: relocated(byToc, 4, { addend: 8 }) })).toContain('VER063');
  });
  it('another symbol than that of the plan', () => {
    const actions = good.plan.actions.map(a => ({ ...a, copy: { symbol: `${COPY}_2`, module: 'tocsin_fix' } }));
    expect(changed(good, { actions: actions as PatchPlan['actions'] })).toContain('VER068');
  });
  it('a plan with another strategy', () => {
    const actions = good.plan.actions.map(a => ({ ...a, strategy: 'frame' }));
    expect(changed(good, { actions: actions as PatchPlan['actions'] })).toContain('VER151');
  });
  it('a frame where the plan has none', () => {
    const frame = patch(MODULE, { redirects: [redirect('demo_in_range', COPY, { strategy: 'frame' })], ...told(FIX) });
    const copy = { symbol: COPY, module: 'tocsin_fix' };
    const actions = frame.plan.actions.map(a => ({ ...a, strategy: 'epilogue', copy }));
    expect(changed(frame, { actions: actions as PatchPlan['actions'] })).toContain('VER151');
  });
  it('a stub in the place of the address', () => {
    const [first] = good.plan.newCode;
    const target = first!.relocations.find(r => r.type === 38)!;
    const newCode = [
      {
        ...first!,
        words: first!.words.map((w, i) => (i === 8 ? 0x48000000 : w)),
        relocations: [...first!.relocations, { ...target, offset: 32, type: 10 }],
      },
    ];
    expect(changed(good, { newCode })).toContain('VER151');
  });
  it('an r2 that is not the one that callers want', () => {
    // A function with two entries, entered at its global one, that leaves r2 as it is.
    const entry = epilogue('demo_in_range', 'fix_in_range', { at: 'global-entry' });
    const any = epilogue('demo_parity', 'fix_in_range');
    const toc = { ...entry.plan.newCode[0]!, words: any.plan.newCode[0]!.words };
    const relocations = toc.relocations.filter(r => r.type === 38).map(r => ({ ...r, offset: 32 }));
    expect(changed(entry, { newCode: [{ ...toc, relocations }] })).toContain('VER152');
    // And one with one entry, whose r2 becomes the home's TOC.
    const own = { ...any.plan.newCode[0]!, words: entry.plan.newCode[0]!.words };
    const [filled] = own.relocations;
    const toOther = entry.plan.newCode[0]!.relocations.map(r => (r.type === 38 ? { ...filled!, offset: r.offset } : r));
    const newSymbols = entry.plan.newSymbols.map((s, i) => any.plan.newSymbols[i] ?? s);
    expect(changed(any, { newCode: [{ ...own, relocations: toOther }], newSymbols })).not.toEqual([]);
  });
});
