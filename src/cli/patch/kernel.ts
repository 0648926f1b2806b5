/** What `patch` knows of the kernel that a module is for: `--kernel` and `--symvers`. */
import * as fs from 'node:fs';
import { readElf } from '../../elf/read.ts';
import { errnoOf } from '../../io/diagnostics.ts';
import { readObject, readStored } from '../../io/read.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import { type ExportedSymbol, parseSymvers } from '../../kernel/symvers.ts';
import { InputError, inFile } from '../../util/errors.ts';
import { findPieces } from '../kernel/pieces.ts';
import { openIndexFile, openKernel } from '../kernel-option.ts';

export interface PatchKernel {
  readonly knowledge: KernelKnowledge;
  /** Contents of the image's `.BTF`: a module's own BTF only makes sense together with it. An index has none. */
  readonly btf: Uint8Array | undefined;
}

/**
 * @param withTypes whether the types are wanted: reading them means reading the whole image
 * @throws InputError KER002, KER010 to KER026, IO001 to IO012, ELF001 to ELF091
 */
export async function openPatchKernel(path: string, withTypes: boolean): Promise<PatchKernel> {
  const index = openIndexFile(path);
  if (index !== undefined) return { knowledge: index, btf: undefined };
  const knowledge = await openKernel(path);
  return { knowledge, btf: withTypes ? await typesOf(path) : undefined };
}

/** Of the first image that can be read and has types; a kernel without them says nothing about prototypes. */
async function typesOf(path: string): Promise<Uint8Array | undefined> {
  for (const image of findPieces(path).images) {
    try {
      if (!fs.statSync(image).isFile()) continue;
      const elf = readElf((await readObject(image)).bytes);
      const section = elf.sectionNamed('.BTF');
      if (section !== undefined) return elf.contents(section);
    } catch (error) {
      // A boot wrapper is no ELF file; what makes knowledge of the kernel impossible has been told already.
      if (!(error instanceof InputError) && errnoOf(error) === undefined) throw error;
    }
  }
  return undefined;
}

/**
 * What the given `Module.symvers` files export, the first file that knows a symbol before the others, and of the kernel what
 * `wanted` names.
 *
 * @param modules what modules that are given export
 */
export async function readExports(
  paths: readonly string[],
  kernel: KernelKnowledge | undefined,
  wanted: readonly string[],
  modules: ReadonlyMap<string, ExportedSymbol>,
): Promise<ReadonlyMap<string, ExportedSymbol>> {
  const all = new Map<string, ExportedSymbol>();
  for (const path of paths) {
    const { bytes } = await readStored(path);
    try {
      for (const [name, symbol] of parseSymvers(Buffer.from(bytes).toString('utf8')))
        if (!all.has(name)) all.set(name, symbol);
    } catch (error) {
      throw inFile(error, path);
    }
  }
  // A module's own word counts for more than a list that was made beside it.
  for (const [name, symbol] of modules) all.set(name, symbol);
  for (const name of wanted) {
    const index = kernel?.exports.find(name) ?? -1;
    if (kernel === undefined || index < 0) continue;
    const crc = kernel.exports.crc(index);
    if (crc === undefined) continue;
    // The kernel's own word counts for more than a file beside it.
    const namespace = kernel.exports.namespace(index);
    all.set(name, { name, crc, exporter: 'vmlinux', gplOnly: kernel.exports.gplOnly(index), namespace });
  }
  return all;
}
