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
  staysWhole,
  tableStart,
} from './layout';
import { file, NOP } from './memory';
import { noteSize, writeNote } from './record';
import {
  CODE,
  contentsOf,
  infoOf,
  information,
  keepHeaders,
  kindOf,
  nameTable,
  RELOCATIONS,
  sections,
  sizeOf,
} from './sections';
import { plan, SITE } from './sites';

/** Where the new file has what its information gets more. */
export let textAt: u32 = 0;

/** @param text what the module's information gets more, `textSize` bytes */
export function apply(text: u32, textSize: u32): bool {
  if (!keepHeaders()) return false;
  for (let n: u32 = 0; n < partCount; n++) if (partSection(n) !== 0) thin(partSection(n));
  moveParts();
  let end: u32 = EHDR_SIZE;
  for (let n: u32 = 0; n < partCount; n++) {
    memory.fill(file + end, 0, partStart(n) - end);
    end = partStart(n) + newPartSize(n);
    const more = file + partStart(n) + partSize(n);
    if (partSection(n) === 0) continue;
    if (partSection(n) === information) {
      textAt = more - file;
      memory.copy(more, text, textSize);
    } else if (partSection(n) === nameTable) putName(more);
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

/** Takes out of a section what goes, where it stands. */
function thin(section: u32): void {
  if (kindOf(section) === CODE) {
    for (let n = firstSite(section); n < lastSite(section); n++) {
      const site = plan + n * SITE;
      if (load<u32>(site, 16) !== 0) store<u32>(contentsOf(section) + load<u32>(site, 4), NOP);
    }
  } else if (kindOf(section) === RELOCATIONS && newSizeOf(section) > 0 && !staysWhole(section)) thinTable(section);
}

/** All relocations but those of the calls, one behind the other. */
function thinTable(table: u32): void {
  const section = infoOf(table);
  const start = contentsOf(table);
  let done: u32 = 0;
  let out = start;
  for (let n = firstSite(section); n < lastSite(section); n++) {
    const site = plan + n * SITE;
    if (load<u32>(site, 16) === 0) continue;
    const gone = load<u32>(site, 20) * ENTRY_SIZE;
    if (out !== start + done) memory.copy(out, start + done, gone - done);
    out += gone - done;
    done = gone + ENTRY_SIZE;
  }
  memory.copy(out, start + done, sizeOf(table) - done);
}

/**
 * Brings every part to its place. They keep their order, so that none is written over before it has moved: first those that go
 * down, from the first on, then those that go up, from the last on.
 */
function moveParts(): void {
  for (let n: u32 = 0; n < partCount; n++) if (partStart(n) < partAt(n)) movePart(n);
  for (let n = partCount; n > 0; n--) if (partStart(n - 1) > partAt(n - 1)) movePart(n - 1);
}

/** What a part gets more comes when all have moved. */
function movePart(n: u32): void {
  memory.copy(file + partStart(n), file + partAt(n), min(partSize(n), newPartSize(n)));
}

function putName(at: u32): void {
  const name = '.note.tocsin';
  for (let i: u32 = 0; i < NOTE_NAME_SIZE; i++) store<u8>(at + i, i + 1 < NOTE_NAME_SIZE ? u8(name.charCodeAt(i)) : 0);
}
