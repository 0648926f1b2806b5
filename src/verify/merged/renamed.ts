/**
 * A trampoline of the user's own goes into the module as a copy whose placeholders are called what they stand for (docs/custom.md).
 * The copy has to be the user's object in everything else.
 */
import { SHN_UNDEF } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import { SYMBOL_WORDS } from '../../elf/symbols.ts';
import { count, type Report } from '../verification.ts';

export interface RenamedObject {
  /** File name without folder. */
  readonly name: string;
  readonly given: ElfFile;
  readonly copy: ElfFile;
  /** The redirect that it is the trampoline of, F and G as the user named them. */
  readonly from: string;
  readonly to: string;
  /** What the start of the trampoline is called in the module. */
  readonly entry: string;
}

const PREFIX = '__tocsin_';

export function compareRenamed(report: Report, objects: readonly RenamedObject[]): string {
  for (const object of objects) {
    const what = difference(object);
    if (what !== undefined)
      report.error('VER100', `the copy of ${object.name} is not the object that was given: ${what}`);
  }
  return `${count(objects.length, 'object')} with names in place of placeholders`;
}

function difference({ given, copy, from, to, entry }: RenamedObject): string | undefined {
  const names: Readonly<Record<string, string>> = { target: to, original: from, continue: from, toc: '.TOC.' };
  const [before, after] = [given.symbols, copy.symbols];
  if (before === undefined || after === undefined || before.count !== after.count) return 'it has other symbols';
  if (given.sections.length !== copy.sections.length) return 'it has other sections';
  for (const section of given.sections) {
    const other = copy.sections[section.index]!;
    const isSame =
      section.name === other.name &&
      section.sh_type === other.sh_type &&
      section.sh_flags === other.sh_flags &&
      section.sh_addralign === other.sh_addralign &&
      section.sh_info === other.sh_info;
    const isNamed = section.index === before.section.index || section.index === before.section.sh_link;
    const bytes = isNamed ? 0 : Buffer.compare(given.contents(section), copy.contents(other));
    if (!isSame || bytes !== 0 || (!isNamed && section.sh_size !== other.sh_size)) return `section ${section.name}`;
  }
  for (let i = 1; i < before.count; i++) {
    const was = before.name(i);
    const isPlaceholder = before.rawSection(i) === SHN_UNDEF && was.startsWith(PREFIX);
    const expected = was === `${PREFIX}trampoline` ? entry : isPlaceholder ? names[was.slice(PREFIX.length)] : was;
    if (after.name(i) !== expected) return `${was} is called ${after.name(i)}`;
    for (let w = 1; w < SYMBOL_WORDS; w++)
      if (before.words[i * SYMBOL_WORDS + w] !== after.words[i * SYMBOL_WORDS + w]) return was;
  }
  return undefined;
}
