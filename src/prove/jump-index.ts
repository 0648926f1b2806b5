/** What compilers put in front of a jump through a table: the check that keeps the index in bounds. */

/** Words between a table's jump and what keeps its index in bounds. */
const FARTHEST = 16;

/**
 * How many entries a table has at least, where the words before the `bctr` at `pc` are as compilers write them: the index is
 * compared, `cmplwi rX,N` and `bgt`, and shifted, `rldic rY,rX,2`. 0 where they are not.
 *
 * @param start of the function, bytes from the origin as `pc`
 */
export function entriesOf(code: Uint32Array, start: number, pc: number): number {
  const first = Math.max(start >> 2, (pc >> 2) - FARTHEST);
  let index = -1;
  let field = -1;
  for (let at = (pc >> 2) - 1; at > first; at--) {
    const word = code[at]!;
    const opcode = word >>> 26;
    if (index < 0) {
      if ((opcode === 30 || opcode === 21) && ((word >>> 11) & 31) === 2) index = (word >>> 21) & 31;
      else if (opcode === 16 && ((word >>> 16) & 3) === 1) field = (word >>> 18) & 7;
    } else if (opcode === 16) {
      // Bit 1 of a field is GT; another branch in between is about something else.
      if (((word >>> 16) & 3) !== 1 || field >= 0) return 0;
      field = (word >>> 18) & 7;
    } else if (opcode === 10 && ((word >>> 16) & 31) === index) {
      return ((word >>> 23) & 7) === field ? (word & 0xffff) + 1 : 0;
    } else if (((word >>> 21) & 31) === index || ((word >>> 16) & 31) === index) {
      // It may not be what was compared any more.
      return 0;
    }
  }
  return 0;
}
