import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { QuickCounter } from '../../../src/sites/quick-count.ts';
import { summarize } from '../../../src/sites/scan.ts';
import { aligned } from '../../../src/util/bytes.ts';
import { ET, ObjectBuilder, R, SHF } from '../../support/object-builder.ts';
import { samples } from '../../support/samples.ts';
import { BLR, b, bl, LI_R3_1, MFLR_R0, NOP } from '../../support/words.ts';
import { scan } from './support.ts';

const modules = samples.filter(path => path.endsWith('.ko'));
const read = (path: string) => aligned(new Uint8Array(readFileSync(path)));
const counter = QuickCounter.create()!;
const count = (bytes: Uint8Array) => counter.countCopy(bytes);

describe('the quick count', () => {
  it.each(modules)('answers for %s, as the summary does', path => {
    expect(count(read(path))).toEqual(summarize(readElf(read(path))));
  });

  it('leaves what it does not know to the summary', () => {
    expect(count(read('samples/legacy/pg.o'))).toBeUndefined();
    expect(count(new Uint8Array(0))).toBeUndefined();
    expect(count(new Uint8Array(64))).toBeUndefined();
  });

  it('is not misled by the file before', () => {
    const alone = modules.map(path => count(read(path)));
    expect([...modules].reverse().map(path => count(read(path)))).toEqual([...alone].reverse());
  });

  it('leaves every truncated module to the summary', () => {
    const whole = read(modules[0]!);
    for (let size = 0; size < whole.length; size += 97) expect(count(whole.slice(0, size))).toBeUndefined();
  });

  it('makes room for a file that is larger than its memory', () => {
    const own = QuickCounter.create()!;
    const before = own.buffer.length;
    const builder = new ObjectBuilder();
    const text = builder.code('.text', [LI_R3_1, BLR]);
    builder.function('f', text, 0, 8);
    builder.section('.data', { bytes: new Uint8Array(before + 100_000) });
    expect(own.countCopy(builder.build())?.counts.functions).toBe(1);
    expect(own.buffer.length).toBeGreaterThan(before + 100_000);
    expect(own.countCopy(read(modules[0]!))).toEqual(count(read(modules[0]!)));
  });

  it('knows the parts of functions by their names, as the summary does', () => {
    const piece = fc.constantFrom('.cold', '.', '.1', '23', 'f', 'cold', '_restgpr0_', '_restfpr', '_rest', 'é', '.c');
    const name = fc.array(piece, { minLength: 1, maxLength: 9 }).map(pieces => pieces.join(''));
    fc.assert(
      fc.property(name, fc.option(name), (first, second) => {
        const builder = new ObjectBuilder();
        const text = builder.code('.text', [LI_R3_1, b(2), BLR, LI_R3_1, BLR]);
        builder.function('main', text, 0, 12);
        builder.function(first, text, 12, 8);
        if (second !== null) builder.function(second, text, 12, 8);
        expect(count(builder.build())).toEqual(summarize(readElf(builder.build())));
      }),
      { numRuns: 500 },
    );
  });

  it('counts a kernel with stubs of the linker', () => {
    const start = 0xc000000000000000n;
    const table = start + 0x10000n;
    const builder = new ObjectBuilder({ type: ET.DYN, segments: 1 });
    const stub = [0x3d820000, 0xe98c8008, 0x7d8903a6, 0x4e800420];
    const words = [MFLR_R0, bl(9), bl(4), b(3), BLR, NOP, MFLR_R0, bl(4), BLR, BLR, b(1), BLR, ...stub];
    const text = builder.code('.text', words, { address: start });
    const bytes = new Uint8Array(24);
    const data = builder.section('.init.data', { flags: SHF.ALLOC, align: 8, bytes, address: table });
    for (const [i, value] of [4n, 28n, 44n].entries())
      builder.relocate(0, table + BigInt(i * 8), R.RELATIVE, undefined, BigInt.asIntN(64, start + value));
    builder.symbol('__start_mcount_loc', { section: data, value: table, bind: 1 });
    builder.symbol('__stop_mcount_loc', { section: data, value: table + 16n, bind: 1 });
    builder.symbol('.TOC.', { section: data, value: table + 0x8008n });
    builder.function('f', text, start, 24);
    builder.function('g', text, start + 24n, 12);
    builder.function('_mcount', text, start + 44n, 4);
    builder.symbol('00000001.long_branch._mcount', { section: text, value: start + 40n });
    builder.symbol('00000002.plt_branch._mcount', { section: text, value: start + 48n });
    const { callSites, recordedSites } = scan(builder).counts;
    expect([callSites, recordedSites]).toEqual([2, 2]);
    expect(count(builder.build())).toMatchObject({ kind: 'vmlinux', profiling: 'mprofile-kernel' });
  });

  it('leaves a tracer table with two relocation tables, and one that is no section, to the summary', () => {
    const tables = () => {
      const builder = new ObjectBuilder();
      const text = builder.code('.text', [MFLR_R0, bl(0), MFLR_R0, bl(0), BLR]);
      const section = builder.sectionSymbol(text);
      const mcount = builder.undefined('_mcount');
      builder.function('f', text, 0, 20);
      for (const offset of [4, 12]) builder.relocate(text, offset, R.REL24, mcount);
      builder.records('__mcount_loc', section, [4]);
      builder.records('__mcount_loc', section, [12]);
      const bytes = builder.build();
      const view = new DataView(bytes.buffer);
      const headers = readElf(bytes).sections.map(s => Number(view.getBigUint64(40, true)) + s.index * 64);
      const relocations = readElf(bytes).sections.filter(s => s.name === '.rela__mcount_loc');
      return { bytes, view, headers, relocations };
    };
    expect(count(tables().bytes)?.counts.recordedSites).toBe(2);
    const twice = tables();
    const [first, second] = twice.relocations;
    twice.view.setUint32(twice.headers[second!.index]! + 44, first!.sh_info, true);
    expect(count(twice.bytes)).toBeUndefined();
    const none = tables();
    none.view.setUint32(none.headers[none.relocations[0]!.sh_info]! + 4, 0, true);
    expect(count(none.bytes)).toBeUndefined();
  });
});
