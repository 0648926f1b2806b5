/**
 * The string that a patch adds to `.modinfo`: it stands behind all others, alone, and says what input, plan and note say.
 */
import { patchRecordHead, rawPatchNote } from '../kernel/patch-note.ts';
import type { PlannedAction } from '../plan/plan.ts';
import type { Expectation } from './expectation.ts';
import type { Pairing } from './pairing.ts';
import { type Planned, planFor } from './planned.ts';
import type { Report } from './verification.ts';

/** The string, after version, what was done (`hook 65, `) and the SHA-256 of the original. */
export function wantedInformation(tool: string, done: string, sha256: string): string {
  return `tocsin=${tool}: ${done}original ${sha256.slice(0, 16)}\0`;
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

/** By what is done, redirects by strategy, in the order in which it is done first. @param objects how many were merged, if any were */
export function doneBy(actions: readonly PlannedAction[], objects: number | undefined): string {
  const done = actions.map(action => (action.kind === 'redirect' ? `redirect ${action.strategy}` : action.kind));
  const counts = [...new Set(done)].map(how => `${how} ${done.filter(other => other === how).length}, `);
  return counts.join('') + (objects === undefined ? '' : `merged ${objects}, `);
}

export function checkModinfo(report: Report, pair: Pairing, expected: Expectation): string {
  const { planned } = expected;
  const index = planned.informed;
  const found = addedInformation(pair, planned, index).toString('latin1');
  const raw = rawPatchNote(pair.output);
  const tool = raw && patchRecordHead(raw)?.tool;
  // Told of the note.
  if (tool === undefined) return 'no note to hold it against';
  const wanted = wantedInformation(
    tool,
    doneBy(planned.plan.actions, planned.plan.merged?.objects.length),
    expected.hash(),
  );
  if (found !== wanted)
    report.error(
      'VER130',
      `the module's information ends with ${JSON.stringify(found)}, and should say ${JSON.stringify(wanted)}`,
      pair.output.sections[pair.to(index)],
    );
  return found.slice(0, -1);
}
