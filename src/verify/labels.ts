/**
 * What the plan says of each action in words, held against the input: other names of the code, the form of the call site, whether a
 * record goes, where the branch stands, whom it led to before. What the code of an action does is judged where that code is
 * followed (redirects.ts, hooks.ts, shadow.ts). And no word, relocation or record changes but for an action.
 */
import { RELA_WORDS } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import type { KernelFunction } from '../kernel/functions.ts';
import { readVersions } from '../kernel/versions.ts';
import type { PlannedAction, PlannedHook, PlannedRedirect, PlannedRetarget, SiteForm } from '../plan/plan.ts';
import { callForm, wordsFrom } from '../sites/forms.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { NamedFunctions } from './named-functions.ts';
import type { Pairing } from './pairing.ts';
import { branchTarget, placeKey, recordedPlaces, relocationsOn } from './places.ts';
import type { Planned } from './planned.ts';
import { R_PPC64_REL24 } from './relocation-places.ts';
import { count, type Report } from './verification.ts';

const NOP = 0x60000000;
const PROFILER = '_mcount';
/** What the names of copies begin with. */
const COPY = '__tocsin_epilogue_';
/** Words of the longest branch. */
const LONG = 8;
const COMMON = ['kind', 'function', 'aliases', 'section', 'offset'];
/** The fields that an action may have. */
const FIELDS: Readonly<Record<PlannedAction['kind'], ReadonlySet<string>>> = {
  nop: new Set([...COMMON, 'form', 'recordRemoved']),
  redirect: new Set([
    ...COMMON,
    ...['to', 'strategy', 'at', 'form', 'recordRemoved', 'branch', 'branches', 'toc', 'grounds'],
    ...['custom', 'copy', 'stack'],
  ]),
  hook: new Set([...COMMON, 'before', 'after', 'at', 'ip', 'form', 'recordRemoved', 'toc', 'grounds']),
  retarget: new Set([...COMMON, 'call', 'to', 'links', 'branch', 'toc', 'grounds']),
  epilogue: new Set([...COMMON, 'symbol', 'body', 'gplOnly', 'namespace', 'crc', 'grounds']),
};

/** An action with its place in the input; `undefined` where it has none, which is told elsewhere. */
interface Placed<A extends PlannedAction> {
  readonly action: A;
  readonly section: Section;
}

/** @returns in words, how many actions were looked at */
export function checkLabels(report: Report, pair: Pairing, planned: Planned): string {
  const labels = new Labels(report, pair);
  for (const action of planned.plan.actions) labels.action(action);
  labels.nothingElse(planned);
  return count(planned.plan.actions.length, 'action');
}

export class Labels {
  readonly #report: Report;
  readonly #pair: Pairing;
  readonly #functions: NamedFunctions;
  readonly #recorded: ReadonlySet<number>;
  /** By section: which words call the profiler. */
  readonly #calls = new Map<SectionIndex, Uint8Array>();
  /** Places whose words, relocations and records may change, and records that go. */
  readonly #changed = new Set<number>();
  readonly #records = new Set<number>();
  readonly #seen = new Set<string>();
  #nops: SiteForm | undefined;

  constructor(report: Report, pair: Pairing) {
    this.#report = report;
    this.#pair = pair;
    this.#functions = new NamedFunctions(pair.input);
    this.#recorded = recordedPlaces(pair.input);
  }

  action(action: PlannedAction): void {
    const tell = (code: string, message: string) =>
      this.#report.error(code, message, action.section, action.offset, action.function);
    for (const field of Object.keys(action))
      if (!FIELDS[action.kind].has(field)) tell('VER228', `a ${action.kind} has no ${field}`);
    const key = `${action.kind === 'retarget' ? 'retarget' : ''}${'at' in action && action.at === 'local-entry' ? 'local' : ''} ${action.section}+${action.offset}`;
    if (this.#seen.has(key)) tell('VER228', 'the plan does this twice');
    this.#seen.add(key);
    const section = this.#sectionOf(action);
    if (section === undefined) return;
    this.#aliases(action, section);
    if (action.kind === 'nop') this.#nop({ action, section });
    else if (action.kind === 'redirect') this.#redirect({ action, section });
    else if (action.kind === 'hook') this.#hook({ action, section });
    else if (action.kind === 'retarget') this.#retarget({ action, section });
  }

  /** A place that has no function of that name is told of the output, whose functions are the same. */
  #sectionOf({ function: name, section, offset }: PlannedAction): Section | undefined {
    return this.#functions.sectionOver(name, section, offset);
  }

