/** What tocsin's note in a patched file says of the patch, and the file does not show. A note that cannot be read is told by patched.ts. */
import { PATCH_NOTE_SECTION, patchNoteSection, readPatchNote } from '../../../kernel/patch-note.ts';
import { judgeNote } from '../../noted.ts';
import type { Findings } from '../finding.ts';
import type { Subject } from '../subject.ts';

/** What strip or another tool did to the rest of the file is no lie: then the note is told to be of no use, and that is all. */
export function auditNote({ elf }: Pick<Subject, 'elf'>, findings: Findings): void {
  const note = patchNoteSection(elf) === undefined ? undefined : readPatchNote(elf);
  for (const fault of note === undefined ? [] : judgeNote(elf, note))
    findings.add({
      section: PATCH_NOTE_SECTION,
      ...fault,
      level: fault.code === 'VER236' ? 'warning' : 'error',
      message: `the note of tocsin's patch: ${fault.message}`,
    });
}
