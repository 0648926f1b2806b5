/** One word of a hunk as text, with names for the targets of branches. */
import type { HunkWord } from '../../diff/model.ts';
import { isPrefix, opcodeIndex } from '../../ppc64/decode.ts';
import { loadCapstone } from '../disassembly/capstone.ts';
import { disassembleNow, type LineSource } from '../disassembly/disassemble.ts';

export type DisassembledBy = 'own' | 'capstone' | 'raw';
export type Disassembler = (word: HunkWord) => { text: string; by: DisassembledBy };

const sources: Readonly<Record<LineSource, DisassembledBy>> = { table: 'own', capstone: 'capstone', data: 'raw' };

/** Zero words are padding, and no decoder has another opinion of them. */
function isUnknown({ word, suffix }: HunkWord): boolean {
  return word !== 0 && suffix === undefined && !isPrefix(word) && opcodeIndex(word) < 0;
}

/** Loads Capstone if one of `words`, all that will be asked for, is unknown to the table. */
export async function loadDisassembler(words: readonly HunkWord[]): Promise<Disassembler> {
  const fallback = words.some(isUnknown) ? await loadCapstone() : false;
  return word => {
    const pair = word.next === undefined ? [word.word] : [word.word, word.next];
    const target = (address: bigint) => targetText(word, address);
    const line = disassembleNow(pair, BigInt.asUintN(64, BigInt(word.offset)), { target, fallback }).lines[0]!;
    return { text: line.text.trimEnd(), by: sources[line.source] };
  };
}

function targetText(word: HunkWord, address: bigint): string {
  if (word.target === undefined) return `0x${address.toString(16)}`;
  return word.target.startsWith('+') ? `<${word.target}>` : word.target;
}
