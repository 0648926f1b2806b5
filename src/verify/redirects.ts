/** Redirected functions: where their branches lead, and that r1, LR and r2 are there as the callers need them. */
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { CustomTrampoline, PlannedRedirect } from '../plan/plan.ts';
import type { SectionIndex } from '../util/indexes.ts';
import { type ActionPlaces, MFLR_R0, type Placed, STD_R0_16_R1 } from './action-places.ts';
import { CustomJudge } from './custom.ts';
import { Follower } from './follow.ts';
import { judgeLocalCalls, type LocalTarget } from './local-calls.ts';
import { HOME, Machine, RETURN, valueText } from './machine.ts';
import { type BranchTarget, relocationsOn } from './places.ts';
import { ShadowJudge } from './shadow.ts';
import { count, type Report } from './verification.ts';

/** Opcode of `b`. */
const I_FORM = 18;

type PlacedRedirect = Placed<PlannedRedirect>;

/** Judges all redirects of a plan. */
export function judgeRedirects(places: ActionPlaces, redirects: readonly PlacedRedirect[]): string {
  new RedirectJudge(places).judge(redirects);
  return count(redirects.length, 'redirect');
}

class RedirectJudge {
  readonly #places: ActionPlaces;
  readonly #report: Report;
  readonly #shadows: ShadowJudge;

  constructor(places: ActionPlaces) {
    this.#places = places;
    this.#report = places.report;
    this.#shadows = new ShadowJudge(places.report, places.pair.output);
  }

  judge(redirects: readonly PlacedRedirect[]): void {
    for (const redirect of redirects)
      if (redirect.action.branch === 'long') this.#long(redirect);
      else this.#near(redirect);
    this.#shadows.finish();
  }

