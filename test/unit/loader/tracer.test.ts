/** What the tracer makes of the recorded places when a module is loaded. */
import { describe, expect, it } from 'vitest';
import type { LoadedSection, LoadOutcome } from '../../../src/loader/model.ts';
import type { Generation } from '../../support/kernel-knowledge.ts';
import { GENERATIONS, load } from '../../support/loader.ts';
import { R, SHF } from '../../support/object-builder.ts';
import { smallModule } from '../../support/small-module.ts';

const NOP = 0x60000000;
const BLR = 0x4e800020;
const MFLR_R0 = 0x7c0802a6;
const MTLR_R0 = 0x7c0803a6;
const BL = 0x48000001;
const MCOUNT = 0xc000_0000_0007_0000n;
const OPS = 0xc000_0000_0123_4560n;

function loaded(generation: Generation, bytes: Uint8Array): LoadOutcome {
  const spec = {
    options: { modversions: false, moduleSig: false, patchableFunctionEntry: generation !== '6.1' },
    exports: [{ name: '_mcount', address: MCOUNT }],
    symbols: { ftrace_nop_ops: [OPS] },
  };
  const { outcome } = load(generation, bytes, spec, { checkOnly: false });
  const checked = load(generation, bytes, spec).outcome;
  expect({ ...checked, step: undefined }).toEqual({ ...outcome, image: undefined, step: undefined });
  expect(outcome.loads).toBe(true);
  return outcome;
}

const section = (outcome: LoadOutcome, name: string): LoadedSection =>
  outcome.image!.sections.find(s => s.name === name)!;

function words(of: LoadedSection): number[] {
  const view = new DataView(of.bytes.buffer, of.bytes.byteOffset, of.bytes.length);
  return Array.from({ length: of.bytes.length >> 2 }, (_, i) => view.getUint32(i * 4, true));
}

/** Calls of `_mcount` where `words` have a branch, and a record for each of `places`. */
function profiled(words: readonly number[], places: readonly number[], callee = '_mcount') {
  return smallModule('6.1', words, ({ builder, text, code }) => {
    const mcount = builder.undefined(callee);
    words.forEach((word, i) => {
      if (word === BL) builder.relocate(text, i * 4, R.REL24, mcount);
    });
    builder.records('__mcount_loc', code, places);
  });
}

describe('6.1', () => {
  it('makes nops of recorded calls, in any order of the records', () => {
    const outcome = loaded('6.1', profiled([MFLR_R0, BL, BLR, 0xf8010010, BL, BLR], [16, 4]));
    expect(words(section(outcome, '.text'))).toEqual([MFLR_R0, NOP, BLR, 0xf8010010, NOP, BLR]);
    const table = section(outcome, '__mcount_loc');
    const { address } = section(outcome, '.text');
    const view = new DataView(table.bytes.buffer, table.bytes.byteOffset, 16);
    expect([0, 8].map(at => view.getBigUint64(at, true) - address)).toEqual([4n, 16n]);
    expect(outcome.log).toEqual([]);
    expect(outcome.image!.stubs.map(s => s.name)).toEqual(['_mcount', 'ftrace_caller', 'ftrace_regs_caller']);
  });

  it('stops at the first place that is not as expected, and says why', () => {
    const outcome = loaded('6.1', profiled([MFLR_R0, BL, BLR, MFLR_R0, BL, NOP, BLR], [4, 8, 16]));
    // The second is no call; the third stays a call.
    const text = section(outcome, '.text');
    expect(words(text)[1]).toBe(NOP);
    expect(words(text)[4]! & 0xfc000003).toBe(BL);
    const ip = text.address + 8n;
    expect(outcome.log.map(l => l.text)).toEqual([
      'ftrace-powerpc: Not expected bl: opcode is 4e800020',
      '------------[ ftrace bug ]------------',
      'ftrace failed to modify ',
      `[<${ip.toString(16)}>] 0x${ip.toString(16)}`,
      ' actual:   20:00:80:4e',
      'Initializing ftrace call sites',
      'ftrace record flags: 2000000',
      ' (0)  \n expected tramp: c000000000080000',
      '------------[ cut here ]------------',
    ]);
    expect(outcome.remarks).toMatchObject([{ code: 'FTR202', section: '.text', offset: 8 }]);
    expect(outcome.dangerous).toBe(false);
  });

  it.each([
    [
      'a call of something else',
      profiled([MFLR_R0, BL, NOP, BLR], [4], 'memset'),
      /^ftrace-powerpc: addr \w+ does not match expected/,
    ],
    [
      'no save of LR in front',
      profiled([NOP, BL, BLR], [4]),
      /^ftrace-powerpc: Unexpected instruction 60000000 around bl _mcount$/,
    ],
    [
      'the same place twice',
      profiled([MFLR_R0, BL, BLR], [4, 4]),
      /^ftrace-powerpc: Not expected bl: opcode is 60000000$/,
    ],
    [
      'a call within the module',
      smallModule('6.1', [MFLR_R0, BL + 4, BLR], ({ builder, code }) => builder.records('__mcount_loc', code, [4])),
      /^module_64: module_trampoline_target: bad magic for stub \w+ for small$/,
    ],
  ])('trips over %s', (_, bytes, message) => {
    const outcome = loaded('6.1', bytes);
    expect(outcome.log[0]!.text).toMatch(message);
    expect(outcome.remarks.map(r => r.code)).toEqual(['FTR202']);
  });

  it('trips over a place outside the module', () => {
    const outcome = loaded('6.1', profiled([MFLR_R0, BL, BLR], [4, 0x100_0000]));
    expect(outcome.remarks.map(r => r.code)).toEqual(['FTR203', 'FTR202']);
    expect(outcome.log.map(l => l.text).slice(0, 3)).toEqual([
      'ftrace-powerpc: Fetching opcode failed.',
      '------------[ ftrace bug ]------------',
      'ftrace faulted on modifying ',
    ]);
  });

  it('skips records of zero', () => {
    const bytes = smallModule('6.1', [MFLR_R0, BL, BLR], ({ builder, text, code }) => {
      builder.relocate(text, 4, R.REL24, builder.undefined('_mcount'));
      const table = builder.section('__mcount_loc', { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(16) });
      builder.relocate(table, 8, R.ADDR64, code, 4);
    });
    const outcome = loaded('6.1', bytes);
    expect(words(section(outcome, '.text'))).toEqual([MFLR_R0, NOP, BLR]);
    expect(outcome.remarks).toEqual([]);
  });
});

