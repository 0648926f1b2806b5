/** The ELF header, section groups, and what lies behind the ELF file: a module's signature. */
import { SHDR_SIZE } from '../elf/constants.ts';
import { readGroups } from '../elf/groups.ts';
import type { ElfFile } from '../elf/read.ts';
import type { FieldChange } from './model.ts';

const SIGNATURE = Buffer.from('~Module signature appended~\n');

/** Bytes behind the last part that the headers know of. */
function trailer(elf: ElfFile): Uint8Array {
  let end = elf.header.e_shoff + elf.header.shnum * SHDR_SIZE;
  for (const s of elf.sections) if (s.hasContents) end = Math.max(end, s.sh_offset + s.sh_size);
  return elf.bytes.subarray(end);
}

function trailerText(bytes: Uint8Array): string {
  if (bytes.every(b => b === 0)) return 'nothing';
  const signed = Buffer.compare(bytes.subarray(Math.max(0, bytes.length - SIGNATURE.length)), SIGNATURE) === 0;
  return `${signed ? 'a signature' : 'data'} of ${bytes.length} bytes`;
}

/** One line for each group: its signature and its members by name. */
function groupsText(elf: ElfFile): string {
  if (elf.symbols === undefined) return '';
  return readGroups(elf)
    .map(
      g =>
        `${elf.symbols!.name(g.signature)}: ${g.members
          .map(m => elf.sections[m]!.name)
          .sort()
          .join(' ')}`,
    )
    .sort()
    .join('; ');
}

export function compareHeaders(old: ElfFile, fresh: ElfFile): FieldChange[] {
  const changes: FieldChange[] = [];
  const field = (name: string, a: string, b: string) => {
    if (a !== b) changes.push({ field: name, old: a, new: b });
  };
  field('e_type', `${old.header.e_type}`, `${fresh.header.e_type}`);
  field('e_flags', `0x${old.header.e_flags.toString(16)}`, `0x${fresh.header.e_flags.toString(16)}`);
  field('section groups', groupsText(old), groupsText(fresh));
  const before = trailer(old);
  const after = trailer(fresh);
  field('behind the file', trailerText(before), trailerText(after));
  if (
    changes.every(c => c.field !== 'behind the file') &&
    trailerText(before) !== 'nothing' &&
    Buffer.compare(before, after) !== 0
  )
    changes.push({ field: 'behind the file', old: trailerText(before), new: `${trailerText(after)}, other bytes` });
  return changes;
}
