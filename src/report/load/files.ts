/**
 * The files that an image is written to: one for each section, named like it where that is safe. Section names are any bytes
 * and may be there twice; file names must stay in their folder and differ.
 */

export const MAP_FILE = 'map.json';

/** Characters of a section's name that stand for themselves; `~` marks a number, `%` a byte. */
const PLAIN = /^[A-Za-z0-9_.,+@=$-]+$/;
/** Bytes of a name that are kept, so that a number still fits into the 255 that a file name may have. */
const LONGEST = 200;

/**
 * @param sections index and name (Latin-1: one character for each byte) of each section
 * @returns the file's name for each, all different, none with a path separator
 */
export function sectionFiles(sections: readonly { readonly index: number; readonly name: string }[]): string[] {
  const taken = new Set([MAP_FILE, '.', '..', '']);
  return sections.map(({ index, name }) => {
    const encoded = encode(name);
    const isWhole = encoded.length <= LONGEST && !taken.has(encoded);
    const file = isWhole ? encoded : `${encoded.slice(0, LONGEST)}~${index}`;
    taken.add(file);
    return file;
  });
}

function encode(name: string): string {
  if (PLAIN.test(name)) return name;
  let text = '';
  for (const character of name)
    text += PLAIN.test(character) ? character : `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return text;
}
