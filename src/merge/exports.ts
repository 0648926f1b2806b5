/**
 * What objects export. The kernel looks exports up by bisection, so `__ksymtab` and `__ksymtab_gpl` have to be sorted by name;
 * checksums and flags stand in tables beside them, entry by entry, and a kernel build makes those of whole modules only.
 */
import type { ElfFile } from '../elf/read.ts';
import { moduleExports } from '../kernel/module-exports.ts';
import { versionsSection } from '../kernel/versions.ts';
import type { MergePlan } from '../plan/merge.ts';
import { mergeRefusal } from './refusals.ts';

/** @param merged the merged module. @throws RefusalError PAT117 where its exports would not be found or not be taken */
export function checkExports(module: ElfFile, merged: Uint8Array, plan: MergePlan): void {
  const before = moduleExports(module.bytes);
  const after = moduleExports(merged);
  const more = (after?.names.length ?? 0) - (before?.names.length ?? 0);
  if (after === undefined || more === 0) return;
  const refuse = (what: string) => mergeRefusal('PAT117', { object: plan.objects.map(o => o.name).join(', '), what });
  const hadCrcs = before !== undefined && before.names.length > 0 && before.crcs !== undefined;
  if ((hadCrcs || versionsSection(module) !== undefined) && after.crcs === undefined)
    throw refuse('the new ones have no checksums');
  for (const table of [0, 1]) {
    const names = after.names.filter((_, i) => after.gplOnly[i] === table);
    const at = names.findIndex((name, i) => i > 0 && name < names[i - 1]!);
    if (at > 0) throw refuse(`${names[at]} would stand behind ${names[at - 1]}, and the kernel wants them sorted`);
  }
}
