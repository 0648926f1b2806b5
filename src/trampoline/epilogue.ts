/**
 * `epilogue`: the replacement G lives in another module, which exports a copy of it with an epilogue (rewrite/epilogue/copy.ts): one entry,
 * and r2 on return is r2 on entry, whoever's that is. So nothing need stand between the copy and F's caller: no frame, and the caller's
 * arguments on the stack stay where they are.
 *
 * What must not be used is the stub that the loader makes for a branch to an undefined symbol: it stores r2 at 24(r1), in the
 * frame of F's caller, where another call in flight may have put another object's TOC. So the branch goes by an address: a doubleword
 * behind the code, which the loader fills (R_PPC64_ADDR64), and which nobody can write once the module's text is read-only.
 *
 * - `recomputed`: r2 becomes the home's TOC, computed from the code's own address, and that is what the copy keeps. Right where F has
 *   two entries, since F owes it; the only way at F's global entry, where r2 is anybody's.
 * - `saved`: r2 stays as it is, and the copy keeps that. Where F has two entries it is the home's TOC, by which the doubleword is
 *   found; where F has one, it is anybody's, F owes it back, and the doubleword is found from the code's own address.
 *
 * r0, r12 and CTR belong to nobody at a function's entry; LR is as it was; r12 is the address that is gone to (ELFv2, 2.2.1.1).
 */
import {
  findHere,
  MTCTR_R12_BCTR,
  R_PPC64_REL16_HA,
  R_PPC64_REL16_LO,
  type Template,
  type TemplateWord,
} from './template.ts';

const R_PPC64_ADDR64 = 38;
const R_PPC64_TOC16_HA = 50;
const R_PPC64_TOC16_LO_DS = 64;
/** Bytes: where `findHere` leaves the address of the code. */
const HERE = 8;

/** The doubleword at `at` bytes from the start, and what fills the words in front of it. */
function withAddress(code: Template, at: number): Template {
  const padding = Array.from({ length: at / 4 - code.length }, (): TemplateWord => ({ asm: 'nop', word: 0x60000000 }));
  return [
    ...code,
    ...padding,
    { asm: '2: .quad target', word: 0, relocation: { type: R_PPC64_ADDR64, role: 'target', addend: 0 } },
    { asm: '', word: 0 },
  ];
}

/** The address of the copy from the doubleword `at` bytes from the start, found by r12 = the address of the code + HERE. */
const loadNear = (at: number): TemplateWord => ({ asm: 'ld 12,2f-1b(12)', word: 0xe98c0000 | (at - HERE) });

/** r2 = this object's TOC, and on to the copy. */
const recomputed: Template = withAddress(
  [
    ...findHere,
    {
      asm: 'addis 2,12,(.TOC.-1b)@ha',
      word: 0x3c4c0000,
      relocation: { type: R_PPC64_REL16_HA, role: '.TOC.', addend: 8 },
    },
    {
      asm: 'addi 2,2,(.TOC.-1b)@l',
      word: 0x38420000,
      relocation: { type: R_PPC64_REL16_LO, role: '.TOC.', addend: 12 },
    },
    loadNear(40),
    ...MTCTR_R12_BCTR,
  ],
  40,
);

/** With anybody's r2, which is left alone. */
const anyToc: Template = withAddress([...findHere, loadNear(32), ...MTCTR_R12_BCTR], 32);

/** With this object's TOC in r2. */
const byToc: Template = withAddress(
  [
    {
      asm: 'addis 12,2,2f@toc@ha',
      word: 0x3d820000,
      relocation: { type: R_PPC64_TOC16_HA, role: 'self', addend: 16 },
    },
    {
      asm: 'ld 12,2f@toc@l(12)',
      word: 0xe98c0000,
      relocation: { type: R_PPC64_TOC16_LO_DS, role: 'self', addend: 16 },
    },
    ...MTCTR_R12_BCTR,
  ],
  16,
);

/**
 * @param tocOnEntry whether r2 holds this object's TOC where the function branches away
 * @param recompute whether r2 is to be computed anew
 */
export function epilogueTemplate(tocOnEntry: boolean, recompute: boolean): Template {
  if (recompute) return recomputed;
  return tocOnEntry ? byToc : anyToc;
}
