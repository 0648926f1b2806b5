/** What the prover forgets, held against the instruction table: whatever an instruction writes must not stay known. */
import { describe, expect, it } from 'vitest';
import { isPrefix, opcodeIndex, operandValue } from '../../../src/ppc64/decode.ts';
import { instructions } from '../../../src/ppc64/instructions.ts';
import { registersWritten } from '../../../src/ppc64/registers.ts';
import { DONE, executeCommon } from '../../../src/prove/common.ts';
import { forgetWritten } from '../../../src/prove/effects.ts';
import { FINE } from '../../../src/prove/faults.ts';
import { ParameterAreas } from '../../../src/prove/parameters.ts';
import { State } from '../../../src/prove/state.ts';
import { transfer, transferRest } from '../../../src/prove/transfer.ts';
import {
  address,
  CLOBBERED,
  CR2,
  entry,
  external,
  FOREIGN,
  number,
  PLACES,
  raw,
  stack,
  table,
  UNKNOWN,
} from '../../../src/prove/values.ts';
import { WRITTEN_31 } from '../../../src/prove/written-31.ts';

/** The same words in every run. */
function* randomWords(count: number): Generator<number> {
  let seed = 0x2545f491;
  for (let i = 0; i < count; i++) {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    yield seed >>> 0;
  }
}

/** For each row, words with its fixed bits and random operands. */
function* wordsOfRows(each: number): Generator<number> {
  const random = randomWords(instructions().length * each);
  for (const { mask, value, prefixed } of instructions())
    for (let i = 0; i < each; i++) {
      const word = ((random.next().value as number) & ~mask) | value;
      if (!prefixed) yield word >>> 0;
    }
}

function fresh(): State {
  const state = new State();
  for (let i = 0; i < PLACES; i++) state.places[i] = entry(i);
  state.places[1] = stack(0);
  return state;
}

function fieldsWritten(word: number): number {
  const row = instructions()[opcodeIndex(word)];
  let fields = 0;
  for (const operand of row?.operands ?? []) {
    if (operand.access !== 'write' && operand.access !== 'both') continue;
    const value = operandValue(operand, word);
    if (operand.kind === 'cr') fields |= 1 << value;
    else if (operand.kind === 'crbit') fields |= 1 << (value >> 2);
  }
  return fields;
}

/** Registers and CR fields that are still known though the table says that the word writes them. */
function keptTooLong(word: number, state: State): string[] {
  const written = registersWritten(word);
  const wrong: string[] = [];
  for (let r = 0; r < 32; r++)
    if (((written >>> r) & 1) === 1 && state.places[r] === (r === 1 ? stack(0) : entry(r))) wrong.push(`r${r}`);
  for (let field = 2; field <= 4; field++)
    if (((fieldsWritten(word) >> field) & 1) === 1 && state.places[CR2 + field - 2] === entry(CR2 + field - 2))
      wrong.push(`cr${field}`);
  return wrong;
}

