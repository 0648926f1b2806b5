/** The profiling calls of a relocatable file, from its relocations alone. */
import { RELA_WORDS } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import type { CodeMap } from './code-map.ts';
import { isRareBranchRelocation, R_PPC64_REL24, relocationTables } from './walk.ts';

/** Told of a profiling call: the word, its number in the code map, and its relocation. */
type CallVisitor = (section: Section, word: number, table: SectionIndex, entry: number) => void;

/**
 * The profiling calls of a relocatable file and nothing else: `site` of `walkCode`, without looking at all branches. In
 * the order of sections, then relocations.
 */
export function walkProfilingCalls(map: CodeMap, profiler: SymbolIndex, visit: CallVisitor): void {
  if (profiler <= 0) return;
  const tables = relocationTables(map.elf);
  for (const section of map.code) {
    const words = map.elf.sectionWords(section);
    const first = map.base[section.index]!;
    for (const table of tables.get(section.index) ?? []) {
      const rela = map.elf.relocations(table).words;
      const end = rela.length - (rela.length % RELA_WORDS);
      for (let at = 3; at < end; at += RELA_WORDS) {
        if (rela[at] !== profiler) continue;
        const type = rela[at - 1]!;
        if (type !== R_PPC64_REL24 && !isRareBranchRelocation(type)) continue;
        const offset = rela[at - 3]!;
        if (isLinkingBranch(words, offset)) visit(section, first + (offset >>> 2), table.index, (at - 3) / RELA_WORDS);
      }
    }
  }
}

/** `bl` or `bcl` (primary opcodes 18 and 16) at byte `offset`. */
function isLinkingBranch(words: Uint32Array, offset: number): boolean {
  const i = offset >>> 2;
  if ((offset & 3) !== 0 || i >= words.length) return false;
  return (words[i]! & 0xf4000001) >>> 0 === 0x40000001;
}
