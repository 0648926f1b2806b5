/**
 * The object that is merged into a module so that it exports copies of its functions (copy.ts): their code, their entries in the
 * kernel's tables, and the exports. What it needs of the module it names so that the merge finds exactly that.
 */
import { createHash } from 'node:crypto';
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHN_UNDEF,
  STB_LOCAL,
  STT_FUNC,
  STT_NOTYPE,
  STT_SECTION,
} from '../../elf/constants.ts';
import type { ObjectSymbol } from '../../elf/new-object.ts';
import { type DraftSection, ObjectDraft } from '../../elf/object-draft.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { ExportForm } from '../../kernel/export-form.ts';
import { addChecksum, addExportRow, exportTable } from '../../kernel/export-row.ts';
import { hex } from '../../util/bytes.ts';
import type { SymbolIndex } from '../../util/indexes.ts';
import type { EpilogueCopy } from './copy.ts';

const CODE_ALIGNMENT = 16;
const NOP = 0x60000000;
/** `symbol` of a relocation that names `.TOC.`. */
export const TOC = -1;

export interface CopiedRelocation {
  /** Bytes from the start of the copy, or of the entry. */
  readonly offset: number;
  readonly type: number;
  /** Of the module, or TOC. */
  readonly symbol: SymbolIndex;
  readonly addend: number;
}

/** An entry of a table of the kernel's for a copy. */
export interface CopiedEntry {
  readonly table: string;
  readonly bytes: Uint8Array;
  /** Fields that name places of the copy: where in the entry, and S + A as bytes from the start of the copy. */
  readonly places: readonly { readonly at: number; readonly type: number; readonly offset: number }[];
  readonly others: readonly CopiedRelocation[];
}

export interface EpilogueExport {
  readonly symbol: string;
  readonly copy: EpilogueCopy;
  readonly gplOnly: boolean;
  readonly namespace: string;
}

export interface EpilogueObject {
  readonly bytes: Uint8Array;
  /** By exported name, whether or not the module has a place for them. */
  readonly checksums: ReadonlyMap<string, number>;
}

export function epilogueObject(module: ElfFile, exports: readonly EpilogueExport[], form: ExportForm): EpilogueObject {
  return new Builder(module, exports).build(form);
}

class Builder {
  readonly #module: ElfFile;
  readonly #exports: readonly EpilogueExport[];
  readonly #draft = new ObjectDraft();
  readonly #symbols: ObjectSymbol[] = [];
  readonly #names = new Map<string, number>();

  constructor(module: ElfFile, exports: readonly EpilogueExport[]) {
    this.#module = module;
    this.#exports = [...exports].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  }

  build(form: ExportForm): EpilogueObject {
    const code = this.#draft.section('.text.tocsin', SHF_ALLOC | SHF_EXECINSTR, CODE_ALIGNMENT);
    for (const e of this.#exports) this.#code(code, e);
    for (const e of this.#exports) for (const entry of e.copy.entries) this.#entry(e.symbol, entry);
    const checksums = new Map<string, number>();
    for (const { symbol: name, namespace, gplOnly, copy } of this.#exports) {
      addExportRow(this.#draft, form, { symbol: this.#names.get(name)!, name, namespace, gplOnly });
      const crc = this.#checksum(copy);
      checksums.set(name, crc);
      if (form.hasChecksums) addChecksum(this.#draft, exportTable(gplOnly, form), crc);
    }
    return { bytes: this.#draft.build(this.#symbols), checksums };
  }

  #define(symbol: ObjectSymbol): number {
    this.#names.set(symbol.name, this.#symbols.length);
    this.#symbols.push(symbol);
    return this.#symbols.length - 1;
  }

  #code(section: DraftSection, { symbol: name, copy }: EpilogueExport): void {
    while (section.size % CODE_ALIGNMENT !== 0) section.append(wordBytes([NOP]));
    const size = copy.words.length * 4;
    const at = section.append(wordBytes(copy.words));
    this.#define({ name, type: STT_FUNC, st_other: 0, section: 0, value: at, size });
    for (const { offset, type, symbol, addend } of copy.relocations)
      section.relocations.push({ offset: at + offset, type, symbol: this.#named(symbol), addend });
  }

  #entry(name: string, { table, bytes, places, others }: CopiedEntry): void {
    const like = this.#module.sectionNamed(table)!;
    const section = this.#draft.section(table, like.sh_flags & SHF_ALLOC, 4);
    const at = section.append(bytes);
    const own = this.#names.get(name)!;
    for (const p of places)
      section.relocations.push({ offset: at + p.at, type: p.type, symbol: own, addend: p.offset });
    for (const { offset, type, symbol, addend } of others)
      section.relocations.push({ offset: at + offset, type, symbol: this.#named(symbol), addend });
  }

  /** The undefined symbol by which the merge finds one of the module's. */
  #named(symbol: SymbolIndex): number {
    const name = this.#nameOf(symbol);
    return this.#names.get(name) ?? this.#define({ name, type: STT_NOTYPE, st_other: 0, value: 0, size: 0 });
  }

  #nameOf(symbol: SymbolIndex): string {
    if (symbol === TOC) return '.TOC.';
    const { symbols, sections } = this.#module;
    const name = symbols!.name(symbol);
    if (symbols!.rawSection(symbol) === SHN_UNDEF) return name;
    const section = sections[symbols!.sectionOf(symbol)]?.name ?? '';
    if (symbols!.type(symbol) === STT_SECTION) return `@${section}`;
    return symbols!.binding(symbol) === STB_LOCAL ? `${name}@${section}+${hex(symbols!.value(symbol))}` : name;
  }

  /** Another build of the function, or of what it refers to, is another function: whoever imports this one is told so. */
  #checksum({ words, relocations }: EpilogueCopy): number {
    const hash = createHash('sha256').update(wordBytes(words));
    for (const r of relocations) hash.update(`${r.offset} ${r.type} ${this.#nameOf(r.symbol)} ${r.addend}\n`);
    return hash.digest().readUInt32LE(0);
  }
}

function wordBytes(words: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(words.length * 4);
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word >>> 0, i * 4);
  return bytes;
}
