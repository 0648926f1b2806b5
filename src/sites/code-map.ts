/**
 * A map of an object's code: one byte of marks for each instruction word, so that "does an entry, a record, a cold part
 * lie here?" is one lookup. Filling it from symbols and tracer tables costs a few nanoseconds an entry and needs
 * neither sorting nor an object for each function.
 *
 * Words are numbered through all code sections. In a relocatable file the sections follow one another; in a linked image
 * the number is the distance from the lowest code address, so that branches between sections resolve as well.
 */
import { STT_FUNC, STT_GNU_IFUNC } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import type { SymbolTable } from '../elf/symbols.ts';
import { badFunction } from '../kernel/functions.ts';
import { localEntryOffset } from '../ppc64/entry-points.ts';
import { InputError } from '../util/errors.ts';
import type { SymbolIndex } from '../util/indexes.ts';

/** A tracer record names this word. */
export const RECORD = 1;
/** The global entry of a function. */
export const GLOBAL = 2;
/** The local entry of a function. */
export const LOCAL = 4;
/** The start of a part that the compiler split off (`f.cold`): a jump there stays inside `f`. */
export const COLD = 8;
/** A linker-made branch stub that goes on to `_mcount`, or `_mcount` itself (linked images). */
export const PROFILER = 16;
/** An out-of-line prologue or epilogue helper (`_restgpr0_14`): a `b` to one returns from the function. */
export const RETURN_HELPER = 32;

/** A linker-made stub (`*.long_branch.*`, `*.plt_branch.*`) that goes on to a function (linked images). */
export const THUNK = 64;

/** 1 GiB of code: a linked image that spreads wider is not a kernel. */
const MOST_WORDS = 1 << 28;

let scratch = new Uint8Array(1 << 20);

export class CodeMap {
  readonly elf: ElfFile;
  readonly symbols: SymbolTable | undefined;
  readonly code: readonly Section[];
  /** Number of the first word of each section, by section index; -1 for a section without code. */
  readonly base: Int32Array;
  readonly wordCount: number;
  /** Valid until the next map is made: the memory is used again. */
  readonly marks: Uint8Array;
  #functionCount = -1;
  /** The last word that `entryBefore` had far to go from, and what it found. */
  #from = -1;
  #entry = -1;

  /** The entries of functions are not marked yet. */
  constructor(elf: ElfFile) {
    this.elf = elf;
    this.symbols = elf.symbols;
    this.code = elf.sections.filter(s => s.isCode);
    this.base = new Int32Array(elf.sections.length).fill(-1);
    this.wordCount = elf.isRelocatable ? this.#numberSections() : this.#numberAddresses();
    if (scratch.length < this.wordCount) scratch = new Uint8Array(this.wordCount * 2);
    this.marks = scratch.subarray(0, this.wordCount);
    this.marks.fill(0);
  }

  /** How many functions there are. Their entries are marked when it is first asked for. @throws InputError ELF022, ELF029 */
  get functionCount(): number {
    if (this.#functionCount < 0)
      this.#functionCount = this.symbols === undefined ? 0 : this.#markFunctions(this.symbols);
    return this.#functionCount;
  }

  markFunctions(): this {
    this.#functionCount = this.functionCount;
    return this;
  }

  #numberSections(): number {
    let next = 0;
    for (const section of this.code) {
      this.base[section.index] = next;
      next += section.sh_size >>> 2;
    }
    return next;
  }

