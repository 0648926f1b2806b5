/**
 * Relocations that can be settled when an object is linked into an image that is relocated as a whole: those whose value is a
 * distance. An address becomes a dynamic relocation; everything else cannot be.
 */
import { encodeField, type PlaceWords } from './relocation-fields.ts';
import { checkPsabi, psabiValue, type RelocationInputs, relocationFacts } from './relocations.ts';

const R_PPC64_ADDR64 = 38;
const R_PPC64_TOC = 51;
const R_PPC64_ENTRY = 118;

/** What linking makes of a relocation: words, an address, or nothing (a marker). A string says why it cannot be done. */
export type Linked =
  | { readonly kind: 'words'; readonly words: PlaceWords }
  | { readonly kind: 'address'; readonly value: bigint }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused'; readonly why: string };

/** @param words those at the place */
export function linkRelocation(inputs: RelocationInputs, words: PlaceWords): Linked {
  const { type, S, A, P, toc } = inputs;
  const facts = relocationFacts(type);
  if (facts === undefined) return { kind: 'refused', why: `type ${type} is not known` };
  if (type === R_PPC64_ADDR64) return { kind: 'address', value: BigInt.asUintN(64, S + A) };
  if (type === R_PPC64_TOC) return { kind: 'address', value: toc };
  if (type === R_PPC64_ENTRY) return { kind: 'words', words: entryWords(P, toc, words) };
  if (facts.base === 'none') return { kind: 'nothing' };
  if (facts.base !== 'S+A-P' && facts.base !== 'S+A-.TOC.')
    return { kind: 'refused', why: `${facts.name} needs what a kernel image has no room for` };
  const finding = checkPsabi(inputs);
  if (finding !== null)
    return { kind: 'refused', why: `${facts.name}: expected ${finding.expected}, found ${finding.found}` };
  return { kind: 'words', words: encodeField(type, words, psabiValue(inputs)!) };
}

/**
 * `ld r2,-8(r12); add r2,r2,r12` at a global entry becomes `addis r2,r12; addi r2,r2`, as linkers and the module loader do it, where
 * the TOC is in reach.
 */
export function entryWords(P: bigint, toc: bigint, words: PlaceWords): PlaceWords {
  const distance = toc - P;
  const isPattern = (words.first & 0xffff0003) >>> 0 === 0xe84c0000 && words.second === 0x7c426214;
  if (!isPattern || distance >= 0x7fff_8000n || distance < -0x8000_8000n) return words;
  const high = Number(((distance + 0x8000n) >> 16n) & 0xffffn);
  return { first: (0x3c4c0000 | high) >>> 0, second: (0x38420000 | Number(distance & 0xffffn)) >>> 0 };
}
