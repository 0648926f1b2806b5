/** The words that a patch changes, with the relocations that go or come there: where a branch leads is often in these alone. */
import type { ElfFile } from '../../elf/read.ts';
import type { PatchPlan, SymbolRef } from '../../plan/plan.ts';
import { relocationName } from '../../ppc64/relocations.ts';
import type { SectionIndex } from '../../util/indexes.ts';
import { disassembleNow } from '../disassembly/disassemble.ts';

export interface PatchedWord {
  readonly section: string;
  /** Bytes from the start of the section. */
  readonly offset: number;
  /** Eight hexadecimal digits. */
  readonly before: string;
  readonly after: string;
  readonly textBefore: string;
  readonly textAfter: string;
  /** Relocations of the word that go, and that come: type, symbol and addend. */
  readonly relocationBefore?: string;
  readonly relocationAfter?: string;
}

interface Change {
  readonly section: SectionIndex;
  readonly offset: number;
  readonly before: number;
  readonly after: number;
  readonly removed: string[];
  readonly added: string[];
}

/** In the order of the file. @param elf what the plan is for */
export function wordsOfPlan(plan: PatchPlan, elf: ElfFile): PatchedWord[] {
  const changes = new Map<string, Change>();
  for (const word of plan.words) changes.set(`${word.section}+${word.offset}`, { ...word, removed: [], added: [] });
  const at = (section: SectionIndex, offset: number): Change => {
    const start = offset & ~3;
    const known = changes.get(`${section}+${start}`);
    if (known !== undefined) return known;
    const word = wordAt(elf, section, start);
    const change = { section, offset: start, before: word, after: word, removed: [], added: [] };
    changes.set(`${section}+${start}`, change);
    return change;
  };
  for (const { table, entry } of plan.removedRelocations) {
    const section = elf.sections[table]!;
    if (!elf.sections[section.sh_info]!.isCode) continue;
    const relocations = elf.relocations(section);
    const name = nameOf(elf, plan, { existing: relocations.symbol(entry) });
    const text = relocationText(relocations.type(entry), name, relocations.addend(entry));
    at(section.sh_info, Number(relocations.offset(entry))).removed.push(text);
  }
  for (const { section, offset, type, symbol, addend } of plan.addedRelocations)
    if (elf.sections[section]!.isCode)
      at(section, offset).added.push(relocationText(type, nameOf(elf, plan, symbol), addend));
  const inOrder = [...changes.values()].sort((a, b) => a.section - b.section || a.offset - b.offset);
  return inOrder.map(change => wordOf(elf.sections[change.section]!.name, change));
}

/** Of a linked image. */
export function wordsOfImage(plan: Pick<PatchPlan, 'words'>, elf: ElfFile): PatchedWord[] {
  const code = plan.words.filter(w => elf.sections[w.section]!.isCode);
  return code.map(word => wordOf(elf.sections[word.section]!.name, { ...word, removed: [], added: [] }));
}

function wordOf(section: string, { offset, before, after, removed, added }: Change): PatchedWord {
  return {
    section,
    offset,
    before: hexWord(before),
    after: hexWord(after),
    textBefore: instruction(before, offset),
    textAfter: instruction(after, offset),
    ...(removed.length > 0 && { relocationBefore: removed.join(', ') }),
    ...(added.length > 0 && { relocationAfter: added.join(', ') }),
  };
}

function wordAt(elf: ElfFile, section: SectionIndex, offset: number): number {
  const bytes = elf.contents(elf.sections[section]!);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
}

/** Of a symbol without a name, that of its section. */
export function nameOf(elf: ElfFile, { newSymbols }: Pick<PatchPlan, 'newSymbols'>, symbol: SymbolRef): string {
  if ('added' in symbol) return newSymbols[symbol.added]!.name;
  const { existing } = symbol;
  return elf.symbols?.name(existing) || (elf.sections[elf.symbols?.sectionOf(existing) ?? -1]?.name ?? '');
}

export function relocationText(type: number, symbol: string, addend: number): string {
  const sum = addend === 0 ? '' : addend > 0 ? `+${addend}` : `${addend}`;
  return `${relocationName(type)} ${symbol}${sum}`;
}

export const hexWord = (word: number) => (word >>> 0).toString(16).padStart(8, '0');
export const collapse = (text: string) => text.trim().replace(/\s+/g, ' ');

function instruction(word: number, offset: number): string {
  return collapse(disassembleNow([word], BigInt(offset)).lines[0]?.text ?? '');
}
