import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeField, decodeRel24, encodeField, encodeRel24, fitsRel24 } from '../../../src/ppc64/relocation-fields.ts';
import { kernelRule } from '../../../src/ppc64/relocation-kernel.ts';
import {
  checkKernel,
  checkPsabi,
  fieldWidth,
  kernelValue,
  psabiValue,
  relocationFacts,
  relocationName,
  relocationType,
  relocationTypes,
} from '../../../src/ppc64/relocations.ts';

function type(name: string): number {
  const number = relocationType(`R_PPC64_${name}`);
  if (number === undefined) throw new Error(name);
  return number;
}

/** Inputs with everything 0 but what matters to the case. */
function inputs(name: string, given: { S?: bigint; A?: bigint; P?: bigint; toc?: bigint }) {
  return { type: type(name), S: 0n, A: 0n, P: 0n, toc: 0n, ...given };
}

describe('the relocation table', () => {
  it('has each number and each name once', () => {
    const types = relocationTypes();
    expect(new Set(types.map(facts => facts.type)).size).toBe(types.length);
    expect(new Set(types.map(facts => facts.name)).size).toBe(types.length);
    for (const facts of types) expect(relocationType(facts.name)).toBe(facts.type);
    expect(types.length).toBeGreaterThan(150);
  });

  it('names types as readelf does', () => {
    expect(relocationName(10)).toBe('R_PPC64_REL24');
    expect(relocationName(252)).toBe('R_PPC64_REL16_HA');
    expect(relocationName(18)).toBe('R_PPC64_<18>');
    expect(relocationType('R_PPC64_NOTHING')).toBeUndefined();
  });

  it('prints formulas', () => {
    expect(relocationFacts(50)?.formula).toBe('#ha(S + A - .TOC.)');
    expect(relocationFacts(44)?.formula).toBe('S + A - P');
    expect(relocationFacts(73)?.formula).toBe('(S + A)@tprel');
    expect(relocationFacts(109)?.formula).toBe('none');
  });

  it('knows the widths of fields', () => {
    expect([1, 38, 10, 50, 63, 132, 109, 18].map(fieldWidth)).toEqual([4, 8, 4, 2, 2, 8, 0, 0]);
  });
});

describe('values', () => {
  it('follow the formulas', () => {
    expect(psabiValue(inputs('REL24', { S: 0x1000n, P: 0x2000n }))).toBe(-0x1000n);
    expect(psabiValue(inputs('TOC16_HA', { S: 0x18000n, toc: 0x8000n }))).toBe(1n);
    expect(psabiValue(inputs('TOC16_HA', { S: 0x17fffn, A: 1n, toc: 0n }))).toBe(2n);
    expect(psabiValue(inputs('REL16_HA', { S: 0n, P: 0x8001n }))).toBe(-1n);
    expect(psabiValue(inputs('ADDR16_HIGHEST', { S: 0xc000_0000_0000_0000n }))).toBe(-0x4000n);
    expect(psabiValue(inputs('D34_HA30', { S: 0x3_8000_0000n }))).toBe(1n);
    // The field has 34 bits, of which the part fills 30.
    expect(psabiValue(inputs('D34_HI30', { S: -1n }))).toBe(0x3fff_ffffn);
    expect(psabiValue(inputs('TOC', { toc: 0x8100n }))).toBe(0x8100n);
    expect(psabiValue(inputs('GOT16', { S: 1n }))).toBeNull();
    expect(psabiValue({ type: 18, S: 0n, A: 0n, P: 0n, toc: 0n })).toBeNull();
  });

  it('of high and low halves add up', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -0x80008000n, max: 0x7fff7fffn }), value => {
        const high = psabiValue(inputs('REL16_HA', { S: value }));
        const low = psabiValue(inputs('REL16_LO', { S: value }));
        expect((high as bigint) * 0x10000n + BigInt.asIntN(16, low as bigint)).toBe(value);
      }),
    );
  });

  it('wrap at 64 bits', () => {
    expect(psabiValue(inputs('REL64', { S: 0n, P: 1n << 63n }))).toBe(-(1n << 63n));
  });
});

describe('checks of the ABI', () => {
  it('find what does not fit', () => {
    expect(checkPsabi(inputs('REL24', { S: 0x1fffffcn }))).toBeNull();
    expect(checkPsabi(inputs('REL24', { S: 0x2000000n }))).toEqual({
      rule: 'range',
      expected: '-0x2000000..0x1ffffff',
      found: '0x2000000',
    });
    expect(checkPsabi(inputs('REL24', { S: 2n }))?.rule).toBe('alignment');
    expect(checkPsabi(inputs('TOC16_HA', { S: 0x7fff8000n }))?.rule).toBe('range');
    expect(checkPsabi(inputs('TOC16_LO', { S: 0x7fff8000n }))).toBeNull();
    expect(checkPsabi(inputs('ADDR32', { S: 0xffffffffn }))).toBeNull();
    expect(checkPsabi(inputs('REL32', { S: 0xffffffffn }))?.rule).toBe('range');
    expect(checkPsabi(inputs('TOC16_LO_DS', { S: 2n }))?.rule).toBe('alignment');
    expect(checkPsabi(inputs('PCREL34', { S: 1n << 33n }))?.rule).toBe('range');
    expect(checkPsabi({ ...inputs('NONE', {}), type: 18 })?.rule).toBe('unknown type');
  });
});

