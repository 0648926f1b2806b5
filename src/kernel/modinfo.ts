/**
 * `.modinfo`: strings of the form `key=value`, each ended by a NUL. `ld` may leave further NULs between them as padding. A key
 * may come several times (`parm`, `alias`, `author`).
 */
import { SHT_PROGBITS } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';

export interface ModinfoEntry {
  readonly key: string;
  /** Empty where there is no `=`. */
  readonly value: string;
}

/** The entries of `bytes` in order; a last one without its NUL counts as well, as the kernel reads it. */
function parseModinfo(bytes: Uint8Array): ModinfoEntry[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  const entries: ModinfoEntry[] = [];
  for (const line of text.split('\0')) {
    if (line === '') continue;
    const equals = line.indexOf('=');
    if (equals < 0) entries.push({ key: line, value: '' });
    else entries.push({ key: line.slice(0, equals), value: line.slice(equals + 1) });
  }
  return entries;
}

/**
 * Keys that say what a module is as a whole. Of several strings with one of these keys the kernel takes the first (`get_modinfo`), and
 * modinfo(8) prints them all.
 */
export const WHOLE_MODULE_KEYS: ReadonlySet<string> = new Set([
  'name',
  'vermagic',
  'license',
  'description',
  'version',
  'srcversion',
  'scmversion',
  'depends',
  'intree',
  'retpoline',
  'staging',
  'test',
  'livepatch',
]);

/** `.modinfo` where another string may be put behind its last one: it is loaded, and ends with a NUL. */
export function informationSection(elf: ElfFile): Section | undefined {
  const section = elf.sectionNamed('.modinfo');
  if (section?.sh_type !== SHT_PROGBITS || !section.isAllocated || section.sh_size === 0) return undefined;
  return elf.contents(section).at(-1) === 0 ? section : undefined;
}

/** The entries of an object's `.modinfo`; none where it has no such section. */
export function modinfoOf(elf: ElfFile): ModinfoEntry[] {
  const section = elf.sectionNamed('.modinfo');
  return section === undefined ? [] : parseModinfo(elf.contents(section));
}
