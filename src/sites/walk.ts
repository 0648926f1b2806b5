/**
 * One walk over the code of an object finds everything that leaves a function: profiling calls, calls, sibling calls,
 * indirect branches. Who counts and who lists use the same walk with another `Sink`.
 *
 * In a relocatable file most calls carry a relocation, and the word's own displacement means nothing. The assembler
 * resolves branches inside one section itself, but not to symbols with two entries, so both kinds are met: a branch
 * word is looked up among the relocations of its section first.
 */
import { SHN_LIVEPATCH, SHT_RELA } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import { RELA_WORDS } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import { COLD, type CodeMap, GLOBAL, LOCAL, PROFILER, RETURN_HELPER, THUNK } from './code-map.ts';

export type CallEdge = 'local' | 'external' | 'sibling' | 'indirect';

/** What the walk reports. `word` is the branch's number in the code map, `section` the section it lies in. */
export interface Sink {
  /** A profiling call; `table` and `entry` name its relocation (-1 in a linked image). */
  site(section: Section, word: number, table: SectionIndex, entry: number): void;
  /** A call to word number `target` of this object; -1 where the target is no code. */
  local(section: Section, word: number, target: number, symbol: SymbolIndex): void;
  external(section: Section, word: number, symbol: SymbolIndex): void;
  /** A jump to another function: `target` is its word, or -1 and `symbol` undefined here. */
  sibling(section: Section, word: number, target: number, symbol: SymbolIndex): void;
  indirect(section: Section, word: number): void;
}

const OP_BC = 16;
const OP_B = 18;
const OP_XL = 19;
const OP_SC = 17;

const XO_BCLR = 16;
const XO_BCCTR = 528;
const XO_BCTAR = 560;

export const R_PPC64_REL24 = 10;
const R_PPC64_REL14 = 11;
const R_PPC64_REL14_BRTAKEN = 12;
const R_PPC64_REL14_BRNTAKEN = 13;
const R_PPC64_REL24_NOTOC = 116;
const R_PPC64_REL24_P9NOTOC = 124;

export function isRareBranchRelocation(type: number): boolean {
  return (
    type === R_PPC64_REL24_NOTOC ||
    type === R_PPC64_REL14 ||
    type === R_PPC64_REL14_BRTAKEN ||
    type === R_PPC64_REL14_BRNTAKEN ||
    type === R_PPC64_REL24_P9NOTOC
  );
}

/** One relocation table of a section. */
interface SectionRelocations {
  readonly words: Uint32Array;
  readonly table: SectionIndex;
}

/** Addend of the relocation at `at` (index into its words). */
function addendAt(words: Uint32Array, at: number): number {
  return (words[at + 5]! | 0) * 0x1_0000_0000 + words[at + 4]!;
}

/**
 * Walks all code of `map`.
 *
 * @param profiler the undefined symbol that profiling calls go to (`_mcount`), or -1; in a linked image the words that
 *   lead there are marked PROFILER instead
 */
export function walkCode(map: CodeMap, profiler: SymbolIndex, sink: Sink): void {
  const tables = relocationTables(map.elf);
  for (const section of map.code) {
    const relocations = (tables.get(section.index) ?? []).map(t => ({
      words: map.elf.relocations(t).words,
      table: t.index,
    }));
    walkSection(map, section, relocations, profiler, sink);
  }
}

/** SHT_RELA sections by the section that they patch; none in a linked image, whose branches are resolved. */
export function relocationTables(elf: ElfFile): Map<SectionIndex, Section[]> {
  const tables = new Map<SectionIndex, Section[]>();
  if (!elf.isRelocatable) return tables;
  for (const s of elf.sections) {
    if (s.sh_type !== SHT_RELA) continue;
    const list = tables.get(s.sh_info);
    if (list === undefined) tables.set(s.sh_info, [s]);
    else list.push(s);
  }
  return tables;
}

