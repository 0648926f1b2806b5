/**
 * The call sites of an object, one by one: the word that the tracer patches, the function it belongs to, the record that
 * names it. Sites that no record names and records that name no site are both told.
 */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { functionAt, functionsBySection, functionsOf, type KernelFunction } from '../kernel/functions.ts';
import type { RemovedRelocation, SiteForm } from '../plan/plan.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { type CodeMap, LOCAL, RECORD } from './code-map.ts';
import { callForm, isNop, type Profiling, wordsBefore, wordsFrom } from './forms.ts';
import { EMPTY_RECORD, type Prepared, prepare } from './prepare.ts';
import { type Sink, walkCode } from './walk.ts';

/** A record of a tracer table: where it stands, and the relocation that fills it (relocatable files). */
export interface SiteRecord {
  /** The table's section; -1 in a linked image, where the table is a range of addresses. */
  readonly table: SectionIndex;
  readonly offset: SectionOffset;
  readonly relocation: RemovedRelocation;
}

export interface CallSite {
  /** The function whose entry the site belongs to. */
  readonly function: KernelFunction | undefined;
  readonly section: Section;
  /** The word that the tracer patches: the `bl _mcount`, or the first `nop`. Bytes from the section's start. */
  readonly offset: SectionOffset;
  readonly form: SiteForm;
  /** The first word of the whole sequence: `mflr r0` in front of a profiling call, else `offset` itself. */
  readonly start: SectionOffset;
  /** The first word behind the sequence. */
  readonly after: SectionOffset;
  readonly record: SiteRecord | undefined;
  /** The REL24 against `_mcount` of a profiling call in a relocatable file. */
  readonly call: RemovedRelocation | undefined;
}

/** A record that names no site: the tracer would trip over it when the object is loaded. */
export interface StrayRecord {
  /** Name of the table's section, or `__start_mcount_loc` in a linked image. */
  readonly table: string;
  /** Bytes from the start of the table. */
  readonly offset: number;
  readonly reason: 'empty' | 'not code' | 'no site there' | 'repeated';
  /** What the record names, where it names code. */
  readonly section?: string;
  readonly target?: SectionOffset;
}

/**
 * A local entry that begins with the nops of a patchable site and that no record names. It is not counted as a site: a
 * function that must not be traced may begin with the nop of a jump label or of a feature fixup, and a site whose record
 * was dropped on purpose looks the same.
 */
export interface UnrecordedNops {
  readonly function: KernelFunction | undefined;
  readonly section: Section;
  readonly offset: SectionOffset;
}

export interface CallSites {
  readonly profiling: Profiling;
  /** By section, then offset. */
  readonly sites: readonly CallSite[];
  readonly strays: readonly StrayRecord[];
  readonly unrecorded: readonly UnrecordedNops[];
}

interface Record {
  readonly table: Section | undefined;
  readonly offset: number;
  readonly relocation: RemovedRelocation;
}

/**
 * Finds every call site.
 *
 * @param functions as `functionsOf(elf)` gives them
 */
export function callSitesOf(elf: ElfFile, functions: readonly KernelFunction[] = functionsOf(elf)): CallSites {
  const records = new Map<number, Record>();
  const strays: StrayRecord[] = [];
  const repeated: { table: string; offset: number; word: number }[] = [];
  const prepared = prepare(elf, (word, table, offset, relocationTable, entry) => {
    const title = table?.name ?? '__start_mcount_loc';
    if (word < 0) strays.push({ table: title, offset, reason: word === EMPTY_RECORD ? 'empty' : 'not code' });
    else if (records.has(word)) repeated.push({ table: title, offset, word });
    else records.set(word, { table, offset, relocation: { table: relocationTable, entry } });
  });
  for (const { table, offset, word } of repeated) {
    const place = prepared.map.placeOf(word);
    if (place === undefined) strays.push({ table, offset, reason: 'not code' });
    else strays.push({ table, offset, reason: 'repeated', section: place.section.name, target: place.offset });
  }
  return collect(prepared, functions, records, strays);
}

