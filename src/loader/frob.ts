/**
 * `module_frob_arch_sections()` of arch/powerpc/kernel/module_64.c: finds the sections that powerpc's loader fills itself, takes
 * the leading dots from names, sorts every relocation section and counts how many stubs could be needed.
 *
 * With `checkOnly` nothing is sorted or written: see `countWithoutSorting`.
 */
import { SHF_ALLOC } from '../elf/constants.ts';
import { outOfLineStubSize, RELA_SIZE, STUB_SIZE, SYMBOL_SIZE } from './arch.ts';
import { sharingSections } from './overlaps.ts';
import { R_PPC64_GOT_PCREL34, R_PPC64_REL24, R_PPC64_REL24_NOTOC } from './relocation-numbers.ts';
import { knownName } from './section-names.ts';
import { sortRelocations } from './sort.ts';
import { type LoadState, NeedsImage } from './state.ts';

const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_RELA = 4;
const SHN_UNDEF = 0;
const SHN_ABS = 0xfff1;
const DOT = 0x2e;

const STUBS = knownName('.stubs');
const TOC = knownName('.toc');
const GOT = knownName('.mygot');
const PERCPU = knownName('.data..percpu');
const PATCHABLE = knownName('__patchable_function_entries');

/** `dedotify()`: undefined symbols lose a leading dot, and `.TOC.` becomes absolute so that it seems to be defined. */
function dedotify(state: LoadState, section: number): void {
  const { offset, size, link, count } = state.headers;
  const linked = link[section]!;
  if (linked >= count) {
    state.danger('REL101', 'the kernel reads a section header behind the table of them (sh_link of a symbol table)');
    return;
  }
  const strings = offset[linked]!;
  const symbols = Math.floor(size[section]! / SYMBOL_SIZE);
  for (let i = 1; i < symbols; i++) {
    const at = offset[section]! + i * SYMBOL_SIZE;
    if (at + SYMBOL_SIZE > state.bytes.length) return;
    if (state.view.getUint16(at + 6, true) !== SHN_UNDEF) continue;
    const name = state.view.getUint32(at, true);
    const start = strings + name;
    if (start >= state.bytes.length) {
      state.danger('REL102', `the kernel reads the name of symbol ${i} behind the end of the file`);
      continue;
    }
    if (state.bytes[start] !== DOT) continue;
    if (isTocName(state.bytes, start + 1)) state.view.setUint16(at + 6, SHN_ABS, true);
    state.view.setUint32(at, (name + 1) >>> 0, true);
  }
}

/** Whether the string at `start` is `TOC.`. */
export function isTocName(bytes: Uint8Array, start: number): boolean {
  return (
    bytes[start] === 0x54 &&
    bytes[start + 1] === 0x4f &&
    bytes[start + 2] === 0x43 &&
    bytes[start + 3] === DOT &&
    (bytes[start + 4] ?? 0) === 0
  );
}

/** Words of a relocation section, sorted in place. Lengths in whole relocations. */
function sortInPlace(state: LoadState, section: number): Uint32Array {
  const start = state.headers.offset[section]!;
  const relocations = Math.floor(state.headers.size[section]! / RELA_SIZE);
  const source = state.bytes.subarray(start, start + relocations * RELA_SIZE);
  const words = new Uint32Array(Math.floor(source.length / RELA_SIZE) * 6);
  new Uint8Array(words.buffer).set(source.subarray(0, words.byteLength));
  sortRelocations(words, state.rules.doublePopSort);
  source.set(new Uint8Array(words.buffer));
  return words;
}

/** `count_relocs()`: runs of one (symbol, addend) among the sorted relocations of a type; it keeps only 32 bits of each. */
function countRuns(words: Uint32Array, wanted: number): number {
  let symbol = 0;
  let addend = 0;
  let runs = 0;
  for (let at = 0; at < words.length; at += 6) {
    if (words[at + 2] !== wanted) continue;
    if (words[at + 3] === symbol && words[at + 4] === addend && words[at + 5] === 0) continue;
    runs++;
    symbol = words[at + 3]!;
    addend = words[at + 4]!;
  }
  return runs;
}

