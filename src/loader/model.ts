/**
 * What the loader twin takes and gives: types only. The twin does in user space what `load_module()` of a given kernel does,
 * step by step and in its order, on a copy of the file's bytes.
 */
import type { KernelKnowledge, LivepatchStack } from '../kernel/knowledge/model.ts';
import type { LivepatchPatch } from './livepatch-patch.ts';
import type { ReusedMemory } from './reused-memory.ts';
import type { LoadState } from './state.ts';

/** Messages of the kernel's log, as `dmesg` prints them without the time. */
export interface LogLine {
  readonly level: 'err' | 'warning' | 'notice' | 'info' | 'debug';
  readonly text: string;
}

/**
 * What the running kernel says only the first time: its taints (`forced`: a module was forced; `oot`: out of tree;
 * `proprietary`; `test`), and the two notices that it prints once.
 */
export type Taint =
  | 'forced'
  | 'oot'
  | 'proprietary'
  | 'test'
  | 'unsigned notice'
  | 'livepatch notice'
  | 'version notice'
  | 'btf notice';

/** What another module, loaded before, offers. */
export interface ModuleExport {
  readonly name: string;
  readonly address: bigint;
  readonly crc: number | undefined;
  readonly gplOnly: boolean;
  readonly namespace: string;
}

export interface LoadedModule {
  readonly name: string;
  readonly exports: ReadonlyMap<string, ModuleExport>;
  /** A module with a proprietary licence taints what uses its symbols. */
  readonly gplCompatible: boolean;
  /** Where its own image lies, for livepatch modules that change it. */
  readonly image?: LoadedImage;
  /** It is a livepatch in use: what its `LoadOutcome` or, later, that of a module which it patches says. */
  readonly livepatch?: EnabledLivepatch;
}

/** A livepatch that waits for modules to come. */
export interface EnabledLivepatch {
  readonly patch: LivepatchPatch;
  /** Its module as it lies in memory; the twin's own. */
  readonly state: LoadState;
}

/** A livepatch module after the relocations that waited for another module. */
export interface ChangedLivepatch {
  readonly image: LoadedImage;
  readonly livepatch: EnabledLivepatch;
}

/** Where the parts of the module will be. */
export type Placement =
  /** The address of each allocated section, by name, as `/sys/module/NAME/sections` has them. */
  | { readonly kind: 'sections'; readonly addresses: ReadonlyMap<string, bigint> }
  /** The base of each memory area, by the kernel's name for it (see `MemoryKind`). */
  | { readonly kind: 'bases'; readonly bases: ReadonlyMap<MemoryKind, bigint>; readonly percpu?: bigint }
  /** One address: areas follow one another, each on a page of its own. */
  | { readonly kind: 'base'; readonly base: bigint };

/** 6.1 has `core` and `init`; from 6.4 on there are seven areas. */
export type MemoryKind =
  | 'core'
  | 'init'
  | 'text'
  | 'data'
  | 'rodata'
  | 'ro_after_init'
  | 'init_text'
  | 'init_data'
  | 'init_rodata';

export interface LoadRequest {
  /** The file's bytes, unpacked; never changed. */
  readonly bytes: Uint8Array;
  /** What the twin may put the module into: the outcome's image is good until it is cleared. */
  readonly memory?: ReusedMemory;
  readonly kernel: KernelKnowledge;
  readonly placement: Placement;
  /** Modules that are loaded already, by name. */
  readonly modules: ReadonlyMap<string, LoadedModule>;
  /** The module of `modules` that exports a symbol; for callers with many modules, who have an index of them. */
  readonly exporter?: (name: string) => LoadedModule | undefined;
  /** Addresses of the running kernel by symbol, where they differ from the linked ones. */
  readonly running?: (name: string) => bigint | undefined;
  /** What the running kernel's r2 holds, if it was moved. */
  readonly runningToc?: bigint;
  /** Arguments for the module, as `insmod` passes them. */
  readonly parameters?: string;
  /** Taints of the running kernel; a kernel without any, as after booting, unless told. */
  readonly taints?: Iterable<Taint>;
  /** Names of `module_blacklist=`. */
  readonly blacklist?: readonly string[];
  /** Signatures are enforced (`module.sig_enforce`), where the configuration alone does not say so. */
  readonly enforceSignatures?: boolean;
  /** `false`: a signature is read, but not held against the module's bytes. */
  readonly verifySignature?: boolean;
  /** MODULE_INIT_IGNORE_MODVERSIONS and MODULE_INIT_IGNORE_VERMAGIC of finit_module(2). */
  readonly ignoreModversions?: boolean;
  readonly ignoreVermagic?: boolean;
  /**
   * Of a livepatch module also what its init function has klp_enable_patch() do first: the relocations that wait for a module
   * are applied for each of `modules`, whose images have to be there, and the functions to be replaced are looked for.
   */
  readonly enableLivepatch?: boolean;
  /** Only the answer, no bytes: sections are not copied and relocations are checked without being written. */
  readonly checkOnly?: boolean;
}

