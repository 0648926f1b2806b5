/**
 * A redirect with a trampoline of the user's own. What that code does only the prover can say. Here is held against the plan and
 * the bytes that the function's branch leads to the trampoline, and that the places that stand for the rest of the function lead to
 * code that does what the branch took the place of, and then goes on behind it; and branches that cannot reach G to islands that do.
 */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import type { CustomTrampoline, RestPlace } from '../plan/plan.ts';
import type { FoundIsland } from './islands.ts';
import { type BranchTarget, branchTarget, type Relocation, relocationsOn, symbolTarget } from './places.ts';
import { R_PPC64_REL24 } from './relocation-places.ts';
import { type BranchedFunction, checkRest, type ReachedCode } from './rest.ts';
import type { Report } from './verification.ts';

/** What a custom redirect is judged with. */
export interface CustomCase extends BranchedFunction {
  /** New code of the output, by section; `undefined` for a section that is none. */
  readonly code: (section: number) => ReachedCode | undefined;
  island(target: BranchTarget): FoundIsland | undefined;
  isNamed(name: string, target: BranchTarget): boolean;
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

  /** @param target where the function's branch leads; @param input, output the whole of both */
  judge(target: BranchTarget, input: ElfFile, output: ElfFile): void {
    const { entry, places } = this.#custom;
    const symbols = output.symbols!;
    const symbol = symbols.find(entry);
    const own = symbol < 0 ? undefined : branchTarget(output, { type: R_PPC64_REL24, symbol, addend: 0 });
    if (own === undefined || own.section !== target.section || own.offset !== target.offset)
      this.#error('VER101', `the branch leads to ${target.name}, not to ${entry}`);
    const seen = new Set<string>();
    for (const place of places) {
      const key = `${place.section}+${place.offset}`;
      if (place.offset % 4 !== 0 || seen.has(key))
        this.#error('VER284', `the plan names ${key} twice, or it is no place of an instruction or an address`);
      seen.add(key);
      this.#place(place, input, output);
    }
  }

  #place({ section: name, offset, stands }: RestPlace, input: ElfFile, output: ElfFile): void {
    const section = output.sections.find(s => s.name === name && s.isAllocated);
    const on = (elf: ElfFile, index: number) => relocationsOn(elf, index, new Set([offset & ~3])).get(offset & ~3);
    const list = section && on(output, section.index);
    if (section === undefined || list === undefined) {
      this.#error('VER102', `nothing at ${name}+0x${offset.toString(16)} names the rest of the function`);
      return;
    }
    const was = input.sections.find(s => s.name === name && s.isAllocated);
    const forms = (of: readonly Relocation[] = []) => of.map(r => `${r.type} ${r.addend}`).join();
    if (forms(list) !== forms(was && on(input, was.index)))
      this.#error('VER102', 'the rest of the function is named in another way than in the object', section, offset);
    for (const relocation of list) {
      const what = misuseOf(relocation, stands, output.sectionWords(section)[offset >>> 2] ?? 0);
      if (what !== undefined) this.#error('VER240', what, section, offset);
      const island =
        relocation.type === R_PPC64_REL24 ? this.#case.island(branchTarget(output, relocation)) : undefined;
      const target = island?.target ?? symbolTarget(output, relocation.symbol);
      // The prover holds the code to what an island needs of r2.
      if (stands === 'target') {
        if (island === undefined || !this.#case.isNamed(this.#case.action.to, target))
          this.#error('VER192', `the branch leads to ${target.name}, not to ${this.#case.action.to}`, section, offset);
        continue;
      }
      const found = this.#case.code(target.section);
      if (found === undefined)
        this.#error('VER102', `${target.name} stands for the rest of the function`, section, offset);
      else checkRest(this.#report, this.#case, found, target.offset, stands, target.k);
    }
  }
}

/** A branch to what stands for the rest of the function, or to the target, that goes beside it or comes back from where it cannot. */
function misuseOf({ type, addend }: Relocation, stands: RestPlace['stands'], word: number): string | undefined {
  if (type !== R_PPC64_REL24) return undefined;
  if (addend !== 0) return `the branch leads ${addend} bytes beside what it names`;
  return stands === 'continue' && (word & 1) !== 0
    ? 'the rest of the function is called, and not gone on in'
    : undefined;
}
