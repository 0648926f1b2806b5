/** Reads the pieces of a kernel and makes its index. */
import { readElf } from '../../elf/read.ts';
import { readObject } from '../../io/read.ts';
import { buildKernel, type KernelSources } from '../../kernel/knowledge/build.ts';
import { SURE_SYMBOL } from '../../kernel/knowledge/image.ts';
import { encodeIndex } from '../../kernel/knowledge/store.ts';
import { InputError, inFile } from '../../util/errors.ts';
import { type KernelPieces, someModule } from './pieces.ts';

/** Which file each fact comes from; what was not used is absent. */
export interface UsedPieces {
  image?: string;
  systemMap?: string;
  symvers?: string;
  config?: string;
  module?: string;
}

export interface MadeIndex {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly used: UsedPieces;
}

/** What the user names goes before what was found. */
export interface GivenPieces {
  readonly systemMap?: string | undefined;
  readonly symvers?: string | undefined;
  readonly config?: string | undefined;
  readonly module?: string | undefined;
  readonly structures?: ReadonlyMap<string, number> | undefined;
}

/**
 * @throws InputError IO001 to IO012, ELF001 to ELF091, KER002, KER013 to KER026, naming the file where one piece is to blame
 */
export async function makeIndex(pieces: KernelPieces, given: GivenPieces = {}): Promise<MadeIndex> {
  const used: UsedPieces = {};
  const image = await pickImage(pieces.images);
  if (image !== undefined) used.image = image.path;
  const sources: { -readonly [K in keyof KernelSources]: KernelSources[K] } = {
    image: image?.bytes,
    structures: given.structures,
  };
  const symvers = given.symvers ?? pieces.symvers;
  const config = given.config ?? pieces.config;
  if (symvers !== undefined) sources.symvers = (await readObject(symvers)).bytes;
  if (config !== undefined) sources.config = (await readObject(config)).bytes;
  // Debian puts a line of text in the place of the System.map: one that was not asked for is read only where it is needed.
  const systemMap = given.systemMap ?? (image === undefined || !image.hasSymbols ? pieces.systemMap : undefined);
  if (systemMap !== undefined) sources.systemMap = (await readObject(systemMap)).bytes;
  const found =
    image?.hasTypes === true || pieces.modulesFolder === undefined ? undefined : someModule(pieces.modulesFolder);
  const module = given.module ?? found;
  if (module !== undefined) sources.module = (await readObject(module)).bytes;
  Object.assign(used, definedOnly({ systemMap, symvers, config, module }));
  try {
    return { bytes: encodeIndex(buildKernel(sources)), used };
  } catch (error) {
    throw inFile(error, blamed(error, used));
  }
}

/** The file that an error is about, by its code. */
function blamed(error: unknown, used: UsedPieces): string {
  const code = error instanceof InputError ? error.code : '';
  const piece =
    {
      KER002: used.symvers,
      KER017: used.symvers,
      KER018: used.systemMap,
      KER019: used.systemMap,
      KER022: used.config,
      KER026: used.module,
    }[code] ?? used.image;
  return piece ?? 'kernel';
}

function definedOnly<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

interface Image {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly hasSymbols: boolean;
  readonly hasTypes: boolean;
}

/**
 * The first that is an image of a kernel. Header packages hold a vmlinux with nothing but types in it, and a vmlinuz may be a boot
 * wrapper.
 */
async function pickImage(paths: readonly string[]): Promise<Image | undefined> {
  let failure: unknown;
  for (const path of paths) {
    try {
      const { bytes } = await readObject(path);
      const elf = readElf(bytes);
      const isOnly = paths.length === 1;
      if (!isOnly && elf.sectionNamed('__ksymtab') === undefined && elf.sectionNamed('__ksymtab_gpl') === undefined)
        continue;
      const hasTypes = elf.sectionNamed('.BTF') !== undefined || elf.sectionNamed('.debug_info') !== undefined;
      return { path, bytes, hasSymbols: (elf.symbols?.find(SURE_SYMBOL) ?? -1) >= 0, hasTypes };
    } catch (error) {
      failure ??= inFile(error, path);
    }
  }
  if (failure !== undefined) throw failure;
  return undefined;
}