describe('what instructions change', () => {
  it('is forgotten, for every row of the table', () => {
    let seen = 0;
    const wrong: string[] = [];
    for (const word of wordsOfRows(12)) {
      if (opcodeIndex(word) < 0 || isPrefix(word) || instructions()[opcodeIndex(word)] === undefined) continue;
      seen++;
      const state = fresh();
      forgetWritten(state, word, 0);
      for (const what of keptTooLong(word, state)) wrong.push(`${word.toString(16)} keeps ${what}`);
    }
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(10_000);
  });

  it('and nothing else', () => {
    const wrong: string[] = [];
    for (const word of wordsOfRows(6)) {
      const row = instructions()[opcodeIndex(word)];
      if (row === undefined || isPrefix(word)) continue;
      const state = fresh();
      forgetWritten(state, word, 0);
      const written = registersWritten(word);
      for (let r = 0; r < 32; r++)
        if (((written >>> r) & 1) === 0 && state.places[r] === UNKNOWN) wrong.push(`${row.mnemonic} loses r${r}`);
    }
    // Forms that the table gives names of their own, of instructions that write a register: too careful, never too bold.
    expect([...new Set(wrong)].sort()).toEqual(['exser loses r31', 'nop loses r0', 'xnop loses r0']);
  });

  it('is told alike by the flat copy for opcode 31', () => {
    expect(WRITTEN_31).toHaveLength(1024);
    const wrong: number[] = [];
    for (let extended = 0; extended < 1024; extended++) {
      // r5 and r6 stand in the two fields.
      for (const rc of [0, 1]) {
        const word = ((31 << 26) | (5 << 21) | (6 << 16) | (7 << 11) | (extended << 1) | rc) >>> 0;
        if (opcodeIndex(word) < 0 || instructions()[opcodeIndex(word)] === undefined) continue;
        const expected = registersWritten(word);
        const letter = WRITTEN_31[extended];
        const told =
          letter === '*' || letter === '?'
            ? expected
            : letter === 'T'
              ? 32
              : letter === 'A'
                ? 64
                : letter === 'B'
                  ? 96
                  : letter === '-'
                    ? 0
                    : -1;
        if (told !== expected) wrong.push(extended);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('has no known value left over where the transfer function has a case of its own', () => {
    // Values that the transfer function puts in are right by its other tests; here only that none stays as it was.
    const wrong: string[] = [];
    const around = {
      home: UNKNOWN,
      pacaToc: undefined,
      constant: () => UNKNOWN,
      areas: new ParameterAreas(new Uint8Array(1)),
    };
    for (const word of randomWords(200_000)) {
      if (word >>> 26 === 1 || (word >>> 26 >= 16 && word >>> 26 <= 19)) continue;
      const row = instructions()[opcodeIndex(word)];
      if (row === undefined) continue;
      const state = fresh();
      transfer(around, state, word, 0, 0);
      const moves =
        row.mnemonic === 'mr' || row.mnemonic === 'ori' || row.mnemonic === 'oris' || row.mnemonic === 'nop';
      if (!moves && row.mnemonic !== 'addi' && row.mnemonic !== 'addis')
        for (const what of keptTooLong(word, state)) wrong.push(`${row.mnemonic} ${word.toString(16)} keeps ${what}`);
    }
    expect(wrong.filter(w => !/^(mtcrf|mtocrf|la|lis?|subi?s?|ldu|stdu|.*u|.*ux) /.test(w))).toEqual([]);
  });

  it('is what the whole transfer function says, wherever the short way takes an instruction', () => {
    const around = {
      home: address(0x8000),
      pacaToc: 16,
      constant: () => UNKNOWN,
      areas: new ParameterAreas(new Uint8Array(1)),
    };
    const values = [
      UNKNOWN,
      CLOBBERED,
      FOREIGN,
      stack(-64),
      address(0x8000),
      number(8),
      table(64),
      raw(64),
      external(1),
    ];
    const random = randomWords(1_000_000);
    const next = () => random.next().value as number;
    const wrong: string[] = [];
    let taken = 0;
    for (const word of wordsOfRows(8)) {
      if (isPrefix(word)) continue;
      const state = fresh();
      for (let r = 0; r < 32; r++) if (r !== 13 && next() % 4 === 0) state.places[r] = values[next() % values.length]!;
      if (next() % 3 === 0) state.setCtr(next() % 32);
      if (next() % 3 === 0) state.move(next() % 12, 12);
      const other = new State();
      other.copyFrom(state);
      if (executeCommon(state, word) !== DONE) continue;
      taken++;
      const fault = transferRest(around, other, word, 0, 0);
      const same =
        fault === FINE &&
        state.places.every((value, place) => value === other.places[place]) &&
        state.slots === other.slots &&
        state.sameAsCtr === other.sameAsCtr &&
        state.sameAsR12 === other.sameAsR12 &&
        state.arguments === other.arguments;
      if (!same) wrong.push(word.toString(16));
    }
    expect(wrong).toEqual([]);
    expect(taken).toBeGreaterThan(2_000);
  });
});
