/**
 * The module's memory while relocations are applied: a place is a section and an offset, as the kernel adds them without
 * looking where the section ends. What lies behind it in the same area is written as the kernel would; what lies outside is
 * somebody else's.
 */
import type { AreaMemory } from './arch.ts';
import { sectionAddress } from './move.ts';
import type { LoadState } from './state.ts';

/** Bytes at a place: `at` counts from the start of `view`. */
export interface MemoryPlace {
  readonly view: DataView;
  readonly at: number;
  readonly address: bigint;
}

const MASK = 0xffff_ffff_ffff_ffffn;

export class PlacedMemory {
  readonly #state: LoadState;
  /** By section: its area, and where in it the section begins. */
  readonly #areas: (AreaMemory | undefined)[];
  readonly #addresses: bigint[];

  constructor(state: LoadState) {
    this.#state = state;
    const { headers, arch, index, places } = state;
    const percpu = arch.memory.find(area => area.kind === 'percpu');
    this.#areas = [];
    this.#addresses = [];
    for (let i = 0; i < headers.count; i++) {
      const place = places[i];
      this.#areas.push(
        place !== undefined
          ? arch.memory.find(area => area.kind === place.memory)
          : i === index.percpu && i !== 0
            ? percpu
            : undefined,
      );
      this.#addresses.push(sectionAddress(state, i));
    }
  }

  addressOf(section: number): bigint {
    return this.#addresses[section]!;
  }

  /** Bytes from the start of the area. */
  offsetOf(section: number): number {
    return this.#state.places[section]?.offset ?? 0;
  }

  /**
   * `length` bytes at an offset of a section, or `undefined` where they are outside its memory.
   *
   * @param offset as the relocation has it, modulo 2^64
   */
  locate(section: number, offset: bigint, length: number): MemoryPlace | undefined {
    const area = this.#areas[section];
    if (area === undefined) return undefined;
    const at = Number(BigInt.asIntN(64, offset)) + this.offsetOf(section);
    if (at < 0 || at + length > area.view.byteLength) return undefined;
    return { view: area.view, at, address: (this.#addresses[section]! + offset) & MASK };
  }

  /** The start of a section that is not kept, in the kernel's temporary copy of the file, where it lies until the module is loaded. */
  temporary(section: number): MemoryPlace {
    const { view, headers } = this.#state;
    return { view, at: headers.offset[section]!, address: this.#addresses[section]! };
  }

  /** Whether the bytes are in the section itself. */
  isInside(section: number, offset: bigint, length: number): boolean {
    return offset + BigInt(length) <= BigInt(this.#state.headers.size[section]!);
  }
}
