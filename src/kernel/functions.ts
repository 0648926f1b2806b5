/**
 * The functions of an object: every FUNC symbol that is defined in a section with code, with both of its entries.
 */
import { SHN_LORESERVE, STB_LOCAL, STT_FUNC, STT_GNU_IFUNC } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { SYMBOL_WORDS, type SymbolTable } from '../elf/symbols.ts';
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
  const { symbols, sections } = elf;
  if (symbols === undefined) return [];
  const order = functionSymbols(elf, symbols);
  const functions = new Array<KernelFunction>(order.length);
  for (let n = 0; n < order.length; n++) {
    const symbol = order[n]!;
    const global = symbols.offsetInSection(symbol);
    const k = symbols.st_other(symbol) >>> 5;
    functions[n] = {
      name: symbols.name(symbol),
      symbol,
      section: sections[symbols.sectionOf(symbol)]!,
      global,
      local: global + localEntryDistance(k),
      size: symbols.size(symbol),
      k,
      binding: symbols.binding(symbol),
    };
  }
  return functions;
}

/** The symbols of all functions, as `functionsOf` orders them. @throws InputError ELF022, ELF029 */
export function functionSymbols(elf: ElfFile, symbols: SymbolTable): Uint32Array {
  const { words, count } = symbols;
  const { isRelocatable } = elf;
  const sizes = codeSizes(elf);
  const found = new Uint32Array(count);
  const places = new Float64Array(count);
  const homes = new Uint32Array(count);
  let functions = 0;
  for (let i = 1, w = SYMBOL_WORDS; i < count; i++, w += SYMBOL_WORDS) {
    const info = words[w + 1]!;
    const type = info & 0xf;
    if (type !== STT_FUNC && type !== STT_GNU_IFUNC) continue;
    const home = info >>> 16 < SHN_LORESERVE ? info >>> 16 : symbols.sectionOf(i);
    if (sizes[home]! < 0) continue;
    const global = isRelocatable && words[w + 3] === 0 ? words[w + 2]! : symbols.offsetInSection(i);
    const k = (info >>> 13) & 7;
    if (k === 7 || global < 0 || global > sizes[home]!)
      throw badFunction(symbols.name(i), elf.sections[home]!, global, k);
    found[functions] = i;
    places[functions] = global;
    homes[functions++] = home;
  }
  return inOrder(found.subarray(0, functions), places, homes, elf.sections.length);
}

/** `sh_size` by section; -1 for a section without code. */
function codeSizes(elf: ElfFile): Float64Array {
  const sizes = new Float64Array(elf.sections.length).fill(-1);
  for (const section of elf.sections) if (section.index > 0 && section.isCode) sizes[section.index] = section.sh_size;
  return sizes;
}

/** An offset (below 2 GiB) and a number below this fit into one double, and doubles are sorted without asking anybody. */
const RANKED = 2 ** 21;

/** Symbols by home, then place; those with both alike as they stand. */
function inOrder(found: Uint32Array, places: Float64Array, homes: Uint32Array, sections: number): Uint32Array {
  const next = new Uint32Array(sections + 1);
  for (let n = 0; n < found.length; n++) next[homes[n]! + 1]!++;
  for (let s = 0; s < sections; s++) next[s + 1]! += next[s]!;
  const starts = next.slice();
  const members = new Uint32Array(found.length);
  for (let n = 0; n < found.length; n++) members[next[homes[n]!]!++] = n;
  const ordered = new Uint32Array(found.length);
  for (let s = 0; s < sections; s++) {
    const [start, end] = [starts[s]!, starts[s + 1]!];
    if (start < end) sortMembers(members.subarray(start, end), places);
    for (let m = start; m < end; m++) ordered[m] = found[members[m]!]!;
  }
  return ordered;
}

function sortMembers(members: Uint32Array, places: Float64Array): void {
  if (members.length >= RANKED) {
    members.sort((a, b) => places[a]! - places[b]! || a - b);
    return;
  }
  const keys = new Float64Array(members.length);
  for (let m = 0; m < keys.length; m++) keys[m] = places[members[m]!]! * RANKED + m;
  keys.sort();
  const before = members.slice();
  for (let m = 0; m < keys.length; m++) members[m] = before[keys[m]! % RANKED]!;
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
  return functionCovering(list, countUpTo(list, offset), offset);
}

/** How many functions of the list begin at `offset` or before it. */
export function countUpTo(list: readonly KernelFunction[], offset: SectionOffset): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.global <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As `functionAt`, where it is known already that the list's first `passed` functions begin at `offset` or before it. */
export function functionCovering(
  list: readonly KernelFunction[],
  passed: number,
  offset: SectionOffset,
): KernelFunction | undefined {
  let best: KernelFunction | undefined;
  for (let i = passed - 1; i >= 0 && list[i]!.global === list[passed - 1]!.global; i--) {
    const f = list[i]!;
    if (offset >= f.global + Math.max(f.size, 1)) continue;
    if (best === undefined || (best.binding === STB_LOCAL && f.binding !== STB_LOCAL)) best = f;
  }
  return best;
}
