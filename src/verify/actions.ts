/**
 * What the plan promises people, judged from the bytes of the output: a call that is gone is gone with its relocation
 * and its record, and a redirected function leads to its replacement with r1, LR and r2 as the callers need them.
 */
import { STT_FUNC } from '../elf/constants.ts';
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import type { CustomTrampoline, PlannedAction, PlannedEpilogue, PlannedHook, PlannedRedirect } from '../plan/plan.ts';
import { relocationName } from '../ppc64/relocations.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { CustomJudge } from './custom.ts';
import { judgeEpilogue } from './epilogue.ts';
import { Exports } from './epilogue-exports.ts';
import { TableEdges } from './epilogue-tables.ts';
import { type FollowedCode, Follower } from './follow.ts';
import { HookFollower } from './hook-follow.ts';
import { judgeLocalCalls } from './local-calls.ts';
import { HOME, Machine, RETURN } from './machine.ts';
import { NamedFunctions } from './named-functions.ts';
import { judgeNops, type PlacedNop } from './nop-sites.ts';
import type { Pairing } from './pairing.ts';
import { type BranchTarget, branchTarget, placeKey, type Relocation, recordedPlaces, relocationsOn } from './places.ts';
import { R_PPC64_REL24 } from './relocation-places.ts';
import { judgeRetarget, type PlacedRetarget } from './retarget.ts';
import { ShadowJudge } from './shadow.ts';
import { count, type Report, wordText } from './verification.ts';

const NOP = 0x60000000;
const MFLR_R0 = 0x7c0802a6;
const STD_R0_16_R1 = 0xf8010010;
/** `b` without AA and LK, and its mask. */
const BRANCH = 0x48000000;
const BRANCH_MASK = 0xfc000003;
const TRACER = new Set(['_mcount', 'ftrace_caller', 'ftrace_regs_caller']);

const SHORT_LIVED = /^\.(init|exit)/;

/** An action that makes a function branch away at its entry, with its place in the output. */
interface Placed<A extends PlannedRedirect | PlannedHook> {
  readonly action: A;
  readonly section: Section;
  readonly function: KernelFunction;
}

type PlacedRedirect = Placed<PlannedRedirect>;

export class ActionJudge {
  readonly #report: Report;
  readonly #pair: Pairing;
  readonly #nops: PlacedNop[] = [];
  readonly #redirects: PlacedRedirect[] = [];
  readonly #hooks: Placed<PlannedHook>[] = [];
  readonly #retargets: PlacedRetarget[] = [];
  readonly #epilogues: { readonly action: PlannedEpilogue; readonly function: KernelFunction }[] = [];
  readonly #relocations = new Map<SectionIndex, ReadonlyMap<SectionOffset, Relocation[]>>();
  readonly #recorded: ReadonlySet<number>;
  readonly #functions: NamedFunctions;
  readonly #shadows: ShadowJudge;
  /** Code that redirects enter, with the instructions that some path executes. */
  readonly #trampolines = new Map<SectionIndex, { readonly code: FollowedCode; readonly reached: Set<number> }>();

  constructor(report: Report, pair: Pairing, actions: readonly PlannedAction[]) {
    this.#report = report;
    this.#pair = pair;
    this.#functions = new NamedFunctions(pair.output);
    this.#shadows = new ShadowJudge(report, pair.output);
    for (let i = 0; i < actions.length; i++) this.#place(actions[i]!);
    this.#recorded = this.#redirects.length + this.#hooks.length > 0 ? recordedPlaces(pair.output) : new Set();
    this.#gatherRelocations();
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

  #named(name: string): readonly KernelFunction[] {
    return this.#functions.called(name);
  }

