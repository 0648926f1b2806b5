/**
 * What a livepatch module hands to klp_enable_patch(): the `struct klp_patch` in its memory, with the objects and functions that
 * it names (include/linux/livepatch.h; the same from 6.1 to 7.2). Only the module's own code knows where that structure is, so
 * the call is looked for and what it passes in r3.
 */
import { SHF_EXECINSTR, SHN_UNDEF } from '../elf/constants.ts';
import { SYMBOL_SIZE } from './arch.ts';
import { textAt } from './headers.ts';
import type { ModuleMemory } from './memory.ts';
import { sectionAddress } from './move.ts';
import type { LoadState } from './state.ts';

export interface LivepatchFunction {
  readonly name: string | undefined;
  /** `old_sympos`: 0 for the only one of its name. */
  readonly position: bigint;
  /** Address of the new function. */
  readonly replacement: bigint;
}

export interface LivepatchObject {
  /** Name of a module; `undefined` for the kernel itself. */
  readonly name: string | undefined;
  readonly functions: readonly LivepatchFunction[];
}

export interface LivepatchPatch {
  readonly objects: readonly LivepatchObject[];
  readonly states: readonly { readonly id: bigint; readonly version: number }[];
  /** As the loader leaves it; the module's code may still change it. */
  readonly replace: boolean;
}

const ENABLE = 'klp_enable_patch';

/** Bytes, where the kernel's types do not tell: the usual `struct kobject` has 64. */
const SIZES = { klp_func: 152, klp_object: 168, klp_state: 24 } as const;

/** Offsets of members, bytes. */
const PATCH = { mod: 0, objs: 8, states: 16, replace: 24 } as const;
const OBJECT = { name: 0, funcs: 8 } as const;
const FUNCTION = { name: 0, replacement: 8, position: 16 } as const;
const STATE = { id: 0, version: 8 } as const;

/** More objects, functions or states than that are no list. */
const LIMIT = 10_000;
/** Instructions before the call in which the argument is looked for. */
const REACH = 64;

const ADDI = 14;
const ADDIS = 15;
const BRANCH = 18;
const EXTENDED = 31;
const LD = 58;
const OR = 444;

/** Reads past what the module has: no structure is there. */
class Unreadable {}

/** The value of a register before the instruction at `address`, where the few instructions before make it of constants. */
function valueBefore(state: LoadState, memory: ModuleMemory, address: bigint, register: number): bigint | undefined {
  if (register === 2) return state.toc;
  for (let i = 1n; i <= REACH; i++) {
    const at = address - 4n * i;
    const word = memory.word(at);
    if (word === undefined) return undefined;
    const opcode = word >>> 26;
    const target = (word >>> 21) & 31;
    const base = (word >>> 16) & 31;
    const immediate = BigInt((word << 16) >> 16);
    if (opcode === BRANCH && (word & 1) === 1) return undefined;
    if (opcode === EXTENDED && ((word >>> 1) & 1023) === OR && base === register)
      return target === ((word >>> 11) & 31) ? valueBefore(state, memory, at, target) : undefined;
    if (target !== register) continue;
    const from = () => (base === 0 ? 0n : valueBefore(state, memory, at, base));
    if (opcode === ADDI || opcode === ADDIS) {
      const value = from();
      return value === undefined
        ? undefined
        : BigInt.asUintN(64, value + (opcode === ADDI ? immediate : immediate << 16n));
    }
    if (opcode === LD && (word & 3) === 0) {
      const value = from();
      return value === undefined ? undefined : memory.doubleword(BigInt.asUintN(64, value + (immediate & ~3n)));
    }
  }
  return undefined;
}

/** Whether the module imports klp_enable_patch(): without that it is no livepatch, whatever it says of itself. */
export function importsEnable(state: LoadState): boolean {
  const { headers, index, view, bytes } = state;
  const table = headers.offset[index.symtab]!;
  const strings = headers.offset[index.strtab]!;
  for (let i = 1; i < state.symbolLow.length; i++) {
    const at = table + i * SYMBOL_SIZE;
    if (view.getUint16(at + 6, true) !== SHN_UNDEF) continue;
    if (textAt(bytes, strings + view.getUint32(at, true)) === ENABLE) return true;
  }
  return false;
}