/** `count_pcpu_relocs()`: as `countRuns`, for all relocations to symbols of the per-cpu section. */
function countPercpuRuns(state: LoadState, words: Uint32Array, symtab: number): number {
  const symbols = state.headers.offset[symtab]!;
  let symbol = 0;
  let addend = 0;
  let runs = 0;
  for (let at = 0; at < words.length; at += 6) {
    const place = symbols + words[at + 3]! * SYMBOL_SIZE + 6;
    if (place + 2 > state.bytes.length) {
      state.danger('REL103', `a relocation names symbol ${words[at + 3]!}, which lies behind the end of the file`);
      return runs;
    }
    if (state.view.getUint16(place, true) !== state.arch.percpuSection) continue;
    if (words[at + 3] === symbol && words[at + 4] === addend && words[at + 5] === 0) continue;
    runs++;
    symbol = words[at + 3]!;
    addend = words[at + 4]!;
  }
  return runs;
}

/** `get_got_size()` of kernels with CONFIG_PPC_KERNEL_PCREL, in bytes. It sorts, and `stubsSize` will sort once more. */
function gotSize(state: LoadState): number {
  const { count, type } = state.headers;
  let symtab = 0;
  for (let i = 1; i < count && symtab === 0; i++) if (type[i] === SHT_SYMTAB) symtab = i;
  let entries = 1;
  for (let i = 1; i < count; i++) {
    if (type[i] !== SHT_RELA) continue;
    const words = sortInPlace(state, i);
    entries += countRuns(words, R_PPC64_GOT_PCREL34);
    if (state.kernel.options.smp && symtab !== 0) entries += countPercpuRuns(state, words, symtab);
  }
  return entries * 8;
}

/** The runs of all relocation sections, sorting each as the kernel does. */
function countSorted(state: LoadState): number {
  const { count, type } = state.headers;
  let stubs = 0;
  for (let i = 1; i < count; i++) {
    if (type[i] !== SHT_RELA) continue;
    const words = sortInPlace(state, i);
    stubs += countRuns(words, R_PPC64_REL24);
    if (state.kernel.options.pcrel) stubs += countRuns(words, R_PPC64_REL24_NOTOC);
  }
  return stubs;
}

/**
 * What `countSorted` counts, without sorting: sorted relocations of one type with the same symbol and addend are neighbours,
 * so a run is a pair that differs from all others of its section. That holds for addends below 2^32, and for symbols other
 * than 0, whose pair with addend 0 the kernel takes for its starting value.
 * @throws NeedsImage where only sorting tells
 */
function countWithoutSorting(state: LoadState): number {
  const { count, type, offset, size } = state.headers;
  const symbols = Math.floor(size[state.index.symtab]! / SYMBOL_SIZE);
  const seenIn = new Uint32Array(symbols);
  let stubs = 0;
  for (let i = 1; i < count; i++) {
    if (type[i] !== SHT_RELA) continue;
    const start = state.bytes.byteOffset + offset[i]!;
    if (start % 4 !== 0) throw new NeedsImage();
    const words = new Uint32Array(state.bytes.buffer, start, Math.floor(size[i]! / RELA_SIZE) * 6);
    let others: Set<number> | undefined;
    for (let at = 2; at < words.length; at += 6) {
      if (words[at] !== R_PPC64_REL24) continue;
      const symbol = words[at + 1]!;
      if (symbol === 0 || symbol >= symbols || words[at + 3] !== 0) throw new NeedsImage();
      const addend = words[at + 2]!;
      if (addend === 0) {
        if (seenIn[symbol] === i) continue;
        seenIn[symbol] = i;
        stubs++;
      } else {
        others ??= new Set();
        others.add(symbol * 0x1_0000_0000 + addend);
      }
    }
    if (others !== undefined) stubs += others.size;
  }
  return stubs;
}

