/**
 * Words that tocsin patched (its own note says which) and that a table of the kernel rewrites once more after loading: a
 * feature section, a jump label, a static call, a tracer record. Whoever comes last wins, and half of each is left.
 */
import type { Section } from '../../../elf/section.ts';
import { type FixupKind, type FixupTable, fixupTable } from '../../../kernel/fixups.ts';
import { PATCH_NOTE_SECTION, type PatchNote, readPatchNote } from '../../../kernel/patch-note.ts';
import type { PlannedBranch, PlannedRedirect } from '../../../plan/plan.ts';
import type { Findings } from '../finding.ts';
import type { Subject } from '../subject.ts';

const NOTE = new TextEncoder().encode(PATCH_NOTE_SECTION);
const REWRITES: readonly FixupKind[] = ['jump label', 'static call', 'feature fixup', 'tracer record'];
const NEW_CODE = /^\.(?:init\.|exit\.)?text\.tocsin/;
/** A patch replaces one instruction at each place, but for long branches, which have so many at most. */
const WORD = 4;
const LONGEST = 8;
const BCTR = 0x4e800420;

/** What is read of an action; a note may hold anything. */
type Noted = Partial<Pick<PlannedRedirect, 'section' | 'offset' | 'function' | 'branch' | 'branches'>> & {
  readonly kind?: string;
  readonly symbol?: unknown;
};

const isObject = <T>(value: T): value is T & object => typeof value === 'object' && value !== null;

interface Place {
  readonly section: number;
  readonly from: number;
  readonly to: number;
  readonly what: string;
  readonly function?: string;
}

/** The note, unless there is none, or none that can be read, which is told. */
export function auditUnreadable({ elf }: Pick<Subject, 'elf'>, findings: Findings): PatchNote | undefined {
  if (!elf.sections.some(s => s.index > 0 && s.isNamed(NOTE))) return undefined;
  let unreadable = '';
  const note = readPatchNote(elf, text => {
    unreadable = text;
  });
  if (note === undefined && unreadable !== '')
    findings.add({
      code: 'MOD203',
      level: 'warning',
      message: `the note of tocsin's patch cannot be read (${unreadable}), so what it changed is not known`,
      section: PATCH_NOTE_SECTION,
    });
  return note;
}

export function auditPatched(subject: Subject, findings: Findings): void {
  const { elf } = subject;
  const note = auditUnreadable(subject, findings);
  if (note === undefined) return;
  const places = patchedPlaces(subject, note.record.actions);
  for (const section of elf.sections) {
    const table = section.index > 0 && section.isAllocated ? fixupTable(section) : undefined;
    if (table !== undefined && REWRITES.includes(table.kind)) auditTable(subject, section, table, places, findings);
  }
}

function patchedPlaces(subject: Subject, actions: readonly Noted[]): Place[] {
  const places: Place[] = [];
  for (const action of actions.filter(isObject))
    for (const { section, offset } of changedPlaces(action))
      for (const s of subject.elf.sections)
        if (s.index > 0 && s.name === section && offset !== undefined)
          places.push({
            section: s.index,
            from: offset,
            to: offset + WORD * (action.branch === 'long' ? longWords(subject, s, offset) : 1),
            what: `the patched word of ${action.function}`,
            ...(action.function !== undefined && { function: action.function }),
          });
  const copies = copiesIn(subject, actions);
  for (const s of subject.elf.sections)
    if (s.index > 0 && s.isCode && NEW_CODE.test(s.name))
      for (const [from, to] of between(copies.get(s.index) ?? [], s.sh_size))
        places.push({ section: s.index, from, to, what: "tocsin's new code" });
  return places;
}

/** Copies of functions have the entries of jump labels that those have, by section. */
function copiesIn({ elf }: Subject, actions: readonly Noted[]): ReadonlyMap<number, (readonly [number, number])[]> {
  const copies = new Map<number, (readonly [number, number])[]>();
  const { symbols } = elf;
  for (const { kind, symbol } of actions.filter(isObject)) {
    const index = kind === 'epilogue' && typeof symbol === 'string' ? (symbols?.find(symbol) ?? -1) : -1;
    if (symbols === undefined || index < 0) continue;
    const from = symbols.value(index);
    const list = copies.get(symbols.sectionOf(index)) ?? [];
    copies.set(symbols.sectionOf(index), [...list, [from, from + symbols.size(index)]]);
  }
  return copies;
}

/** What the ranges leave of 0 to `end`. */
function between(ranges: readonly (readonly [number, number])[], end: number): (readonly [number, number])[] {
  const left: (readonly [number, number])[] = [];
  let at = 0;
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    if (from > at) left.push([at, from]);
    at = Math.max(at, to);
  }
  if (at < end) left.push([at, end]);
  return left;
}

/** Of a redirect for local callers, their branches: the function itself did not change. Nor does one that is copied. */
function changedPlaces(action: Noted): readonly Partial<PlannedBranch>[] {
  if (action.kind === 'epilogue') return [];
  return Array.isArray(action.branches) ? action.branches.filter(isObject) : [action];
}

/** A long branch ends with its bctr. */
function longWords({ elf }: Subject, section: Section, offset: number): number {
  if (!section.hasContents) return 1;
  const end = elf
    .sectionWords(section)
    .subarray(offset / WORD, offset / WORD + LONGEST)
    .indexOf(BCTR);
  return end < 0 ? 1 : end + 1;
}

/** In an object every field of such a table is filled by a relocation. */
function auditTable(
  subject: Subject,
  section: Section,
  table: FixupTable,
  places: readonly Place[],
  findings: Findings,
): void {
  const { elf } = subject;
  const symbols = elf.symbols;
  if (symbols === undefined) return;
  const starts = new Map<number, { readonly section: number; readonly target: number }>();
  for (const relocationSection of elf.relocationSectionsFor(section.index)) {
    const relocations = elf.relocations(relocationSection);
    for (let i = 0; i < relocations.count; i++) {
      const home = symbols.sectionOf(relocations.symbol(i));
      const at = relocations.offset(i);
      const field = table.fields.find(f => f.offset === at % table.entrySize);
      if (home === 0 || field === undefined) continue;
      const value = symbols.offsetInSection(relocations.symbol(i)) + relocations.addend(i);
      const target = field.relativeTo === 'entry' ? value - field.offset : value;
      const start = field.endsRange === true ? starts.get(at - 8) : undefined;
      if (field.endsRange === true && start?.section !== home) continue;
      if (field.endsRange !== true) starts.set(at, { section: home, target });
      const from = start?.target ?? target;
      const to = Math.max(start === undefined ? target + field.covers : target, from + 1);
      for (const place of places) {
        if (place.section !== home || from >= place.to || to <= place.from) continue;
        findings.add({
          code: 'FTR201',
          level: 'error',
          message: `${place.what} lies under an entry of ${section.name} (${table.kind}): the kernel rewrites it after loading`,
          section: elf.sections[home]!.name,
          offset: Math.max(from, place.from),
          ...(place.function !== undefined && { function: place.function }),
        });
      }
    }
  }
}
