/**
 * The functions of an object: every FUNC symbol that is defined in a section with code, with both of its entries.
 */
import { STB_LOCAL, STT_FUNC, STT_GNU_IFUNC } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { localEntryOffset } from '../ppc64/entry-points.ts';
import { InputError } from '../util/errors.ts';
import type { SectionIndex, SectionOffset, SymbolIndex } from '../util/indexes.ts';

export interface KernelFunction {
  readonly name: string;
  readonly symbol: SymbolIndex;
  readonly section: Section;
  /** Global entry: bytes from the start of the section. */
  readonly global: SectionOffset;
  /** Local entry: bytes from the start of the section; equal to `global` where there is only one entry. */
  readonly local: SectionOffset;
  /** `st_size`, bytes, counted from the global entry. */
  readonly size: number;
  /** The three bits of `st_other` that encode the distance between the entries (psABI 3.4.1): 0 to 6. */
  readonly k: number;
  readonly binding: number;
}

/** Bytes from the global to the local entry for the three bits `k` of `st_other`. */
export function localEntryDistance(k: number): number {
  return localEntryOffset(k << 5);
}

/**
 * All functions with code in the file, ordered by section, global entry, then symbol number.
 *
 * @throws InputError ELF022 for a symbol with the reserved value 7 in `st_other`, ELF029 for one outside its section
 */
export function functionsOf(elf: ElfFile): KernelFunction[] {
  const symbols = elf.symbols;
  const functions: KernelFunction[] = [];
  if (symbols === undefined) return functions;
  for (let i = 1; i < symbols.count; i++) {
    const type = symbols.type(i);
    if (type !== STT_FUNC && type !== STT_GNU_IFUNC) continue;
    const section = elf.sections[symbols.sectionOf(i)];
    if (section === undefined || section.index === 0 || !section.isCode) continue;
    const global = symbols.offsetInSection(i);
    const k = symbols.st_other(i) >>> 5;
    if (k === 7 || global < 0 || global > section.sh_size) throw badFunction(symbols.name(i), section, global, k);
    functions.push({
      name: symbols.name(i),
      symbol: i,
      section,
      global,
      local: global + localEntryDistance(k),
      size: symbols.size(i),
      k,
      binding: symbols.binding(i),
    });
  }
  return functions.sort((a, b) => a.section.index - b.section.index || a.global - b.global || a.symbol - b.symbol);
}

export function badFunction(name: string, section: Section, offset: number, k: number): InputError {
  if (k === 7)
    return new InputError({
      code: 'ELF022',
      message: 'a symbol uses the reserved local-entry encoding',
      section: section.name,
      offset,
      function: name,
      expected: 'st_other >> 5 from 0 to 6',
      found: '7',
      remedy: 'the file is damaged, or made by a tool for a later ABI',
    });
  return new InputError({
    code: 'ELF029',
    message: 'a function begins outside its section',
    section: section.name,
    function: name,
    expected: `an offset up to 0x${section.sh_size.toString(16)}`,
    found: `0x${offset.toString(16)}`,
    remedy: 'the file is damaged: build or copy it again',
  });
}

/** Functions by section, each list ascending by global entry. */
export function functionsBySection(functions: readonly KernelFunction[]): ReadonlyMap<SectionIndex, KernelFunction[]> {
  const map = new Map<SectionIndex, KernelFunction[]>();
  for (const f of functions) {
    const list = map.get(f.section.index);
    if (list === undefined) map.set(f.section.index, [f]);
    else list.push(f);
  }
  return map;
}

/**
 * The function whose bytes cover `offset`, from a list ascending by global entry; a global or weak name wins over a local
 * one with the same range. `undefined` between functions.
 */
export function functionAt(list: readonly KernelFunction[], offset: SectionOffset): KernelFunction | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.global <= offset) low = middle + 1;
    else high = middle;
  }
  let best: KernelFunction | undefined;
  for (let i = low - 1; i >= 0 && list[i]!.global === list[low - 1]!.global; i--) {
    const f = list[i]!;
    if (offset >= f.global + Math.max(f.size, 1)) continue;
    if (best === undefined || (best.binding === STB_LOCAL && f.binding !== STB_LOCAL)) best = f;
  }
  return best;
}
