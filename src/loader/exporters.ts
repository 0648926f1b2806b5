/** Which loaded module exports a symbol. */
import type { LoadedModule, ModuleExport } from './model.ts';
import type { LoadState } from './state.ts';

export interface Owned {
  readonly module: LoadedModule;
  readonly symbol: ModuleExport;
}

interface ExportIndex {
  /** Modules that are in it already. */
  modules: number;
  /** The latest loaded module comes first. */
  readonly byName: Map<string, Owned[]>;
}

const exportIndexes = new WeakMap<ReadonlyMap<string, LoadedModule>, ExportIndex>();

/** Exports of all modules by name. Kept for a set of modules, which may grow between two loads. */
function exportIndexOf(modules: ReadonlyMap<string, LoadedModule>): ExportIndex {
  let index = exportIndexes.get(modules);
  if (index === undefined || index.modules > modules.size) {
    index = { modules: 0, byName: new Map() };
    exportIndexes.set(modules, index);
  }
  if (index.modules === modules.size) return index;
  let i = 0;
  for (const module of modules.values()) {
    if (i++ < index.modules) continue;
    for (const symbol of module.exports.values()) {
      const owners = index.byName.get(symbol.name);
      if (owners === undefined) index.byName.set(symbol.name, [{ module, symbol }]);
      else owners.unshift({ module, symbol });
    }
  }
  index.modules = modules.size;
  return index;
}

/** `find_symbol()` among the modules: the latest loaded one that exports `name`, to anybody or to modules under the GPL. */
export function ownerOf(state: LoadState, name: string, gplOk: boolean): Owned | undefined {
  const { exporter, modules } = state.request;
  if (exporter !== undefined) {
    const module = exporter(name);
    const symbol = module?.exports.get(name);
    return module === undefined || symbol === undefined || (symbol.gplOnly && !gplOk) ? undefined : { module, symbol };
  }
  if (modules.size === 0) return undefined;
  const owners = exportIndexOf(modules).byName.get(name);
  return owners?.find(({ symbol }) => gplOk || !symbol.gplOnly);
}
