/**
 * The relocations of the objects in the merged module: each is there, of the same type, at its place, and names the same thing:
 * a place in a section by the place that the section got, anything else by its name.
 */
import { SHN_ABS, SHN_UNDEF, SHT_RELA, STB_LOCAL, STB_WEAK, STT_FILE, STT_SECTION } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import { hex } from '../../util/bytes.ts';
import type { SectionIndex, SymbolIndex } from '../../util/indexes.ts';
import { count, type Report } from '../verification.ts';
import { replacedSections } from './pieces.ts';
import { placeIn } from './symbols.ts';
import type { MergeCase } from './verify-merge.ts';

const R_PPC64_REL24 = 10;
const SHF_RELA_LIVEPATCH = 0x0010_0000;

interface Entry {
  readonly type: number;
  readonly symbol: SymbolIndex;
  readonly addend: number;
}

/** Entries that the merged module has for a section behind those that the module had, by offset. */
class AddedEntries {
  readonly byOffset = new Map<number, Entry[]>();
  count = 0;

  constructor(module: ElfFile, merged: ElfFile, target: SectionIndex) {
    for (const table of merged.sections) {
      if (table.sh_type !== SHT_RELA || table.sh_info !== target || (table.sh_flags & SHF_RELA_LIVEPATCH) !== 0)
        continue;
      const own = module.sections[table.index];
      const relocations = merged.relocations(table);
      for (let i = own === undefined ? 0 : module.relocations(own).count; i < relocations.count; i++) {
        const at = relocations.offset(i);
        const entry = { type: relocations.type(i), symbol: relocations.symbol(i), addend: relocations.addend(i) };
        this.byOffset.set(at, [...(this.byOffset.get(at) ?? []), entry]);
        this.count++;
      }
    }
  }

  take(offset: number, type: number): Entry | undefined {
    const list = this.byOffset.get(offset) ?? [];
    const at = list.findIndex(e => e.type === type);
    if (at < 0) return undefined;
    this.count--;
    return list.splice(at, 1)[0];
  }
}

export function compareMeanings(report: Report, given: MergeCase, merged: ElfFile): string {
  const { module, objects, plan } = given;
  const names = new Names(merged, module.symbols!.count);
  const replaced = replacedSections(given);
  const added = new Map<SectionIndex, AddedEntries>();
  let total = 0;
  for (const piece of plan.pieces) {
    const { elf, name } = objects[piece.object]!;
    const entries = added.get(piece.target) ?? new AddedEntries(module, merged, piece.target);
    added.set(piece.target, entries);
    const section = merged.sections[piece.target]!;
    for (const table of elf.relocationSectionsFor(piece.section)) {
      const relocations = elf.relocations(table);
      for (let i = 0; i < relocations.count; i++) {
        total++;
        const at = piece.offset + relocations.offset(i);
        const type = relocations.type(i);
        const entry = entries.take(at, type);
        const wanted = { type, symbol: relocations.symbol(i), addend: relocations.addend(i) };
        const wrong =
          entry === undefined
            ? `a relocation of ${name} is missing`
            : differs(given, piece.object, replaced[piece.object]!, wanted, entry, merged, names);
        if (wrong !== undefined) report.error('VER083', wrong, section, at);
      }
    }
  }
  for (const [target, entries] of added)
    if (entries.count > 0)
      report.error('VER083', `${count(entries.count, 'relocation')} of no object`, merged.sections[target]!);
  return `${count(total, 'relocation')} with the meaning that they had`;
}

