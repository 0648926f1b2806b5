/**
 * What the symbols of the objects become. Those that an object defines are added behind the module's, local ones as global
 * hidden symbols: a new local symbol would move the index of every global one. What is relative to a section goes by the
 * section symbol of the module. What an object only names is looked for in the module, among the other objects, and then in
 * what the kernel exports.
 */
import {
  SHF_WRITE,
  SHN_ABS,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHN_XINDEX,
  STB_GLOBAL,
  STB_LOCAL,
  STB_WEAK,
  STT_FUNC,
  STT_NOTYPE,
  STT_OBJECT,
  STT_SECTION,
  STV_HIDDEN,
} from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { SymbolTable } from '../elf/symbols.ts';
import type { Binding, BoundTo, MergedSymbol, RenamedSymbol, SymbolTarget } from '../plan/merge.ts';
import { localEntryBits } from '../ppc64/entry-points.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import type { ModuleSymbols } from './module-symbols.ts';
import type { MergeObject } from './objects.ts';
import type { Placement } from './place.ts';
import { mergeRefusal } from './refusals.ts';

const TOC_SYMBOL = '.TOC.';
const VISIBILITY = 3;
const SHORT_LIVED = /^\.(init|exit)/;

/** Whether the kernel or another module exports a symbol; `undefined` where nobody has said what they export. */
export type IsExported = (name: string) => boolean | undefined;

interface Definition {
  readonly symbol: SymbolIndex;
  readonly object: string;
}

export class SymbolMerge {
  readonly symbols: MergedSymbol[] = [];
  readonly targets: Map<SymbolIndex, SymbolTarget>[] = [];
  readonly bindings: Binding[] = [];
  readonly renamed: RenamedSymbol[] = [];
  readonly imports: string[] = [];
  readonly warnings: string[] = [];
  readonly #module: ModuleSymbols;
  readonly #objects: readonly MergeObject[];
  readonly #placement: Placement;
  readonly #isExported: IsExported;
  /** Names that objects use for global symbols: no local one may become known by such a name. */
  readonly #reserved = new Set<string>();
  readonly #defined = new Map<string, Definition>();
  readonly #anchors = new Map<SectionIndex, SymbolIndex>();
  readonly #undefineds = new Map<string, SymbolIndex>();
  /** Undefined names that some object cannot do without. */
  readonly #needed = new Set<string>();

  constructor(module: ModuleSymbols, objects: readonly MergeObject[], placement: Placement, isExported: IsExported) {
    this.#module = module;
    this.#objects = objects;
    this.#placement = placement;
    this.#isExported = isExported;
    for (const { elf } of objects) {
      this.targets.push(new Map([[0, { symbol: 0, addend: 0 }]]));
      for (let i = 1; i < (elf.symbols?.count ?? 0); i++) this.#name(elf.symbols!, i);
    }
  }

