/**
 * What differs between two objects, in meaning.
 *
 * `same` is decided thus. Byte-identical objects are the same. Otherwise these do not count, and are told as layout only:
 * where functions, data and sections lie; the order of sections, symbols, relocations, strings and TOC entries; symbol and
 * string table offsets; padding; bytes under a relocation (which it overwrites); numbers that the compiler gave to local
 * names. Everything else counts: code, data, strings, modinfo, tables about code, names, bindings, visibilities and
 * sizes of symbols, section flags and alignments, the ELF header, a signature behind the file, and also what is never
 * loaded (notes, comments, debug information; the last by its bytes).
 *
 *     sides        items, relocations by place, images with blank fields       side.ts, items.ts, places.ts
 *     match        which item is which                                         match.ts
 *     resolve      what every relocation means                                 references.ts, vocabulary.ts
 *     code         functions, word by word                                     code.ts, hunks.ts
 *     the rest     entries, tables, data, symbols                              entries.ts, tables.ts, data.ts, symbols.ts
 */
import type { ElfFile } from '../elf/read.ts';
import { modinfoOf } from '../kernel/modinfo.ts';
import { CodeComparer, type CodeComparison } from './code.ts';
import { DataComparer, type MatchedSections, matchSections } from './data.ts';
import { compareCallSites, compareEntryPoints } from './entries.ts';
import { compareHeaders } from './header.ts';
import { hunksOf } from './hunks.ts';
import { type Item, itemsOf } from './items.ts';
import { type Matched, matchItems, type Pair } from './match.ts';
import type { DiffCounts, FunctionDiff, ModinfoDiff, ObjectDiff, SectionDiff } from './model.ts';
import { References } from './references.ts';
import { Side } from './side.ts';
import { SymbolComparer } from './symbols.ts';
import { compareTables } from './tables.ts';
import { Vocabulary } from './vocabulary.ts';

/**
 * Compares two objects.
 *
 * @throws InputError where one of them is damaged (its symbols, relocations or functions are read in full)
 */
export function diffObjects(old: ElfFile, fresh: ElfFile): ObjectDiff {
  if (Buffer.compare(old.bytes, fresh.bytes) === 0) return identical(old);
  const before = new Side(old);
  const after = new Side(fresh);
  const matched = matchItems(before.items, after.items);
  const vocabulary = new Vocabulary();
  const oldReferences = new References(before, vocabulary);
  const newReferences = new References(after, vocabulary);
  resolveCode(before, oldReferences);
  resolveCode(after, newReferences);

  const comparer = new CodeComparer(vocabulary, oldReferences, newReferences);
  const code = comparer.compare(matched);
  const sections = matchSections(before, after);
  const data = new DataComparer(oldReferences, newReferences, comparer, matched);
  const sectionDiffs = compareSections(sections, data);
  const changedNumbers = new Set(code.changed.map(c => c.pair.number));
  const symbols = new SymbolComparer(oldReferences, newReferences, comparer, changedNumbers).compare();
  const codePairs = matched.pairs.filter(p => p.old.isCode);
  const entryCandidates = new Set([...code.changed.map(c => c.pair), ...codePairs.filter(p => p.old.k !== p.new.k)]);
  const functions = functionDiffs(code, matched, oldReferences, newReferences);
  const tables = compareTables(oldReferences, newReferences, comparer, namesOf(matched));
  const parts = {
    functions,
    callSites:
      tables.length === 0 && code.changed.length === 0 ? [] : compareCallSites(before, after, matched, code.map),
    entryPoints: compareEntryPoints(before, after, entryCandidates),
    symbols: symbols.symbols,
    relocations: data.relocations,
    sections: sectionDiffs,
    modinfo: compareModinfo(old, fresh),
    tables,
    header: compareHeaders(old, fresh),
  };
  const summary = count(parts, code);
  const same = isSame(summary);
  const notes = layoutNotes(before, after, code, sections, symbols.renumbered);
  if (same && notes.length === 0)
    notes.push('order or offsets of symbols, relocations, strings or sections, or bytes that mean nothing');
  return { identical: false, same, layout: { differs: notes.length > 0, notes }, summary, ...parts };
}

function identical(elf: ElfFile): ObjectDiff {
  let unchanged = 0;
  for (const items of itemsOf(elf, s => s.isCode).values()) unchanged += items.length;
  const none = {
    callSites: 0,
    entryPoints: 0,
    symbols: 0,
    relocations: 0,
    sections: 0,
    modinfo: 0,
    tables: 0,
    header: 0,
  };
  return {
    identical: true,
    same: true,
    layout: { differs: false, notes: [] },
    summary: { functions: { added: 0, removed: 0, changed: 0, moved: 0, unchanged }, ...none },
    functions: [],
    callSites: [],
    entryPoints: [],
    symbols: [],
    relocations: [],
    sections: [],
    modinfo: [],
    tables: [],
    header: [],
  };
}

function resolveCode(side: Side, references: References): void {
  for (const section of side.elf.sections) if (side.kinds[section.index] === 'code') references.resolveImage(section);
}

