/** The two tables of a kernel's knowledge as plain arrays: what is built from an image, stored in an index and mapped again. */
import { big64 } from '../../util/bytes.ts';
import type { ExportTable, SymbolAddresses } from './model.ts';
import { type NameArrays, NameTable, textAt } from './names.ts';

/** Flags of an export. */
export const EXPORT_GPL_ONLY = 1;
export const EXPORT_HAS_CRC = 2;

export interface ExportArrays extends NameArrays {
  /** Two words an export: low half, high half. */
  readonly addresses: Uint32Array;
  readonly crcs: Uint32Array;
  readonly flags: Uint8Array;
  /** Where the name of its namespace begins in `namespaces`, bytes; an empty string where it is in none. */
  readonly namespaceAt: Uint32Array;
  /** NUL-ended. */
  readonly namespaces: Uint8Array;
}

export interface SymbolArrays extends NameArrays {
  /** Where the addresses of each name begin in `addresses`, counted in addresses; one more than there are names. */
  readonly first: Uint32Array;
  /** Two words an address; those of one name in ascending order. */
  readonly addresses: Uint32Array;
}

export class IndexedExports implements ExportTable {
  readonly count: number;
  /** For those who have a use for all of them at once; never changed. */
  readonly arrays: ExportArrays;
  readonly #names: NameTable;

  constructor(arrays: ExportArrays) {
    this.arrays = arrays;
    this.#names = new NameTable(arrays);
    this.count = arrays.nameAt.length;
  }

  find(name: string): number {
    return this.#names.find(name);
  }

  findBytes(bytes: Uint8Array, start: number): number {
    return this.#names.findBytes(bytes, start);
  }

  name(index: number): string {
    return this.#names.name(index);
  }

  address(index: number): bigint {
    return big64(this.addressLow(index), this.addressHigh(index));
  }

  addressLow(index: number): number {
    return this.arrays.addresses[index * 2]!;
  }

  addressHigh(index: number): number {
    return this.arrays.addresses[index * 2 + 1]!;
  }

  crc(index: number): number | undefined {
    return (this.arrays.flags[index]! & EXPORT_HAS_CRC) === 0 ? undefined : this.arrays.crcs[index];
  }

  gplOnly(index: number): boolean {
    return (this.arrays.flags[index]! & EXPORT_GPL_ONLY) !== 0;
  }

  namespace(index: number): string {
    return textAt(this.arrays.namespaces, this.arrays.namespaceAt[index]!);
  }
}

export class IndexedSymbols implements SymbolAddresses {
  readonly count: number;
  /** Called once, when a symbol is first asked for. */
  #load: (() => SymbolArrays) | undefined;
  #arrays: SymbolArrays | undefined;
  #names: NameTable | undefined;

  constructor(count: number, load: () => SymbolArrays) {
    this.count = count;
    this.#load = load;
  }

  find(name: string): readonly bigint[] {
    if (this.#arrays === undefined || this.#names === undefined) {
      this.#arrays = this.#load!();
      this.#names = new NameTable(this.#arrays);
      this.#load = undefined;
    }
    const number = this.#names.find(name);
    if (number < 0) return [];
    const { first, addresses } = this.#arrays;
    const found: bigint[] = [];
    for (let i = first[number]!; i < first[number + 1]!; i++)
      found.push(big64(addresses[i * 2]!, addresses[i * 2 + 1]!));
    return found;
  }
}
