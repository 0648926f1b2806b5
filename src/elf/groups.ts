import { InputError } from '../util/errors.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import { GRP_COMDAT, SHT_GROUP } from './constants.ts';
import type { ElfFile } from './read.ts';
import type { Section } from './section.ts';

/** A section group (SHT_GROUP): sections that a linker keeps or drops together. */
export interface SectionGroup {
  readonly section: Section;
  readonly comdat: boolean;
  /** Its name is the group's signature. */
  readonly signature: SymbolIndex;
  readonly members: readonly SectionIndex[];
}

/**
 * The section groups of an object, in section order.
 *
 * @throws InputError ELF021 where a group names a section or a symbol that does not exist
 */
export function readGroups(elf: ElfFile): SectionGroup[] {
  const groups: SectionGroup[] = [];
  for (const section of elf.sections) {
    if (section.sh_type !== SHT_GROUP) continue;
    const words = elf.sectionWords(section);
    const members = Array.from(words.subarray(1));
    const wrong = members.find(m => m === 0 || m >= elf.sections.length);
    if (words.length === 0 || wrong !== undefined || section.sh_info >= (elf.symbols?.count ?? 0))
      throw new InputError({
        code: 'ELF021',
        message: 'a section group names something that does not exist',
        section: section.name,
        expected: `flags, then section indices below ${elf.sections.length}; a signature among the symbols`,
        found: wrong === undefined ? `${words.length} words, signature ${section.sh_info}` : `section ${wrong}`,
        remedy: 'the file is damaged: build or copy it again',
      });
    groups.push({ section, comdat: (words[0]! & GRP_COMDAT) !== 0, signature: section.sh_info, members });
  }
  return groups;
}
