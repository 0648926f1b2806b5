/**
 * Versions of imported symbols (version.c): the checksum that the module was built with has to be the exporter's. The kernel
 * reads the table from its beginning for every import; the twin makes an index by name once, without making strings.
 *
 *     __versions            64 bytes each: 8 bytes of checksum, then the name
 *     __version_ext_crcs    4 bytes each, and
 *     __version_ext_names   one NUL-ended name each; where they are there, they alone count (6.14)
 */
import { stringEnd, textAt } from './headers.ts';
import type { LoadState } from './state.ts';

const ENTRY_SIZE = 64;
const NAME_AT = 8;
const DOT = 0x2e;
/** Bytes; twice KSYM_NAME_LEN. */
const LONGEST_NAME = 1024;

/** `try_to_force_load`: whether the kernel goes on without what it misses. */
export function tryToForceLoad(state: LoadState, reason: string): boolean {
  if (!state.kernel.options.moduleForceLoad) return false;
  state.forced = true;
  if (state.taint('forced')) state.print('warning', `${state.name}: ${reason}: kernel tainted.`);
  return true;
}

/**
 * `check_version`: whether the module may use the symbol.
 *
 * @param crc the exporter's checksum; `undefined` where it has none
 */
function checkVersion(state: LoadState, name: string, crc: number | undefined): boolean {
  const bytes = Uint8Array.from(`${name}\0`, c => c.charCodeAt(0));
  return check(state, bytes, 0, crc);
}

/** The same for a name that begins at byte `at` of the file and ends with a NUL: makes no string where all is well. */
export function checkVersionAt(state: LoadState, at: number, crc: number | undefined): boolean {
  return check(state, state.bytes, at, crc);
}

function check(state: LoadState, bytes: Uint8Array, at: number, crc: number | undefined): boolean {
  const { index } = state;
  if (crc === undefined || !state.kernel.options.modversions) return true;
  if (index.extCrcs === 0 && index.versions === 0) return tryToForceLoad(state, textAt(bytes, at));
  state.versions ??= new VersionTable(state);
  const wanted = state.versions.find(bytes, at);
  if (wanted === crc >>> 0) return true;
  if (wanted !== undefined) {
    state.print('warning', `${state.infoName}: disagrees about version of symbol ${textAt(bytes, at)}`);
    return false;
  }
  if (index.extCrcs !== 0) {
    if (state.taint('version notice'))
      state.print('warning', `${state.infoName}: no extended symbol version for ${textAt(bytes, at)}`);
    return true;
  }
  state.print('warning', `${state.infoName}: no symbol version for ${textAt(bytes, at)}`);
  return false;
}

/** FNV-1a of the name at `from`, which ends with a NUL or at `stop`. */
function hashOf(bytes: Uint8Array, from: number, stop: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < stop && bytes[i] !== 0; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}

export class VersionTable {
  readonly #state: LoadState;
  readonly #extended: boolean;
  /** Bytes from the file's start. */
  readonly #offset: number;
  readonly #count: number;
  /** Open addressing: one more than the number of the entry, 0 where a slot is free. */
  readonly #slots: Int32Array;
  /** Where the name of each entry begins, bytes from the file's start. */
  readonly #names: Float64Array;
  #isDedotted: boolean | undefined;

  constructor(state: LoadState) {
    const { headers, index } = state;
    this.#state = state;
    this.#extended = index.extCrcs !== 0;
    const section = this.#extended ? index.extCrcs : index.versions;
    const entrySize = this.#extended ? 4 : ENTRY_SIZE;
    this.#offset = headers.offset[section]!;
    const whole = Math.floor(headers.size[section]! / entrySize);
    // A section without contents is not checked to lie in the file.
    const room = Math.floor((state.bytes.length - this.#offset) / entrySize);
    this.#count = Math.max(0, Math.min(whole, room));
    if (whole > this.#count)
      state.danger('MOD005', 'the kernel reads symbol versions from outside the file', headers.text(section));
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * this.#count + 1)));
    this.#names = new Float64Array(this.#count);
  }

  /** The checksum of the first entry for the name; -1 where it is none of 32 bits; `undefined` where there is no entry. */
  find(bytes: Uint8Array, at: number): number | undefined {
    if (this.#isDedotted !== this.#state.dedotted) this.#makeIndex();
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(bytes, at, at + LONGEST_NAME) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]! - 1;
      if (entry < 0) return undefined;
      if (this.#isSame(entry, bytes, at)) return this.#crc(entry);
    }
  }

  #crc(entry: number): number {
    const { view } = this.#state;
    const at = this.#offset + entry * (this.#extended ? 4 : ENTRY_SIZE);
    return !this.#extended && view.getUint32(at + 4, true) !== 0 ? -1 : view.getUint32(at, true);
  }

  #isSame(entry: number, bytes: Uint8Array, at: number): boolean {
    const file = this.#state.bytes;
    let a = this.#names[entry]!;
    let b = at;
    for (const stop = a + LONGEST_NAME; a < stop; a++, b++) {
      // Beyond the end of the file there are zeros.
      const byte = a < file.length ? file[a]! : 0;
      if (byte !== (b < bytes.length ? bytes[b]! : 0)) return false;
      if (byte === 0) return true;
    }
    return true;
  }

  #makeIndex(): void {
    const { bytes, dedotted, headers, index } = this.#state;
    this.#isDedotted = dedotted;
    const slots = this.#slots.fill(0);
    const mask = slots.length - 1;
    let nameAt = this.#extended ? headers.offset[index.extNames]! : this.#offset + NAME_AT;
    for (let i = 0; i < this.#count; i++) {
      // module_64.c takes one leading dot off each name before symbols are resolved.
      const from = dedotted && bytes[nameAt] === DOT ? nameAt + 1 : nameAt;
      this.#names[i] = from;
      let slot = hashOf(bytes, from, Math.min(from + LONGEST_NAME, bytes.length)) & mask;
      while (slots[slot] !== 0 && !this.#isSame(slots[slot]! - 1, bytes, from)) slot = (slot + 1) & mask;
      if (slots[slot] === 0) slots[slot] = i + 1;
      nameAt = this.#extended ? stringEnd(bytes, nameAt) + 1 : nameAt + ENTRY_SIZE;
    }
  }
}

/** `check_modstruct_version`: the version of `module_layout` stands for the layout of the kernel's own structures. */
export function checkModstructVersion(state: LoadState): void {
  const { exports, options } = state.kernel;
  if (!options.modversions) return;
  const layout = exports.find('module_layout');
  if (layout < 0) return;
  const crc = exports.crc(layout);
  if (crc === undefined) return;
  const at = layoutEntry(state, crc);
  if (!at && !checkVersion(state, 'module_layout', crc)) state.refuse('ENOEXEC');
}

const LAYOUT = Uint8Array.from('module_layout\0', c => c.charCodeAt(0));

/** Whether the first entry for `module_layout`, mostly the last of the table, has this checksum. */
function layoutEntry(state: LoadState, crc: number): boolean {
  const { headers, index, bytes, view } = state;
  if (index.versions === 0 || index.extCrcs !== 0) return false;
  const from = headers.offset[index.versions]!;
  const end = Math.min(from + headers.size[index.versions]!, bytes.length);
  for (let at = from; at + ENTRY_SIZE <= end; at += ENTRY_SIZE) {
    let i = 0;
    while (i < LAYOUT.length && bytes[at + NAME_AT + i] === LAYOUT[i]) i++;
    if (i === LAYOUT.length) return view.getUint32(at, true) === crc >>> 0 && view.getUint32(at + 4, true) === 0;
  }
  return false;
}
