/**
 * The object whose functions are proved, as arrays in memory; `prove/subject.ts` says what each means. Whoever gives the object
 * lays them out (`giveSubject`) and fills them; the others are the prover's own.
 *
 * Of a section there are five words: offset, size, where its contents stand, bytes of these, and flags. An extra edge has three:
 * place, kind, target; they are sorted by place.
 */
import * as values from './values';

/** Marks of a word, as in `prove/subject.ts`, and one more: the block that begins here waits to be executed. */
export const CODE: u32 = 1;
export const GLOBAL: u32 = 2;
export const LOCAL: u32 = 4;
export const STUB: u32 = 8;
export const SITE: u32 = 16;
export const EXTRA: u32 = 32;
export const LEADER: u32 = 64;
export const WAITING: u32 = 128;

/** Kinds of extra edges. */
export const ALSO: u32 = 0;
export const NEXT: u32 = 1;
export const INSTEAD: u32 = 2;
export const STOP: u32 = 3;
export const PASS: u32 = 4;
export const FIXUP: u32 = 5;
export const KEEPS: u32 = 6;
export const GIVES: u32 = 7;

export const SECTION_SIZE: u32 = 20;
/** Flags of a section: nothing changes it; its words may be pointers to functions; it is code. */
export const CONSTANT: u32 = 1;
export const EXPOSES: u32 = 2;
export const INSTRUCTIONS: u32 = 4;
export const EDGE_SIZE: u32 = 12;

export let words: u32 = 0;
export let code: u32 = 0;
export let marks: u32 = 0;
/** 1 + index of the function whose entry a word is; 1 + number of the state that is kept for a word. */
export let functionAts: u32 = 0;
export let stateAts: u32 = 0;

export let functions: u32 = 0;
export let globals: u32 = 0;
export let locals: u32 = 0;
export let ends: u32 = 0;
export let parts: u32 = 0;
export let entryCodes: u32 = 0;
export let assemblies: u32 = 0;
/** Known by name to have no path that returns. */
export let endless: u32 = 0;
/** What is found of each, for `prover.ts` and `areas.ts`. */
export let ofFunctions: u32 = 0;
export const FUNCTION_SIZE: u32 = 56;

export let sections: u32 = 0;
let sectionCount: u32 = 0;
export let edges: u32 = 0;
export let edgeCount: u32 = 0;
/** Addresses outside of the object: eight bytes each, and a byte of flags. */
let externals: u32 = 0;
let externalFlags: u32 = 0;
let externalSlots: u32 = 0;
let externalCount: u32 = 0;

/** The `address` value of the home's TOC; NO_VALUE without one. What a register gets of it is UNKNOWN then. */
export let home: i32 = values.NO_VALUE;
export let homeInRegister: i32 = values.UNKNOWN;
export let toc: i32 = 0;
export let lrIsSavedAtSite: bool = false;
/** A pointer may lead to every function. */
let allExposed: bool = false;
let originAddress: u64 = 0;
let lowest: i32 = 0;
let highest: i32 = 0;

/** Externals of one object; more are not told apart, and the object is given up. */
const MOST_EXTERNALS: u32 = 1 << 15;
const EXTERNAL_SLOTS: u32 = 1 << 16;
export const IMPORTED: u32 = 1;
export const NEVER_RETURNS: u32 = 2;

export let hasRoom: bool = true;

function aligned(size: u32): u32 {
  return (size + 15) & ~15;
}

/** Bytes that `giveSubject` lays out. */
export function subjectSize(words: u32, functions: u32, sections: u32, edges: u32): u32 {
  return (
    3 * aligned(4 * words + 64) +
    aligned(words + 64) +
    functions * (3 * 4 + 4 + FUNCTION_SIZE) +
    8 * 16 +
    aligned(sections * SECTION_SIZE) +
    aligned(edges * EDGE_SIZE) +
    MOST_EXTERNALS * 9 +
    EXTERNAL_SLOTS * 4
  );
}

