/**
 * Ways from one instruction to another that no branch shows: an access that faults goes on at its exception fixup, a jump
 * label becomes a branch to its target. Both leave every register as it was.
 */
import type { Section } from '../elf/section.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { placeKey, type Subject } from './subject.ts';

export interface Spot {
  readonly section: Section;
  readonly offset: SectionOffset;
}

/** Tables of pairs of 32-bit distances, and the size of an entry. */
const tables: readonly (readonly [name: string, entrySize: number])[] = [
  ['__ex_table', 8],
  ['__jump_table', 16],
];

const NOTHING: readonly Spot[] = [];
const known = new WeakMap<Subject, ReadonlyMap<number, readonly Spot[]>>();

export function sidewaysEdges(subject: Subject, section: SectionIndex, offset: SectionOffset): readonly Spot[] {
  let edges = known.get(subject);
  if (edges === undefined) {
    edges = collect(subject);
    known.set(subject, edges);
  }
  return edges.get(placeKey(section, offset)) ?? NOTHING;
}

function collect(subject: Subject): ReadonlyMap<number, readonly Spot[]> {
  const edges = new Map<number, Spot[]>();
  for (const [name, entrySize] of tables) {
    for (const section of subject.elf.sections) {
      if (!section.isAllocated || section.name !== name) continue;
      const spots = new Map<number, Spot>();
      for (const table of subject.relocationTablesFor(section.index)) {
        const relocations = subject.elf.relocations(table);
        for (let i = 0; i < relocations.count; i++) {
          const spot = subject.spotOf(relocations.symbol(i), relocations.addend(i));
          if (spot !== undefined) spots.set(relocations.offset(i), spot);
        }
      }
      for (const [at, from] of spots) {
        const to = at % entrySize === 0 ? spots.get(at + 4) : undefined;
        if (to === undefined) continue;
        const key = placeKey(from.section.index, from.offset);
        const list = edges.get(key);
        if (list === undefined) edges.set(key, [to]);
        else list.push(to);
      }
    }
  }
  return edges;
}
