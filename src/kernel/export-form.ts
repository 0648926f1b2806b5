/** How a module exports symbols: what the kernel that it was built for looks for. */
import type { ElfFile } from '../elf/read.ts';
import { modinfoOf } from './modinfo.ts';
import type { ModuleExports } from './module-exports.ts';
import { versionsSection } from './versions.ts';

/** The release from which on one table of exports has flags in place of a second table. */
const FLAGS_SINCE = 7;

export interface ExportForm {
  /** `__kflagstab` beside one table, in place of a second table (7.0 and later). */
  readonly hasFlags: boolean;
  readonly hasChecksums: boolean;
}

/** @param exported what the module exports */
export function exportFormOf(elf: ElfFile, exported: ModuleExports | undefined): ExportForm {
  const vermagic = modinfoOf(elf).find(e => e.key === 'vermagic')?.value ?? '';
  const release = /^(\d+)\./.exec(vermagic);
  const hasFlags = elf.sectionNamed('__kflagstab') !== undefined || Number(release?.[1] ?? 0) >= FLAGS_SINCE;
  const hasExports = exported !== undefined && exported.names.length > 0;
  const hasVersions = versionsSection(elf) !== undefined || / modversions( |$)/.test(vermagic);
  return { hasFlags, hasChecksums: hasExports ? exported.crcs !== undefined : hasVersions };
}
