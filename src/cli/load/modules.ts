/** The modules that are loaded already, for `tocsin load`: what they export, and where. */
import { expandInputs } from '../../io/inputs.ts';
import { moduleExports } from '../../kernel/module-exports.ts';
import type { LoadedModule, ModuleExport } from '../../loader/model.ts';
import { InputError } from '../../util/errors.ts';
import { Exporters, type ExportingFile } from '../../verify/check/exporters.ts';
import { ExportReader } from '../check/exports.ts';
import { report } from '../terminal.ts';
import type { RunningKernel } from './running.ts';

export interface LoadedModules {
  /** The module that exports a symbol, with the address that the running kernel has for it. */
  readonly exporter: (symbol: string) => LoadedModule | undefined;
  /** Symbols that were asked for and whose address nobody told, with their module. */
  readonly unplaced: readonly { readonly symbol: string; readonly module: string }[];
  /** Exit code of what could not be read. */
  readonly code: number;
}

/** @param self the module that is loaded, which is not loaded before: folders of modules hold it too */
export async function readModules(
  paths: readonly string[],
  self: Uint8Array,
  running: RunningKernel | undefined,
): Promise<LoadedModules> {
  const { files, problems } = paths.length === 0 ? { files: [], problems: [] } : await expandInputs(paths);
  let code = 0;
  for (const problem of problems) code = Math.max(code, report(problem));
  const reader = new ExportReader();
  const own = files.length === 0 ? undefined : moduleName(self);
  const exporting: ExportingFile[] = [];
  for (const file of files) {
    const exports = await reader.read(file);
    if (exports !== undefined && exports.module !== own) exporting.push({ file, exports });
  }
  const exporters = new Exporters(exporting);
  const unplaced: { symbol: string; module: string }[] = [];
  const exporter = (symbol: string) => {
    const module = exporters.of(symbol, () => true);
    const known = module?.exports.get(symbol);
    if (module === undefined || known === undefined) return undefined;
    const address = running?.moduleAddress(module.name, symbol);
    if (address === undefined) unplaced.push({ symbol, module: module.name });
    const symbols = new Map<string, ModuleExport>([[symbol, address === undefined ? known : { ...known, address }]]);
    return { ...module, exports: symbols };
  };
  return { exporter, unplaced, code };
}

/** `undefined` where it exports nothing, or is damaged: what is wrong with it the twin will say. */
function moduleName(bytes: Uint8Array): string | undefined {
  try {
    return moduleExports(bytes)?.module;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws InputError LOD005 where the image would hold addresses that nobody knows */
export function requirePlaced({ unplaced }: LoadedModules, file: string): void {
  const first = unplaced[0];
  if (first === undefined) return;
  const more = unplaced.length > 1 ? `, and ${unplaced.length - 1} more` : '';
  throw new InputError({
    code: 'LOD005',
    file,
    message: `the address of ${first.symbol} in module ${first.module} is not known${more}`,
    remedy: 'give --kallsyms FILE of a kernel in which that module is loaded',
  });
}
