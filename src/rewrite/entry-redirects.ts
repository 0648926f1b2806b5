/**
 * Redirects for some callers only, told apart by how they enter F.
 *
 * A function with k >= 2 has two entries. Whoever knows only its address, a pointer or another object's stub, enters at the
 * global one, and runs the words there that set r2 up from r12. Whoever shares its TOC branches to the local one behind them.
 *
 * - `global-entry`: the first of those words becomes the branch. At that moment r2 is anybody's and r12 is F's address, so
 *   it is the case of an F with k = 0 (trampoline/direct.ts, frame.ts). The words behind it are run by nobody any more. What
 *   begins at the local entry, with call site and record, stays as it is. With k = 0 both entries are one word: refused.
 * - `local-entry`: at the local entry itself nobody knows which way control came, since the global one runs into it. So F
 *   stays as it is, and the branches to it change: the object has a relocation for each, or the assembler has resolved it
 *   and the word tells. Pointers and other objects' stubs are no branches of this object. This also works for k = 0.
 */

import type { Section } from '../elf/section.ts';
import { fixupTable } from '../kernel/fixups.ts';
import { localEntryDistance } from '../kernel/functions.ts';
import type { PlannedBranch, RemovedRelocation, SiteForm, SymbolRef } from '../plan/plan.ts';
import { BRANCH, R_PPC64_REL24 } from '../trampoline/template.ts';
import { hex } from '../util/bytes.ts';
import type { SectionOffset } from '../util/indexes.ts';
import type { Draft } from './draft.ts';
import { imageBranches } from './image/branches.ts';
import { KnownWords, REWRITTEN, TABLED } from './known-words.ts';
import type { Place } from './places.ts';
import { refusal } from './refusals.ts';
import type { Spot } from './spread.ts';
import { type Code, placeKey, type Subject } from './subject.ts';
import { endOf } from './targets.ts';

/** A branch of the object that leads to the local entry of a function. */
export interface LocalBranch {
  readonly section: Section;
  readonly offset: SectionOffset;
  readonly word: number;
  /** The REL24, unless the assembler has resolved the branch. */
  readonly relocation: RemovedRelocation | undefined;
}

const R_PPC64_REL14 = new Set([11, 12, 13]);
const LINKS = 1;
const ABSOLUTE = 2;

/** The form of the call site, where there is one. */
export function siteForm(code: Code): { readonly form?: SiteForm } {
  const form = code.sites[0]?.form;
  return form === undefined ? {} : { form };
}

/** @throws RefusalError PAT071 */
export function globalEntryPlace(from: Code, name: string): Place {
  const { section, global } = from;
  const local = from.names[0]!.local;
  if (local === global) throw refusal('PAT071', { name }, { section, offset: global, function: name });
  return { section, offset: global, name, entries: [global, local], end: endOf(from), at: 'global-entry' };
}

/**
 * All branches that enter `from` at its local entry, by section and offset.
 *
 * @throws RefusalError PAT009, PAT010, PAT072, PAT073, PAT251
 */
export function localBranches(subject: Subject, from: Code, name: string): readonly LocalBranch[] {
  const found: LocalBranch[] = subject.elf.isRelocatable ? [] : imageBranches(subject, from, name);
  for (const section of subject.elf.sections) {
    if (!section.isAllocated || !subject.elf.isRelocatable) continue;
    const relocated = relocatedBranches(subject, section, from, name, found);
    if (section === from.section) resolvedBranches(subject, from, name, relocated, found);
  }
  const at = { section: from.section, offset: from.names[0]!.local, function: name };
  if (found.length === 0) throw refusal('PAT073', { name }, at);
  const words = new KnownWords(subject);
  for (const { section, offset } of found) {
    const around = subject.around(section, offset) ?? { start: offset, end: offset + 4 };
    const marks = words.at(section, offset, around.start, around.end);
    const where = { section, offset, function: name };
    if ((marks & REWRITTEN) !== 0) throw refusal('PAT010', { table: 'a table of feature sections' }, where);
    if ((marks & TABLED) !== 0)
      throw refusal('PAT009', { table: 'a table of the kernel', what: 'it may change it' }, where);
  }
  return found.sort((a, b) => a.section.index - b.section.index || a.offset - b.offset);
}

