/**
 * The call sites of an object, one by one: the word that the tracer patches, the function it belongs to, the record that
 * names it. Sites that no record names and records that name no site are both told.
 */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import {
  countUpTo,
  functionCovering,
  functionsBySection,
  functionsOf,
  type KernelFunction,
} from '../kernel/functions.ts';
import type { RemovedRelocation, SiteForm } from '../plan/plan.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { CodeMap, LOCAL, RECORD } from './code-map.ts';
import { callForm, isNop, type Profiling, wordsBefore, wordsFrom } from './forms.ts';
import { EMPTY_RECORD, type Prepared, prepareRecords } from './prepare.ts';
import { walkProfilingCalls } from './profiling-calls.ts';
import { walkCode } from './walk.ts';

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
  /** Records of a linked image that the kernel passes over. */
  readonly droppedRecords: number;
  readonly unrecorded: readonly UnrecordedNops[];
}

/** The records that name a word of the code, in table order; of several for one word the first. */
class Records {
  /** By number: the record's table (-1 in a linked image), its offset there, and the relocation that fills it. */
  readonly tables: SectionIndex[] = [];
  readonly offsets: number[] = [];
  readonly relocationTables: SectionIndex[] = [];
  readonly entries: number[] = [];
  /** Word to number. */
  readonly numbers = new Map<number, number>();

  add(word: number, table: SectionIndex, offset: number, relocationTable: SectionIndex, entry: number): boolean {
    if (this.numbers.has(word)) return false;
    this.numbers.set(word, this.tables.length);
    this.tables.push(table);
    this.offsets.push(offset);
    this.relocationTables.push(relocationTable);
    this.entries.push(entry);
    return true;
  }

  at(number: number): SiteRecord {
    return {
      table: this.tables[number]!,
      offset: this.offsets[number]!,
      relocation: { table: this.relocationTables[number]!, entry: this.entries[number]! },
    };
  }

  /** Name of the table's section, or of the range that is the table of a linked image. */
  title(elf: ElfFile, number: number): string {
    return elf.sections[this.tables[number]!]?.name ?? IMAGE_TABLE;
  }
}

const IMAGE_TABLE = '__start_mcount_loc';

/**
 * Finds every call site.
 *
 * @param functions as `functionsOf(elf)` gives them
 */
export function callSitesOf(elf: ElfFile, functions: readonly KernelFunction[] = functionsOf(elf)): CallSites {
  const records = new Records();
  const strays: StrayRecord[] = [];
  const repeated: { table: string; offset: number; word: number }[] = [];
  const map = new CodeMap(elf);
  if (!elf.isRelocatable) map.markFunctions();
  const prepared = prepareRecords(elf, map, (word, table, offset, relocationTable, entry) => {
    if (word >= 0 && records.add(word, table?.index ?? -1, offset, relocationTable, entry)) return;
    const title = table?.name ?? IMAGE_TABLE;
    if (word < 0) strays.push({ table: title, offset, reason: word === EMPTY_RECORD ? 'empty' : 'not code' });
    else repeated.push({ table: title, offset, word });
  });
  for (const { table, offset, word } of repeated) {
    const place = map.placeOf(word);
    if (place === undefined) strays.push({ table, offset, reason: 'not code' });
    else strays.push({ table, offset, reason: 'repeated', section: place.section.name, target: place.offset });
  }
  return collect(prepared, functions, records, strays);
}