  #numberAddresses(): number {
    if (this.code.length === 0) return 0;
    const start = this.code.reduce((a, s) => (s.sh_addr < a ? s.sh_addr : a), this.code[0]!.sh_addr);
    let end = 0;
    for (const section of this.code) {
      const distance = section.sh_addr - start;
      if (distance > 4n * BigInt(MOST_WORDS) || distance % 4n !== 0n) throw tooWide(section);
      const base = Number(distance) / 4;
      this.base[section.index] = base;
      end = Math.max(end, base + (section.sh_size >>> 2));
      if (end > MOST_WORDS) throw tooWide(section);
    }
    return end;
  }

  #markFunctions(symbols: SymbolTable): number {
    const { marks, base } = this;
    const { sections } = this.elf;
    const relocatable = this.elf.isRelocatable;
    const count = symbols.count;
    let functions = 0;
    for (let i = 1; i < count; i++) {
      const type = symbols.type(i);
      if (type !== STT_FUNC && type !== STT_GNU_IFUNC) continue;
      const shndx = symbols.sectionOf(i);
      const first = base[shndx]!;
      if (first < 0) continue;
      const section = sections[shndx]!;
      const global = relocatable ? symbols.value(i) : symbols.offsetInSection(i);
      const k = symbols.st_other(i) >>> 5;
      if (k === 7 || global < 0 || global > section.sh_size) throw badFunction(symbols.name(i), section, global, k);
      functions++;
      const words = section.sh_size >>> 2;
      const g = global >>> 2;
      const l = (global + localEntryOffset(k << 5)) >>> 2;
      if (g < words) marks[first + g]! |= partMark(symbols.strings.bytes, symbols.st_name(i)) | GLOBAL;
      if (l < words) marks[first + l]! |= LOCAL;
    }
    return functions;
  }

  /** The number of the word that `symbol + addend` names, or -1 where that is no word of the code. */
  wordOf(symbol: SymbolIndex, addend: number): number {
    const symbols = this.symbols!;
    const shndx = symbols.sectionOf(symbol);
    const first = this.base[shndx]!;
    if (first < 0) return -1;
    const offset = symbols.offsetInSection(symbol) + addend;
    if (offset < 0 || offset % 4 !== 0 || offset >= this.elf.sections[shndx]!.sh_size) return -1;
    return first + offset / 4;
  }

  /** The section and the offset in it (bytes) of word number `word`. */
  placeOf(word: number): { section: Section; offset: number } | undefined {
    for (const section of this.code) {
      const at = word - this.base[section.index]!;
      if (at >= 0 && at < section.sh_size >>> 2) return { section, offset: at * 4 };
    }
    return undefined;
  }

  /** The number of the nearest word at `word` or before it that is a global entry, or -1. */
  entryBefore(word: number): number {
    const { marks } = this;
    let at = word;
    while (at >= 0 && (marks[at]! & GLOBAL) === 0 && at !== this.#from) at--;
    const entry = at === this.#from ? this.#entry : at;
    // Whoever asks goes up through the code, so an answer that was far away is the way to the next.
    if (word - at > FAR) {
      this.#from = word;
      this.#entry = entry;
    }
    return entry;
  }
}

/** Words. Targets of jumps lie at entries, nearer than that, and do not push out what is worth knowing. */
const FAR = 64;

/**
 * COLD for names such as `f.cold` and `f.cold.3`, RETURN_HELPER for `_restgpr0_14` and its kin, else 0.
 *
 * @param bytes a string table, or anything that holds one
 * @param at where the name begins; a NUL ends it
 */
function partMark(bytes: Uint8Array, at: number): number {
  if (bytes[at] === 0x5f && bytes[at + 1] === 0x72 && RETURN_HELPER_NAME.test(nameAt(bytes, at))) return RETURN_HELPER;
  // The dot is rare in names; looking for it costs less than finding each name's end.
  for (let i = at; bytes[i] !== 0 && bytes[i] !== undefined; i++)
    if (bytes[i] === 0x2e && bytes[i + 1] === 0x63 && COLD_NAME.test(nameAt(bytes, at))) return COLD;
  return 0;
}

function nameAt(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, bytes.indexOf(0, at))).toString('latin1');
}

const RETURN_HELPER_NAME = /^_rest(gpr|fpr|vr)/;
const COLD_NAME = /\.cold(\.\d+)?$/;

function tooWide(section: Section): InputError {
  return new InputError({
    code: 'ELF030',
    message: 'the code of the image lies too far apart, or not on word boundaries',
    section: section.name,
    expected: 'all code within 1 GiB, 4-byte aligned',
    found: `a section at 0x${section.sh_addr.toString(16)}`,
    remedy: 'give the kernel image itself',
  });
}