/** @returns the places of code that have a relocation, which decides where a branch there leads */
function relocatedBranches(
  subject: Subject,
  section: Section,
  from: Code,
  name: string,
  found: LocalBranch[],
): ReadonlySet<SectionOffset> {
  const { elf } = subject;
  const symbols = elf.symbols!;
  const words = section.isCode ? elf.sectionWords(section) : undefined;
  const isRecords = fixupTable(section)?.kind === 'tracer record';
  const { local } = from.names[0]!;
  const known = (at: SectionOffset, what: string) =>
    refusal('PAT072', { name, what: `${section.name}+${hex(at)} ${what}` }, { section, offset: at });
  const places = new Set<SectionOffset>();
  for (const table of subject.relocationTablesFor(section.index)) {
    const relocations = elf.relocations(table);
    for (let i = 0; i < relocations.count; i++) {
      const offset = relocations.offset(i);
      if (words !== undefined) places.add(offset & ~3);
      const symbol = relocations.symbol(i);
      if (symbols.sectionOf(symbol) !== from.section.index) continue;
      const type = relocations.type(i);
      const value = symbols.value(symbol) + relocations.addend(i);
      const k = symbols.st_other(symbol) >>> 5;
      if (type === R_PPC64_REL24 && words !== undefined) {
        if (value + (k > 1 && k < 7 ? localEntryDistance(k) : 0) !== local) continue;
        const word = words[offset / 4]!;
        found.push({ section, offset, word, relocation: { table: table.index, entry: i } });
      } else if (R_PPC64_REL14.has(type) && (value === local || value === from.global))
        throw known(offset, 'is a conditional branch there');
      else if (value === local && local !== from.global && !isRecords) throw known(offset, 'has its address');
    }
  }
  return places;
}

/** Branches inside the function that do not link are its loops. */
function resolvedBranches(
  subject: Subject,
  from: Code,
  name: string,
  relocated: ReadonlySet<SectionOffset>,
  found: LocalBranch[],
): void {
  const { section } = from;
  const words = subject.elf.sectionWords(section);
  const { local } = from.names[0]!;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const offset = i * 4;
    const opcode = word >>> 26;
    if ((opcode !== 18 && opcode !== 16) || (word & ABSOLUTE) !== 0) continue;
    const distance = opcode === 18 ? ((word & 0x03fffffc) << 6) >> 6 : ((word & 0xfffc) << 16) >> 16;
    if (offset + distance !== local || distance === 0 || relocated.has(offset)) continue;
    const inside = offset >= from.global && offset < endOf(from);
    if (inside && (word & LINKS) === 0) continue;
    if (opcode === 16) {
      const what = `${section.name}+${hex(offset)} is a conditional branch there`;
      throw refusal('PAT072', { name, what }, { section, offset });
    }
    found.push({ section, offset, word, relocation: undefined });
  }
}

/**
 * Leads the branches to what `lead` says of each.
 *
 * @returns what the plan says of them
 * @throws RefusalError PAT013
 */
export function changeBranches(
  subject: Subject,
  branches: readonly LocalBranch[],
  lead: (from: Spot) => SymbolRef,
  draft: Draft,
): readonly PlannedBranch[] {
  return branches.map(({ section, offset, word, relocation }) => {
    const after = (BRANCH.word | (word & LINKS)) >>> 0;
    if (word !== after) draft.words.push({ section: section.index, offset, before: word, after });
    if (relocation !== undefined) draft.removedRelocations.push(relocation);
    const symbol = lead({ section, offset });
    draft.addedRelocations.push({ section: section.index, offset, type: R_PPC64_REL24, symbol, addend: 0 });
    return { function: functionOver(subject, section, offset), section: section.name, offset, links: (word & 1) === 1 };
  });
}

function functionOver(subject: Subject, section: Section, offset: SectionOffset): string {
  const around = subject.around(section, offset);
  if (around === undefined) return '';
  const key = placeKey(section.index, around.start);
  return subject.functions.find(f => placeKey(f.section.index, f.global) === key)!.name;
}
