/** The note: its record, which is JSON and names every site, and the script; `patch-note.ts` is the model. */
import { listedNames, nameOffset, nameSection, namesAt } from './functions';
import { noteStart, startOf } from './layout';
import { alignUp, file, reserve } from './memory';
import { script, scriptSize } from './script';
import { contentsOf, nameOf, sections } from './sections';
import { plan, planned, SITE } from './sites';

/** Size of the name, of the descriptor, and type; then the owner, "tocsin" and its NUL, padded to 4. */
const NOTE_HEADER: u32 = 20;
const OWNER_SIZE: u32 = 7;
const TYPE_RECORD: u32 = 1;
const TYPE_SCRIPT: u32 = 2;
/** Pieces that the JSON text is put together from: size, then ASCII. */
let kind: u32 = 0;
let aliases: u32 = 0;
/** What follows the names, by section: the section's name, up to the offset. */
let homes: u32 = 0;
/** What follows the offset, by form, twice: without a record that goes, and with one. */
let tails: u32 = 0;
const KIND = '{"kind":"nop","function":"';
const ALIASES = '","aliases":[';
const SECTION = '],"section":"';
const OFFSET = '","offset":';
const FORM_IS = ',"form":"';
const IS_KEPT = '","recordRemoved":false},';
const IS_REMOVED = '","recordRemoved":true},';

/** By place in the list of names: where the name stands in its section, and its size. */
let names: u32 = 0;
let stringSection: u32 = 0;
let out: u32 = 0;
/** Bytes of the record. */
let recordSize: u32 = 0;
let headText: u32 = 0;
let headSize: u32 = 0;

/** @param at the record's JSON up to the list of actions, `size` bytes of it */
export function startRecord(at: u32, size: u32): bool {
  headText = at;
  headSize = size;
  stringSection = nameSection();
  names = reserve(8 * listedNames());
  homes = reserve(4 * sections);
  tails = reserve(8 * FORMS);
  if (names === 0 || homes === 0 || tails === 0) return false;
  memory.fill(homes, 0, 4 * sections);
  kind = piece(KIND);
  aliases = piece(ALIASES);
  putTails(0, 'mprofile-kernel');
  putTails(1, 'mprofile-kernel-lr');
  putTails(2, 'patchable');
  putTails(3, 'patchable-out-of-line');
  return load<u32>(tails + 8 * FORMS - 4) !== 0 && areNamesPlain() && measure();
}

const FORMS: u32 = 4;

function putTails(form: u32, name: string): void {
  store<u32>(tails + 8 * form, piece(FORM_IS, name, IS_KEPT));
  store<u32>(tails + 8 * form, piece(FORM_IS, name, IS_REMOVED), 4);
}

/** What follows a site's offset, and a comma. */
function tailOf(site: u32): u32 {
  return load<u32>(tails + 8 * load<u32>(site, 12) + (load<u32>(site, 24) === 0 ? 0 : 4));
}

/** The texts one behind the other; 0 where there is no room. */
function piece(one: string, two: string = '', three: string = ''): u32 {
  const size: u32 = one.length + two.length + three.length;
  const at = reserve(4 + size);
  if (at === 0) return 0;
  store<u32>(at, size);
  putAscii(at + 4, one);
  putAscii(at + 4 + one.length, two);
  putAscii(at + 4 + one.length + two.length, three);
  return at;
}

function putAscii(at: u32, text: string): void {
  for (let i = 0; i < text.length; i++) store<u8>(at + i, u8(text.charCodeAt(i)));
}

function sizeOfPiece(at: u32): u32 {
  return load<u32>(at);
}

/** Looks at all names: whether JSON holds them as they are, and how long they are. */
function areNamesPlain(): bool {
  const strings = contentsOf(stringSection);
  for (let n: u32 = 0; n < listedNames(); n++) {
    const offset = nameOffset(load<u32>(namesAt() + 4 * n));
    const size = plainSize(strings + offset);
    if (size < 0) return false;
    store<u32>(names + 8 * n, offset);
    store<u32>(names + 8 * n, size, 4);
  }
  for (let n: u32 = 0; n < planned; n++) if (!prepareHome(load<u32>(plan + n * SITE))) return false;
  return true;
}

/** The section of a site: what the record says of it. */
function prepareHome(section: u32): bool {
  if (load<u32>(homes + 4 * section) !== 0) return true;
  const name = nameOf(section);
  const size = plainSize(name);
  if (size < 0) return false;
  const at = reserve(4 + SECTION.length + size + OFFSET.length);
  if (at === 0) return false;
  store<u32>(at, SECTION.length + size + OFFSET.length);
  putAscii(at + 4, SECTION);
  memory.copy(at + 4 + SECTION.length, name, size);
  putAscii(at + 4 + SECTION.length + size, OFFSET);
  store<u32>(homes + 4 * section, at);
  return true;
}

