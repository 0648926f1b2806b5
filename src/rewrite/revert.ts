/** Turns a file that tocsin patched back into what it was, or says why it cannot. */
import { createHash } from 'node:crypto';
import { readElf } from '../elf/read.ts';
import { type PatchNote, type PatchRecord, patchNoteSection, readPatchNote } from '../kernel/patch-note.ts';
import { InputError, RefusalError } from '../util/errors.ts';
import { applyRestoreScript, BadScript } from './restore-script.ts';

export interface Reverted {
  /** The file before its last patch, unpacked, bit for bit. */
  readonly original: Uint8Array;
  readonly record: PatchRecord;
}

/**
 * Undoes the last patch.
 *
 * @param bytes the patched file, unpacked
 * @throws RefusalError RVT001 where tocsin did not make the file, RVT002 where it was changed or damaged since;
 *   InputError where it is no ELF object at all
 */
export function revert(bytes: Uint8Array): Reverted {
  const { record, script } = requireNote(bytes);
  let original: Uint8Array;
  try {
    original = applyRestoreScript(script, bytes);
  } catch (error) {
    if (error instanceof BadScript) throw damaged(`the restoring script is bad: ${error.message}`);
    throw error;
  }
  const sha256 = createHash('sha256').update(original).digest('hex');
  if (original.length !== record.original.size || sha256 !== record.original.sha256)
    throw damaged('the result is not the original', record.original.sha256, sha256);
  return { original, record };
}

function requireNote(bytes: Uint8Array): PatchNote {
  const elf = readElf(bytes);
  if (patchNoteSection(elf) === undefined)
    throw new RefusalError({
      code: 'RVT001',
      message: 'tocsin did not make this file, or its note was stripped',
      expected: 'a section .note.tocsin of type SHT_NOTE',
      remedy: 'give the file that tocsin patch wrote; install the original package again where it is lost',
    });
  let reason = '';
  try {
    const note = readPatchNote(elf, text => {
      reason = text;
    });
    if (note !== undefined) return note;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    reason = error.complaint.message;
  }
  throw damaged(reason);
}

function damaged(found: string, expected?: string, sha256?: string): RefusalError {
  return new RefusalError({
    code: 'RVT002',
    message: `the file was changed or damaged after it was patched: ${found}`,
    section: '.note.tocsin',
    expected: expected && `SHA-256 ${expected}`,
    found: sha256 && `SHA-256 ${sha256}`,
    remedy: 'revert the file as tocsin patch wrote it, before strip or other tools changed it',
  });
}
