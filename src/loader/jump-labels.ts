/**
 * `jump_label_add_module()` of kernel/jump_label.c, which runs when the module is coming (after its code became read-only,
 * before its parameters): sorts `__jump_table`, marks entries of init code, hangs them onto the keys, and rewrites the places
 * whose key is not in its initial state.
 *
 * A key of the module itself is in its initial state, so its places stay as they were built; the key gets a pointer to its
 * first entry. The state of a key in the kernel or in another module only the running machine knows.
 */
import { SHT_RELA } from '../elf/constants.ts';
import { RELA_SIZE, SYMBOL_EXTERNAL } from './arch.ts';
import { findAllocated } from './find-section.ts';
import { isKernelImage, isKernelReadOnly, isKernelText } from './kernel-addresses.ts';
import { isKernelAddress, type ModuleMemory, wrapping } from './memory.ts';
import { requireWritable } from './pointer-tables.ts';
import { R_PPC64_REL64 } from './relocation-numbers.ts';
import { knownName } from './section-names.ts';
import type { LoadState } from './state.ts';
import { symbolized } from './symbolized.ts';
import { sortedOrder } from './table-order.ts';

const NAME = '__jump_table';
const JUMP_TABLE = knownName(NAME);

/** `struct jump_entry`: code and target relative to themselves (32 bits), then the key (64 bits). */
const ENTRY = 16;
const TARGET = 4;
const KEY = 8;

/** Low bits of an entry's key: it is a branch where the key is false; its code is init code. */
const BRANCH = 1n;
const INIT = 2n;
const KEY_FLAGS = 3n;
/** Bytes of what a key may be part of: the kernel's arrays of keys for features of the processor. */
export const LONGEST_KEYS = 1024;
/** Bytes from the start of `struct static_key` to its type and entries. */
const KEY_ENTRIES = 8n;

/** One table, entries by number, in the order of the file. */
interface Entries {
  readonly count: number;
  readonly code: BigUint64Array;
  readonly target: BigUint64Array;
  readonly key: BigUint64Array;
  readonly flags: Uint8Array;
}

function read(view: DataView, base: bigint): Entries {
  const count = Math.floor(view.byteLength / ENTRY);
  const entries: Entries = {
    count,
    code: new BigUint64Array(count),
    target: new BigUint64Array(count),
    key: new BigUint64Array(count),
    flags: new Uint8Array(count),
  };
  for (let i = 0; i < count; i++) {
    const at = i * ENTRY;
    const address = base + BigInt(at);
    const key = view.getBigInt64(at + KEY, true);
    entries.code[i] = wrapping(address, BigInt(view.getInt32(at, true)));
    entries.target[i] = wrapping(address + 4n, BigInt(view.getInt32(at + TARGET, true)));
    entries.key[i] = wrapping(address + 8n, key & ~KEY_FLAGS);
    entries.flags[i] = Number(key & KEY_FLAGS);
  }
  return entries;
}

export function addJumpLabels(state: LoadState, memory: ModuleMemory): void {
  if (!state.kernel.options.jumpLabel) return;
  const section = findAllocated(state, JUMP_TABLE);
  if (section === 0) return;
  const view = memory.view(section);
  const base = memory.addressOf(section);
  const entries = read(view, base);
  remarkOnCode(state, memory, entries);
  if (entries.count > 0) requireWritable(state, section);
  const order = sortedOrder(entries.count, entries.key, entries.code, state.rules.doublePopSort);
  const entryAt = (place: number) => order?.[place] ?? place;
  const imported = importedKeys(state, section);
  let key: bigint | undefined;
  let isOwn = false;
  for (let place = 0; place < entries.count; place++) {
    const i = entryAt(place);
    write(view, base, place, entries, i, memory.isInit(entries.code[i]!));
    if (entries.key[i] !== key) {
      key = entries.key[i]!;
      isOwn = !imported.has(i) && (memory.isCore(key) || memory.isInit(key));
      if (isOwn) setEntries(state, memory, key, base + BigInt(place * ENTRY), i);
      else requireKey(state, key, i, imported.has(i));
    }
    if (!isOwn) leaveOut(state, memory, entries.code[i]!, i);
  }
}

