/** The symbols of the module by name, as objects that are merged into it may mean them. */
import { SHN_UNDEF, STB_LOCAL, STT_FILE, STT_SECTION } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import { hex } from '../util/bytes.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';

export class ModuleSymbols {
  readonly elf: ElfFile;
  readonly count: number;
  readonly taken = new Set<string>();
  /** Defined, global or weak. */
  readonly globals = new Map<string, SymbolIndex>();
  readonly undefineds = new Map<string, SymbolIndex>();
  readonly locals = new Map<string, SymbolIndex[]>();
  readonly sectionSymbols = new Map<SectionIndex, SymbolIndex>();
  readonly #files = new Map<SymbolIndex, string>();

  constructor(elf: ElfFile) {
    this.elf = elf;
    const { symbols } = elf;
    this.count = symbols?.count ?? 0;
    let file: string | undefined;
    for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
      const type = symbols.type(i);
      const name = symbols.name(i);
      if (type === STT_FILE) file = name;
      if (type === STT_SECTION && symbols.value(i) === 0) this.sectionSymbols.set(symbols.sectionOf(i), i);
      if (type === STT_FILE || type === STT_SECTION || name === '') continue;
      this.taken.add(name);
      if (symbols.rawSection(i) === SHN_UNDEF) this.undefineds.set(name, i);
      else if (symbols.binding(i) !== STB_LOCAL) this.globals.set(name, i);
      else {
        const list = this.locals.get(name);
        if (list === undefined) this.locals.set(name, [i]);
        else list.push(i);
        if (file !== undefined) this.#files.set(i, file);
      }
    }
  }

  /** `SECTION+0xOFFSET` of a defined symbol. */
  place(i: SymbolIndex): string {
    const { symbols, sections } = this.elf;
    return `${sections[symbols!.sectionOf(i)]?.name ?? 'absolute'}+${hex(symbols!.offsetInSection(i))}`;
  }

  /** The name of the section that a defined symbol lies in. */
  sectionName(i: SymbolIndex): string {
    return this.elf.sections[this.elf.symbols!.sectionOf(i)]?.name ?? '';
  }

  /** All ways of naming one local symbol. */
  waysToName(i: SymbolIndex): string[] {
    const name = this.elf.symbols!.name(i);
    const file = this.#files.get(i);
    return [...(file === undefined ? [] : [`${name}@${file}`]), `${name}@${this.place(i)}`];
  }

  /** The section symbol that `text` names, as `@SECTION`; none where several sections are called so. */
  sectionStart(text: string): SymbolIndex | undefined {
    if (!text.startsWith('@')) return undefined;
    const named = this.elf.sections.filter(s => s.name === text.slice(1));
    return named.length === 1 ? this.sectionSymbols.get(named[0]!.index) : undefined;
  }

  /** Local symbols that `text` names: `NAME`, `NAME@FILE` or `NAME@SECTION+0xOFFSET`. */
  named(text: string): readonly SymbolIndex[] {
    const plain = this.locals.get(text);
    if (plain !== undefined) return plain;
    const at = text.indexOf('@');
    if (at <= 0) return [];
    const list = this.locals.get(text.slice(0, at)) ?? [];
    return list.filter(i => this.waysToName(i).includes(text));
  }
}
