/** Instruction words for hand-made code in tests; distances in words. */
export const NOP = 0x60000000;
export const BLR = 0x4e800020;
export const BCTR = 0x4e800420;
export const BCTRL = 0x4e800421;
export const BLRL = 0x4e800021;
export const BCTARL = 0x4e800461;
export const MFLR_R0 = 0x7c0802a6;
export const STD_R0_16_R1 = 0xf8010010;
export const MTCTR_R12 = 0x7d8903a6;
export const MTCTR_R9 = 0x7d2903a6;
/** ld r12,0(r9) */
export const LD_R12_0_R9 = 0xe9890000;
/** mr r12,r3 */
export const MR_R12_R3 = 0x7c6c1b78;
/** add r12,r9,r10 */
export const ADD_R12_R9_R10 = 0x7d895214;
/** bcl 20,31,.+4 */
export const BCL_GET_PC = 0x429f0005;
/** ld r2,-8(r12) ; add r2,r2,r12 */
export const LOAD_ADD = [0xe84cfff8, 0x7c426214] as const;
/** addis r2,r12,0 ; addi r2,r2,0 */
export const ADDIS_ADDI = [0x3c4c0000, 0x38420000] as const;
/** li r3,1 */
export const LI_R3_1 = 0x38600001;

export const b = (words: number): number => (0x48000000 | ((words * 4) & 0x03fffffc)) >>> 0;
export const bl = (words: number): number => b(words) + 1;
/** beq cr0,.+4*words */
export const beq = (words: number): number => (0x41820000 | ((words * 4) & 0xfffc)) >>> 0;
/** bcl 20,31,.+4*words: links always */
export const bcl = (words: number): number => (0x429f0001 | ((words * 4) & 0xfffc)) >>> 0;
