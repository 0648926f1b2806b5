/** The section headers as the loader reads them: raw, before anything has been checked. */
import { SHDR_SIZE } from '../elf/constants.ts';
import { latin1, nameIdOf, nameText } from './section-names.ts';
import type { Headers, LoadState } from './state.ts';

const TWO_32 = 0x1_0000_0000;

/** Unsigned 64 bits at `at` (bytes from the file's start): exact below 2^53, and above never mistaken for less. */
export function read64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * TWO_32 + view.getUint32(at, true);
}

/** `sh_type`, and whether size and address are zero, of the section header at `at`; zeros behind the end of the file. */
export function firstHeader(state: LoadState, at: number): { readonly type: number; readonly isEmpty: boolean } {
  const raw = new Uint8Array(SHDR_SIZE);
  raw.set(state.bytes.subarray(at, at + SHDR_SIZE));
  const view = new DataView(raw.buffer);
  return { type: view.getUint32(4, true), isEmpty: read64(view, 32) === 0 && read64(view, 16) === 0 };
}

/** Copies `count` headers that begin at byte `at` of the file and lie inside it. */
export function readHeaders(state: LoadState, at: number, count: number): Headers {
  const { view } = state;
  const words = new Uint32Array(8 * count);
  const doubles = new Float64Array(4 * count);
  const column = (i: number) => words.subarray(i * count, (i + 1) * count);
  const wide = (i: number) => doubles.subarray(i * count, (i + 1) * count);
  const headers = new SectionHeaders(
    state,
    at,
    count,
    [column(0), column(1), column(2), column(3), column(4), column(5), column(6), column(7)],
    [wide(0), wide(1), wide(2), wide(3)],
  );
  for (let i = 0, from = at; i < count; i++, from += SHDR_SIZE) {
    headers.name[i] = view.getUint32(from, true);
    headers.type[i] = view.getUint32(from + 4, true);
    headers.flags[i] = view.getUint32(from + 8, true);
    headers.flagsHigh[i] = view.getUint32(from + 12, true);
    headers.addressLow[i] = view.getUint32(from + 16, true);
    headers.addressHigh[i] = view.getUint32(from + 20, true);
    headers.offset[i] = read64(view, from + 24);
    headers.size[i] = read64(view, from + 32);
    headers.link[i] = view.getUint32(from + 40, true);
    headers.info[i] = view.getUint32(from + 44, true);
    headers.alignment[i] = read64(view, from + 48);
    headers.entrySize[i] = read64(view, from + 56);
  }
  return headers;
}

/** Gives every section the number of its name; the section name table has been found. */
export function nameSections(state: LoadState): void {
  const { headers, bytes } = state;
  for (let i = 0; i < headers.count; i++) {
    const from = state.sectionNames + headers.name[i]!;
    headers.nameId[i] = nameIdOf(bytes, from, stringEnd(bytes, from));
  }
}

/** Where the string that begins at `from` ends: its NUL, or `limit` or the end of the file. Never before `from`. */
export function stringEnd(bytes: Uint8Array, from: number, limit = bytes.length): number {
  const stop = Math.min(limit, bytes.length);
  let end = from;
  while (end < stop && bytes[end] !== 0) end++;
  return end;
}

/** The NUL-ended string at byte `from` of the file, one character a byte. */
export function textAt(bytes: Uint8Array, from: number): string {
  return from >= bytes.length ? '' : latin1(bytes, from, stringEnd(bytes, from));
}

type Columns = readonly [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

class SectionHeaders implements Headers {
  readonly table: number;
  readonly count: number;
  readonly name: Uint32Array;
  readonly type: Uint32Array;
  readonly flags: Uint32Array;
  readonly flagsHigh: Uint32Array;
  readonly addressLow: Uint32Array;
  readonly addressHigh: Uint32Array;
  readonly link: Uint32Array;
  readonly info: Uint32Array;
  readonly offset: Float64Array;
  readonly size: Float64Array;
  readonly alignment: Float64Array;
  readonly entrySize: Float64Array;
  readonly nameId: Uint16Array;
  readonly #state: LoadState;

  constructor(
    state: LoadState,
    table: number,
    count: number,
    words: Columns,
    wide: readonly [Float64Array, Float64Array, Float64Array, Float64Array],
  ) {
    this.#state = state;
    this.table = table;
    this.count = count;
    [this.name, this.type, this.flags, this.flagsHigh] = words;
    [, , , , this.addressLow, this.addressHigh, this.link, this.info] = words;
    [this.offset, this.size, this.alignment, this.entrySize] = wide;
    this.nameId = new Uint16Array(count);
  }

  text(index: number): string {
    const id = this.nameId[index]!;
    return id === 0 ? textAt(this.#state.bytes, this.#state.sectionNames + this.name[index]!) : nameText(id);
  }
}
