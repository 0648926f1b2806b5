import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { scanObject } from '../../../src/sites/scan.ts';
import { codeOf } from '../../support/errors.ts';
import { ET, ObjectBuilder, R, SHF } from '../../support/object-builder.ts';
import { BCTR, BLR, b, bl, LI_R3_1, MFLR_R0, MTCTR_R12, NOP } from '../../support/words.ts';
import { scan } from './support.ts';

const TEXT = 0xc000000000000000n;
const FAR = TEXT + 0x10000n;
const DATA = TEXT + 0x200000n;

interface Options {
  /** Values of the table; each goes to the file or to `.rela.dyn`. */
  readonly records: readonly bigint[];
  readonly stored?: boolean;
  readonly words?: readonly number[];
  readonly type?: number;
  /** Whether there is an `_mcount`. Yes unless told. */
  readonly profiler?: boolean;
}

function image({ records, stored = false, words, type = ET.DYN, profiler = true }: Options): ObjectBuilder {
  const builder = new ObjectBuilder({ type, segments: 1 });
  const text = builder.code('.text', words ?? [MFLR_R0, bl(6), bl(4), BLR, MFLR_R0, bl(2), BLR, BLR], {
    address: TEXT,
  });
  const bytes = new Uint8Array(records.length * 8 + 8);
  const view = new DataView(bytes.buffer);
  if (stored) for (const [i, value] of records.entries()) view.setBigUint64(i * 8, value, true);
  const table = builder.section('.init.data', { flags: SHF.ALLOC | SHF.WRITE, align: 8, bytes, address: DATA });
  if (!stored)
    for (const [i, value] of records.entries())
      if (value !== 0n) builder.relocate(0, DATA + BigInt(i * 8), R.RELATIVE, undefined, BigInt.asIntN(64, value));
  builder.symbol('__start_mcount_loc', { section: table, value: DATA, bind: 1 });
  builder.symbol('__stop_mcount_loc', { section: table, value: DATA + BigInt(records.length * 8), bind: 1 });
  builder.function('one', text, TEXT, 16);
  builder.function('two', text, TEXT + 16n, 12);
  if (profiler) builder.function('_mcount', text, TEXT + 28n, 4);
  return builder;
}

