/** Where sections and symbols go when some are dropped and others added. */
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import { STB_LOCAL } from './constants.ts';
import type { ElfEditor } from './editor.ts';
import type { SymbolTable } from './symbols.ts';

/** Old index to new index, new parts behind the old ones; -1 for what is dropped. */
export class IndexMap {
  readonly #to: Int32Array | undefined;
  readonly count: number;

  /** @param to the new index of each old one; absent where no index changes */
  constructor(count: number, to: Int32Array | undefined) {
    this.count = count;
    this.#to = to;
  }

  get isIdentity(): boolean {
    return this.#to === undefined;
  }

  map(index: number): number {
    return this.#to === undefined ? index : (this.#to[index] ?? -1);
  }
}

export function mapSections(editor: ElfEditor): IndexMap {
  const old = editor.elf.sections.length;
  const total = old + editor.newSections.length;
  const inserted = editor.newSections.some(s => s.before !== undefined);
  if (editor.droppedSections.size === 0 && !inserted) return new IndexMap(total, undefined);
  const to = new Int32Array(total);
  let next = 0;
  const place = (before: SectionIndex | undefined) =>
    editor.newSections.forEach((s, i) => {
      if (s.before === before) to[old + i] = next++;
    });
  for (let i = 0; i < old; i++) {
    if (inserted) place(i);
    to[i] = editor.droppedSections.has(i) ? -1 : next++;
  }
  place(undefined);
  return new IndexMap(next, to);
}

/** Where every symbol goes: dropped ones out, new local ones in front of the first global. */
export function mapSymbols(editor: ElfEditor, symbols: SymbolTable | undefined): IndexMap {
  const old = symbols?.count ?? 0;
  const total = old + editor.newSymbols.length;
  const dropsSome = editor.droppedSections.size > 0;
  if (symbols === undefined || (!dropsSome && !editor.addsLocalSymbols)) return new IndexMap(total, undefined);
  const to = new Int32Array(total).fill(-1);
  let next = 0;
  const keep = (i: SymbolIndex) => {
    if (i === 0 || !editor.droppedSections.has(symbols.sectionOf(i))) to[i] = next++;
  };
  const firstGlobal = symbols.section.sh_info;
  for (let i = 0; i < firstGlobal; i++) keep(i);
  editor.newSymbols.forEach((s, i) => {
    if (s.binding === STB_LOCAL) to[old + i] = next++;
  });
  for (let i = firstGlobal; i < old; i++) keep(i);
  editor.newSymbols.forEach((s, i) => {
    if (s.binding !== STB_LOCAL) to[old + i] = next++;
  });
  return new IndexMap(next, to);
}
