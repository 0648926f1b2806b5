/** What functions do to the frames of their callers: `prove/parameters.ts`. */
import { assemblies, FUNCTION_SIZE, functions, ofFunctions } from './subject';
import { entry } from './values';

/** Where the area begins, bytes above r1 at entry. */
export const PARAMETERS: i32 = 32;
const DOUBLEWORDS: i32 = 32;
const LR_SLOT: i32 = 16;
const FIRST_ARGUMENT: u32 = 3;
const REGISTERS: u32 = 8;
const REGISTER_BITS: u32 = (1 << REGISTERS) - 1;

/** Fields of what is found of a function: words, then bytes. `prover.ts` has the others. */
const READS: u32 = 0;
const WRITES: u32 = 4;
const READ_END: u32 = 8;
const WRITE_END: u32 = 12;
const HOMES: u32 = 16;
const SAVES_LINK: u32 = 20;
const CHANGED: u32 = 21;

let current: u32 = 0;

/** What `use` found. */
export let useReads: u32 = 0;
export let useReadEnd: i32 = 0;
export let useWriteEnd: i32 = 0;
export let useIsVariadic: bool = false;

export function fieldsOf(index: u32): u32 {
  return ofFunctions + index * FUNCTION_SIZE;
}

/** Bits of the doublewords that [offset, offset + width) touches, both counted from the start of the area. */
function bits(offset: i32, width: i32): u32 {
  const last = min((offset + width - 1) >> 3, DOUBLEWORDS - 1);
  let mask: u32 = 0;
  for (let i = max(offset >> 3, 0); i <= last; i++) mask |= 1 << i;
  return mask;
}

/** The same for an access at `distance` bytes above r1 as it is. 0 outside of the area. */
export function argumentBits(distance: i32, width: i32): u32 {
  return distance >= PARAMETERS && distance < PARAMETERS + 8 * DOUBLEWORDS ? bits(distance - PARAMETERS, width) : 0;
}

/** Accesses are those of function `index` from now on. */
export function follow(index: u32): void {
  current = fieldsOf(index);
}

/** Reads `width` bytes at `offset` above r1 at entry. */
export function read(offset: i32, width: i32): void {
  if (offset >= PARAMETERS) note(bits(offset - PARAMETERS, width), offset + width, 0, 0);
}

/** Writes them. @returns whether it is for this function to write there */
export function write(offset: i32, width: i32, value: i32): bool {
  if (offset < PARAMETERS) {
    if (offset < LR_SLOT + 8 && offset + width > LR_SLOT) store<u8>(current, 1, SAVES_LINK);
    return true;
  }
  const mask = bits(offset - PARAMETERS, width);
  const register = FIRST_ARGUMENT + (u32(offset - PARAMETERS) >>> 3);
  if (register < FIRST_ARGUMENT + REGISTERS && value === entry(register))
    store<u32>(current, load<u32>(current, HOMES) | mask, HOMES);
  note(0, 0, mask, offset + width);
  const own = load<u32>(current, HOMES) | (load<u32>(current, READS) & ~REGISTER_BITS);
  return mask !== 0 && (mask & ~own) === 0;
}

/** What the current function calls finds in the frame of that one's caller what it would find if it were called itself. */
export function passOn(): void {
  note(useReads, useReadEnd, 0, useWriteEnd);
}

function note(reads: u32, readEnd: i32, writes: u32, writeEnd: i32): void {
  const at = current;
  const isNew =
    (reads & ~load<u32>(at, READS)) !== 0 ||
    (writes & ~load<u32>(at, WRITES)) !== 0 ||
    readEnd > load<i32>(at, READ_END) ||
    writeEnd > load<i32>(at, WRITE_END);
  if (!isNew) return;
  store<u32>(at, load<u32>(at, READS) | reads, READS);
  store<u32>(at, load<u32>(at, WRITES) | writes, WRITES);
  store<i32>(at, max(readEnd, load<i32>(at, READ_END)), READ_END);
  store<i32>(at, max(writeEnd, load<i32>(at, WRITE_END)), WRITE_END);
  store<u8>(at, 1, CHANGED);
}

/** Whether a function uses the area, as far as it was followed; how, is in `useReads` and its like. */
export function use(index: u32): bool {
  const at = fieldsOf(index);
  useReadEnd = load<i32>(at, READ_END);
  useWriteEnd = load<i32>(at, WRITE_END);
  if (useReadEnd === 0 && useWriteEnd === 0) return false;
  const writes = load<u32>(at, WRITES);
  const isAssembly = load<u8>(assemblies + index) === 1;
  useReads = isAssembly ? 0 : load<u32>(at, READS) & ~writes;
  useIsVariadic = isAssembly || (writes & REGISTER_BITS) !== 0;
  return true;
}

/** Whether a function was seen to write the LR save slot of its caller's frame. */
export function savesLink(index: u32): bool {
  return load<u8>(fieldsOf(index), SAVES_LINK) === 1;
}

export function isChanged(index: u32): bool {
  return load<u8>(fieldsOf(index), CHANGED) === 1;
}

export function forgetChanges(): void {
  for (let i: u32 = 0; i < functions; i++) store<u8>(fieldsOf(i), 0, CHANGED);
}
