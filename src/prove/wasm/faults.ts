/** What may be wrong with one instruction: `prove/faults.ts`. */

export const FINE: u32 = 0;
export const UNKNOWN_INSTRUCTION: u32 = 1;
export const TOC_USE: u32 = 2;
export const BACK_CHAIN: u32 = 3;
export const TOC_SLOT: u32 = 4;
export const R13_WRITTEN: u32 = 5;
export const LR_SLOT: u32 = 6;
export const PARAMETER_AREA: u32 = 7;

/** The first of two faults; every file that combines them needs it. */
export function or(first: u32, second: u32): u32 {
  return first !== FINE ? first : second;
}
