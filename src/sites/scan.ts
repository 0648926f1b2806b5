/**
 * `scan`: everything about where the functions of one object are entered, traced and left.
 *
 * `summarize` only counts and is what makes a tree of thousands of modules cheap; `scanObject` lists. Both rest on the
 * same walk, so their counts agree.
 */
import { STB_GLOBAL, STB_LOCAL, STB_WEAK } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { functionsOf, type KernelFunction } from '../kernel/functions.ts';
import { type ObjectKind, objectKind } from '../kernel/kind.ts';
import type { SiteForm } from '../plan/plan.ts';
import { type CallSite, callSitesOf, nopEntries, nopForm, profilingOf, type StrayRecord } from './call-sites.ts';
import { callsOf } from './calls.ts';
import { type CodeMap, RECORD } from './code-map.ts';
import { type TocSetup, tocSetup } from './entry-points.ts';
import { callForm, type Profiling } from './forms.ts';
import { noppedSites } from './nopped.ts';
import { type Prepared, prepare } from './prepare.ts';
import { type CallEdge, walkCode } from './walk.ts';

export interface ScanCounts {
  /** FUNC symbols that are defined in code. */
  readonly functions: number;
  readonly callSites: number;
  /** Call sites that a record of the tracer's table names. */
  readonly recordedSites: number;
  /** One for each function. */
  readonly entryPoints: number;
  readonly localCalls: number;
  readonly externalCalls: number;
  readonly siblingCalls: number;
  readonly indirectCalls: number;
}

export interface ScanSummary {
  readonly kind: ObjectKind;
  readonly profiling: Profiling;
  readonly counts: ScanCounts;
  /** Records that name no site. */
  readonly strayRecords: number;
  /** Linked images: records that the kernel passes over, because they were taken out of a table that keeps its length. */
  readonly droppedRecords: number;
}

export interface ScannedSite {
  readonly function: string | null;
  readonly section: string;
  /** Bytes from the section's start to the word that the tracer patches. */
  readonly offset: number;
  /** Linked images only: hexadecimal. */
  readonly address?: string;
  readonly form: SiteForm;
  readonly recorded: boolean;
}

/** A call site that tocsin took out. */
export interface NoppedSite {
  readonly function: string | null;
  readonly section: string;
  /** Bytes from the section's start to the word that the tracer patched. */
  readonly offset: number;
  /** Linked images only: hexadecimal. */
  readonly address?: string;
}

export interface ScannedEntry {
  readonly function: string;
  readonly section: string;
  /** Bytes from the section's start. */
  readonly global: number;
  readonly local: number;
  readonly toc: TocSetup;
  readonly binding: string;
}

export interface ScannedCall {
  readonly from: string | null;
  readonly section: string;
  /** Bytes from the section's start. */
  readonly offset: number;
  readonly to: string | null;
  readonly edge: CallEdge;
}

export interface ScanResult extends ScanSummary {
  readonly callSites: readonly ScannedSite[];
  readonly entryPoints: readonly ScannedEntry[];
  readonly calls?: readonly ScannedCall[];
  readonly strays: readonly StrayRecord[];
  /** What tocsin's note says to have been taken out by the last patch, where the words say so too. */
  readonly nopped: readonly NoppedSite[];
  readonly unrecordedNops: readonly {
    readonly function: string | null;
    readonly section: string;
    readonly offset: number;
  }[];
}

interface Tally {
  sites: number;
  recorded: number;
  local: number;
  external: number;
  sibling: number;
  indirect: number;
  form: SiteForm | undefined;
}

/** 1 the first time that a word with a record is asked for, else 0: a record stands for one site. */
function takeRecord(map: CodeMap, word: number): number {
  const mark = map.marks[word]!;
  map.marks[word] = mark & ~RECORD;
  return mark & RECORD;
}

/** Walks the code and counts. Profiling calls of several forms are told by the one that decides `profiling`. */
function tally(prepared: Prepared): Tally {
  const { map } = prepared;
  const t: Tally = { sites: 0, recorded: 0, local: 0, external: 0, sibling: 0, indirect: 0, form: undefined };
  let words: Uint32Array = new Uint32Array(0);
  let of: Section | undefined;
  walkCode(map, prepared.profiler, {
    site(section, word) {
      t.sites++;
      t.recorded += takeRecord(map, word);
      if (t.form !== undefined && t.form !== 'pg') return;
      if (of !== section) {
        of = section;
        words = map.elf.sectionWords(section);
      }
      t.form = callForm(words, word - map.base[section.index]!);
    },
    local() {
      t.local++;
    },
    external() {
      t.external++;
    },
    sibling() {
      t.sibling++;
    },
    indirect() {
      t.indirect++;
    },
  });
  return t;
}

