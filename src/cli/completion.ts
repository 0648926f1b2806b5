/** What yargs does not know when a shell asks how a word may go on. */
import { STRATEGIES } from './patch/strategy.ts';

/** Options whose value is a file, a name or a number: the shell goes on with names of files, where that makes sense. */
const FREE = new Set([
  ...[
    '-o',
    '--output',
    '--plan',
    '--with',
    '--symvers',
    '--modules',
    '--kernel',
    '--sign-key',
    '--sign-cert',
    '--report',
  ],
  ...['--nop', '--redirect', '--hook', '--hook-exit', '--retarget', '--epilogue', '--functions', '--files-from'],
  ...['-j', '--jobs', '--explain', '--parameters', '--sections', '--bases', '--base', '--kallsyms'],
  ...['--config', '--system-map', '--module', '--structure', '--root'],
]);

/**
 * @param words the command line so far; the last one is to be completed
 * @returns how it may go on; empty where only the shell can know; `undefined` where yargs knows
 */
export function wordsAfter(words: readonly string[]): readonly string[] | undefined {
  const [option, begun = ''] = words.slice(-2);
  if (option === '--strategy') return ['auto', ...STRATEGIES, 'custom:'].filter(name => name.startsWith(begun));
  return FREE.has(option ?? '') ? [] : undefined;
}
