/**
 * Makes what has to be known of a kernel: from its image, or, where there is none, from the pieces that a build leaves. Whatever
 * stands in two places is compared, and a disagreement is an error: knowledge that mixes two builds gives wrong answers.
 */
import { readElf } from '../../elf/read.ts';
import { InputError } from '../../util/errors.ts';
import { modinfoOf } from '../modinfo.ts';
import { builtinNames } from './builtin.ts';
import { embeddedConfig, parseConfig } from './config.ts';
import { exportsOfImage } from './exports.ts';
import { identityFrom, identityOf } from './identity.ts';
import { KernelImage } from './image.ts';
import { livepatchStack } from './livepatch-stack.ts';
import { optionsFrom, type Traces } from './options.ts';
import type { KernelParts } from './store.ts';
import { structuresFrom } from './structures.ts';
import { symbolsOfSystemMap } from './symbols.ts';
import { checkSymvers, exportsOfPieces } from './symvers-check.ts';
import { type ExportArrays, IndexedExports, IndexedSymbols, type SymbolArrays } from './tables.ts';

/** Bytes of files, expanded. */
export interface KernelSources {
  readonly image?: Uint8Array | undefined;
  readonly systemMap?: Uint8Array | undefined;
  readonly symvers?: Uint8Array | undefined;
  readonly config?: Uint8Array | undefined;
  /** A module that was built for this kernel. */
  readonly module?: Uint8Array | undefined;
  /** Sizes of structures by name, offsets in `struct module` as `module.MEMBER`; bytes. */
  readonly structures?: ReadonlyMap<string, number> | undefined;
}

/**
 * @throws InputError ELF001 to ELF091, KER002, KER014 to KER024, KER026
 */
