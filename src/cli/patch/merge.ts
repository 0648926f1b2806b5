/** `--with OBJECT.o`: reads the objects and merges them into the module, before anything else is planned. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { SHN_UNDEF } from '../../elf/constants.ts';
import { type ElfFile, readElf } from '../../elf/read.ts';
import { readObject } from '../../io/read.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import type { ExportedSymbol } from '../../kernel/symvers.ts';
import { applyMerge } from '../../merge/apply.ts';
import { checkExports } from '../../merge/exports.ts';
import { withExports } from '../../merge/fix-exports.ts';
import type { MergeObject } from '../../merge/objects.ts';
import { planMerge } from '../../merge/plan.ts';
import { sortExports } from '../../merge/sort-exports.ts';
import type { MergePlan } from '../../plan/merge.ts';
import type { MiddleFile } from '../../rewrite/compose-ranges.ts';
import { inFile } from '../../util/errors.ts';
import type { RenamedObject } from '../../verify/merged/renamed.ts';

/** The module with the objects in it, and how it came to be. */
export interface MergedModule {
  readonly elf: ElfFile;
  readonly plan: MergePlan;
  readonly objects: readonly MergeObject[];
  readonly middle: MiddleFile;
  /** Objects that are copies of what the user gave, with other names. */
  readonly renamed?: readonly RenamedObject[] | undefined;
}

/** @throws InputError IO001 to IO012, ELF001 to ELF091 */
export async function readMergeObject(path: string): Promise<MergeObject> {
  const { bytes } = await readObject(path);
  try {
    return { name: basename(path), elf: readElf(bytes), sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    throw inFile(error, path);
  }
}

/** @throws InputError IO001 to IO012, ELF001 to ELF091 */
export async function readMergeObjects(paths: readonly string[]): Promise<MergeObject[]> {
  const objects: MergeObject[] = [];
  for (const path of paths) objects.push(await readMergeObject(path));
  return objects;
}

/** Names that the objects leave to others. */
export function undefinedNames(objects: readonly MergeObject[]): string[] {
  const names = new Set<string>();
  for (const { elf } of objects)
    for (let i = 1; i < (elf.symbols?.count ?? 0); i++)
      if (elf.symbols!.rawSection(i) === SHN_UNDEF) names.add(elf.symbols!.name(i));
  return [...names];
}

/**
 * @param modules names of modules that are loaded too, by what they export
 * @throws RefusalError PAT101 to PAT119, PAT200 to PAT202, PAT230 to PAT234, InputError
 */
export function mergeInto(
  module: ElfFile,
  given: readonly MergeObject[],
  known: ReadonlyMap<string, ExportedSymbol>,
  kernel: KernelKnowledge | undefined,
  modules: ReadonlyMap<string, string> = new Map(),
): MergedModule {
  const ownerOf = (name: string): string | undefined => {
    if (known.get(name)?.exporter === 'vmlinux' || (kernel?.exports.find(name) ?? -1) >= 0) return 'the kernel';
    const other = modules.get(name);
    return other === undefined ? undefined : `the module ${other}`;
  };
  const { objects, exports } = withExports(module, given, ownerOf);
  const isExported = (name: string): boolean | undefined =>
    known.has(name) || (kernel === undefined ? undefined : kernel.exports.find(name) >= 0);
  const joined = planMerge(module, objects, { isExported });
  const { merged: middle, tables } = sortExports(applyMerge(module, objects, joined));
  const plan = { ...joined, sorted: tables, exports };
  checkExports(module, middle.bytes, plan);
  return { elf: readElf(middle.bytes), plan, objects, middle };
}
