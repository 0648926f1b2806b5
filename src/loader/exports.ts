/**
 * The module's own exports: find_module_sections, check_module_license_and_versions (later check_export_symbol_versions and
 * _sections) and verify_exported_symbols. An entry of `__ksymtab` is three pointers: value, name, namespace.
 */
import { ownerOf } from './exporters.ts';
import { findAllocated } from './find-section.ts';
import { isFound } from './module-structure.ts';
import { RelocatedWords } from './relocated-words.ts';
import { knownName } from './section-names.ts';
import type { ExportSections, LoadState } from './state.ts';
import { tryToForceLoad } from './versions.ts';

const KSYMTAB = knownName('__ksymtab');
const KSYMTAB_GPL = knownName('__ksymtab_gpl');
const KCRCTAB = knownName('__kcrctab');
const KCRCTAB_GPL = knownName('__kcrctab_gpl');
const KFLAGSTAB = knownName('__kflagstab');
const OBSPARM = knownName('__obsparm');

/** Bytes of `struct kernel_symbol`. */
const ENTRY_SIZE = 24;
const ENTRY_WORDS = 3;
/** KSYM_FLAG_GPL_ONLY */
const GPL_ONLY = 1;

/** `find_module_sections`, as far as it says something or finds exports. */
export function findModuleSections(state: LoadState): void {
  const { name, rules } = state;
  const find = (id: number) => findAllocated(state, id);
  const plain = { symbols: find(KSYMTAB), crcs: find(KCRCTAB), flags: 0, gplOnly: false };
  const gpl = { symbols: find(KSYMTAB_GPL), crcs: find(KCRCTAB_GPL), flags: 0, gplOnly: true };
  if (rules.exportFlags) {
    state.exportTables = [{ ...plain, flags: find(KFLAGSTAB) }];
    if (gpl.symbols !== 0) state.print('warning', `${name}: ignoring obsolete section __ksymtab_gpl`);
    if (gpl.crcs !== 0) state.print('warning', `${name}: ignoring obsolete section __kcrctab_gpl`);
  } else state.exportTables = [plain, gpl];
  if (find(OBSPARM) !== 0) state.print('warning', `${name}: Ignoring obsolete parameters`);
}

function exportCount(state: LoadState, table: ExportSections): number {
  return Math.floor(state.headers.size[table.symbols]! / ENTRY_SIZE);
}

/** `check_export_symbol_versions`, in 7.0 `check_export_symbol_sections` */
export function checkExportSections(state: LoadState): void {
  const filled = state.exportTables.filter(table => exportCount(state, table) > 0);
  if (state.rules.exportFlags && filled.some(table => table.flags === 0))
    state.refuse('ENOEXEC', `${state.name}: no flags for exported symbols`);
  if (!state.kernel.options.modversions || !filled.some(table => table.crcs === 0)) return;
  if (!tryToForceLoad(state, 'no versions for exported symbols')) state.refuse('ENOEXEC');
}

/** `verify_exported_symbols`: nobody else may export one of the names. Fills `state.exports`. */
export function verifyExportedSymbols(state: LoadState): void {
  const { contents, index } = state;
  state.foundEarly = isFound(contents[index.thisModule]);
  for (const table of state.exportTables) if (exportCount(state, table) > 0) verifyTable(state, table);
}

function verifyTable(state: LoadState, table: ExportSections): void {
  const { headers } = state;
  const section = headers.text(table.symbols);
  const words = new RelocatedWords(state, table.symbols);
  const count = Math.min(exportCount(state, table), Math.floor(words.count / ENTRY_WORDS));
  let before = '';
  for (let i = 0; i < count; i++) {
    const word = i * ENTRY_WORDS;
    const name = words.text(word + 1);
    if (name === undefined) {
      state.danger('MOD006', `export ${i} has no name in the module, and the kernel reads it as a string`, section);
      continue;
    }
    refuseDuplicate(state, name);
    if (name < before)
      state.remark({
        code: 'MOD007',
        level: 'warning',
        message: `export ${name} is not in the order of names, and the kernel may not find it`,
        section,
        offset: i * ENTRY_SIZE,
      });
    before = name;
    state.exports.set(name, {
      name,
      address: words.address(word),
      crc: crcOf(state, table, i),
      gplOnly: isGplOnly(state, table, i),
      namespace: words.isRelocated(word + 2) ? (words.text(word + 2) ?? '') : '',
    });
  }
}

function refuseDuplicate(state: LoadState, name: string): void {
  const isKernels = state.kernel.exports.find(name) >= 0;
  const ownerName = state.foundEarly ? state.name : ownerOf(state, name, true)?.module.name;
  const owner = isKernels ? 'kernel' : ownerName;
  if (owner !== undefined)
    state.refuse('ENOEXEC', `${state.name}: exports duplicate symbol ${name} (owned by ${owner})`);
}

function crcOf(state: LoadState, table: ExportSections, i: number): number | undefined {
  if (table.crcs === 0 || !state.kernel.options.modversions) return undefined;
  const { headers, view } = state;
  const at = headers.offset[table.crcs]! + 4 * i;
  if (4 * i + 4 > headers.size[table.crcs]! || at + 4 > view.byteLength) {
    if (4 * i <= headers.size[table.crcs]!)
      state.danger('MOD008', 'fewer checksums than exports: the kernel reads behind them', headers.text(table.crcs));
    return undefined;
  }
  return view.getUint32(at, true);
}

function isGplOnly(state: LoadState, table: ExportSections, i: number): boolean {
  if (table.flags === 0) return table.gplOnly;
  const { headers, bytes } = state;
  if (i >= headers.size[table.flags]!) {
    if (i === headers.size[table.flags])
      state.danger('MOD008', 'fewer flags than exports: the kernel reads behind them', headers.text(table.flags));
    return false;
  }
  return (bytes[headers.offset[table.flags]! + i]! & GPL_ONLY) !== 0;
}
