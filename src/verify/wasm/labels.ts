/** What the plan says of each site in words: its form, and all names of its function; `labels.ts` is the model. */

import { offsetOf, sizeOf } from '../../elf/wasm/format';
import { input, was } from './files';
import { NOP, zeroed } from './memory';
import { endOfNames, firstName, formOf, isCall, nameAt, planned, recordTable, siteOffset, siteSection } from './plan';
import { isFunction, sectionOf, symbolCount, symbolOf } from './structure';

const MFLR_R0: u32 = 0x7c0802a6;
const STD_R0_16_R1: u32 = 0xf8010010;
/** In the order of the plan's forms. */
const MPROFILE: u32 = 0;
const MPROFILE_LR: u32 = 1;
const PATCHABLE: u32 = 2;
const OUT_OF_LINE: u32 = 3;

/** A word of the site's section, counted in words from the site. */
function wordAt(n: u32, distance: i32): u32 {
  const at = i64(siteOffset(n)) + 4 * distance;
  const header = was(siteSection(n));
  if (at < 0 || u64(at) + 4 > sizeOf(header)) return 0;
  return load<u32>(input + offsetOf(header) + u32(at));
}

export function checkLabels(): bool {
  let nops = PATCHABLE;
  for (let n: u32 = 0; n < planned; n++)
    if (!isCall(n) && recordTable(n) !== 0 && wordAt(n, 1) !== NOP) nops = OUT_OF_LINE;
  for (let n: u32 = 0; n < planned; n++) if (formOf(n) !== (isCall(n) ? callForm(n) : nops)) return false;
  return namesAreComplete();
}

function callForm(n: u32): u32 {
  if (wordAt(n, -1) === MFLR_R0) return MPROFILE;
  const savesLink = wordAt(n, -1) === STD_R0_16_R1 && wordAt(n, -2) === MFLR_R0;
  // A form that no such plan has.
  return savesLink ? MPROFILE_LR : u32.MAX_VALUE;
}

/** Section and value of a symbol as one number. */
function placeOf(symbol: u32): u64 {
  return (u64(sectionOf(symbol)) << 32) | u64(load<u32>(symbol, 8));
}

/** Where the function of a site begins. */
function entryOf(n: u32): u64 {
  return placeOf(symbolOf(nameAt(firstName(n))));
}

/** Each name that is listed is one of a function that begins there, once; and no other function begins at these places. */
function namesAreComplete(): bool {
  // A byte for each symbol: whether it is listed.
  const listed = zeroed(symbolCount);
  if (listed === 0) return false;
  let last: u64 = u64.MAX_VALUE;
  for (let n: u32 = 0; n < planned; n++) {
    const entry = entryOf(n);
    // Entries go up with sites, where functions do not lie in one another.
    if (last !== u64.MAX_VALUE && entry < last) return false;
    if (entry === last && !isSameList(n - 1, n)) return false;
    last = entry;
    for (let i = firstName(n); i < endOfNames(n); i++) {
      const symbol = symbolOf(nameAt(i));
      if (!isFunction(symbol) || placeOf(symbol) !== entry) return false;
      for (let j = firstName(n); j < i; j++) if (nameAt(j) === nameAt(i)) return false;
      store<u8>(listed + nameAt(i), 1);
    }
  }
  for (let i: u32 = 1; i < symbolCount; i++) {
    if (load<u8>(listed + i) === 1) continue;
    const symbol = symbolOf(i);
    if (isFunction(symbol) && isEntry(placeOf(symbol))) return false;
  }
  return true;
}

/** The same names, in the same order. */
function isSameList(a: u32, b: u32): bool {
  const first = firstName(a);
  const count = endOfNames(a) - first;
  if (endOfNames(b) - firstName(b) !== count) return false;
  for (let i: u32 = 0; i < count; i++) if (nameAt(first + i) !== nameAt(firstName(b) + i)) return false;
  return true;
}

/** Whether the function of some site begins there. */
function isEntry(place: u64): bool {
  let low: u32 = 0;
  let high: u32 = planned;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entryOf(middle) < place) low = middle + 1;
    else high = middle;
  }
  return low < planned && entryOf(low) === place;
}
