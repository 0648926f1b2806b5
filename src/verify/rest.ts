/** The code that stands for the rest of a function behind its branch, word by word. */
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { PlannedRedirect } from '../plan/plan.ts';
import type { FollowedCode } from './follow.ts';
import { GLOBAL_ENTRY } from './global-entry.ts';
import { branchTarget, type Relocation } from './places.ts';
import { R_PPC64_REL16_HA, R_PPC64_REL16_LO, R_PPC64_REL24 } from './relocation-places.ts';
import { type Report, wordText } from './verification.ts';

const MFLR_R0 = 0x7c0802a6;
const STD_R0_16_R1 = 0xf8010010;
const BRANCH = 0x48000000;
/** A redirected function whose rest is still wanted. */
export interface BranchedFunction {
  readonly action: PlannedRedirect;
  readonly section: Section;
  readonly function: KernelFunction;
  /** The word that the branch took the place of, with its relocations, as the input has them. */
  readonly word: number;
  readonly relocations: readonly Relocation[];
}

/** New code of the output, and the instructions of it that are executed. */
export interface ReachedCode {
  readonly code: FollowedCode;
  readonly reached: Set<number>;
}

/**
 * @param stands `original`: with an entry, or two, as the function has
 * @param k what st_other of its symbol says
 * @returns the place behind it, bytes
 */
export function checkRest(
  report: Report,
  { action, function: f, word, relocations, section }: BranchedFunction,
  { code, reached }: ReachedCode,
  start: number,
  stands: 'original' | 'continue',
  k: number,
): number {
  const words = code.elf.sectionWords(code.section);
  let at = start;
  const error = (message: string) => report.error('VER102', message, code.section, at, f.name);
  const take = (what: string, wanted: number, isRight: (found: readonly Relocation[]) => boolean): void => {
    reached.add(at);
    const found = code.relocations.get(at) ?? [];
    if (words[at >>> 2] !== wanted || !isRight(found))
      error(`${wordText(words[at >>> 2] ?? 0)} stands where ${what} should`);
    at += 4;
  };
  const none = (found: readonly Relocation[]) => found.length === 0;
  if (stands === 'original') {
    const isDouble = f.k > 1;
    if (k !== (isDouble ? 3 : 0)) error(`st_other of the function's body says ${k}, its own ${f.k}`);
    const isToc = (r: Relocation) => code.elf.symbols!.name(r.symbol) === '.TOC.';
    for (const { word: wanted, type, addend } of isDouble ? GLOBAL_ENTRY : [])
      take(
        'the global entry',
        wanted,
        ([r, more]) => r !== undefined && more === undefined && isToc(r) && r.type === type && r.addend === addend,
      );
    take('mflr r0', MFLR_R0, none);
    if (action.form === 'mprofile-kernel-lr') take('std r0,16(r1)', STD_R0_16_R1, none);
  }
  if (action.at === 'after-site') take('the word that the branch replaced', word, found => isSame(found, relocations));
  take('the way back', BRANCH, ([r, more]) => {
    if (r === undefined || more !== undefined || r.type !== R_PPC64_REL24) return false;
    const target = branchTarget(code.elf, r);
    return target.section === section.index && target.offset === action.offset + 4;
  });
  return at;
}

function isSame(a: readonly Relocation[], b: readonly Relocation[]): boolean {
  return (
    a.length === b.length &&
    a.every((r, i) => r.type === b[i]!.type && r.symbol === b[i]!.symbol && r.addend === b[i]!.addend)
  );
}

/** bcl 20,31,.+4; mflr r12; mtlr r0; addis r2,r12,(.TOC.-.)@ha; addi r2,r2,(.TOC.-.)@l, from the second word on */
const WITH_TOC = [
  { word: 0x429f0005 },
  { word: 0x7d8802a6 },
  { word: 0x7c0803a6 },
  { word: 0x3c4c0000, type: R_PPC64_REL16_HA, addend: 8 },
  { word: 0x38420000, type: R_PPC64_REL16_LO, addend: 12 },
] as const;

/**
 * The code that enters a function as a whole, at its local entry; with `withToc` for somebody who has any r2.
 *
 * @returns the place behind it, bytes
 */
export function checkEntry(
  report: Report,
  { function: f, section }: Pick<BranchedFunction, 'function' | 'section'>,
  { code, reached }: ReachedCode,
  start: number,
  withToc: boolean,
): number {
  const words = code.elf.sectionWords(code.section);
  let at = start;
  const take = (what: string, wanted: number, isRight: (found: readonly Relocation[]) => boolean): void => {
    reached.add(at);
    if (words[at >>> 2] !== wanted || !isRight(code.relocations.get(at) ?? []))
      report.error('VER102', `${wordText(words[at >>> 2] ?? 0)} stands where ${what} should`, code.section, at, f.name);
    at += 4;
  };
  for (const row of withToc ? WITH_TOC : [])
    take('the way to r2', row.word, ([r, more]) => {
      if (!('type' in row)) return r === undefined;
      const isToc = r !== undefined && code.elf.symbols!.name(r.symbol) === '.TOC.';
      return isToc && more === undefined && r.type === row.type && r.addend === row.addend;
    });
  take('the way into the function', BRANCH, ([r, more]) => {
    if (r === undefined || more !== undefined || r.type !== R_PPC64_REL24) return false;
    const target = branchTarget(code.elf, r);
    return target.section === section.index && target.offset === f.local;
  });
  return at;
}
