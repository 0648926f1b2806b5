/** The relocations of merged sections: which there are, that a kernel knows them, and that 16 bits reach into the TOC. */
import type { SymbolTarget } from '../plan/merge.ts';
import { kernelRule } from '../ppc64/relocation-kernel.ts';
import { relocationName } from '../ppc64/relocations.ts';
import { hex } from '../util/bytes.ts';
import { mergeRefusal } from './refusals.ts';

const R_PPC64_TOC16 = 47;
const R_PPC64_TOC16_DS = 63;
/** Bytes of the TOC that a signed 16-bit displacement from r2 reaches, from the start of `.toc` on. */
const TOC_WINDOW = 0x1_0000;

/** @throws RefusalError PAT105, PAT107, PAT108 */
export function checkType(object: string, section: string, offset: number, type: number): void {
  const name = relocationName(type);
  const at = { section, offset };
  if (kernelRule(type) !== undefined) return;
  if (/TLS|TPREL|DTPMOD|DTPREL/.test(name)) throw mergeRefusal('PAT105', { object, what: name }, at);
  if (kernelRule(type, true) !== undefined || /PCREL|NOTOC|34/.test(name))
    throw mergeRefusal('PAT107', { object, name: section, what: name }, at);
  throw mergeRefusal('PAT108', { object, what: name }, at);
}

/** Where a symbol of the merged module lies: its section and the offset there; `undefined` where it is defined nowhere. */
export type PlaceOf = (target: SymbolTarget) => { readonly section: number; readonly value: number } | undefined;

/**
 * Code of the small model reaches its TOC entry by 16 bits from r2. r2 is 0x8000 behind the start of `.toc`, rounded down to
 * 256.
 *
 * @throws RefusalError PAT115
 */
export function checkTocReach(
  object: string,
  type: number,
  place: ReturnType<PlaceOf>,
  addend: number,
  toc: { readonly index: number; readonly alignment: number } | undefined,
): void {
  if (type !== R_PPC64_TOC16 && type !== R_PPC64_TOC16_DS) return;
  const what = relocationName(type);
  if (place === undefined || place.section !== toc?.index)
    throw mergeRefusal('PAT115', { object, what: `${what} reaches for something outside .toc` });
  const offset = place.value + addend + (toc.alignment >= 256 ? 0 : 255);
  if (offset < 0 || offset >= TOC_WINDOW)
    throw mergeRefusal('PAT115', { object, what: `${what} reaches for .toc+${hex(place.value + addend)}` });
}
