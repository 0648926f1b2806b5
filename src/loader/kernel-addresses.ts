/** Where the running kernel has what the steps after relocation name. */
import type { KernelKnowledge } from '../kernel/knowledge/model.ts';
import type { LoadState } from './state.ts';

/** The linear mapping, in which the kernel lies, and where memory that is not in it begins (64-bit Book3S). */
const KERNEL_ADDRESSES = 0xc000_0000_0000_0000n;
const MODULE_ADDRESSES = 0xc008_0000_0000_0000n;

/** Address of a symbol of the kernel, exported or not: as the running kernel has it, else as it was linked. */
export function kernelAddress(state: KernelPlace, name: string): bigint | undefined {
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

/** The kernel's code and data; what a kernel without these symbols holds nobody knows, and its addresses are taken for good. */
export function isKernelImage(state: LoadState, address: bigint): boolean {
  const first = kernelAddress(state, '_stext');
  const end = kernelAddress(state, '_end');
  if (first === undefined || end === undefined) return address >= KERNEL_ADDRESSES && address < MODULE_ADDRESSES;
  return address >= first && address < end;
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

/** Where a kernel as it was linked has data that it can write: bytes from `KERNEL_ADDRESSES`, each from and to. */
interface LinkedData {
  readonly image: readonly [from: number, to: number];
  /** Parts of the image that are code or read-only. */
  readonly others: readonly (readonly [from: number, to: number])[];
}

/** What of a `LoadState` decides where the kernel's data is. */
interface KernelPlace {
  readonly kernel: KernelKnowledge;
  readonly request: { readonly running?: LoadState['request']['running'] | undefined };
}

const linkedData = new WeakMap<KernelKnowledge, LinkedData | null>();

function linkedDataOf(kernel: KernelKnowledge): LinkedData | null {
  const known = linkedData.get(kernel);
  if (known !== undefined) return known;
  const range = (first: string, end: string): (readonly [number, number])[] => {
    const [from] = kernel.symbols.find(first);
    const [to] = kernel.symbols.find(end);
    return from === undefined || to === undefined
      ? []
      : [[Number(from - KERNEL_ADDRESSES), Number(to - KERNEL_ADDRESSES)]];
  };
  const [image] = range('_stext', '_end');
  const hasLate = kernel.symbols.find('__start_ro_after_init').length > 0;
  const readOnly = hasLate
    ? [...range('__start_rodata', '__start_ro_after_init'), ...range('__end_ro_after_init', '__end_rodata')]
    : range('__start_rodata', '__end_rodata');
  const others = [...range('_stext', '_etext'), ...range('_sinittext', '_einittext'), ...readOnly];
  const data = image === undefined ? null : { image, others };
  linkedData.set(kernel, data);
  return data;
}

/**
 * Whether an address, given as two halves, is plainly data of the kernel that can be written, for loops: `false` where only the
 * functions above tell.
 */
export function isPlainKernelData(state: KernelPlace, low: number, high: number): boolean {
  if (state.request.running !== undefined || high < 0xc000_0000 || high >= 0xc008_0000) return false;
  const data = linkedDataOf(state.kernel);
  if (data === null) return true;
  const at = (high - 0xc000_0000) * 0x1_0000_0000 + low;
  if (at < data.image[0] || at >= data.image[1]) return false;
  for (const [from, to] of data.others) if (at >= from && at < to) return false;
  return true;
}

/** 16 digits, as `%px` prints a pointer. */
export function pointer(address: bigint): string {
  return address.toString(16).padStart(16, '0');
}

/** `%08lx` of an instruction: its word. */
export function instruction(word: number): string {
  return word.toString(16).padStart(8, '0');
}
