/**
 * All symbols of a kernel with their addresses, from the image's symbol table or from a `System.map`. What `scripts/mksysmap`
 * leaves out of a System.map, and so of kallsyms, is left out here too: undefined, local absolute and section symbols, names
 * that only a linker or a compiler cares for, and the strings and checksums of exports.
 */
import { SHN_ABS, SHN_UNDEF, STB_LOCAL, STT_FILE, STT_SECTION } from '../../elf/constants.ts';
import type { SymbolTable } from '../../elf/symbols.ts';
import { InputError } from '../../util/errors.ts';
import { numberNames } from './names.ts';
import type { SymbolArrays } from './tables.ts';

/** Names that begin so are in no System.map. */
const LEFT_OUT = ['$', '.L', '__crc_', '__kstrtab_', '__kstrtabns_'].map(text => new TextEncoder().encode(text));

function isLeftOut(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at];
  // Most names end here: '$', '.' or '_'.
  if (first !== 0x24 && first !== 0x2e && first !== 0x5f) return false;
  return LEFT_OUT.some(prefix => prefix.every((byte, i) => bytes[at + i] === byte));
}

/** The symbols of an image. */
export function symbolsOfImage(table: SymbolTable): SymbolArrays {
  const { words, count } = table;
  const starts = new Uint32Array(count);
  const addresses = new Uint32Array(count * 2);
  const names = table.strings.bytes;
  let kept = 0;
  for (let i = 1; i < count; i++) {
    const at = words[i * 6]!;
    const info = words[i * 6 + 1]!;
    const type = info & 0xf;
    const section = info >>> 16;
    if (at === 0 || section === SHN_UNDEF || type === STT_SECTION || type === STT_FILE) continue;
    if (section === SHN_ABS && ((info >>> 4) & 0xf) === STB_LOCAL) continue;
    if (isLeftOut(names, at)) continue;
    starts[kept] = at;
    addresses[kept * 2] = words[i * 6 + 2]!;
    addresses[kept * 2 + 1] = words[i * 6 + 3]!;
    kept++;
  }
  return arrange(names, starts.subarray(0, kept), addresses);
}

/** Fewer lines are not a kernel: Debian puts one line of text in the place of the file. */
const FEWEST_LINES = 100;

/**
 * The symbols of a `System.map`: lines of sixteen hexadecimal digits, a letter and a name.
 *
 * @throws InputError KER018
 */
export function symbolsOfSystemMap(file: Uint8Array): SymbolArrays {
  const names = new Uint8Array(file);
  const starts: number[] = [];
  const addresses: number[] = [];
  for (let at = 0, line = 1; at < names.length; line++) {
    let end = names.indexOf(0x0a, at);
    if (end < 0) end = names.length;
    if (end > at) {
      const high = hexadecimal(names, at, 8);
      const low = hexadecimal(names, at + 8, 8);
      const isLine = high >= 0 && low >= 0 && names[at + 16] === 0x20 && names[at + 18] === 0x20 && end > at + 19;
      if (!isLine) throw notMap(`line ${line}: ${JSON.stringify(textOf(names.subarray(at, Math.min(end, at + 80))))}`);
      if (!isLeftOut(names, at + 19)) {
        starts.push(at + 19);
        addresses.push(low, high);
      }
      // Names are looked for up to a NUL.
      if (end < names.length) names[end] = 0;
    }
    at = end + 1;
  }
  if (starts.length < FEWEST_LINES) throw notMap(`${starts.length} symbols`);
  return arrange(names, Uint32Array.from(starts), Uint32Array.from(addresses));
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

function notMap(found: string): InputError {
  return new InputError({
    code: 'KER018',
    message: 'not the System.map of a kernel',
    expected: 'lines of sixteen hexadecimal digits, a letter and a name',
    found,
    remedy: "give the System.map that the kernel's build left; Debian has it in the package linux-image-RELEASE-dbg",
  });
}

/** The value of `length` hexadecimal digits, or -1. */
function hexadecimal(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i] ?? 0;
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** Groups addresses by name; those of one name in ascending order. */
function arrange(names: Uint8Array, starts: Uint32Array, addresses: Uint32Array): SymbolArrays {
  const { strings, nameAt, slots, numbers } = numberNames(names, starts);
  const first = new Uint32Array(nameAt.length + 1);
  for (let i = 0; i < numbers.length; i++) first[numbers[i]! + 1]!++;
  for (let n = 0; n < nameAt.length; n++) first[n + 1]! += first[n]!;
  const next = first.slice();
  const sorted = new Uint32Array(numbers.length * 2);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]!;
    const low = addresses[i * 2]!;
    const high = addresses[i * 2 + 1]!;
    let at = next[number]!++;
    for (; at > first[number]! && isAbove(sorted, at - 1, low, high); at--) {
      sorted[at * 2] = sorted[at * 2 - 2]!;
      sorted[at * 2 + 1] = sorted[at * 2 - 1]!;
    }
    sorted[at * 2] = low;
    sorted[at * 2 + 1] = high;
  }
  return { strings, nameAt, slots, first, addresses: sorted };
}

function isAbove(sorted: Uint32Array, at: number, low: number, high: number): boolean {
  return sorted[at * 2 + 1]! > high || (sorted[at * 2 + 1] === high && sorted[at * 2]! > low);
}
