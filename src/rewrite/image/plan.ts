/** From a request to the plan for a linked kernel image: as plan.ts beside it, with nothing left for a loader to do. */
import type { ElfFile } from '../../elf/read.ts';
import type { ImagePlan } from '../../plan/image.ts';
import type { PatchPlan, SiteForm, WordChange } from '../../plan/plan.ts';
import { NOP } from '../../ppc64/words.ts';
import { Draft } from '../draft.ts';
import { type NopTarget, nopTargets, planNop } from '../nops.ts';
import type { PatchRequest } from '../plan.ts';
import { refusal } from '../refusals.ts';
import { Subject } from '../subject.ts';
import { dropImageRecords } from './records.ts';
import { imageRefusal } from './refusals.ts';
import { ImageRelocations } from './relocations.ts';

/**
 * The plan for `request`.
 *
 * @throws RefusalError PAT002 to PAT005, PAT024, PAT120 to PAT122; InputError where the file is damaged
 */
export function makeImagePlan(elf: ElfFile, request: PatchRequest): ImagePlan {
  const { nops, redirects, hooks = [], retargets = [] } = request;
  if (redirects.length > 0) throw imageRefusal('PAT120', { what: '--redirect' });
  if (hooks.length > 0) throw imageRefusal('PAT120', { what: '--hook' });
  if (retargets.length > 0) throw imageRefusal('PAT120', { what: '--retarget' });
  if (nops.length === 0) throw refusal('PAT024');
  if (elf.symbols === undefined) throw imageRefusal('PAT121', { what: 'it has no symbols' });
  const subject = new Subject(elf);
  const draft = new Draft(elf);
  const targets = nopTargets(subject, nops, draft);
  for (const target of targets) planImageNop(elf, target, draft);
  const form = subject.sites[0]?.form;
  return link(elf, draft.freeze(false), form);
}

/** In a linked image no relocation tells the profiling call: the site does. */
function planImageNop(elf: ElfFile, target: NopTarget, draft: Draft): void {
  planNop(elf, target, draft);
  for (const { section, offset, form } of target.code.sites) {
    if (form === 'pg') throw imageRefusal('PAT120', { what: '--nop of a -pg call site' });
    const before = elf.sectionWords(section)[offset / 4]!;
    if (before !== NOP) draft.words.push({ section: section.index, offset, before, after: NOP });
  }
}

/** What a plan for an object leaves to a loader is done here: records go, and everything gets its address. */
function link(elf: ElfFile, plan: PatchPlan, form: SiteForm | undefined): ImagePlan {
  const relocations = new ImageRelocations(elf);
  const { records, words } = dropImageRecords(elf, plan.removedRecords, form, relocations);
  const image: ImagePlan = {
    schema: 'tocsin.image-plan/1',
    actions: plan.actions,
    words: inOrder([...plan.words, ...words, ...relocations.finish()]),
    records,
    parts: [],
    symbols: [],
    relatives: [],
    warnings: plan.warnings,
  };
  for (const part of Object.values(image)) Object.freeze(part);
  return Object.freeze(image);
}

function inOrder(words: readonly WordChange[]): WordChange[] {
  return [...words].sort((a, b) => a.section - b.section || a.offset - b.offset);
}
