/** A bad branch that the input has already does not stand in the way of a patch that leaves it alone. */
import { describe, expect, it } from 'vitest';
import { codes, judge, type Patched, patch, Spoiler, sample, spoiled } from './support/patched.ts';

const MODULE = '6.1/tocsin_demo.ko';
const R_PPC64_REL24 = 10;

const isExternalCall = (s: Spoiler) => (r: { type: number; symbol: string; word: number }) =>
  r.type === R_PPC64_REL24 &&
  (r.word & 0xfc000003) >>> 0 === 0x48000001 &&
  r.symbol !== '_mcount' &&
  s.elf.symbols!.rawSection(s.symbol(r.symbol)) === 0;

/** Makes the first external call of `.text` a branch that does not come back. */
function withoutReturn(s: Spoiler): number {
  const entry = s.relocation('.text', isExternalCall(s));
  const offset = s.offsetOf('.text', entry);
  s.setWord('.text', offset, s.word('.text', offset) & ~1);
  return offset;
}

function badInput(): { readonly good: Patched; readonly offset: number } {
  const spoiler = new Spoiler(sample(MODULE));
  const offset = withoutReturn(spoiler);
  return { good: patch(spoiler.bytes, { nops: ['demo_lookup', 'demo_in_range'] }), offset };
}

describe('a branch to another module', () => {
  it('is warned of where it was there before', () => {
    const { good, offset } = badInput();
    const verification = judge(good);
    expect(verification.ok).toBe(true);
    expect(verification.findings).toHaveLength(1);
    const [finding] = verification.findings;
    expect(finding).toMatchObject({ code: 'VER021', level: 'warning', section: '.text', offset });
    expect(finding!.message).toMatch(/was there before/);
  });

  it('is an error where the output alone has it', () => {
    const good = patch(MODULE, { nops: ['demo_lookup', 'demo_in_range'] });
    const verification = spoiled(good, s => void withoutReturn(s));
    expect(verification.ok).toBe(false);
    expect(verification.findings.find(f => f.code === 'VER021')?.level).toBe('error');
  });

  it('is an error where the output has another one as well', () => {
    const { good } = badInput();
    const verification = spoiled(good, s => void withoutReturn(s));
    const levels = verification.findings.filter(f => f.code === 'VER021').map(f => f.level);
    expect(levels.sort()).toEqual(['error', 'warning']);
    expect(verification.ok).toBe(false);
  });

  it('is an error where its relocation is another than before', () => {
    const { good, offset } = badInput();
    const verification = spoiled(good, s => {
      const entry = s.relocation('.text', r => r.offset === offset);
      s.setRelocation('.text', entry, 12, s.symbol('_mcount'));
    });
    expect(codes(verification)).toEqual(expect.arrayContaining(['VER021', 'VER037']));
    expect(verification.findings.find(f => f.code === 'VER021')?.level).toBe('error');
  });

  it('is an error where the plan changes the word', () => {
    const { good, offset } = badInput();
    const section = good.elf.sectionNamed('.text')!;
    const word = good.elf.sectionWords(section)[offset / 4]!;
    const words = [...good.plan.words, { section: section.index, offset, before: word, after: word }];
    const verification = judge({ ...good, plan: { ...good.plan, words } });
    expect(verification.findings.find(f => f.code === 'VER021')?.level).toBe('error');
  });
});