/** Nops with a record for each of `places`, in a module of 6.12 or 7.2. */
const patchable = (generation: Generation, words: readonly number[], places: readonly number[]) =>
  smallModule(generation, words, ({ builder, code }) => builder.records('__patchable_function_entries', code, places));

describe('6.12', () => {
  it('saves LR in the first nop of each pair', () => {
    const outcome = loaded('6.12', patchable('6.12', [NOP, NOP, BLR, NOP, NOP, BLR], [0, 12]));
    expect(words(section(outcome, '.text'))).toEqual([MFLR_R0, NOP, BLR, MFLR_R0, NOP, BLR]);
    expect(outcome.log).toEqual([]);
  });

  it('trips over a word that is no nop', () => {
    const outcome = loaded('6.12', patchable('6.12', [NOP, BLR, BLR], [0]));
    const ip = section(outcome, '.text').address + 4n;
    expect(outcome.log.map(l => l.text)).toContain(
      `ftrace-powerpc: 0x${ip.toString(16)}: expected (60000000) != found (4e800020)`,
    );
    expect(outcome.log.map(l => l.text)).toContainEqual(expect.stringMatching(/^ \(0\) {4}\n expected tramp: /));
    expect(outcome.remarks).toMatchObject([{ code: 'FTR202', offset: 4 }]);
  });

  it('trips over the nop behind a call, which the loader needs', () => {
    const bytes = smallModule('6.12', [BL, NOP, NOP, BLR], ({ builder, text, code }) => {
      builder.relocate(text, 0, R.REL24, builder.undefined('memset'));
      builder.records('__patchable_function_entries', code, [4]);
    });
    const outcome = loaded('6.12', bytes);
    expect(outcome.log[0]!.text).toMatch(/expected \(60000000\) != found \(e8410018\)$/);
    expect(outcome.remarks.map(r => r.code)).toEqual(['FTR202']);
  });
});

describe('7.2', () => {
  it('writes a stub for each place, in the order of addresses, and leaves the nops', () => {
    const outcome = loaded('7.2', patchable('7.2', [NOP, BLR, NOP, BLR], [8, 0]));
    const text = section(outcome, '.text');
    expect(words(text)).toEqual([NOP, BLR, NOP, BLR]);
    const stubs = section(outcome, '.stubs');
    // Two calls of the tracer's entries, then 24 bytes for each place.
    const view = new DataView(stubs.bytes.buffer, stubs.bytes.byteOffset, stubs.bytes.length);
    for (const [i, place] of [0, 8].entries()) {
      const at = 80 + i * 24;
      const address = stubs.address + BigInt(at + 8);
      expect(view.getBigUint64(at, true)).toBe(OPS);
      expect(view.getUint32(at + 8, true)).toBe(MFLR_R0);
      expect(branch(view.getUint32(at + 12, true), address + 4n)).toEqual([1, stubs.address]);
      expect(view.getUint32(at + 16, true)).toBe(MTLR_R0);
      expect(branch(view.getUint32(at + 20, true), address + 12n)).toEqual([0, text.address + BigInt(place + 4)]);
    }
    expect(outcome.image!.stubs.map(s => s.kind)).toEqual(['tracer', 'tracer', 'out-of-line', 'out-of-line']);
  });

  it('trips over a word that is no nop', () => {
    const outcome = loaded('7.2', patchable('7.2', [NOP, BLR], [0, 4]));
    expect(outcome.remarks).toMatchObject([{ code: 'FTR202', offset: 4 }]);
  });
});

/** Link bit and target of a `b` or `bl`. */
function branch(word: number, from: bigint): [number, bigint] {
  expect(word >>> 26).toBe(18);
  return [word & 1, from + BigInt.asIntN(26, BigInt(word & 0x03fffffc))];
}

it.each(GENERATIONS)('remarks on a place of %s that a feature fixup may rewrite', generation => {
  const isProfiled = generation === '6.1';
  const code61 = [MFLR_R0, BL, BLR];
  const bytes = smallModule(generation, isProfiled ? code61 : [NOP, NOP, BLR], ({ builder, text, code }) => {
    if (isProfiled) builder.relocate(text, 4, R.REL24, builder.undefined('_mcount'));
    builder.records(isProfiled ? '__mcount_loc' : '__patchable_function_entries', code, [isProfiled ? 4 : 0]);
    const entry = new Uint8Array(48);
    new DataView(entry.buffer).setBigUint64(0, 1n << 50n, true);
    const table = builder.section('__ftr_fixup', { flags: SHF.ALLOC, align: 8, bytes: entry });
    for (const [offset, place] of [
      [16, 0],
      [24, 8],
      [32, 0],
      [40, 0],
    ] as const)
      builder.relocate(table, offset, R.REL64, code, place + offset);
  });
  expect(loaded(generation, bytes).remarks.map(r => r.code)).toEqual(['FTR204']);
});