function functionDiffs(code: CodeComparison, matched: Matched, old: References, fresh: References): FunctionDiff[] {
  const changed = [...code.changed].sort((a, b) => byPlace(a.pair.new, b.pair.new));
  return [
    ...changed.map(c => ({
      ...pairHead(c.pair, 'changed'),
      removedWords: c.edits.reduce((n, e) => n + e.oldEnd - e.oldStart, 0),
      addedWords: c.edits.reduce((n, e) => n + e.newEnd - e.newStart, 0),
      hunks: hunksOf(c, old, fresh),
      ...(c.unaligned ? { unaligned: true as const } : {}),
    })),
    ...matched.added
      .filter(i => i.isCode)
      .sort(byPlace)
      .map(i => soleHead(i, 'added')),
    ...matched.removed
      .filter(i => i.isCode)
      .sort(byPlace)
      .map(i => soleHead(i, 'removed')),
    ...[...code.moved].sort((a, b) => byPlace(a.new, b.new)).map(p => pairHead(p, 'moved')),
  ];
}

function byPlace(a: Item, b: Item): number {
  return a.section.index - b.section.index || a.start - b.start;
}

function pairHead({ old, new: fresh }: Pair, status: 'changed' | 'moved'): FunctionDiff {
  return {
    name: fresh.name,
    aliases: fresh.aliases,
    status,
    section: fresh.section.name,
    ...(old.section.name === fresh.section.name ? {} : { oldSection: old.section.name }),
    ...(old.name === fresh.name ? {} : { oldName: old.name }),
    oldOffset: old.start,
    newOffset: fresh.start,
    oldSize: old.end - old.start,
    newSize: fresh.end - fresh.start,
  };
}

function soleHead(item: Item, status: 'added' | 'removed'): FunctionDiff {
  const size = item.end - item.start;
  const head = { name: item.name, aliases: item.aliases, status, section: item.section.name };
  return status === 'added'
    ? { ...head, newOffset: item.start, newSize: size }
    : { ...head, oldOffset: item.start, oldSize: size };
}

function compareSections({ pairs, added, removed }: MatchedSections, data: DataComparer): SectionDiff[] {
  const found: SectionDiff[] = [];
  for (const pair of pairs) {
    const difference = data.compare(pair);
    if (difference !== undefined) found.push(difference);
  }
  for (const s of added) found.push({ name: s.name, status: 'added', allocated: s.isAllocated, newSize: s.sh_size });
  for (const s of removed)
    found.push({ name: s.name, status: 'removed', allocated: s.isAllocated, oldSize: s.sh_size });
  return found;
}

function compareModinfo(old: ElfFile, fresh: ElfFile): ModinfoDiff[] {
  const values = (elf: ElfFile) => {
    const map = new Map<string, string[]>();
    for (const { key, value } of modinfoOf(elf)) map.set(key, [...(map.get(key) ?? []), value]);
    return map;
  };
  const before = values(old);
  const after = values(fresh);
  const found: ModinfoDiff[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const gone = without(before.get(key) ?? [], after.get(key) ?? []);
    const come = without(after.get(key) ?? [], before.get(key) ?? []);
    if (gone.length > 0 || come.length > 0) found.push({ key, old: gone, new: come });
  }
  return found;
}

/** The values of `list` that `other` does not have, each as often as it has it more. */
function without(list: readonly string[], other: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const s of other) counts.set(s, (counts.get(s) ?? 0) + 1);
  return list.filter(s => {
    const n = counts.get(s) ?? 0;
    counts.set(s, n - 1);
    return n <= 0;
  });
}

function namesOf({ pairs, added, removed }: Matched): Map<number, string> {
  const names = new Map<number, string>();
  for (const item of [...removed, ...added, ...pairs.map(p => p.new)])
    if (item.isCode) names.set(item.number, item.name);
  return names;
}

type Parts = Pick<
  ObjectDiff,
  'functions' | 'callSites' | 'entryPoints' | 'symbols' | 'relocations' | 'sections' | 'modinfo' | 'tables' | 'header'
>;

function count(parts: Parts, code: CodeComparison): DiffCounts {
  const ofStatus = (status: string) => parts.functions.filter(f => f.status === status).length;
  return {
    functions: {
      added: ofStatus('added'),
      removed: ofStatus('removed'),
      changed: ofStatus('changed'),
      moved: ofStatus('moved'),
      unchanged: code.unchanged.length,
    },
    callSites: parts.callSites.length,
    entryPoints: parts.entryPoints.length,
    symbols: parts.symbols.length,
    relocations: parts.relocations.length,
    sections: parts.sections.length,
    modinfo: parts.modinfo.length,
    tables: parts.tables.length,
    header: parts.header.length,
  };
}

function isSame({ functions, ...rest }: DiffCounts): boolean {
  return functions.added + functions.removed + functions.changed === 0 && Object.values(rest).every(n => n === 0);
}

function layoutNotes(
  old: Side,
  fresh: Side,
  code: CodeComparison,
  sections: MatchedSections,
  renumbered: number,
): string[] {
  const notes: string[] = [];
  const plural = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  if (code.moved.length > 0) notes.push(`${plural(code.moved.length, 'function')} moved`);
  const order = sections.pairs.map(p => p.old.index);
  if (order.some((index, i) => i > 0 && index < order[i - 1]!)) notes.push('sections in another order');
  const resized = sections.pairs.filter(p => p.old.sh_size !== p.new.sh_size).map(p => p.new.name);
  if (resized.length > 0) notes.push(`${plural(resized.length, 'section')} with another size (${list(resized)})`);
  if (renumbered > 0) notes.push(`${plural(renumbered, 'local symbol')} with another number in the name`);
  if (old.elf.bytes.length !== fresh.elf.bytes.length)
    notes.push(`file size ${old.elf.bytes.length} → ${fresh.elf.bytes.length}`);
  return notes;
}

function list(names: readonly string[]): string {
  return names.length <= 4 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}
