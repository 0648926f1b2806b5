/**
 * New imports. Where a module has symbol versions, the kernel refuses one of its imports that has none ("no symbol version
 * for NAME", `check_version`).
 */
import { SHN_UNDEF } from '../elf/constants.ts';
import { readVersions, versionsSection } from '../kernel/versions.ts';
import type { SymbolMap } from './compare-symbols.ts';
import type { Pairing } from './pairing.ts';
import { count, type Report } from './verification.ts';

/** Set by the loader itself. */
const TOC_SYMBOL = '.TOC.';

export function checkImports(report: Report, { output }: Pairing, map: SymbolMap): string {
  const { symbols } = output;
  const fresh = map.added.filter(j => j >= 0 && symbols?.rawSection(j) === SHN_UNDEF && symbols.name(j) !== TOC_SYMBOL);
  const long = output.sectionNamed('__version_ext_names');
  if (fresh.length === 0 || (versionsSection(output) ?? long) === undefined) return count(fresh.length, 'new import');
  const names = new Set([
    ...readVersions(output).map(version => version.name),
    ...(long === undefined ? [] : Buffer.from(output.contents(long)).toString('latin1').split('\0')),
  ]);
  for (const j of fresh) {
    const name = symbols!.name(j);
    if (!names.has(name))
      report.warn(
        'VER048',
        `${name} is imported without a symbol version: a kernel with CONFIG_MODVERSIONS refuses the module`,
      );
  }
  return count(fresh.length, 'new import');
}
