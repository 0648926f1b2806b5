/** Every row of the instruction table, both ways: encode, find again, decode; and text that is the same for the same word. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, opcodeIndex, operandValue, prefixedIndex } from '../../../src/ppc64/decode.ts';
import { encode, encodeInstruction } from '../../../src/ppc64/encode.ts';
import { formatInstruction } from '../../../src/ppc64/format.ts';
import { type Instruction, instructions, instructionsNamed, type Operand } from '../../../src/ppc64/instructions.ts';

/** Every value that an operand can have, as a field of so many bits. */
function edgeFields(operand: Operand): readonly number[] {
  const limit = 2 ** operand.width;
  const edges = [0, 1, limit / 2 - 1, limit / 2, limit - 1, Math.floor(limit / 3)];
  return [...new Set(edges.filter(edge => Number.isInteger(edge) && edge >= 0 && edge < limit))];
}

/** A word (or pair) of the row with each operand's bits set as `choose` says; its fixed bits win. */
function wordsWith(row: Instruction, choose: (operand: Operand) => number): readonly number[] {
  let word = row.value;
  let prefix = row.prefixValue;
  for (const operand of row.operands) {
    let rest = choose(operand);
    for (const part of operand.parts.toReversed()) {
      const bits = (rest % 2 ** part.width) * 2 ** part.shift;
      if (part.prefix) prefix = ((prefix | bits) & ~(row.prefixMask & ~row.prefixValue)) >>> 0;
      else word = (((word | bits) & ~row.mask) | row.value) >>> 0;
      rest = Math.floor(rest / 2 ** part.width);
    }
  }
  return row.prefixed ? [prefix, word] : [word];
}

function indexOf(words: readonly number[]): number {
  const [first, second] = words as [number, number | undefined];
  return second === undefined ? opcodeIndex(first) : prefixedIndex(first, second);
}

/** What is wrong with a word's way through decode, encode and decode; null when all is well (or the word is unknown). */
function problemOf(words: readonly number[]): string | null {
  const decoded = decode(words[0] as number, words[1]);
  if (!decoded.known) return null;
  const { instruction, values } = decoded;
  const name = `${instruction.mnemonic} ${values} (${words.map(word => (word >>> 0).toString(16)).join(' ')})`;
  const again = encodeInstruction(instruction, values);
  if (again === null) return `${name} cannot be encoded`;
  const second = decode(again[0] as number, again[1]);
  // With its reserved bit set `isel` has no shorter name; without it, as it is encoded, it may have one.
  const isShorter =
    instruction.mnemonic === 'isel' && second.known && /^isel(lt|gt|eq)$/.test(second.instruction.mnemonic);
  if (isShorter) return null;
  if (!second.known || second.instruction !== instruction) return `${name} comes back as another instruction`;
  if (second.values.some((value, at) => value !== values[at])) return `${name} comes back as ${second.values}`;
  return encode(instruction.mnemonic, values).length === words.length ? null : `${name} changes its length`;
}

describe('the instruction table', () => {
  it('has rows whose value lies within their mask', () => {
    for (const { mnemonic, mask, value, prefixMask, prefixValue } of instructions()) {
      expect((value & ~mask) >>> 0, mnemonic).toBe(0);
      expect((prefixValue & ~prefixMask) >>> 0, mnemonic).toBe(0);
    }
  });

  it('lets every row be found by some word', () => {
    const unseen = instructions().filter(row => {
      const choices = [0, 1, 2, 3, 5, 8, 12, 17, 31];
      const attempts = choices.flatMap(a => choices.map(b => [a, b] as const));
      return !attempts.some(([a, b]) => {
        let turn = 0;
        const words = wordsWith(row, operand => ([a, b, a + b + 1, b + 1][turn++ % 4] as number) % 2 ** operand.width);
        return (
          indexOf(words) === row.index || indexOf(encodeInstruction(row, valuesOf(row, words)) ?? [0]) === row.index
        );
      });
    });
    expect(unseen.map(({ mnemonic }) => mnemonic)).toEqual([]);
  });

  it('encodes what it decodes, at the edges of every operand', () => {
    const problems: (string | null)[] = [];
    for (const row of instructions()) {
      for (const [at, operand] of row.operands.entries()) {
        for (const edge of edgeFields(operand)) {
          for (const rest of [0, 3, 17]) {
            let turn = 0;
            problems.push(problemOf(wordsWith(row, ({ width }) => (turn++ === at ? edge : rest % 2 ** width))));
          }
        }
      }
    }
    expect(problems.filter(problem => problem !== null)).toEqual([]);
  });

  it('encodes what it decodes, for any word', () => {
    fc.assert(
      fc.property(fc.nat({ max: instructions().length - 1 }), fc.infiniteStream(fc.nat()), (index, numbers) => {
        const words = wordsWith(instructions()[index] as Instruction, ({ width }) => numbers.next().value % 2 ** width);
        expect(problemOf(words)).toBeNull();
      }),
      { numRuns: 5_000 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), word => problemOf([word]) === null),
      { numRuns: 5_000 },
    );
  });

  it('gives back the very word, where no bit of it is open', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), word => {
        const decoded = decode(word);
        if (!decoded.known) return;
        const { instruction, values } = decoded;
        const covered = instruction.operands
          .flatMap(({ parts }) => parts)
          .reduce((mask, part) => mask | (part.mask << part.shift), instruction.mask);
        const derived = instruction.conditions
          .flatMap(({ left, right }) => [...left, ...right])
          .reduce((mask, part) => mask | (part.mask << part.shift), covered);
        expect((encodeInstruction(instruction, values) as number[])[0]).toBe((word & derived) >>> 0);
      }),
      { numRuns: 5_000 },
    );
  });
});

