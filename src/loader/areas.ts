/** The module's memory areas while they grow: sizes in bytes, with the kernel's 32-bit arithmetic. */
import type { MemoryKind } from './model.ts';
import type { LoadState, MemoryArea } from './state.ts';

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
  const { alignment, size } = state.headers;
  const offset = align32(area.size, alignment[section]!);
  area.size = (offset + size[section]!) % 0x1_0000_0000;
  return offset;
}

export function areaOf(state: LoadState, kind: MemoryKind): MemoryArea {
  return state.areas.find(area => area.kind === kind)!;
}

const INIT_KINDS: ReadonlySet<string> = new Set(['init', 'init_text', 'init_data', 'init_rodata']);

/** Whether an area is given back once the module's init function has run. */
export function isInitKind(kind: string): boolean {
  return INIT_KINDS.has(kind);
}
