/** The programs that take every call site out and judge the result, beside the code that does so for every file. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { NOP_WORDS } from '../../../src/plan/nop-table.ts';
import { applyPlan } from '../../../src/rewrite/apply.ts';
import { makePlan } from '../../../src/rewrite/plan.ts';
import { RELOCATION_RULES } from '../../../src/verify/judging-code.ts';
import { packedRules } from '../../../src/verify/packed-rules.ts';
import { verifyPatched } from '../../../src/verify/verify.ts';
import { sample } from '../verify/support/patched.ts';
import { ModuleBuilder } from './support/module.ts';
import { Quick, TOOL } from './support/quick.ts';

const PLAIN = ['6.1', '6.12', '7.2'].flatMap(g => [`${g}/tocsin_demo.ko`, `${g}/tocsin_fix.ko`]);

/** What the general way makes of a file, and the general judge's verdict. */
function general(bytes: Uint8Array) {
  const elf = readElf(bytes);
  const plan = makePlan(elf, { nops: ['*'], redirects: [] });
  const { bytes: output } = applyPlan(elf, plan, { toolVersion: TOOL });
  return { elf, plan, output, verdict: verifyPatched({ elf, bytes }, output, plan) };
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

describe.each(PLAIN)('%s', name => {
  const input = sample(name);
  const quick = new Quick(input);
  const made = quick.take()!;
  const { elf, plan, output, verdict } = general(input);

  it('becomes the same file as by the general way, with the same warnings', () => {
    expect(same(made.output, output)).toBe(true);
    expect(made.plan.warnings).toEqual(plan.warnings);
    expect(made.plan.table.count).toBe(plan.actions.length);
    expect([made.plan.calls, made.plan.records]).toEqual([plan.removedRelocations.length, plan.removedRecords.length]);
  });

  it('is judged by the same steps, with the same counts', () => {
    const judged = quick.judge(made.plan.table, output)!;
    expect(judged.checks).toEqual(verdict.checks.map(c => c.name));
    expect(judged.compared).toEqual(verdict.compared);
    const { checked, undecided } = verdict.relocations;
    expect(judged.relocations).toEqual({ checked, undecided });
  });

  it('is not let through with a byte changed that the general judge objects to', () => {
    let passed = 0;
    const look = (at: number, bit: number) => {
      const spoiled = output.slice();
      spoiled[at]! ^= 1 << bit;
      if (quick.judge(made.plan.table, spoiled) === undefined) return;
      passed++;
      expect(verifyPatched({ elf, bytes: input }, spoiled, plan).ok, `byte ${at}, bit ${bit}`).toBe(true);
    };
    const { e_shoff } = readElf(output).header;
    for (let at = 0; at < 64; at++) look(at, at % 8);
    for (let at = e_shoff; at < output.length; at++) look(at, (at * 5) % 8);
    fc.assert(fc.property(fc.nat(output.length - 1), fc.nat(7), look), { numRuns: 1500, seed: 1 });
    // The places of empty sections are the layout's, within bounds.
    expect(passed).toBeLessThan(100);
  });

  it('is not let through with more or fewer bytes', () => {
    expect(quick.judge(made.plan.table, output.subarray(0, -1))).toBeUndefined();
    expect(quick.judge(made.plan.table, Buffer.concat([output, Buffer.alloc(1)]))).toBeUndefined();
    expect(quick.judge(made.plan.table, input)).toBeUndefined();
  });

  it('is not let through with another plan than the one that was carried out', () => {
    const { table } = made.plan;
    const words = new Uint32Array(quick.room.memory.buffer, table.at, table.count * NOP_WORDS);
    for (let w = 0; w < words.length; w++) {
      const word = words[w]!;
      for (const other of [word + 1, 0, word ^ 0x8000_0000]) {
        if (other === word) continue;
        words[w] = other;
        expect(
          quick.judge(table, output),
          `word ${w % NOP_WORDS} of site ${Math.floor(w / NOP_WORDS)}`,
        ).toBeUndefined();
      }
      words[w] = word;
    }
    expect(quick.judge({ ...table, dropsSignature: !table.dropsSignature }, output)).toBeUndefined();
    expect(quick.judge({ ...table, count: table.count - 1 }, output)).toBeUndefined();
    expect(quick.judge(table, output)).toBeDefined();
  });

  it('with a byte of the input changed becomes the same or is left to the general way', () => {
    const { e_shoff, shnum } = elf.header;
    let taken = 0;
    const look = (at: number, bit: number) => {
      const damaged = input.slice();
      damaged[at]! ^= 1 << bit;
      const other = new Quick(damaged);
      const found = other.take();
      if (found === undefined) return;
      const judged = other.judge(found.plan.table, found.output);
      if (judged === undefined) return;
      taken++;
      const expected = general(damaged);
      expect(same(found.output, expected.output), `byte ${at}, bit ${bit}`).toBe(true);
      expect(found.plan.warnings).toEqual(expected.plan.warnings);
      expect(expected.verdict.ok).toBe(true);
      expect(judged.compared).toEqual(expected.verdict.compared);
    };
    const headers = fc.nat(shnum * 64 - 1).map(n => e_shoff + n);
    const place = fc.oneof(fc.nat(63), headers, fc.nat(input.length - 1));
    fc.assert(fc.property(place, fc.nat(7), look), { numRuns: 1200, seed: 7 });
    expect(taken).toBeGreaterThan(100);
  });
});

describe('what modinfo shows', () => {
  const input = sample('6.1/tocsin_demo.ko');
  const information = readElf(input).sectionNamed('.modinfo')!;
  const end = information.sh_offset + information.sh_size;

  it('is not let through with a byte of it changed', () => {
    const quick = new Quick(input);
    const { plan, output } = quick.take()!;
    const at = Buffer.from(output).indexOf(`tocsin=${TOOL}: nop ${plan.table.count}, original `);
    const stop = output.indexOf(0, at);
    expect(stop).toBeGreaterThan(at);
    for (let i = at; i <= stop; i++) {
      const spoiled = output.slice();
      spoiled[i]! ^= 1;
      expect(quick.judge(plan.table, spoiled), `byte ${i - at}`).toBeUndefined();
    }
  });

  it('is nothing where the module has no such section, or one that does not end: then there is no such step', () => {
    const endless = input.slice();
    endless[end - 1] = 0x61;
    const unnamed = input.slice();
    const names = readElf(input).sections[readElf(input).header.shstrndx]!;
    unnamed[Buffer.from(input).indexOf('.modinfo\0', names.sh_offset)] = 0x5f;
    for (const damaged of [endless, unnamed]) {
      const quick = new Quick(damaged);
      const { plan, output } = quick.take()!;
      const expected = general(damaged);
      expect(same(output, expected.output)).toBe(true);
      expect(Buffer.from(output).includes('tocsin=')).toBe(false);
      const { checks } = quick.judge(plan.table, output)!;
      expect(checks).toEqual(expected.verdict.checks.map(c => c.name));
      expect(checks).not.toContain('modinfo');
    }
  });
});

it('has the rules for relocations that the general judge has', () => {
  expect(Buffer.from(RELOCATION_RULES, 'base64').equals(packedRules())).toBe(true);
});

describe('what is left to the general way', () => {
  const takes = (bytes: Uint8Array) => new Quick(bytes).take() !== undefined;

  it('plain -pg, whose calls are jumped over', () => {
    expect(takes(sample('legacy/pg.o'))).toBe(false);
  });

  it('a file that was patched before', () => {
    expect(takes(general(sample('6.1/tocsin_demo.ko')).output)).toBe(false);
  });

  it('a file without call sites', () => {
    expect(takes(new ModuleBuilder('mprofile-kernel', [{ name: 'a', site: false }]).elf().bytes)).toBe(false);
  });

  it('an empty file, and one that is none of ELF', () => {
    for (const bytes of [new Uint8Array(1), new Uint8Array(64), Buffer.from('#!/bin/sh\n'.repeat(20))])
      expect(takes(bytes)).toBe(false);
  });
});
