/** What the loader does behind the relocations, on modules that have one table each. */
import { describe, expect, it } from 'vitest';
import type { LoadedSection, LoadOutcome } from '../../../src/loader/model.ts';
import type { Generation } from '../../support/kernel-knowledge.ts';
import { GENERATIONS, load } from '../../support/loader.ts';
import { type ObjectBuilder, R, SHF, type SymbolHandle } from '../../support/object-builder.ts';
import { smallModule } from '../../support/small-module.ts';

const NOP = 0x60000000;
const BLR = 0x4e800020;
const LWSYNC = 0x7c2004ac;
const SYNC = 0x7c0004ac;
const REL32 = 26;
const FIRST = 0xc008_0000_0000_0000n;
const KEY = { name: 'foreign_key', address: 0xc000_0000_0200_0000n };
const EXPORTS = [KEY, { name: '_mcount', address: 0xc000_0000_0007_0000n }];

/** Loads with and without the image; both have to say the same. */
function loaded(generation: Generation, bytes: Uint8Array): LoadOutcome {
  const spec = { options: { modversions: false, moduleSig: false }, exports: EXPORTS };
  const { outcome } = load(generation, bytes, spec, { checkOnly: false });
  const checked = load(generation, bytes, spec).outcome;
  expect({ ...checked, step: undefined }).toEqual({ ...outcome, image: undefined, step: undefined });
  expect(outcome.log.filter(l => l.level === 'err' && !outcome.loads)).toEqual([]);
  return outcome;
}

function section(outcome: LoadOutcome, name: string): LoadedSection {
  return outcome.image!.sections.find(s => s.name === name)!;
}

function words(of: LoadedSection): number[] {
  const view = new DataView(of.bytes.buffer, of.bytes.byteOffset, of.bytes.length);
  return Array.from({ length: of.bytes.length >> 2 }, (_, i) => view.getUint32(i * 4, true));
}

function viewOf(of: LoadedSection): DataView {
  return new DataView(of.bytes.buffer, of.bytes.byteOffset, of.bytes.length);
}

const codes = (outcome: LoadOutcome) => outcome.remarks.map(r => r.code);

describe.each(GENERATIONS)('exception table of %s', generation => {
  const withTable = (places: readonly (readonly [insn: number, fixup: number])[]) =>
    smallModule(generation, [NOP, NOP, NOP, BLR], ({ builder, code }) => {
      const table = builder.section('__ex_table', {
        flags: SHF.ALLOC,
        align: 4,
        bytes: new Uint8Array(places.length * 8),
      });
      places.forEach(([insn, fixup], i) => {
        builder.relocate(table, i * 8, REL32, code, insn);
        builder.relocate(table, i * 8 + 4, REL32, code, fixup);
      });
    });

  it('is sorted by what may fault; its fields stay relative to themselves', () => {
    const outcome = loaded(
      generation,
      withTable([
        [8, 12],
        [0, 4],
        [4, 8],
      ]),
    );
    const table = section(outcome, '__ex_table');
    const text = section(outcome, '.text').address;
    const view = viewOf(table);
    const absolute = (at: number) => Number(table.address + BigInt(at) + BigInt(view.getInt32(at, true)) - text);
    expect([0, 8, 16].map(at => [absolute(at), absolute(at + 4)])).toEqual([
      [0, 4],
      [4, 8],
      [8, 12],
    ]);
    expect(codes(outcome)).toEqual([]);
  });

  it('is remarked on where it leaves the code', () => {
    expect(
      codes(
        loaded(
          generation,
          withTable([
            [0, 4],
            [4, 0x1000],
          ]),
        ),
      ),
    ).toEqual(['FTR207']);
  });
});