  #name(symbols: SymbolTable, i: SymbolIndex): void {
    const name = symbols.name(i);
    const binding = symbols.binding(i);
    if (binding !== STB_LOCAL) this.#reserved.add(name);
    if (symbols.rawSection(i) === SHN_UNDEF && binding !== STB_WEAK) this.#needed.add(name);
  }

  #add(symbol: MergedSymbol): SymbolIndex {
    this.#module.taken.add(symbol.name);
    this.symbols.push(symbol);
    return this.#module.count + this.symbols.length - 1;
  }

  #unused(name: string): string {
    const isTaken = (other: string) => this.#module.taken.has(other) || this.#reserved.has(other);
    if (!isTaken(name)) return name;
    for (let n = 1; ; n++) if (!isTaken(`${name}.tocsin.${n}`)) return `${name}.tocsin.${n}`;
  }

  /**
   * Adds what an object defines for others: its global symbols, and its functions, so that backtraces name them.
   *
   * @throws RefusalError PAT110, PAT111
   */
  define(number: number): void {
    const { name: object, elf } = this.#objects[number]!;
    const { symbols } = elf;
    for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
      if (symbols.rawSection(i) === SHN_UNDEF || this.#place(number, symbols, i) === undefined) continue;
      if (symbols.binding(i) !== STB_LOCAL) this.#defineGlobal(number, symbols, i, object);
      else if (symbols.type(i) === STT_FUNC) this.#defineLocal(number, symbols, i);
      else if (symbols.type(i) === STT_OBJECT) this.#warnOfCopy(elf, symbols, i, object);
    }
  }

  #defineGlobal(number: number, symbols: SymbolTable, i: SymbolIndex, object: string): void {
    const name = symbols.name(i);
    const isWeak = symbols.binding(i) === STB_WEAK;
    if (this.#module.undefineds.has(name)) throw mergeRefusal('PAT111', { object, name });
    const own = this.#module.globals.get(name);
    const other = this.#defined.get(name);
    if (own !== undefined || other !== undefined) {
      if (!isWeak) throw mergeRefusal('PAT110', { object, name, other: other?.object ?? 'the module' });
      this.targets[number]!.set(i, { symbol: other?.symbol ?? own!, addend: 0 });
      return;
    }
    const { section, value } = this.#place(number, symbols, i)!;
    const symbol = this.#add({
      name,
      binding: symbols.binding(i),
      type: symbols.type(i),
      st_other: symbols.st_other(i),
      section,
      value,
      size: symbols.size(i),
    });
    this.#defined.set(name, { symbol, object });
    this.targets[number]!.set(i, { symbol, addend: 0 });
  }

  /** A fix that is compiled from the whole source file has static data of its own where it should use the module's. */
  #warnOfCopy(elf: ElfFile, symbols: SymbolTable, i: SymbolIndex, object: string): void {
    const name = symbols.name(i);
    const section = elf.sections[symbols.sectionOf(i)];
    const isData = section !== undefined && (section.sh_flags & SHF_WRITE) !== 0 && !/^(__|\.toc$)/.test(section.name);
    if (isData && !/^__|\.\d+$/.test(name) && (this.#module.locals.has(name) || this.#module.globals.has(name)))
      this.warnings.push(
        `${object} has a static ${name} of its own, apart from the module's: declare it extern to share it`,
      );
  }

  #defineLocal(number: number, symbols: SymbolTable, i: SymbolIndex): SymbolTarget {
    const from = symbols.name(i);
    const name = this.#unused(from);
    if (name !== from) this.renamed.push({ object: number, from, to: name });
    const { section, value } = this.#place(number, symbols, i)!;
    const target = {
      symbol: this.#add({
        name,
        binding: STB_GLOBAL,
        type: symbols.type(i),
        st_other: (symbols.st_other(i) & ~VISIBILITY) | STV_HIDDEN,
        section,
        value,
        size: symbols.size(i),
      }),
      addend: 0,
    };
    this.targets[number]!.set(i, target);
    return target;
  }

  /** Where a defined symbol of an object lies in the merged module; `undefined` where its section stays out. */
  #place(number: number, symbols: SymbolTable, i: SymbolIndex): { section: number; value: number } | undefined {
    const raw = symbols.rawSection(i);
    if (raw === SHN_ABS) return { section: SHN_ABS, value: symbols.value(i) };
    if (raw >= SHN_LORESERVE && raw !== SHN_XINDEX) return undefined;
    const piece = this.#placement.byObject[number]!.get(symbols.sectionOf(i));
    if (piece === undefined || piece.kept !== undefined) return undefined;
    return { section: piece.target, value: piece.offset + symbols.value(i) };
  }

  /**
   * What a symbol becomes that a merged relocation names.
   *
   * @throws RefusalError PAT107, PAT109, PAT112, PAT113, PAT118
   */
  reference(number: number, i: SymbolIndex): SymbolTarget {
    const known = this.targets[number]!.get(i);
    if (known !== undefined) return known;
    const target = this.#resolve(number, i);
    this.targets[number]!.set(i, target);
    return target;
  }

  #resolve(number: number, i: SymbolIndex): SymbolTarget {
    const { name: object, elf } = this.#objects[number]!;
    const symbols = elf.symbols!;
    const isLocal = symbols.binding(i) === STB_LOCAL;
    if (symbols.rawSection(i) === SHN_UNDEF) return this.#bind(number, object, symbols, i);
    const place = this.#place(number, symbols, i);
    if (place === undefined) {
      const section = symbols.sectionOf(i);
      if (!isLocal && this.#placement.dropped[number]!.has(section)) return this.#bind(number, object, symbols, i);
      const name = symbols.name(i);
      throw mergeRefusal('PAT109', { object, name, section: elf.sections[section]?.name ?? 'no section' });
    }
    const type = symbols.type(i);
    const isLabel = type === STT_NOTYPE && localEntryBits(symbols.st_other(i)) === 0 && place.section !== SHN_ABS;
    if (type !== STT_SECTION && !isLabel) return this.#defineLocal(number, symbols, i);
    return { symbol: this.#anchor(place.section), addend: place.value };
  }

  /** A symbol at the start of a section. */
  #anchor(section: SectionIndex): SymbolIndex {
    const own = this.#module.sectionSymbols.get(section) ?? this.#anchors.get(section);
    if (own !== undefined) return own;
    // kallsyms passes over names of this form: no backtrace takes the anchor for a function.
    const name = this.#unused(`.Ltocsin${this.#placement.nameOf(section)}`);
    const type = STT_NOTYPE;
    const anchor = this.#add({ name, binding: STB_GLOBAL, type, st_other: STV_HIDDEN, section, value: 0, size: 0 });
    this.#anchors.set(section, anchor);
    return anchor;
  }

  #bind(number: number, object: string, symbols: SymbolTable, i: SymbolIndex): SymbolTarget {
    const name = symbols.name(i);
    const told = (to: BoundTo, symbol: SymbolIndex, place?: string): SymbolTarget => {
      this.bindings.push({ object: number, name, to, ...(place !== undefined && { place }) });
      return { symbol, addend: 0 };
    };
    const { globals, undefineds } = this.#module;
    if (name === '') throw mergeRefusal('PAT119', { object, what: `symbol ${i}, which is undefined and has no name,` });
    if (name === TOC_SYMBOL) return { symbol: undefineds.get(name) ?? this.#undefined(name, STB_GLOBAL), addend: 0 };
    const start = this.#module.sectionStart(name);
    if (start !== undefined) return told('local', this.#checked(object, start), this.#module.place(start));
    const own = globals.get(name);
    if (own !== undefined) return told('module', this.#checked(object, own), this.#module.place(own));
    const other = this.#defined.get(name);
    if (other !== undefined) return told('object', other.symbol);
    const locals = this.#module.named(name);
    const imported = undefineds.get(name);
    if (imported !== undefined) {
      if (locals.length > 0)
        this.warnings.push(
          `${name} of ${object} is the module's import; for its local symbol write ${this.#ways(locals)}`,
        );
      return told('import', imported);
    }
    if (locals.length > 1) throw mergeRefusal('PAT112', { object, name, places: this.#ways(locals) });
    const isExported = this.#isExported(name);
    if (locals.length === 1) {
      if (isExported === true)
        this.warnings.push(
          `${name} of ${object} is the module's own local symbol; the kernel exports one of that name too`,
        );
      return told('local', this.#checked(object, locals[0]!), this.#module.place(locals[0]!));
    }
    return this.#fromElsewhere(object, name, !this.#needed.has(name), isExported, told);
  }

  #fromElsewhere(
    object: string,
    name: string,
    isWeak: boolean,
    isExported: boolean | undefined,
    told: (to: BoundTo, symbol: SymbolIndex) => SymbolTarget,
  ): SymbolTarget {
    const before = this.#undefineds.get(name);
    if (before !== undefined) return { symbol: before, addend: 0 };
    const base = name.split('@')[0]!;
    const near = this.#module.locals.get(base);
    if (base !== name || (isExported === false && !isWeak))
      throw mergeRefusal('PAT113', {
        object,
        name,
        what:
          near === undefined
            ? 'neither the module nor what is known to be exported'
            : `the module's local symbols of that name are ${this.#ways(near)}`,
      });
    const symbol = this.#undefined(name, isWeak ? STB_WEAK : STB_GLOBAL);
    if (isWeak && isExported === undefined)
      this.warnings.push(`${name} of ${object} is weak, and nobody has said what the kernel exports: it may stay zero`);
    if (isWeak && isExported !== true) return told('nothing', symbol);
    this.imports.push(name);
    return told('new import', symbol);
  }

  #ways(locals: readonly SymbolIndex[]): string {
    return locals.map(i => this.#module.waysToName(i).join(' or ')).join(', ');
  }

  #undefined(name: string, binding: number): SymbolIndex {
    const known = this.#undefineds.get(name);
    if (known !== undefined) return known;
    const symbol = this.#add({ name, binding, type: STT_NOTYPE, st_other: 0, section: 0, value: 0, size: 0 });
    this.#undefineds.set(name, symbol);
    return symbol;
  }

  /** A symbol of the module that merged code may use. */
  #checked(object: string, i: SymbolIndex): SymbolIndex {
    const symbols = this.#module.elf.symbols!;
    const section = this.#module.sectionName(i);
    const name = symbols.name(i);
    if (SHORT_LIVED.test(section)) throw mergeRefusal('PAT118', { object, name, section });
    if (symbols.type(i) === STT_FUNC && localEntryBits(symbols.st_other(i)) === 1)
      throw mergeRefusal('PAT107', { object: 'the module', name, what: 'st_other encodes k = 1' });
    return i;
  }
}