/** What is wrong with an entry; `undefined` where it means what the object's means. */
function differs(
  given: MergeCase,
  object: number,
  replaced: ReadonlySet<SectionIndex>,
  wanted: Entry,
  entry: Entry,
  merged: ElfFile,
  names: Names,
): string | undefined {
  if (wanted.symbol === 0)
    return entry.symbol === 0 && entry.addend === wanted.addend ? undefined : 'a relocation without a symbol got one';
  const symbols = given.objects[object]!.elf.symbols!;
  const after = merged.symbols!;
  const name = symbols.name(wanted.symbol);
  const place = placeIn(given, object, symbols, wanted.symbol);
  const raw = symbols.rawSection(wanted.symbol);
  const isSuperseded = symbols.binding(wanted.symbol) === STB_WEAK && names.isDefined(name, entry.symbol);
  if (raw !== SHN_UNDEF && !replaced.has(symbols.sectionOf(wanted.symbol)) && !isSuperseded) {
    const rawAfter = after.rawSection(entry.symbol);
    const section = rawAfter === SHN_ABS ? SHN_ABS : after.sectionOf(entry.symbol);
    const value = after.value(entry.symbol) + entry.addend;
    const expected = place && place.value + wanted.addend;
    if (place === undefined || section !== place.section || value !== expected)
      return `the relocation names ${merged.sections[section]?.name}+${hex(value)} in place of ${name}`;
    const sameEntry = after.st_other(entry.symbol) >>> 5 === symbols.st_other(wanted.symbol) >>> 5;
    return wanted.type !== R_PPC64_REL24 || sameEntry ? undefined : `a call of ${name} would use another entry`;
  }
  if (entry.addend !== wanted.addend) return `the distance from ${name} is another`;
  return names.mayStandFor(name, entry.symbol) ? undefined : `${after.name(entry.symbol)} is not what ${name} names`;
}

/** Who may be meant by a name that an object leaves undefined. */
class Names {
  readonly #elf: ElfFile;
  readonly #own: number;

  /** @param own how many symbols the module has: those behind come from objects */
  constructor(merged: ElfFile, own: number) {
    this.#elf = merged;
    this.#own = own;
  }

  /** Whether a symbol is the global one of that name, and defined. */
  isDefined(name: string, i: SymbolIndex): boolean {
    const symbols = this.#elf.symbols!;
    return symbols.name(i) === name && symbols.rawSection(i) !== SHN_UNDEF && symbols.binding(i) !== STB_LOCAL;
  }

  mayStandFor(name: string, i: SymbolIndex): boolean {
    const symbols = this.#elf.symbols!;
    if (this.isDefined(name, i)) return true;
    const isThere = symbols.find(name, k => this.isDefined(name, k)) >= 0;
    if (symbols.rawSection(i) === SHN_UNDEF) return symbols.name(i) === name && !isThere;
    if (isThere || i >= this.#own || symbols.binding(i) !== STB_LOCAL) return false;
    const [base, where] = name.split(/@(.*)/s);
    if (base === '') return this.#isStart(i, where ?? '');
    if (symbols.name(i) !== base) return false;
    if (where === undefined) return this.#locals(base).length === 1;
    return where === this.#place(i) || where === this.#file(i);
  }

  /** Whether the symbol is the one of the only section of that name. */
  #isStart(i: SymbolIndex, section: string): boolean {
    const symbols = this.#elf.symbols!;
    const named = this.#elf.sections.filter(s => s.name === section);
    const isSection = symbols.type(i) === STT_SECTION && symbols.value(i) === 0;
    return named.length === 1 && isSection && symbols.sectionOf(i) === named[0]!.index;
  }

  #locals(name: string): SymbolIndex[] {
    const symbols = this.#elf.symbols!;
    const found: SymbolIndex[] = [];
    for (let i = 1; i < this.#own; i++)
      if (symbols.binding(i) === STB_LOCAL && symbols.rawSection(i) !== SHN_UNDEF && symbols.name(i) === name)
        found.push(i);
    return found;
  }

  #place(i: SymbolIndex): string {
    const symbols = this.#elf.symbols!;
    return `${this.#elf.sections[symbols.sectionOf(i)]?.name}+${hex(symbols.value(i))}`;
  }

  /** The source file that the local symbols around `i` come from: the nearest STT_FILE in front. */
  #file(i: SymbolIndex): string | undefined {
    const symbols = this.#elf.symbols!;
    for (let k = i; k > 0; k--) if (symbols.type(k) === STT_FILE) return symbols.name(k);
    return undefined;
  }
}
