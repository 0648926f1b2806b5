/** The symbol table of the merged module: the module's own, then what the objects brought. */
import {
  SHN_ABS,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHN_XINDEX,
  STB_GLOBAL,
  STB_LOCAL,
  STB_WEAK,
  STT_NOTYPE,
  STT_SECTION,
  STV_HIDDEN,
} from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import { SYMBOL_WORDS, type SymbolTable } from '../../elf/symbols.ts';
import type { SymbolIndex } from '../../util/indexes.ts';
import { count, type Report } from '../verification.ts';
import type { MergeCase } from './verify-merge.ts';

const VISIBILITY = 3;
const TOC_SYMBOL = '.TOC.';

/** Where symbols of the objects lie in the merged module, by the pieces of the plan. */
export function placeIn(given: MergeCase, object: number, symbols: SymbolTable, i: SymbolIndex) {
  if (symbols.rawSection(i) === SHN_ABS) return { section: SHN_ABS, value: symbols.value(i) };
  const section = symbols.sectionOf(i);
  const piece = given.plan.pieces.find(p => p.object === object && p.section === section);
  return section === 0 || piece === undefined || piece.kept !== undefined
    ? undefined
    : { section: piece.target, value: piece.offset + symbols.value(i) };
}

export function compareAdded(report: Report, given: MergeCase, merged: ElfFile): string {
  const { module, objects } = given;
  const before = module.symbols!;
  const after = merged.symbols!;
  const end = before.count * SYMBOL_WORDS;
  if (after.count < before.count || before.words.subarray(0, end).some((word, w) => word !== after.words[w]))
    report.error('VER084', 'the symbols of the module are not as they were', after.section);
  const explained = new Set<SymbolIndex>();
  objects.forEach(({ name, elf }, object) => {
    const { symbols } = elf;
    for (let i = 1; symbols !== undefined && i < symbols.count; i++)
      explain(report, given, after, object, name, symbols, i, explained);
  });
  checkNames(report, after, before.count);
  for (let i = before.count; i < after.count; i++) {
    if (after.binding(i) === STB_LOCAL)
      report.error('VER082', `${after.name(i)} was added as a local symbol`, after.section, i * 24);
    if (!explained.has(i) && !isAnchor(after, i))
      report.error('VER082', `no object has the added symbol ${after.name(i)}`, after.section, i * 24);
  }
  return `${count(before.count, 'symbol')} as before, ${after.count - before.count} added`;
}

/** Finds the added symbol that one of an object became. */
function explain(
  report: Report,
  given: MergeCase,
  after: SymbolTable,
  object: number,
  of: string,
  symbols: SymbolTable,
  i: SymbolIndex,
  explained: Set<SymbolIndex>,
): void {
  const first = given.module.symbols!.count;
  const name = symbols.name(i);
  const isUndefined = symbols.rawSection(i) === SHN_UNDEF;
  const place = isUndefined ? undefined : placeIn(given, object, symbols, i);
  if (symbols.type(i) === STT_SECTION || (!isUndefined && place === undefined)) return;
  const isLocal = symbols.binding(i) === STB_LOCAL;
  const hidden = isLocal ? (symbols.st_other(i) & ~VISIBILITY) | STV_HIDDEN : symbols.st_other(i);
  let found = 0;
  let exact = 0;
  for (let k = first; k < after.count; k++) {
    const called = after.name(k);
    const isRenamed = given.plan.renamed.some(r => r.object === object && r.from === name && r.to === called);
    if (called !== name && !(isLocal && isRenamed && called.startsWith(`${name}.tocsin.`))) continue;
    if (isUndefined ? after.rawSection(k) !== SHN_UNDEF : !isAt(after, k, place!)) continue;
    found++;
    const isSame =
      after.type(k) === symbols.type(i) &&
      after.size(k) === symbols.size(i) &&
      after.st_other(k) === hidden &&
      after.binding(k) === (isLocal ? STB_GLOBAL : symbols.binding(i));
    if (isUndefined ? !isImport(given, after, k) : !isSame) continue;
    exact++;
    explained.add(k);
  }
  if (found > 0 && exact === 0)
    report.error('VER082', `${name} of ${of} was not added as it is in the object`, after.section);
  if (found > 0 || isUndefined || isLocal) return;
  const other = after.find(name, k => after.rawSection(k) !== SHN_UNDEF && after.binding(k) !== STB_LOCAL);
  if (other < 0 || symbols.binding(i) !== STB_WEAK)
    report.error('VER082', `${of} defines ${name}, and the merged module does not have it from there`, after.section);
}

/** The start of a section that had no symbol, under a name that kallsyms passes over. */
function isAnchor(after: SymbolTable, i: SymbolIndex): boolean {
  const raw = after.rawSection(i);
  return (
    raw !== SHN_UNDEF &&
    (raw < SHN_LORESERVE || raw === SHN_XINDEX) &&
    after.name(i).startsWith('.Ltocsin') &&
    after.type(i) === STT_NOTYPE &&
    after.binding(i) === STB_GLOBAL &&
    after.st_other(i) === STV_HIDDEN &&
    after.value(i) === 0 &&
    after.size(i) === 0
  );
}

/** What the objects leave undefined says nothing but its name; it may stay without a definition if all of them say so. */
function isImport({ objects }: MergeCase, after: SymbolTable, i: SymbolIndex): boolean {
  const name = after.name(i);
  const isWanted = objects.some(
    ({ elf: { symbols } }) =>
      (symbols?.find(name, k => symbols.rawSection(k) === SHN_UNDEF && symbols.binding(k) !== STB_WEAK) ?? -1) >= 0,
  );
  return (
    after.binding(i) === (isWanted || name === TOC_SYMBOL ? STB_GLOBAL : STB_WEAK) &&
    after.type(i) === STT_NOTYPE &&
    after.st_other(i) === 0 &&
    after.value(i) === 0 &&
    after.size(i) === 0
  );
}

function isAt(symbols: SymbolTable, i: SymbolIndex, place: { section: number; value: number }): boolean {
  const raw = symbols.rawSection(i);
  const section = raw === SHN_ABS ? SHN_ABS : symbols.sectionOf(i);
  return section === place.section && symbols.value(i) === place.value;
}

/** An added name that was there before would take the other's place for whoever looks names up. */
function checkNames(report: Report, symbols: SymbolTable, first: number): void {
  const seen = new Set<string>();
  for (let i = 1; i < symbols.count; i++) {
    if (symbols.type(i) === STT_SECTION || symbols.st_name(i) === 0) continue;
    const name = symbols.name(i);
    const isShared = i >= first && symbols.binding(i) !== STB_LOCAL && seen.has(name);
    if (isShared && !isOnlyLocal(symbols, name, i))
      report.error('VER082', `${name} is there twice`, symbols.section, i * 24);
    seen.add(name);
  }
}

/** Whether all others of that name are local and this one is an object's own global symbol or an import. */
function isOnlyLocal(symbols: SymbolTable, name: string, added: SymbolIndex): boolean {
  return symbols.find(name, i => i !== added && symbols.binding(i) !== STB_LOCAL) < 0;
}
