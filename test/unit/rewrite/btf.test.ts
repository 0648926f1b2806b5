import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { Btf } from '../../../src/kernel/btf.ts';
import { makePlan } from '../../../src/rewrite/plan.ts';
import { root } from '../../support/samples.ts';

const KIND = { INT: 1, PTR: 2, STRUCT: 4, TYPEDEF: 8, CONST: 10, FUNC: 12, FUNC_PROTO: 13 } as const;

/** One type as words: name offset, kind and member count, size or type, what follows. */
type TypeWords = readonly number[];

const info = (kind: number, vlen = 0) => ((kind << 24) | vlen) >>> 0;
const proto = (result: number, ...parameters: number[]): TypeWords => [
  0,
  info(KIND.FUNC_PROTO, parameters.length),
  result,
  ...parameters.flatMap(p => [0, p]),
];

function btf(types: readonly TypeWords[], strings: string): Uint8Array {
  const body = Buffer.from(Uint32Array.from(types.flat()).buffer);
  const text = Buffer.from(strings);
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt8(1, 2);
  header.writeUInt32LE(24, 4);
  header.writeUInt32LE(0, 8);
  header.writeUInt32LE(body.length, 12);
  header.writeUInt32LE(body.length, 16);
  header.writeUInt32LE(text.length, 20);
  return Buffer.concat([header, body, text]);
}

/** 1 int, 2 pointer, 3 struct of 40 bytes, 4 typedef of const of it, 5 that const, 6 __int128. */
const base: readonly TypeWords[] = [
  [0, info(KIND.INT), 4, 32],
  [0, info(KIND.PTR), 0],
  [0, info(KIND.STRUCT), 40],
  [0, info(KIND.TYPEDEF), 5],
  [0, info(KIND.CONST), 3],
  [0, info(KIND.INT), 16, 128],
];
const first = base.length + 1;
const func = (nameOffset: number, type: number): TypeWords => [nameOffset, info(KIND.FUNC), type];

const wordsOf = (prototype: TypeWords) => {
  const bytes = btf([...base, prototype, func(1, first)], '\0f\0');
  return Btf.parse(bytes)!.prototypes('f')[0]!;
};

describe('prototypes', () => {
  it('counts doublewords', () => {
    expect(wordsOf(proto(1, 1, 2, 1))).toMatchObject({ words: 3, parameters: 3, variadic: false, complete: true });
    expect(wordsOf(proto(0))).toMatchObject({ words: 0 });
    expect(wordsOf(proto(0, 1, 4))).toMatchObject({ words: 7 });
    expect(wordsOf(proto(0, 6, 6)).words).toBe(4);
    expect(wordsOf(proto(3, 1)).words).toBe(2);
    expect(wordsOf(proto(0, ...Array(9).fill(2))).words).toBe(9);
  });

  it('knows variadic functions and types that are missing', () => {
    expect(wordsOf(proto(0, 2, 0))).toMatchObject({ variadic: true, parameters: 1, words: 1 });
    expect(wordsOf(proto(0, 99))).toMatchObject({ complete: false, words: 1 });
  });

  it('reads a split BTF only together with its base', () => {
    const kernel = btf(base, '\0kernel\0');
    const split = btf([proto(0, 2, 4), func(8, first)], 'f\0');
    expect(Btf.parse(split)).toBeUndefined();
    expect(Btf.parse(split, Btf.parse(kernel))!.prototypes('f')).toMatchObject([{ words: 7, complete: true }]);
  });

  it('does not follow circles', () => {
    const circle: readonly TypeWords[] = [[0, info(KIND.CONST), 1], proto(0, 1), func(1, 2)];
    expect(Btf.parse(btf(circle, '\0f\0'))!.prototypes('f')).toMatchObject([{ complete: false }]);
  });

  it('survives damage', () => {
    const good = btf([...base, proto(1, 2, 3), func(1, first)], '\0f\0');
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, cut) => {
        const bad = Uint8Array.from(good.subarray(0, cut));
        if (at < cut) bad[at] = value;
        Btf.parse(bad)?.prototypes('f');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a replacement that the kernel describes', () => {
  const elf = readElf(new Uint8Array(readFileSync(`${root}samples/6.12/tocsin_demo.ko`)));
  const planWith = (prototype: TypeWords) =>
    makePlan(elf, {
      nops: [],
      redirects: [
        { from: 'demo_in_range', to: 'fix_in_range', strategy: 'frame', at: 'after-site', toc: 'recomputed' },
      ],
      allowUnversioned: true,
      kernelBtf: btf([...base, prototype, func(1, first)], '\0fix_in_range\0'),
    });

  it('is refused where it is variadic or takes more than registers hold', () => {
    for (const prototype of [proto(0, 2, 0), proto(0, ...Array(9).fill(2))])
      expect(() => planWith(prototype)).toThrow(/fix_in_range takes arguments on the stack.*PAT011/s);
  });

  it('is taken where its prototype says that it takes none', () => {
    const action = planWith(proto(1, 2)).actions[0]!;
    expect(action.kind === 'redirect' && action.grounds).toContainEqual(
      'no stack arguments in fix_in_range: its BTF prototype has 1 doublewords of arguments',
    );
  });
});