  #gatherRelocations(): void {
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
    for (const [section, offsets] of wanted)
      this.#relocations.set(section, relocationsOn(this.#pair.output, section, offsets));
  }

  #on(section: Section, offset: SectionOffset): readonly Relocation[] {
    return this.#relocations.get(section.index)?.get(offset) ?? [];
  }

  #word(section: Section, offset: SectionOffset): number | undefined {
    return this.#pair.output.sectionWords(section)[offset >>> 2];
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

  #isRecorded(section: Section, offset: SectionOffset): boolean {
    return this.#recorded.has(placeKey(section.index, offset));
  }

  redirects(): string {
    for (const redirect of this.#redirects)
      if (redirect.action.branch === 'long') this.#long(redirect);
      else this.#near(redirect);
    this.#shadows.finish();
    return count(this.#redirects.length, 'redirect');
  }

  #near(redirect: PlacedRedirect): void {
    for (const target of this.#targetsOf(redirect))
      if (redirect.action.custom !== undefined) this.#custom(redirect, redirect.action.custom, target);
      else if (redirect.action.strategy === 'shadow') this.#shadow(redirect, target);
      else if (this.#pair.code.includes(target.section)) this.#follow(redirect, target);
      else this.#direct(redirect, target);
  }

  /** Words of the function itself that go to an address: followed to where they lead, and on from there. */
  #long(redirect: PlacedRedirect): void {
    const { action, section, function: f } = redirect;
    const { output } = this.#pair;
    this.#checkWayIn(redirect);
    const relocations = relocationsOn(output, section.index);
    const reached = new Set<number>();
    const code = { elf: output, section, relocations };
    const { ends } = new Follower(this.#report, code, f.name, reached).follow(action.offset, this.#atBranch(redirect));
    for (const at of reached)
      if (this.#isRecorded(section, at))
        this.#report.error('VER052', 'a record of the tracer names a word of the branch', section, at, f.name);
    const [end] = ends;
    const [target] = end?.calls ?? [];
    if (end === undefined || target === undefined || ends.length > 1 || end.calls.length > 1) {
      this.#report.error('VER097', 'the long branch does not lead to one place', section, action.offset, f.name);
      return;
    }
    if (!this.#pair.code.includes(target.section)) this.#direct(redirect, target, true);
    else this.#follow(redirect, target, end.after());
  }

  /** Whom a redirect's branch, or branches, lead to. */
  #targetsOf(redirect: PlacedRedirect): readonly BranchTarget[] {
    const { action, function: f } = redirect;
    if (action.at === 'local-entry') return judgeLocalCalls(this.#report, this.#pair, action, f);
    if (action.at === 'global-entry') this.#checkGlobalEntry(redirect);
    else this.#checkWayIn(redirect);
    return [this.#branchOf(redirect)].filter(target => target !== undefined);
  }

  /** The branch is the first word, and not all callers come by it. */
  #checkGlobalEntry({ action, section, function: f }: PlacedRedirect): void {
    const tell = (message: string) => this.#report.error('VER096', message, section, action.offset, f.name);
    if (f.local === f.global) tell(`${f.name} has one entry: local callers meet the branch too`);
    if (action.offset !== f.global) tell('the branch does not stand at the global entry');
  }

  #custom(redirect: PlacedRedirect, custom: CustomTrampoline, target: BranchTarget): void {
    const { action, section } = redirect;
    const was = this.#wordBefore(section, action.offset);
    const code = (index: SectionIndex) => (this.#pair.code.includes(index) ? this.#trampoline(index) : undefined);
    const home = this.#pair.output.sections[target.section];
    if (home !== undefined) this.#checkLifetime(section, home, action.function);
    new CustomJudge(this.#report, custom, { ...redirect, ...was, code }).judge(target, this.#pair.output);
  }

  #shadow(redirect: PlacedRedirect, target: BranchTarget): void {
    const { action, section } = redirect;
    if (!this.#pair.code.includes(target.section)) {
      this.#report.error(
        'VER103',
        `the branch leads to ${target.name}, not to new code`,
        section,
        action.offset,
        action.function,
      );
      return;
    }
    const trampoline = this.#trampoline(target.section);
    this.#checkLifetime(section, trampoline.code.section, action.function);
    const isNamed = (name: string, other: BranchTarget) => this.#isNamed(name, other);
    this.#shadows.judge(
      { ...redirect, ...this.#wordBefore(section, action.offset), trampoline, isNamed },
      target.offset,
    );
  }

  /** What the input has at a place of the output, with its relocations. */
  #wordBefore(section: Section, offset: SectionOffset): { word: number; relocations: readonly Relocation[] } {
    const { input } = this.#pair;
    const from = this.#pair.from(section.index);
    const was = input.sections[from];
    const relocations = relocationsOn(input, from, new Set([offset])).get(offset) ?? [];
    return { word: (was && input.sectionWords(was)[offset >>> 2]) ?? 0, relocations };
  }

  hooks(): string {
    const { input } = this.#pair;
    const before = this.#before();
    for (const hook of this.#hooks) {
      const { action, section, function: f } = hook;
      const target = this.#branchOf(hook);
      this.#checkWayIn(hook);
      if (target === undefined) continue;
      if (!this.#pair.code.includes(target.section)) {
        this.#report.error(
          'VER090',
          `the branch leads to ${target.name}, not to new code`,
          section,
          action.offset,
          f.name,
        );
        continue;
      }
      const { code, reached } = this.#trampoline(target.section);
      this.#checkLifetime(section, code.section, f.name);
      const from = this.#pair.from(section.index);
      const was = input.sections[from];
      const hooked = {
        section: section.index,
        name: f.name,
        k: f.k,
        word: (was && input.sectionWords(was)[action.offset >>> 2]) ?? 0,
        relocations: before.get(from)?.get(action.offset) ?? [],
      };
      const isNamed = (name: string, other: BranchTarget) => this.#isNamed(name, other);
      new HookFollower(this.#report, code, action, hooked, reached, isNamed).follow(target.offset);
    }
    return count(this.#hooks.length, 'hook');
  }

  /** The input's relocations on the words that hooks take the place of, by section and place. */
  #before(): ReadonlyMap<SectionIndex, ReadonlyMap<SectionOffset, Relocation[]>> {
    const wanted = new Map<SectionIndex, Set<SectionOffset>>();
    for (const { action, section } of this.#hooks) {
      const from = this.#pair.from(section.index);
      const set = wanted.get(from);
      if (set === undefined) wanted.set(from, new Set([action.offset]));
      else set.add(action.offset);
    }
    return new Map([...wanted].map(([from, set]) => [from, relocationsOn(this.#pair.input, from, set)]));
  }

  retargets(): string {
    const { input, output } = this.#pair;
    for (const retarget of this.#retargets) {
      const { section, action } = retarget;
      const was = input.sections[this.#pair.from(section.index)];
      const before = was && input.sectionWords(was)[action.offset >>> 2];
      const on = (offset: SectionOffset) => this.#on(section, offset);
      judgeRetarget(this.#report, output, retarget, before, on, name => this.#named(name));
    }
    return count(this.#retargets.length, 'call');
  }

  epilogues(): string {
    const { output } = this.#pair;
    const edges = new TableEdges(output);
    const exports = new Exports(output);
    const places = new Map<SectionIndex, ReadonlyMap<SectionOffset, Relocation[]>>();
    const on = (section: Section) => {
      const known = places.get(section.index) ?? relocationsOn(output, section.index);
      places.set(section.index, known);
      return (offset: SectionOffset) => known.get(offset) ?? [];
    };
    let words = 0;
    for (const { action, function: from } of this.#epilogues) {
      const [copy, other] = this.#named(action.symbol);
      if (copy === undefined || other !== undefined) {
        this.#report.error(
          'VER140',
          `there is not one ${action.symbol}`,
          action.section,
          action.offset,
          action.function,
        );
        continue;
      }
      this.#checkLifetime(from.section, copy.section, action.symbol);
      words += judgeEpilogue(this.#report, {
        action,
        output,
        from,
        copy,
        onFrom: on(from.section),
        onCopy: on(copy.section),
        edges,
      });
      edges.compare(this.#report, output, from, copy, action.body, action.symbol);
      exports.judge(this.#report, action, copy);
    }
    return `${count(this.#epilogues.length, 'copy', 'copies')}, ${count(words, 'word')}`;
  }

  /** The branch word and its relocation. */
  #branchOf({ action, section }: Placed<PlannedRedirect | PlannedHook>): BranchTarget | undefined {
    const { offset } = action;
    const tell = (code: string, message: string) => {
      this.#report.error(code, message, section, offset, action.function);
      return undefined;
    };
    const word = this.#word(section, offset);
    const relocations = this.#on(section, offset);
    if (this.#isRecorded(section, offset))
      tell('VER052', 'a record of the tracer names the branch: the tracer would overwrite it');
    if (word === undefined || (word & BRANCH_MASK) >>> 0 !== BRANCH)
      return tell('VER053', `the branch is ${word === undefined ? 'missing' : wordText(word)}, not b`);
    const [relocation] = relocations;
    if (relocation === undefined || relocations.length > 1 || relocation.type !== R_PPC64_REL24)
      return tell(
        'VER054',
        `the branch has ${relocations.map(r => relocationName(r.type)).join(', ') || 'no relocation'}, not one REL24`,
      );
    return branchTarget(this.#pair.output, relocation);
  }

  /** Between the function's local entry and the branch nothing happens but what belongs to the call site. */
  #checkWayIn({ action, section, function: f }: Placed<PlannedRedirect | PlannedHook>): void {
    if (action.offset < f.local)
      this.#report.error(
        'VER055',
        'the branch stands in front of the local entry: local callers do not meet it',
        section,
        action.offset,
        f.name,
      );
    for (let at = f.local; at < action.offset; at += 4) {
      const word = this.#word(section, at)!;
      const relocations = this.#on(section, at);
      const bare = relocations.length === 0 && (word === NOP || word === MFLR_R0 || word === STD_R0_16_R1);
      const symbols = this.#pair.output.symbols!;
      const tracer =
        (word & 0xfc000003) >>> 0 === 0x48000001 &&
        relocations.length === 1 &&
        relocations[0]!.type === R_PPC64_REL24 &&
        TRACER.has(symbols.name(relocations[0]!.symbol));
      if (!bare && !tracer)
        this.#report.error(
          'VER055',
          `${wordText(word)} is executed before the branch and is no part of a call site`,
          section,
          at,
          f.name,
        );
    }
  }

  /** A branch straight to the replacement: same object, so r2 stays as it is. */
  #direct({ action, section, function: f }: PlacedRedirect, target: BranchTarget, byAddress = false): void {
    const tell = (code: string, message: string) => this.#report.error(code, message, section, action.offset, f.name);
    const entry = (h: KernelFunction) => (byAddress ? h.global : h.local);
    const g = this.#named(action.to).find(h => h.section.index === target.section && entry(h) === target.offset);
    if (g === undefined || g.symbol === f.symbol)
      tell('VER054', `the branch leads to ${target.name}, not to ${action.to}`);
    if (action.strategy !== 'direct') tell('VER054', 'the plan has a frame between the functions, and there is none');
    if (g !== undefined && g.k > 1 && !byAddress && (f.k < 2 || action.at === 'global-entry'))
      tell('VER056', `${f.name} may be entered with any r2, and ${g.name} needs the TOC of this object in it`);
    if (g?.k === 1) tell('VER056', `${g.name} does not keep r2, and local callers of ${f.name} do not restore it`);
  }

  /** What is known where the function branches away. */
  #atBranch({ action, section, function: f }: PlacedRedirect): Machine {
    const machine = Machine.atEntry();
    // A function with two entries has its own TOC in r2 at the second.
    if (f.k > 1 && action.at !== 'global-entry') machine.registers[2] = HOME;
    for (let at = f.local; at < action.offset; at += 4) {
      if (this.#word(section, at) === MFLR_R0) machine.registers[0] = RETURN;
      if (this.#word(section, at) === STD_R0_16_R1) machine.memory.set(16, machine.registers[0]!);
    }
    return machine;
  }

  #follow(redirect: PlacedRedirect, target: BranchTarget, machine = this.#atBranch(redirect)): void {
    const { action, section, function: f } = redirect;
    const trampoline = this.#trampoline(target.section);
    this.#checkLifetime(section, trampoline.code.section, f.name);
    const follower = new Follower(this.#report, trampoline.code, f.name, trampoline.reached);
    const { ways } = follower.follow(target.offset, machine);
    for (const way of ways)
      if (way.length !== 1 || !this.#isNamed(action.to, way[0]!))
        this.#report.error(
          'VER068',
          `a way through the trampoline leads to ${way.length === 0 ? 'nothing' : way.map(target => target.name).join(', ')}; the plan has ${action.to}, once`,
          trampoline.code.section,
          target.offset,
          f.name,
        );
  }

  /** Whether a function called `name` begins there: a relocation may use another of its names. */
  #isNamed(name: string, { name: own, section, offset }: BranchTarget): boolean {
    if (section === 0) return own === name;
    return this.#named(name).some(g => g.section.index === section && (g.local === offset || g.global === offset));
  }

  /** The kernel sorts sections by the beginning of their names, and gives the memory of some back. */
  #checkLifetime(from: Section, code: Section, name: string): void {
    const needed = SHORT_LIVED.exec(from.name)?.[0];
    const given = SHORT_LIVED.exec(code.name)?.[0];
    if (given !== undefined && given !== needed)
      this.#report.error(
        'VER072',
        `${name} leads to code in ${code.name}, which the kernel gives back after loading or does not load`,
        code,
      );
  }

  #trampoline(index: SectionIndex): { readonly code: FollowedCode; readonly reached: Set<number> } {
    let found = this.#trampolines.get(index);
    if (found === undefined) {
      const { output } = this.#pair;
      const code = { elf: output, section: output.sections[index]!, relocations: relocationsOn(output, index) };
      found = { code, reached: new Set() };
      this.#trampolines.set(index, found);
    }
    return found;
  }

  /** Every instruction of the new code is executed by some redirect, or is padding; every symbol in it is a function. */
  newCode(): string {
    let words = 0;
    for (const index of this.#pair.code) {
      const section = this.#pair.output.sections[index];
      if (section === undefined) continue;
      const reached = this.#trampolines.get(index)?.reached ?? new Set();
      this.#pair.output.sectionWords(section).forEach((word, i) => {
        words++;
        if (word !== NOP && !reached.has(i * 4))
          this.#report.warn('VER071', `no redirect reaches this instruction (${wordText(word)})`, section, i * 4);
      });
      this.#checkSymbols(section);
    }
    return `${count(words, 'word')} in ${count(this.#trampolines.size, 'trampoline section')}`;
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
