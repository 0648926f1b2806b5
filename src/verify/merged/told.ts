/** What the plan of the patch says of the objects, against the objects: which they were, whose trampolines, and each copy that they bring. */
import { createHash } from 'node:crypto';
import { SHN_UNDEF, STB_LOCAL } from '../../elf/constants.ts';
import type { PatchPlan } from '../../plan/plan.ts';
import { count, type Report } from '../verification.ts';
import { definitionChecksum } from './declarations.ts';
import type { MergeCase } from './verify-merge.ts';

const COPY = '__tocsin_epilogue_';

export function compareTold(report: Report, given: MergeCase, { actions, merged }: PatchPlan): string {
  const { plan, objects, renamed = [] } = given;
  const wanted = { objects: plan.objects, dropsSignature: plan.dropsSignature };
  if (JSON.stringify(merged) !== JSON.stringify(wanted))
    report.error('VER280', 'the plan does not name the objects that were merged');
  for (const action of actions) {
    const custom = action.kind === 'redirect' ? action.custom : undefined;
    if (action.kind !== 'redirect' || custom === undefined) continue;
    const { name, given: file, to } = renamed.find(r => r.entry === custom.entry) ?? {};
    const sha256 = file && createHash('sha256').update(file.bytes).digest('hex');
    if (custom.object !== name || custom.sha256 !== sha256)
      report.error('VER280', `${custom.object} is not the trampoline that was merged`, action.section, action.offset);
    if (to !== undefined && action.to !== to && action.to !== to.split('@')[0])
      report.error('VER280', `the trampoline was made for ${to}, not for ${action.to}`, action.section, action.offset);
  }
  const copies = new Map(actions.flatMap(a => (a.kind === 'epilogue' ? [[a.symbol, a.crc] as const] : [])));
  for (const { name: object, elf } of objects)
    for (let i = 1; i < (elf.symbols?.count ?? 0); i++) {
      const symbols = elf.symbols!;
      const isDefined = symbols.rawSection(i) !== SHN_UNDEF && symbols.binding(i) !== STB_LOCAL;
      const name = symbols.name(i);
      if (isDefined && name.startsWith(COPY) && !copies.has(name))
        report.error('VER280', `${object} has the copy ${name}, and no action says so`, undefined, undefined, name);
      else if (isDefined && name.startsWith(COPY) && copies.get(name) !== definitionChecksum(elf, i))
        report.error('VER280', `the plan has another checksum for the copy ${name}`, undefined, undefined, name);
    }
  return `${count(objects.length, 'object')} as the plan has them`;
}
