/**
 * The text of every row, given to GNU as for POWER10, must come back as the words that our encoder makes.
 *
 * Texts that the assembler refuses on purpose are left out, by the reason that it gives.
 */
import { describe, expect, it } from 'vitest';
import { type DecodedInstruction, decode } from '../../../src/ppc64/decode.ts';
import { encodeInstruction } from '../../../src/ppc64/encode.ts';
import { formatInstruction } from '../../../src/ppc64/format.ts';
import { relocationTypes } from '../../../src/ppc64/relocations.ts';
import { type Golden, readGoldens } from '../../unit/ppc64/goldens.ts';
import { assemble, readelfRelocationNames } from './tools.ts';

const at = 0x10000000n;

/** Branches are written relative to the place, so that the assembler needs no symbol. */
function source(decoded: DecodedInstruction): string {
  const absolute = decoded.instruction.operands.some(({ kind }) => kind === 'absolute');
  const text = formatInstruction(decoded, at, address => {
    if (absolute) return `0x${address.toString(16)}`;
    const distance = BigInt.asIntN(64, address - at);
    return distance < 0n ? `.-${-distance}` : `.+${distance}`;
  });
  return text.replace(/\t#.*/, '');
}

/** The processor has these forms, or ignores what is wrong with them; the assembler wants to protect its users. */
const refusals = [
  // bcctr that counts CTR down
  /invalid counter access/,
  // load and store multiple and string
  /invalid when little-endian/,
  // vector permutes whose target is a source, and lq
  /source and target register operands must be different/,
];

interface Case {
  readonly text: string;
  readonly expected: readonly number[];
}

function casesOf(goldens: readonly Golden[]): readonly Case[] {
  return goldens.flatMap(({ words }) => {
    const decoded = decode(words[0] as number, words[1]);
    if (!decoded.known) return [];
    const expected = encodeInstruction(decoded.instruction, decoded.values);
    const text = source(decoded);
    return expected === null ? [] : [{ text, expected }];
  });
}

/** Assembles all cases at once, without those that are refused for a known reason. */
function assembleCases(cases: readonly Case[]): void {
  const complaints = assemble(cases.map(({ text }) => ` ${text}\n`).join(''));
  let accepted = cases;
  if (typeof complaints === 'string') {
    const lines = [...complaints.matchAll(/:(\d+): Error: (.*)/g)];
    const unexpected = lines.filter(([, , reason]) => !refusals.some(refusal => refusal.test(reason as string)));
    expect(unexpected.map(([, line, reason]) => `${cases[Number(line) - 1]?.text}: ${reason}`)).toEqual([]);
    const refused = new Set(lines.map(([, line]) => Number(line) - 1));
    accepted = cases.filter((_, index) => !refused.has(index));
  }
  const words = assemble(accepted.map(({ text }) => ` ${text}\n`).join(''));
  const length = accepted[0]?.expected.length ?? 1;
  const differing = accepted.flatMap(({ text, expected }, index) => {
    const theirs = [...words].slice(index * length, (index + 1) * length);
    return theirs.join() === expected.join()
      ? []
      : [{ text, expected: hexadecimal(expected), theirs: hexadecimal(theirs) }];
  });
  expect(differing).toEqual([]);
  expect(accepted.length / cases.length).toBeGreaterThan(0.97);
}

function hexadecimal(words: readonly (number | string)[]): string {
  return words.map(word => word.toString(16)).join(' ');
}

describe('GNU as', () => {
  const cases = casesOf(readGoldens());

  it('makes the same words of the text', () => {
    assembleCases(cases.filter(({ expected }) => expected.length === 1));
  });

  // Apart, since the assembler puts a nop before one that would straddle 64 bytes.
  it('makes the same words of the text of prefixed instructions', () => {
    assembleCases(cases.filter(({ expected }) => expected.length === 2));
  });
});

describe('GNU readelf', () => {
  it('has the same relocation names', () => {
    expect(relocationTypes().map(({ type, name }) => [type, name])).toEqual(
      [...readelfRelocationNames()].sort(([a], [b]) => a - b),
    );
  });
});
