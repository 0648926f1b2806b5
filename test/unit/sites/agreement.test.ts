/**
 * The summary counts without making lists, the full scan lists: on any object both have to say the same. `scan` (support.ts)
 * compares them.
 */
import * as fs from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/util/errors.ts';
import { ET, ObjectBuilder, R, SHF, type SymbolHandle } from '../../support/object-builder.ts';
import { samples } from '../../support/samples.ts';
import {
  ADDIS_ADDI,
  BCL_GET_PC,
  BCTR,
  BCTRL,
  BLR,
  b,
  bcl,
  beq,
  bl,
  LD_R12_0_R9,
  LI_R3_1,
  MFLR_R0,
  MTCTR_R12,
  NOP,
  STD_R0_16_R1,
} from '../../support/words.ts';
import { quick, scan } from './support.ts';

const BASE = 0xc000000000000000n;

const word = fc.oneof(
  fc.constantFrom(
    ...ADDIS_ADDI,
    BCL_GET_PC,
    BCTR,
    BCTRL,
    BLR,
    LD_R12_0_R9,
    LI_R3_1,
    MFLR_R0,
    MTCTR_R12,
    NOP,
    STD_R0_16_R1,
  ),
  fc
    .tuple(fc.constantFrom(b, bl, bcl, beq), fc.integer({ min: -20, max: 20 }))
    .map(([make, distance]) => make(distance)),
  fc.integer({ min: 0, max: 0xffffffff }),
);

const section = fc.record({
  words: fc.array(word, { minLength: 1, maxLength: 24 }),
  functions: fc.array(
    fc.record({
      at: fc.nat(23),
      size: fc.nat(12),
      k: fc.nat(6),
      bind: fc.nat(2),
      name: fc.constantFrom('f', 'g', 'f.cold', '_restgpr0_14', '00000001.long_branch.f', '_mcount', 'h'),
      type: fc.constantFrom(2, 2, 2, 0),
    }),
    { maxLength: 5 },
  ),
  relocations: fc.array(
    fc.record({
      at: fc.nat(23),
      to: fc.nat(9),
      addend: fc.constantFrom(0, 0, 4, 8, -4, 2),
      type: fc.constantFrom(10, 10, 11, 116, 38),
      table: fc.constantFrom('', 'b'),
    }),
    { maxLength: 8 },
  ),
});

const object = fc.record({
  sections: fc.array(section, { minLength: 1, maxLength: 3 }),
  records: fc.array(
    fc.record({
      slot: fc.nat(6),
      section: fc.nat(2),
      at: fc.integer({ min: -1, max: 24 }),
      odd: fc.constantFrom(0, 0, 0, 2),
      type: fc.constantFrom(38, 38, 38, 44),
    }),
    { maxLength: 8 },
  ),
  table: fc.constantFrom('__mcount_loc', '__patchable_function_entries'),
  linked: fc.boolean(),
});

type Description = typeof object extends fc.Arbitrary<infer T> ? T : never;

function build(d: Description): Uint8Array {
  const builder = new ObjectBuilder({ type: d.linked ? ET.EXEC : ET.REL });
  const addresses = d.sections.map((_, i) => BASE + BigInt(i * 0x60));
  const symbols: SymbolHandle[] = [builder.undefined('_mcount'), builder.undefined('printk')];
  const sections = d.sections.map((s, i) =>
    builder.code(`.text${i}`, s.words, d.linked ? { address: addresses[i]! } : {}),
  );
  d.sections.forEach((s, i) => {
    for (const { at, size, k, bind, name, type } of s.functions) {
      const offset = Math.min(at, s.words.length) * 4;
      const value = d.linked ? addresses[i]! + BigInt(offset) : offset;
      symbols.push(builder.symbol(name, { section: sections[i]!, value, size: size * 4, k, bind, type }));
    }
  });
  const sectionSymbols = sections.map(n => builder.sectionSymbol(n));
  if (!d.linked)
    d.sections.forEach((s, i) => {
      for (const { at, to, addend, type, table } of s.relocations)
        if (at < s.words.length)
          builder.relocate(sections[i]!, at * 4, type, symbols[to % symbols.length]!, addend, table);
    });
  const bytes = new Uint8Array(48);
  const table = builder.section(d.table, { flags: SHF.ALLOC, align: 8, bytes, address: BASE + 0x10000n });
  for (const { slot, section: n, at, odd, type } of d.records) {
    const target = n % sections.length;
    if (d.linked)
      new DataView(bytes.buffer).setBigUint64((slot % 6) * 8, addresses[target]! + BigInt(at * 4 + odd), true);
    else if (slot < 6) builder.relocate(table, slot * 8 + odd, type, sectionSymbols[target]!, at * 4);
  }
  if (d.linked) {
    builder.symbol('__start_mcount_loc', { section: table, value: BASE + 0x10000n, bind: 1 });
    builder.symbol('__stop_mcount_loc', { section: table, value: BASE + 0x10030n, bind: 1 });
  }
  return builder.build();
}

interface Place {
  readonly section: number;
  readonly at: number;
}

/**
 * The same as compilers and linkers would have it: relocated branches are `b` or `bl` of displacement zero, `mflr r0` stands in
 * front of profiling calls, and each record names another site. The quick count answers for such objects.
 */
