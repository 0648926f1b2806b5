/**
 * A redirect with a trampoline of the user's own. What that code does only the prover can say. Here is held against the plan and
 * the bytes that the function's branch leads to the trampoline, and that the places that stand for the rest of the function lead to
 * code that does what the branch took the place of, and then goes on behind it.
 */
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { CustomTrampoline, PlannedRedirect, RestPlace } from '../plan/plan.ts';
import type { FollowedCode } from './follow.ts';
import { type BranchTarget, branchTarget, type Relocation, relocationsOn } from './places.ts';
import { R_PPC64_REL16_HA, R_PPC64_REL16_LO, R_PPC64_REL24 } from './relocation-places.ts';
import { type Report, wordText } from './verification.ts';

const MFLR_R0 = 0x7c0802a6;
const STD_R0_16_R1 = 0xf8010010;
const BRANCH = 0x48000000;
/** addis r2,r12,(.TOC.-entry)@ha; addi r2,r2,(.TOC.-entry)@l */
const ENTRY = [
  { word: 0x3c4c0000, type: R_PPC64_REL16_HA, addend: 0 },
  { word: 0x38420000, type: R_PPC64_REL16_LO, addend: 4 },
] as const;

/** What a custom redirect is judged with. */
export interface CustomCase {
  readonly action: PlannedRedirect;
  readonly section: Section;
  readonly function: KernelFunction;
  /** The word that the branch took the place of, with its relocations, as the input has them. */
  readonly word: number;
  readonly relocations: readonly Relocation[];
  /** New code of the output, by section; `undefined` for a section that is none. */
  readonly code: (section: number) => { readonly code: FollowedCode; readonly reached: Set<number> } | undefined;
}

export class CustomJudge {
  readonly #report: Report;
  readonly #case: CustomCase;
  readonly #custom: CustomTrampoline;

  constructor(report: Report, custom: CustomTrampoline, given: CustomCase) {
    this.#report = report;
    this.#case = given;
    this.#custom = custom;
  }

  #error(code: string, message: string, section: Section = this.#case.section, at = this.#case.action.offset): void {
    this.#report.error(code, message, section, at, this.#case.function.name);
  }

  /** @param target where the function's branch leads; @param output the whole of it */
  judge(target: BranchTarget, output: FollowedCode['elf']): void {
    const { entry, places } = this.#custom;
    const symbols = output.symbols!;
    const symbol = symbols.find(entry);
    const own = symbol < 0 ? undefined : branchTarget(output, { type: R_PPC64_REL24, symbol, addend: 0 });
    if (own === undefined || own.section !== target.section || own.offset !== target.offset)
      this.#error('VER101', `the branch leads to ${target.name}, not to ${entry}`);
    for (const place of places) this.#place(place, output);
  }

  #place({ section: name, offset, stands }: RestPlace, output: FollowedCode['elf']): void {
    const section = output.sections.find(s => s.name === name && s.isAllocated);
    const list = section && relocationsOn(output, section.index, new Set([offset & ~3])).get(offset & ~3);
    if (section === undefined || list === undefined) {
      this.#error('VER102', `nothing at ${name}+0x${offset.toString(16)} names the rest of the function`);
      return;
    }
    for (const { symbol } of list) {
      const at = output.symbols!.sectionOf(symbol);
      const found = this.#case.code(at);
      if (found === undefined) {
        this.#error('VER102', `${output.symbols!.name(symbol)} stands for the rest of the function`, section, offset);
        continue;
      }
      const k = output.symbols!.st_other(symbol) >>> 5;
      this.#rest(found, output.symbols!.value(symbol), stands, k);
    }
  }

  /** The code that stands for the rest of the function, word by word. */
  #rest(
    { code, reached }: { readonly code: FollowedCode; readonly reached: Set<number> },
    start: number,
    stands: RestPlace['stands'],
    k: number,
  ): void {
    const { action, function: f, word, relocations, section } = this.#case;
    const words = code.elf.sectionWords(code.section);
    let at = start;
    const take = (what: string, wanted: number, isRight: (found: readonly Relocation[]) => boolean): void => {
      reached.add(at);
      const found = code.relocations.get(at) ?? [];
      if (words[at >>> 2] !== wanted || !isRight(found))
        this.#error('VER102', `${wordText(words[at >>> 2] ?? 0)} stands where ${what} should`, code.section, at);
      at += 4;
    };
    const none = (found: readonly Relocation[]) => found.length === 0;
    if (stands === 'original') {
      const isDouble = f.k > 1;
      if (k !== (isDouble ? 3 : 0))
        this.#error('VER102', `st_other of the function's body says ${k}, its own ${f.k}`, code.section, at);
      const isToc = (r: Relocation) => code.elf.symbols!.name(r.symbol) === '.TOC.';
      for (const { word: wanted, type, addend } of isDouble ? ENTRY : [])
        take(
          'the global entry',
          wanted,
          ([r, more]) => r !== undefined && more === undefined && isToc(r) && r.type === type && r.addend === addend,
        );
      take('mflr r0', MFLR_R0, none);
      if (action.form === 'mprofile-kernel-lr') take('std r0,16(r1)', STD_R0_16_R1, none);
    }
    if (action.at === 'after-site')
      take('the word that the branch replaced', word, found => isSame(found, relocations));
    take('the way back', BRANCH, ([r, more]) => {
      if (r === undefined || more !== undefined || r.type !== R_PPC64_REL24) return false;
      const target = branchTarget(code.elf, r);
      return target.section === section.index && target.offset === action.offset + 4;
    });
  }
}

function isSame(a: readonly Relocation[], b: readonly Relocation[]): boolean {
  return (
    a.length === b.length &&
    a.every((r, i) => r.type === b[i]!.type && r.symbol === b[i]!.symbol && r.addend === b[i]!.addend)
  );
}
