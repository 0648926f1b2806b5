/**
 * The module's memory by address, as the steps after relocation read and write it: words anywhere in its areas, places in its
 * sections. Other modules and the kernel are not there.
 */
import { SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE } from '../elf/constants.ts';
import type { AreaMemory } from './arch.ts';
import type { MemoryKind } from './model.ts';
import type { LoadState } from './state.ts';

/** A place in a section: bytes from its start. */
export interface Spot {
  readonly section: number;
  readonly offset: number;
}

const MASK = 0xffff_ffff_ffff_ffffn;

/** Where kernel addresses begin on 64-bit Book3S (`is_kernel_addr`, PAGE_OFFSET). */
const KERNEL_ADDRESSES = 0xc000_0000_0000_0000n;

const INIT_KINDS: ReadonlySet<MemoryKind> = new Set(['init', 'init_text', 'init_data', 'init_rodata']);

/** `address + offset` as the kernel's 64-bit arithmetic has it. */
export function wrapping(address: bigint, offset: bigint): bigint {
  return (address + offset) & MASK;
}

export function isKernelAddress(address: bigint): boolean {
  return address >= KERNEL_ADDRESSES;
}

export class ModuleMemory {
  readonly #state: LoadState;
  /** Sections by ascending address: index, address, one past the end. */
  readonly #sections: readonly number[];
  readonly #starts: readonly bigint[];
  readonly #ends: readonly bigint[];
  readonly #views = new Map<number, DataView>();
  #last = 0;
  #area: AreaMemory | undefined;

  constructor(state: LoadState) {
    this.#state = state;
    const { headers } = state;
    const placed: { readonly index: number; readonly start: bigint; readonly end: bigint }[] = [];
    for (let i = 1; i < headers.count; i++) {
      const place = state.places[i];
      if (place === undefined || place.memory === 'percpu' || (headers.flags[i]! & SHF_ALLOC) === 0) continue;
      const start = this.addressOf(i);
      placed.push({ index: i, start, end: start + BigInt(headers.size[i]!) });
    }
    placed.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : a.index - b.index));
    this.#sections = placed.map(p => p.index);
    this.#starts = placed.map(p => p.start);
    this.#ends = placed.map(p => p.end);
  }

  addressOf(section: number): bigint {
    const { addressLow, addressHigh } = this.#state.headers;
    return (BigInt(addressHigh[section]!) << 32n) | BigInt(addressLow[section]!);
  }

  /** The section that holds all of the `length` bytes at `address`. */
  find(address: bigint, length = 1): Spot | undefined {
    const end = address + BigInt(length);
    // Addresses asked for one after the other mostly lie in one section.
    if (this.#starts.length === 0) return undefined;
    if (address >= this.#starts[this.#last]! && end <= this.#ends[this.#last]!) return this.#spot(this.#last, address);
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    // Empty sections share their address with the next one.
    for (let i = low - 1; i >= 0; i--) {
      if (end <= this.#ends[i]!) {
        this.#last = i;
        return this.#spot(i, address);
      }
      if (this.#ends[i]! > this.#starts[i]!) return undefined;
    }
    return undefined;
  }

  #spot(at: number, address: bigint): Spot {
    return { section: this.#sections[at]!, offset: Number(address - this.#starts[at]!) };
  }

  /** A section's bytes; made (zeroes) for one that has none in the file. */
  view(section: number): DataView {
    const known = this.#views.get(section);
    if (known !== undefined) return known;
    const { contents, headers } = this.#state;
    contents[section] ??= new Uint8Array(headers.size[section]!);
    const bytes = contents[section];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#views.set(section, view);
    return view;
  }

  word(address: bigint): number | undefined {
    const area = this.#areaOf(address, 4);
    return area?.view.getUint32(Number(address - area.base), true);
  }

  /** @returns whether the address is the module's */
  setWord(address: bigint, word: number): boolean {
    const area = this.#areaOf(address, 4);
    area?.view.setUint32(Number(address - area.base), word, true);
    return area !== undefined;
  }

  doubleword(address: bigint): bigint | undefined {
    const area = this.#areaOf(address, 8);
    return area?.view.getBigUint64(Number(address - area.base), true);
  }

  /** @returns whether the address is the module's */
  setDoubleword(address: bigint, value: bigint): boolean {
    const area = this.#areaOf(address, 8);
    area?.view.setBigUint64(Number(address - area.base), value, true);
    return area !== undefined;
  }

  /** Whether the bytes are in the module's memory, perhaps between its sections or up to the end of a page. */
  isOwn(address: bigint, length: number): boolean {
    return this.#areaOf(address, length) !== undefined;
  }

  #areaOf(address: bigint, length: number): AreaMemory | undefined {
    const end = address + BigInt(length);
    const holds = (area: AreaMemory) => address >= area.base && end <= area.base + BigInt(area.bytes.length);
    if (this.#area === undefined || !holds(this.#area))
      this.#area = this.#state.arch.memory.find(area => area.kind !== 'percpu' && holds(area));
    return this.#area;
  }

  isCode(spot: Spot | undefined): boolean {
    return spot !== undefined && (this.#state.headers.flags[spot.section]! & SHF_EXECINSTR) !== 0;
  }

  isWritable(spot: Spot): boolean {
    return (this.#state.headers.flags[spot.section]! & SHF_WRITE) !== 0;
  }

  /** `within_module_init()`: whole memory areas, padding included. */
  isInit(address: bigint): boolean {
    return this.#isIn(address, kind => INIT_KINDS.has(kind));
  }

  /** `within_module_core()` */
  isCore(address: bigint): boolean {
    return this.#isIn(address, kind => !INIT_KINDS.has(kind));
  }

  #isIn(address: bigint, wanted: (kind: MemoryKind) => boolean): boolean {
    for (const area of this.#state.areas)
      if (address >= area.base && address < area.base + BigInt(area.size) && wanted(area.kind)) return true;
    return false;
  }

  /** Name of a section, for remarks. */
  name(section: number): string {
    return this.#state.headers.text(section);
  }
}