function collect(
  prepared: Prepared,
  functions: readonly KernelFunction[],
  records: Records,
  strays: StrayRecord[],
): CallSites {
  const { map } = prepared;
  const around = new Surroundings(functions);
  const sites: CallSite[] = [];
  const taken = new Uint8Array(records.tables.length);
  let sorted = true;
  let last: CallSite | undefined;
  const add = (section: Section, word: number, form: SiteForm, call: RemovedRelocation | undefined) => {
    const offset = (word - map.base[section.index]!) * 4;
    const number = records.numbers.get(word) ?? -1;
    const site = {
      function: around.at(section, offset),
      section,
      offset,
      form,
      start: offset - wordsBefore(form) * 4,
      after: offset + wordsFrom(form) * 4,
      record: number < 0 || taken[number] === 1 ? undefined : records.at(number),
      call,
    };
    if (number >= 0) taken[number] = 1;
    if (last !== undefined && compareSites(last, site) > 0) sorted = false;
    last = site;
    sites.push(site);
  };
  walkSites(prepared, add);
  const nops = nopForm(map, records.numbers.keys());
  const unrecorded: UnrecordedNops[] = [];
  if (nops !== undefined) {
    for (const word of nopEntries(map.markFunctions(), nops)) {
      const { section, offset } = map.placeOf(word)!;
      const number = records.numbers.get(word) ?? -1;
      if (number < 0) unrecorded.push({ function: around.at(section, offset), section, offset });
      else if (taken[number] === 0) add(section, word, nops, undefined);
    }
  }
  for (const [word, number] of records.numbers) {
    if (taken[number] === 1) continue;
    const place = map.placeOf(word);
    const stray = { table: records.title(map.elf, number), offset: records.offsets[number]! };
    if (place === undefined) strays.push({ ...stray, reason: 'not code' });
    else strays.push({ ...stray, reason: 'no site there', section: place.section.name, target: place.offset });
  }
  if (!sorted) sites.sort(compareSites);
  return {
    profiling: profilingOf(sites.map(s => s.form)),
    sites,
    strays,
    droppedRecords: prepared.droppedRecords,
    unrecorded,
  };
}

function compareSites(a: CallSite, b: CallSite): number {
  return a.section.index - b.section.index || a.offset - b.offset;
}

/** The function around a place. Whoever asks goes up through a section most of the time. */
class Surroundings {
  readonly #bySection: ReadonlyMap<SectionIndex, KernelFunction[]>;
  #section: Section | undefined;
  #list: readonly KernelFunction[] = [];
  /** The list's first so many functions begin at `#offset` or before it. */
  #passed = 0;
  #offset = -1;

  constructor(functions: readonly KernelFunction[]) {
    this.#bySection = functionsBySection(functions);
  }

  at(section: Section, offset: SectionOffset): KernelFunction | undefined {
    if (section !== this.#section) {
      this.#section = section;
      this.#list = this.#bySection.get(section.index) ?? [];
      this.#passed = 0;
    } else if (offset < this.#offset) this.#passed = countUpTo(this.#list, offset);
    const list = this.#list;
    let passed = this.#passed;
    while (passed < list.length && list[passed]!.global <= offset) passed++;
    this.#passed = passed;
    this.#offset = offset;
    return functionCovering(list, passed, offset);
  }
}

/** Tells every profiling call, with its relocation where it has one. */
function walkSites(
  { map, profiler }: Prepared,
  add: (section: Section, word: number, form: SiteForm, call: RemovedRelocation | undefined) => void,
): void {
  let words: Uint32Array = new Uint32Array(0);
  let of: Section | undefined;
  const site = (section: Section, word: number, table: SectionIndex, entry: number) => {
    if (section !== of) words = map.elf.sectionWords(section);
    of = section;
    const form = callForm(words, word - map.base[section.index]!);
    add(section, word, form, table < 0 ? undefined : { table, entry });
  };
  if (map.elf.isRelocatable) walkProfilingCalls(map, profiler, site);
  else {
    const nothing = () => {};
    walkCode(map, profiler, { site, local: nothing, external: nothing, sibling: nothing, indirect: nothing });
  }
}

/**
 * How many nops the compiler left: two if every record that names a nop has another behind it, else one. `undefined`
 * where no record names a nop.
 */
export function nopForm(map: CodeMap, records: Iterable<number>): 'patchable' | 'patchable-out-of-line' | undefined {
  const views = map.code.map(s => ({ first: map.base[s.index]!, words: map.elf.sectionWords(s) }));
  let any = false;
  let view = views[0];
  for (const word of records) {
    if (view === undefined || word < view.first || word >= view.first + view.words.length)
      view = views.find(v => word >= v.first && word < v.first + v.words.length);
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
  if (forms.includes('mprofile-kernel') || forms.includes('mprofile-kernel-lr')) return 'mprofile-kernel';
  if (forms.includes('pg')) return 'pg';
  return (forms[0] as Profiling | undefined) ?? 'none';
}
