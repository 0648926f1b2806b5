/** Call sites that are to be gone: the word does nothing, no relocation fills it, and no record of the tracer names it. */
import type { ElfFile } from '../elf/read.ts';
import { RELA_WORDS } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import type { PlannedNop } from '../plan/plan.ts';
import { relocationName } from '../ppc64/relocations.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { placeKey, recordedPlaces, relocationsOn } from './places.ts';
import { type Report, wordText } from './verification.ts';

const NOP = 0x60000000;
const BRANCH_OVER = 0x48000008;

/** A planned nop with the section of the output that it is in. */
export interface PlacedNop {
  readonly action: PlannedNop;
  readonly section: Section;
}

export function judgeNops(report: Report, elf: ElfFile, nops: readonly PlacedNop[]): void {
  const sites = new Map<SectionIndex, PlacedNop[]>();
  let last: PlacedNop[] = [];
  for (let i = 0; i < nops.length; i++) {
    const nop = nops[i]!;
    if (last[0]?.section !== nop.section) {
      last = sites.get(nop.section.index) ?? [];
      sites.set(nop.section.index, last);
    }
    last.push(nop);
  }
  const recorded = recordedPlaces(elf);
  for (const [index, list] of sites) {
    const { section } = list[0]!;
    const words = elf.sectionWords(section);
    const marks = new Uint8Array(words.length);
    let right = true;
    for (let n = 0; n < list.length; n++) {
      const { action } = list[n]!;
      const i = action.offset >>> 2;
      if (action.offset % 4 !== 0 || words[i] !== wordFor(action)) right = false;
      else marks[i] = 1;
    }
    if (!right || meets(elf, section, marks) || namesOne(recorded, list)) tell(report, elf, index, list, recorded);
  }
}

function wordFor(action: PlannedNop): number {
  return action.form === 'pg' ? BRANCH_OVER : NOP;
}

/** Whether a relocation of the section stands on a marked word. */
function meets(elf: ElfFile, section: Section, marks: Uint8Array): boolean {
  for (const table of elf.relocationSectionsFor(section.index)) {
    const { words, count } = elf.relocations(table);
    const end = count * RELA_WORDS;
    for (let w = 0; w < end; w += RELA_WORDS) if (marks[words[w]! >>> 2] === 1) return true;
  }
  return false;
}

function namesOne(recorded: ReadonlySet<number>, nops: readonly PlacedNop[]): boolean {
  if (recorded.size === 0) return false;
  return nops.some(({ action, section }) => recorded.has(placeKey(section.index, action.offset)));
}

/** Looks at every site of a section again and says what is wrong. */
function tell(
  report: Report,
  elf: ElfFile,
  index: SectionIndex,
  nops: readonly PlacedNop[],
  recorded: ReadonlySet<number>,
): void {
  const relocations = relocationsOn(elf, index, new Set<SectionOffset>(nops.map(n => n.action.offset)));
  for (const { action, section } of nops) {
    const { offset } = action;
    const expected = wordFor(action);
    const word = elf.sectionWords(section)[offset >>> 2];
    const error = (code: string, message: string) => report.error(code, message, section, offset, action.function);
    if (word !== expected)
      error(
        'VER050',
        `the site is to hold ${wordText(expected)} and holds ${word === undefined ? 'nothing' : wordText(word)}`,
      );
    for (const r of relocations.get(offset) ?? [])
      error('VER051', `${relocationName(r.type)} still stands on the site`);
    if (recorded.has(placeKey(index, offset))) error('VER052', 'a record of the tracer still names the site');
  }
}
