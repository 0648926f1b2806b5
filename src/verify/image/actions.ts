/** What the plan's actions mean, held against the words of both images. */
import { STT_FUNC } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import type { SymbolTable } from '../../elf/symbols.ts';
import { symbolAddress } from '../../kernel/image-layout.ts';
import type { ImagePlan } from '../../plan/image.ts';
import type { PlannedAction, PlannedHook, PlannedNop, PlannedRedirect, PlannedRetarget } from '../../plan/plan.ts';
import { localEntryOffset } from '../../ppc64/entry-points.ts';
import { count, type Report } from '../verification.ts';
import { ImageCalls } from './calls.ts';
import { customFault } from './custom.ts';
import { globalEntryFault, judgeLocalBranches } from './entries.ts';
import { followImageHook, type HookedImage, type WantedHook } from './hook.ts';
import { ImageWords, placeName } from './words.ts';

const NOP = 0x60000000;

/** @param may places of code (`placeName`) that change for something else */
export function checkImageActions(
  report: Report,
  input: ElfFile,
  output: ElfFile,
  plan: ImagePlan,
  may: ReadonlySet<string>,
): string {
  const judge = new ActionJudge(report, input, output, plan, may);
  for (const action of plan.actions) judge.action(action);
  judge.nothingElse();
  return `${count(plan.actions.length, 'action')} found in the words`;
}

/** A function as its symbols tell it. */
export interface ImageFunction {
  readonly global: bigint;
  readonly local: bigint;
  readonly k: number;
  /** Bytes from the global entry. */
  readonly size: number;
}

function functionOf(symbols: SymbolTable, i: number): ImageFunction {
  const global = symbols.address(i);
  const other = symbols.st_other(i);
  return { global, local: global + BigInt(localEntryOffset(other)), k: other >>> 5, size: symbols.size(i) };
}

function functionsByLocalEntry({ symbols }: ElfFile): ReadonlyMap<bigint, ImageFunction> {
  const found = new Map<bigint, ImageFunction>();
  for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
    if (symbols.type(i) !== STT_FUNC || symbols.sectionOf(i) === 0) continue;
    const f = functionOf(symbols, i);
    found.set(f.local, f);
  }
  return found;
}

function functionsByName({ symbols }: ElfFile): ReadonlyMap<string, ImageFunction[]> {
  const found = new Map<string, ImageFunction[]>();
  for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
    if (symbols.type(i) !== STT_FUNC || symbols.sectionOf(i) === 0) continue;
    const name = symbols.name(i);
    const list = found.get(name);
    if (list === undefined) found.set(name, [functionOf(symbols, i)]);
    else list.push(functionOf(symbols, i));
  }
  return found;
}

class ActionJudge {
  readonly #report: Report;
  readonly #input: ElfFile;
  readonly #output: ElfFile;
  readonly #plan: ImagePlan;
  readonly #words: ImageWords;
  /** Records that go, and changed words, for which no action has been found yet. */
  readonly #records: Map<bigint, unknown>;
  readonly #changed: Set<string>;
  #byLocal: ReadonlyMap<bigint, ImageFunction> | undefined;
  #byName: ReadonlyMap<string, ImageFunction[]> | undefined;
  #calls: ImageCalls | undefined;

  constructor(report: Report, input: ElfFile, output: ElfFile, plan: ImagePlan, may: ReadonlySet<string>) {
    this.#report = report;
    this.#input = input;
    this.#output = output;
    this.#plan = plan;
    this.#words = new ImageWords(output);
    this.#records = new Map(plan.records.map(r => [r.before, r]));
    this.#changed = new Set(plan.words.map(w => placeName(w.section, w.offset)).filter(place => !may.has(place)));
  }

