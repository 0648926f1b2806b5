/**
 * What GNU ld stores for every type that needs nothing but S, A, P and `.TOC.`, compared with our formulas and fields.
 *
 * Types that the linker rewrites code for (TOCSAVE, ENTRY, PLTSEQ), dynamic ones and those that it only takes from its own
 * tables are left out: they have no computable base.
 */
import { describe, expect, it } from 'vitest';
import { decodeField, encodeField } from '../../../src/ppc64/relocation-fields.ts';
import { checkPsabi, psabiValue, type RelocationFacts, relocationTypes } from '../../../src/ppc64/relocations.ts';
import { linkRelocations } from './tools.ts';

/** Dynamic relocations; and REL30, whose value ld shifts down but does not shift up into its field. */
const leftToTheLinker = new Set(['R_PPC64_GLOB_DAT', 'R_PPC64_JMP_SLOT', 'R_PPC64_ADDR64_LOCAL', 'R_PPC64_REL30']);

const text = 0x1000_0000n;

/** Addresses that keep nearly every field in range, with carries between the halves; the last is in the upper half. */
const addresses = [text + 0x7ff8n, text + 0x18000n, text - 0x8010n, text + 0x123_8ff0n];

function wanted(facts: RelocationFacts): boolean {
  const probe = { type: facts.type, S: 0n, A: 0n, P: 0n, toc: 0n };
  return facts.field !== 'none' && psabiValue(probe) !== null && !leftToTheLinker.has(facts.name);
}

describe('GNU ld', () => {
  const types = relocationTypes().filter(wanted);

  it.each(addresses)('stores the same at S = %d', S => {
    const { slots, toc } = linkRelocations(
      types.map(({ name }) => name),
      S,
      text,
    );
    const differing = types.flatMap((facts, at) => {
      const P = text + BigInt(at * 8);
      const inputs = { type: facts.type, S, A: 0n, P, toc };
      // ld does not store what overflows, and what it does then is its own affair.
      if (checkPsabi(inputs) !== null) return [];
      const slot = slots[at] as { first: number; second: number };
      const mine = encodeField(facts.type, { first: 0, second: 0 }, psabiValue(inputs) as bigint);
      if (decodeField(facts.type, mine) === decodeField(facts.type, slot)) return [];
      return [`${facts.name}: ${decodeField(facts.type, mine)}, ld ${decodeField(facts.type, slot)}`];
    });
    expect(differing).toEqual([]);
  });

  it('covers most types', () => {
    expect(types.length).toBeGreaterThan(60);
  });
});