/**
 * Branches with a relocation have a displacement of zero, as the assembler and `ld -r` leave them, and are found from the
 * relocations; all others have another displacement and are found from the words. Where an object does not keep to
 * that, the relocations decide: `relocated` names the words that they reach.
 */
function walkSection(
  map: CodeMap,
  section: Section,
  relocations: readonly SectionRelocations[],
  profiler: SymbolIndex,
  sink: Sink,
): void {
  const words = map.elf.sectionWords(section);
  const first = map.base[section.index]!;
  const odd = relocations.flatMap(table => walkRelocations(map, section, words, table, profiler, sink));
  const relocated = odd.length > 0 ? new Set(odd) : undefined;
  const { marks } = map;
  const low = map.elf.isRelocatable ? first : 0;
  const high = map.elf.isRelocatable ? first + words.length : map.wordCount;
  for (let block = 0; block < words.length; block += BLOCK) {
    const found = collectBranches(words, block, Math.min(block + BLOCK, words.length));
    for (let k = 0; k < found; k++) {
      const i = candidates[k]!;
      const word = words[i]!;
      const opcode = word >>> 26;
      if (opcode === OP_XL) {
        // The fourth word of a `plt_branch` stub only carries a call on.
        if (isIndirect(words, i, word) && (marks[first + i - 3]! & THUNK) === 0) sink.indirect(section, first + i);
        continue;
      }
      if (opcode === OP_SC || (word & 2) !== 0) continue;
      const distance = opcode === OP_B ? (word << 6) >> 8 : (word << 16) >> 18;
      const target = first + i + distance;
      if (target < low || target >= high) continue;
      // The common case first: a jump inside a function, to a word that is nobody's entry.
      if ((word & 1) === 0 && (marks[target]! & (GLOBAL | LOCAL | THUNK)) === 0) continue;
      if (relocated?.has(i)) continue;
      resolvedBranch(map, section, first + i, word, target, distance, sink);
    }
  }
}

/** Small enough for the first-level cache, large enough that a block costs nothing. */
const BLOCK = 4096;
/** What `collectBranches` found: word numbers. */
const candidates = new Uint32Array(BLOCK + 1);

/**
 * Collects the branches among words [from, to) that are not a `b` or `bl` of displacement zero, which have a relocation.
 * One word in six is a branch and which one nobody can predict, so the loop has no condition in it: every index is
 * written, and the next one overwrites it if it was none.
 *
 * Opcodes 16 to 19 are looked for. The second word of a prefixed instruction is never one of them (Power ISA 3.1, 1.6.3).
 */
function collectBranches(words: Uint32Array, from: number, to: number): number {
  let found = 0;
  for (let i = from; i < to; i++) {
    const word = words[i]!;
    candidates[found] = i;
    // Zero only for a branch opcode: then, and only then, taking one from it gives a sign bit.
    const branch = ((word >>> 28) ^ 4) - 1;
    // Zero only for `b` and `bl` of displacement zero.
    const still = ((word ^ 0x48000000) & 0xfffffffe) | 0;
    found += (branch >>> 31) & ((still | -still) >>> 31);
  }
  return found;
}

const NONE: readonly number[] = [];

/** Reports relocated branches. @returns those among them that `collectBranches` finds as well */
function walkRelocations(
  map: CodeMap,
  section: Section,
  words: Uint32Array,
  relocations: SectionRelocations,
  profiler: SymbolIndex,
  sink: Sink,
): readonly number[] {
  const rela = relocations.words;
  const end = rela.length - (rela.length % RELA_WORDS);
  const first = map.base[section.index]!;
  let odd: number[] | undefined;
  for (let at = 0; at < end; at += RELA_WORDS) {
    const type = rela[at + 2]!;
    if (type !== R_PPC64_REL24 && !isRareBranchRelocation(type)) continue;
    const offset = rela[at]!;
    const i = offset >>> 2;
    if (offset % 4 !== 0 || i >= words.length) continue;
    const word = words[i]!;
    const opcode = word >>> 26;
    if (opcode !== OP_B && opcode !== OP_BC) continue;
    if (opcode === OP_BC || (word & 0x03fffffc) !== 0) {
      odd ??= [];
      odd.push(i);
    }
    relocatedBranch(map, section, first + i, word, relocations, at, profiler, sink);
  }
  return odd ?? NONE;
}

