/** The note in a patched image: as restores.ts judges that of an object. */
import { createHash } from 'node:crypto';
import type { ElfFile } from '../../elf/read.ts';
import { PATCH_NOTE_SECTION, rawPatchNote, readPatchNote } from '../../kernel/patch-note.ts';
import type { ImagePlan } from '../../plan/image.ts';
import { replay } from '../restores.ts';
import { count, type Report } from '../verification.ts';

export function checkImageNote(report: Report, input: ElfFile, output: ElfFile, plan: ImagePlan): string {
  let reason = 'there is none';
  const tell = (text: string) => {
    reason = text;
  };
  const raw = rawPatchNote(output, tell);
  const note = readPatchNote(output, tell);
  if (raw === undefined || note === undefined || raw.section !== output.sections.at(-1)) {
    report.error('VER118', `the note cannot be read: ${reason}`, PATCH_NOTE_SECTION);
    return 'no note that can be read';
  }
  const { record } = note;
  const { size, sha256 } = record.original;
  const wanted = createHash('sha256').update(input.bytes).digest('hex');
  if (size !== input.bytes.length || sha256 !== wanted)
    report.error('VER118', 'the note tells of another input', raw.section);
  const layer = (readPatchNote(input)?.record.layer ?? 0) + 1;
  const code = plan.parts.reduce((n, p) => n + (p.kind === 'code' ? p.bytes.length : 0), 0);
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const isTrue =
    same(record.actions, plan.actions) &&
    same(record.unproved, plan.unproved) &&
    same(record.merged ?? [], plan.merged) &&
    record.layer === layer &&
    record.codeAdded === code &&
    !record.signatureDropped;
  if (!isTrue) report.error('VER118', 'the note does not tell what input and plan say', raw.section);
  const failure = replay(raw.script, output.bytes, input.bytes);
  if (failure !== '') report.error('VER118', `the script does not give the input back: ${failure}`, raw.section);
  return `${count(plan.actions.length, 'action')}; the script gives the ${input.bytes.length} bytes of the input back`;
}
