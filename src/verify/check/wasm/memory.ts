/**
 * Where things stand in the memory of the screen, and what its parts share.
 *
 * This folder is AssemblyScript: TypeScript's syntax, compiled to WebAssembly by `scripts/webassembly.js`. Numbers have the
 * types of the machine (`u32` wraps), and memory is read with `load` at a byte address, which nothing but the code that
 * calls it keeps inside the file. So every offset of a file is compared with the file's size before it is used.
 *
 * Each part says whether the file is plain as far as it looked; `false` leaves the file to the loader twin.
 */

export const MOST_SECTIONS: u32 = 1024;
export const MOST_SYMBOLS: u32 = 1 << 20;
/** Words of code: all of it has to lie within reach of every branch, 32 MiB. */
export const MOST_WORDS: u32 = 1 << 23;

/** Words that one file's screening leaves behind; see `screen.ts`. */
export const RESULT: u32 = 0x1_0000;
/** What is known of the kernel; see `settings.ts`. */
export const SETTINGS: u32 = 0x1_0100;
/** Texts of the kernel that strings of a file have to be, NUL-ended. */
export const VERMAGIC: u32 = 0x1_0200;
/** What a relocation type does, a byte each; see `relocations.ts`. */
export const ACTIONS: u32 = 0x1_0800;
/** A name that JavaScript asks about. */
export const ASKED: u32 = 0x1_1000;
/** By section: what is in it (a byte), its relocations' section, the number of its first word of code. */
export const KINDS: u32 = 0x1_2000;
export const RELOCATIONS: u32 = KINDS + MOST_SECTIONS;
export const BASES: u32 = RELOCATIONS + 2 * MOST_SECTIONS;
/** Sections by what they are to the loader: four bytes each. */
export const KNOWN: u32 = BASES + 4 * MOST_SECTIONS;
/** By section: where it comes to lie, bytes from the module's first area. See `layout.ts`. */
export const OFFSETS: u32 = 0x1_4000;
/** Hashes of names that must not come twice in one file. */
export const MOST_HASHES: u32 = 1 << 12;
export const HASHES: u32 = 0x1_8000;
/** Places that a table leads to, eight bytes each; see `objects.ts`. */
export const MOST_PLACES: u32 = 1 << 12;
export const OBJECTS: u32 = 0x1_c000;
/** By symbol: a byte of class. */
export const CLASSES: u32 = 0x3_0000;
/** A byte of marks for each word of the code. */
export const MARKS: u32 = CLASSES + MOST_SYMBOLS;
/** The names that are known; see `names.ts`. */
export const NAMES: u32 = MARKS + MOST_WORDS;
const NAMES_SIZE: u32 = 14 << 20;
/** What files import and export, for when all have been seen; see `records.ts`. */
export const RECORDS: u32 = NAMES + NAMES_SIZE;
export const MOST_RECORDS: u32 = 1 << 18;
export const RECORD_SIZE: u32 = 20;
/** The file; behind its end are bytes of earlier ones. */
export const FILE: u32 = RECORDS + MOST_RECORDS * RECORD_SIZE;

/** Whether the same NUL-ended text stands at both places; `b` is known to have its NUL. */
export function isSame(a: u32, b: u32): bool {
  while (true) {
    const byte = load<u8>(b++);
    if (load<u8>(a++) !== byte) return false;
    if (byte === 0) return true;
  }
}

let hashes: u32 = 0;

export function forgetHashes(): void {
  memory.fill(HASHES, 0, 4 * MOST_HASHES);
  hashes = 0;
}

/** Whether no name with this hash was told since `forgetHashes`; `false` as well where there are too many names. */
export function isNewHash(hash: u32): bool {
  const wanted = hash | 1;
  if (++hashes > MOST_HASHES / 2) return false;
  let slot = (wanted >>> 4) & (MOST_HASHES - 1);
  while (true) {
    const at = HASHES + 4 * slot;
    const known = load<u32>(at);
    if (known === wanted) return false;
    if (known === 0) {
      store<u32>(at, wanted);
      return true;
    }
    slot = (slot + 1) & (MOST_HASHES - 1);
  }
}
