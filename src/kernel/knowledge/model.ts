/**
 * What has to be known of a kernel to say what it will do with a module: types only. `build.ts` makes it from a vmlinux and
 * the files beside it, `store.ts` keeps it in an index, and the loader twin and `check` read nothing else of a kernel.
 *
 * Addresses are those of the image as it was linked; a running kernel may have moved as a whole. They are 64-bit `bigint`s.
 */

/** Options of the configuration that the loader's behaviour depends on. */
export interface KernelOptions {
  readonly modversions: boolean;
  /** The kernel reads `__version_ext_*` (6.14 and later, CONFIG_EXTENDED_MODVERSIONS or any kernel with the code). */
  readonly extendedModversions: boolean;
  readonly moduleSig: boolean;
  readonly moduleSigForce: boolean;
  readonly moduleUnload: boolean;
  readonly moduleForceLoad: boolean;
  /** CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS */
  readonly allowMissingNamespaces: boolean;
  readonly livepatch: boolean;
  readonly dynamicFtrace: boolean;
  readonly dynamicFtraceWithRegs: boolean;
  readonly mprofileKernel: boolean;
  /** CONFIG_ARCH_USING_PATCHABLE_FUNCTION_ENTRY: sites are nops that `__patchable_function_entries` names. */
  readonly patchableFunctionEntry: boolean;
  /** CONFIG_PPC_FTRACE_OUT_OF_LINE */
  readonly ftraceOutOfLine: boolean;
  /** CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS */
  readonly ftraceCallOps: boolean;
  /** CONFIG_PPC_KERNEL_PCREL */
  readonly pcrel: boolean;
  readonly kallsyms: boolean;
  readonly kallsymsAll: boolean;
  readonly jumpLabel: boolean;
  readonly genericBug: boolean;
  readonly smp: boolean;
  readonly strictModuleRwx: boolean;
  readonly dynamicDebug: boolean;
  readonly tracepoints: boolean;
  readonly eventTracing: boolean;
  readonly bpfEvents: boolean;
  readonly btfModules: boolean;
  readonly allowBtfMismatch: boolean;
  readonly relocatable: boolean;
  /** Bytes: 4096 or 65536. */
  readonly pageSize: number;
}

/** Sizes and offsets, in bytes, of the kernel's structures that the loader reads from a module's sections. */
export interface KernelStructures {
  /** `struct module`. */
  readonly moduleSize: number;
  /** Offsets in `struct module` of the members that are known, by dotted name: `name`, `init`, `exit`, `arch.toc_section`. */
  readonly moduleFields: Readonly<Record<string, number>>;
  /** Sizes by the name of the structure, such as `kernel_param`, `exception_table_entry`, `bug_entry`. */
  readonly sizes: Readonly<Record<string, number>>;
  /**
   * Where these come from: the kernel's own types, a module that was built for it, values measured on a kernel with the same
   * checksum of `module_layout`, or the user.
   */
  readonly source: 'btf' | 'dwarf' | 'module' | 'table' | 'given';
}

/** How code finds the second stack of its task: see livepatch-stack.ts. Offsets in bytes. */
export interface LivepatchStack {
  /** In the PACA, of the pointer to the task's `thread_info`. */
  readonly threadInfo: number;
  /** `thread_info.livepatch_sp`. */
  readonly sp: number;
  /** From the code of the kernel's own handler, or from the user. */
  readonly source: 'handler' | 'given';
}

/** Symbols that modules may import. Views over one index; `find` gives a number for the other methods. */
export interface ExportTable {
  readonly count: number;
  /** @returns index of the symbol, or -1 */
  find(name: string): number;
  /**
   * The same for the NUL-ended name that begins at `start` (bytes) of a string table; no string is made. A name that runs to
   * the end of `bytes` without a NUL ends there.
   */
  findBytes(bytes: Uint8Array, start: number): number;
  name(index: number): string;
  address(index: number): bigint;
  /** The halves of `address`, for loops. */
  addressLow(index: number): number;
  addressHigh(index: number): number;
  /** Checksum of the symbol's type; `undefined` where the kernel has none for it. */
  crc(index: number): number | undefined;
  gplOnly(index: number): boolean;
  /** Empty where it is in none. */
  namespace(index: number): string;
}

/** Every symbol of the image, exported or not. */
export interface SymbolAddresses {
  /** Names, each counted once. */
  readonly count: number;
  /** Addresses of all symbols of that name, in the order of kallsyms (by address); empty where there is none. */
  find(name: string): readonly bigint[];
}

export interface KernelKnowledge {
  /** As `uname -r` prints it: `6.1.0-50-powerpc64le`. */
  readonly release: string;
  /** `[6, 1]` */
  readonly version: readonly [major: number, minor: number];
  /** The whole string that a module's `vermagic` is compared with. */
  readonly vermagic: string;
  /** Lower-case hexadecimal; empty where the image has none. */
  readonly buildId: string;
  /** What r2 holds in the kernel (the PACA's `kernel_toc`). */
  readonly toc: bigint;
  readonly options: KernelOptions;
  readonly structures: KernelStructures;
  readonly exports: ExportTable;
  readonly symbols: SymbolAddresses;
  /** Absent where the kernel has none (no CONFIG_LIVEPATCH), or it is not known where. */
  readonly livepatchStack?: LivepatchStack;
  /** Certificates (DER) of the keys whose signatures it takes, as they are built into its image; absent where that is not known. */
  readonly certificates?: readonly Uint8Array[];
  /** Names that modules cannot have, because something built in has their folder in /sys/module; absent where that is not known. */
  readonly builtin?: readonly string[];
  /** What had to be assumed because no source told it; shown to the user. */
  readonly assumptions: readonly string[];
}
