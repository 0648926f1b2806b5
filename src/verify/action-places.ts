/** What all judges of planned actions look up in the output, and what every branch at a function's entry has to be. */
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { PlannedHook, PlannedRedirect } from '../plan/plan.ts';
import { relocationName } from '../ppc64/relocations.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import type { FollowedCode } from './follow.ts';
import { type FoundIsland, islandAt } from './islands.ts';
import type { NamedFunctions } from './named-functions.ts';
import type { Pairing } from './pairing.ts';
import { type BranchTarget, branchTarget, placeKey, type Relocation, recordedPlaces, relocationsOn } from './places.ts';
import { R_PPC64_REL24 } from './relocation-places.ts';
import { type Report, wordText } from './verification.ts';

const NOP = 0x60000000;
export const MFLR_R0 = 0x7c0802a6;
export const STD_R0_16_R1 = 0xf8010010;
/** `b` without AA and LK, and its mask. */
const BRANCH = 0x48000000;
const BRANCH_MASK = 0xfc000003;
const TRACER = new Set(['_mcount', 'ftrace_caller', 'ftrace_regs_caller']);

const SHORT_LIVED = /^\.(init|exit)/;

/** An action that makes a function branch away at its entry, with its place in the output. */
export interface Placed<A extends PlannedRedirect | PlannedHook> {
  readonly action: A;
  readonly section: Section;
  readonly function: KernelFunction;
}

/** New code of the output, and the offsets of the instructions that some path executes. */
interface EnteredCode {
  readonly code: FollowedCode;
  readonly reached: Set<number>;
}

export class ActionPlaces {
  readonly report: Report;
  readonly pair: Pairing;
  readonly #functions: NamedFunctions;
  readonly #relocations = new Map<SectionIndex, ReadonlyMap<SectionOffset, Relocation[]>>();
  readonly #entered = new Map<SectionIndex, EnteredCode>();
  #recorded: ReadonlySet<number> | undefined;

  /** @param wanted the words whose relocations `on` gives, by section */
  constructor(
    report: Report,
    pair: Pairing,
    functions: NamedFunctions,
    wanted: ReadonlyMap<SectionIndex, ReadonlySet<SectionOffset>>,
  ) {
    this.report = report;
    this.pair = pair;
    this.#functions = functions;
    for (const [section, offsets] of wanted)
      this.#relocations.set(section, relocationsOn(pair.output, section, offsets));
  }

  named(name: string): readonly KernelFunction[] {
    return this.#functions.called(name);
  }

  on(section: Section, offset: SectionOffset): readonly Relocation[] {
    return this.#relocations.get(section.index)?.get(offset) ?? [];
  }

  word(section: Section, offset: SectionOffset): number | undefined {
    return this.pair.output.sectionWords(section)[offset >>> 2];
  }

  isRecorded(section: Section, offset: SectionOffset): boolean {
    this.#recorded ??= recordedPlaces(this.pair.output);
    return this.#recorded.has(placeKey(section.index, offset));
  }

  /** What the input has at a place of the output, with its relocations. */
  wordBefore(section: Section, offset: SectionOffset): { word: number; relocations: readonly Relocation[] } {
    const { input } = this.pair;
    const from = this.pair.from(section.index);
    const was = input.sections[from];
    const relocations = relocationsOn(input, from, new Set([offset])).get(offset) ?? [];
    return { word: (was && input.sectionWords(was)[offset >>> 2]) ?? 0, relocations };
  }

  /** The branch word and its relocation. */
  branchOf({ action, section }: Placed<PlannedRedirect | PlannedHook>): BranchTarget | undefined {
    const { offset } = action;
    const tell = (code: string, message: string) => {
      this.report.error(code, message, section, offset, action.function);
      return undefined;
    };
    const word = this.word(section, offset);
    const relocations = this.on(section, offset);
    if (this.isRecorded(section, offset))
      tell('VER052', 'a record of the tracer names the branch: the tracer would overwrite it');
    if (word === undefined || (word & BRANCH_MASK) >>> 0 !== BRANCH)
      return tell('VER053', `the branch is ${word === undefined ? 'missing' : wordText(word)}, not b`);
    const [relocation] = relocations;
    if (relocation === undefined || relocations.length > 1 || relocation.type !== R_PPC64_REL24)
      return tell(
        'VER054',
        `the branch has ${relocations.map(r => relocationName(r.type)).join(', ') || 'no relocation'}, not one REL24`,
      );
    return branchTarget(this.pair.output, relocation);
  }

  /** Between the function's local entry and the branch nothing happens but what belongs to the call site. */
  checkWayIn({ action, section, function: f }: Placed<PlannedRedirect | PlannedHook>): void {
    if (action.offset < f.local)
      this.report.error(
        'VER055',
        'the branch stands in front of the local entry: local callers do not meet it',
        section,
        action.offset,
        f.name,
      );
    for (let at = f.local; at < action.offset; at += 4) {
      const word = this.word(section, at)!;
      const relocations = this.on(section, at);
      const bare = relocations.length === 0 && (word === NOP || word === MFLR_R0 || word === STD_R0_16_R1);
      const symbols = this.pair.output.symbols!;
      const tracer =
        (word & 0xfc000003) >>> 0 === 0x48000001 &&
        relocations.length === 1 &&
        relocations[0]!.type === R_PPC64_REL24 &&
        TRACER.has(symbols.name(relocations[0]!.symbol));
      if (!bare && !tracer)
        this.report.error(
          'VER055',
          `${wordText(word)} is executed before the branch and is no part of a call site`,
          section,
          at,
          f.name,
        );
    }
  }

  /** Whether a function called `name` begins there: a relocation may use another of its names. */
  isNamed(name: string, { name: own, section, offset }: BranchTarget): boolean {
    if (section === 0) return own === name;
    return this.named(name).some(g => g.section.index === section && (g.local === offset || g.global === offset));
  }

  /** The kernel sorts sections by the beginning of their names, and gives the memory of some back. */
  checkLifetime(from: Section, code: Section, name: string): void {
    const needed = SHORT_LIVED.exec(from.name)?.[0];
    const given = SHORT_LIVED.exec(code.name)?.[0];
    if (given !== undefined && given !== needed)
      this.report.error(
        'VER072',
        `${name} leads to code in ${code.name}, which the kernel gives back after loading or does not load`,
        code,
      );
  }

  enteredCode(index: SectionIndex): EnteredCode {
    let found = this.#entered.get(index);
    if (found === undefined) {
      const { output } = this.pair;
      const code = { elf: output, section: output.sections[index]!, relocations: relocationsOn(output, index) };
      found = { code, reached: new Set() };
      this.#entered.set(index, found);
    }
    return found;
  }

  /** The island that a branch leads to, if it leads to one. */
  island(target: BranchTarget): FoundIsland | undefined {
    if (!this.pair.code.includes(target.section)) return undefined;
    const { code, reached } = this.enteredCode(target.section);
    const found = islandAt(code, target.offset);
    for (const at of found?.places ?? []) reached.add(at);
    return found;
  }

  /** How many sections of new code some action enters. */
  get enteredSections(): number {
    return this.#entered.size;
  }

  /** The instructions of a section that some path of an action executes. */
  reached(section: SectionIndex): ReadonlySet<number> {
    return this.#entered.get(section)?.reached ?? new Set();
  }
}