/** Words that carry a tracer record. */
function* recordedWords(map: CodeMap): Generator<number> {
  for (let word = 0; word < map.wordCount; word++) if ((map.marks[word]! & RECORD) !== 0) yield word;
}

function countNops(prepared: Prepared, t: Tally): void {
  const form = nopForm(prepared.map, recordedWords(prepared.map));
  if (form === undefined) return;
  for (const word of nopEntries(prepared.map, form)) {
    if (takeRecord(prepared.map, word) === 0) continue;
    t.sites++;
    t.recorded++;
  }
  t.form ??= form;
}

/**
 * Counts call sites, entries and calls of one object.
 *
 * @throws InputError where the file is damaged
 */
export function summarize(elf: ElfFile): ScanSummary {
  const prepared = prepare(elf);
  const t = tally(prepared);
  if (prepared.recordCount > t.recorded) countNops(prepared, t);
  const { functionCount } = prepared.map;
  return {
    kind: objectKind(elf),
    profiling: profilingOf(t.form === undefined ? [] : [t.form]),
    counts: {
      functions: functionCount,
      callSites: t.sites,
      recordedSites: t.recorded,
      entryPoints: functionCount,
      localCalls: t.local,
      externalCalls: t.external,
      siblingCalls: t.sibling,
      indirectCalls: t.indirect,
    },
    strayRecords: prepared.recordCount - t.recorded,
    droppedRecords: prepared.droppedRecords,
  };
}

export interface ScanOptions {
  /** Whether to list the calls as well. */
  readonly calls?: boolean;
  /** Only functions for whose name this holds; counts follow. */
  readonly accept?: ((name: string) => boolean) | undefined;
}

const BINDINGS: Readonly<Record<number, string>> = { [STB_LOCAL]: 'local', [STB_GLOBAL]: 'global', [STB_WEAK]: 'weak' };

/**
 * Lists call sites, entries and, if asked, calls of one object.
 *
 * @throws InputError where the file is damaged
 */
export function scanObject(elf: ElfFile, options: ScanOptions = {}): ScanResult {
  const { accept } = options;
  const all = functionsOf(elf);
  const functions = accept === undefined ? all : all.filter(f => accept(f.name));
  const wanted = (f: KernelFunction | undefined) => accept === undefined || (f !== undefined && accept(f.name));
  const found = callSitesOf(elf, all);
  const sites = found.sites.filter(s => wanted(s.function));
  const calls = callsOf(prepare(elf), all).filter(c => wanted(c.from));
  const count = (edge: CallEdge) => calls.reduce((n, c) => (c.edge === edge ? n + 1 : n), 0);
  return {
    kind: objectKind(elf),
    profiling: found.profiling,
    counts: {
      functions: functions.length,
      callSites: sites.length,
      recordedSites: sites.filter(s => s.record !== undefined).length,
      entryPoints: functions.length,
      localCalls: count('local'),
      externalCalls: count('external'),
      siblingCalls: count('sibling'),
      indirectCalls: count('indirect'),
    },
    strayRecords: found.strays.length,
    droppedRecords: found.droppedRecords,
    callSites: sites.map(s => scannedSite(elf, s)),
    entryPoints: functions.map(f => ({
      function: f.name,
      section: f.section.name,
      global: f.global,
      local: f.local,
      toc: tocSetup(elf, f),
      binding: BINDINGS[f.binding] ?? `${f.binding}`,
    })),
    ...(options.calls === true && {
      calls: calls.map(c => ({
        from: c.from?.name ?? null,
        section: c.section.name,
        offset: c.offset,
        to: c.to ?? null,
        edge: c.edge,
      })),
    }),
    strays: found.strays,
    nopped: noppedSites(elf, all, found.sites)
      .filter(n => wanted(n.function))
      .map(n => ({ function: n.function?.name ?? null, ...placeOf(elf, n.section, n.offset) })),
    unrecordedNops: found.unrecorded
      .filter(u => wanted(u.function))
      .map(u => ({ function: u.function?.name ?? null, section: u.section.name, offset: u.offset })),
  };
}

function scannedSite(elf: ElfFile, site: CallSite): ScannedSite {
  return {
    function: site.function?.name ?? null,
    ...placeOf(elf, site.section, site.offset),
    form: site.form,
    recorded: site.record !== undefined,
  };
}

function placeOf(elf: ElfFile, section: Section, offset: number): Pick<NoppedSite, 'section' | 'offset' | 'address'> {
  const place = { section: section.name, offset };
  return elf.isRelocatable ? place : { ...place, address: `0x${(section.sh_addr + BigInt(offset)).toString(16)}` };
}
