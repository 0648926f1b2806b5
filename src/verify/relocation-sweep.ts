/**
 * The rules of `relocation-entries.ts` as two loops over the words of a table, which say that every entry keeps to all of
 * them, or nothing. That is the answer for nearly every table of nearly every module; where it is not, one entry after
 * the other is looked at again, and what is wrong is told there. A test holds the two together.
 */
import { SHN_LIVEPATCH, SHN_LORESERVE, SHN_UNDEF, SHN_XINDEX } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import { RELA_WORDS, type Relocations } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import { SYMBOL_WORDS, type SymbolTable } from '../elf/symbols.ts';
import { fitsRel24 } from '../ppc64/relocation-fields.ts';
import { isEntryCode, localEntry, type Tally, tocReach } from './relocation-entries.ts';
import {
  KERNEL_TAKES,
  KERNEL_TAKES_TOC,
  places,
  R_PPC64_ENTRY,
  R_PPC64_REL24,
  R_PPC64_REL24_NOTOC,
  R_PPC64_TOC16,
  R_PPC64_TOC16_DS,
  R_PPC64_TOC16_LO_DS,
} from './relocation-places.ts';

const NOP = 0x60000000;
const TWO_32 = 0x1_0000_0000;

/** What else is looked at besides the place, by type. */
const NOTHING = 0;
const BRANCH = 1;
const TOC = 2;
const RANGE = 3;
const ENTRY = 4;

const kinds = Uint8Array.from(places.ranged, ranged => (ranged === 1 ? RANGE : NOTHING));
for (const type of [R_PPC64_REL24, R_PPC64_REL24_NOTOC]) kinds[type] = BRANCH;
for (const type of [R_PPC64_TOC16, R_PPC64_TOC16_DS, R_PPC64_TOC16_LO_DS]) kinds[type] = TOC;
kinds[R_PPC64_ENTRY] = ENTRY;

/** Types with nothing to be said about them, in sections that the kernel loads and in others. */
const plainLoaded = Uint8Array.from(places.known, (known, type) => {
  const kernel = places.kernel[type];
  return known === 1 && (kernel === KERNEL_TAKES || kernel === KERNEL_TAKES_TOC) ? 1 : 0;
});

/** By type, for whoever else has these loops (`packed-rules.ts`). */
export const relocationKinds = { kinds, plainLoaded } as const;

export class RelocationSweep {
  readonly #elf: ElfFile;
  readonly #symbols: SymbolTable;
  readonly #tracer: Uint8Array;
  readonly #tally: Tally;
  /** By section: its size where it holds code, else -1; whether its contents are aligned to words; whether it is `.toc`. */
  readonly #codeSizes: Float64Array;
  readonly #aligned: Uint8Array;
  readonly #isToc: Uint8Array;

  /** @param tracer 1 for an undefined symbol that is the tracer's */
  constructor(elf: ElfFile, symbols: SymbolTable, tracer: Uint8Array, tally: Tally) {
    this.#elf = elf;
    this.#symbols = symbols;
    this.#tracer = tracer;
    this.#tally = tally;
    const { sections } = elf;
    this.#codeSizes = new Float64Array(sections.length).fill(-1);
    this.#aligned = new Uint8Array(sections.length);
    this.#isToc = new Uint8Array(sections.length);
    for (const { index, sh_flags, sh_size, sh_addralign, name } of sections) {
      if ((sh_flags & 4) !== 0) this.#codeSizes[index] = sh_size;
      if (sh_addralign >= 4) this.#aligned[index] = 1;
      if (name === '.toc') this.#isToc[index] = 1;
    }
  }

