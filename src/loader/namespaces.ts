/** Namespaces of exported symbols: who may use a symbol that is in one (kernel/module/main.c). */
import { remarkOnRunning } from './modinfo-checks.ts';
import type { LoadState } from './state.ts';

const MODULE_PREFIX = 'module:';

/** `mod_strncmp()` over the first `length` characters: dashes and underscores are the same. */
function sameName(a: string, b: string, length: number): boolean {
  for (let i = 0; i < length; i++) {
    const x = a[i] ?? '';
    const y = b[i] ?? '';
    if ((x === '-' ? '_' : x) !== (y === '-' ? '_' : y)) return false;
    if (x === '') return true;
  }
  return true;
}

/** `verify_module_namespace()` (6.16): `module:` and comma-separated names, each of which may end in a star. */
function isForModule(namespace: string, module: string): boolean {
  if (!namespace.startsWith(MODULE_PREFIX)) return false;
  let rest = namespace.slice(MODULE_PREFIX.length);
  while (rest !== '') {
    const comma = rest.indexOf(',');
    const end = comma < 0 ? rest.length : comma;
    // An empty first pattern is preceded by the prefix's colon, which is no star.
    const glob = end > 0 && rest[end - 1] === '*';
    const length = glob ? end - 1 : end;
    if (sameName(rest, module, length) && (glob || length === module.length)) return true;
    rest = comma < 0 ? '' : rest.slice(comma + 1);
  }
  return false;
}

/**
 * `verify_namespace_is_imported()`.
 *
 * @returns whether the module may use the symbol; what the kernel says of it is in the log
 */
export function verifyNamespace(state: LoadState, symbol: string, namespace: string): boolean {
  if (namespace === '') return true;
  if (state.rules.moduleNamespaces && isForModule(namespace, state.name)) return true;
  if (state.modinfo.importedNamespaces().includes(namespace)) return true;
  remarkOnRunning(state);
  const isAllowed = state.kernel.options.allowMissingNamespaces;
  state.print(
    isAllowed ? 'warning' : 'err',
    `${state.name}: module uses symbol (${symbol}) from namespace ${namespace}, but does not import it.`,
  );
  return isAllowed;
}
