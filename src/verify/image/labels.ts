/**
 * What the plan of an image says of its actions in words, held against the input, as labels.ts does for objects: names of the code, form of
 * the call site, whether its record goes, where the branch stands, how it is done. What the code of an action does is judged in actions.ts.
 * And no word of the image changes but for an action, a record, a table's end or the dynamic relocations.
 */
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import { imageRecords, imageThunks } from '../../kernel/image.ts';
import { dynamicRelocations } from '../../kernel/image-layout.ts';
import { RECORD_SIZE } from '../../kernel/tracer-tables.ts';
import type { ImagePlan } from '../../plan/image.ts';
import type { PlannedAction, PlannedHook, PlannedNop, PlannedRedirect, SiteForm } from '../../plan/plan.ts';
import { callForm, wordsFrom } from '../../sites/forms.ts';
import type { SectionOffset } from '../../util/indexes.ts';
import { NamedFunctions } from '../named-functions.ts';
import { count, type Report } from '../verification.ts';
import { ImageWords } from './words.ts';

const NOP = 0x60000000;
const PROFILER = '_mcount';
const COMMON = ['kind', 'function', 'aliases', 'section', 'offset'];
/** The fields that an action of an image may have. Copies, second stacks and islands are for modules. */
const FIELDS: Readonly<Record<PlannedAction['kind'], ReadonlySet<string>>> = {
  nop: new Set([...COMMON, 'form', 'recordRemoved']),
  redirect: new Set([
    ...COMMON,
    ...['to', 'strategy', 'at', 'form', 'recordRemoved', 'branches', 'toc', 'grounds', 'custom'],
  ]),
  hook: new Set([...COMMON, 'before', 'after', 'at', 'ip', 'form', 'recordRemoved', 'toc', 'grounds']),
  retarget: new Set([...COMMON, 'call', 'to', 'links', 'toc', 'grounds']),
  epilogue: new Set(),
};

/** @returns in words, how many actions were looked at */
export function checkImageLabels(report: Report, input: ElfFile, plan: ImagePlan): string {
  const labels = new ImageLabels(report, input);
  for (const action of plan.actions) labels.action(action);
  checkOtherWords(report, input, plan);
  return count(plan.actions.length, 'action');
}

class ImageLabels {
  readonly #report: Report;
  readonly #input: ElfFile;
  readonly #functions: NamedFunctions;
  readonly #words: ImageWords;
  readonly #recorded: ReadonlySet<bigint>;
  readonly #profilers: ReadonlySet<bigint>;
  readonly #thunks: ReadonlySet<bigint>;
  readonly #seen = new Set<string>();
  #nops: SiteForm | undefined;

  constructor(report: Report, input: ElfFile) {
    this.#report = report;
    this.#input = input;
    this.#functions = new NamedFunctions(input);
    this.#words = new ImageWords(input);
    this.#recorded = new Set(imageRecords(input)?.values);
    const thunks = imageThunks(input);
    this.#thunks = new Set(thunks.map(t => t.address));
    const profilers = new Set<bigint>();
    const { symbols } = input;
    symbols?.find(PROFILER, i => {
      profilers.add(symbols.address(i));
      return false;
    });
    for (const { address, target } of thunks) if (target !== undefined && profilers.has(target)) profilers.add(address);
    this.#profilers = profilers;
  }

  action(action: PlannedAction): void {
    for (const field of Object.keys(action))
      if (!FIELDS[action.kind]?.has(field))
        this.#tell(action, 'VER228', `a ${action.kind} of an image has no ${field}`);
    const way = action.kind === 'retarget' ? action.kind : 'at' in action && action.at === 'local-entry' ? 'local' : '';
    const key = `${way} ${action.section}+${action.offset}`;
    if (this.#seen.has(key)) this.#tell(action, 'VER228', 'the plan does this twice');
    this.#seen.add(key);
    const section = this.#functions.sectionOver(action.function, action.section, action.offset);
    if (section === undefined) {
      this.#tell(action, 'VER057', `the image has no function ${action.function} there`);
      return;
    }
    this.#aliases(action);
    if (action.kind === 'nop') this.#nop(action, section);
    else if (action.kind === 'redirect') this.#redirect(action, section);
    else if (action.kind === 'hook') this.#hook(action, section);
  }

  #tell(action: PlannedAction, code: string, message: string): void {
    this.#report.error(code, message, action.section, action.offset, action.function);
  }