/** Slots of `.stubs` that the out-of-line tracer stubs take, by `__patchable_function_entries`. */
function outOfLineSlots(state: LoadState): number {
  const { count, size, nameId } = state.headers;
  for (let i = 1; i < count; i++) {
    if (nameId[i] !== PATCHABLE) continue;
    state.arch.outOfLineCount = Math.floor(size[i]! / 8);
    const bytes = state.arch.outOfLineCount * outOfLineStubSize(state.kernel.options.ftraceCallOps);
    return Math.ceil(bytes / STUB_SIZE);
  }
  return 0;
}

/** `get_stubs_size()` in bytes. */
function stubsSize(state: LoadState): number {
  const { options } = state.kernel;
  let slots = state.arch.exact ? countSorted(state) : countWithoutSorting(state);
  if (!state.rules.stubsCounted) slots++;
  if (options.dynamicFtrace) slots++;
  if (options.dynamicFtraceWithRegs) slots++;
  if (state.rules.outOfLineStubs) slots += outOfLineSlots(state);
  return slots * STUB_SIZE;
}

/** Sections by name, and what is changed in the copy of the file. The versions' names are read without dots from here on. */
function findSections(state: LoadState): void {
  const { headers, index, arch } = state;
  const { pcrel } = state.kernel.options;
  for (let i = 1; i < headers.count; i++) {
    const name = headers.nameId[i]!;
    if (name === STUBS) index.stubs = i;
    else if (name === (pcrel ? GOT : TOC)) {
      if (pcrel) arch.gotSection = i;
      else index.toc = i;
      if (headers.alignment[i]! < 8) headers.alignment[i] = 8;
    } else if (pcrel && name === PERCPU) arch.percpuSection = i;
    if (!pcrel && arch.exact && headers.type[i] === SHT_SYMTAB) dedotify(state, i);
  }
  state.dedotted = !pcrel;
}

/**
 * Tables that only the image tells right: more than one symbol table, strings that may run on into other parts of the file, or
 * relocations that something else is read from; sorting changes those.
 */
function hasOddTables(state: LoadState): boolean {
  const { headers, index, bytes } = state;
  const { strtab } = index;
  for (let i = 1; i < headers.count; i++) {
    if (headers.type[i] === SHT_SYMTAB && i !== index.symtab) return true;
    if (headers.type[i] !== SHT_RELA) continue;
    if ((headers.flags[i]! & SHF_ALLOC) !== 0 || headers.offset[i] === state.sectionNames) return true;
    if (i === index.versions || i === index.extCrcs || i === index.extNames || i === index.modinfo) return true;
  }
  const size = headers.size[strtab]!;
  return headers.type[strtab] !== SHT_STRTAB || size === 0 || bytes[headers.offset[strtab]! + size - 1] !== 0;
}

/** Fills `state.index.stubs` and `.toc`, sorts, and gives `.stubs` (and `.mygot`) their size in the headers. */
export function frobArchSections(state: LoadState): void {
  const { headers, index, arch } = state;
  if (!arch.exact && (state.kernel.options.pcrel || hasOddTables(state) || sharingSections(state).length > 0))
    throw new NeedsImage();
  findSections(state);
  if (index.stubs === 0) state.refuse('ENOEXEC', `module_64: ${state.name}: doesn't contain .stubs.`);
  if (state.kernel.options.pcrel) {
    if (arch.gotSection === 0) state.refuse('ENOEXEC', `module_64: ${state.name}: doesn't contain .mygot.`);
    headers.size[arch.gotSection] = gotSize(state);
  } else if (index.toc === 0) index.toc = index.stubs;
  headers.size[index.stubs] = stubsSize(state);
}
