import { describe, expect, it } from 'vitest';
import { buildKernel } from '../../../../src/kernel/knowledge/build.ts';
import { NameTable, numberNames } from '../../../../src/kernel/knowledge/names.ts';
import { encodeIndex, firstPart, INDEX_HEADER, openIndex } from '../../../../src/kernel/knowledge/store.ts';
import { codeOf } from '../../../support/errors.ts';
import { kernelImage } from '../../../support/kernel-image.ts';

const index = () => encodeIndex(buildKernel({ image: kernelImage() }));

describe('an index', () => {
  it('says what was put into it', () => {
    const stack = { threadInfo: 2312, sp: 16, source: 'handler' } as const;
    const parts = { ...buildKernel({ image: kernelImage() }), livepatchStack: stack };
    const { exports, symbols, ...facts } = openIndex(encodeIndex(parts));
    const { exports: _exports, symbols: _symbols, ...given } = parts;
    expect(facts).toEqual(given);
    expect(exports.addressHigh(0) * 2 ** 32 + exports.addressLow(0)).toBe(Number(exports.address(0)));
    expect(symbols.find('vermagic')).toHaveLength(1);
  });

  it('may start anywhere in memory', () => {
    const bytes = index();
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(openIndex(shifted).exports.find('gamma')).toBe(3);
  });

  it('can be opened by its first part, the rest asked for with the first symbol', () => {
    const bytes = index();
    const at = firstPart(bytes.subarray(0, INDEX_HEADER));
    let asked = 0;
    const kernel = openIndex(bytes.slice(0, at), () => {
      asked++;
      return bytes.slice(at);
    });
    expect(kernel.exports.find('alpha')).toBe(0);
    expect(asked).toBe(0);
    expect(kernel.symbols.find('_stext')).toHaveLength(1);
    expect(kernel.symbols.find('_etext')).toHaveLength(1);
    expect(asked).toBe(1);
    const cut = openIndex(bytes.slice(0, at), () => bytes.slice(at, -8));
    expect(codeOf(() => cut.symbols.find('_stext'))).toBe('KER012');
  });

  it('is refused where it is none, or of another version', () => {
    expect(codeOf(() => openIndex(new Uint8Array(0)))).toBe('KER010');
    expect(codeOf(() => openIndex(kernelImage()))).toBe('KER010');
    const older = index();
    older[8]!++;
    expect(codeOf(() => openIndex(older))).toBe('KER011');
  });

  it('is refused wherever a byte of it changed or is missing', () => {
    const bytes = index();
    const whole = firstPart(bytes);
    for (let at = 16; at < bytes.length; at += 7) {
      const damaged = bytes.slice();
      damaged[at]! ^= 0x10;
      expect(
        codeOf(() => openIndex(damaged).symbols.find('_stext')),
        `byte ${at} of ${whole}`,
      ).toBe('KER012');
    }
    for (const length of [8, 63, 64, 1000, whole, bytes.length - 1])
      expect(codeOf(() => openIndex(bytes.slice(0, length)))).toBe('KER012');
    expect(codeOf(() => openIndex(Buffer.concat([bytes, new Uint8Array(8)])))).toBe('KER012');
  });
});

describe('a table of names', () => {
  const texts = ['', 'a', 'ab', 'abc', 'abcd', 'abcde', 'abcdefgh', 'abcdefghi', 'über', 'x'.repeat(500), 'b'];
  const bytes = Buffer.from(`${texts.join('\0')}\0`);
  const starts: number[] = [];
  for (let i = 0, at = 0; i < texts.length; at += Buffer.byteLength(texts[i]!) + 1, i++) starts.push(at);
  const numbered = numberNames(bytes, Uint32Array.from([...starts, starts[3]!]));
  const table = new NameTable(numbered);

  it('gives one number to a name that comes twice', () => {
    expect([...numbered.numbers]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3]);
    expect(texts.map((_, i) => table.name(i))).toEqual(texts);
  });

  it('finds names from text and from bytes at any offset', () => {
    expect(texts.map(text => table.find(text))).toEqual(texts.map((_, i) => i));
    for (let shift = 0; shift < 8; shift++)
      texts.forEach((text, i) => {
        const padded = Buffer.concat([Buffer.alloc(shift, 0x7a), Buffer.from(`${text}\0tail`)]);
        expect(table.findBytes(padded, shift)).toBe(i);
        // Without a NUL the name ends where the bytes do.
        expect(table.findBytes(Buffer.concat([Buffer.alloc(shift, 0x7a), Buffer.from(text)]), shift)).toBe(i);
      });
  });

  it('does not take parts of names for names', () => {
    for (const name of ['abcdef', 'bc', 'abcdefg', 'x'.repeat(499), 'x'.repeat(501), 'a\0', 'ab\0c', 'B'])
      expect(table.find(name)).toBe(-1);
  });

  it('ends its search in a table that is full', () => {
    const slots = new Uint32Array(16).fill(0xffff);
    expect(new NameTable({ ...numbered, slots }).find('abc')).toBe(-1);
  });

  it('agrees with a map for many names', () => {
    const many = Array.from({ length: 5000 }, (_, i) => `symbol_${(i * 7919) % 4000}`);
    const text = Buffer.from(`${many.join('\0')}\0`);
    const at: number[] = [];
    for (let i = 0, next = 0; i < many.length; next += many[i]!.length + 1, i++) at.push(next);
    const { numbers, ...arrays } = numberNames(text, Uint32Array.from(at));
    const map = new Map<string, number>();
    for (const name of many) if (!map.has(name)) map.set(name, map.size);
    expect([...numbers]).toEqual(many.map(name => map.get(name)));
    const set = new NameTable(arrays);
    for (const [name, number] of map) expect(set.find(name)).toBe(number);
    for (let i = 4000; i < 5000; i++) expect(set.find(`symbol_${i}`)).toBe(-1);
  });
});
