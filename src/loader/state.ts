/**
 * What one run of the twin works on: the counterpart of the kernel's `struct load_info` and of what it fills in `struct
 * module`. Each step of `steps.ts` reads and fills it in the kernel's order.
 */
import type { KernelKnowledge } from '../kernel/knowledge/model.ts';
import { ArchState } from './arch.ts';
import type { FixupRegion } from './feature-fixups.ts';
import type {
  ChangedLivepatch,
  EnabledLivepatch,
  ExcludedRange,
  LoadedModule,
  LoadedStub,
  LoaderRemark,
  LoadRequest,
  LogLine,
  MemoryKind,
  ModuleExport,
  Taint,
} from './model.ts';
import type { Modinfo } from './modinfo.ts';
import type { LoaderRules } from './rules.ts';
import type { ScreenedRegion } from './tables-screen.ts';
import type { VersionTable } from './versions.ts';

/** The kernel gives up on the module: thrown by a step, caught by `loadModule`. Not an `Error`: no stack is needed. */
export class KernelRefusal {
  readonly errno: ErrnoName;

  constructor(errno: ErrnoName) {
    this.errno = errno;
  }
}

/**
 * With `checkOnly` a step found something that only the module's memory tells: thrown by it, and `loadModule` starts again with
 * the whole image. Stock modules never need that.
 */
export class NeedsImage {}

/** What finit_module(2) may give, with the numbers of powerpc. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  ENOEXEC: 8,
  EAGAIN: 11,
  ENOMEM: 12,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  ERANGE: 34,
  ELOOP: 40,
  EBADMSG: 74,
  EOPNOTSUPP: 95,
  ENOPKG: 65,
  EMSGSIZE: 90,
  ENODATA: 61,
  ENOKEY: 126,
  EKEYREJECTED: 129,
  ENOTSUPP: 524,
  EROFS: 30,
  E2BIG: 7,
} as const;
export type ErrnoName = keyof typeof ERRNO;

/**
 * The section headers as the loader sees and rewrites them: one element a section, section 0 included. Addresses of
 * allocated sections are filled by the layout as two 32-bit halves.
 */
export interface Headers {
  /** Where the table begins: bytes of the file, as its header said before anything was rewritten. */
  readonly table: number;
  readonly count: number;
  readonly name: Uint32Array;
  readonly type: Uint32Array;
  /** Low halves; the high ones are kept only to see whether they are set. */
  readonly flags: Uint32Array;
  readonly flagsHigh: Uint32Array;
  readonly addressLow: Uint32Array;
  readonly addressHigh: Uint32Array;
  /** Bytes; as doubles, exact below 2^53. Larger values fail the kernel's checks, whose outcome they keep. */
  readonly offset: Float64Array;
  readonly size: Float64Array;
  readonly link: Uint32Array;
  readonly info: Uint32Array;
  readonly alignment: Float64Array;
  readonly entrySize: Float64Array;
  /** Text of each name, read when first asked for. */
  text(index: number): string;
  /** Number of each name (see `section-names.ts`): two sections of one known name have the same; 0 for a rare name. */
  readonly nameId: Uint16Array;
}

/** Where a section lies: the memory area, and bytes from the start of that area. */
export interface SectionPlace {
  readonly memory: MemoryKind | 'percpu';
  readonly offset: number;
}

export interface MemoryArea {
  readonly kind: MemoryKind;
  /** Bytes, rounded up as the kernel does. */
  size: number;
  base: bigint;
}

/** Sections of one table of exports; 0 where there is none. */
export interface ExportSections {
  readonly symbols: number;
  readonly crcs: number;
  /** One byte a symbol (7.0); without it `gplOnly` holds for all of the table. */
  readonly flags: number;
  readonly gplOnly: boolean;
}

