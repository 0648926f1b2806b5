/**
 * `hook`: other functions are called before a function F, or when it has returned, and F never knows.
 *
 * - Entry: as for every trampoline (direct.ts): LR holds the return address, no frame exists yet, and all that F is given is in
 *   r3 to r10 and in the frame of its caller. The way back leads behind the word that became the branch.
 * - The trampoline is a part of F that lies elsewhere: nobody calls it, control comes from F's middle and goes back there. So its
 *   symbol is no function's, and whoever follows F follows it as well, with F's contract, F's jump tables and F's prototype.
 * - A hook gets `ip`, the address that the tracer would give for F, in r3, and the return address in r4; one that runs after F
 *   gets F's result in r5.
 * - Before F: r3 to r10 wait in r14 to r21, whose own contents wait in the frame. A callee keeps non-volatile registers, so
 *   the arguments come back without having been in memory; a variadic F may then be shown to store what it was given. When F
 *   goes on, the frame is gone, r1, r2, LR and r3 to r10 are what they were, and r0 holds the return address, as `mflr r0` in a
 *   call site leaves it. r11, r12, CTR, XER and the volatile CR fields belong to nobody at a function's entry.
 * - After F: F has to return here, so a frame lies between F and its caller: F must not take arguments from the stack, as with
 *   `frame`. F is called through a piece of code with a symbol of its own (`body`), which is all that is left of F's
 *   beginning: so its contract, two entries where F has two, is stated and can be proved like any function's. r3 and r4 are kept; the kernel is compiled for
 *   soft float, and no other register holds a result.
 * - r2: where F has k >= 2 it is home, whichever entry was used. Where F has k = 0 it is anybody's: it waits in the frame, home is
 *   computed for the hook, and F gets it back as it was; after F, what F left is kept.
 * - A hook that is defined elsewhere is reached by a stub, which stores r2 at 24(r1): that is a frame of our own. The nop
 *   behind the call becomes the load of it.
 * - The frame has 64 bytes for a hook that turns out to be variadic (frame.ts).
 */
import type { TocRecovery } from '../plan/plan.ts';
import { encodeLd, encodeMr, encodeStd, encodeStdu } from '../ppc64/words.ts';
import {
  globalEntry,
  R_PPC64_REL16_HA,
  R_PPC64_REL16_LO,
  R_PPC64_REL24,
  type Template,
  type TemplateWord,
} from './template.ts';

const R_PPC64_TOC16_LO = 48;
const R_PPC64_TOC16_HA = 50;

/** A function to be called. */
export interface HookTarget {
  /** Whether it is undefined here, so that the loader makes a stub for it. */
  readonly external: boolean;
}

export interface HookShape {
  readonly before?: HookTarget | undefined;
  readonly after?: HookTarget | undefined;
  /** Whether F finds its TOC in r2 (k >= 2). */
  readonly tocOnEntry: boolean;
  readonly toc: TocRecovery;
  /** `ip`: bytes from F's global entry. */
  readonly ip: number;
  /** Where F goes on: bytes from its local entry. */
  readonly resume: number;
  /** The instruction that the branch took the place of; a relocation that it has refers to the role `moved`. */
  readonly moved?: TemplateWord | undefined;
  /** Whether F's call site stores the return address in the frame of F's caller (`mprofile-kernel-lr`). */
  readonly siteSavesLink: boolean;
}

const word = (asm: string, value: number): TemplateWord => ({ asm, word: value });
const std = (register: number, at: number) => word(`std ${register},${at}(1)`, encodeStd(register, at, 1));
const ld = (register: number, at: number) => word(`ld ${register},${at}(1)`, encodeLd(register, at, 1));
const mr = (to: number, from: number) => word(`mr ${to},${from}`, encodeMr(to, from));

const ARGUMENTS = [3, 4, 5, 6, 7, 8, 9, 10] as const;
/** From an argument register to the non-volatile one that keeps it. */
const KEEP = 11;

/** Frame of a call before F: header and parameters 96, r14 to r21 64, r2 8, and 8 to spare. */
const BEFORE_FRAME = 176;
const BEFORE_SAVES = 96;
const BEFORE_TOC = 160;
/** Frame around F: header and parameters 96, r3 and r4 16, r2 8, and 8 to spare. */
const AFTER_FRAME = 128;
const AFTER_RESULTS = 96;
const AFTER_TOC = 112;

const MFLR_R0 = word('mflr 0', 0x7c0802a6);
const MTLR_R0 = word('mtlr 0', 0x7c0803a6);

const open = (size: number): Template => [MFLR_R0, std(0, 16), word(`stdu 1,${-size}(1)`, encodeStdu(1, -size, 1))];
const close = (size: number): Template => [word(`addi 1,1,${size}`, 0x38210000 | size), ld(0, 16), MTLR_R0];

/** r2 = this object's TOC, and nothing else but r12 and LR changes. */
const findToc: Template = [
  word('bcl 20,31,1f', 0x429f0005),
  word('1: mflr 12', 0x7d8802a6),
  {
    asm: 'addis 2,12,(.TOC.-1b)@ha',
    word: 0x3c4c0000,
    relocation: { type: R_PPC64_REL16_HA, role: '.TOC.', addend: 4 },
  },
  {
    asm: 'addi 2,2,(.TOC.-1b)@l',
    word: 0x38420000,
    relocation: { type: R_PPC64_REL16_LO, role: '.TOC.', addend: 8 },
  },
];

