/**
 * The rules for one relocation after the other, with all that is to be said about each. `relocation-sweep.ts` has the
 * same rules in loops that only tell whether everything is right; tables that it does not let through come here.
 */
import { SHN_LIVEPATCH, SHN_LORESERVE, SHN_UNDEF, SHN_XINDEX } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import { RELA_WORDS, type Relocations } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import type { SymbolTable } from '../elf/symbols.ts';
import { localEntryDistance } from '../kernel/functions.ts';
import { fitsRel24 } from '../ppc64/relocation-fields.ts';
import type { SymbolIndex } from '../util/indexes.ts';
import type { RelocationFindings } from './relocation-findings.ts';
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
import { wordText } from './verification.ts';

const NOP = 0x60000000;
const LD_R2_R12 = 0xe84c0000;
const ADD_R2_R2_R12 = 0x7c426214;

/** r2 points this far into `.toc`. */
const TOC_BIAS = 0x8000;
/** `.TOC.` is `.toc` rounded down to 256 bytes, plus the bias: up to this much less than `.toc` plus the bias. */
const TOC_SLACK = 0xff;

export const localEntry = Uint8Array.from({ length: 8 }, (_, k) => (k === 7 ? 0 : localEntryDistance(k)));

/** What the entries are counted as. */
export interface Tally {
  readonly byType: Uint32Array;
  /** Entries whose range only the addresses of a load decide. */
  undecided: number;
  /** Calls of what is defined elsewhere, with their nop; and calls of the tracer. */
  calls: number;
  tracer: number;
}

/** Where a 16-bit offset from r2 reaches in the TOC: `at` is a place in `.toc`. */
export function tocReach(at: number, alignment: number): 'inside' | 'undecided' | 'outside' {
  const slack = alignment > TOC_SLACK ? 0 : TOC_SLACK;
  const lowest = at - TOC_BIAS;
  if (lowest >= -0x8000 && lowest + slack <= 0x7fff) return 'inside';
  return lowest <= 0x7fff && lowest + slack >= -0x8000 ? 'undecided' : 'outside';
}

/** The two instructions that R_PPC64_ENTRY may stand on: ld r2,D(r12); add r2,r2,r12. */
export function isEntryCode(first: number, second: number): boolean {
  return (first & 0xffff0003) >>> 0 === LD_R2_R12 && second === ADD_R2_R2_R12;
}

export class RelocationEntries {
  readonly #elf: ElfFile;
  readonly #symbols: SymbolTable;
  readonly #tracer: Uint8Array;
  readonly #tally: Tally;
  readonly #findings: RelocationFindings;

  /** @param tracer 1 for an undefined symbol that is the tracer's */
  constructor(elf: ElfFile, symbols: SymbolTable, tracer: Uint8Array, tally: Tally, findings: RelocationFindings) {
    this.#elf = elf;
    this.#symbols = symbols;
    this.#tracer = tracer;
    this.#tally = tally;
    this.#findings = findings;
  }