function collect(
  prepared: Prepared,
  functions: readonly KernelFunction[],
  records: Map<number, Record>,
  strays: StrayRecord[],
): CallSites {
  const { map } = prepared;
  const bySection = functionsBySection(functions);
  const sites: CallSite[] = [];
  const taken = new Set<number>();
  const add = (section: Section, word: number, form: SiteForm, call: RemovedRelocation | undefined) => {
    const offset = (word - map.base[section.index]!) * 4;
    const record = taken.has(word) ? undefined : records.get(word);
    taken.add(word);
    sites.push({
      function: functionAt(bySection.get(section.index) ?? [], offset),
      section,
      offset,
      form,
      start: offset - wordsBefore(form) * 4,
      after: offset + wordsFrom(form) * 4,
      record: record && { table: record.table?.index ?? -1, offset: record.offset, relocation: record.relocation },
      call,
    });
  };
  walkCode(map, prepared.profiler, profilingCallsInto(map.elf, map.base, add));
  const nops = nopForm(map, records.keys());
  const unrecorded: UnrecordedNops[] = [];
  if (nops !== undefined) {
    for (const word of nopEntries(map, nops)) {
      const { section, offset } = map.placeOf(word)!;
      if (records.has(word) && !taken.has(word)) add(section, word, nops, undefined);
      else if (!records.has(word))
        unrecorded.push({ function: functionAt(bySection.get(section.index) ?? [], offset), section, offset });
    }
  }
  for (const [word, record] of records) {
    if (taken.has(word)) continue;
    const place = map.placeOf(word);
    const title = record.table?.name ?? '__start_mcount_loc';
    if (place === undefined) strays.push({ table: title, offset: record.offset, reason: 'not code' });
    else
      strays.push({
        table: title,
        offset: record.offset,
        reason: 'no site there',
        section: place.section.name,
        target: place.offset,
      });
  }
  sites.sort((a, b) => a.section.index - b.section.index || a.offset - b.offset);
  return { profiling: profilingOf(sites.map(s => s.form)), sites, strays, unrecorded };
}

function profilingCallsInto(
  elf: ElfFile,
  base: Int32Array,
  add: (section: Section, word: number, form: SiteForm, call: RemovedRelocation | undefined) => void,
): Sink {
  const nothing = () => {};
  return {
    site: (section, word, table, entry) => {
      const form = callForm(elf.sectionWords(section), word - base[section.index]!);
      add(section, word, form, table < 0 ? undefined : { table, entry });
    },
    local: nothing,
    external: nothing,
    sibling: nothing,
    indirect: nothing,
  };
}

/**
 * How many nops the compiler left: two if every record that names a nop has another behind it, else one. `undefined`
 * where no record names a nop.
 */
export function nopForm(map: CodeMap, records: Iterable<number>): 'patchable' | 'patchable-out-of-line' | undefined {
  const views = map.code.map(s => ({ first: map.base[s.index]!, words: map.elf.sectionWords(s) }));
  let any = false;
  for (const word of records) {
    const view = views.find(v => word >= v.first && word < v.first + v.words.length);
    if (view === undefined || !isNop(view.words, word - view.first)) continue;
    any = true;
    if (!isNop(view.words, word - view.first + 1)) return 'patchable-out-of-line';
  }
  return any ? 'patchable' : undefined;
}

/** Words that begin a sequence of nops and are named by a record or are a local entry. */
export function* nopEntries(map: CodeMap, form: 'patchable' | 'patchable-out-of-line'): Generator<number> {
  const nops = wordsFrom(form);
  for (const section of map.code) {
    const words = map.elf.sectionWords(section);
    const first = map.base[section.index]!;
    for (let i = 0; i < words.length; i++) {
      if ((map.marks[first + i]! & (RECORD | LOCAL)) === 0 || !isNop(words, i)) continue;
      if (nops === 1 || isNop(words, i + 1)) yield first + i;
    }
  }
}

/** What the object as a whole was built with. */
export function profilingOf(forms: readonly SiteForm[]): Profiling {
  if (forms.some(f => f === 'mprofile-kernel' || f === 'mprofile-kernel-lr')) return 'mprofile-kernel';
  if (forms.includes('pg')) return 'pg';
  return (forms[0] as Profiling | undefined) ?? 'none';
}
