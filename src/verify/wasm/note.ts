/**
 * The note: its record says what the plan says, in the words that tocsin has for it, and its script gives the input back, carried out
 * by an interpreter of the judge's own; `restores.ts` is the model and says what a script consists of.
 */

import { offsetOf, sizeOf } from '../../elf/wasm/format';
import { isZero } from '../../util/wasm/bytes';
import { input, inputSize, is, nameOf, output, outputSize, sections } from './files';
import { countAdded, same, zeroed } from './memory';
import { endOfNames, firstName, formOf, nameAt, planned, recordTable, siteOffset, siteSection } from './plan';
import { strings, symbolOf } from './structure';

/** Size of the name, of the descriptor, and type; the owner and its NUL, padded. */
const NOTE_HEADER: u32 = 20;
const TYPE_RECORD: u32 = 1;
const TYPE_SCRIPT: u32 = 2;

let head: u32 = 0;
let headSize: u32 = 0;
/** Pieces of text: size, then ASCII. */
let action: u32 = 0;
let aliases: u32 = 0;
let comma: u32 = 0;
let section: u32 = 0;
let offset: u32 = 0;
let form: u32 = 0;
let removed: u32 = 0;
let kept: u32 = 0;
let forms: u32 = 0;
let tail: u32 = 0;

/** Where the record is read, and where it ends; whether all was there so far. */
let at: u32 = 0;
let end: u32 = 0;
let isGood: bool = true;

/** @param text the JSON that the record begins with, up to its actions, `size` bytes of it */
export function setHead(text: u32, size: u32): void {
  head = text;
  headSize = size;
}

export function checkNote(): bool {
  const header = is(sections);
  const start = output + offsetOf(header);
  const size = sizeOf(header);
  countAdded(size);
  if (size < 2 * NOTE_HEADER || !preparePieces()) return false;
  const record = load<u32>(start, 4);
  if (!isNoteHead(start, TYPE_RECORD) || record > size - 2 * NOTE_HEADER) return false;
  const next = NOTE_HEADER + ((record + 3) & ~3);
  if (next + NOTE_HEADER > size || !isZero(start + NOTE_HEADER + record, next - NOTE_HEADER - record)) return false;
  const script = load<u32>(start + next, 4);
  if (!isNoteHead(start + next, TYPE_SCRIPT) || script > size - next - NOTE_HEADER) return false;
  const padded = next + NOTE_HEADER + ((script + 3) & ~3);
  if (padded !== size || !isZero(start + next + NOTE_HEADER + script, padded - next - NOTE_HEADER - script))
    return false;
  return readRecord(start + NOTE_HEADER, record) && replay(start + next + NOTE_HEADER, script);
}

function isNoteHead(note: u32, type: u32): bool {
  // "tocs", "in" and two NULs
  return (
    load<u32>(note) === 7 &&
    load<u32>(note, 8) === type &&
    load<u32>(note, 12) === 0x73636f74 &&
    load<u32>(note, 16) === 0x6e69
  );
}

function preparePieces(): bool {
  action = piece('{"kind":"nop","function":"');
  aliases = piece('","aliases":[');
  comma = piece(',');
  section = piece('],"section":"');
  offset = piece('","offset":');
  form = piece(',"form":"');
  removed = piece('","recordRemoved":true}');
  kept = piece('","recordRemoved":false}');
  tail = piece(']}');
  forms = zeroed(16);
  if (forms === 0 || tail === 0) return false;
  store<u32>(forms, piece('mprofile-kernel'));
  store<u32>(forms, piece('mprofile-kernel-lr'), 4);
  store<u32>(forms, piece('patchable'), 8);
  store<u32>(forms, piece('patchable-out-of-line'), 12);
  return load<u32>(forms, 12) !== 0;
}

function piece(text: string): u32 {
  const room = zeroed(4 + text.length);
  if (room === 0) return 0;
  store<u32>(room, text.length);
  for (let i = 0; i < text.length; i++) store<u8>(room + 4 + i, u8(text.charCodeAt(i)));
  return room;
}

function readRecord(text: u32, size: u32): bool {
  at = text;
  end = text + size;
  isGood = true;
  expect(head, headSize);
  for (let n: u32 = 0; n < planned && isGood; n++) {
    if (n > 0) expectPiece(comma);
    readAction(n);
  }
  expectPiece(tail);
  return isGood && at === end;
}

