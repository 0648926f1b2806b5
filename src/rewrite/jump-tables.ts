/**
 * Jump tables that GCC lays into the code itself, right behind the `bctr` that uses them: 32-bit distances from the table's
 * start to each label. They carry no relocations, so only the words tell.
 *
 * A table ends where the first of its own labels behind it begins, or the function ends: what stands between the `bctr` and
 * that place is nothing but the table.
 */

/** Byte offsets of the labels of the table that begins at byte offset `table`, each inside [start, end). */
export function jumpTableLabels(words: Uint32Array, table: number, start: number, end: number): number[] {
  const labels: number[] = [];
  let stop = end;
  for (let at = table; at + 4 <= stop; at += 4) {
    const label = table + (words[at / 4]! | 0);
    if (label % 4 !== 0 || label < start || label >= end) continue;
    labels.push(label);
    if (label >= table && label < stop) stop = Math.max(label, at + 4);
  }
  return labels;
}

/** `bctr` without link, conditional or not. */
export function isBctr(word: number): boolean {
  return (word & 0xfc0007ff) >>> 0 === 0x4c000420;
}
