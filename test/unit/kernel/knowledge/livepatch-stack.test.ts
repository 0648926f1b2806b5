/** Where the second stack of tasks is, from the words of the kernel's livepatch_handler. */
import { describe, expect, it } from 'vitest';
import { livepatchStack } from '../../../../src/kernel/knowledge/livepatch-stack.ts';

/** 6.1 and 6.12, as objdump shows it of a 6.1 kernel. */
const PUSH = [0xe98d0908, 0xe96c0010, 0x396b0018, 0xf96c0010];
const V61 = [0xf84bffe8, 0x7d8802a6, 0xf98bfff0, 0x3d8057ac, 0x618c6e9d, 0xf98bfff8, 0x7d8902a6];
/** 7.2, with and without CONFIG_PPC_FTRACE_OUT_OF_LINE. */
const V72 = [0x3d8057ac, 0x618c6e9d, 0xf98bfff8, 0xf84bffe8, 0x7d8802a6, 0xf98bfff0, 0x7d8902a6];
const V72_OUT = [0x3d8057ac, 0x618c6e9d, 0xf98bfff8, 0xf84bffe8, 0xf80bfff0, 0x7d8802a6, 0x7d8903a6];
const POP = [
  ...[0x4e800421, 0xe98d0908, 0xe96c0010, 0x3c4057ac, 0x60426e9d, 0xe98bfff8, 0x7f0c1088],
  ...[0xe98bfff0, 0x7d8803a6, 0xe84bffe8, 0xe98d0908, 0x396bffe8, 0xf96c0010, 0x4e800020],
];

const NONE = new Map<string, number>();

function image(words: readonly number[]) {
  const bytes = new Uint8Array(Uint32Array.from(words).buffer);
  return {
    address: (name: string) => (name === 'livepatch_handler' ? 0x1000n : undefined),
    bytesAt: (address: bigint, length: number) =>
      address === 0x1000n && length <= bytes.length ? bytes.subarray(0, length) : undefined,
  };
}

describe('the handler', () => {
  it.each([
    ['6.1', V61],
    ['7.2', V72],
    ['7.2, out of line', V72_OUT],
  ])('of %s tells both offsets', (_, keep) => {
    const found = livepatchStack(image([...PUSH, ...keep, ...POP]), NONE);
    expect(found).toEqual({ threadInfo: 0x908, sp: 16, source: 'handler' });
  });

  it('counts more than what the user says', () => {
    const given = new Map([
      ['paca_struct.__current', 8],
      ['thread_info.livepatch_sp', 8],
    ]);
    expect(livepatchStack(image([...PUSH, ...V61, ...POP]), given)?.source).toBe('handler');
    expect(livepatchStack(image([]), given)).toEqual({ threadInfo: 8, sp: 8, source: 'given' });
    expect(livepatchStack(undefined, given)?.source).toBe('given');
  });

  it('of another shape tells nothing', () => {
    const all = [...PUSH, ...V61, ...POP];
    for (let i = 0; i < all.length; i++) {
      const changed = all.map((word, n) => (n === i ? (word ^ 8) >>> 0 : word));
      expect([i, livepatchStack(image(changed), NONE)]).toEqual([i, undefined]);
    }
    expect(livepatchStack(image(all.slice(0, -1)), NONE)).toBeUndefined();
    expect(livepatchStack({ ...image(all), address: () => undefined }, NONE)).toBeUndefined();
  });

  it('half of it from the user is nothing, nor are offsets that no instruction holds', () => {
    const of = (...pairs: [string, number][]) => livepatchStack(undefined, new Map(pairs));
    expect(of(['paca_struct.__current', 8])).toBeUndefined();
    for (const bad of [0x8000, 4, -8, 12.5])
      expect(of(['paca_struct.__current', bad], ['thread_info.livepatch_sp', 16])).toBeUndefined();
  });
});
