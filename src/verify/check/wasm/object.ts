/**
 * What the prover is given of a module whose image was made: sections, functions, marks. `verify/proof/module-image.ts` and
 * `verify/proof/subject.ts` are the model.
 */

import { SHF_EXECINSTR, SHT_NOBITS, STT_FUNC, typeOf } from '../../../elf/wasm/format';
import {
  addExternal,
  addMark,
  assemblies,
  CODE,
  CONSTANT,
  code,
  EXPOSES,
  ends,
  entryCodes,
  GLOBAL,
  giveSubject,
  globals,
  IMPORTED,
  INSTRUCTIONS,
  isCode,
  LOCAL,
  locals,
  marks,
  NEVER_RETURNS,
  parts,
  placeObject,
  removeMark,
  SECTION_SIZE,
  SITE,
  STUB,
  sections as sectionList,
  subjectSize,
  wordAt,
} from '../../../prove/wasm/subject';
import { isText, startsWith } from '../../../util/wasm/bytes';
import { addEdges, edgesSize, mostEdges } from './edges';
import { toc } from './image';
import { MCOUNT_LOC, PATCHABLE, STUBS, sectionOfKind, THIS_MODULE, TYPES } from './known';
import { BASE, isKept, namesOffset, offsetOf, symbolsOffset } from './layout';
import {
  contentsOf,
  FILLED,
  headerOf,
  CODE as IN_CODE,
  kindOf,
  nameOfSection,
  sections,
  sizeOf,
  stringTable,
  symbolTable,
  WRITABLE,
} from './sections';
import { outOfLineSize } from './settings';
import { sort } from './sort';
import {
  codeWords,
  ENDLESS_SLOT,
  outOfLineCount,
  STUB_SIZE,
  slotSymbols,
  slots,
  slotsTaken,
  stubsAt,
} from './stub-slots';
import { nameOf, sectionOf, symbolAt, symbolCount } from './symbols';

const NOP: u32 = 0x6000_0000;
const MFLR_R0: u32 = 0x7c08_02a6;
const STD_R0_16_R1: u32 = 0xf801_0010;
/** Bytes: what the prover can name. */
const MOST_SPAN: u32 = 1 << 27;

/** Where the lists stand that are made before there is a subject: sections in the order of their places, functions by address. */
export let order: u32 = 0;
let keys: u32 = 0;
let keyCount: u32 = 0;
export let sectionCount: u32 = 0;
/** Bytes from the first area to the lowest word of code, and words from there to the end of the code. */
export let origin: u32 = 0;
let wordCount: u32 = 0;
/** By function: the number of its symbol. */
export let functionSymbols: u32 = 0;
export let functionCount: u32 = 0;

/** Whether a section is loaded and has something in it. */
function isLoaded(section: u32): bool {
  return isKept(section) && bytesOf(section) > 0;
}

function bytesOf(section: u32): u32 {
  return section === sectionOfKind(STUBS) ? slots * STUB_SIZE : sizeOf(section);
}

/** Alternatives of feature sections lie in data; the kernel copies them over the code. */
function isInstructions(section: u32): bool {
  return (
    section === sectionOfKind(STUBS) ||
    (kindOf(section) & IN_CODE) !== 0 ||
    startsWith(nameOfSection(section), '__ftr_alt')
  );
}

/** Whether a table of the symbols has its usual name and is no code: the loader keeps them with the other sections. */
function isTable(section: u32, name: string): bool {
  return isText(nameOfSection(section), name) && (load<u32>(headerOf(section), 8) & SHF_EXECINSTR) === 0;
}

/** Bytes for the lists. */
export function listsSize(): u32 {
  return 8 * (sections + symbolCount);
}