  #near(redirect: PlacedRedirect): void {
    const { action, section, function: f } = redirect;
    let hasIsland = false;
    for (const target of this.#targetsOf(redirect)) {
      const entered = this.#throughIsland(redirect, target);
      if (entered !== target) hasIsland = true;
      if (redirect.action.custom !== undefined) this.#custom(redirect, redirect.action.custom, entered);
      else if (redirect.action.strategy === 'shadow') this.#shadow(redirect, entered);
      else if (this.#places.pair.code.includes(target.section)) {
        for (const from of target.from ?? [redirect.section]) this.#checkCode(from, target, redirect.action.function);
        this.#follow(redirect, target);
      } else this.#direct(redirect, target);
    }
    // The way by an address that a function with one entry takes in its own object is the code of an island.
    const isOne = action.strategy === 'direct' && action.branch === undefined && f.k < 2;
    if (hasIsland !== (action.branch === 'island') && !isOne)
      this.#report.error(
        'VER190',
        `the branch leads ${hasIsland ? 'by an island' : 'straight'}, and the plan says otherwise`,
        section,
        action.offset,
        action.function,
      );
  }

  /** Where a branch leads that may lead to an island, which has to be there for as long as the branch. */
  #throughIsland({ action, section, function: f }: PlacedRedirect, target: BranchTarget & Partial<LocalTarget>) {
    const found = this.#places.island(target);
    if (found === undefined) return target;
    for (const from of target.from ?? [section]) this.#checkCode(from, target, f.name);
    if (found.needsHome && (f.k < 2 || action.at === 'global-entry'))
      this.#report.error(
        'VER191',
        `whoever enters ${f.name} may have any r2, and the island needs the TOC of this object in it`,
        section,
        action.offset,
        f.name,
      );
    return found.target;
  }

  /** Words of the function itself that go to an address: followed to where they lead, and on from there. */
  #long(redirect: PlacedRedirect): void {
    const { action, section, function: f } = redirect;
    const { output } = this.#places.pair;
    this.#places.checkWayIn(redirect);
    if ((this.#places.word(section, action.offset) ?? 0) >>> 26 === I_FORM)
      this.#report.error(
        'VER190',
        'the branch goes straight, and the plan has a long one',
        section,
        action.offset,
        f.name,
      );
    const relocations = relocationsOn(output, section.index);
    const reached = new Set<number>();
    const code = { elf: output, section, relocations };
    const { ends } = new Follower(this.#report, code, f.name, reached).follow(action.offset, this.#atBranch(redirect));
    for (const at of reached)
      if (this.#places.isRecorded(section, at))
        this.#report.error('VER052', 'a record of the tracer names a word of the branch', section, at, f.name);
    const [end] = ends;
    const [target] = end?.calls ?? [];
    if (end === undefined || target === undefined || ends.length > 1 || end.calls.length > 1) {
      this.#report.error('VER097', 'the long branch does not lead to one place', section, action.offset, f.name);
      return;
    }
    if (!this.#places.pair.code.includes(target.section)) this.#direct(redirect, target, true);
    else {
      this.#checkCode(section, target, f.name);
      this.#follow(redirect, target, end.after());
    }
  }

  /** That new code is there for as long as what leads to it. */
  #checkCode(from: Section, { section }: BranchTarget, name: string): void {
    this.#places.checkLifetime(from, this.#places.enteredCode(section).code.section, name);
  }

  /** Whom a redirect's branch, or branches, lead to. */
  #targetsOf(redirect: PlacedRedirect): readonly (BranchTarget & Partial<LocalTarget>)[] {
    const { action, function: f } = redirect;
    if (action.at === 'local-entry') return judgeLocalCalls(this.#report, this.#places.pair, action, f);
    if (action.at === 'global-entry') this.#checkGlobalEntry(redirect);
    else this.#places.checkWayIn(redirect);
    return [this.#places.branchOf(redirect)].filter(target => target !== undefined);
  }

  /** The branch is the first word, and not all callers come by it. */
  #checkGlobalEntry({ action, section, function: f }: PlacedRedirect): void {
    const tell = (message: string) => this.#report.error('VER096', message, section, action.offset, f.name);
    if (f.local === f.global) tell(`${f.name} has one entry: local callers meet the branch too`);
    if (action.offset !== f.global) tell('the branch does not stand at the global entry');
  }

  #custom(redirect: PlacedRedirect, custom: CustomTrampoline, target: BranchTarget): void {
    const { action, section } = redirect;
    if (action.toc !== 'own')
      this.#report.error(
        'VER225',
        `r2 is for the trampoline to bring back; the plan has it ${action.toc}`,
        section,
        action.offset,
        action.function,
      );
    const was = this.#places.wordBefore(section, action.offset);
    const code = (index: SectionIndex) =>
      this.#places.pair.code.includes(index) ? this.#places.enteredCode(index) : undefined;
    const home = this.#places.pair.output.sections[target.section];
    if (home !== undefined) this.#places.checkLifetime(section, home, action.function);
    const island = (other: BranchTarget) => this.#places.island(other);
    const isNamed = (name: string, other: BranchTarget) => this.#places.isNamed(name, other);
    const given = { ...redirect, ...was, code, island, isNamed };
    new CustomJudge(this.#report, custom, given).judge(target, this.#places.pair.input, this.#places.pair.output);
  }

  #shadow(redirect: PlacedRedirect, target: BranchTarget): void {
    const { action, section } = redirect;
    if (!this.#places.pair.code.includes(target.section)) {
      this.#report.error(
        'VER103',
        `the branch leads to ${target.name}, not to new code`,
        section,
        action.offset,
        action.function,
      );
      return;
    }
    const trampoline = this.#places.enteredCode(target.section);
    this.#places.checkLifetime(section, trampoline.code.section, action.function);
    const isNamed = (name: string, other: BranchTarget) => this.#places.isNamed(name, other);
    this.#shadows.judge(
      { ...redirect, ...this.#places.wordBefore(section, action.offset), trampoline, isNamed },
      target.offset,
    );
  }

  /** A branch straight to the replacement: same object, so r2 stays as it is. */
  #direct({ action, section, function: f }: PlacedRedirect, target: BranchTarget, byAddress = false): void {
    const tell = (code: string, message: string) => this.#report.error(code, message, section, action.offset, f.name);
    const entry = (h: KernelFunction) => (byAddress ? h.global : h.local);
    const g = this.#places.named(action.to).find(h => h.section.index === target.section && entry(h) === target.offset);
    if (g === undefined || g.symbol === f.symbol)
      tell('VER054', `the branch leads to ${target.name}, not to ${action.to}`);
    if (action.strategy !== 'direct') tell('VER054', 'the plan has a frame between the functions, and there is none');
    if (g !== undefined && g.k > 1 && !byAddress && (f.k < 2 || action.at === 'global-entry'))
      tell('VER056', `${f.name} may be entered with any r2, and ${g.name} needs the TOC of this object in it`);
    if (action.toc !== 'kept') tell('VER225', `r2 is kept; the plan has it ${action.toc}`);
    if (g?.k === 1) tell('VER056', `${g.name} does not keep r2, and local callers of ${f.name} do not restore it`);
  }

  /** What is known where the function branches away. */
  #atBranch({ action, section, function: f }: PlacedRedirect): Machine {
    const machine = Machine.atEntry();
    // A function with two entries has its own TOC in r2 at the second.
    if (f.k > 1 && action.at !== 'global-entry') machine.registers[2] = HOME;
    for (let at = f.local; at < action.offset; at += 4) {
      if (this.#places.word(section, at) === MFLR_R0) machine.registers[0] = RETURN;
      if (this.#places.word(section, at) === STD_R0_16_R1) machine.memory.set(16, machine.registers[0]!);
    }
    return machine;
  }

  /** @param isOn whether this goes on from an island that led to other new code */
  #follow(redirect: PlacedRedirect, target: BranchTarget, machine = this.#atBranch(redirect), isOn = false): void {
    const { action, function: f } = redirect;
    const trampoline = this.#places.enteredCode(target.section);
    const follower = new Follower(this.#report, trampoline.code, f.name, trampoline.reached);
    const wanted = action.copy?.symbol ?? action.to;
    const { ends } = follower.follow(target.offset, machine);
    for (const end of ends) {
      const { calls: way } = end;
      const [next] = way;
      const goesOn = !isOn && way.length === 1 && this.#places.pair.code.includes(next!.section);
      if (goesOn) {
        this.#checkCode(trampoline.code.section, next!, f.name);
        this.#follow(redirect, next!, end.after(), true);
        continue;
      }
      this.#leavesObject(redirect, end, trampoline.code.section, target.offset);
      this.#checkLabels(redirect, end);
      if (way.length !== 1 || !this.#places.isNamed(wanted, way[0]!))
        this.#report.error(
          'VER068',
          `a way through the trampoline leads to ${way.length === 0 ? 'nothing' : way.map(target => target.name).join(', ')}; the plan has ${wanted}, once`,
          trampoline.code.section,
          target.offset,
          f.name,
        );
    }
  }

  /** The strategy, and how r2 comes back, are what the code shows. */
  #checkLabels({ action, section, function: f }: PlacedRedirect, end: Machine): void {
    const tell = (code: string, message: string) => this.#report.error(code, message, section, action.offset, f.name);
    const strategy = end.outside !== undefined ? 'epilogue' : end.hasCalled ? 'frame' : 'direct';
    if (action.strategy !== strategy)
      tell('VER224', `the code is that of ${strategy}; the plan has ${action.strategy}`);
    const toc = strategy === 'direct' ? 'kept' : end.hasComputedToc ? 'recomputed' : 'saved';
    if (action.toc !== toc) tell('VER225', `r2 is ${toc}; the plan has it ${action.toc}`);
  }

  /**
   * Whether the way ends in another object: in a copy that keeps r2, and nowhere else. It comes back with the r2 that it is entered with,
   * so that has to be what the function's callers want.
   */
  #leavesObject({ action, function: f }: PlacedRedirect, end: Machine, section: Section, at: number): void {
    const tell = (code: string, message: string) => this.#report.error(code, message, section, at, f.name);
    const isMeant = action.strategy === 'epilogue' && action.copy !== undefined;
    if (end.outside === undefined) {
      if (isMeant) tell('VER151', `the plan goes on in ${action.copy?.symbol} by its address, and the code does not`);
      return;
    }
    if (!isMeant) {
      tell('VER151', `${end.outside.name} of another object is gone on in, and nobody brings r2 back`);
      return;
    }
    const r2 = end.registers[2]!;
    const isOwed = f.k > 1 ? r2.kind === 'home' : r2.kind === 'entry' && r2.register === 2;
    if (!isOwed)
      tell(
        'VER152',
        `${end.outside.name} is entered with ${valueText(r2)} in r2, and that is what comes back to ${f.name}'s callers`,
      );
  }
}
