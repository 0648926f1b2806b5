/**
 * Relocations checked without being done: the file's bytes are only read, in the order of the file, and nothing is made for a
 * relocation. The answer is "all of them are plainly good" or nothing.
 *
 * Plainly good means that the order cannot matter and that nothing is to be told: every place lies in its section of the file,
 * no two places share a byte where the loader looks at one, every distance fits, every call through a stub finds its slot, and all
 * of `.stubs` is in reach of every such call. Then no relocation can fail, whichever slot it gets, so the kernel takes the
 * module, and says nothing. All else is left to `apply.ts`, which needs the image.
 */
import { SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_PROGBITS, SHT_RELA } from '../elf/constants.ts';
import { STUB_SIZE, SYMBOL_EXEMPT, SYMBOL_EXTERNAL, SYMBOL_GONE, SYMBOL_PECULIAR, SYMBOL_SIZE } from './arch.ts';
import { fillsKeptSection, SHF_RELA_LIVEPATCH } from './kept-sections.ts';
import * as R from './relocation-numbers.ts';
import type { LoadState } from './state.ts';
import { tocPointer } from './symbols.ts';

const TWO_32 = 0x1_0000_0000;
const NOP = 0x6000_0000;
const RELA_WORDS = 6;

/** What is done with a type: an index of the switch below; 0 for types that are left to the image. */
const ACTION_STORE = 1;
const ACTION_TOC_HA = 2;
const ACTION_TOC_LO_DS = 3;
const ACTION_REL24 = 4;
const ACTION_REL32 = 5;
const ACTION_REL16_HA = 6;
const ACTION_TOC16 = 7;
const ACTION_TOC16_DS = 8;

const TYPES = 256;
const actions = new Uint8Array(TYPES);
const widths = new Uint8Array(TYPES);
for (const type of [
  R.R_PPC64_ADDR64,
  R.R_PPC64_TOC,
  R.R_PPC64_TOC16_LO,
  R.R_PPC64_REL64,
  R.R_PPC64_ENTRY,
  R.R_PPC64_REL16_LO,
])
  actions[type] = ACTION_STORE;
actions[R.R_PPC64_TOC16_HA] = ACTION_TOC_HA;
actions[R.R_PPC64_TOC16_LO_DS] = ACTION_TOC_LO_DS;
actions[R.R_PPC64_REL24] = ACTION_REL24;
actions[R.R_PPC64_REL32] = ACTION_REL32;
actions[R.R_PPC64_REL16_HA] = ACTION_REL16_HA;
actions[R.R_PPC64_TOC16] = ACTION_TOC16;
actions[R.R_PPC64_TOC16_DS] = ACTION_TOC16_DS;
for (let type = 0; type < TYPES; type++) widths[type] = R.relocationWidth(type);

/** Bytes to the local entry by `st_other >> 5`. */
const ENTRY_OFFSETS = Int32Array.from({ length: 8 }, (_, k) => ((1 << k) >> 2) << 2);