function valuesOf(row: Instruction, words: readonly number[]): readonly number[] {
  const body = words.at(-1) as number;
  return row.operands.map(operand => operandValue(operand, body, words[0]));
}

describe('decode', () => {
  it('says of an unknown word that it is one', () => {
    expect(decode(0)).toEqual({ known: false, word: 0, bytes: 4 });
    expect(decode(0xffffffff | 0)).toMatchObject({ known: true });
    expect(decode(0x83ff0000 | 0)).toMatchObject({ known: true });
    expect(decode(0xf4000004 | 0)).toEqual({ known: false, word: 0xf4000004, bytes: 4 });
    // A prefix at the end of a range, and one before something that it does not go with.
    expect(decode(0x06000000)).toMatchObject({ known: false });
    expect(decode(0x06000000, 0x60000000)).toMatchObject({ known: false });
  });

  it('takes words as signed or unsigned numbers', () => {
    expect(opcodeIndex(0xf8010010 | 0)).toBe(opcodeIndex(0xf8010010));
  });

  it('refuses invalid update forms', () => {
    // ldu r3,8(r3), ldu r3,8(0), stdu r3,8(0)
    for (const word of [0xe8630009, 0xe8600009, 0xf8600009]) expect(opcodeIndex(word)).toBe(-1);
  });

  it('gives displacements in bytes with their sign', () => {
    expect(decode(0xf821ff91)).toMatchObject({ known: true, values: [1, -112, 1] });
    expect(decode(0x4bfffffd)).toMatchObject({ known: true, values: [-4] });
    expect(decode(0x0603ffff, 0x3863fff0)).toMatchObject({ known: true, values: [3, 3, -16], bytes: 8 });
  });
});

describe('encode', () => {
  it('takes mnemonics and values in the order of the text', () => {
    expect(encode('addi', [3, 1, -16])).toEqual([0x3861fff0]);
    expect(encode('sldi', [9, 9, 3])).toEqual([0x79291f24]);
    expect(encode('bne-', [7, 8])).toEqual([0x40de0008]);
    expect(encode('mtcrf', [8, 12])).toEqual([0x7d808120]);
    expect(encode('pld', [3, 16])).toEqual([0x04100000, 0xe4600010]);
  });

  it('throws where nothing fits', () => {
    expect(() => encode('addi', [3, 1, 0x8000])).toThrow(RangeError);
    expect(() => encode('ld', [3, 6, 1])).toThrow(RangeError);
    expect(() => encode('stdu', [1, -112, 0])).toThrow(RangeError);
    expect(() => encode('frobnicate', [])).toThrow(RangeError);
    expect(instructionsNamed('frobnicate')).toEqual([]);
  });
});

describe('formatInstruction', () => {
  it('pads the mnemonic and hands branch targets to its caller', () => {
    const call = decode(0x48000011);
    expect(formatInstruction(call, 0xc000000000001000n)).toBe('bl      0xc000000000001010');
    expect(formatInstruction(call, 0x20n, address => `${address.toString(16)} <there>`)).toBe('bl      30 <there>');
    expect(formatInstruction(decode(0x60000000), 0n)).toBe('nop');
    expect(formatInstruction(decode(0), 0n)).toBe('.long 0x0');
    expect(formatInstruction(decode(0x4bfffff0), 0n)).toBe('b       0xfffffffffffffff0');
  });

  it('adds what a pc-relative access points at', () => {
    expect(formatInstruction(decode(0x04100000, 0xe4600010), 0x20n)).toBe('pld     r3,16\t# 30');
  });
});