  /** Whether every entry keeps to all rules; then, and only then, the entries are counted. */
  isClean(entries: Relocations, target: Section): boolean {
    if (this.#elf.sections.length >= SHN_LORESERVE || !target.hasContents || target.sh_offset % 4 !== 0) return false;
    const code = this.#elf.sectionWords(target);
    const plain = target.isAllocated ? plainLoaded : places.known;
    const byType = new Uint32Array(256);
    if (!placesFit(entries, code, target.sh_size, plain, byType)) return false;
    const { undecided, calls, tracer } = this.#tally;
    if (!this.#valuesFit(entries, code, target)) {
      Object.assign(this.#tally, { undecided, calls, tracer });
      return false;
    }
    for (let type = 0; type < 256; type++) this.#tally.byType[type]! += byType[type]!;
    return true;
  }

  #valuesFit(entries: Relocations, code: Uint32Array, target: Section): boolean {
    const { words } = entries;
    const symbolWords = this.#symbols.words;
    const home = target.index;
    const end = entries.count * RELA_WORDS;
    let undecided = 0;
    for (let w = 0; w < end; w += RELA_WORDS) {
      const kind = kinds[words[w + 2]!]!;
      if (kind === NOTHING) continue;
      const section = symbolWords[words[w + 3]! * SYMBOL_WORDS + 1]! >>> 16;
      if (kind === RANGE) {
        if (section === SHN_XINDEX) return false;
        undecided += section === home ? 0 : 1;
      } else if (kind === BRANCH) {
        if (section === SHN_UNDEF || section === SHN_LIVEPATCH) {
          if (!this.#isExternalCall(words, w, code)) return false;
          undecided++;
        } else {
          if (!this.#isLocalBranch(words, w, code, section, home)) return false;
          undecided += section === home ? 0 : 1;
        }
      } else if (kind === TOC) {
        const reach = this.#tocReach(words, w, section);
        if (reach === 'outside') return false;
        undecided += reach === 'inside' ? 0 : 1;
      } else if (!isEntryCode(code[words[w]! >>> 2] ?? 0, code[(words[w]! >>> 2) + 1] ?? 0)) return false;
    }
    this.#tally.undecided += undecided;
    return true;
  }

  /** `bl`, and a nop behind it unless it goes to the tracer. */
  #isExternalCall(words: Uint32Array, w: number, code: Uint32Array): boolean {
    const symbol = words[w + 3]!;
    const i = words[w]! >>> 2;
    if (symbol === 0 || (code[i]! & 3) !== 1) return false;
    if (this.#tracer[symbol] === 1) this.#tally.tracer++;
    else if (words[w + 2] === R_PPC64_REL24_NOTOC || (i + 1 < code.length && code[i + 1] === NOP)) this.#tally.calls++;
    else return false;
    return true;
  }

  #isLocalBranch(words: Uint32Array, w: number, code: Uint32Array, section: number, home: number): boolean {
    if (section >= SHN_LORESERVE) return false;
    const symbolWords = this.#symbols.words;
    const s = words[w + 3]! * SYMBOL_WORDS;
    const k = (symbolWords[s + 1]! >>> 13) & 7;
    if ((k === 1 && words[w + 2] === R_PPC64_REL24) || symbolWords[s + 3] !== 0) return false;
    const destination = symbolWords[s + 2]! + localEntry[k]! + (words[w + 5]! | 0) * TWO_32 + words[w + 4]!;
    if (!(destination >= 0 && destination < this.#codeSizes[section]!) || (code[words[w]! >>> 2]! & 2) !== 0)
      return false;
    return section === home ? fitsRel24(destination - words[w]!) : (destination & 3) === 0;
  }

  #tocReach(words: Uint32Array, w: number, section: number): ReturnType<typeof tocReach> {
    const symbol = words[w + 3]!;
    if (symbol === 0) return 'outside';
    if (section === SHN_UNDEF) return 'undecided';
    const symbolWords = this.#symbols.words;
    const s = symbol * SYMBOL_WORDS;
    if (section >= SHN_LORESERVE || symbolWords[s + 3] !== 0) return 'outside';
    const at = symbolWords[s + 2]! + (words[w + 5]! | 0) * TWO_32 + words[w + 4]!;
    const type = words[w + 2]!;
    if (type !== R_PPC64_TOC16 && this.#aligned[section] === 1 && (at & 3) !== 0) return 'outside';
    if (type === R_PPC64_TOC16_LO_DS) return 'inside';
    return this.#isToc[section] === 1 ? tocReach(at, this.#elf.sections[section]!.sh_addralign) : 'undecided';
  }
}

/** Whether each type is a plain one and stands on what it may stand on; counts the types. */
function placesFit(
  { words, count }: Relocations,
  code: Uint32Array,
  size: number,
  plain: Uint8Array,
  byType: Uint32Array,
): boolean {
  const { width, placeMask, isInstruction, lowOpcodes, highOpcodes } = places;
  const end = count * RELA_WORDS;
  const most = code.length;
  for (let w = 0; w < end; w += RELA_WORDS) {
    const type = words[w + 2]!;
    const offset = words[w]!;
    if (type > 255 || plain[type] === 0) return false;
    if (offset + width[type]! > size || (offset & placeMask[type]!) !== 0) return false;
    if (isInstruction[type] === 1) {
      const i = offset >>> 2;
      if (i >= most) return false;
      const opcode = code[i]! >>> 26;
      const allowed = opcode < 32 ? lowOpcodes[type]! >>> opcode : highOpcodes[type]! >>> (opcode - 32);
      if ((allowed & 1) === 0) return false;
    }
    byType[type]!++;
  }
  return true;
}