/** Makes the lists at `at`. @returns whether the module is one that the prover can name */
export function makeLists(at: u32): bool {
  if (!isTable(symbolTable, '.symtab') || !isTable(stringTable, '.strtab')) return false;
  order = at;
  sectionCount = 0;
  origin = u32.MAX_VALUE;
  let end: u32 = 0;
  for (let i: u32 = 1; i < sections; i++) {
    if (!isLoaded(i)) continue;
    const offset = offsetOf(i);
    store<u64>(order + 8 * sectionCount++, (u64(offset) << 32) | i);
    const isEmpty = typeOf(headerOf(i)) === SHT_NOBITS && i !== sectionOfKind(STUBS);
    if (isEmpty && ((kindOf(i) & WRITABLE) === 0 || isInstructions(i))) return false;
    if (!isInstructions(i)) continue;
    origin = min(origin, offset);
    end = max(end, offset + (bytesOf(i) & ~3));
  }
  if (end === 0) return false;
  sort(order, sectionCount);
  const tocDistance = i64(toc - BASE) - origin;
  if (end - origin >= MOST_SPAN || tocDistance >= i64(MOST_SPAN) || tocDistance <= -i64(MOST_SPAN)) return false;
  wordCount = (end - origin) / 4 + 1;
  keys = order + 8 * sectionCount;
  return listFunctions();
}

function listFunctions(): bool {
  keyCount = 0;
  for (let i: u32 = 1; i < symbolCount; i++) {
    const symbol = symbolAt(i);
    const section = sectionOf(symbol);
    if ((load<u8>(symbol, 4) & 15) !== STT_FUNC || section === 0) continue;
    if (section >= sections || !isKept(section)) continue;
    const offset = load<u64>(symbol, 8) - BASE - origin;
    // Functions lie in the section that they are said to be in, or the module is not plain enough for this.
    const from = offsetOf(section) - origin;
    if (offset < from || offset >= u64(from) + bytesOf(section)) {
      if ((kindOf(section) & IN_CODE) !== 0) return false;
      continue;
    }
    if (!isInstructions(section) || offset % 4 !== 0) continue;
    if (load<u64>(symbol, 16) >= MOST_SPAN) return false;
    if ((offset + localEntryOffset(load<u8>(symbol, 5))) >>> 2 >= wordCount) continue;
    store<u64>(keys + 8 * keyCount++, (offset << 32) | i);
  }
  sort(keys, keyCount);
  // Of several at one place the longest counts, and of these the first.
  functionCount = 0;
  for (let i: u32 = 0; i < keyCount; i++) {
    const key = load<u64>(keys + 8 * i);
    const last = keys + 8 * (functionCount - 1);
    if (functionCount === 0 || load<u32>(last, 4) !== u32(key >>> 32)) store<u64>(keys + 8 * functionCount++, key);
    else if (load<u64>(symbolAt(load<u32>(last)), 16) < load<u64>(symbolAt(u32(key)), 16)) store<u64>(last, key);
  }
  return true;
}

function localEntryOffset(other: u32): u32 {
  return ((1 << (other >>> 5)) >>> 2) << 2;
}

/** Bytes for the subject, and for the numbers of its symbols. */
export function objectSize(): u32 {
  return subjectSize(wordCount, functionCount, sectionCount + 2, mostEdges()) + edgesSize() + 4 * functionCount + 16;
}

export function objectWords(): u32 {
  return wordCount;
}

/** Gives the module to the prover. @returns whether all of it could be told */
export function giveObject(at: u32): bool {
  functionSymbols = at;
  const room = at + 4 * functionCount;
  giveSubject((room + edgesSize() + 15) & ~15, wordCount, functionCount, sectionCount + 2, mostEdges());
  isShadowed = false;
  for (let i: u32 = 0; i < sectionCount; i++) giveSection(i, load<u32>(order + 8 * i));
  if (isShadowed) return false;
  giveTable(sectionCount, symbolsOffset, sizeOf(symbolTable));
  giveTable(sectionCount + 1, namesOffset, sizeOf(stringTable));
  giveStubs();
  giveFunctions();
  if (!addEdges(origin, room)) return false;
  const linkSaved = giveSites();
  for (let i: u32 = 0; i < functionCount; i++) {
    const written = isAssembly(i);
    if (written < 0) return false;
    store<u8>(assemblies + i, u8(written));
  }
  placeObject(BASE + origin, true, i32(i64(toc - BASE) - origin), linkSaved, false);
  return true;
}

