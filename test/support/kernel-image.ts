/**
 * A tiny kernel image for tests: the tables that tocsin reads a kernel's knowledge from, and nothing that could run. Values
 * stand in the file, or, as in a relocatable kernel, come from `.rela.dyn` only.
 */
import { ET, ObjectBuilder, R, SHF, SHT, STB, STT } from './object-builder.ts';

export interface ImageExport {
  readonly name: string;
  readonly address: bigint;
  readonly crc?: number;
  readonly gplOnly?: boolean;
  readonly namespace?: string;
}

export interface ImageSpec {
  readonly exports?: readonly ImageExport[];
  /** Two tables with checksums (6.1 and 6.12), or one with flags (7.2). */
  readonly layout?: 'gpl-table' | 'flags';
  readonly entries?: 'absolute' | 'relocated' | 'relative';
  readonly vermagic?: string;
  readonly banner?: string;
  readonly release?: string;
  readonly config?: Uint8Array;
  readonly btf?: Uint8Array;
  /** Bytes at `IMAGE_DATA`. */
  readonly data?: Uint8Array;
  readonly stripped?: boolean;
  /** Names of symbols to leave out. */
  readonly without?: readonly string[];
  /** More symbols: their addresses. */
  readonly symbols?: Readonly<Record<string, bigint>>;
  /** Bytes to cut from the end of `__kcrctab` or `__kflagstab`. */
  readonly cutChecksums?: number;
  readonly pageSize?: number;
}

export const RELEASE = '6.1.0-test-powerpc64le';
const BASE = 0xc000_0000_0000_0000n;
const TEXT = BASE + 0x8000n;
const RODATA = BASE + 0x10000n;
const KSYMTAB = BASE + 0x20000n;
const CRCS = BASE + 0x30000n;
const STRINGS = BASE + 0x40000n;
const NOTES = BASE + 0x50000n;
const GOT = BASE + 0x60000n;
export const IMAGE_DATA = BASE + 0x80000n;
export const IMAGE_TOC = GOT + 0x8000n;
export const BUILD_ID = '00112233445566778899aabbccddeeff00112233';

export const DEFAULT_EXPORTS: readonly ImageExport[] = [
  { name: 'alpha', address: TEXT + 0x10n, crc: 0x11111111 },
  { name: 'beta', address: TEXT + 0x20n, crc: 0x22222222, namespace: 'DMA_BUF' },
  { name: 'module_layout', address: TEXT + 0x30n, crc: 0xd82c4d06 },
  { name: 'gamma', address: TEXT + 0x40n, crc: 0x33333333, gplOnly: true },
  { name: 'delta', address: TEXT + 0x50n, crc: 0, gplOnly: true, namespace: 'DMA_BUF' },
];

/** The order of the image: those for all modules, then those under the GPL only; 7.2 has one table. */
function ordered(exports: readonly ImageExport[], layout: 'gpl-table' | 'flags') {
  if (layout === 'flags') return { plain: exports, gpl: [] };
  return { plain: exports.filter(e => e.gplOnly !== true), gpl: exports.filter(e => e.gplOnly === true) };
}

