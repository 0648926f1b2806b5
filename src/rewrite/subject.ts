/** The object that a plan is made for, with its functions and call sites looked up once. */
import { SHT_RELA } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import type { Btf } from '../kernel/btf.ts';
import { functionAt, functionsBySection, functionsOf, type KernelFunction } from '../kernel/functions.ts';
import { type CallSite, callSitesOf } from '../sites/call-sites.ts';
import { globMatcher, isGlob } from '../util/glob.ts';
import type { SectionIndex, SectionOffset, SymbolIndex } from '../util/indexes.ts';
import { refusal } from './refusals.ts';

/** Functions that share one entry: one piece of code under several names. */
export class Code {
  readonly #subject: Subject;
  /** Numbers of its functions in `Subject.functions`, and of the first site that can be its own: from, and one past. */
  readonly #first: number;
  readonly #end: number;
  readonly #site: number;

  constructor(subject: Subject, first: number, end: number, site: number) {
    this.#subject = subject;
    this.#first = first;
    this.#end = end;
    this.#site = site;
  }

  get section(): Section {
    return this.#subject.functions[this.#first]!.section;
  }

  get global(): SectionOffset {
    return this.#subject.functions[this.#first]!.global;
  }

  get nameCount(): number {
    return this.#end - this.#first;
  }

  /** Never empty; global names first. */
  get names(): readonly KernelFunction[] {
    const list = this.#subject.functions.slice(this.#first, this.#end);
    return list.length === 1 ? list : list.sort((a, b) => b.binding - a.binding || a.symbol - b.symbol);
  }

  /** The first name for which `accept` holds; the first of all where it holds for none. */
  name(accept: (name: string) => boolean): string {
    if (this.nameCount === 1) return this.#subject.functions[this.#first]!.name;
    const { names } = this;
    return (names.find(f => accept(f.name)) ?? names[0]!).name;
  }

  /** The call sites in it, in order: one at most, but for code that was written by hand. */
  get sites(): readonly CallSite[] {
    const { sites } = this.#subject;
    let end = this.#site;
    while (this.#owns(sites[end])) end++;
    return sites.slice(this.#site, end);
  }

  get hasSite(): boolean {
    return this.#owns(this.#subject.sites[this.#site]);
  }

  #owns(site: CallSite | undefined): boolean {
    const f = site?.function;
    return f !== undefined && f.section === this.section && f.global === this.global;
  }
}

/** Where a branch leads: `spot` where that is code of this object. */
export interface BranchTarget {
  readonly spot: { readonly section: Section; readonly offset: SectionOffset } | undefined;
  readonly name: string;
}

/** A section and an offset in it as one number; exact up to 16 GiB and 2^19 sections. */
export function placeKey(section: SectionIndex, offset: SectionOffset): number {
  return section * 2 ** 34 + offset;
}

export class Subject {
  readonly elf: ElfFile;
  readonly functions: readonly KernelFunction[];
  /** By section, then offset. */
  readonly sites: readonly CallSite[];
  /** The BTF of the kernel that the module is for, if the caller has it. */
  readonly kernelBtf: Btf | undefined;
  /** Of a linked image with objects in it: number of their first section. */
  readonly firstAdded: number;
  /** Keys (`placeKey`) of relocations that will name something else: of them nothing follows for what they name now. */
  readonly standIns: ReadonlySet<number>;
  #relocationTables: Map<SectionIndex, Section[]> | undefined;
  #entries: ReadonlySet<number> | undefined;
  #bySection: ReadonlyMap<SectionIndex, KernelFunction[]> | undefined;
  readonly #branches = new Map<SectionIndex, ReadonlyMap<SectionOffset, BranchTarget>>();

  /** @throws InputError where symbols, relocations or tracer tables are damaged */
  constructor(
    elf: ElfFile,
    kernelBtf?: Btf,
    firstAdded = elf.sections.length,
    standIns: ReadonlySet<number> = new Set(),
  ) {
    this.elf = elf;
    this.functions = functionsOf(elf);
    this.sites = callSitesOf(elf, this.functions).sites;
    this.kernelBtf = kernelBtf;
    this.firstAdded = firstAdded;
    this.standIns = standIns;
  }

  /** The SHT_RELA sections that patch a section. */
  relocationTablesFor(section: SectionIndex): readonly Section[] {
    if (this.#relocationTables === undefined) {
      this.#relocationTables = new Map();
      for (const s of this.elf.sections) {
        if (s.sh_type !== SHT_RELA) continue;
        const list = this.#relocationTables.get(s.sh_info);
        if (list === undefined) this.#relocationTables.set(s.sh_info, [s]);
        else list.push(s);
      }
    }
    return this.#relocationTables.get(section) ?? [];
  }

  /** Keys (`placeKey`) of all global entries. */
  get entries(): ReadonlySet<number> {
    this.#entries ??= new Set(this.functions.map(f => placeKey(f.section.index, f.global)));
    return this.#entries;
  }