  action(action: PlannedAction): void {
    const section = this.#input.sectionNamed(action.section);
    if (section === undefined || action.offset < 0 || action.offset + 4 > section.sh_size) {
      this.#report.error('VER115', `there is no ${action.section}+${action.offset}`, action.section, action.offset);
      return;
    }
    this.#changed.delete(placeName(section.index, action.offset));
    const hasRecord = this.#records.delete(section.sh_addr + BigInt(action.offset));
    if (('recordRemoved' in action && action.recordRemoved) !== hasRecord)
      this.#wrong('the record of the site does not go with it', section, action, 'VER114');
    if (action.kind === 'nop') this.#nop(section, action);
    else if (action.kind === 'redirect') this.#redirect(section, action);
    else if (action.kind === 'hook') this.#hook(section, action);
    else if (action.kind === 'retarget') this.#retarget(section, action);
    else this.#wrong('nobody can judge an epilogue in an image', section, action);
  }

  #wrong(message: string, section: Section, action: PlannedAction, code = 'VER115'): void {
    this.#report.error(code, message, section, action.offset, action.function);
  }

  #before(section: Section, offset: number): number {
    return this.#input.sectionWords(section)[offset / 4]!;
  }

  /** A call of the profiler becomes a nop; nops stay. */
  #nop(section: Section, action: PlannedNop): void {
    const was = this.#before(section, action.offset);
    const is = this.#words.at(section.sh_addr + BigInt(action.offset));
    const wasSite = action.form.startsWith('patchable') ? was === NOP : (was & 0xfc000003) >>> 0 === 0x48000001;
    if (!wasSite || is !== NOP) this.#wrong('a call site is not out as planned', section, action);
  }

  /** The functions of that name. */
  #functions(name: string): readonly ImageFunction[] {
    this.#byName ??= functionsByName(this.#output);
    const plain = /^(.+)@(.+)\+0x[0-9a-f]+$/.exec(name)?.[1] ?? name;
    return this.#byName.get(plain) ?? [];
  }

  /** The function whose local entry, as its symbol tells it, lies there. */
  #entered(local: bigint): ImageFunction | undefined {
    this.#byLocal ??= functionsByLocalEntry(this.#output);
    return this.#byLocal.get(local);
  }

  /** The function that an action is about: the one of its name that the place belongs to. */
  #own(section: Section, action: PlannedAction): ImageFunction | undefined {
    const at = section.sh_addr + BigInt(action.offset);
    return this.#functions(action.function)
      .filter(f => f.global <= at)
      .sort((a, b) => (a.global < b.global ? 1 : -1))[0];
  }

  #redirect(section: Section, action: PlannedRedirect): void {
    const own = this.#own(section, action);
    const at = section.sh_addr + BigInt(action.offset);
    const target = this.#words.branchAt(at);
    if (action.at === 'global-entry' || action.at === 'local-entry') {
      this.#entries(section, action);
      return;
    }
    const isKnown = action.strategy === 'direct' || action.custom !== undefined;
    if (own === undefined || target === undefined || !isKnown) {
      this.#wrong('a redirect is no branch as planned', section, action);
      return;
    }
    this.#atSite(section, action, own, at);
    if (action.custom !== undefined) {
      if (this.#functions(action.to).length === 0) this.#wrong(`there is no function ${action.to}`, section, action);
      const wanted = { before: undefined, after: undefined, own, ip: at, ...this.#goOn(section, action) };
      const given = { output: this.#output, plan: this.#plan, image: this.#image(), target, wanted };
      const fault = customFault(action.custom, given);
      if (fault !== undefined) this.#wrong(fault, section, action, 'VER167');
      return;
    }
    const replacements = this.#functions(action.to);
    const leadsTo = replacements.find(g =>
      own.k >= 2 || g.k < 2 ? target === g.local : this.#words.entersByAddress(target) === g.global,
    );
    if (leadsTo === undefined || leadsTo.global === own.global)
      this.#wrong(`a redirect does not lead to ${action.to}`, section, action);
  }

  /** A redirect for those who come by one of the entries: entries.ts. */
  #entries(section: Section, action: PlannedRedirect): void {
    const own = this.#own(section, action);
    const given = {
      input: this.#input,
      output: this.#words,
      toc: symbolAddress(this.#output, '.TOC.') ?? 0n,
      at: section.sh_addr + BigInt(action.offset),
      replacements: this.#functions(action.to).filter(g => g.global !== own?.global),
    };
    if (action.strategy !== 'direct' || own === undefined) {
      this.#wrong('a redirect is no branch as planned', section, action);
      return;
    }
    if (action.at === 'global-entry') {
      const fault = globalEntryFault(action, own, given);
      if (fault !== undefined) this.#wrong(fault, section, action, 'VER210');
      return;
    }
    const { faults, places } = judgeLocalBranches(action, own, given);
    for (const place of places) this.#changed.delete(place);
    for (const fault of faults) this.#wrong(fault, section, action, 'VER211');
  }

  #image(): HookedImage {
    const toc = symbolAddress(this.#output, '.TOC.') ?? 0n;
    return { words: this.#words, toc, entered: local => this.#entered(local) };
  }

  /** How a function goes on behind its branch. */
  #goOn(section: Section, action: PlannedHook | PlannedRedirect): Pick<WantedHook, 'resume' | 'moved'> {
    return {
      resume: section.sh_addr + BigInt(action.offset) + 4n,
      moved: action.at === 'site' ? undefined : this.#before(section, action.offset),
    };
  }

  #hook(section: Section, action: PlannedHook): void {
    const own = this.#own(section, action);
    const at = section.sh_addr + BigInt(action.offset);
    const target = this.#words.branchAt(at);
    if (own === undefined || target === undefined || (action.before ?? action.after) === undefined) {
      this.#wrong('a hook is no branch as planned', section, action);
      return;
    }
    if (!this.#plan.symbols.some(s => s.address === target))
      this.#wrong('a hook does not lead to the beginning of new code', section, action);
    const fault = followImageHook(this.#image(), target, {
      before: action.before === undefined ? undefined : this.#functions(action.before),
      after: action.after === undefined ? undefined : this.#functions(action.after),
      own,
      ip: section.sh_addr + BigInt(action.ip),
      ...this.#goOn(section, action),
    });
    if (fault !== undefined) this.#wrong(`the code of a hook is not as planned: ${fault}`, section, action);
    this.#atSite(section, action, own, at);
  }

  #retarget(section: Section, action: PlannedRetarget): void {
    this.#calls ??= new ImageCalls(this.#input);
    const fault = this.#calls.fault(action, section.sh_addr + BigInt(action.offset), {
      own: this.#own(section, action),
      called: this.#functions(action.call),
      replacements: this.#functions(action.to),
      words: this.#words,
    });
    if (fault !== undefined) this.#wrong(fault, section, action, 'VER166');
  }

  /** Where the branch stands: a call site right at the local entry, or the word behind it. */
  #atSite(section: Section, action: PlannedHook | PlannedRedirect, own: ImageFunction, at: bigint): void {
    const words = { 'mprofile-kernel': 2, 'mprofile-kernel-lr': 3, patchable: 2, 'patchable-out-of-line': 1, pg: 0 };
    const form = action.form;
    const length = form === undefined ? 0 : words[form];
    const site = form?.startsWith('mprofile') === true ? length - 1 : 0;
    const wanted = own.local + BigInt(4 * (action.at === 'site' ? site : length));
    if (length === 0 || at !== wanted)
      this.#wrong('the branch is not at the call site of its function', section, action);
  }

  /** No record goes, and no word of code changes, but for an action. */
  nothingElse(): void {
    for (const r of this.#records.keys())
      this.#report.error('VER114', `the record of 0x${r.toString(16)} goes, and no action says why`);
    for (const { section, offset } of this.#plan.words)
      if (this.#input.sections[section]?.isCode === true && this.#changed.has(placeName(section, offset)))
        this.#report.error(
          'VER115',
          'a word of code changes, and no action says why',
          this.#input.sections[section],
          offset,
        );
  }
}