describe('jump table', () => {
  const entry = (
    builder: ObjectBuilder,
    table: number,
    i: number,
    [code, at, target]: readonly [SymbolHandle, number, number],
    [key, offset]: readonly [SymbolHandle, number],
  ) => {
    builder.relocate(table, i * 16, REL32, code, at);
    builder.relocate(table, i * 16 + 4, REL32, code, target);
    builder.relocate(table, i * 16 + 8, R.REL64, key, offset);
  };

  const jumps = (
    add: (builder: ObjectBuilder, table: number, code: SymbolHandle, data: SymbolHandle) => void,
    count: number,
  ) =>
    smallModule('6.1', [NOP, NOP, NOP, NOP, BLR], ({ builder, code, variables }) => {
      const table = builder.section('__jump_table', {
        flags: SHF.ALLOC | SHF.WRITE,
        align: 8,
        bytes: new Uint8Array(count * 16),
      });
      add(builder, table, code, variables);
    });

  it('is sorted by key, then code; own keys point to their first entry, foreign ones leave their places open', () => {
    const outcome = loaded(
      '6.1',
      jumps((builder, table, code, data) => {
        const foreign = builder.undefined(KEY.name);
        entry(builder, table, 0, [code, 12, 16], [data, 16]);
        entry(builder, table, 1, [code, 8, 16], [foreign, 0]);
        entry(builder, table, 2, [code, 4, 16], [data, 17]);
        entry(builder, table, 3, [code, 0, 16], [foreign, 1]);
      }, 4),
    );
    const table = section(outcome, '__jump_table');
    const text = section(outcome, '.text');
    const data = section(outcome, '.data');
    const view = viewOf(table);
    const entries = [0, 1, 2, 3].map(i => {
      const at = table.address + BigInt(i * 16);
      const code = Number(at + BigInt(view.getInt32(i * 16, true)) - text.address);
      const key = BigInt.asUintN(64, at + 8n + view.getBigInt64(i * 16 + 8, true));
      return [code, key];
    });
    expect(entries).toEqual([
      [0, KEY.address + 1n],
      [8, KEY.address],
      [4, data.address + 17n],
      [12, data.address + 16n],
    ]);
    expect(viewOf(data).getBigUint64(24, true)).toBe(table.address + 32n);
    expect(text.excluded.map(r => [r.offset, r.length])).toEqual([
      [0, 4],
      [8, 4],
    ]);
    expect([outcome.dangerous, codes(outcome)]).toEqual([false, []]);
  });

  it.each([
    ['in code', (text: SymbolHandle) => [text, 0] as const],
    [
      'at address 16',
      (_: SymbolHandle, builder: ObjectBuilder) =>
        [builder.symbol('low', { special: true, section: 0xfff1, value: 16 }), 0] as const,
    ],
  ])('is dangerous with a key %s', (_, key) => {
    const outcome = loaded(
      '6.1',
      jumps((builder, table, code) => entry(builder, table, 0, [code, 0, 16], key(code, builder)), 1),
    );
    expect([outcome.dangerous, codes(outcome)]).toEqual([true, ['FTR209']]);
  });

  it('is remarked on where it leads out of the code', () => {
    const outcome = loaded(
      '6.1',
      jumps((builder, table, code, data) => entry(builder, table, 0, [code, 0, 0x1000], [data, 0]), 1),
    );
    expect(codes(outcome)).toEqual(['FTR209']);
  });
});

