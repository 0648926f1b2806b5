/**
 * What the plan promises people, judged from the bytes of the output: a call that is gone is gone with its relocation
 * and its record, and a redirected function leads to its replacement with r1, LR and r2 as the callers need them.
 */
import { STT_FUNC } from '../elf/constants.ts';
import type { Section } from '../elf/section.ts';
import type { PlannedAction, PlannedHook, PlannedRedirect } from '../plan/plan.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { ActionPlaces, type Placed } from './action-places.ts';
import { judgeEpilogues, type PlacedEpilogue } from './epilogues.ts';
import { judgeHooks } from './hooks.ts';
import { NamedFunctions } from './named-functions.ts';
import { judgeNops, type PlacedNop } from './nop-sites.ts';
import type { Pairing } from './pairing.ts';
import { judgeRedirects } from './redirects.ts';
import { judgeRetarget, type PlacedRetarget } from './retarget.ts';
import { count, type Report, wordText } from './verification.ts';

const NOP = 0x60000000;

export class ActionJudge {
  readonly #report: Report;
  readonly #pair: Pairing;
  readonly #nops: PlacedNop[] = [];
  readonly #redirects: Placed<PlannedRedirect>[] = [];
  readonly #hooks: Placed<PlannedHook>[] = [];
  readonly #retargets: PlacedRetarget[] = [];
  readonly #epilogues: PlacedEpilogue[] = [];
  readonly #functions: NamedFunctions;
  readonly #places: ActionPlaces;

  constructor(report: Report, pair: Pairing, actions: readonly PlannedAction[]) {
    this.#report = report;
    this.#pair = pair;
    this.#functions = new NamedFunctions(pair.output);
    for (let i = 0; i < actions.length; i++) this.#place(actions[i]!);
    this.#places = new ActionPlaces(report, pair, this.#functions, this.#wanted());
  }

  /** Finds the section and the function that an action names. */
  #place(action: PlannedAction): void {
    const { function: name, section, offset } = action;
    if (action.kind === 'nop') {
      const place = this.#functions.sectionOver(name, section, offset);
      if (place !== undefined) this.#nops.push({ action, section: place });
      else this.#nowhere(action);
    } else {
      const f = this.#functions.over(name, section, offset);
      if (f === undefined) this.#nowhere(action);
      else if (action.kind === 'hook') this.#hooks.push({ action, section: f.section, function: f });
      else if (action.kind === 'epilogue') this.#epilogues.push({ action, function: f });
      else if (action.kind === 'retarget') this.#retargets.push({ action, section: f.section, function: f });
      else this.#redirects.push({ action, section: f.section, function: f });
    }
  }

  #nowhere({ function: name, section, offset }: PlannedAction): void {
    this.#report.error('VER057', `there is no function ${name} over 0x${offset.toString(16)}`, section, offset);
  }

  /** The words whose relocations the judges ask for. */
  #wanted(): ReadonlyMap<SectionIndex, ReadonlySet<SectionOffset>> {
    const wanted = new Map<SectionIndex, Set<SectionOffset>>();
    const want = (section: Section, offset: SectionOffset) => {
      const set = wanted.get(section.index);
      if (set === undefined) wanted.set(section.index, new Set([offset]));
      else set.add(offset);
    };
    for (const { action, section, function: f } of [...this.#redirects, ...this.#hooks])
      for (let at = Math.min(f.local, action.offset); at <= action.offset; at += 4) want(section, at);
    for (const { action, section } of this.#retargets)
      for (const at of [action.offset, action.offset + 4]) want(section, at);
    return wanted;
  }

  /** How many actions have a place in the output. */
  placed(): string {
    return count(
      this.#nops.length + this.#redirects.length + this.#hooks.length + this.#retargets.length + this.#epilogues.length,
      'action',
    );
  }

  nops(): string {
    judgeNops(this.#report, this.#pair.output, this.#nops);
    return count(this.#nops.length, 'site');
  }

  redirects(): string {
    return judgeRedirects(this.#places, this.#redirects);
  }

  hooks(): string {
    return judgeHooks(this.#places, this.#hooks);
  }

  epilogues(): string {
    return judgeEpilogues(this.#places, this.#epilogues);
  }

  retargets(): string {
    const { input, output } = this.#pair;
    for (const retarget of this.#retargets) {
      const { section, action } = retarget;
      const was = input.sections[this.#pair.from(section.index)];
      const before = was && input.sectionWords(was)[action.offset >>> 2];
      const on = (offset: SectionOffset) => this.#places.on(section, offset);
      const named = (name: string) => this.#places.named(name);
      judgeRetarget(this.#report, output, retarget, before, on, named, target => this.#places.island(target));
    }
    return count(this.#retargets.length, 'call');
  }

  /** Every instruction of the new code is executed by some redirect, or is padding; every symbol in it is a function. */
  newCode(): string {
    let words = 0;
    for (const index of this.#pair.code) {
      const section = this.#pair.output.sections[index];
      if (section === undefined) continue;
      const reached = this.#places.reached(index);
      this.#pair.output.sectionWords(section).forEach((word, i) => {
        words++;
        if (word !== NOP && !reached.has(i * 4))
          this.#report.warn('VER071', `no redirect reaches this instruction (${wordText(word)})`, section, i * 4);
      });
      this.#checkSymbols(section);
    }
    return `${count(words, 'word')} in ${count(this.#places.enteredSections, 'trampoline section')}`;
  }

  /** Unwinders and the disassembler know code by its symbols. */
  #checkSymbols(section: Section): void {
    const symbols = this.#pair.output.symbols!;
    for (let i = 1; i < symbols.count; i++)
      if (
        symbols.sectionOf(i) === section.index &&
        symbols.type(i) === STT_FUNC &&
        symbols.value(i) + symbols.size(i) > section.sh_size
      )
        this.#report.error(
          'VER007',
          `${symbols.name(i)} reaches over the end of its section`,
          section,
          symbols.value(i),
        );
  }
}
