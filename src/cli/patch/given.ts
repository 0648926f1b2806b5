/** `--modules FILE`: modules that are loaded before the one that is patched, and what they export. */
import { basename } from 'node:path';
import { SHN_UNDEF } from '../../elf/constants.ts';
import { type ElfFile, readElf } from '../../elf/read.ts';
import { readObject } from '../../io/read.ts';
import { type ModuleExports, moduleExports } from '../../kernel/module-exports.ts';
import type { ExportedSymbol } from '../../kernel/symvers.ts';
import type { ImportedCopy } from '../../plan/plan.ts';
import { isEpilogueName } from '../../rewrite/epilogue/names.ts';
import { refusal } from '../../rewrite/refusals.ts';
import { inFile } from '../../util/errors.ts';
import type { GivenModule } from '../../verify/patched/given-modules.ts';

export interface ReadModule extends GivenModule {
  readonly elf: ElfFile;
  readonly exports: ModuleExports;
}

/** @throws RefusalError PAT170 to PAT172; InputError IO001 to IO012, ELF001 to ELF091 */
export async function readGivenModules(paths: readonly string[], home: ElfFile): Promise<ReadModule[]> {
  const read: ReadModule[] = [];
  const own = new Set(moduleExports(home.bytes)?.names);
  for (const file of paths) {
    const { bytes } = await readObject(file);
    let elf: ElfFile;
    try {
      elf = readElf(bytes);
    } catch (error) {
      throw inFile(error, file);
    }
    const exports = moduleExports(bytes);
    if (exports === undefined || exports.names.length === 0) throw refusal('PAT172', { file: basename(file) });
    const name = importOf(elf, own);
    if (name !== undefined) throw refusal('PAT170', { module: exports.module, name });
    const other = read.find(r => r.exports.names.some(n => isEpilogueName(n) && exports.names.includes(n)));
    if (other !== undefined) throw refusal('PAT171', { module: exports.module, other: other.exports.module });
    read.push({ file, bytes, elf, exports });
  }
  return read;
}

/** A symbol of the module that is patched which another one imports. */
function importOf({ symbols }: ElfFile, own: ReadonlySet<string>): string | undefined {
  for (let i = 1; own.size > 0 && symbols !== undefined && i < symbols.count; i++)
    if (symbols.rawSection(i) === SHN_UNDEF && own.has(symbols.name(i))) return symbols.name(i);
  return undefined;
}

/** Copies of functions that keep the r2 of whoever enters them, by their names. */
export function copiesOf(modules: readonly ReadModule[]): ReadonlyMap<string, ImportedCopy> {
  const copies = new Map<string, ImportedCopy>();
  for (const { exports } of modules)
    exports.names.forEach((symbol, i) => {
      if (!isEpilogueName(symbol)) return;
      const crc = exports.crcs?.[i];
      copies.set(symbol, { symbol, module: exports.module, ...(crc !== undefined && { crc }) });
    });
  return copies;
}

/** What a `Module.symvers` would say of the modules' exports; those without a checksum left out. */
export function exportsOf(modules: readonly ReadModule[]): ReadonlyMap<string, ExportedSymbol> {
  const found = new Map<string, ExportedSymbol>();
  for (const { exports } of modules)
    exports.names.forEach((name, i) => {
      const crc = exports.crcs?.[i];
      if (crc === undefined || found.has(name)) return;
      const gplOnly = exports.gplOnly[i] === 1;
      found.set(name, { name, crc, exporter: exports.module, gplOnly, namespace: exports.namespaces[i]! });
    });
  return found;
}
