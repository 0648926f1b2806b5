/**
 * From a request to a plan: find what is meant, check that it is safe, and write down every change. The plan that comes
 * out is frozen; `apply.ts` carries it out without deciding anything.
 */
import { STT_SECTION } from '../elf/constants.ts';
import type { ElfFile } from '../elf/read.ts';
import { RELA_WORDS } from '../elf/relocations.ts';
import { Btf } from '../kernel/btf.ts';
import { patchNoteSection } from '../kernel/patch-note.ts';
import { moduleSignature } from '../kernel/signature.ts';
import { RECORD_SIZE } from '../kernel/tracer-tables.ts';
import type { MergePlan } from '../plan/merge.ts';
import { type PatchPlan, SIGNATURE_DROPPED } from '../plan/plan.ts';
import { hex } from '../util/bytes.ts';
import type { SectionIndex, SectionOffset } from '../util/indexes.ts';
import { Draft } from './draft.ts';
import type { Epilogues } from './epilogue/epilogues.ts';
import { type HookRequest, planHooks } from './hooks.ts';
import { type ImportOptions, planImport } from './imports.ts';
import { nopTargets, planNop } from './nops.ts';
import { planRedirects, type RedirectRequest } from './redirects.ts';
import { refusal } from './refusals.ts';
import { planRetargets, type RetargetRequest } from './retargets.ts';
import { Spread } from './spread.ts';
import { placeKey, Subject } from './subject.ts';

export interface PatchRequest extends ImportOptions {
  /** Shell patterns over function names, or `NAME@SECTION+0xOFFSET`. */
  readonly nops: readonly string[];
  readonly redirects: readonly RedirectRequest[];
  readonly hooks?: readonly HookRequest[] | undefined;
  readonly retargets?: readonly RetargetRequest[] | undefined;
  /** Copies that were merged in: what there is to say of them. */
  readonly epilogues?: Pick<Epilogues, 'actions' | 'warnings'> | undefined;
  /** Contents of `.BTF` of the kernel that the module was built for: the base of the module's own BTF. */
  readonly kernelBtf?: Uint8Array | undefined;
  /** How far a branch is trusted to reach in each direction, bytes; as far as the instruction does, where absent. */
  readonly reach?: number | undefined;
  /** How objects were merged into the module: the file that is planned for is the merged one. */
  readonly merge?: MergePlan | undefined;
}

/**
 * The plan for `request`.
 *
 * @throws RefusalError PAT001 to PAT030, PAT060 to PAT070 (refusals.ts); InputError where the file is damaged
 */
export function makePlan(elf: ElfFile, request: PatchRequest): PatchPlan {
  if (!elf.isRelocatable) throw refusal('PAT001');
  const { nops, redirects, hooks = [], retargets = [], epilogues = { actions: [], warnings: [] } } = request;
  const asked = nops.length + redirects.length + hooks.length + retargets.length + epilogues.actions.length;
  if (asked === 0 && request.merge === undefined) throw refusal('PAT024');
  const standIns = redirects.flatMap(r => r.custom?.places ?? []).map(p => placeKey(p.section, p.offset));
  const kernelBtf = request.kernelBtf && Btf.parse(request.kernelBtf);
  const subject = new Subject(elf, kernelBtf, elf.sections.length, new Set(standIns));
  const draft = new Draft(elf, new Spread(subject, request.reach));
  const targets = nopTargets(subject, nops, draft);
  planRedirects(subject, redirects, targets, request, draft);
  planHooks(subject, hooks, { nops: targets, redirects }, request, draft);
  planRetargets(subject, retargets, request, draft);
  draft.spread.check(draft.codeSizes);
  for (const e of epilogues.actions) {
    if (draft.actions.some(a => a.section === e.section && [e.function, ...e.aliases].includes(a.function)))
      throw refusal('PAT016', { what: `${e.function} is changed and gets an epilogue` }, { function: e.function });
    draft.actions.push(e);
  }
  draft.warnings.push(...epilogues.warnings);
  for (let i = 0; i < targets.length; i++) planNop(elf, targets[i]!, draft);
  checkRecords(subject, draft);
  checkShrunkTables(elf, draft);
  const signed = moduleSignature(elf.bytes) !== undefined;
  warn(elf, signed, draft);
  const { merge } = request;
  if (merge === undefined) return draft.freeze(signed);
  for (const name of merge.imports) planImport(elf, name, request, draft);
  draft.warnings.push(...merge.warnings);
  return draft.freeze(signed, { objects: merge.objects, dropsSignature: merge.dropsSignature });
}

/** Whatever fills a record goes with it: a second relocation for it would be left without a place. */
function checkRecords(subject: Subject, draft: Draft): void {
  const records = draft.removedRecords;
  /** By table, a mark for each record that goes. */
  const gone = new Map<SectionIndex, Uint8Array>();
  for (let n = 0; n < records.length; n++) {
    const { table, offset } = records[n]!;
    let marks = gone.get(table);
    if (marks === undefined) {
      marks = new Uint8Array(Math.ceil(subject.elf.sections[table]!.sh_size / RECORD_SIZE));
      gone.set(table, marks);
    }
    if (marks[offset / RECORD_SIZE] === 1) throw filledTwice(subject, table, offset);
    marks[offset / RECORD_SIZE] = 1;
  }
  for (const [table, marks] of gone) {
    for (const section of subject.relocationTablesFor(table)) {
      const { words, count } = subject.elf.relocations(section);
      for (let i = 0, w = 0; i < count; i++, w += RELA_WORDS) {
        const at = words[w]!;
        const n = Math.floor(at / RECORD_SIZE);
        if (marks[n] === 2) throw filledTwice(subject, table, at);
        if (marks[n] === 1) marks[n] = 2;
      }
    }
  }
}

function filledTwice(subject: Subject, table: SectionIndex, offset: SectionOffset): Error {
  return refusal('PAT029', { table: subject.elf.sections[table]!.name, offset: hex(offset) });
}

/** A symbol in a table whose records move up would name another record, or none. */
function checkShrunkTables(elf: ElfFile, draft: Draft): void {
  const { symbols } = elf;
  const shrinks = new Uint8Array(elf.sections.length);
  for (let n = 0; n < draft.removedRecords.length; n++) shrinks[draft.removedRecords[n]!.table] = 1;
  if (draft.removedRecords.length === 0 || symbols === undefined) return;
  for (let i = 1; i < symbols.count; i++) {
    const section = symbols.sectionOf(i);
    if (shrinks[section] === 0 || symbols.type(i) === STT_SECTION) continue;
    throw refusal('PAT020', { name: symbols.name(i), table: elf.sections[section]!.name });
  }
}

function warn(elf: ElfFile, signed: boolean, draft: Draft): void {
  if (signed) draft.warnings.push(SIGNATURE_DROPPED);
  if (patchNoteSection(elf) !== undefined)
    draft.warnings.push('the file was patched before: revert will undo this patch only, and then the one before it');
}