function write(view: DataView, base: bigint, place: number, entries: Entries, i: number, isInit: boolean): void {
  const at = place * ENTRY;
  const address = base + BigInt(at);
  view.setInt32(at, Number(BigInt.asIntN(32, entries.code[i]! - address)), true);
  view.setInt32(at + TARGET, Number(BigInt.asIntN(32, entries.target[i]! - address - 4n)), true);
  const flags = (BigInt(entries.flags[i]!) & BRANCH) | (isInit ? INIT : 0n);
  view.setBigInt64(at + KEY, BigInt.asIntN(64, entries.key[i]! - address - 8n) | flags, true);
}

/** `static_key_set_entries()`: the pointer to the first entry, beside the key's own two flags. */
function setEntries(state: LoadState, memory: ModuleMemory, key: bigint, entry: bigint, i: number): void {
  const spot = memory.find(key + KEY_ENTRIES, 8);
  if (spot === undefined || !memory.isWritable(spot)) {
    danger(state, i, 'the key of a jump label lies where the kernel cannot write when it hangs the entries onto it');
    return;
  }
  const view = memory.view(spot.section);
  view.setBigUint64(spot.offset, entry | (view.getBigUint64(spot.offset, true) & KEY_FLAGS), true);
}

/** The kernel reads and writes whatever an entry names as its key: one of its own, or an import. */
function requireKey(state: LoadState, key: bigint, i: number, isImport: boolean): void {
  const isGood = isKernelImage(state, key)
    ? !isKernelText(state, key) && !isKernelReadOnly(state, key)
    : isImport && isKernelAddress(key);
  if (!isGood) danger(state, i, 'the key of a jump label lies neither in the module nor in data of the kernel');
}

/**
 * Entries, by their number in the file, whose key is a symbol that the kernel or another module exports, or part of one: keys
 * lie in arrays and in tracepoints. Addresses alone do not tell, since nobody may have said where the other modules lie.
 */
function importedKeys(state: LoadState, section: number): ReadonlySet<number> {
  const { headers, view, arch, bytes } = state;
  const imported = new Set<number>();
  for (let i = 1; i < headers.count; i++) {
    if (headers.type[i] !== SHT_RELA || headers.info[i] !== section) continue;
    const end = Math.min(headers.offset[i]! + headers.size[i]!, bytes.length);
    for (let at = headers.offset[i]!; at + RELA_SIZE <= end; at += RELA_SIZE) {
      const place = view.getUint32(at, true);
      if (place % ENTRY !== KEY || view.getUint32(at + 8, true) !== R_PPC64_REL64) continue;
      const isNear = view.getUint32(at + 20, true) === 0 && view.getUint32(at + 16, true) < LONGEST_KEYS;
      const flags = arch.symbolClass[view.getUint32(at + 12, true)] ?? 0;
      if (isNear && (flags & SYMBOL_EXTERNAL) !== 0) imported.add((place - KEY) / ENTRY);
    }
  }
  return imported;
}

/**
 * `jump_label_can_update()`: code elsewhere than in text stays, and the kernel gives a warning once if the key is not in its initial
 * state. Text of the kernel or of another module would be rewritten.
 */
function leaveOut(state: LoadState, memory: ModuleMemory, code: bigint, i: number): void {
  const spot = memory.find(code, 4);
  if (spot !== undefined && memory.isCode(spot)) {
    state.exclude(spot.section, {
      offset: spot.offset,
      length: 4,
      reason: 'jump label: the state of a key outside the module decides',
    });
    return;
  }
  danger(state, i, "the kernel may switch a jump label that is not in the module's code, or warn that it cannot");
  state.unknown.push(
    `whether the kernel warns "can't patch jump_label at ${symbolized(state, code)}": the key decides`,
  );
}

function remarkOnCode(state: LoadState, memory: ModuleMemory, entries: Entries): void {
  for (let i = 0; i < entries.count; i++) {
    // A label may stand behind the last instruction.
    const isBehind = memory.isCode(memory.find(entries.target[i]! - 4n, 4));
    const isTarget = isBehind || memory.isCode(memory.find(entries.target[i]!, 4));
    if (isTarget && memory.isCode(memory.find(entries.code[i]!, 4))) continue;
    state.remark({
      code: 'FTR209',
      level: 'error',
      message: "an entry of the jump table does not lead from the module's code to its code",
      section: NAME,
      offset: i * ENTRY,
    });
  }
}

function danger(state: LoadState, i: number, message: string): void {
  state.dangerous = true;
  state.remark({ code: 'FTR209', level: 'error', message, section: NAME, offset: i * ENTRY });
}
