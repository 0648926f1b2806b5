/**
 * The prover as WebAssembly (`wasm/`): the same rules, for whole objects at once. It has what `prover.ts` finds when all is
 * done; what leads there the TypeScript follows.
 */
import { kinds } from './common.ts';
import { asked, effectsByOpcode } from './effects.ts';
import type { FoundFunctions } from './prover.ts';
import type { ExtraEdge } from './subject.ts';

/** What any program with the prover in it exports. */
export interface ProverCode {
  readonly memory: WebAssembly.Memory;
  /** Where the tables belong that `giveTables` fills. */
  readonly EFFECTS: { readonly value: number };
  readonly KINDS: { readonly value: number };
}

/** Kinds of extra edges by their numbers in `wasm/subject.ts`. */
export const EDGE_KINDS: readonly ExtraEdge['kind'][] = [
  'also',
  'next',
  'instead',
  'stop',
  'pass',
  'fixup',
  'keeps',
  'gives',
];

/** What a program with the prover in it imports. */
export const proverImports = {
  effects: {
    written: (word: number, next: number): bigint => {
      const [registers, fields] = asked(word >>> 0, next >>> 0);
      return (BigInt(fields) << 32n) | BigInt(registers >>> 0);
    },
  },
};

/** Fills the tables that the program takes from here: once for each instance. */
export function giveTables({ memory, EFFECTS, KINDS }: ProverCode): void {
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(effectsByOpcode(), EFFECTS.value);
  bytes.set(kinds, KINDS.value);
}

/** Bytes that the program keeps of each function; see `wasm/areas.ts` and `wasm/judge.ts`. */
const FUNCTION_SIZE = 56;

/**
 * Copies what was found of each function.
 *
 * @param at where that stands, bytes
 */
export function foundIn(memory: ArrayBufferLike, at: number, count: number): FoundFunctions {
  const allWords = new Int32Array(memory, at, (count * FUNCTION_SIZE) / 4);
  const allBytes = new Uint8Array(memory, at, count * FUNCTION_SIZE);
  const words = (field: number) => {
    const found = new Int32Array(count);
    for (let i = 0, w = field / 4; i < count; i++, w += FUNCTION_SIZE / 4) found[i] = allWords[w]!;
    return found;
  };
  const bytes = (field: number) => {
    const found = new Uint8Array(count);
    for (let i = 0, b = field; i < count; i++, b += FUNCTION_SIZE) found[i] = allBytes[b]!;
    return found;
  };
  const calls = words(40);
  const callCounts = words(44);
  const callers = words(48);
  return {
    verdict: bytes(24),
    reason: bytes(25),
    register: bytes(26),
    place: words(28),
    found: words(32),
    contract: bytes(36),
    neverReturns: bytes(37),
    areas: {
      reads: words(0),
      writes: words(4),
      readEnd: words(8),
      writeEnd: words(12),
      homes: words(16),
      savesLink: bytes(20),
    },
    calls: Array.from(callers.keys())
      .filter(i => callers[i] !== 0)
      .sort((a, b) => callers[a]! - callers[b]!)
      .map(i => [i, Array.from(new Uint32Array(memory, calls[i], callCounts[i]))] as const),
  };
}
