/**
 * The pairs of words and objdump's text under `fixtures/objdump.txt`: a line each, the words in hexadecimal, a tab, the text
 * with single spaces. The words of all lines together are one piece of code at address 0, which matters to branches. The lab test `goldens.lab.test.ts` makes the file and keeps it true.
 */
import { readFileSync } from 'node:fs';

export interface Golden {
  readonly address: bigint;
  readonly words: readonly number[];
  readonly text: string;
}

export const goldenFile = new URL('fixtures/objdump.txt', import.meta.url);

export function readGoldens(): readonly Golden[] {
  let next = 0;
  return readFileSync(goldenFile, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => {
      const [hexadecimal, text] = line.split('\t') as [string, string];
      const words = hexadecimal.split(' ').map(word => Number.parseInt(word, 16));
      const address = BigInt(next);
      next += words.length * 4;
      return { address, words, text };
    });
}

/** One line of the file. */
export function goldenLine({ words, text }: Omit<Golden, 'address'>): string {
  return `${words.map(word => word.toString(16).padStart(8, '0')).join(' ')}\t${text}\n`;
}
