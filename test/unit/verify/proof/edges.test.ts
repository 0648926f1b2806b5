/** Ways on that only tables show: jump labels, as they are now and as they may be switched to. */
import { describe, expect, it } from 'vitest';
import { extraEdges } from '../../../../src/verify/proof/edges.ts';
import type { Memory } from '../../../../src/verify/proof/memory.ts';
import { b, NOP } from '../../../support/words.ts';

const CODE = 0;
const TARGET = 0x40;
const TABLE = 0x100;

/** What a jump label at `CODE` that leads to `TARGET` adds, where the word there is `word`. */
function edgesOf(word: number) {
  const words = new Map([
    [CODE, word | 0],
    [TABLE, CODE - TABLE],
    [TABLE + 4, TARGET - (TABLE + 4)],
  ]);
  const memory = { word: (at: number) => words.get(at) } as Memory;
  const table = { kind: 'jump label', offset: TABLE, size: 16, entrySize: 16 } as const;
  return extraEdges(memory, [table]).get(CODE);
}

describe('a jump label', () => {
  it('that is off may be switched on', () => {
    expect(edgesOf(NOP)).toEqual([{ kind: 'also', target: TARGET }]);
  });

  it('that is on may be switched off', () => {
    expect(edgesOf(b(TARGET / 4))).toEqual([{ kind: 'next', target: CODE + 4 }]);
  });

  it('whose branch leads elsewhere will lead to where the table says once it was switched', () => {
    expect(edgesOf(b(TARGET / 4 - 1))).toEqual([
      { kind: 'also', target: TARGET },
      { kind: 'next', target: CODE + 4 },
    ]);
  });
});
