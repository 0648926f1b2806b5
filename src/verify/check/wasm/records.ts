/**
 * What files that are plain by themselves import from one another and export: whether they are plain together shows when all
 * have been seen. `plain-together.ts` reads these records.
 *
 *     0   u32   number of the file
 *     4   u32   1 import, 2 namespace that is imported, 3 export, 4 weak import, 5 key of a jump label
 *     8   u32   number of the name
 *     12  u32   checksum, of an import the one that it was built with; of a key the bytes from the export to it
 *     16  i32   of an export: number of its namespace, or -1
 */
import { MOST_RECORDS, RECORD_SIZE, RECORDS } from './memory';

const IMPORT: u32 = 1;
const NAMESPACE: u32 = 2;
const EXPORT: u32 = 3;
const WEAK: u32 = 4;
const KEY: u32 = 5;

let count: u32 = 0;
let kept: u32 = 0;
let file: u32 = 0;

export function startRecords(number: u32): void {
  count = kept;
  file = number;
}

/** The records of the file count. */
export function keepRecords(): void {
  kept = count;
}

export function recordCount(): u32 {
  return kept;
}

function add(kind: u32, name: u32, crc: u32, namespace: i32): bool {
  if (count === MOST_RECORDS) return false;
  const at = RECORDS + RECORD_SIZE * count++;
  store<u32>(at, file);
  store<u32>(at, kind, 4);
  store<u32>(at, name, 8);
  store<u32>(at, crc, 12);
  store<i32>(at, namespace, 16);
  return true;
}

export function addImport(name: u32, crc: u32): bool {
  return add(IMPORT, name, crc, -1);
}

/** An import that nobody has to export. */
export function addWeak(name: u32): bool {
  return add(WEAK, name, 0, -1);
}

/** A key at `distance` bytes behind an export of the kernel. */
export function addKey(name: u32, distance: u32): bool {
  return add(KEY, name, distance, -1);
}

export function addNamespace(name: u32): bool {
  return add(NAMESPACE, name, 0, -1);
}

export function addExport(name: u32, crc: u32, namespace: i32): bool {
  return add(EXPORT, name, crc, namespace);
}
