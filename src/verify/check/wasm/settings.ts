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

/** The rest is for the image that the loader would leave; `proving.ts` alone asks for it. */

/** Seven memory areas instead of two (6.4). */
export function hasAreas(): bool {
  return load<u32>(SETTINGS, 84) !== 0;
}

/** Code and data share no page. */
export function isStrict(): bool {
  return load<u32>(SETTINGS, 88) !== 0;
}

/** The kernel keeps the symbols of data as well (CONFIG_KALLSYMS_ALL). */
export function keepsAllSymbols(): bool {
  return load<u32>(SETTINGS, 92) !== 0;
}

/** The loader counts its stubs, and leaves none empty (6.13). */
export function countsStubs(): bool {
  return load<u32>(SETTINGS, 96) !== 0;
}

/** There is a tracer's stub with registers. */
export function tracesRegisters(): bool {
  return load<u32>(SETTINGS, 100) !== 0;
}

/** Tracer places have stubs of their own; bytes of each, 0 where they have none. With a pointer in front they have 24. */
export function outOfLineSize(): u32 {
  return load<u32>(SETTINGS, 104);
}

/** `std r0,16(r1)` in front of a call of `_mcount` goes as well (6.13). */
export function dropsLinkSave(): bool {
  return load<u32>(SETTINGS, 108) !== 0;
}

/** Bytes from the start of the PACA to the kernel's TOC. */
export function pacaToc(): u32 {
  return load<u32>(SETTINGS, 112);
}

/** Addresses: per-cpu data, the kernel's TOC, `ftrace_caller`, `ftrace_regs_caller`, and `ftrace_nop_ops` or 0. */
export function percpuAddress(): u64 {
  return load<u64>(SETTINGS, 120);
}

export function kernelToc(): u64 {
  return load<u64>(SETTINGS, 128);
}

export function tracerAddress(): u64 {
  return load<u64>(SETTINGS, 136);
}

export function registersTracerAddress(): u64 {
  return load<u64>(SETTINGS, 144);
}

export function nopOperations(): u64 {
  return load<u64>(SETTINGS, 152);
}
