/**
 * What the pointers of a table point to once the module is relocated, read from the file: `R_PPC64_ADDR64` by the symbol and
 * addend of its entry. The loader's tables (exports, parameters) are arrays of pointers, and a check must not relocate.
 */
import { SHT_NOBITS, SHT_RELA, SYM_SIZE } from '../elf/constants.ts';
import { textAt } from './headers.ts';
import type { LoadState } from './state.ts';

const RELA_SIZE = 24;
const R_PPC64_ADDR64 = 38;
const TWO_32 = 0x1_0000_0000;

/** A place in a section of the file; 0 (SHN_UNDEF) stands for another object. */
export interface Target {
  readonly section: number;
  /** Bytes from the section's start. */
  readonly offset: number;
}

export class RelocatedWords {
  readonly #state: LoadState;
  readonly #view: DataView;
  /** Number of the symbol by word; -1 where nothing is relocated. */
  readonly #symbols: Int32Array;
  readonly #addends: Float64Array;
  /** Bytes from the file's start of the section's contents; -1 where the file has none. */
  readonly #start: number;
  /** Words that something else writes to: another type of relocation, or one that begins inside a word. */
  #disturbed: Set<number> | undefined;

  /** Reads the relocations of `section`; words are its doublewords. */
  constructor(state: LoadState, section: number) {
    const { headers, request } = state;
    this.#state = state;
    // The values of symbols in the twin's own copy may be changed already.
    const { bytes } = request;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const words = Math.floor(Math.min(headers.size[section]!, bytes.length) / 8);
    this.#symbols = new Int32Array(words).fill(-1);
    this.#addends = new Float64Array(words);
    this.#start = headers.type[section] === SHT_NOBITS ? -1 : headers.offset[section]!;
    for (let i = 1; i < headers.count; i++)
      if (headers.type[i] === SHT_RELA && headers.info[i] === section) this.#read(i);
  }

  #read(table: number): void {
    const view = this.#view;
    const { offset, size } = this.#state.headers;
    const end = Math.min(offset[table]! + size[table]!, view.byteLength);
    for (let at = offset[table]!; at + RELA_SIZE <= end; at += RELA_SIZE) {
      if (view.getUint32(at + 4, true) !== 0) continue;
      const place = view.getUint32(at, true);
      if (view.getUint32(at + 8, true) !== R_PPC64_ADDR64 || place % 8 !== 0) {
        this.#disturb(Math.floor(place / 8));
        continue;
      }
      if (place / 8 >= this.#symbols.length) continue;
      this.#symbols[place / 8] = view.getUint32(at + 12, true) & 0x7fff_ffff;
      this.#addends[place / 8] = view.getInt32(at + 20, true) * TWO_32 + view.getUint32(at + 16, true);
    }
  }

  #disturb(word: number): void {
    this.#disturbed ??= new Set();
    this.#disturbed.add(word);
    this.#disturbed.add(word + 1);
  }

  /** Whether the pointer is zero: no relocation writes there, and neither does the file. */
  isNull(word: number): boolean {
    if (this.isRelocated(word) || this.#disturbed?.has(word) === true) return false;
    const at = this.#start + word * 8;
    if (this.#start < 0 || at + 8 > this.#view.byteLength) return true;
    return this.#view.getUint32(at, true) === 0 && this.#view.getUint32(at + 4, true) === 0;
  }

  get count(): number {
    return this.#symbols.length;
  }

  isRelocated(word: number): boolean {
    return (this.#symbols[word] ?? -1) >= 0;
  }

  /** Where the symbol's entry lies in the file, or -1. */
  #symbolAt(word: number): number {
    const symbol = this.#symbols[word] ?? -1;
    const { headers, index } = this.#state;
    const size = headers.size[index.symtab]!;
    if (symbol < 0 || (symbol + 1) * SYM_SIZE > size) return -1;
    const at = headers.offset[index.symtab]! + symbol * SYM_SIZE;
    return at + SYM_SIZE <= this.#view.byteLength ? at : -1;
  }

  /** Where the pointer leads; `undefined` where it is not relocated or leads nowhere in the file. */
  target(word: number): Target | undefined {
    const at = this.#symbolAt(word);
    if (at < 0 || this.#disturbed?.has(word) === true) return undefined;
    const view = this.#view;
    const section = view.getUint16(at + 6, true);
    const value = view.getUint32(at + 12, true) * TWO_32 + view.getUint32(at + 8, true);
    const offset = value + this.#addends[word]!;
    const { headers } = this.#state;
    if (section >= headers.count || offset < 0 || (section !== 0 && offset >= headers.size[section]!)) return undefined;
    return { section, offset };
  }

  /** The string that the pointer leads to, as the file holds it. */
  text(word: number): string | undefined {
    const at = this.fileOffset(word);
    return at < 0 ? undefined : textAt(this.#state.request.bytes, at);
  }

  /** Bytes from the file's start of what the pointer leads to; -1 where the file does not hold it. */
  fileOffset(word: number): number {
    const target = this.target(word);
    const { headers } = this.#state;
    if (target === undefined || target.section === 0 || headers.type[target.section] === SHT_NOBITS) return -1;
    return headers.offset[target.section]! + target.offset;
  }

  /** Name of the symbol that the pointer is relocated with. */
  symbolName(word: number): string | undefined {
    const at = this.#symbolAt(word);
    if (at < 0) return undefined;
    const { headers, index, request } = this.#state;
    return textAt(request.bytes, headers.offset[index.strtab]! + this.#view.getUint32(at, true));
  }

  /** The address that the loader writes; 0 where nothing is relocated. */
  address(word: number): bigint {
    const symbol = this.#symbols[word] ?? -1;
    if (symbol < 0) return 0n;
    const low = BigInt(this.#state.symbolLow[symbol] ?? 0);
    const high = BigInt(this.#state.symbolHigh[symbol] ?? 0);
    return BigInt.asUintN(64, (high << 32n) + low + BigInt(this.#addends[word]!));
  }
}
