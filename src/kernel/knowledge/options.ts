/**
 * Which options matter to the loader, and how each is known: from the configuration where there is one, else from what the
 * option leaves in an image. A `trace` that is certain is also held against the configuration, so that the .config of another
 * build is noticed; one that is a guess is told to the user.
 */
import { InputError } from '../../util/errors.ts';
import type { Configuration } from './config.ts';
import type { KernelOptions } from './model.ts';

/** What is asked of an image without its configuration. */
export interface Traces {
  readonly version: readonly [major: number, minor: number];
  /** The words of vermagic behind the release. */
  readonly words: ReadonlySet<string>;
  /** `linux_banner`. */
  readonly banner: string;
  /** Whether the image has a symbol of that name. */
  has(symbol: string): boolean;
  /** Whether `.rodata` holds a text. */
  holdsText(text: string): boolean | undefined;
  /** A byte of data; `undefined` where it cannot be read. */
  byteAt(symbol: string): number | undefined;
  /** 32 bits of data, by symbol. */
  wordAt(symbol: string): number | undefined;
  address(symbol: string): bigint | undefined;
  sizeOf(symbol: string): number | undefined;
  /** Global entries of a function that needs r2: 1 in st_other says the kernel was built PC-relative. */
  usesPcrel(): boolean | undefined;
  /** How many symbols have an address in [start, end). */
  countBetween(start: bigint, end: bigint): number;
}

interface Row {
  readonly name: Exclude<keyof KernelOptions, 'pageSize'>;
  /** Names in the configuration, without `CONFIG_`; one that is set is enough. */
  readonly config: readonly string[];
  readonly trace?: (image: Traces) => boolean | undefined;
  /** The trace is the option's own; otherwise it is a guess. */
  readonly certain?: boolean;
  /** Without configuration and trace. */
  readonly otherwise?: boolean;
}

const word =
  (text: string) =>
  (image: Traces): boolean =>
    image.words.has(text);
const symbol =
  (name: string) =>
  (image: Traces): boolean =>
    image.has(name);
const text =
  (wanted: string) =>
  (image: Traces): boolean | undefined =>
    image.holdsText(wanted);
/** KERN_WARNING before the message of a missing import; without the option it is an error. */
const NAMESPACE_WARNING = '\u00014%s: module uses symbol (%s) from namespace %s';

const ROWS: readonly Row[] = [
  { name: 'modversions', config: ['MODVERSIONS'], trace: word('modversions'), certain: true },
  { name: 'moduleSig', config: ['MODULE_SIG'], trace: symbol('module_sig_check'), certain: true },
  { name: 'moduleSigForce', config: ['MODULE_SIG_FORCE'], trace: image => sigForce(image) },
  { name: 'moduleUnload', config: ['MODULE_UNLOAD'], trace: word('mod_unload'), certain: true },
  { name: 'moduleForceLoad', config: ['MODULE_FORCE_LOAD'], trace: text('%s: %s: kernel tainted.') },
  {
    name: 'allowMissingNamespaces',
    config: ['MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS'],
    trace: text(NAMESPACE_WARNING),
  },
  { name: 'livepatch', config: ['LIVEPATCH'], trace: symbol('klp_module_coming'), certain: true },
  { name: 'dynamicFtrace', config: ['DYNAMIC_FTRACE'], trace: symbol('ftrace_release_mod'), certain: true },
  {
    name: 'dynamicFtraceWithRegs',
    config: ['DYNAMIC_FTRACE_WITH_REGS', 'DYNAMIC_FTRACE_WITH_ARGS'],
    trace: symbol('ftrace_regs_caller'),
    certain: true,
  },
  { name: 'mprofileKernel', config: ['MPROFILE_KERNEL'], trace: image => mprofile(image) },
  {
    name: 'patchableFunctionEntry',
    config: ['ARCH_USING_PATCHABLE_FUNCTION_ENTRY'],
    trace: word('patchable-function-entry'),
    certain: true,
  },
  { name: 'ftraceOutOfLine', config: ['PPC_FTRACE_OUT_OF_LINE'], trace: symbol('ftrace_ool_stub_text_end') },
  { name: 'ftraceCallOps', config: ['DYNAMIC_FTRACE_WITH_CALL_OPS'], trace: symbol('ftrace_nop_ops') },
  { name: 'pcrel', config: ['PPC_KERNEL_PCREL'], trace: image => image.usesPcrel() },
  { name: 'kallsyms', config: ['KALLSYMS'], trace: symbol('kallsyms_num_syms'), certain: true },
  { name: 'kallsymsAll', config: ['KALLSYMS_ALL'], trace: image => kallsymsAll(image) },
  { name: 'jumpLabel', config: ['JUMP_LABEL'], trace: symbol('arch_jump_label_transform'), certain: true },
  { name: 'genericBug', config: ['GENERIC_BUG'], trace: symbol('module_bug_finalize'), certain: true },
  { name: 'smp', config: ['SMP'], trace: word('SMP'), certain: true },
  // The powerpc default since 5.14; nothing in an image tells it (IS_ENABLED since 6.9).
  { name: 'strictModuleRwx', config: ['STRICT_MODULE_RWX'], otherwise: true },
  { name: 'dynamicDebug', config: ['DYNAMIC_DEBUG', 'DYNAMIC_DEBUG_CORE'], trace: symbol('__dynamic_pr_debug') },
  { name: 'tracepoints', config: ['TRACEPOINTS'], trace: symbol('register_tracepoint_module_notifier') },
  { name: 'eventTracing', config: ['EVENT_TRACING'], trace: symbol('trace_event_raw_init') },
  { name: 'bpfEvents', config: ['BPF_EVENTS'], trace: symbol('bpf_get_raw_tracepoint') },
  { name: 'btfModules', config: ['DEBUG_INFO_BTF_MODULES'], trace: symbol('btf_module_notify') },
  {
    name: 'allowBtfMismatch',
    config: ['MODULE_ALLOW_BTF_MISMATCH'],
    trace: text('Kernel module BTF mismatch detected'),
  },
  { name: 'relocatable', config: ['RELOCATABLE'], trace: word('relocatable'), certain: true },
];

