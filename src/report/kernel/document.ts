/** What `tocsin kernel` says of a kernel: the summary of its index. */
import type { KernelKnowledge, KernelOptions, KernelStructures, LivepatchStack } from '../../kernel/knowledge/model.ts';
import { hex } from '../../util/bytes.ts';
import { printable } from '../../util/printable.ts';
import { columns } from '../columns.ts';

export interface KernelDocument {
  readonly schema: 'tocsin.kernel/1';
  /** As it was given; null where the kernel was put together from pieces. */
  readonly file: string | null;
  /** The index that was written; null where none was. */
  readonly output: string | null;
  /** Bytes of the index. */
  readonly size: number;
  readonly release: string;
  readonly version: readonly [number, number];
  readonly vermagic: string;
  /** null where the image has none. */
  readonly buildId: string | null;
  readonly toc: string;
  readonly exports: {
    readonly count: number;
    readonly gplOnly: number;
    readonly withChecksum: number;
    /** Number of symbols by namespace. */
    readonly namespaces: Readonly<Record<string, number>>;
  };
  /** Names of all symbols, exported or not. */
  readonly symbols: number;
  readonly options: KernelOptions;
  readonly structures: KernelStructures;
  /** Absent where tasks have no second stack, or it is not known where. */
  readonly livepatchStack?: LivepatchStack;
  /** Paths of the files that were read, by what they are. */
  readonly sources: Readonly<Record<string, string>>;
  readonly assumptions: readonly string[];
}

export interface KernelFiles {
  readonly file: string | undefined;
  readonly output: string | undefined;
  readonly size: number;
  readonly sources: Readonly<Record<string, string>>;
}

export function kernelDocument(kernel: KernelKnowledge, files: KernelFiles): KernelDocument {
  const { exports } = kernel;
  let gplOnly = 0;
  let withChecksum = 0;
  const namespaces = new Map<string, number>();
  for (let i = 0; i < exports.count; i++) {
    if (exports.gplOnly(i)) gplOnly++;
    if (exports.crc(i) !== undefined) withChecksum++;
    const namespace = exports.namespace(i);
    if (namespace !== '') namespaces.set(namespace, (namespaces.get(namespace) ?? 0) + 1);
  }
  return {
    schema: 'tocsin.kernel/1',
    file: files.file ?? null,
    output: files.output ?? null,
    size: files.size,
    release: kernel.release,
    version: kernel.version,
    vermagic: kernel.vermagic,
    buildId: kernel.buildId === '' ? null : kernel.buildId,
    toc: hex(kernel.toc),
    exports: {
      count: exports.count,
      gplOnly,
      withChecksum,
      namespaces: Object.fromEntries([...namespaces].sort(([a], [b]) => (a < b ? -1 : 1))),
    },
    symbols: kernel.symbols.count,
    options: kernel.options,
    structures: kernel.structures,
    ...(kernel.livepatchStack && { livepatchStack: kernel.livepatchStack }),
    sources: files.sources,
    assumptions: kernel.assumptions,
  };
}

const SOURCES = {
  btf: "the kernel's BTF",
  dwarf: "the kernel's DWARF",
  module: 'a module of this kernel',
  table: 'a measured kernel of the same layout',
  given: 'given by hand',
} as const;

const STACK_SOURCES = { handler: "the kernel's own handler", given: 'what was given by hand' } as const;

/** @param verbose sizes of structures and the files that were read, too */
export function kernelText(document: KernelDocument, verbose: boolean): string {
  const { exports, options, structures, livepatchStack: stack } = document;
  const on = Object.entries(options).flatMap(([name, value]) => (value === true ? [name] : []));
  const off = Object.entries(options).flatMap(([name, value]) => (value === false ? [name] : []));
  const rows: string[][] = [
    ['release', document.release],
    ['vermagic', document.vermagic.trimEnd()],
    ['build id', document.buildId ?? 'none'],
    ['TOC', document.toc],
    [
      'exports',
      `${exports.count}, ${exports.gplOnly} of them GPL only, ${exports.withChecksum} with a checksum, ${Object.keys(exports.namespaces).length} namespaces`,
    ],
    ['symbols', `${document.symbols} names`],
    ['page', `${options.pageSize} bytes`],
    ['struct module', `${structures.moduleSize} bytes, from ${SOURCES[structures.source]}`],
    ...(stack === undefined
      ? []
      : [['livepatch', `stack at ${stack.threadInfo}(r13), ${stack.sp}, from ${STACK_SOURCES[stack.source]}`]]),
    ['on', on.join(' ')],
    ['off', off.join(' ')],
  ];
  if (verbose) {
    rows.push([
      'structures',
      Object.entries(structures.sizes)
        .map(pair => pair.join(' '))
        .join(', '),
    ]);
    for (const [kind, path] of Object.entries(document.sources)) rows.push([kind, path]);
  }
  for (const assumption of document.assumptions) rows.push(['assumed', assumption]);
  if (document.output !== null) rows.push(['written', `${document.output}, ${document.size} bytes`]);
  return `${columns(rows.map(([key, value]) => [key!, printable(value!)]))}\n`;
}
