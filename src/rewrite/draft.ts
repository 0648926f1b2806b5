/** A plan while it is being made: requests add to it, `freeze` orders and closes it. */
import { SHN_UNDEF, STB_GLOBAL, STT_FUNC, STT_NOTYPE, STV_DEFAULT, STV_HIDDEN } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import { RECORD_SIZE } from '../kernel/tracer-tables.ts';
import type { MergedInto } from '../plan/merge.ts';
import type {
  AddedRelocation,
  NewRelocation,
  PatchPlan,
  PlannedAction,
  PlannedSymbol,
  RemovedRecord,
  RemovedRelocation,
  RestPlace,
  SymbolRef,
  Unproved,
  WordChange,
} from '../plan/plan.ts';
import type { CallSite } from '../sites/call-sites.ts';
import type { Role, Template } from '../trampoline/template.ts';
import type { RefusalError } from '../util/errors.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import { unusedName } from '../util/unused-name.ts';
import { type CodeHome, Spread } from './spread.ts';

const NOP = 0x60000000;
const CODE_ALIGNMENT = 16;

interface CodeDraft {
  readonly name: string;
  readonly before: SectionIndex | undefined;
  readonly words: number[];
  readonly relocations: NewRelocation[];
}

export interface DraftRest extends Omit<RestPlace, 'section'> {
  readonly section: SectionIndex;
  readonly symbol: SymbolRef;
}

export class Draft {
  readonly actions: PlannedAction[] = [];
  readonly words: WordChange[] = [];
  readonly removedRelocations: RemovedRelocation[] = [];
  readonly addedRelocations: AddedRelocation[] = [];
  readonly removedRecords: RemovedRecord[] = [];
  readonly warnings: string[] = [];
  /** Of a linked image: relocations of merged code that name the rest of a function, and what stands for it. */
  readonly rests: DraftRest[] = [];
  readonly #overruled: Unproved[] = [];
  readonly #versions = new Map<string, number>();
  readonly #elf: ElfFile;
  readonly #code = new Map<string, CodeDraft>();
  readonly #symbols: PlannedSymbol[] = [];
  readonly #made = new Map<string, SymbolRef>();
  #names: Set<string> | undefined;
  /** How far apart the code of the input lies. */
  readonly spread: Spread;

  constructor(elf: ElfFile, spread = Spread.none) {
    this.#elf = elf;
    this.spread = spread;
  }

  /** Bytes of each section of new code, and whether it stands beside one of the input. */
  get codeSizes(): readonly { readonly size: number; readonly isBeside: boolean }[] {
    return [...this.#code.values()].map(c => ({ size: c.words.length * 4, isBeside: c.before !== undefined }));
  }

  /** What `make` makes for a key, made once. */
  once(key: string, make: () => SymbolRef): SymbolRef {
    const made = this.#made.get(key) ?? make();
    this.#made.set(key, made);
    return made;
  }

  /** Takes the site's record out of its table, once; says whether there is one. */
  dropRecord(site: CallSite): boolean {
    const { record } = site;
    if (record === undefined) return false;
    const { table, offset, relocation } = record;
    this.removedRecords.push({ table, offset, size: RECORD_SIZE, relocation });
    return true;
  }

  /** For the user who wants a result all the same: the plan says what is wrong with it. */
  overrule(name: string, { complaint: { code, message } }: RefusalError, verdict: Unproved['verdict']): void {
    this.#overruled.push({ function: name, verdict, code, message });
  }

  addVersion(name: string, crc: number): void {
    this.#versions.set(name, crc);
  }

  /** Whether a symbol of the input or of the plan is called so. */
  #isTaken(name: string): boolean {
    if (this.#names === undefined) {
      this.#names = new Set();
      const { symbols } = this.#elf;
      for (let i = 1; symbols !== undefined && i < symbols.count; i++) this.#names.add(symbols.name(i));
    }
    return this.#names.has(name);
  }

  #addSymbol(symbol: PlannedSymbol): SymbolRef {
    this.#isTaken(symbol.name);
    this.#names!.add(symbol.name);
    this.#symbols.push(symbol);
    return { added: this.#symbols.length - 1 };
  }

