/**
 * What else knows the word that a branch is about to replace.
 *
 * A branch may overwrite a word only if the one way to it is the way through the function's entry. So nobody may jump to
 * it, and no table of the kernel (exceptions, bugs, jump labels, feature sections, static calls) may name it: a table
 * that rewrites code would write over the branch, one that jumps would run it without an entry.
 */
import type { Section } from '../elf/section.ts';
import { type FixupTable, fixupTable } from '../kernel/fixups.ts';
import type { RedirectAt, RemovedRelocation } from '../plan/plan.ts';
import { relocationFacts } from '../ppc64/relocations.ts';
import { hex } from '../util/bytes.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { isBctr, jumpTableLabels } from './jump-tables.ts';
import { refusal } from './refusals.ts';
import { placeKey, type Subject } from './subject.ts';

/** A word that is to be replaced. */
export interface Place {
  readonly section: Section;
  readonly offset: SectionOffset;
  /** The function that it belongs to, with its entries: to get there is no surprise. */
  readonly name: string;
  readonly entries: readonly SectionOffset[];
  readonly end: SectionOffset;
  readonly at: RedirectAt;
}

type PlacesBySection = ReadonlyMap<SectionIndex, readonly Place[]>;

const R_PPC64_REL32 = 26;
const R_PPC64_REL64 = 44;
const R_PPC64_ENTRY = 118;

/** @throws RefusalError PAT008, PAT009, PAT010, PAT021 */
export function checkPlaces(subject: Subject, places: readonly Place[]): void {
  const bySection = new Map<SectionIndex, Place[]>();
  for (const place of places) {
    relocationsAt(subject, place);
    const list = bySection.get(place.section.index);
    if (list === undefined) bySection.set(place.section.index, [place]);
    else list.push(place);
  }
  checkEntries(subject, bySection);
  for (const list of bySection.values()) checkBranches(subject, list);
  for (const section of subject.elf.sections) {
    if (!section.isAllocated) continue;
    for (const table of subject.relocationTablesFor(section.index)) checkReferences(subject, section, table, bySection);
  }
}

const placeOf = (place: Place) => ({ section: place.section, offset: place.offset, function: place.name });

/** Another function that begins at the word is entered there. */
function checkEntries(subject: Subject, places: PlacesBySection): void {
  for (const f of subject.functions) {
    for (const place of places.get(f.section.index) ?? []) {
      if (f.global === place.entries[0]) continue;
      if (f.global === place.offset || f.local === place.offset)
        throw refusal('PAT008', { what: `${f.name} begins there` }, placeOf(place));
    }
  }
}

/** Branches that the assembler resolved, and jump tables of the function: neither has a relocation. */
function checkBranches(subject: Subject, places: readonly Place[]): void {
  const words = subject.elf.sectionWords(places[0]!.section);
  const wanted = new Map(places.map(p => [p.offset, p]));
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const opcode = word >>> 26;
    if ((opcode !== 18 && opcode !== 16) || (word & 2) !== 0) continue;
    const distance = opcode === 18 ? ((word & 0x03fffffc) << 6) >> 6 : ((word & 0xfffc) << 16) >> 16;
    const place = wanted.get(i * 4 + distance);
    if (place === undefined || i * 4 === place.offset || place.entries.includes(place.offset)) continue;
    throw refusal('PAT008', { what: `${place.section.name}+${hex(i * 4)} branches there` }, placeOf(place));
  }
  for (const place of places) {
    for (let at = place.entries[0]!; at < place.end; at += 4) {
      if (!isBctr(words[at / 4]!)) continue;
      if (jumpTableLabels(words, at + 4, place.entries[0]!, place.end).includes(place.offset))
        throw refusal(
          'PAT008',
          { what: `the jump table at ${place.section.name}+${hex(at + 4)} leads there` },
          placeOf(place),
        );
    }
  }
}

/** Everything that the relocations of one allocated section name. */
function checkReferences(subject: Subject, section: Section, table: Section, places: PlacesBySection): void {
  const symbols = subject.elf.symbols!;
  const relocations = subject.elf.relocations(table);
  const fixups = fixupTable(section);
  const starts = new Map<number, { section: SectionIndex; target: number }>();
  for (let i = 0; i < relocations.count; i++) {
    const symbol = relocations.symbol(i);
    const home = symbols.sectionOf(symbol);
    const list = home === 0 ? undefined : places.get(home);
    if (list === undefined) continue;
    const at = relocations.offset(i);
    if (subject.standIns.has(placeKey(section.index, at))) continue;
    const value = symbols.value(symbol) + relocations.addend(i);
    if (fixups !== undefined) checkFixup(section, fixups, at, value, home, list, starts);
    else for (const place of list) checkReference(subject, section, at, relocations.type(i), value, place);
  }
}

