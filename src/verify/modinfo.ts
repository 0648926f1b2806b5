/**
 * The string that a patch adds to `.modinfo`: it stands behind all others, alone, and says what input, plan and note say.
 */
import type { ElfFile } from '../elf/read.ts';
import { informationSection } from '../kernel/modinfo.ts';
import { patchRecordHead, rawPatchNote } from '../kernel/patch-note.ts';
import type { Expectation } from './expectation.ts';
import type { Pairing } from './pairing.ts';
import { type Planned, planFor } from './planned.ts';
import type { Report } from './verification.ts';

/** Number of the input's section that gets a string more; -1 where none does. */
export function informedSection(input: ElfFile, { plan }: Planned): number {
  if (plan.merged === undefined && plan.actions.every(action => action.kind === 'nop')) return -1;
  return informationSection(input)?.index ?? -1;
}

/** Bytes that the output has behind those of the input's section `index`: the string, whatever it is. */
export function addedInformation(pair: Pairing, planned: Planned, index: number): Buffer {
  const { input, output } = pair;
  const section = output.sections[pair.to(index)];
  if (section?.hasContents !== true) return Buffer.alloc(0);
  const before = input.sections[index]!.sh_size;
  const other = planFor(planned, index).appended.reduce((sum, bytes) => sum + bytes.length, 0);
  return Buffer.from(output.contents(section).subarray(before + other));
}

/** By what the plan does, in the order in which it does it first. */
function doneBy({ plan }: Planned): string {
  const kinds: string[] = [];
  for (const { kind } of plan.actions) if (!kinds.includes(kind)) kinds.push(kind);
  const counts = kinds.map(kind => `${kind} ${plan.actions.filter(a => a.kind === kind).length}, `);
  const objects = plan.merged?.objects.length;
  return counts.join('') + (objects === undefined ? '' : `merged ${objects}, `);
}

export function checkModinfo(report: Report, pair: Pairing, expected: Expectation): string {
  const { planned } = expected;
  const index = informedSection(pair.input, planned);
  const found = addedInformation(pair, planned, index).toString('latin1');
  const raw = rawPatchNote(pair.output);
  const tool = raw && patchRecordHead(raw)?.tool;
  // Told of the note.
  if (tool === undefined) return 'no note to hold it against';
  const wanted = `tocsin=${tool}: ${doneBy(planned)}original ${expected.hash().slice(0, 16)}\0`;
  if (found !== wanted)
    report.error(
      'VER130',
      `the module's information ends with ${JSON.stringify(found)}, and should say ${JSON.stringify(wanted)}`,
      pair.output.sections[pair.to(index)],
    );
  return found.slice(0, -1);
}