/** What a relocation section needs beside its own words. */
interface Surroundings {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  readonly classes: Uint8Array;
  readonly tocLow: number;
  readonly tocHigh: number;
  /** Addresses of `.stubs` and of its last slot. */
  readonly stubsLow: number;
  readonly stubsHigh: number;
  readonly stubsLast: number;
  /** The file, by byte and by word. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Whether the sections are such that their relocations can be looked at in place. */
function canCheckInPlace(state: LoadState): boolean {
  const { headers, index, places } = state;
  const { stubs, toc, symtab, strtab } = index;
  if (state.kernel.options.pcrel || places[stubs] === undefined || places[toc] === undefined) return false;
  if (headers.type[stubs] !== SHT_NOBITS || headers.addressLow[stubs]! % 8 !== 0) return false;
  const filled = new Uint8Array(headers.count);
  for (let i = 1; i < headers.count; i++) {
    if (!fillsKeptSection(state, i)) continue;
    if ((headers.flags[i]! & SHF_RELA_LIVEPATCH) !== 0) {
      if (state.kernel.options.livepatch) return false;
      continue;
    }
    if (headers.type[i] !== SHT_RELA) {
      if (headers.type[i] === 9) return false;
      continue;
    }
    const target = headers.info[i]!;
    if (headers.type[target] !== SHT_PROGBITS && headers.type[target] !== 7 && headers.type[target] !== 14)
      return false;
    if (target === symtab || target === strtab || filled[target] === 1) return false;
    if ((headers.flags[i]! & SHF_ALLOC) !== 0 || (state.bytes.byteOffset + headers.offset[i]!) % 4 !== 0) return false;
    if (headers.offset[i]! + headers.size[i]! > state.bytes.length) return false;
    if (headers.offset[target]! + headers.size[target]! > state.bytes.length) return false;
    filled[target] = 1;
  }
  return true;
}

/** Whether relocations fill only `init` and `exit` of the module's own structure, each with the address of code. */
function leavesModuleStructure(state: LoadState, section: number): boolean {
  const { init, exit } = state.kernel.structures.moduleFields;
  if (init === undefined || exit === undefined) return true;
  const { offset, size } = state.headers;
  const end = offset[section]! + size[section]!;
  for (let at = offset[section]!; at + RELA_WORDS * 4 <= end; at += RELA_WORDS * 4) {
    const place = state.view.getUint32(at, true);
    if (state.view.getUint32(at + 8, true) !== R.R_PPC64_ADDR64 || (place !== init && place !== exit)) return false;
    if (!leadsToCode(state, at)) return false;
  }
  return true;
}

/** Whether the relocation at byte `at` of the file leads to a word of the module's code. */
function leadsToCode({ view, headers, index }: LoadState, at: number): boolean {
  const number = view.getUint32(at + 12, true);
  const symbol = headers.offset[index.symtab]! + number * SYMBOL_SIZE;
  if ((number + 1) * SYMBOL_SIZE > headers.size[index.symtab]! || view.getUint32(at + 20, true) !== 0) return false;
  const section = view.getUint16(symbol + 6, true);
  if (section === 0 || section >= headers.count || view.getUint32(symbol + 12, true) !== 0) return false;
  const wanted = SHF_ALLOC | SHF_EXECINSTR;
  const offset = view.getUint32(symbol + 8, true) + view.getUint32(at + 16, true);
  return (headers.flags[section]! & wanted) === wanted && offset + 4 <= headers.size[section]!;
}

/**
 * One relocation section.
 *
 * @param section its number
 * @returns whether all of it is plainly good
 */
function isPlainlyGood(state: LoadState, around: Surroundings, section: number): boolean {
  const { headers } = state;
  const { low, high, classes, tocLow, tocHigh, stubsLow, stubsHigh, stubsLast, view } = around;
  const target = headers.info[section]!;
  const placeLow = headers.addressLow[target]!;
  const placeHigh = headers.addressHigh[target]!;
  const fileAt = headers.offset[target]!;
  const limit = headers.size[target]!;
  const length = Math.floor(headers.size[section]! / (RELA_WORDS * 4)) * RELA_WORDS;
  const words = new Uint32Array(state.bytes.buffer, state.bytes.byteOffset + headers.offset[section]!, length);
  const symbols = low.length;
  const stubDistance = (stubsHigh - placeHigh) * TWO_32 + (stubsLow - placeLow);
  let end = 0;
  let ordered = true;
  let branches = false;
  for (let at = 0; at < length; at += RELA_WORDS) {
    const offset = words[at]!;
    const type = words[at + 2]!;
    const symbol = words[at + 3]!;
    if (words[at + 1] !== 0 || type >= TYPES || symbol >= symbols) return false;
    const kind = classes[symbol]!;
    if ((kind & SYMBOL_GONE) !== 0) return false;
    const action = actions[type]!;
    let after = offset + widths[type]!;
    if (action === 0 || after > limit) return false;
    if (offset < end) ordered = false;
    if (action === ACTION_REL24) {
      branches = true;
      const word = view.getUint32(fileAt + offset, true);
      if (word >>> 26 === 1) return false;
      if ((kind & SYMBOL_PECULIAR) !== 0) return false;
      const addend = (words[at + 5]! | 0) * TWO_32 + words[at + 4]!;
      if ((kind & SYMBOL_EXTERNAL) === 0) {
        const distance =
          (high[symbol]! - placeHigh) * TWO_32 + (low[symbol]! - placeLow) + addend - offset + ENTRY_OFFSETS[kind & 7]!;
        if (distance < -0x200_0000 || distance > 0x1ff_ffff || (distance & 3) !== 0) return false;
      } else {
        if (addend !== 0) return false;
        const distance = stubDistance - offset;
        if (distance < -0x200_0000 || distance + stubsLast > 0x1ff_ffff || (distance & 3) !== 0) return false;
        if ((kind & SYMBOL_EXEMPT) === 0) {
          after = offset + 8;
          if (after > limit || word >>> 26 !== 18 || (word & 3) !== 1) return false;
          if (view.getUint32(fileAt + offset + 4, true) !== NOP) return false;
        }
      }
    } else if (action !== ACTION_STORE) {
      const addend = (words[at + 5]! | 0) * TWO_32 + words[at + 4]!;
      const isToc = action !== ACTION_REL32 && action !== ACTION_REL16_HA;
      const distance = isToc
        ? (high[symbol]! - tocHigh) * TWO_32 + (low[symbol]! - tocLow) + addend
        : (high[symbol]! - placeHigh) * TWO_32 + (low[symbol]! - placeLow) + addend - offset;
      switch (action) {
        case ACTION_TOC_HA:
        case ACTION_REL16_HA:
          if (distance < -0x8000_8000 || distance >= 0x7fff_8000) return false;
          break;
        case ACTION_TOC_LO_DS:
          if (distance < -0x8000_8000 || distance >= 0x7fff_8000 || (distance & 3) !== 0) return false;
          break;
        case ACTION_REL32:
          if (distance < -0x8000_0000 || distance > 0x7fff_ffff) return false;
          break;
        case ACTION_TOC16_DS:
          if ((distance & 3) !== 0 || distance < -0x8000 || distance > 0x7fff) return false;
          break;
        default:
          if (distance < -0x8000 || distance > 0x7fff) return false;
      }
    }
    if (after > end) end = after;
  }
  return ordered || !branches;
}

/** Whether all relocations of the module are plainly good. */
export function checkRelocations(state: LoadState): boolean {
  const { headers, index } = state;
  if (!canCheckInPlace(state)) return false;
  const toc = tocPointer(state);
  const around: Surroundings = {
    low: state.symbolLow,
    high: state.symbolHigh,
    classes: state.arch.symbolClass,
    tocLow: Number(toc & 0xffff_ffffn),
    tocHigh: Number(toc >> 32n),
    stubsLow: headers.addressLow[index.stubs]!,
    stubsHigh: headers.addressHigh[index.stubs]!,
    stubsLast: Math.max(0, headers.size[index.stubs]! - STUB_SIZE),
    bytes: state.bytes,
    view: state.view,
  };
  for (let i = 1; i < headers.count; i++) {
    if (headers.type[i] !== SHT_RELA || !fillsKeptSection(state, i)) continue;
    if ((headers.flags[i]! & SHF_RELA_LIVEPATCH) !== 0) continue;
    if (headers.info[i] === index.thisModule && !leavesModuleStructure(state, i)) return false;
    if (!isPlainlyGood(state, around, i)) return false;
  }
  return true;
}
