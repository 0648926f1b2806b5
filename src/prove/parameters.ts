/**
 * What functions do to the frames of their callers, above r1 at entry: LR and CR save slots, and the parameter save area from
 * 32(r1) on (ELF V2 ABI 2.2.3.3). Arguments beyond the eighth lie there, and a callee may use the room of the others where its
 * prototype makes its callers have one. A frame in between, that of a trampoline, hides it: the callee would read what it takes
 * for its arguments out of that frame, or out of one further up.
 *
 * Only accesses at r1 at entry plus a known number are seen, which is how compiled code reaches what the compiler knows the
 * place of. What a `va_list` leads to is not.
 */

import { entry, type Value } from './values.ts';

/** Where the area begins, bytes above r1 at entry. */
export const PARAMETERS = 32;
/** Doublewords that are told apart; compiled kernel code has far fewer. */
const DOUBLEWORDS = 32;
const LR_SLOT = 16;
/** r3 to r10 hold the first eight arguments. */
const FIRST_ARGUMENT = 3;
const REGISTERS = 8;

export interface ParameterUse {
  /** Bit n: the doubleword at 32 + 8n is read, and the function itself writes it nowhere: an argument. */
  readonly reads: number;
  /** Where the last byte ends that is read, written: bytes above r1 at entry; 0 for none. */
  readonly readEnd: number;
  readonly writeEnd: number;
  /**
   * It writes the room of the first eight arguments, as a variadic function does, or is hand-written, and may read for all what
   * some of its callers pass: what it reads need not be there.
   */
  readonly isVariadic: boolean;
}

/** Bits of the doublewords that [offset, offset + width) touches, both counted from the start of the area. */
function bits(offset: number, width: number): number {
  const first = offset >> 3;
  const last = (offset + width - 1) >> 3;
  let mask = 0;
  for (let i = Math.max(first, 0); i <= last && i < DOUBLEWORDS; i++) mask |= 1 << i;
  return mask;
}

/** The same for an access at `distance` bytes above r1 as it is. 0 where it is not known, or outside of the area. */
export function argumentBits(distance: number, width: number): number {
  return distance >= PARAMETERS && distance < PARAMETERS + 8 * DOUBLEWORDS ? bits(distance - PARAMETERS, width) : 0;
}

/** What was seen of each function, by function; as the fields of `ParameterAreas`. */
export interface FoundAreas {
  readonly reads: Int32Array;
  readonly writes: Int32Array;
  readonly readEnd: Int32Array;
  readonly writeEnd: Int32Array;
  readonly homes: Int32Array;
  readonly savesLink: Uint8Array;
}

export class ParameterAreas {
  readonly #reads: Int32Array;
  readonly #writes: Int32Array;
  readonly #readEnd: Int32Array;
  readonly #writeEnd: Int32Array;
  /** Bit n: the n-th argument register is stored where the caller has room for it. */
  readonly #homes: Int32Array;
  readonly #savesLink: Uint8Array;
  readonly #changed = new Set<number>();
  readonly #assembly: Uint8Array;
  #current = 0;

  /** @param assembly 1 for a hand-written function, by function */
  constructor(assembly: Uint8Array) {
    const functions = assembly.length;
    this.#assembly = assembly;
    this.#reads = new Int32Array(functions);
    this.#writes = new Int32Array(functions);
    this.#readEnd = new Int32Array(functions);
    this.#writeEnd = new Int32Array(functions);
    this.#homes = new Int32Array(functions);
    this.#savesLink = new Uint8Array(functions);
  }

  /** Takes over what another proof has seen. */
  resume(seen: FoundAreas): void {
    this.#reads.set(seen.reads);
    this.#writes.set(seen.writes);
    this.#readEnd.set(seen.readEnd);
    this.#writeEnd.set(seen.writeEnd);
    this.#homes.set(seen.homes);
    this.#savesLink.set(seen.savesLink);
  }

  /** Accesses are those of function `index` from now on. What was seen of it before stays. */
  follow(index: number): void {
    this.#current = index;
  }

  /** Reads `width` bytes at `offset` above r1 at entry. */
  read(offset: number, width: number): void {
    if (offset >= PARAMETERS) this.#note(bits(offset - PARAMETERS, width), offset + width, 0, 0);
  }

  /**
   * Writes them.
   *
   * @returns whether it is for this function to write there. Only a prototype says so; what compilers do with an area that a
   * caller must have is to store argument registers in it, each in its own place, and arguments that they have found there.
   */
  write(offset: number, width: number, value: Value): boolean {
    if (offset < PARAMETERS) {
      if (offset < LR_SLOT + 8 && offset + width > LR_SLOT) this.#savesLink[this.#current] = 1;
      return true;
    }
    const mask = bits(offset - PARAMETERS, width);
    const register = FIRST_ARGUMENT + ((offset - PARAMETERS) >> 3);
    if (register < FIRST_ARGUMENT + REGISTERS && value === entry(register)) this.#homes[this.#current]! |= mask;
    this.#note(0, 0, mask, offset + width);
    const own = this.#homes[this.#current]! | (this.#reads[this.#current]! & ~((1 << REGISTERS) - 1));
    return mask !== 0 && (mask & ~own) === 0;
  }

  /** What the current function calls finds in the frame of that one's caller what it would find if it were called itself. */
  passOn(use: ParameterUse): void {
    this.#note(use.reads, use.readEnd, 0, use.writeEnd);
  }

  #note(reads: number, readEnd: number, writes: number, writeEnd: number): void {
    const at = this.#current;
    const isNew =
      (reads & ~this.#reads[at]!) !== 0 ||
      (writes & ~this.#writes[at]!) !== 0 ||
      readEnd > this.#readEnd[at]! ||
      writeEnd > this.#writeEnd[at]!;
    if (!isNew) return;
    this.#reads[at]! |= reads;
    this.#writes[at]! |= writes;
    this.#readEnd[at] = Math.max(readEnd, this.#readEnd[at]!);
    this.#writeEnd[at] = Math.max(writeEnd, this.#writeEnd[at]!);
    this.#changed.add(at);
  }

  /** `undefined` for a function that leaves the area alone, as far as it was followed. */
  use(index: number): ParameterUse | undefined {
    const readEnd = this.#readEnd[index]!;
    const writeEnd = this.#writeEnd[index]!;
    if (readEnd === 0 && writeEnd === 0) return undefined;
    const writes = this.#writes[index]!;
    const isAssembly = this.#assembly[index] === 1;
    return {
      reads: isAssembly ? 0 : this.#reads[index]! & ~writes,
      readEnd,
      writeEnd,
      isVariadic: isAssembly || (writes & ((1 << REGISTERS) - 1)) !== 0,
    };
  }

  /** Whether a function was seen to write the LR save slot of its caller's frame. */
  savesLink(index: number): boolean {
    return this.#savesLink[index] === 1;
  }

  /** Functions of which something new was seen since the last time. */
  takeChanged(): ReadonlySet<number> {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    return changed;
  }
}