/** Addresses of the structures that are handed to klp_enable_patch(); `undefined` for a call whose argument is not plain. */
function patchAddresses(state: LoadState, memory: ModuleMemory): (bigint | undefined)[] {
  const { headers, places } = state;
  const stubs = new Set(state.stubs.filter(stub => stub.name === ENABLE).map(stub => stub.address));
  const found: (bigint | undefined)[] = [];
  for (let i = 1; i < headers.count && stubs.size > 0; i++) {
    if ((headers.flags[i]! & SHF_EXECINSTR) === 0 || places[i] === undefined || i === state.index.stubs) continue;
    const start = sectionAddress(state, i);
    const view = memory.view(i);
    for (let at = 0; at + 4 <= view.byteLength; at += 4) {
      const word = view.getUint32(at, true);
      if (word >>> 26 !== BRANCH || (word & 2) !== 0) continue;
      const address = start + BigInt(at);
      if (!stubs.has(BigInt.asUintN(64, address + BigInt(((word << 6) >> 6) & ~3)))) continue;
      found.push(valueBefore(state, memory, address, 3));
    }
  }
  return found;
}

class Reader {
  readonly #memory: ModuleMemory;

  constructor(memory: ModuleMemory) {
    this.#memory = memory;
  }

  doubleword(address: bigint): bigint {
    const value = this.#memory.doubleword(address);
    if (value === undefined) throw new Unreadable();
    return value;
  }

  word(address: bigint): number {
    const value = this.#memory.word(address);
    if (value === undefined) throw new Unreadable();
    return value;
  }

  /** The text at an address; `undefined` for a null pointer. */
  text(address: bigint): string | undefined {
    if (address === 0n) return undefined;
    const spot = this.#memory.find(address);
    if (spot === undefined) throw new Unreadable();
    const view = this.#memory.view(spot.section);
    let text = '';
    for (let at = spot.offset; at < view.byteLength; at++) {
      const byte = view.getUint8(at);
      if (byte === 0) return text;
      text += String.fromCharCode(byte);
    }
    throw new Unreadable();
  }

  /** Elements of an array until `read` gives nothing. */
  list<Item>(start: bigint, size: number, read: (address: bigint) => Item | undefined): Item[] {
    const items: Item[] = [];
    for (;;) {
      const item = read(start + BigInt(items.length * size));
      if (item === undefined) return items;
      if (items.push(item) > LIMIT) throw new Unreadable();
    }
  }
}

function readPatch(state: LoadState, reader: Reader, address: bigint): LivepatchPatch | undefined {
  if (reader.doubleword(address + BigInt(PATCH.mod)) !== sectionAddress(state, state.index.thisModule))
    return undefined;
  const { sizes } = state.kernel.structures;
  const size = (name: keyof typeof SIZES) => sizes[name] ?? SIZES[name];
  const at = (structure: bigint, offset: number) => reader.doubleword(structure + BigInt(offset));
  const readFunction = (func: bigint): LivepatchFunction | undefined => {
    const name = reader.text(at(func, FUNCTION.name));
    const replacement = at(func, FUNCTION.replacement);
    const position = at(func, FUNCTION.position);
    return name === undefined && replacement === 0n && position === 0n ? undefined : { name, replacement, position };
  };
  const readObject = (object: bigint): LivepatchObject | undefined => {
    const name = reader.text(at(object, OBJECT.name));
    const funcs = at(object, OBJECT.funcs);
    if (name === undefined && funcs === 0n) return undefined;
    return { name, functions: funcs === 0n ? [] : reader.list(funcs, size('klp_func'), readFunction) };
  };
  const readState = (entry: bigint) => {
    const id = at(entry, STATE.id);
    return id === 0n ? undefined : { id, version: reader.word(entry + BigInt(STATE.version)) };
  };
  const states = at(address, PATCH.states);
  return {
    objects: reader.list(at(address, PATCH.objs), size('klp_object'), readObject),
    states: states === 0n ? [] : reader.list(states, size('klp_state'), readState),
    replace: (reader.word(address + BigInt(PATCH.replace)) & 0xff) !== 0,
  };
}

/**
 * @returns what the module patches; `none` where it never asks for it, `undefined` where that could not be read from its code
 */
export function findPatch(state: LoadState, memory: ModuleMemory): LivepatchPatch | 'none' | undefined {
  const addresses = patchAddresses(state, memory);
  const [address] = addresses;
  if (addresses.length === 0) return 'none';
  if (address === undefined || addresses.some(other => other !== address)) return undefined;
  try {
    return readPatch(state, new Reader(memory), address);
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}