function giveSection(number: u32, section: u32): void {
  const at = sectionList + number * SECTION_SIZE;
  const offset = offsetOf(section) - origin;
  const bytes = bytesOf(section);
  const isStubs = section === sectionOfKind(STUBS);
  const hasContents = isStubs || (kindOf(section) & FILLED) !== 0;
  const contents = isStubs ? stubsAt : contentsOf(section);
  const isInside = isInstructions(section);
  const isFixed = isInside || (kindOf(section) & WRITABLE) === 0 || isNeverWritten(nameOfSection(section));
  store<u32>(at, offset);
  store<u32>(at, bytes, 4);
  store<u32>(at, contents, 8);
  store<u32>(at, hasContents ? bytes : 0, 12);
  const exposes = !isInside && section !== sectionOfKind(THIS_MODULE) && !isRecords(section);
  store<u32>(at, (u32(isFixed) * CONSTANT) | (u32(exposes) * EXPOSES) | (u32(isInside) * INSTRUCTIONS), 16);
  if (!isInside) return;
  if (!isStubs && hasShadowCode(contents, bytes)) isShadowed = true;
  memory.copy(code + offset, contents, bytes & ~3);
  memory.fill(marks + (offset >>> 2), u8(isStubs ? CODE | STUB : CODE), bytes >>> 2);
  if (isStubs) markStubData(offset >>> 2);
}

/** What the stubs have besides instructions: `LoadedStub.data` of `loader/model.ts`. @param first word of the section */
function markStubData(first: u32): void {
  for (let slot: u32 = 0; slot < slotsTaken; slot++, first += STUB_SIZE / 4)
    for (let word = codeWords(slot); word < STUB_SIZE / 4; word++) removeMark(first + word, CODE);
  if (outOfLineSize() !== 24) return;
  for (let i: u32 = 0; i < outOfLineCount(); i++, first += 6) {
    removeMark(first, CODE);
    removeMark(first + 1, CODE);
  }
}

/** Some section may have code that `verify/proof/shadow.ts` knows; then it tells what follows from that. */
let isShadowed: bool = false;
/** Of `verify/proof/shadow-listings.ts`: words without which there is none. */
const OF_TABLE: u32 = 0x3d80_9e37;
const OF_STACK: u32 = 0x3d80_57ac;

function hasShadowCode(at: u32, bytes: u32): bool {
  const end = at + (bytes & ~3);
  const table = i32x4.splat(OF_TABLE);
  const stack = i32x4.splat(OF_STACK);
  for (; at + 16 <= end; at += 16) {
    const words = v128.load(at);
    if (v128.any_true(v128.or(i32x4.eq(words, table), i32x4.eq(words, stack)))) return true;
  }
  for (; at < end; at += 4) if (load<u32>(at) === OF_TABLE || load<u32>(at) === OF_STACK) return true;
  return false;
}

/** A table of the symbols, which no code of the module reads. */
function giveTable(number: u32, offset: u32, size: u32): void {
  const at = sectionList + number * SECTION_SIZE;
  store<u32>(at, offset - origin);
  store<u32>(at, size, 4);
}

/** Writable to the loader, and never changed after it: `CONSTANT` of `module-image.ts`. */
function isNeverWritten(name: u32): bool {
  if (startsWith(name, '.toc') || startsWith(name, '.got')) return true;
  return startsWith(name, '.mygot') || startsWith(name, '.data.rel.ro');
}

function isRecords(section: u32): bool {
  return section === sectionOfKind(MCOUNT_LOC) || section === sectionOfKind(PATCHABLE);
}

/** What the stubs lead to is what the module imports. */
function giveStubs(): void {
  for (let slot: u32 = 0; slot < slotsTaken; slot++) {
    const flags = (load<u32>(slotSymbols + 4 * slot) & ENDLESS_SLOT) !== 0 ? IMPORTED | NEVER_RETURNS : IMPORTED;
    addExternal(load<u64>(stubsAt + slot * STUB_SIZE, 32), flags);
  }
}

