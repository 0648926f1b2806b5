/**
 * Keeps `test/unit/ppc64/fixtures/objdump.txt` true: every line must still be what objdump prints. With
 * `TOCSIN_UPDATE_GOLDENS=1` the file is made anew from words of every row, with operands that a fixed sequence chooses.
 */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ppc64/decode.ts';
import { type Instruction, instructions } from '../../../src/ppc64/instructions.ts';
import { goldenFile, goldenLine, readGoldens } from '../../unit/ppc64/goldens.ts';
import { objdumpWords } from './tools.ts';

/** A small generator of 32-bit numbers, so that the file comes out the same each time (xorshift). */
function* sequence(): Generator<number, never> {
  let state = 0x9e3779b9;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/** Words of a row with random bits where it leaves them open, until the row itself is what they decode to. */
function wordsOfRow(row: Instruction, numbers: Generator<number, never>): readonly number[] | null {
  for (let attempt = 0; attempt < 20_000; attempt++) {
    // Sparse and repeated bits make extended mnemonics likelier.
    const random = numbers.next().value & (attempt % 3 === 0 ? numbers.next().value : 0xffffffff);
    const register = (random >>> 21) & 31;
    const filled = attempt % 2 === 0 ? random : (random & ~0x001ff800) | (register << 16) | (register << 11);
    const word = ((filled & ~row.mask) | row.value) >>> 0;
    const prefix = ((numbers.next().value & ~row.prefixMask) | row.prefixValue) >>> 0;
    const decoded = row.prefixed ? decode(prefix, word) : decode(word);
    if (decoded.known && decoded.instruction === row) return row.prefixed ? [prefix, word] : [word];
  }
  return null;
}

function harvest(): readonly number[] {
  const numbers = sequence();
  const known = instructions().flatMap(row => [wordsOfRow(row, numbers), wordsOfRow(row, numbers)]);
  const random = Array.from({ length: 300 }, () => [numbers.next().value]);
  // A prefix among the random words would swallow its neighbour; outer products go by other names in other releases.
  const plain = random.filter(([word]) => (word as number) >>> 26 !== 1 && (word as number) >>> 26 !== 59);
  return [...known.filter(words => words !== null), ...plain].flat();
}

describe('the goldens', () => {
  it.runIf(process.env.TOCSIN_UPDATE_GOLDENS === '1')('are made anew', { timeout: 600_000 }, () => {
    writeFileSync(goldenFile, objdumpWords(harvest()).map(goldenLine).join(''));
  });

  it('are what objdump prints', () => {
    const goldens = readGoldens();
    expect(goldens.length).toBeGreaterThan(4000);
    expect(objdumpWords(goldens.flatMap(({ words }) => words)).map(goldenLine)).toEqual(goldens.map(goldenLine));
  });
});
