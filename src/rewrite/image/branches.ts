/**
 * Branches of a linked image that enter a function at its local entry. No relocation tells them, and none has to: a branch is a word, and
 * its displacement says where it leads. What looks like one has to lie in a function, or be a thunk of the linker's that goes on to the
 * entry, whose callers are all meant; anything else may be data.
 */

import { RELA_WORDS } from '../../elf/relocations.ts';
import type { Section } from '../../elf/section.ts';
import { imageRecords, imageThunks } from '../../kernel/image.ts';
import { dynamicRelocations } from '../../kernel/image-layout.ts';
import { RECORD_SIZE } from '../../kernel/tracer-tables.ts';
import { hex } from '../../util/bytes.ts';
import type { SectionOffset } from '../../util/indexes.ts';
import type { LocalBranch } from '../entry-redirects.ts';
import { refusal } from '../refusals.ts';
import type { Code, Subject } from '../subject.ts';
import { endOf } from '../targets.ts';
import { imageRefusal } from './refusals.ts';

/**
 * Those of the image as it was before objects were merged: an object that calls the function means what the function was.
 *
 * @throws RefusalError PAT072, PAT251
 */
export function imageBranches(subject: Subject, from: Code, name: string): LocalBranch[] {
  const { elf } = subject;
  const local = from.section.sh_addr + BigInt(from.names[0]!.local);
  const known = (what: string, section: Section, offset: SectionOffset) =>
    refusal('PAT072', { name, what }, { section, offset });
  if (from.names[0]!.local !== from.global && isConstant(subject, local))
    throw known('an address constant names it', from.section, from.names[0]!.local);
  const thunks = new Map(imageThunks(elf).map(t => [t.address, t]));
  const found: LocalBranch[] = [];
  for (const section of elf.sections.slice(0, subject.firstAdded)) {
    if (!section.isCode || !section.hasContents || section.sh_addr === 0n) continue;
    const words = elf.sectionWords(section);
    // Distances in numbers: all code of an image lies within 2 GB.
    const target = Number(local - section.sh_addr);
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      const opcode = word >>> 26;
      if ((opcode !== 18 && opcode !== 16) || (word & 2) !== 0) continue;
      const offset = i * 4;
      const distance = opcode === 18 ? ((word & 0x03fffffc) << 6) >> 6 : ((word & 0xfffc) << 16) >> 16;
      if (offset + distance !== target || distance === 0) continue;
      const isInside = section === from.section && offset >= from.global && offset < endOf(from);
      // Branches inside the function that do not link are its loops.
      if (isInside && (word & 1) === 0) continue;
      if (opcode === 16) throw known(`${section.name}+${hex(offset)} is a conditional branch there`, section, offset);
      if (subject.around(section, offset) === undefined && !thunks.has(section.sh_addr + BigInt(offset)))
        throw imageRefusal('PAT251', { name, place: `${section.name}+${hex(offset)}` }, { section, offset });
      found.push({ section, offset, word, relocation: undefined });
    }
  }
  const places = new Set(found.map(({ section, offset }) => section.sh_addr + BigInt(offset)));
  for (const { address, target, name: thunk } of thunks.values())
    if (target === local && !places.has(address))
      throw known(`${thunk} goes there by an address`, from.section, from.names[0]!.local);
  return found;
}

/** Whether an address constant names the place. A record of the tracer does, where the call site begins there; it is no way to it. */
function isConstant({ elf }: Subject, address: bigint): boolean {
  const dynamic = dynamicRelocations(elf);
  if (dynamic === undefined) return false;
  const records = imageRecords(elf);
  const start = records?.start ?? 0n;
  const end = start + BigInt((records?.values.length ?? 0) * RECORD_SIZE);
  const { words } = elf.relocations(dynamic.section);
  const at = (w: number) => (BigInt(words[w + 1]!) << 32n) | BigInt(words[w]!);
  const low = Number(address & 0xffff_ffffn);
  for (let w = 0; w < words.length; w += RELA_WORDS)
    if (words[w + 4] === low && at(w + 4) === address && !(at(w) >= start && at(w) < end)) return true;
  return false;
}
