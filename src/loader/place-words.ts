/** The instruction words at a place, as arch/powerpc/kernel/module_64.c rewrites them. */
import type { MemoryPlace } from './placed-memory.ts';
import { highAdjusted, lowHalf } from './stubs.ts';

/** ld r2,0(r12) and add r2,r2,r12 */
const LD_R2_R12 = 0xe84c_0000;
const ADD_R2_R2_R12 = 0x7c42_6214;
/** addis r2,r12,0 and addi r2,r2,0 */
const ADDIS_R2_R12 = 0x3c4c_0000;
const ADDI_R2_R2 = 0x3842_0000;

const unsigned = (value: bigint) => BigInt.asUintN(64, value);

/** `patch_instruction()`: a word that looks like the first half of a prefixed instruction takes the next word with it. */
export function patchInstruction({ view, at }: MemoryPlace, word: number): void {
  view.setUint32(at, word, true);
  if (word >>> 26 === 1 && at + 8 <= view.byteLength) view.setUint32(at + 4, 0, true);
}

/** R_PPC64_ENTRY: `ld r2,…(r12); add r2,r2,r12` becomes `addis r2,r12,…; addi r2,r2,…` where the TOC is near enough. */
export function rewriteEntry({ view, at, address }: MemoryPlace, toc: bigint): void {
  const distance = unsigned(toc - address);
  if (unsigned(distance + 0x8000_8000n) > 0xffff_ffffn) return;
  if ((view.getUint32(at, true) & ~0xfffc) >>> 0 !== LD_R2_R12) return;
  if (view.getUint32(at + 4, true) !== ADD_R2_R2_R12) return;
  view.setUint32(at, (ADDIS_R2_R12 | highAdjusted(distance)) >>> 0, true);
  view.setUint32(at + 4, (ADDI_R2_R2 | lowHalf(distance)) >>> 0, true);
}

/** Puts 34 bits of a value into the two halves of a prefixed instruction. */
export function setImmediate34({ view, at }: MemoryPlace, value: bigint): void {
  const high = Number((value >> 16n) & 0x3ffffn);
  view.setUint32(at, ((view.getUint32(at, true) & ~0x3ffff) | high) >>> 0, true);
  view.setUint32(at + 4, ((view.getUint32(at + 4, true) & ~0xffff) | lowHalf(value)) >>> 0, true);
}

/** `pla` becomes `pld`: what was computed is loaded instead. */
export function makeLoad({ view, at }: MemoryPlace): void {
  const suffix = ((view.getUint32(at + 4, true) & ~0xf800_0000) | 0xe400_0000) >>> 0;
  view.setUint32(at, (view.getUint32(at, true) & ~0x0200_0000) >>> 0, true);
  view.setUint32(at + 4, suffix, true);
}
