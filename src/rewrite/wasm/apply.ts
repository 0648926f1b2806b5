/** Carries the plan out in the place of the old file. Nothing is decided here. */
import { EHDR_SIZE, ENTRY_SIZE, SHDR_SIZE } from '../../elf/wasm/format';
import {
  firstSite,
  lastSite,
  NOTE_NAME_SIZE,
  newHeaders,
  newPartSize,
  newSize,
  newSizeOf,
  noteStart,
  partAt,
  partCount,
  partSection,
  partSize,
  partStart,
  room,
  staysWhole,
  tableStart,
} from './layout';
import { file, lift, NOP, old } from './memory';
import { noteSize, writeNote } from './record';
import { CODE, contentsOf, infoOf, information, kindOf, nameTable, sections, sizeOf } from './sections';
import { plan, SITE } from './sites';

/** Where the new file has what its information gets more. */
export let textAt: u32 = 0;

/** @param text what the module's information gets more, `textSize` bytes */
export function apply(text: u32, textSize: u32): bool {
  lift(room);
  memory.copy(file, old, EHDR_SIZE);
  let end: u32 = EHDR_SIZE;
  for (let n: u32 = 0; n < partCount; n++) {
    const start = partStart(n);
    memory.fill(file + end, 0, start - end);
    if (partSection(n) === 0) memory.copy(file + start, old + partAt(n), partSize(n));
    else movePart(partSection(n), file + start);
    if (partSection(n) !== 0 && partSection(n) === information) {
      textAt = start + partSize(n);
      memory.copy(file + textAt, text, textSize);
    }
    end = start + newPartSize(n);
  }
  memory.fill(file + end, 0, noteStart - end);
  if (!writeNote()) return false;
  const noteEnd = noteStart + noteSize();
  memory.fill(file + noteEnd, 0, tableStart - noteEnd);
  memory.copy(file + tableStart, newHeaders, (sections + 1) * SHDR_SIZE);
  store<u64>(file, tableStart, 40);
  store<u16>(file, u16(sections + 1), 60);
  return tableStart + (sections + 1) * SHDR_SIZE === newSize;
}

function movePart(section: u32, to: u32): void {
  const from = contentsOf(section);
  if (section === information) memory.copy(to, from, sizeOf(section));
  else if (section === nameTable) {
    memory.copy(to, from, sizeOf(section));
    putName(to + sizeOf(section));
  } else if (kindOf(section) === CODE) {
    for (let n = firstSite(section); n < lastSite(section); n++) {
      const site = plan + n * SITE;
      if (load<u32>(site, 16) !== 0) store<u32>(from + load<u32>(site, 4), NOP);
    }
    memory.copy(to, from, sizeOf(section));
  } else if (staysWhole(section)) memory.copy(to, from, sizeOf(section));
  else if (newSizeOf(section) > 0) moveEntries(section, from, to);
}

/** All relocations but those of the calls. */
function moveEntries(table: u32, from: u32, to: u32): void {
  const section = infoOf(table);
  let done: u32 = 0;
  let out = to;
  for (let n = firstSite(section); n < lastSite(section); n++) {
    const site = plan + n * SITE;
    if (load<u32>(site, 16) === 0) continue;
    const gone = load<u32>(site, 20) * ENTRY_SIZE;
    memory.copy(out, from + done, gone - done);
    out += gone - done;
    done = gone + ENTRY_SIZE;
  }
  memory.copy(out, from + done, sizeOf(table) - done);
}

function putName(at: u32): void {
  const name = '.note.tocsin';
  for (let i: u32 = 0; i < NOTE_NAME_SIZE; i++) store<u8>(at + i, i + 1 < NOTE_NAME_SIZE ? u8(name.charCodeAt(i)) : 0);
}