export function buildKernel(sources: KernelSources): KernelParts {
  return sources.image === undefined ? fromPieces(sources) : fromImage(sources, sources.image);
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');

function fromImage(sources: KernelSources, bytes: Uint8Array): KernelParts {
  const assumptions: string[] = [];
  const image = new KernelImage(bytes, sources.systemMap);
  const identity = identityOf(image);
  const words = new Set(identity.vermagic.trim().split(' ').slice(1));
  const { address } = image;
  const exports = exportsOfImage({ elf: image.elf, address, modversions: words.has('modversions') });
  if (sources.symvers !== undefined) checkSymvers(exports, textOf(sources.symvers));
  const config = sources.config === undefined ? embeddedConfig(image) : parseConfig(textOf(sources.config));
  if (image.fromSystemMap) assumptions.push('the image has no symbols: their addresses are those of the System.map');
  const options = optionsFrom(
    {
      ...identity,
      words,
      has: name => image.has(name),
      holdsText: text => image.holdsText(text),
      byteAt: name => dataAt(image, name, 1)?.getUint8(0),
      wordAt: name => dataAt(image, name, 4)?.getUint32(0, true),
      address,
      sizeOf: name => image.sizeOf(name),
      usesPcrel: () => usesPcrel(image),
      countBetween: (start, end) => countBetween(image.symbols, start, end),
    },
    config,
    assumptions,
  );
  const module = sampleModule(sources.module, identity.vermagic);
  const structures = structuresFrom(
    { elf: image.elf, module, layoutCrc: crcOf(exports, 'module_layout'), given: sources.structures ?? new Map() },
    assumptions,
  );
  const toc = options.pcrel ? (image.toc ?? 0n) : image.toc;
  if (toc === undefined)
    throw new InputError({
      code: 'KER014',
      message: 'the image has no TOC',
      expected: 'the symbol .TOC. or a section .got',
      found: 'neither',
      remedy: 'give the vmlinux of a ppc64le kernel',
    });
  const { release, version, vermagic } = identity;
  const { buildId, symbols } = image;
  const certificates = certificatesOf(image);
  const builtin = builtinNames(image);
  const livepatch = options.livepatch ? livepatchStack(image, sources.structures ?? new Map()) : undefined;
  return {
    release,
    version,
    vermagic,
    buildId,
    toc,
    options,
    structures,
    exports,
    symbols,
    assumptions,
    ...(certificates && { certificates }),
    ...(builtin && { builtin }),
    ...(livepatch && { livepatchStack: livepatch }),
  };
}

/** Certificates of the keys in its built-in keyring (certs/system_certificates.S), one behind the other. */
function certificatesOf(image: KernelImage): Uint8Array[] | undefined {
  const size = dataAt(image, 'system_certificate_list_size', 8)?.getBigUint64(0, true);
  const start = image.address('system_certificate_list');
  const list = start === undefined || size === undefined ? undefined : image.bytesAt(start, Number(size));
  if (list === undefined) return undefined;
  const certificates: Uint8Array[] = [];
  // Each is a DER SEQUENCE with two bytes of length; the kernel stops where one is not.
  for (let at = 0; at + 4 <= list.length; ) {
    const length = 4 + ((list[at + 2]! << 8) | list[at + 3]!);
    if (list[at] !== 0x30 || list[at + 1] !== 0x82 || at + length > list.length) break;
    certificates.push(list.slice(at, at + length));
    at += length;
  }
  return certificates;
}

function dataAt(image: KernelImage, name: string, size: number): DataView | undefined {
  const at = image.address(name);
  const bytes = at === undefined ? undefined : image.bytesAt(at, size);
  return bytes && new DataView(bytes.buffer, bytes.byteOffset, size);
}

/** In a PC-relative kernel no function needs a TOC: st_other of the first C function says 1, else 0 or 3 and more. */
function usesPcrel(image: KernelImage): boolean | undefined {
  const table = image.elf.symbols;
  const at = table?.find('start_kernel') ?? -1;
  return at < 0 ? undefined : table!.st_other(at) >> 5 === 1;
}

function countBetween({ addresses }: SymbolArrays, start: bigint, end: bigint): number {
  const low = Number(start & 0xffff_ffffn);
  const high = Number(start >> 32n);
  const size = Number(end - start);
  let count = 0;
  for (let i = 0; i < addresses.length; i += 2) {
    const distance = (addresses[i + 1]! - high) * 0x1_0000_0000 + (addresses[i]! - low);
    if (distance >= 0 && distance < size) count++;
  }
  return count;
}

function crcOf(arrays: ExportArrays, name: string): number | undefined {
  const exports = new IndexedExports(arrays);
  const at = exports.find(name);
  return at < 0 ? undefined : exports.crc(at);
}

/** @throws InputError KER026 where the module was built for another kernel */
function sampleModule(bytes: Uint8Array | undefined, vermagic: string | undefined) {
  if (bytes === undefined) return undefined;
  const elf = readElf(bytes);
  const own = modinfoOf(elf).find(entry => entry.key === 'vermagic')?.value;
  if (vermagic !== undefined && own !== vermagic)
    throw new InputError({
      code: 'KER026',
      message: 'the sample module was built for another kernel',
      expected: `vermagic ${JSON.stringify(vermagic)}`,
      found: own === undefined ? 'none' : JSON.stringify(own),
      remedy: 'give a .ko of the same build as the kernel',
    });
  return elf;
}

/** Without an image: addresses from System.map, exports from Module.symvers, vermagic from a module. */
function fromPieces(sources: KernelSources): KernelParts {
  const { systemMap, symvers, module, config } = sources;
  if (systemMap === undefined || symvers === undefined || module === undefined || config === undefined)
    throw new InputError({
      code: 'KER015',
      message: 'too little is given to know a kernel',
      expected: 'a vmlinux; or --system-map, --symvers, --config and --module together',
      found: 'neither',
      remedy: 'give the vmlinux of the kernel',
    });
  const elf = sampleModule(module, undefined)!;
  const vermagic = modinfoOf(elf).find(entry => entry.key === 'vermagic')?.value ?? '';
  if (!/^\d+\.\d+\S* /.test(vermagic))
    throw new InputError({
      code: 'KER020',
      message: 'the sample module does not say which kernel it is for',
      expected: 'a vermagic that begins with the release',
      found: JSON.stringify(vermagic.slice(0, 60)),
      remedy: 'give a .ko that was built for this kernel',
    });
  const assumptions = [
    'no image: addresses are those of the System.map, exports those of Module.symvers, and vermagic that of a module',
  ];
  const symbols = symbolsOfSystemMap(systemMap);
  const lookup = new IndexedSymbols(symbols.nameAt.length, () => symbols);
  const address = (name: string) => lookup.find(name)[0];
  const identity = identityFrom(vermagic);
  const words = new Set(vermagic.trim().split(' ').slice(1));
  const options = optionsFrom(piecesTraces(identity, words, address), parseConfig(textOf(config)), assumptions);
  const exports = exportsOfPieces(textOf(symvers), address, options.modversions);
  const structures = structuresFrom(
    { elf: undefined, module: elf, layoutCrc: crcOf(exports, 'module_layout'), given: sources.structures ?? new Map() },
    assumptions,
  );
  const toc = address('.TOC.') ?? (options.pcrel ? 0n : undefined);
  if (toc === undefined)
    throw new InputError({
      code: 'KER015',
      message: 'the System.map does not tell the TOC',
      expected: 'the symbol .TOC.',
      found: 'none',
      remedy: 'give the vmlinux of the kernel',
    });
  const { release, version } = identity;
  const livepatch = options.livepatch ? livepatchStack(undefined, sources.structures ?? new Map()) : undefined;
  const found = { release, version, vermagic, buildId: '', toc, options, structures, exports, symbols, assumptions };
  return { ...found, ...(livepatch && { livepatchStack: livepatch }) };
}

function piecesTraces(
  identity: Pick<Traces, 'version' | 'banner'>,
  words: ReadonlySet<string>,
  address: (name: string) => bigint | undefined,
): Traces {
  return {
    version: identity.version,
    banner: identity.banner,
    words,
    has: name => address(name) !== undefined,
    holdsText: () => undefined,
    byteAt: () => undefined,
    wordAt: () => undefined,
    address,
    sizeOf: () => undefined,
    usesPcrel: () => undefined,
    countBetween: () => 0,
  };
}
