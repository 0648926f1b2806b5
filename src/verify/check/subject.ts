/**
 * A module as the audits see it: its bytes read once, one walk over its symbols, and lists that most modules never need made
 * only when asked for. What an audit is told here comes from the file alone; what the kernel makes of it, from the twin.
 */
import { SHN_LIVEPATCH, SHN_UNDEF, STT_FUNC, STT_GNU_IFUNC } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import { livepatchObject, VMLINUX } from '../../loader/livepatch-names.ts';
import { lazy } from '../../util/lazy.ts';

/** `SHF_RELA_LIVEPATCH` (linux/livepatch.h): the loader leaves the section to the livepatch core. */
export const SHF_RELA_LIVEPATCH = 0x0010_0000;

const SYMBOL_WORDS = 6;
const MODINFO = new TextEncoder().encode('.modinfo');

/** What the walk over the symbols leaves for each of them; 0 for one that is defined. */
export const UNDEFINED = 1;
export const LIVEPATCH = 2;

export type SymbolCount = (module: string, symbol: string) => number | undefined;

export interface Subject {
  readonly elf: ElfFile;
  readonly kernel: KernelKnowledge;
  /** 0, `UNDEFINED` or `LIVEPATCH`, by symbol number. */
  readonly kinds: Uint8Array;
  /** FUNC symbols that are defined in a section with code. */
  readonly functions: number;
  /** Numbers of defined symbols whose `st_other` encodes 1 or 7. */
  readonly oddEntries: readonly number[];
  readonly hasLivepatchSymbols: boolean;
  /** How many symbols of a name a module has for the livepatch core to find; `undefined` where the module is not given. */
  readonly symbolsOfModule: SymbolCount;
  /** The value of the first `key=` in `.modinfo`. */
  modinfo(key: string): string | undefined;
  /** Name of the function at a place, if one covers it. */
  functionAt(section: Section, offset: number): string | undefined;
}

/** @throws InputError where the symbol table cannot be read */
export function subjectOf(
  elf: ElfFile,
  kernel: KernelKnowledge,
  symbolsOfModule: SymbolCount = () => undefined,
): Subject {
  const symbols = elf.symbols;
  const words = symbols?.words ?? new Uint32Array(0);
  const count = symbols?.count ?? 0;
  const kinds = new Uint8Array(count);
  const isCode = Uint8Array.from(elf.sections, s => (s.isCode ? 1 : 0));
  const oddEntries: number[] = [];
  let functions = 0;
  let hasLivepatchSymbols = false;
  for (let i = 1, w = SYMBOL_WORDS + 1; i < count; i++, w += SYMBOL_WORDS) {
    const info = words[w]!;
    const shndx = info >>> 16;
    if (shndx === SHN_UNDEF) kinds[i] = UNDEFINED;
    else if (shndx === SHN_LIVEPATCH) {
      kinds[i] = LIVEPATCH;
      hasLivepatchSymbols = true;
    } else {
      const type = info & 0xf;
      if ((type === STT_FUNC || type === STT_GNU_IFUNC) && isCode[symbols!.sectionOf(i)] === 1) functions++;
      const k = (info >>> 13) & 7;
      if (k === 1 || k === 7) oddEntries.push(i);
    }
  }
  return {
    elf,
    kernel,
    kinds,
    functions,
    oddEntries,
    hasLivepatchSymbols,
    symbolsOfModule,
    modinfo: modinfoReader(elf),
    functionAt: functionFinder(elf),
  };
}

/** Modules for which sections of livepatch relocations wait, in their order. */
export function livepatchTargets({ sections }: ElfFile): string[] {
  const names = new Set<string>();
  for (const section of sections) {
    const object = section.index === 0 ? undefined : livepatchObject(section.name);
    if (object !== undefined && object !== VMLINUX) names.add(object);
  }
  return [...names];
}

function modinfoReader(elf: ElfFile): Subject['modinfo'] {
  const bytes = lazy(() => {
    const section = elf.sections.find(s => s.index > 0 && s.isNamed(MODINFO));
    const contents = section === undefined ? new Uint8Array(0) : elf.contents(section);
    return Buffer.from(contents.buffer, contents.byteOffset, contents.length);
  });
  return key => {
    const text = bytes();
    const wanted = `${key}=`;
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
      if (at > 0 && text[at - 1] !== 0) continue;
      const end = text.indexOf(0, at);
      return text.toString('utf8', at + wanted.length, end < 0 ? text.length : end);
    }
    return undefined;
  };
}

/** Called for findings only, so it walks all symbols each time; of several functions the shortest that covers the place. */
function functionFinder(elf: ElfFile): Subject['functionAt'] {
  return (section, offset) => {
    const symbols = elf.symbols;
    let best: string | undefined;
    let bestSize = Number.POSITIVE_INFINITY;
    for (let i = 1; i < (symbols?.count ?? 0); i++) {
      if (symbols!.sectionOf(i) !== section.index || symbols!.type(i) !== STT_FUNC) continue;
      const start = symbols!.offsetInSection(i);
      const size = Math.max(symbols!.size(i), 1);
      if (offset < start || offset >= start + size || size >= bestSize) continue;
      best = symbols!.name(i);
      bestSize = size;
    }
    return best;
  };
}
