/**
 * Every relocation of an object by two books of rules: the ELF V2 ABI's, and what the kernel's module loader does. Nothing
 * here depends on a plan; on the modules of a distribution it finds nothing.
 *
 * An object does not say where its sections will be, so distances between sections are not decided here: those are
 * counted as undecided. What is decided: distances inside a section, the low bits of an address (sections are aligned),
 * and where in `.toc` a 16-bit offset reaches, since r2 points 0x8000 into it.
 */
import { SHN_UNDEF, SHT_RELA } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Relocations } from '../elf/relocations.ts';
import { SYMBOL_WORDS, type SymbolTable } from '../elf/symbols.ts';
import { relocationFacts, relocationName } from '../ppc64/relocations.ts';
import { RelocationEntries, type Tally } from './relocation-entries.ts';
import { type BadExternal, RelocationFindings } from './relocation-findings.ts';
import { RelocationSweep } from './relocation-sweep.ts';
import { count, type RelocationCount, type Report } from './verification.ts';

/** Calls that the loader sends to the tracer; it does not turn the word behind them into a load of r2. */
const TRACER_SYMBOLS = ['_mcount', 'ftrace_caller', 'ftrace_regs_caller'];

/** Which of the bad branches were the same in the input already. */
export type WasThere = (bad: BadExternal) => boolean;

export class RelocationChecker {
  readonly #report: Report;
  readonly #elf: ElfFile;
  readonly #findings: RelocationFindings;
  readonly #tally: Tally = { byType: new Uint32Array(256), undecided: 0, calls: 0, tracer: 0 };
  #checked = 0;

  constructor(report: Report, elf: ElfFile) {
    this.#report = report;
    this.#elf = elf;
    this.#findings = new RelocationFindings(report, elf);
  }

  /** Checks every entry; says how many there were. */
  run(): string {
    const { sections, isRelocatable, symbols } = this.#elf;
    const table = isRelocatable && symbols !== undefined ? this.#tableCheck(symbols) : undefined;
    let tables = 0;
    for (const section of sections) {
      if (section.sh_type !== SHT_RELA) continue;
      tables++;
      const entries = this.#elf.relocations(section);
      this.#checked += entries.count;
      if (table !== undefined) table(entries);
      else this.#linked(entries);
    }
    return `${count(this.#checked, 'relocation')} in ${count(tables, 'table')}; the range of ${this.#tally.undecided} depends on where the kernel puts the sections`;
  }

  #tableCheck(symbols: SymbolTable): (entries: Relocations) => void {
    const elf = this.#elf;
    const tracer = tracerSymbols(symbols);
    const sweep = new RelocationSweep(elf, symbols, tracer, this.#tally);
    const closely = new RelocationEntries(elf, symbols, tracer, this.#tally, this.#findings);
    return entries => {
      const target = elf.sections[entries.section.sh_info]!;
      if (!sweep.isClean(entries, target)) closely.table(entries, target);
    };
  }

  /** The calls that nothing in this object can serve as they stand: found by `run`. */
  get badExternals(): readonly BadExternal[] {
    return this.#findings.externals;
  }

  /**
   * Tells the findings about external calls that `run` came across.
   *
   * @param wasThere a branch that was there before, and that nobody asked to change, is only warned of
   */
  externalCalls(wasThere: WasThere = () => false): string {
    for (const bad of this.#findings.externals) {
      const { code, section, offset, message } = bad;
      const at = code === 'VER020' ? offset + 4 : offset;
      const fn = this.#findings.functionAt(section, offset);
      if (code === 'VER021' && wasThere(bad))
        this.#report.warn(code, `${message} (it was there before)`, section, at, fn);
      else this.#report.error(code, message, section, at, fn);
    }
    const { calls, tracer } = this.#tally;
    return `${count(calls, 'external call')} with a nop, and ${count(tracer, 'call')} of the tracer`;
  }

  counted(): RelocationCount {
    const byType: Record<string, number> = {};
    for (let type = 0; type < 256; type++)
      if (this.#tally.byType[type]! > 0) byType[relocationName(type)] = this.#tally.byType[type]!;
    return { checked: this.#checked, undecided: this.#tally.undecided, byType };
  }

  /** A linked image: its relocations are the boot code's business, and their places are addresses. */
  #linked(entries: Relocations): void {
    for (let i = 0; i < entries.count; i++) {
      const type = entries.type(i);
      if (type < 256) this.#tally.byType[type]!++;
      if (relocationFacts(type) === undefined) this.#findings.unknown(entries.section, i, type);
    }
    this.#tally.undecided += entries.count;
  }
}

/** 1 for an undefined symbol that is the tracer's. */
function tracerSymbols(symbols: SymbolTable): Uint8Array {
  const { words, count: total, strings } = symbols;
  const isTracer = new Uint8Array(total);
  const names = new Set(TRACER_SYMBOLS.flatMap(name => [...strings.offsetsOf(name)]));
  for (let i = 1, w = SYMBOL_WORDS; i < total; i++, w += SYMBOL_WORDS)
    if (words[w + 1]! >>> 16 === SHN_UNDEF && names.has(words[w]!)) isTracer[i] = 1;
  return isTracer;
}
