/**
 * How a linked kernel lies in memory and in its file. One segment holds all of it, and the linker script (powerpc's
 * vmlinux.lds.S, read in 6.1, 6.12 and 7.2) names the borders of what is mapped in different ways:
 *
 *     _stext … _etext          code
 *     _etext … __init_begin    read-only data; mapped executable with the code, and read-only with it (mark_rodata_ro)
 *     __init_begin … __init_end  freed when the kernel has started
 *     _sdata … _edata          writable
 *     __bss_start … __bss_stop   made zero at the start
 */
import { PHDR_SIZE } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';

/** CONFIG_KERNEL_START of 64-bit kernels, which cannot be chosen (arch/powerpc/Kconfig, read in 6.1, 6.12 and 7.2). */
export const KERNEL_START = 0xc000_0000_0000_0000n;

const PT_LOAD = 1;

export interface LoadSegment {
  readonly p_offset: number;
  readonly p_vaddr: bigint;
  readonly p_filesz: number;
  readonly p_memsz: number;
}

export function loadSegments({ header, bytes }: ElfFile): LoadSegment[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: LoadSegment[] = [];
  for (let i = 0; i < header.e_phnum; i++) {
    const at = header.e_phoff + i * PHDR_SIZE;
    if (view.getUint32(at, true) !== PT_LOAD) continue;
    const number = (field: number) => Number(view.getBigUint64(at + field, true));
    found.push({
      p_offset: number(8),
      p_vaddr: view.getBigUint64(at + 16, true),
      p_filesz: number(32),
      p_memsz: number(40),
    });
  }
  return found;
}

/** The value of the symbol called `name`, if the image has one. */
export function symbolAddress({ symbols }: ElfFile, name: string): bigint | undefined {
  const index = symbols?.find(name) ?? -1;
  return symbols === undefined || index < 0 ? undefined : symbols.address(index);
}

/** Dynamic tags (gABI; the last one is a GNU extension). */
export const DT_RELA = 7;
export const DT_RELASZ = 8;
export const DT_RELACOUNT = 0x6fff_fff9;
export const R_PPC64_NONE = 0;
export const R_PPC64_RELATIVE = 22;

export interface DynamicEntry {
  /** Bytes from the start of `.dynamic`. */
  readonly offset: number;
  readonly value: bigint;
}

/** The dynamic relocations of an image that can be relocated, as the kernel's `relocate` finds them (reloc_64.S). */
export interface DynamicRelocations {
  readonly section: Section;
  readonly dynamic: Section;
  readonly size: DynamicEntry;
  readonly count: DynamicEntry | undefined;
}

/**
 * `undefined` where the image has none, or none as the kernel reads them: `.dynamic` up to DT_NULL, one table of whole entries
 * that is the section `.rela.dyn`, beginning at `__rela_dyn_start`.
 */
export function dynamicRelocations(elf: ElfFile): DynamicRelocations | undefined {
  const section = elf.sectionNamed('.rela.dyn');
  const dynamic = elf.sectionNamed('.dynamic');
  if (section === undefined || !dynamic?.hasContents) return undefined;
  const bytes = elf.contents(dynamic);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tags = new Map<number, DynamicEntry>();
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    const tag = view.getBigUint64(at, true);
    if (tag === 0n) break;
    tags.set(Number(tag), { offset: at, value: view.getBigUint64(at + 8, true) });
  }
  const size = tags.get(DT_RELASZ);
  const isWhole =
    size?.value === BigInt(section.sh_size) &&
    tags.get(DT_RELA)?.value === section.sh_addr &&
    symbolAddress(elf, '__rela_dyn_start') === section.sh_addr;
  return isWhole ? { section, dynamic, size, count: tags.get(DT_RELACOUNT) } : undefined;
}
