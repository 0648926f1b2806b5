import { describe, expect, it } from 'vitest';
import { EHDR_SIZE, SHDR_SIZE, SHT_NOBITS } from '../../../src/elf/constants.ts';
import { type ElfFile, readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import { verifyObject } from '../../../src/verify/verify.ts';
import { carryOut, GENERATIONS, judge, type Patched, patch, redirect, sample } from './support/patched.ts';

function expectGood(good: Patched): void {
  const verification = judge(good);
  expect(verification.findings).toEqual([]);
  expect(verification.checks.filter(c => !c.ok)).toEqual([]);
  expect(verification.ok).toBe(true);
  expect(verification.compared.bytes).toBe(good.output.length);
}

/** Where in the file something lies: header, sections, section headers, these without `sh_offset` where the file has no bytes of the section. */
function partsOf(elf: ElfFile): { from: number; to: number }[] {
  const { e_shoff } = elf.header;
  return [
    { from: 0, to: EHDR_SIZE },
    ...elf.sections.flatMap(({ index, sh_type }) => {
      const from = e_shoff + index * SHDR_SIZE;
      const to = from + SHDR_SIZE;
      return sh_type === SHT_NOBITS
        ? [
            { from, to: from + 24 },
            { from: from + 32, to },
          ]
        : [{ from, to }];
    }),
    ...elf.sections
      .filter(s => s.sh_type !== SHT_NOBITS)
      .map(s => ({ from: s.sh_offset, to: s.sh_offset + s.sh_size })),
  ];
}

describe.each(GENERATIONS)('outputs of the maker, %s', generation => {
  const file = `${generation}/tocsin_demo.ko`;

  it('every site gone', () => {
    expectGood(patch(file, { nops: ['*'] }));
  });

  it.each(['after-site', 'site'] as const)('redirects %s', at => {
    for (const toc of ['recomputed', 'saved'] as const) {
      expectGood(patch(file, { redirects: [redirect('demo_external', 'somewhere_else', { at, toc })] }));
      expectGood(patch(file, { redirects: [redirect('demo_in_range', 'demo_in_range_fixed', { at })] }));
      const framed = redirect('demo_in_range', 'demo_in_range_fixed', { at, toc, strategy: 'frame' });
      expectGood(patch(file, { redirects: [framed] }));
      expectGood(patch(file, { redirects: [redirect('demo_init', 'elsewhere', { at, toc })] }));
    }
  });

  it('a patch on top of a patch', () => {
    const first = patch(file, { redirects: [redirect('demo_external', 'somewhere_else')] });
    expectGood(patch(first.output, { nops: ['demo_lookup'] }));
  });

  it('says nothing about stock objects', () => {
    for (const name of ['tocsin_demo.ko', 'tocsin_fix.ko']) {
      const verification = verifyObject(readElf(sample(`${generation}/${name}`)));
      expect(verification.findings).toEqual([]);
      expect(verification.relocations.checked).toBeGreaterThan(0);
    }
  });
});

describe('functions that do not need r2', () => {
  it('may lead to ones that do, by way of the global entry', () => {
    expectGood(patch('6.1/tocsin_demo.ko', { redirects: [redirect('demo_parity', 'demo_in_range')] }));
    expectGood(patch('6.1/tocsin_demo.ko', { redirects: [redirect('demo_parity', 'elsewhere')] }));
  });
});

describe('functions with two names', () => {
  it('may be reached by either', () => {
    // The plan names one, the relocation the other.
    const good = patch('6.1/tocsin_demo.ko', {
      redirects: [redirect('demo_external', 'demo_lookup', { strategy: 'frame' })],
    });
    const [entry, ...others] = functionsOf(good.elf).filter(f => f.name === 'init_module' || f.name === 'demo_init');
    expect(others.map(f => f.global)).toEqual([entry!.global]);
    for (const to of ['init_module', 'demo_init']) {
      const newCode = good.plan.newCode.map(c => ({
        ...c,
        relocations: c.relocations.map(r => (r.type === 10 ? { ...r, symbol: { existing: entry!.symbol } } : r)),
      }));
      const actions = good.plan.actions.map(a => ({ ...a, to }));
      expectGood(carryOut(good.elf, { ...good.plan, actions, newCode }));
    }
  });
});

describe('counts', () => {
  it('tells what the bytes of the output are', () => {
    const good = patch('6.1/tocsin_demo.ko', { nops: ['*'] });
    const { compared, relocations } = judge(good);
    expect(compared.identical + compared.changedByPlan + compared.addedByPlan + compared.layout).toBe(compared.bytes);
    expect(compared.removedByPlan).toBe(
      good.plan.removedRelocations.length * 24 + good.plan.removedRecords.length * (24 + 8),
    );
    expect(relocations.checked).toBe(Object.values(relocations.byType).reduce((a, b) => a + b, 0));
    expect(relocations.byType.R_PPC64_REL24).toBeGreaterThan(0);
  });
});

describe('a plan that changes nothing', () => {
  const elf = readElf(sample('6.1/tocsin_demo.ko'));
  const plan = {
    schema: 'tocsin.plan/1' as const,
    actions: [],
    words: [],
    removedRelocations: [],
    removedRecords: [],
    addedRelocations: [],
    newCode: [],
    newSymbols: [],
    addedVersions: [],
    dropsSignature: false,
    warnings: [],
  };

  it('wants the same bytes', () => {
    const same = { elf, bytes: elf.bytes, plan, output: elf.bytes.slice() };
    expectGood(same);
    expect(judge(same).compared).toMatchObject({ changedByPlan: 0, addedByPlan: 0, removedByPlan: 0 });
    const parts = partsOf(elf);
    const padding: number[] = [];
    for (let at = 0; at < elf.bytes.length; at += 31) {
      const output = elf.bytes.slice();
      output[at]! ^= 1 << (at % 8);
      if (parts.some(({ from, to }) => at >= from && at < to))
        expect([at, judge({ ...same, output }).ok]).toEqual([at, false]);
      else padding.push(at);
    }
    // What lies between the parts of the file belongs to nobody. There is little of it.
    expect(padding.length * 31).toBeLessThan(elf.bytes.length / 20);
  });
});

describe('objects of other kinds', () => {
  it.each(['legacy/pg.o', 'legacy/mprofile-lr.o'])('nothing is said about %s', name => {
    expect(verifyObject(readElf(sample(name))).findings).toEqual([]);
  });

  it('pcrel code: what only some kernels know is a note', () => {
    const { ok, findings } = verifyObject(readElf(sample('legacy/pcrel.o')));
    expect(ok).toBe(true);
    expect(findings.every(f => f.code === 'VER022' || f.code === 'VER019')).toBe(true);
  });

  it('plain -pg: the call becomes a branch over the nop', () => {
    const good = patch('legacy/pg.o', { nops: ['*'] });
    expectGood(good);
    expect(good.plan.words.every(w => w.after === 0x48000008)).toBe(true);
  });
});
