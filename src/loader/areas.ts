/** The module's memory areas while they grow: sizes in bytes, with the kernel's 32-bit arithmetic. */
import { SHDR_SIZE } from '../elf/constants.ts';
import type { MemoryKind } from './model.ts';
import type { LoadState, MemoryArea } from './state.ts';

/** Bytes from the start of the ELF header, and of a section header. */
const E_SHOFF = 40;
const SH_SIZE = 32;

/** `ALIGN()` of a 32-bit size; `alignment` may be anything, the arithmetic is done all the same. */
export function align32(size: number, alignment: number): number {
  if (alignment <= 1) return size;
  const mask = ((alignment % 0x1_0000_0000) - 1) >>> 0;
  return (((size + mask) >>> 0) & ~mask) >>> 0;
}

/** `strict_align()` to 6.3: to a page where code and data must not share one. */
export function strictAlign(state: LoadState, size: number): number {
  return state.kernel.options.strictModuleRwx ? align32(size, state.kernel.options.pageSize) : size;
}

/** `module_get_offset()`: puts a section at the end of an area and gives its offset. */
export function appendSection(state: LoadState, area: MemoryArea, section: number): number {
  const offset = align32(area.size, state.headers.alignment[section]!);
  area.size = (offset + lowSize(state, section)) % 0x1_0000_0000;
  return offset;
}

/** The low 32 bits of a section's size, of which a double does not hold those above 2^53. */
function lowSize({ headers, view }: LoadState, section: number): number {
  const size = headers.size[section]!;
  if (size < 2 ** 53) return size % 0x1_0000_0000;
  return view.getUint32(Number(view.getBigUint64(E_SHOFF, true)) + section * SHDR_SIZE + SH_SIZE, true);
}

export function areaOf(state: LoadState, kind: MemoryKind): MemoryArea {
  return state.areas.find(area => area.kind === kind)!;
}

const INIT_KINDS: ReadonlySet<string> = new Set(['init', 'init_text', 'init_data', 'init_rodata']);

/** Whether an area is given back once the module's init function has run. */
export function isInitKind(kind: string): boolean {
  return INIT_KINDS.has(kind);
}
