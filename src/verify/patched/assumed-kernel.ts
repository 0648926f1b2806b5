/**
 * A kernel that takes a module, made up from the module itself: what the loader twin needs where nobody has said which kernel
 * the module is for. Release and options come from `vermagic` and the tracer's tables, the size of `struct module` from the
 * section that holds it, and the exports are whatever the module imports. So nothing that such a kernel says about symbols
 * means anything; what lies in memory afterwards is what any kernel of that version would have there.
 */
import { SHN_LIVEPATCH, SHN_UNDEF, STT_FUNC } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { ExportTable, KernelKnowledge, KernelOptions, SymbolAddresses } from '../../kernel/knowledge/model.ts';
import { modinfoOf } from '../../kernel/modinfo.ts';
import type { SiteForm } from '../../plan/plan.ts';
import { callSitesOf } from '../../sites/call-sites.ts';

/** Section of a module that becomes the kernel's `struct module`. */
export const THIS_MODULE = '.gnu.linkonce.this_module';

/** Somewhere in a kernel's own text; exports follow one another at these distances (bytes). */
const FIRST_EXPORT = 0xc000_0000_0010_0000n;
const EXPORT_DISTANCE = 0x100n;
const TRACER = ['ftrace_caller', 'ftrace_regs_caller'];
const FIRST_TRACER = 0xc000_0000_0008_0000n;
/** Within reach of the TOC-relative stubs' 32 bits from everything above. */
const KERNEL_TOC = 0xc000_0000_01e7_3100n;

/** The first of Debian's kernels that leave room for the tracer in this way; used where no vermagic tells. */
const VERSIONS: Readonly<Record<SiteForm, readonly [number, number]>> = {
  'mprofile-kernel': [6, 1],
  'mprofile-kernel-lr': [6, 1],
  pg: [6, 1],
  patchable: [6, 12],
  'patchable-out-of-line': [7, 2],
};

/**
 * @param isElsewhere imports that another module is known to export
 * @throws InputError where symbols or tracer tables are damaged
 */
export function assumedKernel(elf: ElfFile, isElsewhere: (symbol: string) => boolean = () => false): KernelKnowledge {
  const vermagic = modinfoOf(elf).find(e => e.key === 'vermagic')?.value ?? '';
  const release = vermagic.split(' ')[0]!;
  const form = callSitesOf(elf).sites[0]?.form;
  const told = /^(\d+)\.(\d+)/.exec(release);
  const exports = exportTable(importsOf(elf).filter(name => !isElsewhere(name)));
  return {
    release,
    version: told === null ? (VERSIONS[form ?? 'mprofile-kernel'] ?? [6, 1]) : [Number(told[1]), Number(told[2])],
    vermagic,
    buildId: '',
    toc: KERNEL_TOC,
    options: optionsFor(elf, new Set(vermagic.split(' ')), form),
    structures: {
      moduleSize: elf.sectionNamed(THIS_MODULE)?.sh_size ?? 0,
      moduleFields: {},
      sizes: {},
      source: 'module',
    },
    exports,
    symbols: symbolAddresses(elf, exports),
    assumptions: ['all of this kernel is assumed from the module'],
  };
}

function optionsFor(elf: ElfFile, words: ReadonlySet<string>, form: SiteForm | undefined): KernelOptions {
  const isPatchable = form === 'patchable' || form === 'patchable-out-of-line';
  return {
    modversions: words.has('modversions'),
    extendedModversions: false,
    moduleSig: false,
    moduleSigForce: false,
    // Code for unloading is kept, so that it can be judged.
    moduleUnload: true,
    moduleForceLoad: true,
    allowMissingNamespaces: true,
    livepatch: modinfoOf(elf).some(e => e.key === 'livepatch'),
    dynamicFtrace: true,
    dynamicFtraceWithRegs: true,
    mprofileKernel: form !== 'pg',
    patchableFunctionEntry: isPatchable,
    ftraceOutOfLine: form === 'patchable-out-of-line',
    ftraceCallOps: form === 'patchable-out-of-line',
    pcrel: usesPcrel(elf),
    kallsyms: true,
    kallsymsAll: false,
    jumpLabel: true,
    genericBug: true,
    smp: true,
    strictModuleRwx: true,
    // What follows only decides which data the kernel takes for its own.
    dynamicDebug: false,
    tracepoints: true,
    eventTracing: false,
    bpfEvents: false,
    btfModules: false,
    allowBtfMismatch: true,
    relocatable: true,
    pageSize: 65536,
  };
}

/** Functions that treat r2 as any other register (1 in st_other) come from kernels with CONFIG_PPC_KERNEL_PCREL. */
function usesPcrel({ symbols }: ElfFile): boolean {
  for (let i = 1; symbols !== undefined && i < symbols.count; i++)
    if (symbols.type(i) === STT_FUNC && symbols.st_other(i) >>> 5 === 1) return true;
  return false;
}

function importsOf({ symbols }: ElfFile): string[] {
  const names = new Set<string>();
  for (let i = 1; symbols !== undefined && i < symbols.count; i++)
    if (symbols.rawSection(i) === SHN_UNDEF) names.add(symbols.name(i));
  return [...names];
}

function exportTable(names: readonly string[]): ExportTable {
  const indexes = new Map(names.map((name, i) => [name, i]));
  const address = (i: number) => FIRST_EXPORT + BigInt(i) * EXPORT_DISTANCE;
  return {
    count: names.length,
    find: name => indexes.get(name) ?? -1,
    findBytes: (bytes, start) => {
      const end = bytes.indexOf(0, start);
      return indexes.get(Buffer.from(bytes.subarray(start, end < 0 ? undefined : end)).toString('utf8')) ?? -1;
    },
    name: i => names[i]!,
    address,
    addressLow: i => Number(address(i) & 0xffff_ffffn),
    addressHigh: i => Number(address(i) >> 32n),
    crc: () => undefined,
    gplOnly: () => false,
    namespace: () => '',
  };
}

/** `.klp.sym.vmlinux.NAME,POSITION`: a symbol of the kernel that a livepatch module names; position 0 means the only one. */
const LIVEPATCH_SYMBOL = /^\.klp\.sym\.vmlinux\.(.+),(\d+)$/;

function symbolAddresses({ symbols }: ElfFile, exports: ExportTable): SymbolAddresses {
  const found = new Map<string, readonly bigint[]>();
  TRACER.forEach((name, i) => {
    found.set(name, [FIRST_TRACER + BigInt(i) * EXPORT_DISTANCE]);
  });
  for (let i = 1; symbols !== undefined && i < symbols.count; i++) {
    if (symbols.rawSection(i) !== SHN_LIVEPATCH) continue;
    const [, name, position] = LIVEPATCH_SYMBOL.exec(symbols.name(i)) ?? [];
    if (name === undefined) continue;
    const count = Math.max(Number(position), found.get(name)?.length ?? 1, 1);
    found.set(
      name,
      Array.from({ length: Math.min(count, 1000) }, (_, k) => FIRST_TRACER + BigInt((i + 4) * 16 + k * 4)),
    );
  }
  for (let i = 0; i < exports.count; i++) found.set(exports.name(i), [exports.address(i)]);
  return { count: found.size, find: name => found.get(name) ?? [] };
}
