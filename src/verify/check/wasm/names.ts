/**
 * The names that are known: those of the kernel's exports, and all others that files import, export or name as namespaces.
 * Each has one number: the exports theirs, the others come behind them in the order in which they were met.
 *
 * Hash, slots and strings are those of `kernel/knowledge/names.ts`, so the kernel's table is copied as it lies in its index.
 */
import { NAMES } from './memory';

/** Names of either set; the numbers of both together. */
export const MOST_NAMES: u32 = 1 << 16;

/** The kernel's strings and slots; the bounds are kept by whoever copies them there. */
export const KERNEL_STRINGS: u32 = NAMES;
export const MOST_STRINGS: u32 = 4 << 20;
export const KERNEL_SLOTS: u32 = KERNEL_STRINGS + MOST_STRINGS;
const MOST_SLOTS: u32 = 1 << 17;
const KERNEL_STARTS: u32 = KERNEL_SLOTS + 8 * MOST_SLOTS;

const OTHER_STRINGS: u32 = KERNEL_STARTS + 4 * MOST_NAMES;
const OTHER_SLOTS: u32 = OTHER_STRINGS + MOST_STRINGS;
const OTHER_STARTS: u32 = OTHER_SLOTS + 8 * MOST_SLOTS;

/** By number, a byte of class: what a symbol of that name is, see `symbols.ts`. */
const NAME_CLASSES: u32 = OTHER_STARTS + 4 * MOST_NAMES;
/** By number of a kernel's export: checksum; number of its namespace and one. */
const CRCS: u32 = NAME_CLASSES + 2 * MOST_NAMES;
const NAMESPACES: u32 = CRCS + 4 * MOST_NAMES;
/** By number: the file (by its serial) that named it last in its versions, and the checksum there; the same for namespaces. */
const VERSION_FILES: u32 = NAMESPACES + 4 * MOST_NAMES;
const VERSION_CRCS: u32 = VERSION_FILES + 8 * MOST_NAMES;
const NAMESPACE_FILES: u32 = VERSION_CRCS + 8 * MOST_NAMES;
/** By number of a kernel's export: its address. By number of any name: whether a function of that name never returns. */
const ADDRESSES: u32 = NAMESPACE_FILES + 8 * MOST_NAMES;
const ENDLESS: u32 = ADDRESSES + 8 * MOST_NAMES;

/** Where the symbols of other modules are taken to lie; where in truth decides nothing. Neither half looks like a branch. */
const FOREIGN: u64 = 0xc008_0001_0000_0000;

const SEED: i32 = 0x2f0b_4c47;
const MULTIPLIER: i32 = 0x9e37_79b1;

let kernelCount: u32 = 0;
let kernelMask: u32 = 0;
let otherCount: u32 = 0;
let otherUsed: u32 = 0;

export function crcAt(): u32 {
  return CRCS;
}

export function startsAt(): u32 {
  return KERNEL_STARTS;
}

/**
 * To be called once the kernel's strings (`stringBytes` bytes, NUL-ended), starts, slots and checksums have been copied.
 *
 * @returns whether they keep to their bounds
 */
export function takeKernelNames(count: u32, slots: u32, stringBytes: u32): bool {
  if (count > MOST_NAMES || slots > MOST_SLOTS || slots <= count || (slots & (slots - 1)) !== 0) return false;
  if (stringBytes > MOST_STRINGS - 4 || stringBytes === 0) return false;
  if (load<u8>(KERNEL_STRINGS + stringBytes - 1) !== 0) return false;
  for (let i: u32 = 0; i < count; i++) {
    const start = load<u32>(KERNEL_STARTS + 4 * i);
    if (start >= stringBytes || (start & 3) !== 0) return false;
  }
  let taken: u32 = 0;
  for (let i: u32 = 0; i < slots; i++) {
    const number = load<u32>(KERNEL_SLOTS + 8 * i + 4);
    if (number > count) return false;
    if (number !== 0) taken++;
  }
  kernelCount = count;
  kernelMask = slots - 1;
  return taken < slots;
}

/** Not 0 where one of the four bytes is 0; its lowest bit is then the uppermost of the first such byte. */
function zeroByte(word: i32): i32 {
  return (word - 0x0101_0101) & ~word & 0x8080_8080;
}

function cut(word: i32, zero: i32): i32 {
  const bits = ctz(zero) - 7;
  return word & ((1 << bits) - 1);
}

function mixed(hash: i32, word: i32): i32 {
  const product = (hash ^ word) * MULTIPLIER;
  return product ^ (product >>> 15);
}

/** Of the NUL-ended name at `at`. */
export function hashOf(at: u32): i32 {
  let hash = SEED;
  while (true) {
    const word = load<i32>(at);
    const zero = zeroByte(word);
    if (zero !== 0) return mixed(hash, cut(word, zero));
    hash = mixed(hash, word);
    at += 4;
  }
}