function checkFixup(
  section: Section,
  table: FixupTable,
  at: SectionOffset,
  value: number,
  home: SectionIndex,
  places: readonly Place[],
  starts: Map<number, { section: SectionIndex; target: number }>,
): void {
  const inEntry = at % table.entrySize;
  const fields = table.fields;
  const field =
    fields.length === 1 && fields[0]!.relativeTo !== 'entry' ? fields[0]! : fields.find(f => f.offset === inEntry);
  // The layout is not known at this place: take the word itself, as for a table of places.
  const target = field?.relativeTo === 'entry' ? value - field.offset : value;
  let from = target;
  let to = target + (field?.covers ?? 4);
  if (field?.endsRange === true) {
    const start = starts.get(at - 8);
    if (start === undefined || start.section !== home) return;
    from = start.target;
    to = target;
  } else starts.set(at, { section: home, target });
  for (const place of places) {
    if (from >= place.offset + 4 || Math.max(to, from + 1) <= place.offset) continue;
    if (table.kind === 'tracer record' && place.at === 'site') continue;
    const what = `${table.kind}, entry at ${hex(at - inEntry)}`;
    if (table.kind === 'feature fixup') throw refusal('PAT010', { table: section.name }, placeOf(place));
    throw refusal('PAT009', { table: section.name, what }, placeOf(place));
  }
}

function checkReference(
  subject: Subject,
  section: Section,
  at: SectionOffset,
  type: number,
  value: number,
  place: Place,
): void {
  if (place.entries.includes(value)) return;
  if (value >= place.offset && value < place.offset + 4) {
    const what = `a relocation at ${hex(at)}`;
    throw section.isCode
      ? refusal('PAT008', { what: `${section.name}+${hex(at)} refers to it` }, placeOf(place))
      : refusal('PAT009', { table: section.name, what }, placeOf(place));
  }
  // A distance from another place than the field itself (a jump table in data) names a label below S + A.
  if (section.isCode || (type !== R_PPC64_REL32 && type !== R_PPC64_REL64)) return;
  const over = value - place.offset;
  if (over <= 0 || over > at || over % 4 !== 0 || isEntry(subject, place.section, value)) return;
  throw refusal(
    'PAT009',
    { table: section.name, what: `a distance at ${hex(at)} that may lead there` },
    placeOf(place),
  );
}

function isEntry(subject: Subject, section: Section, offset: SectionOffset): boolean {
  return subject.functions.some(f => f.section === section && (f.global === offset || f.local === offset));
}

/**
 * The relocations of the word itself, which go with it.
 *
 * @throws RefusalError PAT021 for one that is no instruction's, or that reaches over the word's edge
 */
export function relocationsAt(subject: Subject, place: Place): RemovedRelocation[] {
  const found: RemovedRelocation[] = [];
  const { offset } = place;
  for (const table of subject.relocationTablesFor(place.section.index)) {
    const relocations = subject.elf.relocations(table);
    const first = relocations.sorted ? relocations.lowerBound(Math.max(0, offset - 7)) : 0;
    for (let i = first; i < relocations.count; i++) {
      const at = relocations.offset(i);
      if (relocations.sorted && at >= offset + 4) break;
      if (at >= offset + 4 || at + 8 <= offset) continue;
      const type = relocations.type(i);
      const facts = relocationFacts(type);
      const wide = facts === undefined || /^(word|prefix)/.test(facts.field);
      const reach = facts?.field === 'word32' || facts?.field === 'word30' ? 4 : wide ? 8 : 4;
      if (at < offset && at + reach <= offset) continue;
      const goesWithEntry = type === R_PPC64_ENTRY && place.at === 'global-entry';
      const odd = facts === undefined || facts.field.startsWith('word') || (type === R_PPC64_ENTRY && !goesWithEntry);
      if (odd || at !== offset)
        throw refusal(
          'PAT021',
          { what: `a relocation that is not an instruction's own (${facts?.name ?? type})` },
          placeOf(place),
        );
      found.push({ table: table.index, entry: i });
    }
  }
  return found;
}
