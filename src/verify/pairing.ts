/**
 * Which section of the output is which. Sections of the input keep their order; what the plan adds stands behind them: its
 * code, relocations for sections that had none, and the note, which takes the place of an earlier patch's. Code that the plan has
 * beside a section of the input stands there. Anything else has no business there.
 */
import { SHT_RELA } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import type { Section } from '../elf/section.ts';
import { PATCH_NOTE_SECTION, patchNoteSection } from '../kernel/patch-note.ts';
import type { SectionIndex } from '../util/indexes.ts';
import { type Planned, planFor } from './planned.ts';
import { count, type Report } from './verification.ts';

/** Livepatch relocations, which the loader leaves to the livepatch core (kernel). */
const SHF_RELA_LIVEPATCH = 0x0010_0000;

export class Pairing {
  readonly input: ElfFile;
  readonly output: ElfFile;
  /** The note of an earlier patch, which the new one takes the place of; -1 where there is none. */
  readonly replaced: SectionIndex;
  /** How many sections of the output are the input's. */
  readonly kept: number;
  /** The input's number of each section of the output that is, or has to be, the input's; -1 of others. */
  readonly #from: SectionIndex[] = [];
  readonly #to: SectionIndex[] = [];
  readonly #before = new Map<SectionIndex, SectionIndex>();
  /** The output's section of each `newCode` of the plan; -1 where it is missing. */
  readonly code: SectionIndex[];
  /** New SHT_RELA sections by the section that they relocate, both in the output. */
  readonly tables = new Map<SectionIndex, SectionIndex>();
  /** The new note section, or -1. */
  note: SectionIndex = -1;

  constructor(input: ElfFile, output: ElfFile, planned: Planned) {
    this.input = input;
    this.output = output;
    this.replaced = planned.changesNothing ? -1 : (patchNoteSection(input)?.index ?? -1);
    this.kept = input.sections.length - (this.replaced < 0 ? 0 : 1);
    this.code = planned.plan.newCode.map(() => -1);
    for (let index = 0; index < input.sections.length; index++) {
      for (const code of planned.plan.newCode)
        if (code.before === index) this.#before.set(this.#from.push(-1) - 1, index);
      this.#to.push(index === this.replaced ? -1 : this.#from.length);
      if (index !== this.replaced) this.#from.push(index);
    }
  }

  /** The output's number for section `index` of the input; -1 for the one that is replaced. */
  to(index: SectionIndex): SectionIndex {
    return this.#to[index] ?? index;
  }

  /** Whether every section of the input has its number in the output. */
  get isInOrder(): boolean {
    return this.#to.every((to, index) => to === index);
  }

  /** The input's number for section `index` of the output; -1 for a new one. */
  from(index: SectionIndex): SectionIndex {
    return this.#from[index] ?? -1;
  }

  /** The sections of the output that the input has not. */
  fresh(): Section[] {
    return this.output.sections.filter(section => this.from(section.index) < 0);
  }

  /** The section of the input that section `index` of the output, a new one, stands in front of; `undefined` behind all. */
  before(index: SectionIndex): SectionIndex | undefined {
    return this.#before.get(index);
  }

  /** The sections that both files have, as [input's, output's]. */
  *both(): Generator<readonly [Section, Section]> {
    for (const was of this.input.sections) {
      const is = this.output.sections[this.to(was.index)];
      if (is !== undefined) yield [was, is];
    }
  }
}

/** The SHT_RELA section of the input that added relocations of `target` belong into, or -1. */
export function tableFor(elf: ElfFile, target: SectionIndex): SectionIndex {
  return elf.relocationSectionsFor(target).find(s => (s.sh_flags & SHF_RELA_LIVEPATCH) === 0)?.index ?? -1;
}

export function pairSections(report: Report, input: ElfFile, output: ElfFile, planned: Planned): Pairing {
  const pair = new Pairing(input, output, planned);
  const { kept, code, tables } = pair;
  if (output.sections.length < kept)
    report.error('VER031', `the input has ${count(kept, 'section')} that stay, the output ${output.sections.length}`);
  for (const section of pair.fresh()) {
    const { index, name } = section;
    const before = pair.before(index);
    const k = planned.plan.newCode.findIndex((c, i) => c.name === name && c.before === before && code[i] === -1);
    if (k >= 0) code[k] = index;
    else if (section.sh_type === SHT_RELA && !tables.has(section.sh_info)) tables.set(section.sh_info, index);
    else if (name === PATCH_NOTE_SECTION && pair.note < 0 && !planned.changesNothing) pair.note = index;
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
        : planFor(planned, pair.from(target)).added.length > 0 && tableFor(input, pair.from(target)) < 0;
    if (!wanted)
      report.error(
        'VER031',
        'new relocations for a section that has none in the plan',
        output.sections[tables.get(target)!],
      );
  }
  return pair;
}