describe.each(GENERATIONS)('feature fixups of %s', generation => {
  const ALWAYS = 0x80n;
  const MACHINE = 0x4_0000_0000_0000n;

  /** One entry for the second and third word, with these words for an alternative. */
  const fixup = (mask: bigint, value: bigint, alternative: readonly number[], end = 12) =>
    smallModule(generation, [BLR, SYNC, SYNC, BLR], ({ builder, code }) => {
      const other = builder.section('__ftr_alt_97', { flags: SHF.ALLOC, align: 4, words: [...alternative, BLR] });
      const start = builder.sectionSymbol(other);
      const bytes = new Uint8Array(48);
      new DataView(bytes.buffer).setBigUint64(0, mask, true);
      new DataView(bytes.buffer).setBigUint64(8, value, true);
      const table = builder.section('__ftr_fixup', { flags: SHF.ALLOC, align: 8, bytes });
      const field = (offset: number, symbol: SymbolHandle, place: number) =>
        builder.relocate(table, offset, R.REL64, symbol, place + offset);
      field(16, code, 4);
      field(24, code, end);
      field(32, start, 0);
      field(40, start, alternative.length * 4);
    });

  it('replaces what no machine keeps, and fills it up with nops', () => {
    const outcome = loaded(generation, fixup(ALWAYS, 0n, [0x38600001]));
    expect(words(section(outcome, '.text'))).toEqual([BLR, 0x38600001, NOP, BLR]);
    expect(section(outcome, '.text').excluded).toEqual([]);
  });

  it('moves the branches of an alternative', () => {
    // A branch within the alternative stays; one that leaves it keeps its target.
    const outcome = loaded(generation, fixup(ALWAYS, 0n, [0x48000004, 0x48000020]));
    const text = section(outcome, '.text');
    const other = section(outcome, '__ftr_alt_97').address;
    const displacement = Number(BigInt.asIntN(26, other + 4n + 0x20n - (text.address + 8n)));
    expect(words(text)).toEqual([BLR, 0x48000004, (0x48000000 | (displacement & 0x03fffffc)) >>> 0, BLR]);
  });

  it('keeps what every machine keeps', () => {
    const outcome = loaded(generation, fixup(ALWAYS, ALWAYS, [0x38600001]));
    expect(words(section(outcome, '.text'))).toEqual([BLR, SYNC, SYNC, BLR]);
    expect(section(outcome, '.text').excluded).toEqual([]);
  });

  it('leaves out what the processor decides', () => {
    const outcome = loaded(generation, fixup(MACHINE, 0n, [0x38600001]));
    expect(section(outcome, '.text').excluded).toEqual([
      { offset: 4, length: 8, reason: 'feature fixup: the features of the processor decide' },
    ]);
  });

  it('cannot apply an alternative that is too long', () => {
    const outcome = loaded(generation, fixup(MACHINE, 0n, [1, 2, 3]));
    expect(codes(outcome)).toEqual(['FTR205']);
    expect(outcome.log.map(l => l.text)).toEqual([
      'Unable to patch feature section at (____ptrval____) - (____ptrval____) with (____ptrval____) - (____ptrval____)',
    ]);
  });

  it('is dangerous where the code to be replaced runs out of the module', () => {
    const outcome = loaded(generation, fixup(ALWAYS, 0n, [1], 0x10_0000));
    expect([outcome.dangerous, codes(outcome)]).toEqual([true, ['FTR206']]);
  });

  it('makes lwsync, and leaves the barriers that the loader does not look for', () => {
    const bytes = smallModule(generation, [SYNC, NOP, BLR], ({ builder, code }) => {
      for (const [name, place] of [
        ['__lwsync_fixup', 0],
        ['__barrier_nospec_fixup', 4],
      ] as const) {
        const table = builder.section(name, { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(8) });
        builder.relocate(table, 0, R.REL64, code, place);
      }
    });
    expect(words(section(loaded(generation, bytes), '.text'))).toEqual([LWSYNC, NOP, BLR]);
  });

  it('is dangerous where a place is outside', () => {
    const bytes = smallModule(generation, [SYNC, BLR], ({ builder, code }) => {
      const table = builder.section('__lwsync_fixup', { flags: SHF.ALLOC, align: 8, bytes: new Uint8Array(8) });
      builder.relocate(table, 0, R.REL64, code, 0x100_0000);
    });
    const outcome = loaded(generation, bytes);
    expect([outcome.dangerous, codes(outcome)]).toEqual([true, ['FTR206']]);
  });
});

it('puts areas where they were asked for', () => {
  const outcome = loaded(
    '6.1',
    smallModule('6.1', [BLR], () => {}),
  );
  expect(section(outcome, '.text').address).toBe(FIRST);
});