/** The size of a name that JSON holds as it is; -1 for any other. */
function plainSize(name: u32): i32 {
  let at = name;
  for (let character: u32 = load<u8>(at); character !== 0; character = load<u8>(++at))
    if (character < 0x20 || character > 0x7e || character === 0x22 || character === 0x5c) return -1;
  return at - name;
}

function nameSize(listed: u32): u32 {
  return load<u32>(names + 8 * listed, 4);
}

function measure(): bool {
  // Pieces have a comma behind each action; the last one has "]}" there.
  let size: u64 = u64(headSize) + 1;
  const fixed: u32 = sizeOfPiece(kind) + sizeOfPiece(aliases);
  for (let n: u32 = 0; n < planned; n++) {
    const site = plan + n * SITE;
    const from = load<u32>(site, 40);
    const end = load<u32>(site, 44);
    size += fixed + sizeOfPiece(load<u32>(homes + 4 * load<u32>(site))) + sizeOfPiece(tailOf(site));
    // Two quotes and a comma with each alias.
    for (let name = from; name < end; name++) size += nameSize(name) + (name > from ? 3 : 0);
    if (end - from > 1) size--;
    size += digitsOf(load<u32>(site, 4));
  }
  recordSize = u32(size);
  return size < 0x4000_0000;
}

/** Where the new file has the record. */
export function recordAt(): u32 {
  return noteStart + NOTE_HEADER;
}

export function noteSize(): u32 {
  return 2 * NOTE_HEADER + alignUp(recordSize, 4) + alignUp(scriptSize, 4);
}

/**
 * Writes the note to its place in the new file, when all else has moved to its own. It may stand where the old section headers
 * stood: nothing here asks them any more.
 *
 * @returns whether it is as long as was measured
 */
export function writeNote(): bool {
  const start = file + noteStart;
  putHeader(start, recordSize, TYPE_RECORD);
  out = start + NOTE_HEADER;
  memory.copy(out, headText, headSize);
  out += headSize;
  const strings = file + startOf(stringSection);
  for (let n: u32 = 0; n < planned; n++) putAction(plan + n * SITE, strings);
  store<u8>(out - 1, 0x5d);
  store<u8>(out++, 0x7d);
  if (out !== start + NOTE_HEADER + recordSize) return false;
  const next = alignUp(out - file, 4) + file;
  memory.fill(out, 0, next - out);
  putHeader(next, scriptSize, TYPE_SCRIPT);
  memory.copy(next + NOTE_HEADER, script, scriptSize);
  const end = next + NOTE_HEADER + scriptSize;
  memory.fill(end, 0, start + noteSize() - end);
  return true;
}

function putHeader(at: u32, size: u32, type: u32): void {
  store<u32>(at, OWNER_SIZE);
  store<u32>(at, size, 4);
  store<u32>(at, type, 8);
  // "tocs", "in"
  store<u32>(at, 0x73636f74, 12);
  store<u32>(at, 0x6e69, 16);
}

/**
 * Sixteen bytes at once: more is written than there is, and written over by what comes next, which is twenty bytes at least: the
 * header of the script.
 */
function put(at: u32, size: u32): void {
  for (let i: u32 = 0; i < size; i += 16) v128.store(out + i, v128.load(at + i));
  out += size;
}

function putPiece(at: u32): void {
  put(at + 4, load<u32>(at));
}

function putName(strings: u32, listed: u32): void {
  put(strings + load<u32>(names + 8 * listed), nameSize(listed));
}

/** @param strings where the names of symbols stand by now */
function putAction(site: u32, strings: u32): void {
  const from = load<u32>(site, 40);
  const end = load<u32>(site, 44);
  putPiece(kind);
  putName(strings, from);
  putPiece(aliases);
  for (let name = from + 1; name < end; name++) {
    if (name > from + 1) store<u8>(out++, 0x2c);
    store<u8>(out++, 0x22);
    putName(strings, name);
    store<u8>(out++, 0x22);
  }
  putPiece(load<u32>(homes + 4 * load<u32>(site)));
  putDigits(load<u32>(site, 4));
  putPiece(tailOf(site));
}

function digitsOf(value: u32): u32 {
  let count: u32 = 1;
  for (let limit: u64 = 10; value >= limit; limit *= 10) count++;
  return count;
}

function putDigits(value: u32): void {
  const count = digitsOf(value);
  let rest = value;
  for (let i = count; i > 0; i--) {
    // A tenth, without a division.
    const tenth = u32((u64(rest) * 0xcccc_cccd) >> 35);
    store<u8>(out + i - 1, u8(0x30 + (rest - 10 * tenth)));
    rest = tenth;
  }
  out += count;
}