  /** All names of the code but the one that the action uses. */
  #aliases(action: PlannedAction): void {
    const names = this.#functions.namesOver(action.function, action.section, action.offset);
    const inOrder = (list: readonly string[]) => [...list].sort().join('\n');
    if (inOrder([action.function, ...action.aliases]) !== inOrder(names))
      this.#tell(action, 'VER220', `the names of this code are ${names.join(', ')}`);
  }

  #addressOf(section: Section, offset: SectionOffset): bigint {
    return section.sh_addr + BigInt(offset);
  }

  /** The form of the call site at a word; `undefined` where there is none. */
  #formAt(section: Section, offset: SectionOffset): SiteForm | undefined {
    const address = this.#addressOf(section, offset);
    const words = this.#input.sectionWords(section);
    const called = this.#words.branchAt(address, true);
    if (called !== undefined && this.#profilers.has(called)) return callForm(words, offset / 4);
    if (words[offset / 4] !== NOP || !this.#recorded.has(address)) return undefined;
    this.#nops ??= this.#nopForm();
    return this.#nops;
  }

  /** Two nops, where behind each nop that a record names stands another. */
  #nopForm(): SiteForm {
    for (const address of this.#recorded)
      if (this.#words.at(address) === NOP && this.#words.at(address + 4n) !== NOP) return 'patchable-out-of-line';
    return 'patchable';
  }

  #site(
    action: PlannedHook | PlannedNop | PlannedRedirect,
    section: Section,
    site: SectionOffset,
    goes: boolean,
  ): void {
    const form = this.#formAt(section, site);
    if (form !== action.form)
      this.#tell(action, 'VER221', `the call site is ${form ?? 'none'}; the plan has ${action.form ?? 'none'}`);
    const isGone = goes && this.#recorded.has(this.#addressOf(section, site));
    if (action.recordRemoved !== isGone)
      this.#tell(
        action,
        'VER222',
        `the record of the site ${isGone ? 'has to go' : 'has to stay'}, and the plan says otherwise`,
      );
  }

  #nop(action: PlannedNop, section: Section): void {
    this.#site(action, section, action.offset, true);
  }

  #redirect(action: PlannedRedirect, section: Section): void {
    const { strategy, custom, at, toc, branches } = action;
    const isCustom = strategy === 'custom';
    if ((strategy !== 'direct' && !isCustom) || (custom !== undefined) !== isCustom)
      this.#tell(
        action,
        'VER224',
        `an image is given ${custom === undefined ? 'direct' : 'a trampoline'}, not ${strategy}`,
      );
    if (toc !== (isCustom ? 'own' : 'kept'))
      this.#tell(
        action,
        'VER225',
        `r2 is ${isCustom ? 'a matter of the trampoline' : 'the same on all ways'}, not ${toc}`,
      );
    if ((branches !== undefined) !== (at === 'local-entry'))
      this.#tell(action, 'VER223', `the plan ${branches === undefined ? 'lists no' : 'lists'} branches, ${at}`);
    for (const [i, branch] of (branches ?? []).entries()) this.#branch(action, branch, branches![i - 1]);
    if (at === 'after-site' || at === 'site') this.#atSite(action, section);
    else this.#atEntry(action, section, at);
  }

  #atSite(action: PlannedHook | PlannedRedirect, section: Section): void {
    const { offset, form, at } = action;
    if (form === undefined) this.#tell(action, 'VER223', `the plan has no call site, and the branch ${at}`);
    const site = at === 'site' || form === undefined ? offset : offset - 4 * wordsFrom(form);
    this.#site(action, section, site, at === 'site');
  }

  /** Where the branch stands at an entry, the site is the function's first. */
  #atEntry(action: PlannedRedirect, section: Section, at: 'global-entry' | 'local-entry'): void {
    const f = this.#functions.over(action.function, section.name, action.offset)!;
    const wanted = at === 'local-entry' ? f.local : f.global;
    if (action.offset !== wanted) this.#tell(action, 'VER223', `the ${at} is at 0x${wanted.toString(16)}`);
    let site = f.global;
    while (site < f.global + f.size && this.#formAt(section, site) === undefined) site += 4;
    this.#site(action, section, site < f.global + f.size ? site : f.global, false);
  }

  /** Where it stands; that it enters the function is for entries.ts to say. */
  #branch(
    action: PlannedRedirect,
    { function: name, section, offset }: NonNullable<PlannedRedirect['branches']>[number],
    last: NonNullable<PlannedRedirect['branches']>[number] | undefined,
  ): void {
    const home = this.#input.sectionNamed(section);
    const where = `${section}+0x${offset.toString(16)}`;
    const before = last === undefined ? undefined : this.#input.sectionNamed(last.section);
    const isBehind =
      before === undefined ||
      home === undefined ||
      before.index < home.index ||
      (before === home && last!.offset < offset);
    if (!isBehind) this.#tell(action, 'VER226', `${where} is listed twice, or behind one that it stands in front of`);
    const isThere =
      home !== undefined &&
      (name === ''
        ? !this.#functions.isCovered(home, offset) && this.#thunks.has(this.#addressOf(home, offset))
        : this.#functions.over(name, section, offset) !== undefined);
    if (!isThere) this.#tell(action, 'VER226', `the branch at ${where} is not in ${name === '' ? 'a thunk' : name}`);
  }

  #hook(action: PlannedHook, section: Section): void {
    if (action.at !== 'after-site' && action.at !== 'site') {
      this.#tell(action, 'VER223', `a hook stands at the site or behind it, not at ${String(action.at)}`);
      return;
    }
    this.#atSite(action, section);
    // Of a function that may run with any r2 the code of the hook keeps it.
    const toc = this.#functions.over(action.function, section.name, action.offset)!.k < 2 ? 'saved' : 'kept';
    if (action.toc !== toc)
      this.#tell(action, 'VER225', `r2 is ${toc} behind a hook here, and the plan has ${action.toc}`);
    const site = action.at === 'site' ? action.offset : action.offset - 4 * wordsFrom(action.form);
    // Of two nops the second becomes the tracer's call.
    const ip = action.form === 'patchable' ? site + 4 : site;
    if (action.ip !== ip) this.#tell(action, 'VER223', `the call site is at ${ip}, and the plan has ${action.ip}`);
  }
}

/** Outside of the code only the tracer's table, the dynamic relocations and what counts them may change; these are judged in dynamic.ts. */
function checkOtherWords(report: Report, input: ElfFile, { words, relatives, records }: ImagePlan): void {
  const table = imageRecords(input);
  const dynamic = dynamicRelocations(input);
  const may = (section: Section, offset: SectionOffset): boolean => {
    if (section.isCode) return true;
    if (section === dynamic?.section) return records.length > 0;
    if (section === dynamic?.dynamic)
      return (
        (relatives.length > 0 && offset === dynamic.size.offset + 8) ||
        (records.length > 0 && dynamic.count !== undefined && offset === dynamic.count.offset + 8)
      );
    const at = section.sh_addr + BigInt(offset);
    const end = (table?.start ?? 0n) + BigInt((table?.values.length ?? 0) * RECORD_SIZE);
    return table !== undefined && at >= table.start && at < end && records.length > 0;
  };
  for (const { section: index, offset } of words) {
    const section = input.sections[index];
    if (section !== undefined && !may(section, offset))
      report.error('VER229', 'a word changes, and no action says why', section, offset);
  }
}
