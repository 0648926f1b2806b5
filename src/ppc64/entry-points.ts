/**
 * Global and local entry points of ELFv2 functions.
 *
 * A function that needs the TOC has two entries. Callers that may have another TOC enter at the symbol's value with that
 * address in r12, and code there computes r2; callers with the same TOC skip it. How far they skip is in the three upper
 * bits of `st_other` (ELF V2 ABI 1.5, section 3.4.1): 0 and 1 mean a single entry, k = 2..6 a distance of 2^k bytes, 7 is
 * reserved. k = 1 adds that the function may change r2 even for a local caller, as pc-relative code does.
 */
import { ADD_R2_R2_R12 } from './words.ts';

/** What the three bits say. */
export type LocalEntry =
  | {
      readonly reserved: false;
      /** Bytes from the symbol's value to the local entry. */
      readonly offset: number;
      /** Must a local caller expect r2 to change (k = 1)? */
      readonly clobbersToc: boolean;
    }
  | { readonly reserved: true };

/** The value k of a symbol's `st_other`. */
export function localEntryBits(stOther: number): number {
  return (stOther >>> 5) & 7;
}

/** The local entry that `st_other` describes; `reserved` for the value 7, which only a damaged file has. */
export function localEntry(stOther: number): LocalEntry {
  const k = localEntryBits(stOther);
  if (k === 7) return { reserved: true };
  return { reserved: false, offset: ((1 << k) >> 2) << 2, clobbersToc: k === 1 };
}

/**
 * Bytes from the global to the local entry as the kernel's loader computes them: it does not look for the reserved value,
 * and would take 7 for 128 bytes.
 */
export function localEntryOffset(stOther: number): number {
  return ((1 << localEntryBits(stOther)) >> 2) << 2;
}

/**
 * How the global entry sets r2.
 *
 * - `addis-addi`: `addis r2,r12,(.TOC.-.)@ha; addi r2,r2,(.TOC.-.)@l`, the medium model; in a linked image `lis r2; addi`
 *   too, where the TOC's address is fixed and small.
 * - `load-add`: `ld r2,-8(r12); add r2,r2,r12`, the large model, with the distance in a doubleword before the function.
 * - `pcrel`: a single entry that does not keep r2.
 * - `none`: a single entry that neither needs r2 nor changes it.
 * - `unknown`: two entries, but other code between them.
 */
export type TocSetup = 'addis-addi' | 'load-add' | 'pcrel' | 'none' | 'unknown';

/** R_PPC64_REL16_HA, R_PPC64_REL16_LO. */
const rel16High = 252;
const rel16Low = 250;

function isHigh(word: number): boolean {
  return (word & 0xffff0000) >>> 0 === 0x3c4c0000 || (word & 0xffff0000) >>> 0 === 0x3c400000;
}

function isLow(word: number): boolean {
  return (word & 0xffff0000) >>> 0 === 0x38420000;
}

/** ld r2,offset(r12) with any offset: compilers use -8, but the doubleword may stand elsewhere. */
function isTocLoad(word: number): boolean {
  return (word & 0xffff0003) >>> 0 === 0xe84c0000;
}

/**
 * The form of a function's global entry code, from its first two words.
 *
 * `relocations`: the relocation types at the first and the second word of a relocatable object, where there are any. A
 * pair of `addis`/`addi` with relocations is only a TOC set-up when these are REL16_HA and REL16_LO.
 */
export function tocSetup(
  stOther: number,
  first: number,
  second: number,
  relocations?: readonly [first: number | undefined, second: number | undefined],
): TocSetup {
  const k = localEntryBits(stOther);
  if (k === 1) return 'pcrel';
  if (k === 0) return 'none';
  if (isTocLoad(first) && second >>> 0 === ADD_R2_R2_R12) return 'load-add';
  if (!isHigh(first) || !isLow(second)) return 'unknown';
  if (relocations === undefined || relocations.every(type => type === undefined)) return 'addis-addi';
  return relocations[0] === rel16High && relocations[1] === rel16Low ? 'addis-addi' : 'unknown';
}
