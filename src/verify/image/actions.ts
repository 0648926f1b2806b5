/** What the plan's actions mean, held against the words of both images. */
import type { ElfFile } from '../../elf/read.ts';
import type { Section } from '../../elf/section.ts';
import type { ImagePlan } from '../../plan/image.ts';
import type { PlannedNop } from '../../plan/plan.ts';
import { count, type Report } from '../verification.ts';

const NOP = 0x60000000;

export function checkImageActions(report: Report, input: ElfFile, output: ElfFile, plan: ImagePlan): string {
  const records = new Map(plan.records.map(r => [r.before, r]));
  const changed = new Set(plan.words.map(w => `${w.section}+${w.offset}`));
  for (const action of plan.actions) {
    const section = input.sectionNamed(action.section);
    if (section === undefined || action.offset < 0 || action.offset + 4 > section.sh_size) {
      report.error('VER115', `there is no ${action.section}+${action.offset}`, action.section, action.offset);
      continue;
    }
    const hasRecord = records.delete(section.sh_addr + BigInt(action.offset));
    if (action.kind === 'retarget' || action.recordRemoved !== hasRecord)
      report.error('VER114', 'the record of the site does not go with it', section, action.offset, action.function);
    if (action.kind === 'nop') checkNop(report, input, output, section, action);
    else report.error('VER115', `nobody can judge a ${action.kind} in an image`, section, action.offset);
    changed.delete(`${section.index}+${action.offset}`);
  }
  for (const r of records.keys())
    report.error('VER114', `the record of 0x${r.toString(16)} goes, and no action says why`);
  for (const { section, offset } of plan.words)
    if (input.sections[section]?.isCode === true && changed.has(`${section}+${offset}`))
      report.error('VER115', 'a word of code changes, and no action says why', input.sections[section], offset);
  return `${count(plan.actions.length, 'action')} found in the words`;
}

/** A call of the profiler becomes a nop; nops stay. */
function checkNop(report: Report, input: ElfFile, output: ElfFile, section: Section, action: PlannedNop): void {
  const was = input.sectionWords(section)[action.offset / 4]!;
  const is = output.sectionWords(output.sections[section.index]!)[action.offset / 4]!;
  const wasSite = action.form.startsWith('patchable') ? was === NOP : (was & 0xfc000003) >>> 0 === 0x48000001;
  if (!wasSite || is !== NOP)
    report.error('VER115', 'a call site is not out as planned', section, action.offset, action.function);
}
