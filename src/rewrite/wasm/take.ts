/**
 * Takes every call site out of a module, for modules that are laid out in the usual way: what `makePlan` and `applyPlan` do for
 * `--nop '*'`, with the plan in a table and the new file in the place of the old one. It never refuses or warns; every file that is
 * not plain is left to them.
 */
import { apply, textAt } from './apply';
import { listedNames, namesAt, readSymbols } from './functions';
import { endAt, layOut, makeHeaders, newSize } from './layout';
import { begin, fileSize, reserve } from './memory';
import { noteSize, recordAt, startRecord } from './record';
import { writeScript } from './script';
import { elfSize, information, readHeader, readSections } from './sections';
import { calls, plan, planned, planSites, recordCount, without } from './sites';

const RESULT_WORDS: u32 = 9;

/**
 * Plans for the file of `size` bytes at `at`, which is not changed yet.
 *
 * @param room bytes that the new file may have, there
 * @param tables where there are `tablesRoom` bytes for tables
 * @returns where the result is, words: sites, where they stand (`sites.ts`); names, where they stand (symbol numbers); functions
 *   without a site; calls; records; whether a signature goes; whether there is `.modinfo` that gets a string more. 0 where the file is
 *   not plain
 */
export function planFor(at: u32, size: u32, room: u32, tables: u32, tablesRoom: u32): u32 {
  begin(at, size, room, tables, tablesRoom);
  const result = reserve(4 * RESULT_WORDS);
  if (result === 0 || !readHeader() || !readSections() || !readSymbols() || !planSites()) return 0;
  store<u32>(result, planned);
  store<u32>(result, plan, 4);
  store<u32>(result, listedNames(), 8);
  store<u32>(result, namesAt(), 12);
  store<u32>(result, without, 16);
  store<u32>(result, calls, 20);
  store<u32>(result, recordCount, 24);
  store<u32>(result, u32(elfSize < fileSize), 28);
  store<u32>(result, u32(information !== 0), 32);
  return result;
}

/** Room for texts; 0 where there is none. */
export function textRoom(size: u32): u32 {
  return reserve(size);
}

export { recordAt };

/** Where the new file has the string for `.modinfo`. */
export function informationAt(): u32 {
  return textAt;
}

/**
 * Carries the plan out.
 *
 * @param head where the record's JSON stands, up to its actions
 * @param text where the string for `.modinfo` stands, of 0 bytes where there is none
 * @returns the size of the new file, which stands where the old one did; 0 where it has no room
 */
export function carryOut(head: u32, headSize: u32, text: u32, textSize: u32): u32 {
  if (!layOut(textSize) || !writeScript() || !startRecord(head, headSize)) return 0;
  if (!endAt(noteSize()) || !makeHeaders(noteSize())) return 0;
  return apply(text, textSize) ? newSize : 0;
}
