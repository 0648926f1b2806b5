/**
 * What is known of a kernel, made up for unit tests: Debian's options and structure sizes of a generation, and just the exports
 * that the samples import. Tests change single facts.
 */
import type {
  ExportTable,
  KernelKnowledge,
  KernelOptions,
  KernelStructures,
  SymbolAddresses,
} from '../../src/kernel/knowledge/model.ts';

export type Generation = '6.1' | '6.12' | '7.2';

export interface ExportSpec {
  readonly name: string;
  /** Where it is left out: one after the other from `FIRST_EXPORT`, 256 bytes apart. */
  readonly address?: bigint;
  readonly crc?: number | undefined;
  readonly gplOnly?: boolean;
  readonly namespace?: string;
}

export interface KnowledgeSpec {
  /** Whose defaults to take: 6.1 unless told. */
  readonly generation?: Generation;
  readonly release?: string;
  readonly version?: readonly [major: number, minor: number];
  readonly vermagic?: string;
  readonly toc?: bigint;
  readonly options?: Partial<KernelOptions>;
  readonly moduleSize?: number;
  readonly moduleFields?: Readonly<Record<string, number>>;
  readonly sizes?: Readonly<Record<string, number>>;
  /** Added to the defaults; one of the same name takes the place of a default. */
  readonly exports?: readonly ExportSpec[];
  /** Names of default exports to leave out. */
  readonly without?: readonly string[];
  /** Symbols beside the exports, with all their addresses. */
  readonly symbols?: Readonly<Record<string, readonly bigint[]>>;
  /** DER; without it, that they are not known. */
  readonly certificates?: readonly Uint8Array[];
  /** Names of /sys/module. */
  readonly builtin?: readonly string[];
}

const FIRST_EXPORT = 0xc000_0000_0010_0000n;

/** Checksums by symbol: 6.1's, 6.12's. 7.2 has none. */
const DEFAULT_EXPORTS: readonly (readonly [name: string, crc61?: number, crc612?: number])[] = [
  ['module_layout', 0xd82c4d06, 0xed710e4c],
  ['_mcount', 0x9514151a],
  ['_printk', 0x92997ed8, 0x92997ed8],
  ['memcpy', 0x4829a47e, 0x4829a47e],
  ['memset', 0xdcb764ad, 0xdcb764ad],
  ['strcmp', 0xe2d5255a, 0xe2d5255a],
  ['sscanf', 0xbcab6ee6, 0xbcab6ee6],
  ['scnprintf', 0x96848186, 0x96848186],
  ['int_sqrt', 0xb678366f, 0xb678366f],
  ['mutex_lock', 0x4dfa8d4b, 0xf73681e0],
  ['mutex_unlock', 0x3213f038, 0x031ed73f],
  ['__cond_resched', 0x0800473f, 0x0800473f],
  ['__stack_chk_fail', 0xbb95fb10, 0xf0fdf6cb],
  ['__arch_hweight64', 0x72c98139, 0x72c98139],
  ['param_ops_ulong', 0x16ad7749, 0xc26a8a7c],
  ['param_ops_int', 0x9debad72, 0x8cd379bc],
  ['param_ops_uint', 0xa05bc834, 0xdc961f57],
  ['param_ops_charp', 0xc6c299be, 0x1205648b],
  ['param_ops_bool', 0xd4292e14, 0xa8e4f977],
  ['param_array_ops', 0xbb31eaef, 0x6ff617da],
  ['__ubsan_handle_out_of_bounds', 0x11111111, 0x22222222],
];

const OPTIONS_61: KernelOptions = {
  modversions: true,
  extendedModversions: false,
  moduleSig: true,
  moduleSigForce: false,
  moduleUnload: true,
  moduleForceLoad: true,
  allowMissingNamespaces: false,
  livepatch: false,
  dynamicFtrace: true,
  dynamicFtraceWithRegs: true,
  mprofileKernel: true,
  patchableFunctionEntry: false,
  ftraceOutOfLine: false,
  ftraceCallOps: false,
  pcrel: false,
  kallsyms: true,
  kallsymsAll: false,
  jumpLabel: true,
  genericBug: true,
  smp: true,
  strictModuleRwx: true,
  dynamicDebug: true,
  tracepoints: true,
  eventTracing: true,
  bpfEvents: true,
  btfModules: false,
  allowBtfMismatch: false,
  relocatable: true,
  pageSize: 65536,
};

const SIZES = { kernel_param: 40, kernel_symbol: 24, exception_table_entry: 8, bug_entry: 12, jump_entry: 16 };

interface Defaults {
  readonly release: string;
  readonly version: readonly [number, number];
  readonly vermagic: string;
  readonly options: KernelOptions;
  readonly moduleSize: number;
  readonly moduleFields: Readonly<Record<string, number>>;
}