export class LoadState {
  readonly request: LoadRequest;
  readonly kernel: KernelKnowledge;
  readonly rules: LoaderRules;
  /** The twin's own copy of the file, changed in place as the kernel changes its copy. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** `info->len`: bytes that count, a signature at the end taken off. */
  length: number;
  /** Set by the checks of the header. */
  headers!: Headers;
  /** Bytes of the file where the section names begin (`info->secstrings`). */
  sectionNames = 0;
  /** `mod->name`, from the file's `struct module`: what most messages begin with. */
  name = '';
  /** `info->name`: what .modinfo says, else `mod->name`. Messages about versions and vermagic begin with it. */
  infoName = '';
  /** Indices of sections; 0 where there is none. */
  index = {
    symtab: 0,
    strtab: 0,
    modinfo: 0,
    thisModule: 0,
    versions: 0,
    extCrcs: 0,
    extNames: 0,
    percpu: 0,
    stubs: 0,
    toc: 0,
    mcountRecords: 0,
  };
  /** `mod->state` does not say any more that the module is unformed: a relocation wrote there. */
  foundEarly = false;
  /** TAINT_FORCED_MODULE in `mod->taints`. */
  forced = false;
  /** `sig_ok` */
  signed = false;
  /** Whether `mod->taints` lacks TAINT_PROPRIETARY_MODULE. */
  gplCompatible = true;
  /** kallsyms finds the module (MODULE_STATE_COMING and later): messages name its functions. */
  isFormed = false;
  /** The livepatch that the module's init function enabled. */
  livepatched: EnabledLivepatch | undefined;
  /** Livepatches that this module's coming changed, by name. */
  readonly changed = new Map<string, ChangedLivepatch>();
  /** `mod->klp`: marked as a livepatch module, and the kernel has CONFIG_LIVEPATCH. */
  livepatch = false;
  /** Taints of the running kernel, and messages that it prints only once. */
  readonly taints: Set<Taint>;
  /** `.modinfo` as the loader finds its entries. Set by the checks of the header. */
  modinfo!: Modinfo;
  /** Versions of imports, made when first asked for (see `versions.ts`). */
  versions: VersionTable | undefined;
  /** Leading dots of the names in `__versions` are gone: `module_frob_arch_sections` has run. */
  dedotted = false;
  /** Modules whose symbols this one uses. */
  readonly uses = new Set<string>();
  /** Place of each section by index; `undefined` where it is not kept. */
  places: (SectionPlace | undefined)[] = [];
  areas: MemoryArea[] = [];
  /** Bytes of each allocated section by index, as the loader writes them; not filled with `checkOnly`. */
  contents: (Uint8Array | undefined)[] = [];
  /** st_value of each symbol after resolution, as two halves. */
  symbolLow = new Uint32Array(0);
  symbolHigh = new Uint32Array(0);
  /** What r2 holds in the module. */
  toc = 0n;
  /** What layout and relocation keep for themselves. */
  readonly arch = new ArchState();
  readonly stubs: LoadedStub[] = [];
  readonly excluded = new Map<number, ExcludedRange[]>();
  /** Code that the module's fixup tables name, once they are applied. */
  fixupRegions: readonly FixupRegion[] = [];
  /** The same where there is no memory, by section. */
  screenedRegions: readonly ScreenedRegion[] = [];
  /** Sections that hold the module's exports; found by `find_module_sections`. */
  exportTables: ExportSections[] = [];
  readonly exports = new Map<string, ModuleExport>();
  readonly log: LogLine[] = [];
  readonly remarks: LoaderRemark[] = [];
  dangerous = false;
  /** Why the answer is not sure: things that only the running kernel knows. */
  readonly unknown: string[] = [];
  /** Name of the step that runs, for the outcome. */
  step = '';

  constructor(request: LoadRequest, rules: LoaderRules) {
    this.request = request;
    this.kernel = request.kernel;
    this.rules = rules;
    this.bytes = request.checkOnly
      ? request.bytes
      : (request.memory?.copyOf(request.bytes) ?? new Uint8Array(request.bytes));
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
    this.length = this.bytes.length;
    this.taints = new Set(request.taints);
    this.arch.exact = request.checkOnly !== true;
  }

  /** Writes to the kernel's log; printk cuts long texts. Bytes of the file stand in `text` as Latin-1. */
  print(level: LogLine['level'], text: string): void {
    const limit = this.rules.logTextLimit;
    const shown = text.length > limit ? text.slice(0, limit) : text;
    this.log.push({ level, text: shown });
  }

  /** @throws KernelRefusal */
  refuse(errno: ErrnoName, text?: string, level: LogLine['level'] = 'err'): never {
    if (text !== undefined) this.print(level, text);
    throw new KernelRefusal(errno);
  }

  /** The kernel reads or writes here what it should not: loading may crash or corrupt it. */
  danger(code: string, message: string, section?: string): void {
    this.dangerous = true;
    this.remark({ code, level: 'error', message, ...(section === undefined ? {} : { section }) });
  }

  /** `add_taint`: whether the running kernel had that taint not yet. */
  taint(taint: Taint): boolean {
    if (this.taints.has(taint)) return false;
    this.taints.add(taint);
    return true;
  }

  remark(remark: LoaderRemark): void {
    this.remarks.push(remark);
  }

  exclude(section: number, range: ExcludedRange): void {
    const ranges = this.excluded.get(section);
    if (ranges === undefined) this.excluded.set(section, [range]);
    else ranges.push(range);
  }

  module(name: string): LoadedModule | undefined {
    return this.request.modules.get(name);
  }
}
