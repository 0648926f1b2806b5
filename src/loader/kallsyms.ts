/**
 * kernel/module/kallsyms.c: all symbols go to the end of the init data, and those of kept code (with CONFIG_KALLSYMS_ALL: of
 * all kept sections) a second time to the end of the core data, with their names and one type letter each.
 */
import {
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHN_ABS,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHT_NOBITS,
} from '../elf/constants.ts';
import { SYMBOL_SIZE } from './arch.ts';
import { align32, appendSection, areaOf, isInitKind, strictAlign } from './areas.ts';
import { stringEnd } from './headers.ts';
import type { MemoryKind } from './model.ts';
import { type LoadState, NeedsImage } from './state.ts';

/** `sizeof(struct mod_kallsyms)`: three pointers and a number, and its alignment. */
const KALLSYMS_SIZE = 32;
const KALLSYMS_ALIGNMENT = 8;

function coreData(state: LoadState): MemoryKind {
  return state.rules.memoryAreas ? 'data' : 'core';
}

function initData(state: LoadState): MemoryKind {
  return state.rules.memoryAreas ? 'init_data' : 'init';
}

/** For each section whether symbols in it are kept: `is_core_symbol()` without the symbol's own part. */
function keptSections(state: LoadState): Uint8Array {
  const { headers, places, index } = state;
  const { kallsymsAll } = state.kernel.options;
  const kept = new Uint8Array(headers.count);
  const wanted = kallsymsAll ? SHF_ALLOC : SHF_ALLOC | SHF_EXECINSTR;
  for (let i = 1; i < headers.count; i++) {
    if ((headers.flags[i]! & wanted) !== wanted) continue;
    const place = places[i];
    if (place === undefined || !isInitKind(place.memory)) kept[i] = 1;
  }
  if (kallsymsAll && index.percpu !== 0) kept[index.percpu] = 1;
  return kept;
}

/**
 * `layout_symtab()`: makes room for the tables and marks `.symtab` and `.strtab` as allocated. Only the sizes of the areas
 * depend on the names here.
 */
export function layoutSymtab(state: LoadState): void {
  const { headers, index, view, bytes } = state;
  const { symtab, strtab } = index;
  const core = areaOf(state, coreData(state));
  const init = areaOf(state, initData(state));
  headers.flags[symtab] = headers.flags[symtab]! | SHF_ALLOC;
  state.places[symtab] = { memory: init.kind, offset: appendSection(state, init, symtab) };

  const kept = keptSections(state);
  const symbols = headers.offset[symtab]!;
  const strings = headers.offset[strtab]!;
  const stringsSize = headers.size[strtab]!;
  const count = Math.floor(headers.size[symtab]! / SYMBOL_SIZE);
  let keptCount = 0;
  let stringBytes = 0;
  for (let i = 0; i < count; i++) {
    const at = symbols + i * SYMBOL_SIZE;
    const name = view.getUint32(at, true);
    if (i !== 0 && !state.livepatch) {
      const section = view.getUint16(at + 6, true);
      if (section >= headers.count || kept[section] === 0 || name === 0) continue;
    }
    if (name >= stringsSize && !state.arch.exact) throw new NeedsImage();
    const start = strings + name;
    const end = stringEnd(bytes, start);
    if (end >= bytes.length)
      state.danger('REL102', `the kernel reads the name of symbol ${i} behind the end of the file`);
    stringBytes += end - start + 1;
    keptCount++;
  }
  const symbolsAt = align32(core.size, headers.alignment[symtab]!);
  const stringsAt = symbolsAt + keptCount * SYMBOL_SIZE;
  const typesAt = stringsAt + stringBytes;
  core.size = typesAt + keptCount;

  headers.flags[strtab] = headers.flags[strtab]! | SHF_ALLOC;
  state.places[strtab] = { memory: init.kind, offset: appendSection(state, init, strtab) };
  const header = align32(init.size, KALLSYMS_ALIGNMENT);
  const initTypes = header + KALLSYMS_SIZE;
  init.size = initTypes + count;
  if (!state.rules.memoryAreas) {
    core.size = strictAlign(state, core.size);
    init.size = strictAlign(state, init.size);
  }
  state.arch.kallsyms = { symbols: symbolsAt, strings: stringsAt, types: typesAt, kept: keptCount, header, initTypes };
}

