/**
 * Every relocation of an object by two books of rules: the ELF V2 ABI's, and what the kernel's module loader does. Nothing
 * here depends on a plan; on the modules of a distribution it finds nothing.
 *
 * An object does not say where its sections will be, so distances between sections are not decided here: those are
 * counted as undecided. What is decided: distances inside a section, the low bits of an address (sections are aligned),
 * and where in `.toc` a 16-bit offset reaches, since r2 points 0x8000 into it.
 */
import { SHN_LIVEPATCH, SHN_LORESERVE, SHN_UNDEF, SHN_XINDEX, SHT_RELA } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import { RELA_WORDS, type Relocations } from '../elf/relocations.ts';
import type { Section } from '../elf/section.ts';
import type { SymbolTable } from '../elf/symbols.ts';
import {
  functionAt,
  functionsBySection,
  functionsOf,
  type KernelFunction,
  localEntryDistance,
} from '../kernel/functions.ts';
import { fitsRel24 } from '../ppc64/relocation-fields.ts';
import { checkKernel, checkPsabi, relocationFacts, relocationName } from '../ppc64/relocations.ts';
import type { SectionIndex, SymbolIndex } from '../util/indexes.ts';
import {
  KERNEL_REFUSES,
  KERNEL_TAKES,
  KERNEL_TAKES_PCREL,
  KERNEL_TAKES_TOC,
  opcodesText,
  places,
  R_PPC64_ENTRY,
  R_PPC64_REL24,
  R_PPC64_REL24_NOTOC,
  R_PPC64_TOC16,
  R_PPC64_TOC16_DS,
  R_PPC64_TOC16_LO_DS,
} from './relocation-places.ts';
import { count, type RelocationCount, type Report, wordText } from './verification.ts';

const NOP = 0x60000000;
const LD_R2_R12 = 0xe84c0000;
const ADD_R2_R2_R12 = 0x7c426214;

/** Calls that the loader sends to the tracer; it does not turn the word behind them into a load of r2. */
const TRACER_SYMBOLS = ['_mcount', 'ftrace_caller', 'ftrace_regs_caller'].map(name => new TextEncoder().encode(name));

/** r2 points this far into `.toc`. */
const TOC_BIAS = 0x8000;
/** `.TOC.` is `.toc` rounded down to 256 bytes, plus the bias: up to this much less than `.toc` plus the bias. */
const TOC_SLACK = 0xff;

const localEntry = Uint8Array.from({ length: 8 }, (_, k) => (k === 7 ? 0 : localEntryDistance(k)));

export interface ExternalCalls {
  calls: number;
  tracer: number;
}

export class RelocationChecker {
  readonly #report: Report;
  readonly #elf: ElfFile;
  readonly #symbols: SymbolTable | undefined;
  /** 1 for an undefined symbol that is the tracer's. */
  readonly #tracer: Uint8Array;
  readonly #byType = new Uint32Array(256);
  /** Findings about the nop behind external calls: they belong to a step of their own. */
  readonly #later: (() => void)[] = [];
  readonly externals: ExternalCalls = { calls: 0, tracer: 0 };
  #functions: ReadonlyMap<SectionIndex, KernelFunction[]> | undefined;
  #checked = 0;
  #undecided = 0;