  /** Judges every entry of a table. */
  table(entries: Relocations, target: Section): void {
    const { known, width, placeMask, isInstruction, lowOpcodes, highOpcodes, kernel, ranged } = places;
    const { words } = entries;
    const { byType } = this.#tally;
    const findings = this.#findings;
    const code = target.hasContents && target.sh_offset % 4 === 0 ? this.#elf.sectionWords(target) : new Uint32Array(0);
    const size = target.sh_size;
    const loaded = target.isAllocated;
    const end = entries.count * RELA_WORDS;
    let undecided = 0;
    for (let w = 0; w < end; w += RELA_WORDS) {
      const type = words[w + 2]!;
      if (type > 255 || known[type] === 0) {
        findings.unknown(entries.section, w / RELA_WORDS, type);
        continue;
      }
      byType[type]!++;
      const offset = words[w]!;
      if (offset + width[type]! > size) findings.overEnd(target, offset, type);
      if ((offset & placeMask[type]!) !== 0) findings.misplaced(target, offset, type);
      else if (isInstruction[type] === 1) {
        const word = code[offset >>> 2];
        const opcode = word === undefined ? 0 : word >>> 26;
        const allowed = opcode < 32 ? lowOpcodes[type]! >>> opcode : highOpcodes[type]! >>> (opcode - 32);
        if (word === undefined || (allowed & 1) === 0) findings.wrongWord(target, offset, type, word);
      }
      if (loaded && kernel[type] !== KERNEL_TAKES && kernel[type] !== KERNEL_TAKES_TOC)
        findings.kernelKind(target, offset, type);
      if (type === R_PPC64_REL24 || type === R_PPC64_REL24_NOTOC) {
        if (this.#branch(target, code, offset, type, words[w + 3]!, entries.addend(w / RELA_WORDS))) undecided++;
      } else if (type === R_PPC64_ENTRY) this.#entry(target, code, offset);
      else if (type === R_PPC64_TOC16_LO_DS || type === R_PPC64_TOC16 || type === R_PPC64_TOC16_DS) {
        if (this.#toc(target, offset, type, words[w + 3]!, entries.addend(w / RELA_WORDS))) undecided++;
      } else if (ranged[type] === 1) {
        // Within a section every distance fits 31 bits: readElf takes no file of 2 GB.
        if (this.#symbols.sectionOf(words[w + 3]!) !== target.index) undecided++;
      }
    }
    this.#tally.undecided += undecided;
  }

  /** REL24 and REL24_NOTOC. True where the range depends on addresses. */
  #branch(
    target: Section,
    code: Uint32Array,
    offset: number,
    type: number,
    symbol: SymbolIndex,
    addend: number,
  ): boolean {
    const findings = this.#findings;
    const symbols = this.#symbols;
    const word = code[offset >>> 2];
    const raw = symbols.rawSection(symbol);
    if (word !== undefined && (word & 2) !== 0) findings.absolute(target, offset, type, word);
    if (symbol === 0) {
      findings.unsuitable(target, offset, type, 'no symbol');
      return false;
    }
    if (raw === SHN_UNDEF || raw === SHN_LIVEPATCH) {
      this.#external(target, code, offset, symbol, type, addend);
      return true;
    }
    if (raw >= SHN_LORESERVE && raw !== SHN_XINDEX) {
      findings.unsuitable(
        target,
        offset,
        type,
        `the symbol ${symbols.name(symbol)}, which is in no section (0x${raw.toString(16)})`,
      );
      return false;
    }
    const home = this.#elf.sections[raw === SHN_XINDEX ? symbols.sectionOf(symbol) : raw]!;
    const k = symbols.st_other(symbol) >>> 5;
    const S = symbols.value(symbol) + localEntry[k]!;
    const destination = S + addend;
    if ((home.sh_flags & 4) === 0)
      findings.unsuitable(target, offset, type, `${symbols.name(symbol)} in ${home.name}, which holds no code`);
    else if (destination < 0 || destination >= home.sh_size)
      findings.unsuitable(
        target,
        offset,
        type,
        `a place outside ${home.name} (${symbols.name(symbol)} + 0x${addend.toString(16)})`,
      );
    if (k === 1 && type === R_PPC64_REL24) findings.losesToc(target, offset, symbols.name(symbol));
    if (home.index !== target.index) {
      if ((destination & 3) !== 0) findings.outOfRange(target, offset, type, S, addend, 0);
      return true;
    }
    if (!fitsRel24(destination - offset)) findings.outOfRange(target, offset, type, S, addend, offset);
    return false;
  }

  /** A call that goes through a stub, which the loader makes; it saves r2 and wants a nop to put the reload into. */
  #external(
    target: Section,
    code: Uint32Array,
    offset: number,
    symbol: SymbolIndex,
    type: number,
    addend: number,
  ): void {
    const word = code[offset >>> 2];
    if (word === undefined) return;
    const name = this.#symbols.name(symbol);
    if ((word & 1) === 0) {
      const message = `b to ${name}, which is defined elsewhere: the loader's stub would overwrite the TOC slot of the caller's frame, and nobody restores r2`;
      this.#findings.externals.push({ code: 'VER021', section: target, offset, type, symbol, addend, message });
      return;
    }
    if (this.#tracer[symbol] === 1) {
      this.#tally.tracer++;
      return;
    }
    const next = code[(offset >>> 2) + 1];
    if (next === NOP || type === R_PPC64_REL24_NOTOC) {
      this.#tally.calls++;
      return;
    }
    const found = next === undefined ? 'the end of the section' : wordText(next);
    const message = `no nop behind the call of ${name}: found ${found}, and the loader would refuse the module`;
    this.#findings.externals.push({ code: 'VER020', section: target, offset, type, symbol, addend, message });
  }

  /** The loader turns these two instructions into another way to set r2, and leaves anything else alone without a word. */
  #entry(target: Section, code: Uint32Array, offset: number): void {
    const first = code[offset >>> 2] ?? 0;
    const second = code[(offset >>> 2) + 1] ?? 0;
    if (!isEntryCode(first, second)) this.#findings.notEntry(target, offset, first, second);
  }

  /** TOC16, TOC16_DS, TOC16_LO_DS. True where the range depends on addresses. */
  #toc(target: Section, offset: number, type: number, symbol: SymbolIndex, addend: number): boolean {
    const findings = this.#findings;
    const symbols = this.#symbols;
    const home = this.#elf.sections[symbols.sectionOf(symbol)]!;
    if (home.index === 0) {
      if (symbol === 0) findings.unsuitable(target, offset, type, 'no symbol');
      return true;
    }
    const at = symbols.value(symbol) + addend;
    if (type !== R_PPC64_TOC16 && home.sh_addralign >= 4 && (at & 3) !== 0)
      findings.outOfRange(target, offset, type, at, 0, 0);
    if (type === R_PPC64_TOC16_LO_DS) return false;
    if (home.name !== '.toc') return true;
    const reach = tocReach(at, home.sh_addralign);
    if (reach === 'outside') findings.outOfRange(target, offset, type, at, 0, 0, TOC_BIAS);
    return reach === 'undecided';
  }
}
