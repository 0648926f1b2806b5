/** What the module exports, and its parameters; `loader/exports.ts` and `addParameters` of `loader/sysfs.ts` are the model. */

import { ENTRY_SIZE } from '../../../elf/wasm/format';
import { startsWith } from '../../../util/wasm/bytes';
import { KCRCTAB, KCRCTAB_GPL, KFLAGSTAB, KSYMTAB, KSYMTAB_GPL, KSYMTAB_STRINGS, PARAM, sectionOfKind } from './known';
import { forgetHashes, isNewHash } from './memory';
import { classOfName, hashOf, kernelNumber, numberOf, otherNumber } from './names';
import { addExport } from './records';
import { R_PPC64_ADDR64 } from './relocations';
import { CONTENTS, contentsOf, kindOf, relocationsOf, sizeOf } from './sections';
import { hasExportFlags, hasVersions } from './settings';
import { fills, leads, offset, relocationAt, section, start } from './tables';

const ENTRY: u32 = 24;
const NAME: u32 = 8;
const NAMESPACE: u32 = 16;

export function checkExports(): bool {
  const flags = sectionOfKind(KFLAGSTAB);
  if (hasExportFlags()) {
    if (sectionOfKind(KSYMTAB_GPL) !== 0 || sectionOfKind(KCRCTAB_GPL) !== 0) return false;
  } else if (flags !== 0) return false;
  if (!checkTable(sectionOfKind(KSYMTAB), sectionOfKind(KCRCTAB))) return false;
  return checkTable(sectionOfKind(KSYMTAB_GPL), sectionOfKind(KCRCTAB_GPL));
}

function checkTable(table: u32, crcs: u32): bool {
  if (table === 0 || sizeOf(table) === 0) return true;
  const size = sizeOf(table);
  const count = size / ENTRY;
  if (size % ENTRY !== 0 || !start(table, ENTRY, 0) || !hasContents(crcs, 4 * count, hasVersions())) return false;
  if (!hasContents(sectionOfKind(KFLAGSTAB), count, hasExportFlags())) return false;
  const relocations = relocationsOf(table);
  const fields: u32 = relocations === 0 ? 0 : sizeOf(relocations) / ENTRY_SIZE;
  let next: u32 = 0;
  let before: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    // Value, name, and where there is one the namespace, in that order.
    if (!isField(next, fields, i * ENTRY) || !isField(next + 1, fields, i * ENTRY + NAME)) return false;
    const name = textOf(next + 1);
    if (name === 0 || (before !== 0 && !isAscending(before, name))) return false;
    before = name;
    next += 2;
    let namespace = -1;
    if (isField(next, fields, i * ENTRY + NAMESPACE)) {
      const at = textOf(next++);
      if (at === 0 || startsWith(at, 'module:')) return false;
      if (load<u8>(at) !== 0) {
        namespace = numberOf(at);
        if (namespace < 0) return false;
      }
    }
    const hash = hashOf(name);
    if (kernelNumber(name, hash) >= 0) return false;
    const number = otherNumber(name, hash);
    if (number < 0 || classOfName(number) !== 0) return false;
    if (!addExport(number, hasVersions() ? load<u32>(contentsOf(crcs) + 4 * i) : 0, namespace)) return false;
  }
  return next === fields;
}

function hasContents(section: u32, size: u32, isNeeded: bool): bool {
  return !isNeeded || (section !== 0 && (kindOf(section) & CONTENTS) !== 0 && sizeOf(section) >= size);
}

function isField(index: u32, fields: u32, place: u32): bool {
  return index < fields && fills(relocationAt(index), place, R_PPC64_ADDR64);
}

/** Where the string stands that a pointer leads to; 0 where it is not among the names of exports. */
function textOf(index: u32): u32 {
  if (!leads(relocationAt(index), 0, 1) || section !== sectionOfKind(KSYMTAB_STRINGS)) return 0;
  return endsInSection() ? contentsOf(section) + offset : 0;
}

/** Whether the string that `leads` found ends where its section does, or before. */
function endsInSection(): bool {
  if ((kindOf(section) & CONTENTS) === 0) return false;
  const end = contentsOf(section) + sizeOf(section);
  for (let at = contentsOf(section) + offset; at < end; at++) if (load<u8>(at) === 0) return true;
  return false;
}

/** Whether `a` comes before `b`, byte by byte. */
function isAscending(a: u32, b: u32): bool {
  while (load<u8>(a) === load<u8>(b) && load<u8>(a) !== 0) {
    a++;
    b++;
  }
  return load<u8>(a) < load<u8>(b);
}

const PARAMETER: u32 = 40;
const PERMISSIONS: u32 = 24;
/** What sysfs lets a file have. */
const ALLOWED_MODE: u32 = 0o664;

/** Each parameter that has a file below /sys/module has a name of its own. */
export function checkParameters(): bool {
  const table = sectionOfKind(PARAM);
  if (table === 0 || sizeOf(table) < PARAMETER) return true;
  if (sizeOf(table) % PARAMETER !== 0 || !start(table, PARAMETER, 0) || (kindOf(table) & CONTENTS) === 0) return false;
  const count = sizeOf(table) / PARAMETER;
  const relocations = relocationsOf(table);
  const fields: u32 = relocations === 0 ? 0 : sizeOf(relocations) / ENTRY_SIZE;
  forgetHashes();
  let next: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    while (next < fields && load<u64>(relocationAt(next)) < i * PARAMETER) next++;
    const mode: u32 = load<u16>(contentsOf(table) + i * PARAMETER + PERMISSIONS);
    if (mode === 0) continue;
    if ((mode & ~ALLOWED_MODE) !== 0 || !isField(next, fields, i * PARAMETER)) return false;
    if (!leads(relocationAt(next), 0, 1) || !endsInSection()) return false;
    if (!isNewHash(hashOf(contentsOf(section) + offset))) return false;
  }
  return isAscendingTable(fields);
}

/** Whether the relocations of the table that is walked ascend, so that none was passed over. */
function isAscendingTable(fields: u32): bool {
  for (let i: u32 = 1; i < fields; i++) if (load<u64>(relocationAt(i)) <= load<u64>(relocationAt(i - 1))) return false;
  return true;
}
