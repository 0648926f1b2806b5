/** Whether what a table leads to are objects that the module's symbols tell of; `requireObjects` of `loader/screen.ts` is the model. */
import { ENTRY_SIZE, STT_OBJECT } from '../../../elf/wasm/format';
import { MOST_PLACES, OBJECTS } from './memory';
import { sectionOf, symbolAt, symbolCount } from './symbols';

/** Set in a place where an object was found. */
const FOUND: u64 = 1 << 63;

let places: u32 = 0;
/** The section that all places are in, or 0. */
let common: u32 = 0;

export function forgetPlaces(): void {
  memory.fill(OBJECTS, 0, 8 * MOST_PLACES);
  places = 0;
}

/** Where the place is kept, or may be. */
function slotOf(place: u64): u32 {
  let slot = u32((place ^ (place >>> 29)) * 0x9e37_79b1) >>> 20;
  let at = OBJECTS + 8 * (slot & (MOST_PLACES - 1));
  let known = load<u64>(at) & ~FOUND;
  while (known !== 0 && known !== place) {
    slot++;
    at = OBJECTS + 8 * (slot & (MOST_PLACES - 1));
    known = load<u64>(at) & ~FOUND;
  }
  return at;
}

/** @param offset bytes from the start of `section`, which is not 0 */
export function addPlace(section: u32, offset: u32): bool {
  const place = (u64(section) << 32) | offset;
  const at = slotOf(place);
  if (load<u64>(at) !== 0) return true;
  if (++places > MOST_PLACES / 2) return false;
  if (places === 1) common = section;
  else if (common !== section) common = 0;
  store<u64>(at, place);
  return true;
}

export function placeCount(): u32 {
  return places;
}

/** The section of all places; 0 where they are in several. */
export function sectionOfPlaces(): u32 {
  return common;
}

export function isPlace(section: u32, offset: u32): bool {
  const place = (u64(section) << 32) | offset;
  return (load<u64>(slotOf(place)) & ~FOUND) === place;
}

/** @param size that each object has; 0 for any */
export function areObjects(size: u32): bool {
  if (places === 0) return true;
  let found: u32 = 0;
  const end = symbolAt(symbolCount);
  for (let symbol = symbolAt(1); symbol < end; symbol += ENTRY_SIZE) {
    if ((load<u8>(symbol, 4) & 15) !== STT_OBJECT || load<u32>(symbol, 12) !== 0) continue;
    if (size !== 0 && load<u64>(symbol, 16) !== size) continue;
    const place = (u64(sectionOf(symbol)) << 32) | load<u32>(symbol, 8);
    const at = slotOf(place);
    if (load<u64>(at) !== place) continue;
    store<u64>(at, place | FOUND);
    found++;
  }
  return found === places;
}
