/**
 * Which section of the output is which. Sections of the input keep their numbers; what the plan adds stands behind them:
 * its code, relocations for sections that had none, and the note. Anything else has no business there.
 */
import { SHT_RELA } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { SectionIndex } from '../util/indexes.ts';
import { type Planned, planFor } from './planned.ts';
import { count, type Report } from './verification.ts';

/** The section in which a patch describes itself. */
export const NOTE_SECTION = '.note.tocsin';

/** Livepatch relocations, which the loader leaves to the livepatch core (kernel). */
const SHF_RELA_LIVEPATCH = 0x0010_0000;

export interface Pairing {
  readonly input: ElfFile;
  readonly output: ElfFile;
  /** Sections below this number are the input's. */
  readonly kept: number;
  /** The output's section of each `newCode` of the plan; -1 where it is missing. */
  readonly code: readonly SectionIndex[];
  /** New SHT_RELA sections by the section that they relocate, both in the output. */
  readonly tables: ReadonlyMap<SectionIndex, SectionIndex>;
  /** The new note section, or -1. */
  readonly note: SectionIndex;
}

/** The SHT_RELA section of the input that added relocations of `target` belong into, or -1. */
export function tableFor(elf: ElfFile, target: SectionIndex): SectionIndex {
  return elf.relocationSectionsFor(target).find(s => (s.sh_flags & SHF_RELA_LIVEPATCH) === 0)?.index ?? -1;
}

export function pairSections(report: Report, input: ElfFile, output: ElfFile, planned: Planned): Pairing {
  const kept = input.sections.length;
  const code = planned.plan.newCode.map(() => -1);
  const tables = new Map<SectionIndex, SectionIndex>();
  let note = -1;
  if (output.sections.length < kept)
    report.error('VER031', `the input has ${count(kept, 'section')}, the output ${output.sections.length}`);
  for (const section of output.sections.slice(kept)) {
    const { index, name } = section;
    const k = planned.plan.newCode.findIndex((c, i) => c.name === name && code[i] === -1);
    if (k >= 0) code[k] = index;
    else if (section.sh_type === SHT_RELA && !tables.has(section.sh_info)) tables.set(section.sh_info, index);
    else if (name === NOTE_SECTION && note < 0 && !planned.changesNothing) note = index;
    else report.error('VER031', `section ${index} (${name}) is not in the plan`, name);
  }
  code.forEach((index, k) => {
    const { name, relocations } = planned.plan.newCode[k]!;
    if (index < 0) report.error('VER031', `the new section ${name} is missing`, name);
    else if (relocations.length > 0 && !tables.has(index))
      report.error('VER031', `the relocations of ${name} are missing`, name);
  });
  for (const target of tables.keys()) {
    const k = code.indexOf(target);
    const wanted =
      k >= 0
        ? planned.plan.newCode[k]!.relocations.length > 0
        : planFor(planned, target).added.length > 0 && tableFor(input, target) < 0;
    if (!wanted) report.error('VER031', 'new relocations for a section that has none in the plan', output.sections[tables.get(target)!]);
  }
  return { input, output, kept, code, tables, note };
}
