/**
 * `.modinfo`: strings of the form `key=value`, each ended by a NUL. `ld` may leave further NULs between them as padding. A key
 * may come several times (`parm`, `alias`, `author`).
 */
import type { ElfFile } from '../elf/read.ts';

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

/** The entries of an object's `.modinfo`; none where it has no such section. */
export function modinfoOf(elf: ElfFile): ModinfoEntry[] {
  const section = elf.sectionNamed('.modinfo');
  return section === undefined ? [] : parseModinfo(elf.contents(section));
}
