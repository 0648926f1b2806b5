/**
 * Where things stand in the memory of the counting code, and what its parts share.
 *
 * This folder is AssemblyScript: TypeScript's syntax, compiled to WebAssembly by `scripts/webassembly.js`. Numbers have the
 * types of the machine (`u32` wraps), and memory is read with `load` at a byte address, which nothing but the code that
 * calls it keeps inside the file. So every offset of a file is compared with the file's size before it is used.
 */

export const RECORD_SIZE: u32 = 8;

export const MOST_SECTIONS: u32 = 4096;
/** Words of code, or of the addresses that an image's code spreads over: 64 MiB. */
export const MOST_WORDS: u32 = 1 << 24;

/** Sixteen words: what the last count gave (see `count.ts`). */
export const RESULT: u32 = 0x1_0000;
/** By section index: number of the first word of a code section; -1 for others. */
const BASE: u32 = 0x1_1000;
/** By section index: whether it is a table of the tracer, and whether its relocations have been read. */
const TRACER: u32 = BASE + 4 * MOST_SECTIONS;
/** Images: where the symbols of linker-made stubs stand. */
export const MOST_THUNKS: u32 = 1 << 16;
export const THUNKS: u32 = 0x2_0000;
/** Images: the tracer's table with its relocations applied. */
export const MOST_RECORDS: u32 = 1 << 17;
export const RECORDS: u32 = THUNKS + 4 * MOST_THUNKS;
/** A byte of marks for each word of the code. */
export const MARKS: u32 = RECORDS + RECORD_SIZE * MOST_RECORDS;
/** The file; behind its end are bytes of earlier ones. */
export const FILE: u32 = MARKS + MOST_WORDS;

/** A tracer record names this word. */
export const RECORD: u32 = 1;
/** The global entry of a function. */
export const GLOBAL: u32 = 2;
/** The local entry of a function. */
export const LOCAL: u32 = 4;
/** A part that the compiler split off begins here, or a helper that returns: a jump there does not leave the function. */
export const PART: u32 = 8;
/** Images: `_mcount`, or a linker-made stub that goes on to it. */
export const PROFILER: u32 = 16;
/** Images: a linker-made stub that goes on to a function. */
export const THUNK: u32 = 64;
export function baseOf(section: u32): i32 {
  return load<i32>(BASE + 4 * section);
}

export function setBase(section: u32, word: i32): void {
  store<i32>(BASE + 4 * section, word);
}

export const NO_TABLE: u32 = 0;
export const UNREAD_TABLE: u32 = 1;
export const READ_TABLE: u32 = 2;

export function tracerTable(section: u32): u32 {
  return load<u8>(TRACER + section);
}

export function setTracerTable(section: u32, state: u32): void {
  store<u8>(TRACER + section, u8(state));
}

export function markOf(word: u32): u32 {
  return load<u8>(MARKS + word);
}

export function mark(word: u32, bits: u32): void {
  store<u8>(MARKS + word, u8(load<u8>(MARKS + word) | bits));
}

export function unmark(word: u32, bits: u32): void {
  store<u8>(MARKS + word, u8(load<u8>(MARKS + word) & ~bits));
}