/** As Debian's kernels have them; `name` and `init` as the modules' own relocations and bytes show. */
const DEFAULTS: Readonly<Record<Generation, Defaults>> = {
  '6.1': {
    release: '6.1.0-50-powerpc64le',
    version: [6, 1],
    vermagic: '6.1.0-50-powerpc64le SMP mod_unload modversions mprofile-kernel relocatable ',
    options: OPTIONS_61,
    moduleSize: 0x400,
    moduleFields: { name: 0x18, init: 0x138, exit: 0x3b0 },
  },
  '6.12': {
    release: '6.12.107+deb13-powerpc64le',
    version: [6, 12],
    vermagic: '6.12.107+deb13-powerpc64le SMP mod_unload modversions patchable-function-entry relocatable ',
    options: {
      ...OPTIONS_61,
      patchableFunctionEntry: true,
      kallsymsAll: true,
      btfModules: true,
      allowBtfMismatch: true,
      pageSize: 4096,
    },
    moduleSize: 0x580,
    moduleFields: { name: 0x18, init: 0x138, exit: 0x4f0 },
  },
  '7.2': {
    release: '7.2.13+deb14-powerpc64le',
    version: [7, 2],
    vermagic: '7.2.13+deb14-powerpc64le SMP preempt mod_unload patchable-function-entry relocatable ',
    options: {
      ...OPTIONS_61,
      modversions: false,
      patchableFunctionEntry: true,
      ftraceOutOfLine: true,
      ftraceCallOps: true,
      kallsymsAll: true,
      btfModules: true,
      pageSize: 4096,
    },
    moduleSize: 0x580,
    moduleFields: { name: 0x18, init: 0x130, exit: 0x4f0 },
  },
};

/** A kernel that takes the samples of its generation. */
export function knowledge(spec: KnowledgeSpec = {}): KernelKnowledge {
  const generation = spec.generation ?? '6.1';
  const defaults = DEFAULTS[generation];
  const exports = exportTable(exportSpecs(generation, spec));
  const structures: KernelStructures = {
    moduleSize: spec.moduleSize ?? defaults.moduleSize,
    moduleFields: spec.moduleFields ?? defaults.moduleFields,
    sizes: { ...SIZES, ...spec.sizes },
    source: 'given',
  };
  return {
    release: spec.release ?? defaults.release,
    version: spec.version ?? defaults.version,
    vermagic: spec.vermagic ?? defaults.vermagic,
    buildId: '00'.repeat(20),
    toc: spec.toc ?? 0xc000_0000_01e7_3100n,
    options: { ...defaults.options, ...spec.options },
    structures,
    exports,
    symbols: symbolAddresses(exports, spec.symbols ?? {}),
    assumptions: [],
    ...(spec.builtin && { builtin: spec.builtin }),
    ...(spec.certificates && { certificates: spec.certificates }),
  };
}

function exportSpecs(generation: Generation, spec: KnowledgeSpec): ExportSpec[] {
  const specs = new Map<string, ExportSpec>();
  for (const [name, crc61, crc612] of DEFAULT_EXPORTS) {
    const crc = generation === '6.1' ? crc61 : generation === '6.12' ? crc612 : undefined;
    // Only kernels with symbol versions export module_layout, and only 6.1 exports _mcount.
    const isThere = crc !== undefined || (generation === '7.2' && name !== 'module_layout' && name !== '_mcount');
    if (isThere && !spec.without?.includes(name)) specs.set(name, { name, crc });
  }
  for (const given of spec.exports ?? []) specs.set(given.name, given);
  return [...specs.values()];
}

function exportTable(specs: readonly ExportSpec[]): ExportTable {
  const indexes = new Map(specs.map((s, i) => [s.name, i]));
  const address = (i: number) => specs[i]!.address ?? FIRST_EXPORT + BigInt(i) * 0x100n;
  return {
    count: specs.length,
    find: name => indexes.get(name) ?? -1,
    findBytes: (bytes, start) => {
      const end = bytes.indexOf(0, start);
      return indexes.get(Buffer.from(bytes.subarray(start, end < 0 ? undefined : end)).toString('latin1')) ?? -1;
    },
    name: i => specs[i]!.name,
    address,
    addressLow: i => Number(address(i) & 0xffff_ffffn),
    addressHigh: i => Number(address(i) >> 32n),
    crc: i => specs[i]!.crc,
    gplOnly: i => specs[i]!.gplOnly ?? false,
    namespace: i => specs[i]!.namespace ?? '',
  };
}

function symbolAddresses(exports: ExportTable, more: Readonly<Record<string, readonly bigint[]>>): SymbolAddresses {
  const addresses = new Map<string, readonly bigint[]>();
  for (const name of ['ftrace_caller', 'ftrace_regs_caller'])
    addresses.set(name, [0xc000_0000_0008_0000n + BigInt(addresses.size) * 0x200n]);
  for (let i = 0; i < exports.count; i++) addresses.set(exports.name(i), [exports.address(i)]);
  for (const [name, list] of Object.entries(more)) addresses.set(name, list);
  return { count: addresses.size, find: name => addresses.get(name) ?? [] };
}