  constructor(report: Report, elf: ElfFile) {
    this.#report = report;
    this.#elf = elf;
    this.#symbols = elf.symbols;
    this.#tracer = new Uint8Array(this.#symbols?.count ?? 0);
    for (let i = 1; i < this.#tracer.length; i++)
      if (this.#symbols!.rawSection(i) === SHN_UNDEF && this.#isTracer(i)) this.#tracer[i] = 1;
  }

  #isTracer(i: SymbolIndex): boolean {
    const { strings } = this.#symbols!;
    const name = this.#symbols!.st_name(i);
    return TRACER_SYMBOLS.some(text => strings.equals(name, text));
  }

  /** Checks every entry; says how many there were. */
  run(): string {
    const { sections, isRelocatable } = this.#elf;
    let tables = 0;
    for (const section of sections) {
      if (section.sh_type !== SHT_RELA) continue;
      tables++;
      const entries = this.#elf.relocations(section);
      if (isRelocatable && this.#symbols !== undefined) this.#table(entries, sections[section.sh_info]!, this.#symbols);
      else this.#linked(entries);
    }
    return `${count(this.#checked, 'relocation')} in ${count(tables, 'table')}; the range of ${this.#undecided} depends on where the kernel puts the sections`;
  }

  /** The findings about external calls that `run` came across. */
  externalCalls(): string {
    for (const tell of this.#later) tell();
    const { calls, tracer } = this.externals;
    return `${count(calls, 'external call')} with a nop, and ${count(tracer, 'call')} of the tracer`;
  }

  counted(): RelocationCount {
    const byType: Record<string, number> = {};
    for (let type = 0; type < 256; type++)
      if (this.#byType[type]! > 0) byType[relocationName(type)] = this.#byType[type]!;
    return { checked: this.#checked, undecided: this.#undecided, byType };
  }

  /** A linked image: its relocations are the boot code's business, and their places are addresses. */
  #linked(entries: Relocations): void {
    for (let i = 0; i < entries.count; i++) {
      const type = entries.type(i);
      if (type < 256) this.#byType[type]!++;
      if (relocationFacts(type) === undefined) this.#unknown(entries.section, i, type);
    }
    this.#checked += entries.count;
    this.#undecided += entries.count;
  }

  #table(entries: Relocations, target: Section, symbols: SymbolTable): void {
    const { known, width, placeMask, isInstruction, lowOpcodes, highOpcodes, kernel, ranged } = places;
    const { words } = entries;
    const byType = this.#byType;
    const code = target.hasContents && target.sh_offset % 4 === 0 ? this.#elf.sectionWords(target) : new Uint32Array(0);
    const size = target.sh_size;
    const loaded = target.isAllocated;
    const end = entries.count * RELA_WORDS;
    let undecided = 0;
    for (let w = 0; w < end; w += RELA_WORDS) {
      const type = words[w + 2]!;
      if (type > 255 || known[type] === 0) {
        this.#unknown(entries.section, w / RELA_WORDS, type);
        continue;
      }
      byType[type]!++;
      const offset = words[w]!;
      if (offset + width[type]! > size) this.#overEnd(target, offset, type);
      if ((offset & placeMask[type]!) !== 0) this.#misplaced(target, offset, type);
      else if (isInstruction[type] === 1) {
        const word = code[offset >>> 2];
        const opcode = word === undefined ? 0 : word >>> 26;
        const allowed = opcode < 32 ? lowOpcodes[type]! >>> opcode : highOpcodes[type]! >>> (opcode - 32);
        if (word === undefined || (allowed & 1) === 0) this.#wrongWord(target, offset, type, word);
      }
      if (loaded && kernel[type] !== KERNEL_TAKES && kernel[type] !== KERNEL_TAKES_TOC)
        this.#kernelKind(target, offset, type);
      if (type === R_PPC64_REL24 || type === R_PPC64_REL24_NOTOC) {
        if (this.#branch(target, code, offset, type, words[w + 3]!, entries.addend(w / RELA_WORDS), symbols))
          undecided++;
      } else if (type === R_PPC64_ENTRY) this.#entry(target, code, offset);
      else if (type === R_PPC64_TOC16_LO_DS || type === R_PPC64_TOC16 || type === R_PPC64_TOC16_DS) {
        if (this.#toc(target, offset, type, words[w + 3]!, entries.addend(w / RELA_WORDS), symbols)) undecided++;
      } else if (ranged[type] === 1) {
        // Within a section every distance fits 31 bits: readElf takes no file of 2 GB.
        if (symbols.sectionOf(words[w + 3]!) !== target.index) undecided++;
      }
    }
    this.#checked += entries.count;
    this.#undecided += undecided;
  }

  /** REL24 and REL24_NOTOC. True where the range depends on addresses. */
  #branch(
    target: Section,
    code: Uint32Array,
    offset: number,
    type: number,
    symbol: SymbolIndex,
    addend: number,
    symbols: SymbolTable,
  ): boolean {
    const word = code[offset >>> 2];
    const raw = symbols.rawSection(symbol);
    if (word !== undefined && (word & 2) !== 0)
      this.#report.error(
        'VER014',
        `${relocationName(type)} stands on an absolute branch (${wordText(word)})`,
        target,
        offset,
        this.#fn(target, offset),
      );
    if (symbol === 0) {
      this.#unsuitable(target, offset, type, 'no symbol');
      return false;
    }
    if (raw === SHN_UNDEF || raw === SHN_LIVEPATCH) {
      this.#external(target, code, offset, symbol, type, symbols);
      return true;
    }
    if (raw >= SHN_LORESERVE && raw !== SHN_XINDEX) {
      this.#unsuitable(
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
      this.#unsuitable(target, offset, type, `${symbols.name(symbol)} in ${home.name}, which holds no code`);
    else if (destination < 0 || destination >= home.sh_size)
      this.#unsuitable(
        target,
        offset,
        type,
        `a place outside ${home.name} (${symbols.name(symbol)} + 0x${addend.toString(16)})`,
      );
    if (k === 1 && type === R_PPC64_REL24) this.#losesToc(target, offset, symbols.name(symbol));
    if (home.index !== target.index) {
      if ((destination & 3) !== 0) this.#outOfRange(target, offset, type, S, addend, 0);
      return true;
    }
    if (!fitsRel24(destination - offset)) this.#outOfRange(target, offset, type, S, addend, offset);
    return false;
  }

  /** A call that goes through a stub, which the loader makes; it saves r2 and wants a nop to put the reload into. */
  #external(
    target: Section,
    code: Uint32Array,
    offset: number,
    symbol: SymbolIndex,
    type: number,
    symbols: SymbolTable,
  ): void {
    const word = code[offset >>> 2];
    if (word === undefined) return;
    if ((word & 1) === 0) {
      this.#later.push(() =>
        this.#report.error(
          'VER021',
          `b to ${symbols.name(symbol)}, which is defined elsewhere: the loader's stub would overwrite the TOC slot of the caller's frame, and nobody restores r2`,
          target,
          offset,
          this.#fn(target, offset),
        ),
      );
      return;
    }
    if (this.#tracer[symbol] === 1) {
      this.externals.tracer++;
      return;
    }
    const next = code[(offset >>> 2) + 1];
    if (next === NOP || type === R_PPC64_REL24_NOTOC) {
      this.externals.calls++;
      return;
    }
    this.#later.push(() =>
      this.#report.error(
        'VER020',
        `no nop behind the call of ${symbols.name(symbol)}: found ${next === undefined ? 'the end of the section' : wordText(next)}, and the loader would refuse the module`,
        target,
        offset + 4,
        this.#fn(target, offset),
      ),
    );
  }

  /** The loader turns these two instructions into another way to set r2, and leaves anything else alone without a word. */
  #entry(target: Section, code: Uint32Array, offset: number): void {
    const first = code[offset >>> 2] ?? 0;
    const second = code[(offset >>> 2) + 1] ?? 0;
    if ((first & 0xffff0003) >>> 0 === LD_R2_R12 && second === ADD_R2_R2_R12) return;
    this.#report.error(
      'VER014',
      `R_PPC64_ENTRY stands on ${wordText(first)}, ${wordText(second)}, not on ld r2,D(r12); add r2,r2,r12`,
      target,
      offset,
      this.#fn(target, offset),
    );
  }

  /** TOC16, TOC16_DS, TOC16_LO_DS. True where the range depends on addresses. */
  #toc(
    target: Section,
    offset: number,
    type: number,
    symbol: SymbolIndex,
    addend: number,
    symbols: SymbolTable,
  ): boolean {
    const home = this.#elf.sections[symbols.sectionOf(symbol)]!;
    if (home.index === 0) {
      if (symbol === 0) this.#unsuitable(target, offset, type, 'no symbol');
      return true;
    }
    const at = symbols.value(symbol) + addend;
    if (type !== R_PPC64_TOC16 && home.sh_addralign >= 4 && (at & 3) !== 0)
      this.#outOfRange(target, offset, type, at, 0, 0);
    if (type === R_PPC64_TOC16_LO_DS) return false;
    if (home.name !== '.toc') return true;
    const slack = home.sh_addralign > TOC_SLACK ? 0 : TOC_SLACK;
    const lowest = at - TOC_BIAS;
    if (lowest >= -0x8000 && lowest + slack <= 0x7fff) return false;
    if (lowest <= 0x7fff && lowest + slack >= -0x8000) return true;
    this.#outOfRange(target, offset, type, at, 0, 0, TOC_BIAS);
    return false;
  }

  #fn(section: Section, offset: number): string | undefined {
    this.#functions ??= functionsBySection(functionsOf(this.#elf));
    return functionAt(this.#functions.get(section.index) ?? [], offset)?.name;
  }

  #unknown(section: Section, entry: number, type: number): void {
    this.#report.error('VER010', `relocation ${entry} has type ${type}, which nobody defined`, section, entry * 24);
  }

  #kernelKind(section: Section, offset: number, type: number): void {
    const name = relocationName(type);
    if (places.kernel[type] === KERNEL_TAKES_PCREL)
      this.#report.note(
        'VER022',
        `${name} is known only to kernels built with CONFIG_PPC_KERNEL_PCREL`,
        section,
        offset,
        this.#fn(section, offset),
      );
    else if (places.kernel[type] === KERNEL_REFUSES)
      this.#report.error(
        'VER011',
        `the kernel's loader does not know ${name} and would refuse the module`,
        section,
        offset,
        this.#fn(section, offset),
      );
  }

  #overEnd(section: Section, offset: number, type: number): void {
    this.#report.error(
      'VER012',
      `${relocationName(type)} writes ${places.width[type]} bytes at 0x${offset.toString(16)}, over the end of the section at 0x${section.sh_size.toString(16)}`,
      section,
      offset,
    );
  }

  #misplaced(section: Section, offset: number, type: number): void {
    const name = relocationName(type);
    if (places.isInstruction[type] === 1)
      this.#report.error(
        'VER013',
        `${name} is not on an instruction: 0x${offset.toString(16)} is no multiple of 4`,
        section,
        offset,
        this.#fn(section, offset),
      );
    else
      this.#report.warn(
        'VER013',
        `${name} is not on a multiple of ${places.placeMask[type]! + 1} bytes, as the ABI wants it`,
        section,
        offset,
      );
  }

  #wrongWord(section: Section, offset: number, type: number, word: number | undefined): void {
    const facts = relocationFacts(type)!;
    this.#report.error(
      'VER014',
      `${facts.name} stands on ${word === undefined ? 'no word of the file' : wordText(word)}: expected ${opcodesText(facts.field, facts.part)}`,
      section,
      offset,
      this.#fn(section, offset),
    );
  }

  #unsuitable(section: Section, offset: number, type: number, what: string): void {
    this.#report.error(
      'VER018',
      `${relocationName(type)} leads to ${what}`,
      section,
      offset,
      this.#fn(section, offset),
    );
  }

  #losesToc(section: Section, offset: number, name: string): void {
    this.#report.warn(
      'VER019',
      `${name} says that it does not keep r2 (st_other 0x20), which the kernel's loader does not heed`,
      section,
      offset,
      this.#fn(section, offset),
    );
  }

  /** Tells what both books of rules say about a value that one of them may not take. */
  #outOfRange(section: Section, offset: number, type: number, S: number, A: number, P: number, toc = 0): void {
    const inputs = { type, S: BigInt(S), A: BigInt(A), P: BigInt(P), toc: BigInt(toc) };
    const abi = checkPsabi(inputs);
    const kernel = checkKernel(inputs, places.kernel[type] === KERNEL_TAKES_PCREL);
    const name = relocationName(type);
    if (abi !== null)
      this.#report.error(
        abi.rule === 'alignment' ? 'VER017' : 'VER015',
        `${name}: the ABI wants ${abi.expected}, found ${abi.found}`,
        section,
        offset,
        this.#fn(section, offset),
      );
    if (kernel !== null)
      this.#report.error(
        kernel.rule === 'alignment' ? 'VER017' : 'VER016',
        `${name}: the kernel's loader wants ${kernel.expected}, found ${kernel.found}`,
        section,
        offset,
        this.#fn(section, offset),
      );
  }
}