/** Bits of st_other that say what a body wants of r2: two entries, eight bytes apart, or one. */
export function bodyEntryCode(tocOnEntry: boolean): number {
  return tocOnEntry ? 3 : 0;
}

/** LR holds the address that the hook returned to, that of the nop. */
const recomputeToc: Template = [
  word('mflr 12', 0x7d8802a6),
  {
    asm: 'addis 2,12,(.TOC.-2b)@ha',
    word: 0x3c4c0000,
    relocation: { type: R_PPC64_REL16_HA, role: '.TOC.', addend: 8 },
  },
  {
    asm: 'addi 2,2,(.TOC.-2b)@l',
    word: 0x38420000,
    relocation: { type: R_PPC64_REL16_LO, role: '.TOC.', addend: 12 },
  },
];

const plus = (name: string, addend: number) => (addend === 0 ? name : `${name}+${addend}`);

/** r3 = ip */
const loadIp = ({ ip }: HookShape): Template => [
  {
    asm: `addis 3,2,${plus('function', ip)}@toc@ha`,
    word: 0x3c620000,
    relocation: { type: R_PPC64_TOC16_HA, role: 'function', addend: ip },
  },
  {
    asm: `addi 3,3,${plus('function', ip)}@toc@l`,
    word: 0x38630000,
    relocation: { type: R_PPC64_TOC16_LO, role: 'function', addend: ip },
  },
];

/** The call of a hook, and r2 = home again behind one that lies elsewhere. */
function call(role: 'before' | 'after', { external }: HookTarget, { toc, tocOnEntry }: HookShape): Template {
  const branch = { asm: `bl ${role}`, word: 0x48000001, relocation: { type: R_PPC64_REL24, role, addend: 0 } } as const;
  if (!external) return [branch];
  return [branch, word('2: nop', 0x60000000), ...(toc === 'recomputed' && tocOnEntry ? recomputeToc : [])];
}

function callBefore(shape: HookShape, target: HookTarget): Template {
  const { tocOnEntry } = shape;
  return [
    ...open(BEFORE_FRAME),
    ...ARGUMENTS.map(r => std(r + KEEP, BEFORE_SAVES + 8 * (r - 3))),
    ...ARGUMENTS.map(r => mr(r + KEEP, r)),
    ...(tocOnEntry ? [] : [std(2, BEFORE_TOC), ...findToc]),
    ...loadIp(shape),
    mr(4, 0),
    ...call('before', target, shape),
    ...(tocOnEntry ? [] : [ld(2, BEFORE_TOC)]),
    ...ARGUMENTS.map(r => mr(r, r + KEEP)),
    ...ARGUMENTS.map(r => ld(r + KEEP, BEFORE_SAVES + 8 * (r - 3))),
    ...close(BEFORE_FRAME),
  ];
}

function callAfter(shape: HookShape, target: HookTarget): Template {
  const { tocOnEntry } = shape;
  return [
    ...open(AFTER_FRAME),
    { asm: 'bl body', word: 0x48000001, relocation: { type: R_PPC64_REL24, role: 'body', addend: 0 } },
    std(3, AFTER_RESULTS),
    std(4, AFTER_RESULTS + 8),
    mr(5, 3),
    ...(tocOnEntry ? [] : [std(2, AFTER_TOC), ...findToc]),
    ...loadIp(shape),
    ld(4, AFTER_FRAME + 16),
    ...call('after', target, shape),
    ...(tocOnEntry ? [] : [ld(2, AFTER_TOC)]),
    ld(3, AFTER_RESULTS),
    ld(4, AFTER_RESULTS + 8),
    ...close(AFTER_FRAME),
    word('blr', 0x4e800020),
  ];
}

/** How F goes on behind its branch. */
export type RestShape = Pick<HookShape, 'tocOnEntry' | 'resume' | 'moved' | 'siteSavesLink'>;

/** What F would have done at the branch, and the way back to the word behind it. */
export function goOn({ moved, resume }: RestShape): Template {
  return [
    ...(moved === undefined ? [] : [moved]),
    {
      asm: `b ${plus('function', resume)}`,
      word: 0x48000000,
      relocation: { type: R_PPC64_REL24, role: 'function', addend: resume },
    },
  ];
}

/** F as a function of its own, without its branch. */
export function bodyTemplate(shape: RestShape): Template {
  return [
    ...(shape.tocOnEntry ? globalEntry : []),
    MFLR_R0,
    ...(shape.siteSavesLink ? [std(0, 16)] : []),
    ...goOn(shape),
  ];
}

/** What F's branch leads to. With a hook after F, `body` is there as well, and is a function of its own. */
export function hookTemplates(shape: HookShape): { readonly hook: Template; readonly body: Template | undefined } {
  const { before, after } = shape;
  const first = before === undefined ? [] : callBefore(shape, before);
  if (after === undefined) return { hook: [...first, ...goOn(shape)], body: undefined };
  return { hook: [...first, ...callAfter(shape, after)], body: bodyTemplate(shape) };
}
