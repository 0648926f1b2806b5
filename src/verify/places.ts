/** Looking things up in the output: which relocations stand on a word, what a symbol names, what the tracer's records name. */

import type { ElfFile } from '../elf/read.ts';
import { RELA_WORDS } from '../elf/relocations.ts';
import { localEntryDistance } from '../kernel/functions.ts';
import { tracerTables } from '../kernel/tracer-tables.ts';
import type { SectionIndex, SectionOffset, SymbolIndex } from '../util/indexes.ts';
import { R_PPC64_ADDR64 } from './relocation-places.ts';

export interface Relocation {
  readonly type: number;
  readonly symbol: SymbolIndex;
  readonly addend: number;
}

/** The relocations of section `target` by their place; of `wanted` places only, if that is given. */
export function relocationsOn(
  elf: ElfFile,
  target: SectionIndex,
  wanted?: ReadonlySet<SectionOffset>,
): ReadonlyMap<SectionOffset, Relocation[]> {
  const found = new Map<SectionOffset, Relocation[]>();
  for (const section of elf.relocationSectionsFor(target)) {
    const table = elf.relocations(section);
    for (let i = 0, w = 0; i < table.count; i++, w += RELA_WORDS) {
      const offset = table.words[w]! & ~3;
      if (wanted !== undefined && !wanted.has(offset)) continue;
      const relocation = { type: table.type(i), symbol: table.symbol(i), addend: table.addend(i) };
      const list = found.get(offset);
      if (list === undefined) found.set(offset, [relocation]);
      else list.push(relocation);
    }
  }
  return found;
}

/** A place in a section as one number. */
export function placeKey(section: SectionIndex, offset: SectionOffset): number {
  return section * 0x1_0000_0000 + offset;
}

/** The places that the records of the tracer's tables name. */
export function recordedPlaces(elf: ElfFile): ReadonlySet<number> {
  const places = new Set<number>();
  const { symbols } = elf;
  if (symbols === undefined || !elf.isRelocatable) return places;
  for (const { section } of tracerTables(elf))
    for (const table of elf.relocationSectionsFor(section.index)) {
      const entries = elf.relocations(table);
      for (let i = 0; i < entries.count; i++) {
        if (entries.type(i) !== R_PPC64_ADDR64) continue;
        const symbol = entries.symbol(i);
        const home = symbols.sectionOf(symbol);
        const offset = symbols.value(symbol) + entries.addend(i);
        // A damaged record may name any number, and no place.
        if (offset >= 0 && offset < (elf.sections[home]?.sh_size ?? 0)) places.add(placeKey(home, offset));
      }
    }
  return places;
}

function signed(addend: number): string {
  return `${addend < 0 ? '-' : '+'}0x${Math.abs(addend).toString(16)}`;
}

export interface BranchTarget {
  readonly name: string;
  /** 0 where the symbol is not defined in this object. */
  readonly section: SectionIndex;
  /** Where one lands: with REL24 at the local entry of a function, by its address at the global one. */
  readonly offset: SectionOffset;
  /** The three bits of `st_other` that say what the function needs of r2. */
  readonly k: number;
}

/** Where a jump to the value of a symbol lands: the global entry, for a function. */
export function symbolTarget(elf: ElfFile, symbol: SymbolIndex): BranchTarget {
  const symbols = elf.symbols!;
  return {
    name: symbols.name(symbol),
    section: symbols.sectionOf(symbol),
    offset: symbols.value(symbol),
    k: symbols.st_other(symbol) >>> 5,
  };
}

/** A place beside a symbol of another object is no function: its name says so, and is nobody's. */
export function branchTarget(elf: ElfFile, { symbol, addend }: Relocation): BranchTarget {
  const symbols = elf.symbols!;
  const k = symbols.st_other(symbol) >>> 5;
  const distance = k === 7 ? 0 : localEntryDistance(k);
  const section = symbols.sectionOf(symbol);
  return {
    name: section === 0 && addend !== 0 ? `${symbols.name(symbol)}${signed(addend)}` : symbols.name(symbol),
    section,
    offset: symbols.value(symbol) + distance + addend,
    k,
  };
}
