/** What is said about a relocation that breaks a rule. */
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { functionAt, functionsBySection, functionsOf, type KernelFunction } from '../kernel/functions.ts';
import { checkKernel, checkPsabi, relocationFacts, relocationName } from '../ppc64/relocations.ts';
import type { SectionIndex, SectionOffset, SymbolIndex } from '../util/indexes.ts';
import { KERNEL_REFUSES, KERNEL_TAKES_PCREL, opcodesText, places } from './relocation-places.ts';
import { type Report, wordText } from './verification.ts';

/** A branch to a symbol that is defined elsewhere, which the loader's stub would break: told in a step of its own. */
export interface BadExternal {
  readonly code: 'VER020' | 'VER021';
  readonly section: Section;
  /** Of the branch. */
  readonly offset: SectionOffset;
  readonly type: number;
  readonly symbol: SymbolIndex;
  readonly addend: number;
  readonly message: string;
}

export class RelocationFindings {
  readonly #report: Report;
  readonly #elf: ElfFile;
  readonly externals: BadExternal[] = [];
  #functions: ReadonlyMap<SectionIndex, KernelFunction[]> | undefined;

  constructor(report: Report, elf: ElfFile) {
    this.#report = report;
    this.#elf = elf;
  }

  functionAt(section: Section, offset: number): string | undefined {
    this.#functions ??= functionsBySection(functionsOf(this.#elf));
    return functionAt(this.#functions.get(section.index) ?? [], offset)?.name;
  }

  absolute(section: Section, offset: number, type: number, word: number): void {
    this.#report.error(
      'VER014',
      `${relocationName(type)} stands on an absolute branch (${wordText(word)})`,
      section,
      offset,
      this.functionAt(section, offset),
    );
  }

  notEntry(section: Section, offset: number, first: number, second: number): void {
    this.#report.error(
      'VER014',
      `R_PPC64_ENTRY stands on ${wordText(first)}, ${wordText(second)}, not on ld r2,D(r12); add r2,r2,r12`,
      section,
      offset,
      this.functionAt(section, offset),
    );
  }

  unknown(section: Section, entry: number, type: number): void {
    this.#report.error('VER010', `relocation ${entry} has type ${type}, which nobody defined`, section, entry * 24);
  }

  kernelKind(section: Section, offset: number, type: number): void {
    const name = relocationName(type);
    if (places.kernel[type] === KERNEL_TAKES_PCREL)
      this.#report.note(
        'VER022',
        `${name} is known only to kernels built with CONFIG_PPC_KERNEL_PCREL`,
        section,
        offset,
        this.functionAt(section, offset),
      );
    else if (places.kernel[type] === KERNEL_REFUSES)
      this.#report.error(
        'VER011',
        `the kernel's loader does not know ${name} and would refuse the module`,
        section,
        offset,
        this.functionAt(section, offset),
      );
  }

  overEnd(section: Section, offset: number, type: number): void {
    this.#report.error(
      'VER012',
      `${relocationName(type)} writes ${places.width[type]} bytes at 0x${offset.toString(16)}, over the end of the section at 0x${section.sh_size.toString(16)}`,
      section,
      offset,
    );
  }

  misplaced(section: Section, offset: number, type: number): void {
    const name = relocationName(type);
    if (places.isInstruction[type] === 1)
      this.#report.error(
        'VER013',
        `${name} is not on an instruction: 0x${offset.toString(16)} is no multiple of 4`,
        section,
        offset,
        this.functionAt(section, offset),
      );
    else
      this.#report.warn(
        'VER013',
        `${name} is not on a multiple of ${places.placeMask[type]! + 1} bytes, as the ABI wants it`,
        section,
        offset,
      );
  }

  wrongWord(section: Section, offset: number, type: number, word: number | undefined): void {
    const facts = relocationFacts(type)!;
    this.#report.error(
      'VER014',
      `${facts.name} stands on ${word === undefined ? 'no word of the file' : wordText(word)}: expected ${opcodesText(facts.field, facts.part)}`,
      section,
      offset,
      this.functionAt(section, offset),
    );
  }

  unsuitable(section: Section, offset: number, type: number, what: string): void {
    this.#report.error(
      'VER018',
      `${relocationName(type)} leads to ${what}`,
      section,
      offset,
      this.functionAt(section, offset),
    );
  }

  losesToc(section: Section, offset: number, name: string): void {
    this.#report.warn(
      'VER019',
      `${name} says that it does not keep r2 (st_other 0x20), which the kernel's loader does not heed`,
      section,
      offset,
      this.functionAt(section, offset),
    );
  }

  /** Tells what both books of rules say about a value that one of them may not take. */
  outOfRange(section: Section, offset: number, type: number, S: number, A: number, P: number, toc = 0): void {
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
        this.functionAt(section, offset),
      );
    if (kernel !== null)
      this.#report.error(
        kernel.rule === 'alignment' ? 'VER017' : 'VER016',
        `${name}: the kernel's loader wants ${kernel.expected}, found ${kernel.found}`,
        section,
        offset,
        this.functionAt(section, offset),
      );
  }
}
