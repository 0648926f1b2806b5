/** Copies of functions that keep the r2 of whoever enters them: each against its function, its tables and its export. */
import { STB_GLOBAL, STT_FUNC } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { PlannedEpilogue } from '../plan/plan.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import type { ActionPlaces } from './action-places.ts';
import { judgeEpilogue } from './epilogue.ts';
import { Exports } from './epilogue-exports.ts';
import { TableEdges } from './epilogue-tables.ts';
import { type Relocation, relocationsOn } from './places.ts';
import { count, type Report } from './verification.ts';

export interface PlacedEpilogue {
  readonly action: PlannedEpilogue;
  readonly function: KernelFunction;
}

const NOP = 0x60000000;

/** Behind a copy there are nops up to the next symbol, or the end of the section. */
function judgeRoom(
  report: Report,
  output: ElfFile,
  { section, global, size, name }: KernelFunction,
  on: (offset: SectionOffset) => readonly Relocation[],
): void {
  const symbols = output.symbols!;
  const words = output.sectionWords(section);
  let end = section.sh_size;
  for (let i = 1; i < symbols.count; i++) {
    const value = symbols.value(i);
    if (symbols.sectionOf(i) === section.index && value >= global + size && value < end) end = value;
  }
  for (let at = global + size; at < end; at += 4)
    if (words[at >>> 2] !== NOP || on(at).length > 0) {
      report.error('VER285', 'something stands behind the copy that is no part of it', section, at, name);
      return;
    }
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
    // A symbol may say any size, and the copy is walked to its end.
    if (copy.global + copy.size > copy.section.sh_size) {
      const message = `the symbol of the copy says ${copy.size} bytes, and its section ends before`;
      report.error('VER266', message, copy.section, copy.global, action.symbol);
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
    const { symbols } = output;
    if (symbols!.type(copy.symbol) !== STT_FUNC || symbols!.binding(copy.symbol) !== STB_GLOBAL)
      report.error('VER285', 'the symbol of the copy is no global function', copy.section, copy.global, action.symbol);
    judgeRoom(report, output, copy, on(copy.section));
  }
  return `${count(epilogues.length, 'copy', 'copies')}, ${count(words, 'word')}`;
}