/** Lays out an object of so many words, functions, sections and extra edges from `at` on, all zeros. */
export function giveSubject(at: u32, wordCount: u32, functionCount: u32, sections_: u32, edges_: u32): void {
  memory.fill(at, 0, subjectSize(wordCount, functionCount, sections_, edges_));
  words = wordCount;
  functions = functionCount;
  sectionCount = sections_;
  edgeCount = edges_;
  code = at;
  functionAts = code + aligned(4 * words + 64);
  stateAts = functionAts + aligned(4 * words + 64);
  marks = stateAts + aligned(4 * words + 64);
  globals = marks + aligned(words + 64);
  locals = globals + 4 * functions;
  ends = locals + 4 * functions;
  ofFunctions = ends + 4 * functions;
  parts = ofFunctions + FUNCTION_SIZE * functions;
  entryCodes = parts + functions;
  assemblies = entryCodes + functions;
  endless = assemblies + functions;
  sections = aligned(endless + functions);
  edges = sections + aligned(sections_ * SECTION_SIZE);
  externals = edges + aligned(edges_ * EDGE_SIZE);
  externalSlots = externals + 8 * MOST_EXTERNALS;
  externalFlags = externalSlots + 4 * EXTERNAL_SLOTS;
  externalCount = 0;
  hasRoom = true;
}

/** Once the sections are there. @param hasToc without one no r2 is ever the right one */
export function placeObject(origin: u64, hasToc: bool, tocOffset: i32, linkSaved: bool, exposed: bool): void {
  originAddress = origin;
  toc = tocOffset;
  const value = hasToc ? values.address(tocOffset) : values.UNKNOWN;
  home = value === values.UNKNOWN ? values.NO_VALUE : value;
  homeInRegister = value;
  lrIsSavedAtSite = linkSaved;
  allExposed = exposed;
  lowest = 0;
  highest = 0;
  for (let i: u32 = 0; i < sectionCount; i++) {
    const at = sections + i * SECTION_SIZE;
    lowest = min(lowest, load<i32>(at));
    highest = max(highest, load<i32>(at) + load<i32>(at, 4));
  }
}

/** Says that the object has fewer edges than there is room for. */
export function setEdgeCount(count: u32): void {
  edgeCount = count;
}

export function markOf(word: u32): u32 {
  return load<u8>(marks + word);
}

export function addMark(word: u32, mark: u32): void {
  store<u8>(marks + word, u8(markOf(word) | mark));
}

export function removeMark(word: u32, mark: u32): void {
  store<u8>(marks + word, u8(markOf(word) & ~mark));
}

export function wordAt(word: u32): u32 {
  return load<u32>(code + 4 * word);
}

/** Whether an instruction of the object lies at `offset`, bytes from the origin. */
export function isCode(offset: i32): bool {
  const word = u32(offset) >>> 2;
  return (offset & 3) === 0 && word < words && (markOf(word) & CODE) !== 0;
}

/** The section that a place lies in: its five words; 0 outside of all. */
export function sectionAt(offset: i32): u32 {
  let low: u32 = 0;
  let high = sectionCount;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<i32>(sections + middle * SECTION_SIZE) <= offset) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return 0;
  const at = sections + (low - 1) * SECTION_SIZE;
  return offset - load<i32>(at) < load<i32>(at, 4) ? at : 0;
}

/** Where the four bytes at a place stand; 0 outside of all contents. */
export function contentsAt(offset: i32, width: u32): u32 {
  const section = sectionAt(offset);
  if (section === 0) return 0;
  const inside = u32(offset - load<i32>(section));
  return inside + width <= load<u32>(section, 12) ? load<u32>(section, 8) + inside : 0;
}

/** The doubleword at a place as the lattice has it, if nothing can change it. */
export function constant(offset: i32): i32 {
  const section = sectionAt(offset);
  if (section === 0 || (load<u32>(section, 16) & CONSTANT) === 0) return values.UNKNOWN;
  const at = contentsAt(offset, 8);
  return at === 0 ? values.UNKNOWN : latticeValue(load<u64>(at));
}

