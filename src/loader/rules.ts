/** How the loaders of the kernel's versions differ: data, so that each step reads as one text. Ranges by version. */
import type { KernelKnowledge } from '../kernel/knowledge/model.ts';

export interface LoaderRules {
  /** Seven memory areas instead of core and init (6.4). */
  readonly memoryAreas: boolean;
  /** The ELF header's e_flags must say ABI 2 (6.2). */
  readonly wantsAbi2: boolean;
  /** Out-of-line tracer stubs are reserved behind the call stubs. */
  readonly outOfLineStubs: boolean;
  /**
   * How the ELF file is checked: `plain` in elf_validity_check, sections found afterwards (to 6.3); `cached` in one loop that
   * also finds them (6.4); `split` in small functions that check every name (6.13).
   */
  readonly validity: 'plain' | 'cached' | 'split';
  /** vermagic and a loaded module of the same name are looked at before anything is laid out (6.4; in 6.1 afterwards). */
  readonly earlyCheck: boolean;
  /** `__version_ext_crcs` and `__version_ext_names` (6.14). */
  readonly extendedVersions: boolean;
  /** `__kflagstab` says which exports are GPL-only; `__ksymtab_gpl` is ignored (7.0). */
  readonly exportFlags: boolean;
  /** Export namespaces `module:NAME` (6.16), which nobody may import by name. */
  readonly moduleNamespaces: boolean;
  /** A section name that is there twice stops the module; before 6.12 sysfs only complained. */
  readonly sectionAttributesMayFail: boolean;
  /** kstrtobool takes e, E, d and D ("enable", "disable") as well (6.13). */
  readonly enableDisable: boolean;
  /** Every section named like a read-only-after-init one counts, not only the first allocated one (6.13). */
  readonly marksAllReadOnlyAfterInit: boolean;
  /** lib/sort.c takes two elements at a time from the heap (6.11), which orders equal keys in another way. */
  readonly doublePopSort: boolean;
  /** The loader counts the stubs in use (6.13); before, an empty slot ends the list and one is kept empty. */
  readonly stubsCounted: boolean;
  /** A stub has to start on an 8-byte boundary (6.4). */
  readonly alignedStubs: boolean;
  /** The slot after a call may already hold the restore of r2 (6.3). */
  readonly acceptsRestore: boolean;
  /** Relocations of the per-cpu section are applied before it is copied (7.0; before, they were left out). */
  readonly relocatesPercpu: boolean;
  /** The header of .BTF tells of a layout of the types as well (7.0). */
  readonly btfLayout: boolean;
  /** The message about a wrong livepatch symbol says where it is used (6.17). */
  readonly livepatchTellsPlace: boolean;
  /** Letters of flags in queries for dynamic debugging; `s` came in 6.2. */
  readonly debugFlags: string;
  /** Characters of one record of the kernel's log; printk cuts the rest off. */
  readonly logTextLimit: number;
  /** The tracer follows a recorded call to its stub and asks where that leads (to 6.5). */
  readonly tracerReadsTargets: boolean;
  /** The tracer makes a nop of the `std r0,16(r1)` of older compilers (6.13). */
  readonly tracerDropsLinkSave: boolean;
  /** `struct srcu_struct` ends with a pointer to what updates need (6.4). */
  readonly srcuUsage: boolean;
  /** The tracer takes events of livepatch modules as well (6.2). */
  readonly tracesLivepatches: boolean;
  /** The fields of trace events have a bit that the kernel sets when it looks through their texts (6.12 of Debian, 6.13). */
  readonly tracerMarksFields: boolean;
}

/** Rules of the kernel's version; versions between those that were measured follow the nearest earlier one. */
export function rulesFor(kernel: KernelKnowledge): LoaderRules {
  const at = kernel.version[0] * 1000 + kernel.version[1];
  return {
    memoryAreas: at >= 6004,
    wantsAbi2: at >= 6002,
    outOfLineStubs: kernel.options.ftraceOutOfLine,
    validity: at >= 6013 ? 'split' : at >= 6004 ? 'cached' : 'plain',
    earlyCheck: at >= 6004,
    extendedVersions: at >= 6014,
    exportFlags: at >= 7000,
    moduleNamespaces: at >= 6016,
    sectionAttributesMayFail: at >= 6012,
    enableDisable: at >= 6013,
    marksAllReadOnlyAfterInit: at >= 6013,
    doublePopSort: at >= 6011,
    stubsCounted: at >= 6013,
    alignedStubs: at >= 6004,
    acceptsRestore: at >= 6003,
    relocatesPercpu: at >= 7000,
    btfLayout: at >= 7000,
    livepatchTellsPlace: at >= 6017,
    debugFlags: at >= 6002 ? 'pmfslt_' : 'pmflt_',
    logTextLimit: at >= 6004 ? 1023 : 991,
    tracerReadsTargets: at < 6006,
    tracerDropsLinkSave: at >= 6013,
    srcuUsage: at >= 6004,
    tracesLivepatches: at >= 6002,
    tracerMarksFields: at >= 6012,
  };
}