export function kernelImage(spec: ImageSpec = {}): Uint8Array<ArrayBuffer> {
  const { exports = DEFAULT_EXPORTS, layout = 'gpl-table', entries = 'absolute', release = RELEASE } = spec;
  const vermagic = spec.vermagic ?? `${release} SMP mod_unload modversions mprofile-kernel relocatable `;
  const banner = spec.banner ?? `Linux version ${release} (test@host) (gcc-12 12.2.0) #1 SMP\n`;
  const builder = new ObjectBuilder({ type: ET.EXEC });
  const { plain, gpl } = ordered(exports, layout);
  const all = [...plain, ...gpl];

  const strings: number[] = [0];
  const place = (text: string) => {
    const at = strings.length;
    strings.push(...Buffer.from(`${text}\0`));
    return STRINGS + BigInt(at);
  };
  const pointers = all.map(
    e => [e.address, place(e.name), e.namespace === undefined ? 0n : place(e.namespace)] as const,
  );
  const size = entries === 'relative' ? 12 : 24;
  const table = Buffer.alloc(all.length * size);
  for (const [i, values] of pointers.entries())
    for (const [field, value] of values.entries()) {
      const at = i * size + field * (size / 3);
      if (entries === 'absolute') table.writeBigUInt64LE(value, at);
      else if (entries === 'relative') table.writeInt32LE(value === 0n ? 0 : Number(value - KSYMTAB - BigInt(at)), at);
      else if (value !== 0n) builder.relocate(0, KSYMTAB + BigInt(at), R.RELATIVE, undefined, BigInt.asIntN(64, value));
    }

  const text = builder.code('.text', new Array<number>(64).fill(0x60000000), { address: TEXT });
  const rodata = Buffer.concat([
    Buffer.from(`${vermagic}\0`),
    Buffer.from(`${banner}\0`),
    Buffer.from('IKCFG_ST'),
    spec.config ?? Buffer.alloc(0),
    Buffer.from('IKCFG_ED\0'),
  ]);
  const read = SHF.ALLOC;
  const ro = builder.section('.rodata', { flags: read, bytes: rodata, address: RODATA, align: 8 });
  const ksymtab = builder.section('__ksymtab', {
    flags: read,
    bytes: new Uint8Array(table),
    address: KSYMTAB,
    align: 8,
  });
  const crcs = new Uint32Array(all.map(e => e.crc ?? 0));
  const flags = Uint8Array.from(all.map(e => (e.gplOnly === true ? 1 : 0)));
  const beside = layout === 'flags' ? flags : new Uint8Array(crcs.buffer);
  const checks = builder.section(layout === 'flags' ? '__kflagstab' : '__kcrctab', {
    flags: read,
    bytes: beside.slice(0, beside.length - (spec.cutChecksums ?? 0)),
    address: CRCS,
    align: 4,
  });
  builder.section('__ksymtab_strings', { flags: read, bytes: Uint8Array.from(strings), address: STRINGS });
  const note = Buffer.concat([
    Buffer.from([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0]),
    Buffer.from('GNU\0'),
    Buffer.from(BUILD_ID, 'hex'),
  ]);
  builder.section('.notes', { type: SHT.NOTE, flags: read, bytes: new Uint8Array(note), address: NOTES, align: 4 });
  builder.section('.got', { flags: read | SHF.WRITE, bytes: new Uint8Array(16), address: GOT, align: 8 });
  if (spec.btf !== undefined)
    builder.section('.BTF', { flags: read, bytes: spec.btf, address: BASE + 0x70000n, align: 8 });

  if (spec.data !== undefined)
    builder.section('.init.data', { flags: read | SHF.WRITE, bytes: spec.data, address: IMAGE_DATA, align: 8 });

  if (spec.stripped === true) return builder.build();
  const symbol = (name: string, section: number, value: bigint, bytes = 0) => {
    if (spec.without?.includes(name) !== true)
      builder.symbol(name, { section, value, size: bytes, type: STT.OBJECT, bind: STB.GLOBAL });
  };
  symbol('_stext', text, TEXT);
  symbol('_etext', text, TEXT + 0x100n);
  symbol('vermagic', ro, RODATA, vermagic.length + 1);
  symbol('linux_banner', ro, RODATA + BigInt(vermagic.length + 1), banner.length + 1);
  symbol('empty_zero_page', ro, RODATA, spec.pageSize ?? 65536);
  symbol('__start___ksymtab', ksymtab, KSYMTAB);
  symbol('__stop___ksymtab', ksymtab, KSYMTAB + BigInt(plain.length * size));
  if (layout === 'flags') symbol('__start___kflagstab', checks, CRCS);
  else {
    symbol('__start___ksymtab_gpl', ksymtab, KSYMTAB + BigInt(plain.length * size));
    symbol('__stop___ksymtab_gpl', ksymtab, KSYMTAB + BigInt(all.length * size));
    symbol('__start___kcrctab', checks, CRCS);
    symbol('__start___kcrctab_gpl', checks, CRCS + BigInt(plain.length * 4));
  }
  for (const e of all) symbol(e.name, text, e.address, 4);
  for (const name of ['module_sig_check', 'ftrace_release_mod', 'ftrace_regs_caller', 'arch_jump_label_transform'])
    symbol(name, text, TEXT + 0x80n, 4);
  symbol('module_bug_finalize', text, TEXT + 0x90n, 4);
  symbol('kallsyms_num_syms', ro, RODATA, 4);
  for (const [name, value] of Object.entries(spec.symbols ?? {})) symbol(name, text, value, 4);
  return builder.build();
}