/** A 64-bit number as the lattice has it. */
function latticeValue(bits: u64): i32 {
  const high = i32(bits >> 32);
  if (high === 0 || high === -1) return values.number(i64(bits));
  const distance = i64(bits - originAddress);
  if (distance >= lowest && distance < highest) return values.address(distance);
  return values.external(externalOf(bits));
}

/** The number of an address outside of the object; made where it is new. */
export function externalOf(bits: u64): u32 {
  let slot = u32((bits ^ (bits >>> 29)) * 0x9e37_79b1) >>> 16;
  for (;;) {
    const known = load<u32>(externalSlots + 4 * slot);
    if (known === 0) break;
    if (load<u64>(externals + 8 * (known - 1)) === bits) return known - 1;
    slot = (slot + 1) & (EXTERNAL_SLOTS - 1);
  }
  if (externalCount === MOST_EXTERNALS) {
    hasRoom = false;
    return 0;
  }
  store<u64>(externals + 8 * externalCount, bits);
  store<u32>(externalSlots + 4 * slot, ++externalCount);
  return externalCount - 1;
}

/** Something that the object imports. @param flags IMPORTED, NEVER_RETURNS */
export function addExternal(bits: u64, flags: u32): void {
  store<u8>(externalFlags + externalOf(bits), u8(flags));
}

export function isImported(value: i32): bool {
  return (load<u8>(externalFlags + values.payloadOf(value)) & IMPORTED) !== 0;
}

/** Whether a call of this external, or of this function of the object, never comes back. */
export function noReturn(value: i32): bool {
  if (values.kindOf(value) === values.EXTERNAL)
    return (load<u8>(externalFlags + values.payloadOf(value)) & NEVER_RETURNS) !== 0;
  const index = functionAt(values.payloadOf(value));
  return index >= 0 && load<i32>(globals + 4 * index) === values.payloadOf(value) && load<u8>(endless + index) !== 0;
}

/** Index of the function that has an entry at a place of code, or -1. Parts that were split off count. */
export function functionAt(offset: i32): i32 {
  return u32(offset) >>> 2 < words ? load<i32>(functionAts + (offset & ~3)) - 1 : -1;
}

/** As `functionAt`, for functions that are called: -1 for parts. */
export function calledAt(offset: i32): i32 {
  const index = functionAt(offset);
  return index >= 0 && load<u8>(parts + index) === 1 ? -1 : index;
}

/** The first extra edge of a place, or the end of all edges. */
export function edgesOf(place: i32): u32 {
  let low: u32 = 0;
  let high = edgeCount;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<i32>(edges + middle * EDGE_SIZE) < place) low = middle + 1;
    else high = middle;
  }
  return edges + low * EDGE_SIZE;
}

export function edgesEnd(): u32 {
  return edges + edgeCount * EDGE_SIZE;
}

/** Whether a pointer, or somebody outside of the object, may lead to the function that begins at a place. */
export function isExposed(offset: i32): bool {
  if (allExposed) return true;
  const wanted = originAddress + i64(offset);
  for (let i: u32 = 0; i < sectionCount; i++) {
    const section = sections + i * SECTION_SIZE;
    if ((load<u32>(section, 16) & EXPOSES) === 0) continue;
    const contents = load<u32>(section, 8);
    const size = load<u32>(section, 12);
    for (let at: u32 = (8 - (load<u32>(section) & 7)) & 7; at + 8 <= size; at += 8)
      if (load<u64>(contents + at) === wanted) return true;
  }
  return false;
}

/** Where the arrays stand, for whoever fills and reads them: by number, as in `PLACES` of `prove/core.ts`. */
export function place(which: u32): u32 {
  switch (which) {
    case 0:
      return code;
    case 1:
      return marks;
    case 2:
      return globals;
    case 3:
      return locals;
    case 4:
      return ends;
    case 5:
      return parts;
    case 6:
      return entryCodes;
    case 7:
      return assemblies;
    case 8:
      return endless;
    case 9:
      return ofFunctions;
    case 10:
      return sections;
    case 11:
      return edges;
  }
  return 0;
}