  /** The undefined symbol `name`: one of the input, or a new global one without a type, as the assembler makes it. */
  undefinedSymbol(name: string): SymbolRef {
    const { symbols } = this.#elf;
    const existing: SymbolIndex = symbols?.find(name, i => symbols.rawSection(i) === SHN_UNDEF) ?? -1;
    if (existing >= 0) return { existing };
    const added = this.#symbols.findIndex(s => s.name === name && s.code === undefined);
    if (added >= 0) return { added };
    return this.#addSymbol({ name, binding: STB_GLOBAL, type: STT_NOTYPE, st_other: STV_DEFAULT, value: 0, size: 0 });
  }

  /**
   * Lays a template down in a new section (with a number where there is one of that name) under a symbol of its own.
   *
   * @param target whom the template's relocations refer to; by role, where they refer to several
   * @param type STT_NOTYPE for code that nobody calls: a part of the function that goes on in it
   * @param k what the three bits of st_other say of its entries
   */
  addCode(
    home: CodeHome,
    symbol: string,
    template: Template,
    target: SymbolRef | Partial<Readonly<Record<Role, SymbolRef>>>,
    type = STT_FUNC,
    k = 0,
  ): SymbolRef {
    const key = `${home.name} ${home.before}`;
    let code = this.#code.get(key);
    if (code === undefined) {
      const others = [...this.#code.values()];
      const isTaken = (n: string) => this.#elf.sectionNamed(n) !== undefined || others.some(o => o.name === n);
      code = { name: unusedName(home.name, '.', isTaken), before: home.before, words: [], relocations: [] };
      this.#code.set(key, code);
    }
    while ((code.words.length * 4) % CODE_ALIGNMENT !== 0) code.words.push(NOP);
    const value = code.words.length * 4;
    // Symbols that the relocations need come first, so that the number of the code's own is known.
    for (const { relocation } of template)
      if (relocation !== undefined && relocation.role !== 'self') this.#roleSymbol(relocation.role, target);
    const self: SymbolRef = { added: this.#symbols.length };
    for (const row of template) {
      const offset = code.words.length * 4;
      if (row.relocation !== undefined) {
        const { type, role, addend } = row.relocation;
        code.relocations.push({
          offset,
          type,
          symbol: role === 'self' ? self : this.#roleSymbol(role, target),
          addend,
        });
      }
      code.words.push(row.word);
    }
    return this.#addSymbol({
      name: unusedName(symbol, '_', n => this.#isTaken(n)),
      binding: STB_GLOBAL,
      type,
      st_other: STV_HIDDEN | (k << 5),
      code: [...this.#code.keys()].indexOf(key),
      value,
      size: template.length * 4,
    });
  }

  #roleSymbol(role: Role, target: SymbolRef | Partial<Readonly<Record<Role, SymbolRef>>>): SymbolRef {
    if (role === '.TOC.') return this.undefinedSymbol('.TOC.');
    const found = 'existing' in target || 'added' in target ? target : target[role];
    if (found === undefined) throw new Error(`the template wants a symbol for ${role}`);
    return found;
  }

  freeze(dropsSignature: boolean, merged?: MergedInto): PatchPlan {
    const plan: PatchPlan = {
      schema: 'tocsin.plan/1',
      actions: this.actions,
      words: this.words.sort((a, b) => a.section - b.section || a.offset - b.offset),
      removedRelocations: this.removedRelocations.sort((a, b) => a.table - b.table || a.entry - b.entry),
      removedRecords: this.removedRecords.sort((a, b) => a.table - b.table || a.offset - b.offset),
      addedRelocations: this.addedRelocations.sort((a, b) => a.section - b.section || a.offset - b.offset),
      newCode: [...this.#code.values()].map(({ name, before, words, relocations }) => ({
        name,
        ...(before !== undefined && { before }),
        alignment: CODE_ALIGNMENT,
        words,
        relocations,
      })),
      newSymbols: this.#symbols,
      addedVersions: [...this.#versions].map(([name, crc]) => ({ name, crc })),
      dropsSignature,
      warnings: this.warnings,
      ...(this.#overruled.length > 0 && { unproved: this.#overruled }),
      ...(merged !== undefined && { merged }),
    };
    for (const part of Object.values(plan)) Object.freeze(part);
    return Object.freeze(plan);
  }
}
