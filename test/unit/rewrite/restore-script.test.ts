import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlacedRange } from '../../../src/elf/ranges.ts';
import { applyRestoreScript, BadScript, writeRestoreScript } from '../../../src/rewrite/restore-script.ts';

/** Cuts the original into pieces, drops some, changes words in others, and puts them down with new bytes between them. */
function patched(original: Uint8Array, cuts: readonly { length: number; kind: number; gap: number }[]) {
  const ranges: PlacedRange[] = [];
  const pieces: Uint8Array[] = [];
  let from = 0;
  let to = 0;
  for (const { length, kind, gap } of cuts) {
    const piece = original.slice(from, from + length);
    if (piece.length === 0) break;
    if (kind !== 0) {
      if (kind === 2) for (let i = 0; i < piece.length; i += 5) piece[i] = piece[i]! ^ 0xff;
      pieces.push(new Uint8Array(gap).fill(0xee), piece);
      ranges.push({ from, to: to + gap, length: piece.length, exact: kind === 1, bytes: piece });
      to += gap + piece.length;
    }
    from += piece.length;
  }
  return { bytes: Uint8Array.from(pieces.flatMap(p => [...p])), ranges };
}

const cuts = fc.array(
  fc.record({
    length: fc.integer({ min: 1, max: 120 }),
    kind: fc.integer({ min: 0, max: 2 }),
    gap: fc.integer({ min: 0, max: 40 }),
  }),
  { maxLength: 30 },
);

describe('restore script', () => {
  it('gives the original back, whatever was dropped, moved or changed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 2000 }), cuts, (original, plan) => {
        const { bytes, ranges } = patched(original, plan);
        const script = writeRestoreScript(original, ranges);
        expect(applyRestoreScript(script, bytes)).toEqual(original);
      }),
    );
  });

  it('takes known changes instead of comparing', () => {
    const original = new Uint8Array(400).map((_, i) => i);
    const bytes = original.slice();
    bytes.set([1, 2, 3, 4], 40);
    bytes.set([5, 6, 7, 8], 44);
    bytes.set([9, 9, 9, 9], 396);
    const range = { from: 0, to: 0, length: 400, exact: false };
    const known = writeRestoreScript(original, [{ ...range, bytes: undefined, changed: [40, 44, 396] }]);
    expect(applyRestoreScript(known, bytes)).toEqual(original);
    expect(known).toEqual(writeRestoreScript(original, [{ ...range, bytes }]));
    expect(known.length).toBeLessThan(40);
  });

  it('costs nine bytes for a word in the middle of much', () => {
    const original = new Uint8Array(100_000);
    const size = (offsets: number[]) => {
      const bytes = original.slice();
      for (const at of offsets) bytes[at] = 1;
      return writeRestoreScript(original, [{ from: 0, to: 0, length: bytes.length, exact: false, bytes }]).length;
    };
    expect(size([4000, 8000, 12000]) - size([4000, 8000])).toBeLessThanOrEqual(9);
  });

  it('throws BadScript for damage, and nothing else', () => {
    const original = new Uint8Array(600).map((_, i) => i * 7);
    const { bytes, ranges } = patched(original, [
      { length: 200, kind: 1, gap: 3 },
      { length: 100, kind: 0, gap: 0 },
      { length: 300, kind: 2, gap: 9 },
    ]);
    const script = writeRestoreScript(original, ranges);
    fc.assert(
      fc.property(fc.nat(script.length - 1), fc.nat(255), fc.nat(script.length), (at, value, cut) => {
        const bad = script.slice(0, cut);
        if (at < cut) bad[at] = value;
        try {
          applyRestoreScript(bad, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(BadScript);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('does not promise more than there is', () => {
    expect(() => applyRestoreScript(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x7f, 0), new Uint8Array(10))).toThrow(
      BadScript,
    );
  });
});
