/**
 * An object as it lies in memory, in one coordinate: bytes from an origin that is its lowest address of code. Modules come
 * here as the loader twin leaves them, kernel images with their dynamic relocations applied.
 */
import { address, external, number, UNKNOWN, type Value } from '../../prove/values.ts';

export interface PlacedSection {
  readonly name: string;
  /** Bytes from the origin; may be negative for data. */
  readonly offset: number;
  /** What lies there; empty for sections without contents. */
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly isCode: boolean;
  /** Nothing changes it after loading: code, read-only data, the TOC. */
  readonly isConstant: boolean;
}

/** Where a place of the object is, in terms of its file. */
export type Locate = (offset: number) => { readonly section: string; readonly offset: number };

const TWO_32 = 0x1_0000_0000;

export class Memory {
  readonly origin: bigint;
  readonly sections: readonly PlacedSection[];
  /** Words of code from the origin on. */
  readonly code: Uint32Array;
  /** Addresses outside of the object that constants hold; `external(i)` is the i-th. */
  readonly externals: bigint[] = [];
  /** Numbers of externals by the low word of their addresses, those of one low word in a list. */
  readonly #externalAt = new Map<number, number[]>();
  readonly #externalHigh: number[] = [];
  readonly #originLow: number;
  readonly #originHigh: number;
  readonly #end: number;
  readonly #start: number;

  /**
   * @param sections by ascending offset, without overlaps
   * @param code their code, where somebody has put it together already
   */
  constructor(origin: bigint, sections: readonly PlacedSection[], code?: Uint32Array) {
    this.origin = origin;
    this.#originLow = Number(origin & 0xffff_ffffn);
    this.#originHigh = Number(origin >> 32n);
    this.sections = sections;
    let end = 0;
    let first = 0;
    let last = 0;
    for (const s of sections) {
      if (s.isCode) end = Math.max(end, s.offset + s.bytes.length);
      first = Math.min(first, s.offset);
      last = Math.max(last, s.offset + s.size);
    }
    this.#start = first;
    this.#end = last;
    // One word more: what ends an alternative at the very end of the code is marked there.
    this.code = code ?? new Uint32Array((end >> 2) + 1);
    if (code !== undefined) return;
    const bytes = new Uint8Array(this.code.buffer);
    for (const s of sections) if (s.isCode) bytes.set(s.bytes.subarray(0, s.bytes.length & ~3), s.offset);
  }

  sectionAt(offset: number): PlacedSection | undefined {
    const { sections } = this;
    let low = 0;
    let high = sections.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sections[middle]!.offset <= offset) low = middle + 1;
      else high = middle;
    }
    // Empty sections may begin where the one that is wanted begins.
    for (let i = low - 1; i >= 0 && i >= low - 8; i--) {
      const section = sections[i]!;
      if (offset < section.offset + section.size) return section;
    }
    return undefined;
  }

  /** Section and bytes from its start; the bare offset outside of all sections. */
  locate(offset: number): { readonly section: string; readonly offset: number } {
    const section = this.sectionAt(offset);
    return section === undefined ? { section: '', offset } : { section: section.name, offset: offset - section.offset };
  }

  /** The 32-bit word at a place, signed; `undefined` outside of all contents. */
  word(offset: number): number | undefined {
    const section = this.sectionAt(offset);
    if (section === undefined) return undefined;
    const at = offset - section.offset;
    if (at + 4 > section.bytes.length) return undefined;
    const { bytes } = section;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  /** The doubleword at a place as the lattice has it, if nothing can change it. */
  constant(offset: number): Value {
    const section = this.sectionAt(offset);
    if (section === undefined || !section.isConstant) return UNKNOWN;
    const low = this.word(offset);
    const high = this.word(offset + 4);
    return low === undefined || high === undefined ? UNKNOWN : this.value(low >>> 0, high);
  }

  /** A 64-bit number as the lattice has it. `high` is signed. */
  value(low: number, high: number): Value {
    if (high === 0 || high === -1) return number(high * TWO_32 + low);
    const unsigned = high >>> 0;
    const distance = this.distance(low, unsigned);
    if (distance >= this.#start && distance < this.#end) return address(distance);
    return external(this.#externalOf(low, unsigned));
  }

  /** From the origin to an address, given as two unsigned halves: bytes, exact where they are less than 2^53. */
  distance(low: number, high: number): number {
    return (high - this.#originHigh) * TWO_32 + (low - this.#originLow);
  }

  #externalOf(low: number, high: number): number {
    const { externals } = this;
    let numbers = this.#externalAt.get(low);
    if (numbers === undefined) {
      numbers = [];
      this.#externalAt.set(low, numbers);
    }
    for (const number of numbers) if (this.#externalHigh[number] === high) return number;
    const number = externals.length;
    externals.push((BigInt(high) << 32n) | BigInt(low));
    this.#externalHigh.push(high);
    numbers.push(number);
    return number;
  }
}
