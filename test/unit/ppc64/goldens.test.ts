/** Text of several thousand words, compared with what GNU objdump printed for them. */
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/ppc64/decode.ts';
import { formatInstruction } from '../../../src/ppc64/format.ts';
import { instructions } from '../../../src/ppc64/instructions.ts';
import { readGoldens } from './goldens.ts';

describe('the goldens', () => {
  const goldens = readGoldens();

  it('read as objdump prints them', () => {
    const differing = goldens
      .map(({ address, words, text }) => {
        const mine = formatInstruction(decode(words[0] as number, words[1]), address).replaceAll(/\s+/g, ' ');
        return { words: words.map(word => word.toString(16)).join(' '), text, mine };
      })
      .filter(({ text, mine }) => text !== mine);
    expect(differing).toEqual([]);
  });

  it('name every mnemonic of the table', () => {
    const named = new Set(goldens.map(({ text }) => text.split(' ')[0]));
    expect([...new Set(instructions().map(({ mnemonic }) => mnemonic))].filter(name => !named.has(name))).toEqual([]);
  });
});
