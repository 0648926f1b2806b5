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

/** Commands that take names of files besides their options. */
const WITH_FILES = new Set(['scan', 'patch', 'revert', 'diff', 'kernel', 'check', 'load']);

/**
 * @param words the command line so far; the last one is to be completed
 * @param isZsh where a colon parts a word from its description; one in the word has a backslash
 * @returns how it may go on; empty where only the shell can know; `undefined` where yargs knows
 */
export function wordsAfter(words: readonly string[], isZsh = false): readonly string[] | undefined {
  const [option = '', begun = ''] = words.slice(-2);
  if (option === '--strategy') {
    const found = ['auto', ...STRATEGIES, 'custom:'].filter(name => name.startsWith(begun));
    return isZsh ? found.map(name => name.replace(':', '\\:')) : found;
  }
  if (FREE.has(option)) return [];
  // Where nothing is begun yet, a file is likelier than an option: yargs would name options only.
  const takesFiles = words.slice(0, -1).some(word => WITH_FILES.has(word));
  return begun === '' && takesFiles && !option.startsWith('-') ? [] : undefined;
}
