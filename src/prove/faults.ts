/** What may be wrong with one instruction: what the transfer function answers. */

export const FINE = 0;
/** No row of the instruction table fits. */
export const UNKNOWN_INSTRUCTION = 1;
/** r2 is used as the TOC and does not hold the home's, as far as is known. */
export const TOC_USE = 2;
/** The caller's back chain is overwritten. */
export const BACK_CHAIN = 3;
/** The caller's TOC save slot is overwritten. */
export const TOC_SLOT = 4;
/** r13, the PACA or thread pointer, is changed. */
export const R13_WRITTEN = 5;
/** The caller's LR slot gets something that is not the return address. */
export const LR_SLOT = 6;
/** Something of the caller's frame is overwritten that is not known to be an argument. */
export const PARAMETER_AREA = 7;
