/**
 * Who exports what a patched module imports and the kernel does not have: other modules, which nobody has given. What the module
 * imported before the patch is taken to be there; of what is new, `Module.symvers` tells.
 */
import { SHN_UNDEF } from '../../elf/constants.ts';
import type { ElfFile } from '../../elf/read.ts';
import type { ExportedSymbol } from '../../kernel/symvers.ts';
import type { LoadedModule, ModuleExport } from '../../loader/model.ts';

/** Where other modules' symbols lie decides nothing: somewhere in the area that modules have. */
const FIRST_ADDRESS = 0xc008_0000_4000_0000n;

export type ExporterOf = (symbol: string) => LoadedModule | undefined;

/** @param exports what `Module.symvers` files say, by name */
export function exportersFor(before: ElfFile, exports: ReadonlyMap<string, ExportedSymbol>): ExporterOf {
  const { symbols } = before;
  const imported = new Set<string>();
  // The loader also asks who else exports what the module exports itself.
  const own = new Set<string>();
  for (let i = 1; symbols !== undefined && i < symbols.count; i++)
    (symbols.rawSection(i) === SHN_UNDEF ? imported : own).add(symbols.name(i));
  const known = new Map<string, LoadedModule>();
  return name => {
    const found = known.get(name);
    if (found !== undefined) return found;
    if (own.has(name)) return undefined;
    const told = exports.get(name);
    const isElsewhere = told !== undefined && told.exporter !== 'vmlinux';
    if (!isElsewhere && !imported.has(name)) return undefined;
    const symbol: ModuleExport = {
      name,
      address: FIRST_ADDRESS + BigInt(known.size) * 0x100n,
      crc: isElsewhere ? told.crc : undefined,
      gplOnly: isElsewhere && told.gplOnly,
      namespace: isElsewhere ? told.namespace : '',
    };
    const module = {
      name: isElsewhere ? told.exporter.split('/').at(-1)! : `the exporter of ${name}`,
      exports: new Map([[name, symbol]]),
      gplCompatible: true,
    };
    known.set(name, module);
    return module;
  };
}
