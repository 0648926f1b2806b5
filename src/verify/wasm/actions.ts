/** What the plan means: its functions are where it says, and nothing of their call sites is left; `nop-sites.ts` is the model. */
import { ENTRY_SIZE, infoOf, offsetOf, SHT_RELA, sizeOf, typeOf } from '../../elf/wasm/format';
import { is, isTracerTable, output, outputSections } from './files';
import { NOP, zeroed } from './memory';
import { firstName, nameAt, planned, siteOffset, siteSection } from './plan';
import { isFunction, sectionOf, symbolOf } from './structure';

/** The function that each action names has a byte at the site. */
export function functionsAreThere(): bool {
  for (let n: u32 = 0; n < planned; n++) {
    const symbol = symbolOf(nameAt(firstName(n)));
    const start = load<u64>(symbol, 8);
    const offset: u64 = siteOffset(n);
    if (!isFunction(symbol) || sectionOf(symbol) !== siteSection(n) || offset < start) return false;
    if (offset - start >= max<u64>(load<u64>(symbol, 16), 4)) return false;
  }
  return true;
}

/** Each site holds a nop, no relocation fills it, and the tracer has no records at all. */
export function sitesAreGone(): bool {
  const first = zeroed(4 * outputSections);
  const last = zeroed(4 * outputSections);
  if (first === 0 || last === 0) return false;
  for (let n: u32 = 0; n < planned; n++) {
    const section = siteSection(n);
    if (load<u32>(output + offsetOf(is(section)) + siteOffset(n)) !== NOP) return false;
    if (load<u32>(last + 4 * section) === 0) store<u32>(first + 4 * section, n);
    store<u32>(last + 4 * section, n + 1);
  }
  for (let i: u32 = 1; i < outputSections; i++) {
    if (isTracerTable(i) && sizeOf(is(i)) !== 0) return false;
    if (typeOf(is(i)) !== SHT_RELA) continue;
    const section = infoOf(is(i));
    if (isTracerTable(section) && sizeOf(is(i)) !== 0) return false;
    if (meets(is(i), load<u32>(first + 4 * section), load<u32>(last + 4 * section))) return false;
  }
  return true;
}

/** Whether a relocation of a table stands on a site from `first` up to `last`; also where its entries are not in order. */
function meets(table: u32, first: u32, last: u32): bool {
  if (first === last) return false;
  const end = output + offsetOf(table) + sizeOf(table);
  let n = first;
  let before: u32 = 0;
  for (let at = output + offsetOf(table); at < end; at += ENTRY_SIZE) {
    const place = load<u32>(at);
    if (place < before) return true;
    before = place;
    while (n < last && siteOffset(n) + 4 <= place) n++;
    if (n < last && place >= siteOffset(n)) return true;
  }
  return false;
}
