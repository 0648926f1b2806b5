/**
 * What a module needs, besides the undefined symbol, to import something that it has not imported so far.
 *
 * With CONFIG_MODVERSIONS the kernel wants a checksum for each import of a module that has checksums at all ("no symbol
 * version for NAME", and the module is refused: `check_version`, 6.1 and 6.12). It refuses an EXPORT_SYMBOL_GPL symbol to
 * a module whose licence is not compatible, and one in a namespace that the module does not import.
 */
import type { ElfFile } from '../elf/read.ts';
import { modinfoOf } from '../kernel/modinfo.ts';
import type { ExportedSymbol } from '../kernel/symvers.ts';
import { readVersions, VERSION_NAME_LIMIT, versionsSection } from '../kernel/versions.ts';
import type { ImportedCopy } from '../plan/plan.ts';
import type { Draft } from './draft.ts';
import { refusal } from './refusals.ts';

/** What `license_is_gpl_compatible` accepts (`include/linux/license.h`). */
const GPL_COMPATIBLE = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

/** Copies of functions that keep the r2 of whoever enters them, exported by modules that were given; by their names. */
export type GivenCopies = ReadonlyMap<string, ImportedCopy>;

export interface ImportOptions {
  readonly copies?: GivenCopies | undefined;
  /** What other modules and the kernel export, by name (`Module.symvers`). */
  readonly exports?: ReadonlyMap<string, ExportedSymbol> | undefined;
  /** Import a symbol without a version, though a kernel with CONFIG_MODVERSIONS refuses the module then. */
  readonly allowUnversioned?: boolean | undefined;
}

/** @throws RefusalError PAT026 to PAT028 */
export function planImport(elf: ElfFile, name: string, options: ImportOptions, draft: Draft): void {
  const known = options.exports?.get(name);
  if (known !== undefined) checkMayImport(elf, known);
  const isNew = elf.symbols !== undefined && elf.symbols.find(name) < 0;
  const told = `${name} is a new import: the module that exports it has to be loaded first (run depmod)`;
  // Several redirects may lead to one function.
  if (isNew && !draft.warnings.includes(told)) draft.warnings.push(told);
  if (!needsVersion(elf, name)) return;
  if (known !== undefined) draft.addVersion(name, known.crc);
  else if (options.allowUnversioned !== true) throw refusal('PAT026', { name });
  else draft.warnings.push(`${name} gets no symbol version: a kernel with CONFIG_MODVERSIONS will refuse the module`);
}

function needsVersion(elf: ElfFile, name: string): boolean {
  const extended = elf.sectionNamed('__version_ext_names');
  // A kernel may be built for one form only (CONFIG_BASIC_MODVERSIONS, CONFIG_EXTENDED_MODVERSIONS).
  if (versionsSection(elf) === undefined && extended === undefined) return false;
  if (readVersions(elf).some(v => v.name === name)) return false;
  if (extended === undefined) {
    if (name.length > VERSION_NAME_LIMIT) throw refusal('PAT028', { name, limit: `${VERSION_NAME_LIMIT}` });
    return true;
  }
  return !Buffer.from(elf.contents(extended)).toString('latin1').split('\0').includes(name);
}

function checkMayImport(elf: ElfFile, symbol: ExportedSymbol): void {
  const info = modinfoOf(elf);
  if (info.length === 0) return;
  const license = info.find(e => e.key === 'license')?.value ?? 'none';
  if (symbol.gplOnly && !GPL_COMPATIBLE.has(license))
    throw refusal('PAT027', {
      name: symbol.name,
      what: `it is exported to GPL modules only, and this one says "${license}"`,
    });
  const { namespace } = symbol;
  if (namespace !== '' && !info.some(e => e.key === 'import_ns' && e.value === namespace))
    throw refusal('PAT027', {
      name: symbol.name,
      what: `it is in namespace ${namespace}, which this module does not import`,
    });
}
