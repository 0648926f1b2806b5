/**
 * The argument `dyndbg=...` of a module (lib/dynamic_debug.c): queries separated by semicolons, of words, the last one with the
 * flags. A query in error is told about and never stops the module.
 */
import type { LoadState } from './state.ts';

/** Words of one query. */
const MOST_WORDS = 9;
const KEYWORDS = new Set(['func', 'file', 'module', 'format', 'line', 'class']);

export function execQueries(state: LoadState, queries: string): void {
  const print = (text: string) => state.print('err', `dyndbg: ${text}`);
  for (const part of queries.split(/[;\n]/)) {
    const query = part.trimStart();
    if (query === '' || query.startsWith('#')) continue;
    const words = wordsOf(query, print);
    if (words === undefined || words.length === 0) print('tokenize failed');
    else if (!flagsAreGood(words.at(-1)!, state.rules.debugFlags, print)) print('flags parse failed');
    else if (!pairsAreGood(words.slice(0, -1), print)) print('query parse failed');
  }
}

type Print = (text: string) => void;

/** `ddebug_tokenize` */
function wordsOf(query: string, print: Print): string[] | undefined {
  const words: string[] = [];
  for (let rest = query.trimStart(); rest !== '' && !rest.startsWith('#'); rest = rest.trimStart()) {
    const quote = /^["']/.exec(rest)?.[0];
    if (quote !== undefined) rest = rest.slice(1);
    const end = quote === undefined ? rest.search(/\s/) : rest.indexOf(quote);
    if (quote !== undefined && end < 0) {
      print(`unclosed quote: ${rest}`);
      return undefined;
    }
    if (words.length === MOST_WORDS) {
      print(`too many words, legal max <=${MOST_WORDS}`);
      return undefined;
    }
    words.push(end < 0 ? rest : rest.slice(0, end));
    rest = end < 0 ? '' : rest.slice(end + 1);
  }
  return words;
}

/** `ddebug_parse_flags` */
function flagsAreGood(word: string, known: string, print: Print): boolean {
  if (!/^[-+=]/.test(word)) {
    print(`bad flag-op ${word[0] ?? '\0'}, at start of ${word}`);
    return false;
  }
  const unknown = [...word.slice(1)].find(letter => !known.includes(letter));
  if (unknown !== undefined) print(`unknown flag '${unknown}'`);
  return unknown === undefined;
}

/** `ddebug_parse_query`, without what it says of files, lines and words that come twice. */
function pairsAreGood(words: readonly string[], print: Print): boolean {
  if (words.length % 2 !== 0) {
    print('expecting pairs of match-spec <value>');
    return false;
  }
  const unknown = words.find((word, i) => i % 2 === 0 && !KEYWORDS.has(word));
  if (unknown !== undefined) print(`unknown keyword "${unknown}"`);
  return unknown === undefined;
}
