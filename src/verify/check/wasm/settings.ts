/** What the screen knows of the kernel: words that JavaScript writes once (`plain-kernel.ts` has them in the same order). */
import { SETTINGS } from './memory';

/** Imports have checksums (CONFIG_MODVERSIONS). */
export function hasVersions(): bool {
  return load<u32>(SETTINGS) !== 0;
}

/** Signatures are looked at, and whatever they are worth the module loads (CONFIG_MODULE_SIG). */
export function looksAtSignatures(): bool {
  return load<u32>(SETTINGS, 4) !== 0;
}

/** `__kflagstab` says which exports are GPL-only (7.0). */
export function hasExportFlags(): bool {
  return load<u32>(SETTINGS, 8) !== 0;
}

/** Tracer records name nops, and how many; 0 where they name calls of `_mcount`. */
export function recordedNops(): u32 {
  return load<u32>(SETTINGS, 12);
}

/** Types of modules are checked (CONFIG_DEBUG_INFO_BTF_MODULES). */
export function looksAtTypes(): bool {
  return load<u32>(SETTINGS, 16) !== 0;
}

/** Bytes of `struct module`, and where in it its name, `init` and `exit` are. */
export function moduleSize(): u32 {
  return load<u32>(SETTINGS, 20);
}

export function moduleName(): u32 {
  return load<u32>(SETTINGS, 24);
}

export function moduleInit(): u32 {
  return load<u32>(SETTINGS, 28);
}

export function moduleExit(): u32 {
  return load<u32>(SETTINGS, 32);
}

/** Bytes of `struct bug_entry`; 0 where the kernel keeps none. */
export function bugSize(): u32 {
  return load<u32>(SETTINGS, 36);
}

export function hasJumpLabels(): bool {
  return load<u32>(SETTINGS, 40) !== 0;
}

/** Most bytes of per-cpu data, and its largest alignment. */
export function mostPercpu(): u32 {
  return load<u32>(SETTINGS, 44);
}

export function pageSize(): u32 {
  return load<u32>(SETTINGS, 48);
}

/** Number of the kernel's export `module_layout`. */
export function moduleLayout(): i32 {
  return load<i32>(SETTINGS, 52);
}

/** Bytes of structures that tables lead to; 0 where nobody knows. */
export function structureSize(which: u32): u32 {
  return load<u32>(SETTINGS + 60 + 4 * which);
}

export const SRCU_STRUCT: u32 = 0;
export const EVAL_MAP_ENTRY: u32 = 1;
export const TRACEPOINT: u32 = 2;
export const EVENT_CALL: u32 = 3;
export const DEBUG_CLASS: u32 = 4;
/** Bytes from the start of `struct srcu_struct` to the pointer at its end, where it has one. */
export const SRCU_USAGE: u32 = 5;

/** The relocations of per-cpu data are applied (7.0). */
export function relocatesPercpu(): bool {
  return load<u32>(SETTINGS, 56) !== 0;
}