/** The System.map of the same image, with so many more symbols that it looks like one. */
export function systemMapOf(spec: ImageSpec = {}, shift = 0n): Uint8Array {
  const { exports = DEFAULT_EXPORTS, release = RELEASE } = spec;
  const vermagic = `${release} SMP mod_unload modversions mprofile-kernel relocatable `;
  const plain = exports.filter(e => e.gplOnly !== true).length;
  const lines: [bigint, string][] = [
    [TEXT, '_stext'],
    [TEXT + 0x100n, '_etext'],
    [RODATA, 'vermagic'],
    [RODATA + BigInt(vermagic.length + 1), 'linux_banner'],
    [KSYMTAB, '__start___ksymtab'],
    [KSYMTAB + BigInt(plain * 24), '__stop___ksymtab'],
    [KSYMTAB + BigInt(plain * 24), '__start___ksymtab_gpl'],
    [KSYMTAB + BigInt(exports.length * 24), '__stop___ksymtab_gpl'],
    [CRCS, '__start___kcrctab'],
    [CRCS + BigInt(plain * 4), '__start___kcrctab_gpl'],
    [IMAGE_TOC, '.TOC.'],
    ...['module_sig_check', 'ftrace_release_mod', 'ftrace_regs_caller', 'arch_jump_label_transform'].map(
      name => [TEXT + 0x80n, name] as [bigint, string],
    ),
    [TEXT + 0x90n, 'module_bug_finalize'],
    [RODATA, 'kallsyms_num_syms'],
    ...exports.map(e => [e.address, e.name] as [bigint, string]),
    ...Array.from({ length: 100 }, (_, i) => [TEXT + BigInt(i), `filler_${i}`] as [bigint, string]),
  ];
  return Buffer.from(lines.map(([at, name]) => `${(at + shift).toString(16).padStart(16, '0')} T ${name}\n`).join(''));
}

export function symversOf(exports: readonly ImageExport[] = DEFAULT_EXPORTS): string {
  return exports
    .map(e => {
      const crc = `0x${(e.crc ?? 0).toString(16).padStart(8, '0')}`;
      return `${crc}\t${e.name}\tvmlinux\tEXPORT_SYMBOL${e.gplOnly === true ? '_GPL' : ''}\t${e.namespace ?? ''}\n`;
    })
    .join('');
}

/** A configuration that agrees with the image. */
export const CONFIG = `CONFIG_MODULES=y
CONFIG_MODVERSIONS=y
CONFIG_MODULE_SIG=y
CONFIG_MODULE_UNLOAD=y
CONFIG_DYNAMIC_FTRACE=y
CONFIG_DYNAMIC_FTRACE_WITH_REGS=y
CONFIG_MPROFILE_KERNEL=y
CONFIG_KALLSYMS=y
CONFIG_JUMP_LABEL=y
CONFIG_GENERIC_BUG=y
CONFIG_SMP=y
CONFIG_RELOCATABLE=y
CONFIG_PPC_64K_PAGES=y
# CONFIG_LIVEPATCH is not set
`;