describe('a linked image', () => {
  for (const stored of [false, true])
    it(`has its sites from the table between two symbols, ${stored ? 'from the file' : 'values in .rela.dyn, words zero'}`, () => {
      expect(scan(image({ records: [TEXT + 4n, TEXT + 20n], stored }))).toMatchObject({
        kind: 'vmlinux',
        profiling: 'mprofile-kernel',
        counts: { functions: 3, callSites: 2, recordedSites: 2, localCalls: 1, externalCalls: 0 },
        callSites: [
          {
            function: 'one',
            section: '.text',
            offset: 4,
            address: '0xc000000000000004',
            form: 'mprofile-kernel',
            recorded: true,
          },
          { function: 'two', offset: 20, address: '0xc000000000000014', recorded: true },
        ],
        calls: [{ from: 'one', offset: 8, to: 'two+0x8', edge: 'local' }],
      });
    });

  it('a relocation wins over the word in the file', () => {
    const builder = image({ records: [TEXT + 8n, TEXT + 20n], stored: true });
    builder.relocate(0, DATA, R.ADDR64, undefined, BigInt.asIntN(64, TEXT + 4n));
    expect(scan(builder)).toMatchObject({ counts: { recordedSites: 2 }, strays: [] });
  });

  it('relocations beside the table or between its entries do not matter', () => {
    const builder = image({ records: [TEXT + 4n], stored: true });
    for (const offset of [-8n, 4n, 8n, 1n << 32n]) builder.relocate(0, DATA + offset, R.RELATIVE, undefined, 1);
    expect(scan(builder).counts.recordedSites).toBe(1);
  });

  it('tells empty records, records that name no code, and repeated ones', () => {
    const words = [BLR, NOP, BLR, BLR, BLR, BLR, BLR, BLR];
    const records = [0n, TEXT + 4n, 8n, TEXT + 2n, DATA, TEXT + 4n, TEXT + 12n];
    const { strays } = scan(image({ records, words, stored: true, profiler: false }));
    expect(strays.map(s => [s.table, s.offset, s.reason])).toEqual([
      ['__start_mcount_loc', 0, 'empty'],
      ['__start_mcount_loc', 16, 'not code'],
      ['__start_mcount_loc', 24, 'not code'],
      ['__start_mcount_loc', 32, 'not code'],
      ['__start_mcount_loc', 40, 'repeated'],
      ['__start_mcount_loc', 48, 'no site there'],
    ]);
  });

  it('with nops instead of calls', () => {
    const words = [NOP, NOP, BLR, LI_R3_1, NOP, NOP, BLR, BLR];
    expect(scan(image({ records: [TEXT, TEXT + 16n], words }))).toMatchObject({
      profiling: 'patchable',
      callSites: [{ function: 'one' }, { function: 'two' }],
    });
  });

  it('branches between sections resolve', () => {
    const builder = image({ records: [] });
    const far = builder.code('.init.text', [bl(-0x4000), b(-0x3ffd), BLR], { address: FAR });
    builder.function('init', far, FAR, 12);
    expect(scan(builder).calls).toContainEqual({
      from: 'init',
      section: '.init.text',
      offset: 0,
      to: 'one',
      edge: 'local',
    });
    expect(scan(builder).calls).toContainEqual({
      from: 'init',
      section: '.init.text',
      offset: 4,
      to: 'two',
      edge: 'sibling',
    });
  });

  it('goes through thunks to _mcount, to functions, and to far ones through a table', () => {
    const builder = new ObjectBuilder({ type: ET.EXEC });
    const TOC = DATA + 0x8000n;
    const words = [
      ...[MFLR_R0, bl(9), bl(10), b(9)],
      ...[MFLR_R0, bl(9), bl(6), BLR],
      ...[BLR, BLR],
      b(-1), // 10: long branch to _mcount (word 9)
      BLR,
      b(-4), // 12: long branch to target (word 8)
      BLR,
      ...[0x3d820000, 0xe98c8000, MTCTR_R12, BCTR], // 14: through .branch_lt to _mcount
    ];
    const text = builder.code('.text', words, { address: TEXT });
    const slots = builder.section('.branch_lt', {
      flags: SHF.ALLOC | SHF.WRITE,
      align: 8,
      bytes: new Uint8Array(8),
      address: DATA,
    });
    builder.relocate(0, DATA, R.RELATIVE, undefined, BigInt.asIntN(64, TEXT + 36n));
    builder.symbol('.TOC.', { section: slots, value: TOC });
    builder.function('one', text, TEXT, 16);
    builder.function('two', text, TEXT + 16n, 16);
    builder.function('target', text, TEXT + 32n, 4);
    builder.function('_mcount', text, TEXT + 36n, 4);
    builder.symbol('00000017.long_branch._mcount', { section: text, value: TEXT + 40n });
    builder.symbol('00000018.long_branch.target', { section: text, value: TEXT + 48n });
    builder.symbol('00000019.plt_branch._mcount', { section: text, value: TEXT + 56n });
    const { callSites, calls } = scan(builder);
    expect(callSites.map(s => [s.function, s.offset])).toEqual([
      ['one', 4],
      ['two', 20],
    ]);
    expect(calls).toEqual([
      { from: 'one', section: '.text', offset: 8, to: 'target', edge: 'local' },
      { from: 'one', section: '.text', offset: 12, to: 'target', edge: 'sibling' },
      { from: 'two', section: '.text', offset: 24, to: 'target', edge: 'local' },
    ]);
  });

  it('without symbols of a table has calls of _mcount that nothing records', () => {
    const builder = new ObjectBuilder({ type: ET.EXEC });
    const text = builder.code('.text', [MFLR_R0, bl(2), BLR, BLR], { address: TEXT });
    builder.function('_mcount', text, TEXT + 12n, 4);
    expect(scan(builder)).toMatchObject({ callSites: [{ recorded: false }], strayRecords: 0 });
  });

  it('without anything', () => {
    expect(scan(new ObjectBuilder({ type: ET.EXEC }))).toMatchObject({ profiling: 'none', counts: { functions: 0 } });
  });

  it('a damaged table is refused', () => {
    const at = (start: bigint, stop: bigint) => {
      const builder = new ObjectBuilder({ type: ET.EXEC });
      const table = builder.section('.init.data', {
        flags: SHF.ALLOC,
        align: 8,
        bytes: new Uint8Array(16),
        address: DATA,
      });
      builder.symbol('__start_mcount_loc', { section: table, value: start, bind: 1 });
      builder.symbol('__stop_mcount_loc', { section: table, value: stop, bind: 1 });
      return codeOf(() => scanObject(readElf(builder.build())));
    };
    expect(at(DATA, DATA + 16n)).toBe('nothing was thrown');
    expect(at(DATA, DATA + 24n)).toBe('ELF031');
    expect(at(DATA, DATA + 12n)).toBe('ELF031');
    expect(at(DATA + 8n, DATA)).toBe('ELF031');
    expect(at(0n, 8n)).toBe('ELF031');
    expect(at(DATA, (1n << 64n) - 8n)).toBe('ELF031');
    expect(at(0n, 0n)).toBe('nothing was thrown');
  });

  it('code that is spread too far, or not on word boundaries, is refused', () => {
    for (const address of [TEXT + (1n << 31n), TEXT + 2n]) {
      const builder = new ObjectBuilder({ type: ET.EXEC });
      builder.code('.text', [BLR], { address: TEXT });
      builder.code('.far', [BLR], { address, align: 1 });
      expect(codeOf(() => scanObject(readElf(builder.build())))).toBe('ELF030');
    }
  });
});
