/** Copies of functions that keep the r2 of whoever enters them: each against its function, its tables and its export. */
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { PlannedEpilogue } from '../plan/plan.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import type { ActionPlaces } from './action-places.ts';
import { judgeEpilogue } from './epilogue.ts';
import { Exports } from './epilogue-exports.ts';
import { TableEdges } from './epilogue-tables.ts';
import { type Relocation, relocationsOn } from './places.ts';
import { count } from './verification.ts';

export interface PlacedEpilogue {
  readonly action: PlannedEpilogue;
  readonly function: KernelFunction;
}

export function judgeEpilogues(places: ActionPlaces, epilogues: readonly PlacedEpilogue[]): string {
  const { report } = places;
  const { output } = places.pair;
  const edges = new TableEdges(output);
  const exports = new Exports(output);
  const relocations = new Map<SectionIndex, ReadonlyMap<SectionOffset, Relocation[]>>();
  const on = (section: Section) => {
    const known = relocations.get(section.index) ?? relocationsOn(output, section.index);
    relocations.set(section.index, known);
    return (offset: SectionOffset) => known.get(offset) ?? [];
  };
  let words = 0;
  for (const { action, function: from } of epilogues) {
    const [copy, other] = places.named(action.symbol);
    if (copy === undefined || other !== undefined) {
      report.error('VER140', `there is not one ${action.symbol}`, action.section, action.offset, action.function);
      continue;
    }
    places.checkLifetime(from.section, copy.section, action.symbol);
    words += judgeEpilogue(report, {
      action,
      output,
      from,
      copy,
      onFrom: on(from.section),
      onCopy: on(copy.section),
      edges,
    });
    edges.compare(report, output, from, copy, action.body, action.symbol);
    exports.judge(report, action, copy);
  }
  return `${count(epilogues.length, 'copy', 'copies')}, ${count(words, 'word')}`;
}