/** `sig_enforce` begins as the configuration has it. */
function sigForce(image: Traces): boolean | undefined {
  if (!image.has('module_sig_check')) return false;
  const byte = image.byteAt('sig_enforce');
  return byte === undefined ? undefined : byte !== 0;
}

/** vermagic names the newer way where a kernel has both. */
function mprofile(image: Traces): boolean {
  if (image.words.has('mprofile-kernel')) return true;
  return image.words.has('patchable-function-entry') && /\bgcc\b/.test(image.banner);
}

/** Without the option kallsyms holds what lies in .text and .init.text, and nothing else. */
function kallsymsAll(image: Traces): boolean | undefined {
  if (!image.has('kallsyms_num_syms')) return false;
  const listed = image.wordAt('kallsyms_num_syms');
  let inText = 0;
  for (const [start, end] of [
    ['_stext', '_etext'],
    ['_sinittext', '_einittext'],
  ] as const) {
    const from = image.address(start);
    const to = image.address(end);
    if (from === undefined || to === undefined) return undefined;
    inText += image.countBetween(from, to);
  }
  return listed === undefined ? undefined : listed > inText * 1.1;
}

/** From 6.14 on, any kernel with CONFIG_MODVERSIONS reads `__version_ext_*` (kernel/module/version.c). */
const EXTENDED_SINCE = 6014;

/**
 * @param image `undefined` where there are only pieces beside the configuration
 * @param assumptions what is not certain is added
 * @throws InputError KER022 where the configuration belongs to another kernel, or neither it nor the image tells the page size
 */
export function optionsFrom(image: Traces, config: Configuration | undefined, assumptions: string[]): KernelOptions {
  const values: Partial<Record<Row['name'], boolean>> = {};
  const guessed: string[] = [];
  for (const row of ROWS) {
    const traced = row.trace?.(image);
    if (config !== undefined) {
      const set = row.config.some(name => config.get(name) === 'y');
      if (row.certain === true && traced !== undefined && traced !== set)
        throw otherConfig(`CONFIG_${row.config[0]}=${traced ? 'y' : 'n'}, as in the image`, set ? 'y' : 'n');
      values[row.name] = set;
      continue;
    }
    values[row.name] = traced ?? row.otherwise ?? false;
    if (row.certain !== true) guessed.push(`${row.name} ${values[row.name] ? 'on' : 'off'}`);
  }
  if (config === undefined) {
    assumptions.push('no configuration: options are told from the words of vermagic and the symbols of the image');
    assumptions.push(`options without a trace of their own: ${guessed.join(', ')}`);
  }
  const at = image.version[0] * 1000 + image.version[1];
  const extendedModversions = values.modversions === true && at >= EXTENDED_SINCE;
  return { ...(values as Required<typeof values>), extendedModversions, pageSize: pageSize(image, config) };
}

/** Bytes. `empty_zero_page` is one page. */
function pageSize(image: Traces, config: Configuration | undefined): number {
  const traced = image.sizeOf('empty_zero_page');
  const known = traced === 4096 || traced === 65536 ? traced : undefined;
  const shift = config?.get('PPC_PAGE_SHIFT') ?? config?.get('PAGE_SHIFT');
  const configured =
    config?.get('PPC_64K_PAGES') === 'y'
      ? 65536
      : config?.get('PPC_4K_PAGES') === 'y'
        ? 4096
        : shift !== undefined && /^\d\d$/.test(shift)
          ? 2 ** Number(shift)
          : undefined;
  if (known !== undefined && configured !== undefined && known !== configured)
    throw otherConfig(`pages of ${known} bytes, as in the image`, `${configured}`);
  const size = configured ?? known;
  if (size === undefined)
    throw new InputError({
      code: 'KER023',
      message: 'the size of a page is not known',
      expected: 'a configuration, or an image whose symbols have sizes',
      found: 'neither',
      remedy: 'give --config /boot/config-RELEASE',
    });
  return size;
}

function otherConfig(expected: string, found: string): InputError {
  return new InputError({
    code: 'KER022',
    message: 'the configuration is not of this kernel',
    expected,
    found,
    remedy: 'give the .config of the same build, or leave --config out',
  });
}