  #tell({ action, section }: Placed<PlannedAction>, code: string, message: string): void {
    this.#report.error(code, message, section, action.offset, action.function);
  }

  /** All names of the code but the one that the action uses. */
  #aliases(action: PlannedAction, section: Section): void {
    const names = this.#functions.namesOver(action.function, section.name, action.offset);
    if (isSameList([action.function, ...action.aliases], names)) return;
    this.#tell({ action, section }, 'VER220', `the names of this code are ${names.join(', ')}`);
  }

  /** The form of the call site at a word; `undefined` where there is none. */
  #formAt(section: Section, offset: SectionOffset): SiteForm | undefined {
    const words = this.#pair.input.sectionWords(section);
    const i = offset >>> 2;
    if (this.#callsIn(section)[i] === 1) return callForm(words, i);
    if (words[i] !== NOP || !this.#recorded.has(placeKey(section.index, offset))) return undefined;
    this.#nops ??= this.#nopForm();
    return this.#nops;
  }

  #callsIn(section: Section): Uint8Array {
    const known = this.#calls.get(section.index);
    if (known !== undefined) return known;
    const { input } = this.#pair;
    const { symbols } = input;
    const words = input.sectionWords(section);
    const marks = new Uint8Array(words.length);
    this.#calls.set(section.index, marks);
    const profilers = new Set<number>();
    symbols?.find(PROFILER, i => profilers.add(i) === undefined);
    if (profilers.size === 0) return marks;
    for (const table of input.relocationSectionsFor(section.index)) {
      const entries = input.relocations(table);
      for (let i = 0, w = 0; i < entries.count; i++, w += RELA_WORDS)
        if (entries.type(i) === R_PPC64_REL24 && profilers.has(entries.symbol(i))) {
          const at = entries.words[w]! >>> 2;
          if ((words[at]! & 0xfc000003) >>> 0 === 0x48000001) marks[at] = 1;
        }
    }
    return marks;
  }

  /** Two nops, where behind each nop that a record names stands another. */
  #nopForm(): SiteForm {
    const { input } = this.#pair;
    for (const key of this.#recorded) {
      const section = input.sections[Math.floor(key / 0x1_0000_0000)]!;
      const i = (key % 0x1_0000_0000) / 4;
      if (!section.isCode) continue;
      const words = input.sectionWords(section);
      if (words[i] === NOP && words[i + 1] !== NOP) return 'patchable-out-of-line';
    }
    return 'patchable';
  }

  /** What is said of the site, which lies at `site`; `at`: what the plan says of the place. */
  #site(placed: Placed<PlannedHook | PlannedRedirect>, site: SectionOffset, goes: boolean): void {
    const { action, section } = placed;
    const form = this.#formAt(section, site);
    if (form !== action.form)
      this.#tell(placed, 'VER221', `the call site is ${form ?? 'none'}; the plan has ${action.form ?? 'none'}`);
    this.#record(placed, site, goes);
  }

  #record(
    placed: Placed<PlannedHook | PlannedRedirect | Extract<PlannedAction, { kind: 'nop' }>>,
    site: SectionOffset,
    goes: boolean,
  ): void {
    const { action, section } = placed;
    const key = placeKey(section.index, site);
    const isGone = goes && this.#recorded.has(key);
    if (isGone) this.#records.add(key);
    if (action.recordRemoved !== isGone)
      this.#tell(
        placed,
        'VER222',
        `the record of the site ${isGone ? 'goes' : 'does not go'}, and the plan says otherwise`,
      );
  }

  #nop(placed: Placed<Extract<PlannedAction, { kind: 'nop' }>>): void {
    const { action, section } = placed;
    this.#changed.add(placeKey(section.index, action.offset));
    const form = this.#formAt(section, action.offset);
    if (form !== action.form)
      this.#tell(placed, 'VER221', `the call site is ${form ?? 'none'}; the plan has ${action.form}`);
    this.#record(placed, action.offset, true);
  }

  #redirect(placed: Placed<PlannedRedirect>): void {
    const { action, section } = placed;
    const { at, offset, branch, branches, strategy } = action;
    if ((branches !== undefined) !== (at === 'local-entry'))
      this.#tell(placed, 'VER223', `the plan ${branches === undefined ? 'lists no' : 'lists'} branches, ${at}`);
    for (const [field, owner] of [
      ['custom', 'custom'],
      ['copy', 'epilogue'],
    ] as const)
      if ((action[field] !== undefined) !== (strategy === owner))
        this.#tell(placed, 'VER224', `${field} goes with ${owner}, and the plan has ${strategy}`);
    this.#copy(placed);
    if (action.stack !== undefined && strategy !== 'shadow')
      this.#tell(placed, 'VER224', `a second stack goes with shadow, and the plan has ${strategy}`);
    if (branches !== undefined) this.#branches(placed, branches);
    else
      for (let i = 0; i < (branch === 'long' ? LONG : 1); i++)
        this.#changed.add(placeKey(section.index, offset + i * 4));
    for (const place of action.custom?.places ?? []) this.#changePlace(place.section, place.offset);
    if (at === 'after-site' || at === 'site') this.#atSite(placed, at);
    else this.#atEntry(placed, at);
  }

  /** A copy is that of the replacement, or is the replacement; who exports it the proof looks at. */
  #copy(placed: Placed<PlannedRedirect>): void {
    const { copy, to } = placed.action;
    if (copy === undefined) return;
    if (copy.symbol !== to && copy.symbol !== `${COPY}${to}`)
      this.#tell(placed, 'VER224', `${copy.symbol} is no copy of ${to}`);
    const version = readVersions(this.#pair.output).find(v => v.name === copy.symbol);
    if (version !== undefined && copy.crc !== version.crc)
      this.#tell(placed, 'VER224', `${copy.symbol} is imported with another checksum than the plan says`);
  }

  #changePlace(name: string, offset: SectionOffset): void {
    for (const s of this.#pair.input.sections)
      if (s.name === name && s.isAllocated) this.#changed.add(placeKey(s.index, offset & ~3));
  }

  #atSite(placed: Placed<PlannedHook | PlannedRedirect>, at: 'after-site' | 'site'): void {
    const { offset, form } = placed.action;
    const site = at === 'site' || form === undefined ? offset : offset - 4 * wordsFrom(form);
    if (form === undefined) this.#tell(placed, 'VER223', `the plan has no call site, and the branch ${at}`);
    this.#site(placed, site, at === 'site');
  }

  /** Where the branch stands at an entry, the site is the function's first. */
  #atEntry(placed: Placed<PlannedRedirect>, at: 'global-entry' | 'local-entry'): void {
    const { action, section } = placed;
    const f = this.#functions.over(action.function, section.name, action.offset);
    if (f === undefined) return;
    const wanted = at === 'local-entry' ? f.local : f.global;
    if (action.offset !== wanted) this.#tell(placed, 'VER223', `the ${at} is at 0x${wanted.toString(16)}`);
    let site = f.global;
    while (site < f.global + f.size && this.#formAt(section, site) === undefined) site += 4;
    this.#site(placed, site < f.global + f.size ? site : f.global, false);
  }

  /** Where each branch stands; that they are the branches that enter the function is for local-calls.ts to say. */
  #branches(placed: Placed<PlannedRedirect>, branches: NonNullable<PlannedRedirect['branches']>): void {
    const { sections } = this.#pair.input;
    let last = -1;
    for (const { function: name, section, offset } of branches) {
      this.#changePlace(section, offset);
      const home = sections.find(s => s.name === section && s.isAllocated && s.isCode);
      const key = home === undefined ? -1 : placeKey(home.index, offset);
      if (home !== undefined && key <= last)
        this.#tell(
          placed,
          'VER226',
          `${section}+0x${offset.toString(16)} is listed twice, or behind one that it stands in front of`,
        );
      last = key;
      const isThere =
        home !== undefined &&
        (name === ''
          ? !this.#functions.isCovered(home, offset)
          : this.#functions.over(name, section, offset) !== undefined);
      if (!isThere)
        this.#tell(
          placed,
          'VER226',
          `the branch at ${section}+0x${offset.toString(16)} is not in ${name === '' ? 'no function' : name}`,
        );
    }
  }

  #hook(placed: Placed<PlannedHook>): void {
    const { action, section } = placed;
    this.#changed.add(placeKey(section.index, action.offset));
    if (action.at !== 'after-site' && action.at !== 'site') {
      this.#tell(placed, 'VER223', `a hook stands at the site or behind it, not at ${action.at}`);
      return;
    }
    this.#atSite(placed, action.at);
    const site = action.at === 'site' ? action.offset : action.offset - 4 * wordsFrom(action.form);
    // Of two nops the second becomes the tracer's call.
    const ip = action.form === 'patchable' ? site + 4 : site;
    if (action.ip !== ip) this.#tell(placed, 'VER223', `the call site is at ${ip}, and the plan has ${action.ip}`);
  }

  /** Whom the branch led to: by its relocation, or by its word. */
  #retarget(placed: Placed<PlannedRetarget>): void {
    const { action, section } = placed;
    this.#changed.add(placeKey(section.index, action.offset));
    const { input } = this.#pair;
    const list = relocationsOn(input, section.index, new Set([action.offset])).get(action.offset) ?? [];
    const word = input.sectionWords(section)[action.offset >>> 2] ?? 0;
    const target =
      list[0] === undefined
        ? { section: section.index, offset: action.offset + (((word & 0x03fffffc) << 6) >> 6), name: '' }
        : branchTarget(input, list[0]);
    const isNamed =
      (target.section === 0 || list[0] !== undefined) && target.name === action.call
        ? true
        : target.section !== 0 &&
          this.#functions
            .called(action.call)
            .some(
              (g: KernelFunction) =>
                g.section.index === target.section && (g.local === target.offset || g.global === target.offset),
            );
    if (!isNamed)
      this.#tell(
        placed,
        'VER227',
        `the branch led to ${target.name === '' ? 'a place' : target.name}, not to ${action.call}`,
      );
  }

  /** Words, relocations and records change for actions only. */
  nothingElse({ plan }: Planned): void {
    const { input } = this.#pair;
    const tell = (what: string, section: SectionIndex, offset: SectionOffset) => {
      if (!this.#changed.has(placeKey(section, offset & ~3)))
        this.#report.error('VER229', `${what}, and no action says why`, input.sections[section], offset);
    };
    for (const { section, offset } of plan.words) tell('a word changes', section, offset);
    for (const { section, offset } of plan.addedRelocations) tell('a relocation is added', section, offset);
    for (const { table, entry } of plan.removedRelocations)
      tell(
        'a relocation goes',
        input.sections[table]!.sh_info,
        input.relocations(input.sections[table]!).offset(entry),
      );
    const { symbols } = input;
    for (const { table, offset, relocation } of plan.removedRecords) {
      const entries = input.relocations(input.sections[relocation.table]!);
      const symbol = entries.symbol(relocation.entry);
      const place = placeKey(symbols!.sectionOf(symbol), symbols!.value(symbol) + entries.addend(relocation.entry));
      if (!this.#records.delete(place))
        this.#report.error('VER229', 'a record goes, and no action says why', input.sections[table], offset);
    }
    for (const place of this.#records)
      this.#report.error(
        'VER222',
        'the record of a site that an action takes away stays',
        input.sections[Math.floor(place / 0x1_0000_0000)],
        place % 0x1_0000_0000,
      );
  }
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  if (a.length === 1 && b.length === 1) return a[0] === b[0];
  return [...a].sort().join('\n') === [...b].sort().join('\n');
}