/** Bytes of a section that only the running machine decides. Offset and length in bytes, from the section's start. */
export interface ExcludedRange {
  readonly offset: number;
  readonly length: number;
  readonly reason: string;
}

export interface LoadedSection {
  /** Index in the file. */
  readonly index: number;
  readonly name: string;
  readonly address: bigint;
  /** Bytes in memory; `.stubs` is as large as the loader makes it. */
  readonly size: number;
  readonly flags: number;
  readonly memory: MemoryKind | 'percpu';
  /** What the kernel's memory holds when the module's own code has not run yet. Empty with `checkOnly`. */
  readonly bytes: Uint8Array;
  readonly excluded: readonly ExcludedRange[];
}

export interface LoadedSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly size: number;
  readonly info: number;
  readonly other: number;
  /** Index of the file's section; SHN_UNDEF for imports. */
  readonly section: number;
}

/** A call stub that the loader wrote into `.stubs`. */
export interface LoadedStub {
  readonly address: bigint;
  readonly target: bigint;
  readonly kind: 'call' | 'tracer' | 'out-of-line';
  /** Name of the symbol that the stub leads to. */
  readonly name: string;
  /** What belongs to it and is no instruction: bytes from `address`, [from, to). */
  readonly data?: readonly [from: number, to: number];
}

/** The module as it would lie in the kernel's memory. */
export interface LoadedImage {
  readonly name: string;
  readonly toc: bigint;
  /** How code finds the second stack of its task in the kernel that the image is for, where that is known. */
  readonly livepatchStack?: LivepatchStack;
  /** Allocated sections, in the order of the file. */
  readonly sections: readonly LoadedSection[];
  readonly symbols: readonly LoadedSymbol[];
  /** Those of `symbols` that are functions of the module. */
  readonly functions: readonly LoadedSymbol[];
  readonly stubs: readonly LoadedStub[];
  /** The tables that kallsyms keeps (`.symtab`, `.strtab`, one type letter a symbol), where the kernel has CONFIG_KALLSYMS. */
  readonly kallsyms?: {
    readonly address: bigint;
    readonly symtab: Uint8Array;
    readonly strtab: Uint8Array;
    readonly types: Uint8Array;
  };
}

/** What the kernel lets pass though it is wrong or fragile, found where the twin walks past it anyway. */
export interface LoaderRemark {
  /** A code of docs/diagnostics.md. */
  readonly code: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly section?: string;
  /** Bytes from the start of `section`. */
  readonly offset?: number;
  readonly function?: string;
}

export interface LoadOutcome {
  readonly loads: boolean;
  /** Name and number of the error that finit_module(2) gives: `ENOEXEC`, 8. */
  readonly errno?: { readonly name: string; readonly number: number };
  /** What the kernel writes to its log meanwhile, in order. */
  readonly log: readonly LogLine[];
  /** The step of the loader that refused. */
  readonly step?: string;
  readonly remarks: readonly LoaderRemark[];
  /** Loading it may crash or corrupt the kernel (the kernel does not check what it reads here). */
  readonly dangerous: boolean;
  /** Why the answer is not sure, a sentence each; empty where it is. */
  readonly unknown: readonly string[];
  /** Taints of the kernel afterwards. */
  readonly taints: ReadonlySet<Taint>;
  readonly image?: LoadedImage;
  /** The module's own exports, for others that import from it. */
  readonly exports: ReadonlyMap<string, ModuleExport>;
  /** Of a livepatch that was to be enabled, for `LoadedModule`. */
  readonly livepatch?: EnabledLivepatch;
  /** Livepatches among the loaded modules that were waiting for this one: what they are from now on, by name. */
  readonly changedLivepatches?: ReadonlyMap<string, ChangedLivepatch>;
  /** Names of the modules whose symbols this one uses. */
  readonly uses: ReadonlySet<string>;
  /** No taint of TAINT_PROPRIETARY_MODULE: others may use GPL-only symbols beside this module's. */
  readonly gplCompatible: boolean;
  readonly name: string;
}