function readAction(n: u32): void {
  expectPiece(action);
  expectName(strings + load<u32>(symbolOf(nameAt(firstName(n)))));
  expectPiece(aliases);
  for (let i = firstName(n) + 1; i < endOfNames(n); i++) {
    if (i > firstName(n) + 1) expectPiece(comma);
    expectCharacter(0x22);
    expectName(strings + load<u32>(symbolOf(nameAt(i))));
    expectCharacter(0x22);
  }
  expectPiece(section);
  expectName(nameOf(siteSection(n)));
  expectPiece(offset);
  expectNumber(siteOffset(n));
  expectPiece(form);
  expectPiece(load<u32>(forms + 4 * formOf(n)));
  expectPiece(recordTable(n) === 0 ? kept : removed);
}

function expectPiece(text: u32): void {
  expect(text + 4, load<u32>(text));
}

function expect(text: u32, size: u32): void {
  if (!isGood || size > end - at || !same(text, at, size)) isGood = false;
  else at += size;
}

function expectCharacter(character: u32): void {
  if (!isGood || at >= end || u32(load<u8>(at)) !== character) isGood = false;
  else at++;
}

/** The same in each of eight bytes. */
const ONES: u64 = u64.MAX_VALUE / 0xff;
const HIGH_BITS: u64 = ONES * 0x80;

/** Eight characters of which none is a control character, a quote, a backslash or above 0x7e; NULs are told by the caller. */
function arePlain(eight: u64): bool {
  const quote = eight ^ (ONES * 0x22);
  const backslash = eight ^ (ONES * 0x5c);
  const isOdd = (eight - ONES * 0x20) | (eight + ONES) | eight | (quote - ONES) | (backslash - ONES);
  return (isOdd & HIGH_BITS) === 0;
}

/** A name that JSON holds as it is. Eight characters at once, up to its NUL, which stands inside its table. */
function expectName(name: u32): void {
  for (let from = name; isGood; from += 8) {
    let expected = load<u64>(from);
    const nul = (expected - ONES) & ~expected & HIGH_BITS;
    const size: u32 = nul === 0 ? 8 : u32(ctz(nul)) >>> 3;
    if (size > end - at) isGood = false;
    let found = load<u64>(at);
    if (size < 8) {
      // What stands behind the name is nobody's business.
      const rest = u64.MAX_VALUE << (8 * size);
      expected = (expected & ~rest) | (PLAIN & rest);
      found = (found & ~rest) | (PLAIN & rest);
    }
    if (expected !== found || !arePlain(expected)) isGood = false;
    at += size;
    if (size < 8) return;
  }
}

/** Eight characters that are plain. */
const PLAIN: u64 = ONES * 0x61;

/** Decimal, without zeros in front. */
function expectNumber(value: u32): void {
  let read: u64 = 0;
  const start = at;
  while (at < end && at - start < 10 && load<u8>(at) - 0x30 < 10) read = read * 10 + (load<u8>(at++) - 0x30);
  const leads = at - start > 1 && load<u8>(start) === 0x30;
  if (at === start || leads || read !== u64(value)) isGood = false;
}

/** Where a script is read, and where it ends. */
let script: u32 = 0;
let scriptEnd: u32 = 0;

/** Unsigned LEB128. Numbers that no file has are all the same. */
function number(): u64 {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 49 && script < scriptEnd; shift += 7) {
    const byte: u64 = load<u8>(script++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return FAR;
}

const FAR: u64 = 1 << 60;

/** Whether `size` bytes of the input from `done` on are at `from`, of which there are `most`. */
function gives(base: u32, from: i64, size: u64, most: u32, done: u32): bool {
  if (from < 0 || size > most || u64(from) > most - size || size > inputSize - done) return false;
  return same(base + u32(from), input + done, u32(size));
}

/** Holds what the script would make against the input, without making it. */
function replay(from: u32, size: u32): bool {
  script = from;
  scriptEnd = from + size;
  if (number() !== u64(inputSize)) return false;
  let done: u32 = 0;
  let source: i64 = 0;
  while (done < inputSize) {
    const literal = number();
    if (!gives(script, 0, literal, scriptEnd - script, done)) return false;
    script += u32(literal);
    done += u32(literal);
    const length = number();
    if (length === 0) {
      if (literal === 0) return false;
      continue;
    }
    const zigzag = number();
    if (zigzag === FAR) return false;
    const start = source + i64(literal) + (i64(zigzag >>> 1) ^ -i64(zigzag & 1));
    if (!gives(output, start, length, outputSize, done)) return false;
    done += u32(length);
    source = start + i64(length);
  }
  return script === scriptEnd;
}
