/**
 * Pieces of code as tables: every row is one instruction word beside its assembly text, with the relocation that fills it.
 * A lab test gives the text to the GNU assembler and compares words and relocations.
 */

/**
 * Names that a template's relocations refer to: the replacement, or this object's TOC; for hooks (hook.ts) what is called
 * before and after, the function itself, its body, and whatever a moved instruction referred to; for shadow (shadow.ts) its
 * counters and its table; for epilogue (epilogue.ts) the code itself.
 */
export type Role = 'target' | '.TOC.' | 'self' | 'before' | 'after' | 'function' | 'body' | 'moved' | 'state' | 'table';

/** R_PPC64_* types that trampolines use; the kernel's loader knows all of them. */
export const R_PPC64_REL24 = 10;
export const R_PPC64_ADDR64 = 38;
const R_PPC64_TOC16_LO = 48;
const R_PPC64_TOC16_HA = 50;
export const R_PPC64_REL16_LO = 250;
export const R_PPC64_REL16_HA = 252;

export interface TemplateRelocation {
  readonly type: number;
  readonly role: Role;
  readonly addend: number;
}

export interface TemplateWord {
  /** With `target` for the replacement's name; local labels are numbers. */
  readonly asm: string;
  readonly word: number;
  readonly relocation?: TemplateRelocation;
}

export type Template = readonly TemplateWord[];

const word = (asm: string, value: number): TemplateWord => ({ asm, word: value });

const relocated = (asm: string, value: number, type: number, role: Role, addend = 0): TemplateWord => ({
  asm,
  word: value,
  relocation: { type, role, addend },
});

/** The word that enters the replacement, or the trampoline in front of it. */
export const BRANCH: TemplateWord = relocated('b target', 0x48000000, R_PPC64_REL24, 'target');

/** r12 = the address of `1:`, eight bytes from the start; LR as it was, and also in r0. */
export const findHere: Template = [
  word('mflr 0', 0x7c0802a6),
  word('bcl 20,31,1f', 0x429f0005),
  word('1: mflr 12', 0x7d8802a6),
  word('mtlr 0', 0x7c0803a6),
];

/** To the address in r12. */
export const MTCTR_R12_BCTR: Template = [word('mtctr 12', 0x7d8903a6), word('bctr', 0x4e800420)];

/**
 * From a function that may be entered with anybody's r2 to one that needs its own: to the global entry, with its address
 * in r12 as the ABI has it there (ELFv2, 2.2.1.1), and r2 comes from r12.
 *
 * `bcl 20,31` is the branch-and-link that CPUs keep out of their return stack; what it leaves in LR is the address of the
 * next instruction. r0, r12 and CTR are free at a function's entry, r11 is not needed, and LR is as it was.
 */
export const directByAddress: Template = [
  ...findHere,
  relocated('addis 12,12,(target-1b)@ha', 0x3d8c0000, R_PPC64_REL16_HA, 'target', 8),
  relocated('addi 12,12,(target-1b)@l', 0x398c0000, R_PPC64_REL16_LO, 'target', 12),
  ...MTCTR_R12_BCTR,
];

/**
 * The same from a function that has its own TOC in r2: the address lies at a distance from that, which may be 2 GB. Both take the
 * place of words of the function where a branch would not reach.
 */
export const longBranch: Template = [
  relocated('addis 12,2,target@toc@ha', 0x3d820000, R_PPC64_TOC16_HA, 'target'),
  relocated('addi 12,12,target@toc@l', 0x398c0000, R_PPC64_TOC16_LO, 'target'),
  ...MTCTR_R12_BCTR,
];

/**
 * From the global entry of a function, with anybody's r2, to a function of the same object: r2 becomes this object's TOC, as the
 * words would have made it that stood there. A replacement with one entry leaves it so, as one with two does.
 */
export const directWithToc: Template = [
  ...findHere,
  relocated('addis 2,12,(.TOC.-1b)@ha', 0x3c4c0000, R_PPC64_REL16_HA, '.TOC.', 8),
  relocated('addi 2,2,(.TOC.-1b)@l', 0x38420000, R_PPC64_REL16_LO, '.TOC.', 12),
  BRANCH,
];

/**
 * The two words in front of the local entry of new code that wants its TOC in r2: st_other says 3. Nobody comes this way, but its
 * contract is stated.
 */
export const globalEntry: Template = [
  relocated('0: addis 2,12,(.TOC.-0b)@ha', 0x3c4c0000, R_PPC64_REL16_HA, '.TOC.', 0),
  relocated('addi 2,2,(.TOC.-0b)@l', 0x38420000, R_PPC64_REL16_LO, '.TOC.', 4),
];

const openFrame: Template = [
  word('mflr 0', 0x7c0802a6),
  word('std 0,16(1)', 0xf8010010),
  word('stdu 1,-96(1)', 0xf821ffa1),
];

/** r2 = this object's TOC, from the place where the code stands. */
const findToc: Template = [
  word('bcl 20,31,1f', 0x429f0005),
  word('1: mflr 12', 0x7d8802a6),
  relocated('addis 2,12,(.TOC.-1b)@ha', 0x3c4c0000, R_PPC64_REL16_HA, '.TOC.', 4),
  relocated('addi 2,2,(.TOC.-1b)@l', 0x38420000, R_PPC64_REL16_LO, '.TOC.', 8),
];

/** The loader turns the nop into `ld 2,24(1)` where the call goes through a stub. */
const call: Template = [relocated('bl target', 0x48000001, R_PPC64_REL24, 'target'), word('2: nop', 0x60000000)];

/** A function returns by `blr`, so LR still holds the address that it returned to: that of the nop. */
const recomputeToc: Template = [
  word('mflr 12', 0x7d8802a6),
  relocated('addis 2,12,(.TOC.-2b)@ha', 0x3c4c0000, R_PPC64_REL16_HA, '.TOC.', 8),
  relocated('addi 2,2,(.TOC.-2b)@l', 0x38420000, R_PPC64_REL16_LO, '.TOC.', 12),
];

const closeFrame: Template = [
  word('addi 1,1,96', 0x38210060),
  word('ld 0,16(1)', 0xe8010010),
  word('mtlr 0', 0x7c0803a6),
  word('blr', 0x4e800020),
];

/**
 * A frame of the least size that the ABI allows, and a call in it: r2, LR and r1 on return are those on entry.
 *
 * @param tocOnEntry whether r2 holds this object's TOC on entry
 * @param recompute whether r2 is computed anew after the call, instead of loaded from the frame
 */
export function frameTemplate(tocOnEntry: boolean, recompute: boolean): Template {
  return [...openFrame, ...(tocOnEntry ? [] : findToc), ...call, ...(recompute ? recomputeToc : []), ...closeFrame];
}