function isStored(stored: u32, at: u32): bool {
  while (true) {
    const word = load<i32>(at);
    const zero = zeroByte(word);
    if (zero !== 0) return load<i32>(stored) === cut(word, zero);
    if (load<i32>(stored) !== word) return false;
    at += 4;
    stored += 4;
  }
}

/** Number of the kernel's export of this name, or -1. */
export function kernelNumber(at: u32, hash: i32): i32 {
  let slot: u32 = hash & kernelMask;
  while (true) {
    const entry = KERNEL_SLOTS + 8 * slot;
    const number = load<i32>(entry, 4) - 1;
    if (number < 0) return -1;
    if (load<i32>(entry) === hash && isStored(KERNEL_STRINGS + load<u32>(KERNEL_STARTS + 4 * number), at))
      return number;
    slot = (slot + 1) & kernelMask;
  }
}

/** Number of a name that the kernel does not export, made where it is new; -1 where there is no room. */
export function otherNumber(at: u32, hash: i32): i32 {
  let slot: u32 = hash & (MOST_SLOTS - 1);
  for (; ; slot = (slot + 1) & (MOST_SLOTS - 1)) {
    const entry = OTHER_SLOTS + 8 * slot;
    const number = load<i32>(entry, 4) - 1;
    if (number < 0) break;
    if (load<i32>(entry) === hash && isStored(OTHER_STRINGS + load<u32>(OTHER_STARTS + 4 * number), at))
      return kernelCount + number;
  }
  if (otherCount === MOST_NAMES - 1) return -1;
  const start = otherUsed;
  for (;;) {
    if (otherUsed > MOST_STRINGS - 4) {
      otherUsed = start;
      return -1;
    }
    const word = load<i32>(at);
    const zero = zeroByte(word);
    store<i32>(OTHER_STRINGS + otherUsed, zero === 0 ? word : cut(word, zero));
    otherUsed += 4;
    if (zero !== 0) break;
    at += 4;
  }
  store<u32>(OTHER_STARTS + 4 * otherCount, start);
  store<i32>(OTHER_SLOTS + 8 * slot, hash);
  store<i32>(OTHER_SLOTS + 8 * slot, ++otherCount, 4);
  return kernelCount + otherCount - 1;
}

/** Where the names that the kernel does not export stand, and where the first byte of each is counted from there. */
export function otherStrings(): u32 {
  return OTHER_STRINGS;
}

export function otherStarts(): u32 {
  return OTHER_STARTS;
}

export function otherBytes(): u32 {
  return otherUsed;
}

export function numberOf(at: u32): i32 {
  const hash = hashOf(at);
  const known = kernelNumber(at, hash);
  return known >= 0 ? known : otherNumber(at, hash);
}

/** One more than the largest number of a name. */
export function nameCount(): u32 {
  return kernelCount + otherCount;
}

export function classOfName(number: i32): u32 {
  return load<u8>(NAME_CLASSES + number);
}

/** 0 stands for a name that means nothing special. */
export function setClassOfName(number: i32, symbolClass: u32): void {
  store<u8>(NAME_CLASSES + number, u8(symbolClass));
}

export function crcOf(number: i32): u32 {
  return load<u32>(CRCS + 4 * number);
}

/** Number of the namespace of a kernel's export, or -1. */
export function namespaceOf(number: i32): i32 {
  return load<i32>(NAMESPACES + 4 * number) - 1;
}

export function setNamespace(number: i32, namespace: i32): void {
  store<i32>(NAMESPACES + 4 * number, namespace + 1);
}

/** Notes a checksum of the file `serial`. @returns whether it is the first one for that name */
export function setVersion(number: i32, serial: u32, crc: u32): bool {
  if (load<u32>(VERSION_FILES + 4 * number) === serial) return false;
  store<u32>(VERSION_FILES + 4 * number, serial);
  store<u32>(VERSION_CRCS + 4 * number, crc);
  return true;
}

export function hasVersion(number: i32, serial: u32): bool {
  return load<u32>(VERSION_FILES + 4 * number) === serial;
}

/** Of a name for which `hasVersion` holds. */
export function versionOf(number: i32): u32 {
  return load<u32>(VERSION_CRCS + 4 * number);
}

export function importNamespace(number: i32, serial: u32): void {
  store<u32>(NAMESPACE_FILES + 4 * number, serial);
}

export function importsNamespace(number: i32, serial: u32): bool {
  return load<u32>(NAMESPACE_FILES + 4 * number) === serial;
}

/** Where the addresses of the kernel's exports stand. */
export function addressesAt(): u32 {
  return ADDRESSES;
}

/** Where the symbol of a name is. */
export function addressOf(number: i32): u64 {
  return u32(number) < kernelCount ? load<u64>(ADDRESSES + 8 * number) : FOREIGN + 16 * number;
}

/** Says that functions of a name never return. */
export function setEndless(number: i32): void {
  store<u8>(ENDLESS + number, 1);
}

export function isEndless(number: i32): bool {
  return load<u8>(ENDLESS + number) !== 0;
}
