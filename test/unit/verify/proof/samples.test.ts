/** The samples, as the loader leaves them: proved as they are, and not when a word of them is broken. */
import { describe, expect, it } from 'vitest';
import type { LoadedImage, LoadedSection } from '../../../../src/loader/model.ts';
import { type ProofFinding, proveModule } from '../../../../src/verify/proof/proof.ts';
import { GENERATIONS, load, Mutant } from '../../../support/loader.ts';

const NOP = 0x60000000;
const RESTORE_TOC = 0xe8410018;
const BLR = 0x4e800020;

function image(generation: (typeof GENERATIONS)[number], name: 'demo' | 'fix'): LoadedImage {
  const { outcome, log } = load(generation, new Mutant(generation, name).bytes, {}, { checkOnly: false });
  if (outcome.image === undefined) throw new Error(log.join('\n'));
  return outcome.image;
}

/** The image with one word of a section changed. */
function withWord(of: LoadedImage, section: LoadedSection, offset: number, word: number): LoadedImage {
  const bytes = section.bytes.slice();
  new DataView(bytes.buffer).setUint32(offset, word, true);
  return { ...of, sections: of.sections.map(s => (s === section ? { ...s, bytes } : s)) };
}

/** Places of a word in the module's code. */
function placesOf(of: LoadedImage, matches: (word: number) => boolean): { section: LoadedSection; offset: number }[] {
  return of.sections
    .filter(s => s.name === '.text' || s.name === '.init.text' || s.name === '.exit.text')
    .flatMap(section => {
      const view = new DataView(section.bytes.buffer, section.bytes.byteOffset, section.bytes.length);
      const found: { section: LoadedSection; offset: number }[] = [];
      for (let offset = 0; offset + 4 <= section.bytes.length; offset += 4)
        if (matches(view.getUint32(offset, true))) found.push({ section, offset });
      return found;
    });
}

/** Where the `bl` in front of a place leads; `undefined` if none stands there. */
function calledBefore({ section, offset }: { section: LoadedSection; offset: number }): bigint | undefined {
  if (offset < 4) return undefined;
  const { bytes } = section;
  const word = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(offset - 4, true);
  if (word >>> 26 !== 18 || (word & 3) !== 1) return undefined;
  return section.address + BigInt(offset - 4 + ((word << 6) >> 8) * 4);
}

function isIn(of: LoadedImage, { section, offset }: { section: LoadedSection; offset: number }, name: string): boolean {
  const { address, size } = of.symbols.find(s => s.name === name)!;
  const at = section.address + BigInt(offset);
  return at >= address && at < address + BigInt(size);
}

/** What is found when each of some words in turn is broken. */
function broken(of: LoadedImage, matches: (word: number) => boolean, word: number): ProofFinding[][] {
  return placesOf(of, matches).map(({ section, offset }) =>
    proveModule(withWord(of, section, offset, word)).findings(),
  );
}

describe.each(GENERATIONS)('the samples of %s', generation => {
  it.each(['demo', 'fix'] as const)('%s: every function is proved', name => {
    const proof = proveModule(image(generation, name));
    expect(proof.findings()).toEqual([]);
    expect(proof.counts.functions).toBeGreaterThan(4);
    expect(proof.counts).toMatchObject({ proved: proof.counts.functions, refuted: 0, unknown: 0 });
    expect(proof.assemblyCounts.functions).toBe(1);
  });

  it('without one of the restores behind calls: not proved, with a path on which r2 goes wrong', () => {
    const of = image(generation, 'demo');
    const all = broken(of, word => word === RESTORE_TOC, NOP);
    expect(all.length).toBeGreaterThan(10);
    // Behind a call that never comes back nothing has to be restored, and canary_pointer, which measures what its callee
    // leaves in r2, keeps a copy of its own.
    const last = of.stubs.find(s => s.name === '__stack_chk_fail')!.address;
    const dead = placesOf(of, word => word === RESTORE_TOC).map(
      place => calledBefore(place) === last || isIn(of, place, 'canary_pointer'),
    );
    expect(all.map(findings => findings.length === 0)).toEqual(dead);
    const firsts = all.flatMap(findings => findings.slice(0, 1));
    for (const { code } of firsts) expect(['TOC001', 'TOC002', 'TOC003', 'TOC007']).toContain(code);
    for (const { path } of firsts.filter(f => f.shown)) {
      expect(path[0]!.r1).toBe('r1 at entry');
      // The call is on the path, r2 is wrong right behind it, and where it is used or owed.
      const wrong = path.map(step => step.r2 === "another object's TOC, perhaps");
      expect(path[wrong.lastIndexOf(false)]!.text).toMatch(/^(bl\s+stub of \w+|bctrl)$/);
      expect(wrong.at(-1)).toBe(true);
    }
    // Where paths with and without the restore meet, nobody knows what r2 holds; almost always one path shows it.
    expect(firsts.filter(f => f.shown).length).toBeGreaterThan(firsts.length * 0.8);
    expect(firsts.filter(f => f.verdict === 'refuted').length).toBeGreaterThan(firsts.length / 2);
  });

  it('without one of the restores of LR: not proved', () => {
    const mtlr = (word: number) => word === 0x7c0803a6;
    const all = broken(image(generation, 'demo'), mtlr, NOP);
    expect(all.length).toBeGreaterThan(3);
    for (const findings of all) expect(findings.map(f => f.code)).toContain('TOC011');
  });

  it('with one frame left standing: refuted', () => {
    const unframe = (word: number) => word >>> 16 === 0x3821 && (word & 0x8000) === 0;
    const all = broken(image(generation, 'demo'), unframe, NOP);
    expect(all.length).toBeGreaterThan(3);
    for (const findings of all) {
      const found = findings.find(f => f.code === 'TOC010' || f.code === 'TOC011' || f.code === 'TOC012');
      expect(found).toBeDefined();
    }
  });

  it('with a return in place of each call: not proved, or as it was', () => {
    const call = (word: number) => word >>> 26 === 18 && (word & 3) === 1;
    const of = image(generation, 'demo');
    const all = broken(of, call, BLR);
    expect(all.length).toBeGreaterThan(10);
    // Only a call from a function without a frame of its own, in front of nothing that is owed, could stay proved.
    for (const findings of all) expect(findings.length).toBeGreaterThan(0);
  });
});

describe('explanations', () => {
  const of = image('6.1', 'demo');

  it('of a proved function have every instruction with what holds before it', () => {
    const derived = proveModule(of).explain('demo_sibling');
    expect(derived).toMatchObject({ function: 'demo_sibling', verdict: 'proved' });
    expect(derived).not.toHaveProperty('finding');
    expect(derived!.steps.at(-1)!.text).toMatch(/^b\s+demo_in_range\+0x[0-9a-f]+$/);
    expect(derived!.steps.some(s => s.r2 === "the home's TOC")).toBe(true);
    expect(derived!.relies.length).toBeGreaterThan(0);
    expect(proveModule(of).explain('no_such_function')).toBeUndefined();
  });

  it('name those who rely on it', () => {
    const derived = proveModule(of).explain('demo_in_range');
    expect(derived!.callers.map(c => c.function)).toContain('demo_sibling');
    for (const caller of derived!.callers) expect(caller.verdict).toBe('proved');
  });
});
