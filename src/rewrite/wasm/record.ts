/** The note: its record, which is JSON and names every site, and the script; `patch-note.ts` is the model. */
import { SHDR_SIZE } from '../../elf/wasm/format';
import { listedNames, nameOffset, nameSection, namesAt } from './functions';
import { newHeaders, noteStart, startOf } from './layout';
import { alignUp, file, reserve } from './memory';
import { script, scriptSize } from './script';
import { contentsOf, nameOf, nameTable } from './sections';
import { plan, planned, SITE } from './sites';

/** Size of the name, of the descriptor, and type; then the owner, "tocsin" and its NUL, padded to 4. */
const NOTE_HEADER: u32 = 20;
const OWNER_SIZE: u32 = 7;
const TYPE_RECORD: u32 = 1;
const TYPE_SCRIPT: u32 = 2;
/** What JSON text is put together from: where each piece stands, and its size. */
let kind: u32 = 0;
let aliases: u32 = 0;
let section: u32 = 0;
let offset: u32 = 0;
let formIs: u32 = 0;
let isRemoved: u32 = 0;
let isKept: u32 = 0;
const KIND = '{"kind":"nop","function":"';
const ALIASES = '","aliases":[';
const SECTION = '],"section":"';
const OFFSET = '","offset":';
const FORM_IS = ',"form":"';
const IS_REMOVED = '","recordRemoved":true}';
const IS_KEPT = '","recordRemoved":false}';
/** By number of the form: where its name stands, and its size. */
let forms: u32 = 0;

/** By place in the list of names: where the name stands in its section, and its size. */
let names: u32 = 0;
/** Bytes of all names of sites' sections, each as often as it is written. */
let sectionBytes: u32 = 0;
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
  forms = reserve(8 * FORMS);
  if (names === 0 || forms === 0) return false;
  kind = ascii(KIND);
  aliases = ascii(ALIASES);
  section = ascii(SECTION);
  offset = ascii(OFFSET);
  formIs = ascii(FORM_IS);
  isRemoved = ascii(IS_REMOVED);
  isKept = ascii(IS_KEPT);
  putFormName(0, 'mprofile-kernel');
  putFormName(1, 'mprofile-kernel-lr');
  putFormName(2, 'patchable');
  putFormName(3, 'patchable-out-of-line');
  return ascii('') !== 0 && areNamesPlain() && measure();
}

const FORMS: u32 = 4;

function putFormName(form: u32, text: string): void {
  store<u32>(forms + 8 * form, ascii(text));
  store<u32>(forms + 8 * form, text.length, 4);
}

function formSize(form: u32): u32 {
  return load<u32>(forms + 8 * form, 4);
}

function ascii(text: string): u32 {
  const at = reserve(text.length);
  if (at !== 0) for (let i = 0; i < text.length; i++) store<u8>(at + i, u8(text.charCodeAt(i)));
  return at;
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
  let last: u32 = 0;
  let size: i32 = 0;
  sectionBytes = 0;
  for (let n: u32 = 0; n < planned; n++) {
    const home = load<u32>(plan + n * SITE);
    if (home !== last) size = plainSize(nameOf(home));
    if (size < 0) return false;
    sectionBytes += size;
    last = home;
  }
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
  let size: u64 = u64(headSize) + sectionBytes;
  for (let n: u32 = 0; n < planned; n++) {
    const site = plan + n * SITE;
    const from = load<u32>(site, 40);
    const end = load<u32>(site, 44);
    // A comma between actions, and two quotes and a comma with each alias.
    size += KIND.length + ALIASES.length + SECTION.length + OFFSET.length + FORM_IS.length + 1;
    size += load<u32>(site, 24) === 0 ? IS_KEPT.length : IS_REMOVED.length;
    for (let name = from; name < end; name++) size += nameSize(name) + (name > from ? 3 : 0);
    if (end - from > 1) size--;
    size += formSize(load<u32>(site, 12)) + digitsOf(load<u32>(site, 4));
  }
  // The last action has no comma behind it, but "]}".
  size += 1;
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
  put(headText, headSize);
  const strings = file + startOf(stringSection);
  const sectionNames = file + startOf(nameTable);
  for (let n: u32 = 0; n < planned; n++) putAction(plan + n * SITE, strings, sectionNames, n + 1 === planned);
  store<u8>(out++, 0x5d);
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

function put(at: u32, size: u32): void {
  memory.copy(out, at, size);
  out += size;
}

function putName(strings: u32, listed: u32): void {
  put(strings + load<u32>(names + 8 * listed), nameSize(listed));
}

function putText(at: u32): void {
  for (let from = at; load<u8>(from) !== 0; from++) store<u8>(out++, load<u8>(from));
}

/** @param strings @param sectionNames where the names of symbols and sections stand by now */
function putAction(site: u32, strings: u32, sectionNames: u32, isLast: bool): void {
  const from = load<u32>(site, 40);
  const end = load<u32>(site, 44);
  put(kind, KIND.length);
  putName(strings, from);
  put(aliases, ALIASES.length);
  for (let name = from + 1; name < end; name++) {
    if (name > from + 1) store<u8>(out++, 0x2c);
    store<u8>(out++, 0x22);
    putName(strings, name);
    store<u8>(out++, 0x22);
  }
  put(section, SECTION.length);
  putText(sectionNames + load<u32>(newHeaders + load<u32>(site) * SHDR_SIZE));
  put(offset, OFFSET.length);
  putDigits(load<u32>(site, 4));
  put(formIs, FORM_IS.length);
  const form = load<u32>(site, 12);
  put(load<u32>(forms + 8 * form), formSize(form));
  if (load<u32>(site, 24) === 0) put(isKept, IS_KEPT.length);
  else put(isRemoved, IS_REMOVED.length);
  if (!isLast) store<u8>(out++, 0x2c);
}

function digitsOf(value: u32): u32 {
  let count: u32 = 1;
  for (let rest = value / 10; rest > 0; rest /= 10) count++;
  return count;
}

function putDigits(value: u32): void {
  const count = digitsOf(value);
  let rest = value;
  for (let i = count; i > 0; i--) {
    store<u8>(out + i - 1, u8(0x30 + (rest % 10)));
    rest /= 10;
  }
  out += count;
}
