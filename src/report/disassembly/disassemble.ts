/**
 * The text of a range of code, as `objdump -d -Mpower10` of the GNU tools prints it.
 *
 * Words are read by the instruction table first; what it does not know goes to Capstone, if wanted, and is printed as
 * `.long` in the end. A prefix and the word after it are one instruction of eight bytes; a prefix that begins none, or that
 * ends the range, is a `.long` of its own.
 */
import { decode } from '../../ppc64/decode.ts';
import { formatInstruction, type TargetFormatter } from '../../ppc64/format.ts';
import { loadCapstone, type WordReader } from './capstone.ts';

/** Who provided a line's text. */
export type LineSource = 'table' | 'capstone' | 'data';

export interface DisassembledLine {
  /** Bytes from the start of the range. */
  readonly offset: number;
  readonly address: bigint;
  /** One word, or the two of a prefixed instruction. */
  readonly words: readonly number[];
  readonly text: string;
  readonly source: LineSource;
}

export interface Disassembly {
  readonly lines: readonly DisassembledLine[];
  /** Words by source; together they are all words of the range. */
  readonly counts: Readonly<Record<LineSource, number>>;
}

export interface DisassemblyOptions {
  /** Text of a branch target, such as `6c <init_module+0x6c>`; without it, `0x6c`. */
  readonly target?: TargetFormatter;
  /** Reads what the table does not know. `disassemble` loads Capstone for this unless told `false`. */
  readonly fallback?: WordReader | false;
}

/** The little-endian words of `bytes`; up to three bytes at the end that make no word are left out. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.byteLength >>> 2 }, (_, at) => view.getUint32(at * 4, true));
}

/** Text of an unknown word and where it comes from. */
function unknownWord(word: number, fallback: WordReader | false): readonly [text: string, source: LineSource] {
  const text = fallback === false ? null : fallback(word);
  return text === null ? [`.long 0x${(word >>> 0).toString(16)}`, 'data'] : [text, 'capstone'];
}

/** The text of `words`, the first of which is at address `pcBase`. Loads nothing: see `disassemble`. */
export function disassembleNow(
  words: ArrayLike<number>,
  pcBase: bigint,
  { target, fallback = false }: DisassemblyOptions = {},
): Disassembly {
  const lines: DisassembledLine[] = [];
  const counts = { table: 0, capstone: 0, data: 0 };
  for (let at = 0; at < words.length; ) {
    const word = words[at] as number;
    const decoded = decode(word, words[at + 1]);
    const address = BigInt.asUintN(64, pcBase + BigInt(at * 4));
    const length = decoded.bytes / 4;
    const [text, source] = decoded.known
      ? [formatInstruction(decoded, address, target), 'table' as const]
      : unknownWord(word, fallback);
    const own = length === 1 ? [word] : [word, words[at + 1] as number];
    lines.push({ offset: at * 4, address, words: own, text, source });
    counts[source] += length;
    at += length;
  }
  return { lines, counts };
}

/** As `disassembleNow`, with Capstone for unknown words unless `fallback` is `false`; it is loaded only if there are any. */
export async function disassemble(
  words: ArrayLike<number>,
  pcBase: bigint,
  options: DisassemblyOptions = {},
): Promise<Disassembly> {
  const first = disassembleNow(words, pcBase, options);
  if (first.counts.data === 0 || options.fallback !== undefined) return first;
  // Zero words are padding, and no decoder has another opinion of them.
  if (!first.lines.some(({ source, words: [word] }) => source === 'data' && word !== 0)) return first;
  return disassembleNow(words, pcBase, { ...options, fallback: await loadCapstone() });
}
