/**
 * Where each section of a plain module comes to lie; `loader/layout.ts` and `loader/kallsyms.ts` are the model. Offsets count from
 * the first area, which begins where `checkModule` of `check.ts` puts it; only distances matter to the module itself.
 */
import { ENTRY_SIZE, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE } from '../../../elf/wasm/format';
import { JUMP_TABLE, MODINFO, PERCPU, READ_ONLY_AFTER_INIT, STUBS, sectionOfKind, TOC, VERSIONS } from './known';
import { OFFSETS } from './memory';
import { contentsOf, headerOf, loadedBytes, sections, sizeOf, stringTable, symbolTable } from './sections';
import { hasAreas, isStrict, keepsAllSymbols, pageSize } from './settings';
import { symbolAt, symbolCount } from './symbols';

/** `SHF_RO_AFTER_INIT` of the kernel. */
const READ_ONLY: u32 = 0x20_0000;

export const BASE: u64 = 0xc008_0000_0100_0000;
/** Of a section that is not kept. */
export const NOWHERE: u32 = u32.MAX_VALUE;

/** Areas in the order of `enum mod_mem_type`; those of 6.3 and before are the first and the last of them. */
const TEXT: u32 = 0;
const DATA: u32 = 1;
const RODATA: u32 = 2;
const AFTER_INIT: u32 = 3;
const INIT_DATA: u32 = 4;
const AREAS: u32 = 5;
const SIZES: u32 = OFFSETS - 64;
/** The area of a section, while its offset counts from there. */
const AREA_SHIFT: u32 = 28;
/** Bytes of all sections: the prover names no places that lie further apart. */
const MOST_BYTES: u32 = 1 << 26;
const IN_AREA: u32 = (1 << AREA_SHIFT) - 1;

/** Where the symbols and their names are kept until the module has started. */
export let symbolsOffset: u32 = 0;
export let namesOffset: u32 = 0;

export function offsetOf(section: u32): u32 {
  return load<u32>(OFFSETS + 4 * section);
}

/** Whether a section is kept. */
export function isKept(section: u32): bool {
  return offsetOf(section) !== NOWHERE;
}

function sizeOfArea(area: u32): u32 {
  return load<u32>(SIZES + 4 * area);
}

function setSizeOfArea(area: u32, size: u32): void {
  store<u32>(SIZES + 4 * area, size);
}

function aligned(size: u32, alignment: u32): u32 {
  return alignment <= 1 ? size : (size + alignment - 1) & ~(alignment - 1);
}

/** Flags of a section as the loader has them by now. */
function flagsOf(section: u32): u32 {
  const flags = load<u32>(headerOf(section), 8);
  if (section === sectionOfKind(PERCPU) || section === sectionOfKind(MODINFO) || section === sectionOfKind(VERSIONS))
    return flags & ~SHF_ALLOC;
  if (section === sectionOfKind(JUMP_TABLE) || section === sectionOfKind(READ_ONLY_AFTER_INIT))
    return flags | READ_ONLY;
  return flags;
}

function alignmentOf(section: u32): u32 {
  const alignment = load<u32>(headerOf(section), 48);
  return section === sectionOfKind(TOC) ? max<u32>(alignment, 8) : alignment;
}

/** @param stubBytes what `.stubs` gets. @returns whether everything has its place */
export function layOut(stubBytes: u32): bool {
  if (loadedBytes > MOST_BYTES) return false;
  memory.fill(OFFSETS, 0xff, 4 * sections);
  memory.fill(SIZES, 0, 4 * AREAS);
  const areas = hasAreas();
  place(TEXT, SHF_EXECINSTR | SHF_ALLOC, 0, stubBytes);
  endPart();
  place(areas ? RODATA : TEXT, SHF_ALLOC, SHF_WRITE, stubBytes);
  endPart();
  place(areas ? AFTER_INIT : TEXT, READ_ONLY | SHF_ALLOC, 0, stubBytes);
  endPart();
  const data = areas ? DATA : TEXT;
  place(data, SHF_WRITE | SHF_ALLOC, 0, stubBytes);
  place(data, SHF_ALLOC, 0, stubBytes);
  endPart();
  keepSymbols(data);
  return setOffsets();
}

/** To 6.3 each part of the one area ends with a page. */
function endPart(): void {
  if (!hasAreas() && isStrict()) setSizeOfArea(TEXT, aligned(sizeOfArea(TEXT), pageSize()));
}

function place(area: u32, wanted: u32, unwanted: u32, stubBytes: u32): void {
  for (let i: u32 = 1; i < sections; i++) {
    const flags = flagsOf(i);
    if ((flags & wanted) !== wanted || (flags & unwanted) !== 0 || isKept(i)) continue;
    const offset = aligned(sizeOfArea(area), alignmentOf(i));
    setSizeOfArea(area, offset + (i === sectionOfKind(STUBS) ? stubBytes : sizeOf(i)));
    store<u32>(OFFSETS + 4 * i, offset | (area << AREA_SHIFT));
  }
}

/** `layout_symtab()`: kept symbols, their names and a letter each behind the data, and all of them in an area of their own. */
function keepSymbols(data: u32): void {
  const wanted = keepsAllSymbols() ? SHF_ALLOC : SHF_ALLOC | SHF_EXECINSTR;
  const percpu = keepsAllSymbols() ? sectionOfKind(PERCPU) : 0;
  const strings = contentsOf(stringTable);
  let kept: u32 = 1;
  let bytes: u32 = 1;
  for (let i: u32 = 1; i < symbolCount; i++) {
    const symbol = symbolAt(i);
    const section: u32 = load<u16>(symbol, 6);
    const name = load<u32>(symbol);
    if (name === 0 || section === 0 || section >= sections) continue;
    if ((flagsOf(section) & wanted) !== wanted && (percpu === 0 || section !== percpu)) continue;
    let end = strings + name;
    while (load<u8>(end) !== 0) end++;
    bytes += end - strings - name + 1;
    kept++;
  }
  const symbolsAt = aligned(sizeOfArea(data), load<u32>(headerOf(symbolTable), 48));
  setSizeOfArea(data, symbolsAt + kept * ENTRY_SIZE + bytes + kept);
  symbolsOffset = 0;
  namesOffset = aligned(sizeOf(symbolTable), load<u32>(headerOf(stringTable), 48));
}

/** Areas follow one another on pages. */
function setOffsets(): bool {
  let total: u64 = 0;
  for (let area: u32 = 0; area < INIT_DATA; area++) {
    const size = sizeOfArea(area);
    setSizeOfArea(area, u32(total));
    total += aligned(size, pageSize());
    if (total > IN_AREA) return false;
  }
  symbolsOffset += u32(total);
  namesOffset += u32(total);
  for (let i: u32 = 1; i < sections; i++) {
    const offset = offsetOf(i);
    if (offset !== NOWHERE) store<u32>(OFFSETS + 4 * i, (offset & IN_AREA) + sizeOfArea(offset >>> AREA_SHIFT));
  }
  return true;
}
