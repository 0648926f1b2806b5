/**
 * What layout and relocation keep between their steps: the counterpart of powerpc's `struct mod_arch_specific` and of the
 * offsets that `struct load_info` holds for kallsyms.
 */
import type { MemoryKind } from './model.ts';

/** One memory area of the module as bytes. `base` is its address. */
export interface AreaMemory {
  readonly kind: MemoryKind | 'percpu';
  readonly base: bigint;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** Where the kernel puts the tables that it keeps for kallsyms; bytes from the start of an area. */
export interface KallsymsOffsets {
  /** In the core data: the kept symbols, their names, one type letter each. */
  readonly symbols: number;
  readonly strings: number;
  readonly types: number;
  /** Symbols that are kept, the null symbol included. */
  readonly kept: number;
  /** In the init data: `struct mod_kallsyms`, and the type letters of all symbols. */
  readonly header: number;
  readonly initTypes: number;
}

/** What a REL24 has to know of its symbol: bits of `ArchState.symbolClass`; the low three are `st_other >> 5`. */
export const SYMBOL_EXTERNAL = 0x80;
/** Calls to it need no restore of r2: the tracer's entries. */
export const SYMBOL_EXEMPT = 0x40;
/** Anything that only the whole image tells, such as an address of zero. */
export const SYMBOL_PECULIAR = 0x20;
/** It lies in a section that is not kept, or has no address yet (livepatch symbols). */
export const SYMBOL_GONE = 0x10;

export class ArchState {
  /** Sections are copied and every relocation is done in the kernel's order; else the relocations are only checked. */
  exact = false;
  /** Memory of the areas; only when `exact`. */
  memory: AreaMemory[] = [];
  /** Address that stands for the kernel's temporary copy of the file: sections that are not kept have theirs there. */
  temporary = 0n;
  /** `mod->percpu` */
  percpu = 0n;
  kallsyms: KallsymsOffsets | undefined;
  /** `got_section` and `pcpu_section` of kernels with CONFIG_PPC_KERNEL_PCREL. */
  gotSection = 0;
  percpuSection = 0;
  /** `toc_fixed` */
  tocFixed = false;
  /** `stub_count` (6.13 and later): slots of `.stubs` in use. */
  stubCount = 0;
  /** `ool_stub_count`: tracer records that need a stub of their own. */
  outOfLineCount = 0;
  /** `ool_stubs`: bytes from the start of `.stubs`; -1 where there are none. */
  outOfLineOffset = -1;
  /** `tramp` and `tramp_regs`: addresses of the stubs to `ftrace_caller` and `ftrace_regs_caller`; 0 where there are none. */
  tramp = 0n;
  trampRegs = 0n;
  /** One element a symbol: see `SYMBOL_EXTERNAL`. */
  symbolClass = new Uint8Array(0);
  /** Uses GPL-only symbols (`using_gplonly_symbols`). */
  usesGplOnly = false;
}

/** Size of `struct ppc64_stub_entry` in bytes: seven instructions, a magic word, the address. */
export const STUB_SIZE = 40;
/** Size of `Elf64_Rela` and of `Elf64_Sym` in bytes. */
export const RELA_SIZE = 24;
export const SYMBOL_SIZE = 24;

/** Size of `struct ftrace_ool_stub` in bytes (7.2): four instructions, and a pointer with call ops. */
export function outOfLineStubSize(callOps: boolean): number {
  return callOps ? 24 : 16;
}