/** `elf_type()`: the letter that nm would print. */
function typeLetter(state: LoadState, info: number, section: number): string {
  const { headers, index } = state;
  if (info >> 4 === 2) return (info & 0xf) === 1 ? 'v' : 'w';
  if (section === SHN_UNDEF) return 'U';
  if (section === SHN_ABS || section === index.percpu) return 'a';
  if (section >= SHN_LORESERVE || section >= headers.count) return '?';
  const flags = headers.flags[section]!;
  if ((flags & SHF_EXECINSTR) !== 0) return 't';
  const isNobits = headers.type[section] === SHT_NOBITS;
  if ((flags & SHF_ALLOC) !== 0 && !isNobits) return (flags & SHF_WRITE) === 0 ? 'r' : 'd';
  if (isNobits) return 'b';
  return headers.text(section).startsWith('.debug') ? 'n' : '?';
}

/** `add_kallsyms()`: fills both tables. Nothing to do when the relocations were only checked. */
export function addKallsyms(state: LoadState): void {
  const { headers, index, arch } = state;
  const offsets = arch.kallsyms;
  if (offsets === undefined || !arch.exact) return;
  const core = arch.memory.find(area => area.kind === coreData(state))!;
  const init = arch.memory.find(area => area.kind === initData(state))!;
  const place = state.places[index.symtab]!;
  const strings = state.places[index.strtab]!;
  const count = Math.floor(headers.size[index.symtab]! / SYMBOL_SIZE);
  init.view.setBigUint64(offsets.header, init.base + BigInt(place.offset), true);
  init.view.setUint32(offsets.header + 8, count, true);
  init.view.setBigUint64(offsets.header + 16, init.base + BigInt(strings.offset), true);
  init.view.setBigUint64(offsets.header + 24, init.base + BigInt(offsets.initTypes), true);

  const kept = keptSections(state);
  let room = offsets.types - offsets.strings;
  let written = 0;
  let text = 0;
  for (let i = 0; i < count; i++) {
    const from = place.offset + i * SYMBOL_SIZE;
    const section = init.view.getUint16(from + 6, true);
    const letter = typeLetter(state, init.view.getUint8(from + 4), section).charCodeAt(0);
    init.bytes[offsets.initTypes + i] = letter;
    const name = init.view.getUint32(from, true);
    if (i !== 0 && !state.livepatch && (section >= headers.count || kept[section] === 0 || name === 0)) continue;
    core.bytes[offsets.types + written] = letter;
    const to = offsets.symbols + written * SYMBOL_SIZE;
    core.bytes.set(init.bytes.subarray(from, from + SYMBOL_SIZE), to);
    core.view.setUint32(to, text, true);
    written++;
    const start = strings.offset + name;
    const end = stringEnd(init.bytes, start);
    const length = end - start;
    // The copy of the names is the kernel's own memory, behind which nothing is mapped.
    if (end >= init.bytes.length && name >= headers.size[index.strtab]!)
      state.danger('REL102', `the kernel reads the name of symbol ${i} behind the memory of the module`);
    // strscpy: what has no room is cut, and ends the table.
    if (length >= room) {
      if (room > 0) {
        core.bytes.set(init.bytes.subarray(start, start + room - 1), offsets.strings + text);
        core.bytes[offsets.strings + text + room - 1] = 0;
      }
      break;
    }
    core.bytes.set(init.bytes.subarray(start, start + length), offsets.strings + text);
    core.bytes[offsets.strings + text + length] = 0;
    text += length + 1;
    room -= length + 1;
  }
}
