/**
 * Islands: new code that a branch leads to because its target may lie further away than it reaches. Known word by word: an address is
 * put together from the TOC or from the code's own place, goes to r12 and CTR, and nothing else happens but that r0 gets the return
 * address. So a branch to one is a branch to that address, as if by a pointer.
 */

import type { ElfFile } from '../elf/read.ts';
import type { SectionOffset } from '../util/indexes.ts';
import { GLOBAL_ENTRY } from './global-entry.ts';
import { type BranchTarget, type Relocation, symbolTarget } from './places.ts';
import { R_PPC64_REL16_HA, R_PPC64_REL16_LO, R_PPC64_TOC16_HA, R_PPC64_TOC16_LO } from './relocation-places.ts';

interface Row {
  readonly word: number;
  readonly type?: number;
  readonly addend?: number;
}

/** addis r12,r2,G@toc@ha; addi r12,r12,G@toc@l; mtctr r12; bctr */
const FROM_TOC: readonly Row[] = [
  { word: 0x3d820000, type: R_PPC64_TOC16_HA, addend: 0 },
  { word: 0x398c0000, type: R_PPC64_TOC16_LO, addend: 0 },
  { word: 0x7d8903a6 },
  { word: 0x4e800420 },
];

/** mflr r0; bcl 20,31,1f; 1: mflr r12; mtlr r0; addis r12,r12,(G-1b)@ha; addi r12,r12,(G-1b)@l; mtctr r12; bctr */
const FROM_PLACE: readonly Row[] = [
  { word: 0x7c0802a6 },
  { word: 0x429f0005 },
  { word: 0x7d8802a6 },
  { word: 0x7c0803a6 },
  { word: 0x3d8c0000, type: R_PPC64_REL16_HA, addend: 8 },
  { word: 0x398c0000, type: R_PPC64_REL16_LO, addend: 12 },
  { word: 0x7d8903a6 },
  { word: 0x4e800420 },
];

/** Code with what relocates it. */
interface IslandCode {
  readonly elf: ElfFile;
  readonly section: ElfFile['sections'][number];
  readonly relocations: ReadonlyMap<number, readonly Relocation[]>;
}

export interface FoundIsland {
  /** Where it leads: by address, so to the global entry of a function. */
  readonly target: BranchTarget;
  /** Whether the home's TOC has to be in r2. */
  readonly needsHome: boolean;
  /** The places of all its words. */
  readonly places: readonly SectionOffset[];
}

/** The island whose code begins at `start`, if one does. */
export function islandAt(code: IslandCode, start: SectionOffset): FoundIsland | undefined {
  for (const rows of [FROM_TOC, FROM_PLACE]) {
    const symbol = symbolOf(code, start, rows);
    if (symbol === undefined) continue;
    const needsHome = rows === FROM_TOC;
    // In front of the first kind stands a global entry, to which no branch leads.
    const entry = start - GLOBAL_ENTRY.length * 4;
    const toc = needsHome && entry >= 0 ? symbolOf(code, entry, GLOBAL_ENTRY) : undefined;
    const hasEntry = toc !== undefined && code.elf.symbols!.name(toc) === '.TOC.';
    const first = hasEntry ? entry : start;
    const target = symbolTarget(code.elf, symbol);
    // The loader makes no stub for an address, so nobody would bring r2 back.
    if (target.section === 0) return undefined;
    const count = (start - first) / 4 + rows.length;
    const places = Array.from({ length: count }, (_, i) => first + i * 4);
    return { target, needsHome, places };
  }
  return undefined;
}

/** The one symbol that the relocations of all these words name, if words and relocations are as they should be. */
function symbolOf(code: IslandCode, start: SectionOffset, rows: readonly Row[]): number | undefined {
  const words = code.elf.sectionWords(code.section);
  let symbol: number | undefined;
  for (const [i, row] of rows.entries()) {
    const at = start + i * 4;
    const found = code.relocations.get(at) ?? [];
    if (words[at >>> 2] !== row.word || found.length !== (row.type === undefined ? 0 : 1)) return undefined;
    const [relocation] = found;
    if (relocation === undefined) continue;
    if (relocation.type !== row.type || relocation.addend !== row.addend) return undefined;
    if (symbol !== undefined && relocation.symbol !== symbol) return undefined;
    symbol = relocation.symbol;
  }
  return symbol;
}
