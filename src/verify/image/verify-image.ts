/**
 * The judge of a write to a linked kernel image, as verify.ts is of one to an object: from the two files and the plan alone. An image
 * is linked, so its own bytes have to be what the plan says, in their places, and nothing else may differ; what the kernel makes of
 * them when it applies its dynamic relocations is worked out from both files and compared as well.
 */
import type { ElfFile } from '../../elf/read.ts';
import { readElf } from '../../elf/read.ts';
import type { ImagePlan } from '../../plan/image.ts';
import { compareRenamed, type RenamedObject } from '../merged/renamed.ts';
import { checkStructure } from '../structure.ts';
import { Report, type Verification } from '../verification.ts';
import { checkImageActions } from './actions.ts';
import { checkAdditions } from './additions.ts';
import { compareImageBytes } from './compare-bytes.ts';
import { compareImageHeaders } from './compare-headers.ts';
import { compareImageTail } from './compare-tail.ts';
import { checkImageRecords, compareDynamic } from './dynamic.ts';
import { checkKernelWords } from './kernel-words.ts';
import { checkImageLabels } from './labels.ts';
import { checkMergedParts } from './merged-parts.ts';
import { checkImageNote } from './note.ts';
import { checkRooms } from './rooms.ts';
import { checkTableEnds } from './table-ends.ts';
import { checkGrownTables } from './tables.ts';

/**
 * Verifies one write. Nothing is thrown for a bad output: that is what the findings are for.
 *
 * @param objects those that the plan merges
 * @param renamed those of them that are copies of what the user gave, with other names
 * @param output the bytes as they would be written, or as they were read again; never changed
 */
export function verifyImage(
  input: ElfFile,
  output: Uint8Array,
  plan: ImagePlan,
  objects: readonly ElfFile[] = [],
  renamed: readonly RenamedObject[] = [],
): Verification {
  const report = new Report();
  const after = report.make(
    're-read',
    () => readElf(output),
    elf => `${elf.bytes.length} bytes`,
  )!;
  report.step('structure', () => checkStructure(report, after, input));
  report.step('headers', () => compareImageHeaders(report, input, after, plan));
  report.stopOn('VER111');
  report.step('image', () => compareImageBytes(report, input, after, plan));
  report.step('behind the image', () => compareImageTail(report, input, after, plan));
  report.step('every byte', () => report.account(output.length));
  if (renamed.length > 0) report.step('placeholders', () => compareRenamed(report, renamed));
  if (plan.merged.length + objects.length > 0)
    report.step('objects', () => checkMergedParts(report, input, plan, objects));
  report.step('room', () => checkRooms(report, input, plan));
  const dynamic = report.make(
    'dynamic relocations',
    () => compareDynamic(report, input, after, plan),
    count => `${count} R_PPC64_RELATIVE give what the plan says`,
  );
  report.step('tracer records', () => checkImageRecords(report, input, after, plan));
  if (objects.length > 0) report.step('tables', () => checkGrownTables(report, input, plan, objects));
  const ends = report.make(
    'ends of tables',
    () => (plan.tables.length === 0 ? new Set<string>() : checkTableEnds(report, input, after, plan)),
    places => `${places.size} words of code tell where tables lie`,
  );
  report.step('words of the kernel', () => checkKernelWords(report, input, plan));
  report.step('labels', () => checkImageLabels(report, input, plan));
  report.step('additions', () => checkAdditions(report, { input, plan, objects, renamed }));
  report.step('actions', () => checkImageActions(report, input, after, plan, ends ?? new Set()));
  report.step('note', () => checkImageNote(report, input, after, plan));
  return report.finish({ checked: dynamic ?? 0, undecided: 0, byType: { R_PPC64_RELATIVE: dynamic ?? 0 } });
}
