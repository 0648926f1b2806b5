/** Damages texts and tables of unknown shape: plans, symbol versions, lists of addresses, keys, index files. */
import { Random } from '../random.ts';

interface Damaged {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mutations: readonly string[];
}

/** What a parser may stumble over. No slash: a damaged plan must not name a file elsewhere. */
const PIECES = [
  '',
  '\0',
  '\n',
  '\r\n',
  '\t',
  ' ',
  ':',
  '"',
  "'",
  '{',
  '[',
  ']',
  '- ',
  '*a',
  '&a ',
  '!!int ',
  '<<: ',
  '# ',
  '...\n',
  '---\n',
  '%YAML 9\n',
  '=',
  '*',
  '?',
  '\\',
  '-1',
  '0x',
  '0xffffffffffffffffffff',
  '99999999999999999999',
  '1e999',
  'NaN',
  'null',
  '__proto__: 1\n',
  'constructor: {}\n',
  '\u00e9\u4e2d',
  '\ud83d\ude00',
  '\u202e',
  '\ufeff',
  'x'.repeat(5000),
  '['.repeat(3000),
];

/** One to four changes of a text. */
export function mutateText(text: string, seed: number): Damaged {
  const random = new Random(seed);
  const mutations: string[] = [];
  let now = text;
  for (let n = 1 + random.below(random.pick([1, 2, 4])); n > 0; n--) {
    const at = random.below(now.length);
    const size = random.below(random.pick([2, 8, 64, now.length]));
    const end = at + size;
    const [before, inside, after] = [now.slice(0, at), now.slice(at, end), now.slice(end)];
    const piece = random.pick(PIECES);
    const way = random.below(7);
    if (way === 0) now = before + after;
    else if (way === 1) now = before + inside + inside + after;
    else if (way === 2) now = before;
    else if (way === 3) now = swapLines(now, random);
    else if (way === 4) now = before + String.fromCharCode(32 + random.below(95)).replace('/', '_') + after;
    else now = before + piece + inside + after;
    mutations.push(`text: way ${way} at ${at}, ${size} characters, ${JSON.stringify(piece.slice(0, 12))}`);
  }
  return { bytes: new Uint8Array(Buffer.from(now)), mutations };
}

function swapLines(text: string, random: Random): string {
  const lines = text.split('\n');
  const [a, b] = [random.below(lines.length), random.below(lines.length)];
  [lines[a], lines[b]] = [lines[b]!, lines[a]!];
  return lines.join('\n');
}

const NUMBERS = [0, 1, 7, 8, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff];

/** One to four changes of bytes: bits, words, ranges, and the end. */
export function mutateBytes(from: Uint8Array, seed: number): Damaged {
  const random = new Random(seed);
  const mutations: string[] = [];
  let bytes = new Uint8Array(from);
  for (let n = 1 + random.below(random.pick([1, 2, 4])); n > 0 && bytes.length > 0; n--) {
    // What a file begins with says how the rest is read.
    const at = random.below(random.pick([bytes.length, bytes.length, Math.min(bytes.length, 256)]));
    const way = random.below(10);
    if (way === 0) {
      bytes = bytes.slice(0, at);
      mutations.push(`cut to ${at} bytes`);
    } else if (way < 4) {
      bytes[at]! ^= 1 << random.below(8);
      mutations.push(`a bit of byte ${at} flips`);
    } else if (way < 8) {
      const value = random.chance(2) ? random.pick(NUMBERS) : random.next();
      const word = at & ~3;
      for (let i = 0; i < 4 && word + i < bytes.length; i++) bytes[word + i] = value >>> (8 * i);
      mutations.push(`the word at ${word} becomes 0x${value.toString(16)}`);
    } else {
      const to = random.below(bytes.length);
      const size = random.below(512);
      bytes.copyWithin(to, at, at + size);
      mutations.push(`${size} bytes from ${at} over those at ${to}`);
    }
  }
  return { bytes, mutations };
}
