/**
 * The symbol table, entry by entry: every symbol of the input is there with all its fields, in its order; between them
 * stand the plan's new symbols and nothing else. The walk gives the number that each symbol has in the output.
 */
import { SHN_LORESERVE, SHN_XINDEX, SHT_SYMTAB_SHNDX, SYM_SIZE } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { SymbolTable } from '../elf/symbols.ts';
import type { PlannedSymbol } from '../plan/plan.ts';
import type { SymbolIndex } from '../util/indexes.ts';
import type { Pairing } from './pairing.ts';
import type { Planned } from './planned.ts';
import { count, type Report } from './verification.ts';

const WORDS = SYM_SIZE / 4;
/** st_info, st_other and, in the upper half, st_shndx. */
const SHNDX_WORD = 1;

export interface SymbolMap {
  /** Number in the output by number in the input; -1 for a symbol that is lost. */
  readonly kept: Int32Array;
  /** Number in the output by number in the plan's `newSymbols`; -1 for one that is missing. */
  readonly added: readonly SymbolIndex[];
}

export function compareSymbols(report: Report, pair: Pairing, planned: Planned): SymbolMap {
  const before = pair.input.symbols;
  const after = pair.output.symbols;
  const added: SymbolIndex[] = planned.plan.newSymbols.map(() => -1);
  if (before === undefined || after === undefined) {
    if (before !== undefined || after !== undefined || added.length > 0)
      report.error('VER035', `the symbol table is ${after === undefined ? 'missing' : 'new'}`);
    return { kept: new Int32Array(0), added };
  }
  const kept = new Int32Array(before.count).fill(-1);
  let i = pair.isInOrder ? equalSymbols(before, after) : 0;
  for (let n = 0; n < i; n++) kept[n] = n;
  report.counts.identical += i * SYM_SIZE;
  for (let j = i; j < after.count; j++) {
    if (i < before.count && sameSymbol(pair, before, i, after, j)) {
      const moved = before.words[i * WORDS + SHNDX_WORD] !== after.words[j * WORDS + SHNDX_WORD];
      report.counts.identical += moved ? SYM_SIZE - 4 : SYM_SIZE;
      report.counts.changedByPlan += moved ? 4 : 0;
      kept[i++] = j;
      continue;
    }
    const fresh = planned.plan.newSymbols.findIndex((s, k) => added[k]! < 0 && isPlanned(pair, s, after, j));
    report.counts.addedByPlan += SYM_SIZE;
    if (fresh >= 0) added[fresh] = j;
    else i = unplanned(report, pair, before, i, after, j);
  }
  if (i < before.count)
    report.error(
      'VER035',
      `symbol ${i} (${before.name(i)}) is missing or changed, and so may be those behind it`,
      after.section,
    );
  added.forEach((index, k) => {
    if (index < 0)
      report.error('VER036', `the new symbol ${planned.plan.newSymbols[k]!.name} is missing`, after.section);
  });
  compareExtended(report, pair, kept, added);
  return { kept, added };
}

/** How many symbols at the start of both tables are the same in every byte. */
function equalSymbols(before: SymbolTable, after: SymbolTable): number {
  const bytes = ({ words }: SymbolTable) => Buffer.from(words.buffer, words.byteOffset, words.byteLength);
  const [a, b] = [bytes(before), bytes(after)];
  const most = Math.min(before.count, after.count);
  let equal = 0;
  for (let step = most; step >= 1; step = step >>> 1)
    while (
      equal + step <= most &&
      a.compare(b, equal * SYM_SIZE, (equal + step) * SYM_SIZE, equal * SYM_SIZE, (equal + step) * SYM_SIZE) === 0
    )
      equal += step;
  return equal;
}

/** All six words equal, but for the number of a section that moved: that has to be the one that it has now. */
function sameSymbol(pair: Pairing, before: SymbolTable, i: SymbolIndex, after: SymbolTable, j: SymbolIndex): boolean {
  for (let w = 0; w < WORDS; w++)
    if (w !== SHNDX_WORD && before.words[i * WORDS + w] !== after.words[j * WORDS + w]) return false;
  const a = before.words[i * WORDS + SHNDX_WORD]!;
  const b = after.words[j * WORDS + SHNDX_WORD]!;
  const section = a >>> 16;
  return (a & 0xffff) === (b & 0xffff) && (section < SHN_LORESERVE ? pair.to(section) : section) === b >>> 16;
}