describe("the kernel's rules", () => {
  it('are laxer for halves and stricter for unknown types', () => {
    expect(checkKernel(inputs('TOC16_HA', { S: 1n << 40n }))).toBeNull();
    expect(checkKernel(inputs('REL16_HA', { S: 1n << 40n }))).toBeNull();
    expect(checkKernel(inputs('TOC16', { S: 0x8000n }))?.rule).toBe('range');
    expect(checkKernel(inputs('TOC16_DS', { S: 0x7ffen }))?.rule).toBe('alignment');
    expect(checkKernel(inputs('TOC16_LO_DS', { S: 1n << 40n }))).toBeNull();
    expect(checkKernel(inputs('TOC16_LO_DS', { S: 6n }))?.rule).toBe('alignment');
    expect(checkKernel(inputs('ADDR32', { S: 1n << 40n }))).toBeNull();
    expect(checkKernel(inputs('REL32', { S: 1n << 31n }))?.rule).toBe('range');
    expect(checkKernel(inputs('REL32', { S: -(1n << 31n) }))).toBeNull();
    expect(checkKernel(inputs('REL24', { S: 0x2000000n }))?.rule).toBe('range');
    expect(checkKernel(inputs('REL14', {}))).toMatchObject({ rule: 'unknown type', found: 'R_PPC64_REL14' });
  });

  it('depend on the kind of kernel', () => {
    expect(kernelRule(type('REL24_NOTOC'))).toBeUndefined();
    expect(kernelRule(type('REL24_NOTOC'), true)?.signedBits).toBe(26);
    expect(kernelRule(type('TOC16_HA'), true)).toBeUndefined();
    expect(kernelRule(type('ENTRY'), true)?.base).toBe('none');
    expect(checkKernel(inputs('PCREL34', { S: 1n << 33n }), true)?.rule).toBe('range');
    expect(checkKernel(inputs('PCREL34', {}))?.rule).toBe('unknown type');
  });

  it('compute the same values as the ABI', () => {
    const given = { S: 0x123456789n, A: 8n, P: 0x1000n, toc: 0x8000n };
    for (const facts of relocationTypes()) {
      const value = kernelValue({ type: facts.type, ...given });
      if (value !== null) expect(value, facts.name).toBe(psabiValue({ type: facts.type, ...given }));
    }
  });
});

describe('fields', () => {
  const words = fc.record({
    first: fc.integer({ min: 0, max: 0xffffffff }),
    second: fc.integer({ min: 0, max: 0xffffffff }),
  });

  it('give back what was put in', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...relocationTypes()),
        words,
        fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
        (facts, place, any) => {
          if (facts.field === 'none') return;
          const value = (BigInt.asIntN(facts.bits, any) / BigInt(facts.alignment)) * BigInt(facts.alignment);
          const written = encodeField(facts.type, place, value);
          expect(decodeField(facts.type, written), facts.name).toBe(value);
          expect(encodeField(facts.type, written, decodeField(facts.type, place)), facts.name).toEqual(place);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('leave other bits alone', () => {
    const place = { first: 0, second: 0 };
    const ones = { first: 0xffffffff, second: 0xffffffff };
    const masks: readonly [name: string, first: number, second: number][] = [
      ['REL24', 0x03fffffc, 0],
      ['REL14', 0x0000fffc, 0],
      ['TOC16', 0x0000ffff, 0],
      ['TOC16_DS', 0x0000fffc, 0],
      ['ADDR32', 0xffffffff, 0],
      ['ADDR64', 0xffffffff, 0xffffffff],
      ['REL16DX_HA', 0x001fffc1, 0],
      ['PCREL34', 0x0003ffff, 0x0000ffff],
      ['D28', 0x00000fff, 0x0000ffff],
      ['TOCSAVE', 0, 0],
    ];
    for (const [name, first, second] of masks) {
      expect(encodeField(type(name), place, -1n), name).toEqual({ first, second });
      const cleared = encodeField(type(name), ones, 0n);
      expect([~cleared.first >>> 0, ~cleared.second >>> 0], name).toEqual([first, second]);
    }
  });

  it('of branches have fast forms', () => {
    expect(encodeRel24(0x48000001, -4)).toBe(0x4bfffffd);
    expect(decodeRel24(0x4bfffffd)).toBe(-4);
    expect([0x2000000, -0x2000000, -0x2000004, 0x1fffffc, 2].map(fitsRel24)).toEqual([false, true, false, true, false]);
    fc.assert(
      fc.property(fc.integer({ min: -0x800000, max: 0x7fffff }), quarter => {
        expect(decodeRel24(encodeRel24(0x48000000, quarter * 4))).toBe(quarter * 4);
      }),
    );
  });
});
