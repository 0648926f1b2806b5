/** Where the running kernel has what the steps after relocation name. */
import type { LoadState } from './state.ts';

/** Address of a symbol of the kernel, exported or not: as the running kernel has it, else as it was linked. */
export function kernelAddress(state: LoadState, name: string): bigint | undefined {
  const running = state.request.running?.(name);
  if (running !== undefined) return running;
  const linked = state.kernel.symbols.find(name)[0];
  if (linked !== undefined) return linked;
  const exported = state.kernel.exports.find(name);
  return exported < 0 ? undefined : state.kernel.exports.address(exported);
}

/** `core_kernel_text()`: the kernel's code, that of its start included, which is gone by now but stays reserved. */
export function isKernelText(state: LoadState, address: bigint): boolean {
  return isBetween(state, address, '_stext', '_etext') || isBetween(state, address, '_sinittext', '_einittext');
}

/** Data of the kernel that cannot be written any more. */
export function isKernelReadOnly(state: LoadState, address: bigint): boolean {
  if (isBetween(state, address, '__start_ro_after_init', '__end_ro_after_init')) return false;
  return isBetween(state, address, '__start_rodata', '__end_rodata');
}

function isBetween(state: LoadState, address: bigint, first: string, end: string): boolean {
  const from = kernelAddress(state, first);
  const to = kernelAddress(state, end);
  return from !== undefined && to !== undefined && address >= from && address < to;
}

/** 16 digits, as `%px` prints a pointer. */
export function pointer(address: bigint): string {
  return address.toString(16).padStart(16, '0');
}

/** `%08lx` of an instruction: its word. */
export function instruction(word: number): string {
  return word.toString(16).padStart(8, '0');
}