function isPlanned(pair: Pairing, symbol: PlannedSymbol, after: SymbolTable, j: SymbolIndex): boolean {
  return (
    after.name(j) === symbol.name &&
    after.binding(j) === symbol.binding &&
    after.type(j) === symbol.type &&
    after.st_other(j) === symbol.st_other &&
    after.value(j) === symbol.value &&
    after.size(j) === symbol.size &&
    (symbol.code === undefined ? after.rawSection(j) === 0 : after.sectionOf(j) === pair.code[symbol.code])
  );
}

/** Tells what is wrong with symbol `j` and says which symbol of the input comes next. */
function unplanned(
  report: Report,
  pair: Pairing,
  before: SymbolTable,
  i: SymbolIndex,
  after: SymbolTable,
  j: SymbolIndex,
): SymbolIndex {
  const name = after.name(j);
  if (i < before.count && (before.name(i) === name || sameRest(pair, before, i + 1, after, j + 1))) {
    report.error(
      'VER035',
      `symbol ${i} (${before.name(i)}) differs: ${difference(before, i, after, j)}`,
      after.section,
      j * SYM_SIZE,
    );
    return i + 1;
  }
  report.error('VER035', `symbol ${j} (${name}) is not in the plan`, after.section, j * SYM_SIZE);
  return i;
}

function sameRest(pair: Pairing, before: SymbolTable, i: SymbolIndex, after: SymbolTable, j: SymbolIndex): boolean {
  return i < before.count ? j < after.count && sameSymbol(pair, before, i, after, j) : j >= after.count;
}

function difference(before: SymbolTable, i: SymbolIndex, after: SymbolTable, j: SymbolIndex): string {
  const fields: readonly (readonly [string, (t: SymbolTable, n: SymbolIndex) => number | string])[] = [
    ['name', (t, n) => t.name(n)],
    ['binding', (t, n) => t.binding(n)],
    ['type', (t, n) => t.type(n)],
    ['st_other', (t, n) => t.st_other(n)],
    ['st_shndx', (t, n) => t.rawSection(n)],
    ['st_value', (t, n) => t.value(n)],
    ['st_size', (t, n) => t.size(n)],
  ];
  return fields
    .filter(([, of]) => of(before, i) !== of(after, j))
    .map(([field, of]) => `${field} was ${of(before, i)} and is ${of(after, j)}`)
    .join(', ');
}

/** The extended section indices (SHT_SYMTAB_SHNDX), where the file has them. */
function compareExtended(report: Report, pair: Pairing, kept: Int32Array, added: readonly SymbolIndex[]): void {
  const before = extendedIndices(pair.input);
  const after = extendedIndices(pair.output);
  if (before === undefined || after === undefined) {
    if (before !== after) report.error('VER035', 'the table of extended section indices is new or missing');
    return;
  }
  kept.forEach((j, i) => {
    if (j >= 0 && pair.to(before[i]!) !== after[j]) report.error('VER035', `the section index of symbol ${i} differs`);
  });
  const symbols = pair.output.symbols!;
  for (const j of added)
    if (j >= 0 && symbols.rawSection(j) !== SHN_XINDEX && after[j] !== 0)
      report.error('VER035', `symbol ${j} has an extended section index that nothing uses`);
  report.counts.identical += before.length * 4;
  report.counts.addedByPlan += (after.length - before.length) * 4;
}

function extendedIndices(elf: ElfFile): Uint32Array | undefined {
  const section = elf.sections.find(s => s.sh_type === SHT_SYMTAB_SHNDX && s.sh_link === elf.symbols?.section.index);
  return section === undefined ? undefined : elf.sectionWords(section);
}

export function symbolsText(map: SymbolMap): string {
  return `${count(map.kept.length, 'symbol')} of the input, ${map.added.length} new`;
}