/**
 * Whether an XL-form branch is an indirect call. `bctr` without link is a jump table or, rarely, an indirect sibling
 * call; the ABI has r12 hold the address of a function that is called through a pointer (psABI 2.2.1.1), while a jump
 * table's address was just added up.
 */
function isIndirect(words: Uint32Array, i: number, word: number): boolean {
  const xo = (word >>> 1) & 0x3ff;
  if (xo !== XO_BCLR && xo !== XO_BCCTR && xo !== XO_BCTAR) return false;
  if ((word & 1) !== 0) return true;
  if (xo !== XO_BCCTR || ((word >>> 21) & 0x14) !== 0x14) return false;
  let at = i - 1;
  const stop = Math.max(0, i - 16);
  while (at >= stop && (words[at]! & 0xfc1fffff) >>> 0 !== 0x7c0903a6) at--;
  if (at < stop || ((words[at]! >>> 21) & 31) !== 12) return false;
  for (let j = at - 1; j >= stop; j--) {
    const w = words[j]!;
    // add r12,x,y: the sum of a jump table.
    if ((w & 0xffe007fe) >>> 0 === 0x7d800214) return false;
    // ld r12,d(x) or mr r12,x: a function pointer.
    if ((w & 0xffe00003) >>> 0 === 0xe9800000 || (w & 0xfc1f07fe) >>> 0 === 0x7c0c0378) return true;
  }
  return true;
}

function relocatedBranch(
  map: CodeMap,
  section: Section,
  word: number,
  instruction: number,
  relocations: SectionRelocations,
  at: number,
  profiler: SymbolIndex,
  sink: Sink,
): void {
  const rela = relocations.words;
  const symbol = rela[at + 3]!;
  const links = (instruction & 1) !== 0;
  const raw = map.symbols!.rawSection(symbol);
  if (raw === 0 || raw === SHN_LIVEPATCH) {
    if (!links) sink.sibling(section, word, -1, symbol);
    else if (symbol === profiler && symbol > 0) sink.site(section, word, relocations.table, at / RELA_WORDS);
    else sink.external(section, word, symbol);
    return;
  }
  const target = map.wordOf(symbol, addendAt(rela, at));
  if (links) sink.local(section, word, target, symbol);
  else if (target >= 0 && isOtherFunction(map, word, target)) sink.sibling(section, word, target, symbol);
}

function resolvedBranch(
  map: CodeMap,
  section: Section,
  word: number,
  instruction: number,
  target: number,
  distance: number,
  sink: Sink,
): void {
  const mark = map.marks[target]!;
  if ((map.marks[word]! & THUNK) !== 0) return;
  if ((instruction & 1) !== 0) {
    // `bcl 20,31,.+4` only asks for its own address, and `bl .+4` too unless a function begins there.
    if (distance === 1 && (instruction >>> 26 === OP_BC || (mark & (GLOBAL | LOCAL)) === 0)) return;
    if ((mark & PROFILER) !== 0) sink.site(section, word, -1, -1);
    else sink.local(section, word, target, 0);
  } else if ((mark & THUNK) !== 0 || ((mark & (GLOBAL | LOCAL)) !== 0 && isOtherFunction(map, word, target)))
    sink.sibling(section, word, target, 0);
}

/** Whether a jump from `word` to `target` enters a function other than the one around `word`. */
function isOtherFunction(map: CodeMap, word: number, target: number): boolean {
  const mark = map.marks[target]!;
  if ((mark & (GLOBAL | LOCAL)) === 0 || (mark & (COLD | RETURN_HELPER)) !== 0) return false;
  return map.entryBefore(word) !== map.entryBefore(target);
}
