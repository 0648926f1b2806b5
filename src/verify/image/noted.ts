/**
 * What the note in a patched kernel image says of the patch, held against the image and its original. All that differs between the two has to
 * follow from the actions that the note lists; merged objects are linked into the image, so actions that lead to them are judged as well.
 * What the note names objects by, and what was not proved, the files do not show.
 */
import type { ElfFile } from '../../elf/read.ts';
import type { PatchRecord } from '../../kernel/patch-note.ts';
import type { ImagePlan } from '../../plan/image.ts';
import { lie, type NotedFault } from '../noted-actions.ts';
import { Report } from '../verification.ts';
import { checkImageActions } from './actions.ts';
import { planBetween } from './between.ts';
import { checkImageRecords, compareDynamic } from './dynamic.ts';
import { checkKernelWords } from './kernel-words.ts';
import { checkImageLabels } from './labels.ts';
import { checkRooms } from './rooms.ts';
import { checkTableEnds } from './table-ends.ts';

/** @param record of which all actions have the form of one */
export function imageNoteFaults(elf: ElfFile, original: ElfFile, record: PatchRecord): readonly NotedFault[] {
  const plan = planBetween(original, elf, record.actions);
  if (plan === undefined) return [lie('the sections of the original are not those of the file')];
  const report = new Report();
  report.step('labels', () => checkImageLabels(report, original, plan));
  report.step('words of the kernel', () => checkKernelWords(report, original, plan));
  report.step('room', () => checkRooms(report, original, plan));
  report.step('dynamic relocations', () => `${compareDynamic(report, original, elf, plan)}`);
  report.step('tracer records', () => checkImageRecords(report, original, elf, plan));
  const ends = report.make(
    'ends of tables',
    () => (plan.tables.length === 0 ? new Set<string>() : checkTableEnds(report, original, elf, plan)),
    () => '',
  );
  report.step('actions', () => checkImageActions(report, original, elf, plan, ends ?? new Set()));
  const { findings } = report.finish({ checked: 0, undecided: 0, byType: {} });
  return [
    ...additionFaults(plan, record),
    ...findings.flatMap(({ code, message, level, section, offset, function: name }) =>
      level !== 'error'
        ? []
        : [
            {
              ...lie(`${message} [${code}]`),
              ...(section !== undefined && { section }),
              ...(offset !== undefined && { offset }),
              ...(name !== undefined && { function: name }),
            },
          ],
    ),
  ];
}

/** What it says of new code, and whether there was an object. */
function* additionFaults({ parts, symbols }: ImagePlan, { codeAdded, merged }: PatchRecord): Generator<NotedFault> {
  const code = parts.reduce((sum, p) => sum + (p.kind === 'code' ? p.bytes.length : 0), 0);
  if (codeAdded !== code) yield lie(`it says that ${codeAdded} bytes of code were added, and ${code} were`);
  const isMerged = parts.some(p => p.kind !== 'code') || symbols.some(s => !s.name.startsWith('__tocsin_'));
  if (merged === undefined && isMerged)
    yield lie('it lists no object that was merged, and the image has what came with one');
  if (merged !== undefined && parts.length === 0)
    yield lie('it lists objects that were merged, and nothing was added to the image');
}
