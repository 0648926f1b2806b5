/**
 * Counts the sites and calls of one file. It answers for objects as `ld -r` leaves them and for kernels as ld links them, in
 * which every check holds; any other file, damaged ones included, is left to `summarize`, which decides or complains.
 */
import { sizeOf } from '../../elf/wasm/format';
import { countWords, external, indirect, local, recorded, sibling, sites, startCounts } from './branches';
import { droppedRecords, imageRecords, readImage } from './image';
import { baseOf, FILE, markOf, RECORD, RESULT } from './memory';
import { readRelocations, records } from './relocations';
import { contentsOf, headerOf, isCode, isImage, isModule, readHeader, readSections, sections } from './sections';
import { functions, readSymbols } from './symbols';

const NOP: u32 = 0x60000000;

const OBJECT: u32 = 0;
const MODULE: u32 = 1;
const IMAGE: u32 = 2;

const NONE: u32 = 0;
const MPROFILE_KERNEL: u32 = 1;
const PATCHABLE: u32 = 2;
const PATCHABLE_OUT_OF_LINE: u32 = 3;

/** Where the file has to begin, in bytes. */
export function fileAt(): u32 {
  return FILE;
}

/** Where the counts are, in bytes; the order is that of the stores in `count`. */
export function resultAt(): u32 {
  return RESULT;
}

/** Counts the file of `size` bytes. @returns whether it could */
export function count(size: u32): bool {
  startCounts();
  if (!readHeader(size) || !readSections() || !readSymbols()) return false;
  if (!(isImage ? readImage() : readRelocations())) return false;
  for (let i: u32 = 1; i < sections; i++) {
    const header = headerOf(i);
    if (isCode(i) && !countWords(contentsOf(header), sizeOf(header) >>> 2, baseOf(i))) return false;
  }
  const all = isImage ? imageRecords : records;
  let profiling = sites > 0 ? MPROFILE_KERNEL : NONE;
  let nops: u32 = 0;
  if (all > recorded) {
    if (sites > 0) return false;
    profiling = nopForm(all);
    if (profiling === NONE) return false;
    nops = all;
  }
  store<u32>(RESULT, isImage ? IMAGE : isModule ? MODULE : OBJECT);
  store<u32>(RESULT, profiling, 4);
  store<u32>(RESULT, functions, 8);
  store<u32>(RESULT, sites + nops, 12);
  store<u32>(RESULT, recorded + nops, 16);
  store<u32>(RESULT, local, 20);
  store<u32>(RESULT, external, 24);
  store<u32>(RESULT, sibling, 28);
  store<u32>(RESULT, indirect, 32);
  store<u32>(RESULT, isImage ? droppedRecords : 0, 36);
  return true;
}

/** Which sites the records name, where no profiling call was found; NONE where one of them names no nop, or lies between sections. */
function nopForm(records: u32): u32 {
  let form = PATCHABLE;
  let named: u32 = 0;
  for (let s: u32 = 1; s < sections; s++) {
    if (!isCode(s)) continue;
    const header = headerOf(s);
    const code = contentsOf(header);
    const words = sizeOf(header) >>> 2;
    const first: u32 = baseOf(s);
    for (let i: u32 = 0; i < words; i++) {
      if ((markOf(first + i) & RECORD) === 0) continue;
      named++;
      if (load<u32>(code + 4 * i) !== NOP) return NONE;
      if (i + 1 === words || load<u32>(code + 4 * i + 4) !== NOP) form = PATCHABLE_OUT_OF_LINE;
    }
  }
  return named === records ? form : NONE;
}
