/** Functions by the places where a branch enters them. */
import type { Section } from '../elf/section.ts';
import { imageThunks } from '../kernel/image.ts';
import type { SectionOffset } from '../util/indexes.ts';
import { type Code, placeKey, type Subject } from './subject.ts';

export interface Entries {
  /** The function that a branch to a place enters, counted from the section's start: in a linked image that may lie outside of it. */
  at(section: Section, offset: SectionOffset): Code | undefined;
}

export function entriesOf(subject: Subject): Entries {
  const codes = new Map<number, Code>();
  for (const code of subject.codes(() => true)) {
    codes.set(placeKey(code.section.index, code.names[0]!.local), code);
    codes.set(placeKey(code.section.index, code.global), code);
  }
  if (subject.elf.isRelocatable) return { at: (section, offset) => codes.get(placeKey(section.index, offset)) };
  const sections = subject.elf.sections.filter(s => s.isCode && s.sh_addr > 0n);
  // ld puts thunks between code that is too far apart.
  const thunks = new Map(imageThunks(subject.elf).map(t => [t.address, t.target]));
  return {
    at: (from, offset) => {
      const branched = from.sh_addr + BigInt(offset);
      const address = thunks.get(branched) ?? branched;
      const home = sections.find(s => address >= s.sh_addr && address < s.sh_addr + BigInt(s.sh_size));
      return home && codes.get(placeKey(home.index, Number(address - home.sh_addr)));
    },
  };
}