function buildTidy(d: Description): Uint8Array {
  const builder = new ObjectBuilder({ type: d.linked ? ET.EXEC : ET.REL });
  const words = d.sections.map(s => [...s.words]);
  const addresses = d.sections.map((_, i) => BASE + BigInt(i * 0x60));
  const taken = d.sections.map(() => new Set<number>());
  const symbolCount = 2 + d.sections.reduce((n, s) => n + s.functions.length, 0);
  const branches: (Place & { readonly symbol: number; readonly addend: number })[] = [];
  const sites: Place[] = [];
  const take = (section: number, at: number, word: number) => {
    taken[section]!.add(at);
    words[section]![at] = word;
  };
  const isFree = (section: number, at: number) => at >= 0 && at < words[section]!.length && !taken[section]!.has(at);
  d.sections.forEach(({ relocations }, section) => {
    for (const { at, to, addend, type } of d.linked ? [] : relocations) {
      const symbol = to % symbolCount;
      if (!isFree(section, at) || (symbol === 0 && !isFree(section, at - 1))) continue;
      take(section, at, symbol === 0 || type === 10 ? bl(0) : b(0));
      branches.push({ section, at, symbol, addend });
      if (symbol !== 0) continue;
      take(section, at - 1, MFLR_R0);
      sites.push({ section, at });
    }
  });
  for (const { section: n, at } of sites.length > 0 ? [] : d.records) {
    const section = n % words.length;
    if (!isFree(section, at)) continue;
    take(section, at, NOP);
    sites.push({ section, at });
  }
  const symbols: SymbolHandle[] = [builder.undefined('_mcount'), builder.undefined('printk')];
  const sections = words.map((w, i) => builder.code(`.text${i}`, w, d.linked ? { address: addresses[i]! } : {}));
  d.sections.forEach(({ functions }, i) => {
    for (const { at, size, k, bind, name, type } of functions) {
      const offset = Math.min(at, words[i]!.length) * 4;
      const value = d.linked ? addresses[i]! + BigInt(offset) : offset;
      symbols.push(builder.symbol(name, { section: sections[i]!, value, size: size * 4, k, bind, type }));
    }
  });
  for (const { section, at, symbol, addend } of branches)
    builder.relocate(sections[section]!, at * 4, R.REL24, symbols[symbol]!, addend);
  const table = BASE + 0x10000n;
  const bytes = new Uint8Array(sites.length * 8);
  const records = builder.section(d.table, { flags: SHF.ALLOC, align: 8, bytes, address: table });
  sites.forEach(({ section, at }, i) => {
    const address = addresses[section]! + BigInt(at * 4);
    // Half of the values of an image are in the file, half are dynamic relocations.
    if (!d.linked) builder.relocate(records, i * 8, R.ADDR64, builder.sectionSymbol(sections[section]!), at * 4);
    else if (i % 2 === 0) new DataView(bytes.buffer).setBigUint64(i * 8, address, true);
    else builder.relocate(0, table + BigInt(i * 8), R.RELATIVE, undefined, BigInt.asIntN(64, address));
  });
  if (d.linked) {
    builder.symbol('__start_mcount_loc', { section: records, value: table, bind: 1 });
    builder.symbol('__stop_mcount_loc', { section: records, value: table + BigInt(bytes.length), bind: 1 });
  }
  return builder.build();
}

/** Scans random objects. @returns how many were scanned, and for how many of them the quick count answered */
function scanRandom(make: (d: Description) => Uint8Array, numRuns: number): { scanned: number; answers: number } {
  let scanned = 0;
  const before = quick.answers;
  fc.assert(
    fc.property(object, d => {
      try {
        scan(make(d));
        scanned++;
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
      }
    }),
    { numRuns },
  );
  return { scanned, answers: quick.answers - before };
}

describe('summary and full scan agree', () => {
  it('on random objects', () => {
    expect(scanRandom(build, 1500).scanned).toBeGreaterThan(1000);
  });

  it('on random objects as compilers make them, for which the quick count answers', () => {
    const { scanned, answers } = scanRandom(buildTidy, 1500);
    expect(scanned).toBeGreaterThan(1000);
    expect(answers).toBeGreaterThan(500);
  });

  it.each(samples)('on %s', path => {
    const result = scan(fs.readFileSync(path));
    // The trampolines of the user's own are a few words each.
    if (!path.includes('/custom/')) expect(result.counts.functions).toBeGreaterThan(3);
    if (path.includes('.ko')) expect(result).toMatchObject({ kind: 'module', strays: [] });
    expect(result.counts.callSites).toBe(result.counts.recordedSites);
  });
});

describe('the samples', () => {
  const profiling = (path: string) => scan(fs.readFileSync(path)).profiling;

  it('are of all kinds', () => {
    expect(profiling('samples/6.1/tocsin_demo.ko')).toBe('mprofile-kernel');
    expect(profiling('samples/6.12/tocsin_demo.ko')).toBe('patchable');
    expect(profiling('samples/7.2/tocsin_demo.ko')).toBe('patchable-out-of-line');
    expect(profiling('samples/legacy/pg.o')).toBe('pg');
    expect(
      scan(fs.readFileSync('samples/legacy/mprofile-lr.o')).callSites.every(s => s.form === 'mprofile-kernel-lr'),
    ).toBe(true);
    expect(scan(fs.readFileSync('samples/legacy/pcrel.o')).entryPoints.some(e => e.toc === 'pcrel')).toBe(true);
  });

  it('have the calls that their sources have', () => {
    const { calls } = scan(fs.readFileSync('samples/6.1/tocsin_demo.ko'));
    const of = (from: string) => calls!.filter(c => c.from === from).map(c => `${c.edge} ${c.to ?? '-'}`);
    expect(of('demo_sibling')).toContain('sibling demo_in_range');
    expect(of('demo_indirect')).toContain('indirect -');
    expect(of('demo_lookup')).toContain('local demo_in_range');
    expect(of('demo_external').some(c => c.startsWith('external '))).toBe(true);
  });
});
