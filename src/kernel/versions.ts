/**
 * Symbol versions (CONFIG_MODVERSIONS): the checksum of each imported symbol's type, which the kernel compares when a module
 * is loaded. A module that has versions for its imports but none for one of them is refused ("no symbol version for
 * NAME", seen on 6.1 and 6.12), so whoever adds an import has to add its version.
 *
 *     __versions            64 bytes each: 8 bytes of checksum, a name of up to 55 characters and NULs
 *     __version_ext_crcs    4 bytes each, and
 *     __version_ext_names   one NUL-ended name each, for names of any length (from 6.14 on, where the kernel asks for it)
 */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { InputError } from '../util/errors.ts';

export const VERSION_SIZE = 64;
const NAME_AT = 8;
/** Characters of a name that fit, its NUL not counted. */
export const VERSION_NAME_LIMIT = VERSION_SIZE - NAME_AT - 1;

export interface SymbolVersion {
  readonly name: string;
  readonly crc: number;
}

/** The section with the basic form, if the module has versions at all. */
export function versionsSection(elf: ElfFile): Section | undefined {
  const section = elf.sectionNamed('__versions');
  return section?.hasContents ? section : undefined;
}

/** @throws InputError KER001 where the section is not made of whole entries */
export function readVersions(elf: ElfFile): SymbolVersion[] {
  const section = versionsSection(elf);
  if (section === undefined) return [];
  const bytes = elf.contents(section);
  if (bytes.length % VERSION_SIZE !== 0)
    throw new InputError({
      code: 'KER001',
      message: 'the symbol versions are not whole entries',
      section: section.name,
      expected: `a multiple of ${VERSION_SIZE} bytes`,
      found: `${bytes.length}`,
      remedy: 'the module is damaged: build or copy it again',
    });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const versions: SymbolVersion[] = [];
  for (let at = 0; at < bytes.length; at += VERSION_SIZE) {
    const field = bytes.subarray(at + NAME_AT, at + VERSION_SIZE);
    const end = field.indexOf(0);
    const name = Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('latin1');
    versions.push({ name, crc: view.getUint32(at, true) });
  }
  return versions;
}

/** One entry of `__versions`. */
export function encodeVersion({ name, crc }: SymbolVersion): Uint8Array {
  const bytes = new Uint8Array(VERSION_SIZE);
  new DataView(bytes.buffer).setUint32(0, crc, true);
  bytes.set(Buffer.from(name, 'latin1').subarray(0, VERSION_NAME_LIMIT), NAME_AT);
  return bytes;
}
