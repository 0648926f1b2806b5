/** Rows of feature fixups, whose fields count from the start of the row: of a function, of its copy and of the function in front of it. */
import { expect, it } from 'vitest';
import { readElf } from '../../../src/elf/read.ts';
import { functionsOf } from '../../../src/kernel/functions.ts';
import { TableEdges } from '../../../src/verify/epilogue-tables.ts';
import { Report } from '../../../src/verify/verification.ts';
import { ObjectBuilder, R, SHF } from '../../support/object-builder.ts';

const NOPS = Array<number>(8).fill(0x60000000);
const ROW = 48;

/** Places of the words that a row is about: the function in front at 0 to 16, the function at 16 to 32; its copy at 0 to 16. */
type Range = readonly [home: 'text' | 'copy', from: number, to: number];

function judge(...rows: readonly Range[]): string[] {
  const object = new ObjectBuilder();
  const text = object.code('.text', NOPS);
  const added = object.code('.text.tocsin', NOPS.slice(4));
  const other = object.code('__ftr_alt_1', NOPS);
  object.function('front', text, 0, 16);
  object.function('f', text, 16, 16);
  object.function('copy', added, 0, 16);
  const table = object.section('__ftr_fixup', {
    flags: SHF.ALLOC,
    align: 8,
    bytes: new Uint8Array(ROW * rows.length),
  });
  const symbols = { text: object.sectionSymbol(text), copy: object.sectionSymbol(added) };
  const alternative = object.sectionSymbol(other);
  for (const [i, [home, from, to]] of rows.entries()) {
    const lead = (at: number, symbol: typeof alternative, place: number) =>
      object.relocate(table, i * ROW + at, R.REL64, symbol, place + at);
    lead(16, symbols[home], from);
    lead(24, symbols[home], to);
    lead(32, alternative, 0);
    lead(40, alternative, to - from);
  }
  const elf = readElf(object.build());
  const of = (name: string) => functionsOf(elf).find(f => f.name === name)!;
  const report = new Report();
  report.step('tables', () => {
    new TableEdges(elf).compare(report, elf, of('f'), of('copy'), 0, 'f');
    return '';
  });
  return report.finish({ checked: 0, undecided: 0, byType: {} }).findings.map(f => f.code);
}

it('are those of the code between their first two places', () => {
  expect(judge(['text', 16, 20], ['copy', 0, 4])).toEqual([]);
  expect(judge(['text', 28, 32], ['copy', 12, 16])).toEqual([]);
  expect(judge(['text', 28, 32])).toEqual(['VER145']);
  expect(judge(['text', 16, 20])).toEqual(['VER145']);
  expect(judge(['copy', 12, 16])).toEqual(['VER145']);
  expect(judge(['text', 16, 20], ['copy', 4, 8])).toEqual(['VER145']);
});

it('of the function in front say nothing, where they end at the function as well', () => {
  expect(judge(['text', 0, 8])).toEqual([]);
  expect(judge(['text', 8, 16])).toEqual([]);
});