function giveFunctions(): void {
  for (let i: u32 = 0; i < functionCount; i++) {
    const number = load<u32>(keys + 8 * i);
    const symbol = symbolAt(number);
    const other: u32 = load<u8>(symbol, 5);
    const global = load<u32>(keys + 8 * i, 4);
    const size = load<u32>(symbol, 16);
    store<u32>(functionSymbols + 4 * i, number);
    store<u32>(globals + 4 * i, global);
    store<u32>(locals + 4 * i, global + localEntryOffset(other));
    store<u32>(ends + 4 * i, size > 0 ? global + size : endOfSizeless(i, global, sectionOf(symbol)));
    store<u8>(entryCodes + i, u8(other >>> 5));
    store<u8>(parts + i, u8(isPart(nameOf(number))));
    addMark(global >>> 2, GLOBAL);
    addMark((global + localEntryOffset(other)) >>> 2, LOCAL);
  }
}

/** What has no size ends where the next function begins, or with its section. */
function endOfSizeless(index: u32, global: u32, section: u32): u32 {
  const limit = offsetOf(section) - origin + bytesOf(section);
  return index + 1 < functionCount ? min(load<u32>(keys + 8 * (index + 1), 4), limit) : max(limit, global);
}

/** A part that the compiler split off: `.cold`, and a number perhaps. */
function isPart(name: u32): bool {
  let end = name;
  while (load<u8>(end) !== 0) end++;
  let at = end;
  while (at > name && load<u8>(at - 1) >= 0x30 && load<u8>(at - 1) <= 0x39) at--;
  if (at < end) {
    if (at === name || load<u8>(at - 1) !== 0x2e) return false;
    at--;
  }
  return at - name >= 5 && startsWith(at - 5, '.cold');
}

/** Marks what the tracer's records name. @returns whether `mflr r0`, and perhaps a store, stands in front of the first */
function giveSites(): bool {
  const table = sectionOfKind(sectionOfKind(PATCHABLE) !== 0 ? PATCHABLE : MCOUNT_LOC);
  const count: u32 = table === 0 ? 0 : sizeOf(table) / 8;
  hasSites = false;
  let linkSaved = false;
  for (let i: u32 = 0; i < count; i++) {
    const place = load<u64>(contentsOf(table) + 8 * i) - BASE - origin;
    if (place >= MOST_SPAN) continue;
    if (isCode(i32(place))) addMark(u32(place) >>> 2, SITE);
    if (!hasSites && place >= 4) {
      const before = wordAt((u32(place) >>> 2) - 1);
      linkSaved = before === MFLR_R0 || before === STD_R0_16_R1;
    }
    hasSites = true;
  }
  return linkSaved;
}
let hasSites: bool = false;

/** Whether a function is hand-written: `verify/proof/hand-written.ts`. @returns -1 where type information has to be asked */
function isAssembly(index: u32): i32 {
  const global = load<u32>(globals + 4 * index);
  const end = load<u32>(ends + 4 * index);
  if (load<u64>(symbolAt(load<u32>(functionSymbols + 4 * index)), 16) === 0) return 1;
  if (!hasSites) return 0;
  for (let word = global >>> 2; word < min((end + 3) >>> 2, wordCount); word++)
    if ((load<u8>(marks + word) & SITE) !== 0) return 0;
  const local = load<u32>(locals + 4 * index) >>> 2;
  const first = wordAt(local);
  const place = first === MFLR_R0 ? wordAt(local + 1) : first;
  if (place === NOP || place >>> 26 === 18) return 0;
  if (hasOwnTypes()) return -1;
  return load<u8>(entryCodes + index) >= 2 ? 0 : 1;
}

/** Type information that stands alone begins its strings with the empty one. */
function hasOwnTypes(): bool {
  const types = sectionOfKind(TYPES);
  if (types === 0 || sizeOf(types) < 24) return false;
  const at = contentsOf(types);
  const strings = u64(load<u32>(at, 4)) + load<u32>(at, 16);
  return strings >= sizeOf(types) || load<u8>(at + u32(strings)) === 0;
}