  /** The function around an offset: first byte, and one past the last. */
  around(
    section: Section,
    offset: SectionOffset,
  ): { readonly start: SectionOffset; readonly end: SectionOffset } | undefined {
    this.#bySection ??= functionsBySection(this.functions);
    const f = functionAt(this.#bySection.get(section.index) ?? [], offset);
    return f && { start: f.global, end: Math.min(f.global + f.size, section.sh_size) };
  }

  /** The place in code that `symbol + addend` names. */
  spotOf(
    symbol: SymbolIndex,
    addend: number,
  ): { readonly section: Section; readonly offset: SectionOffset } | undefined {
    const symbols = this.elf.symbols!;
    const section = this.elf.sections[symbols.sectionOf(symbol)];
    if (section === undefined || !section.isCode) return undefined;
    const offset = symbols.value(symbol) + addend;
    return offset >= 0 && offset < section.sh_size && offset % 4 === 0 ? { section, offset } : undefined;
  }

  /** Where the relocation of the branch at `offset` leads; `undefined` where the branch has none. */
  branchTarget(section: Section, offset: SectionOffset): BranchTarget | undefined {
    let targets = this.#branches.get(section.index);
    if (targets === undefined) {
      targets = this.#branchTargets(section);
      this.#branches.set(section.index, targets);
    }
    return targets.get(offset);
  }

  #branchTargets(section: Section): ReadonlyMap<SectionOffset, BranchTarget> {
    const words = this.elf.sectionWords(section);
    const targets = new Map<SectionOffset, BranchTarget>();
    for (const table of this.relocationTablesFor(section.index)) {
      const relocations = this.elf.relocations(table);
      for (let i = 0; i < relocations.count; i++) {
        const offset = relocations.offset(i);
        const opcode = words[offset >>> 2]! >>> 26;
        if ((opcode !== 18 && opcode !== 16) || (words[offset >>> 2]! & 1) !== 0) continue;
        const symbol = relocations.symbol(i);
        targets.set(offset, { spot: this.spotOf(symbol, relocations.addend(i)), name: this.elf.symbols!.name(symbol) });
      }
    }
    return targets;
  }

  /**
   * Functions by entry, in the order of `functions`: those that have a name for which `accept` holds. Functions and sites
   * are both sorted by section, then offset, and are walked side by side.
   */
  codes(accept: (name: string) => boolean): Code[] {
    const { functions, sites } = this;
    const found: Code[] = [];
    let site = 0;
    for (let i = 0; i < functions.length; ) {
      const { section, global } = functions[i]!;
      let end = i + 1;
      while (end < functions.length && functions[end]!.section === section && functions[end]!.global === global) end++;
      while (site < sites.length && isBefore(sites[site]!.function, section, global)) site++;
      let accepted = false;
      for (let n = i; n < end && !accepted; n++) accepted = accept(functions[n]!.name);
      if (accepted) found.push(new Code(this, i, end, site));
      i = end;
    }
    return found;
  }
}

/** Whether the function of a site is one that comes before (section, global), or none at all. */
function isBefore(f: KernelFunction | undefined, section: Section, global: SectionOffset): boolean {
  if (f === undefined) return true;
  return f.section.index < section.index || (f.section === section && f.global < global);
}

/** `NAME` or `NAME@SECTION+0xOFFSET`. */
export interface FunctionName {
  readonly name: string;
  readonly section: string | undefined;
  readonly offset: SectionOffset | undefined;
}

export function parseFunctionName(text: string): FunctionName {
  const match = /^(.+)@(.+)\+0x([0-9a-fA-F]{1,12})$/.exec(text);
  if (match === null) return { name: text, section: undefined, offset: undefined };
  return { name: match[1]!, section: match[2]!, offset: Number.parseInt(match[3]!, 16) };
}

/**
 * The one piece of code that `text` names; `undefined` where nothing bears the name.
 *
 * @throws RefusalError PAT003 where several do
 */
export function findCode(subject: Subject, text: string): Code | undefined {
  const wanted = parseFunctionName(text);
  const found: Code[] = [];
  for (const code of subject.codes(name => name === wanted.name)) {
    if (wanted.section !== undefined && (wanted.section !== code.section.name || wanted.offset !== code.global))
      continue;
    found.push(code);
  }
  if (found.length < 2) return found[0];
  const places = found.map(c => `${wanted.name}@${c.section.name}+0x${c.global.toString(16)}`).join(', ');
  throw refusal('PAT003', { name: wanted.name, places });
}

/** As `findCode`, for a name that has to be there. @throws RefusalError PAT002, PAT003, PAT240 */
export function requireCode(subject: Subject, text: string): Code {
  if (isGlob(text)) throw refusal('PAT240', { name: text });
  const code = findCode(subject, text);
  if (code === undefined) throw noSuchFunction(subject, text);
  return code;
}

/** For a pattern that some function has to match, whatever can be done with it. @throws RefusalError PAT002 */
export function requireMatch(subject: Subject, pattern: string): void {
  const matches = globMatcher(pattern);
  if (!subject.functions.some(f => matches(f.name))) throw noSuchFunction(subject, pattern);
}

export function noSuchFunction(subject: Subject, text: string): Error {
  const { name } = parseFunctionName(text);
  const near = nearNames(
    name,
    subject.functions.map(f => f.name),
  );
  return refusal('PAT002', { name: text, near: near.length > 0 ? `; near it are ${near.join(', ')}` : '' });
}

/** Up to three names that differ little from `name`, the nearest first. */
function nearNames(name: string, names: readonly string[]): string[] {
  const limit = Math.max(2, Math.floor(name.length / 4));
  const best = new Map<string, number>();
  for (const other of names) {
    if (best.has(other) || Math.abs(other.length - name.length) > limit) continue;
    const distance = other === name ? 0 : editDistance(name, other, limit);
    if (distance <= limit) best.set(other, distance);
  }
  return [...best]
    .sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, 3)
    .map(([other]) => other);
}

/** Levenshtein distance, or `limit + 1` as soon as it must be more than `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const value = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + cost);
      next.push(value);
      least = Math.min(least, value);
    }
    if (least > limit) return limit + 1;
    row = next;
  }
  return row[b.length]!;
}
