/**
 * The judge of a merge. It gets the module, the objects, the bytes that came out and the plan, and holds each against the
 * others: the module is there as it was, each section of the objects stands where the plan puts it, each relocation still
 * means the same, and nothing else came along. What may stay out, which name a section has in a module, and what a symbol is
 * bound to, it knows by rules of its own: it never imports what merges.
 */
import { createHash } from 'node:crypto';
import { type ElfFile, readElf } from '../../elf/read.ts';
import type { MergePlan } from '../../plan/merge.ts';
import type { PatchPlan } from '../../plan/plan.ts';
import { count, Report, type Verification } from '../verification.ts';
import { compareModule } from './compare-module.ts';
import { compareExports } from './exports.ts';
import { compareRest } from './file.ts';
import { compareInformation } from './information.ts';
import { compareMeanings } from './meanings.ts';
import { comparePieces } from './pieces.ts';
import { compareRenamed, type RenamedObject } from './renamed.ts';
import { unsorted } from './sorted.ts';
import { compareAdded } from './symbols.ts';
import { compareTold } from './told.ts';

interface MergedCaseObject {
  readonly name: string;
  readonly elf: ElfFile;
  /** It was made for the exports of another one. */
  readonly exportsOf?: string;
}

/** A merge as the judge sees it. */
export interface MergeCase {
  readonly module: ElfFile;
  readonly objects: readonly MergedCaseObject[];
  readonly plan: MergePlan;
  /** Objects that are copies of what the user gave, with other names. */
  readonly renamed?: readonly RenamedObject[] | undefined;
  /** What is done to the merged module, where that is known. */
  readonly patch?: PatchPlan | undefined;
}

/** @param merged the merged module, before anything else was patched in it; never changed */
export function verifyMerge(given: MergeCase, merged: Uint8Array): Verification {
  const report = new Report();
  report.step('merge: objects', () => checkObjects(report, given));
  const { renamed = [] } = given;
  if (renamed.length > 0) report.step('merge: placeholders', () => compareRenamed(report, renamed));
  report.step('merge: exports', () => compareExports(report, given, readElf(merged)));
  const after = report.make(
    'merge: re-read',
    () => unsorted(report, given.module, given.plan, readElf(merged)),
    elf => count(elf.sections.length, 'section'),
  )!;
  report.step('merge: module', () => compareModule(report, given, after));
  report.step('merge: sections', () => comparePieces(report, given, after));
  report.step('merge: information', () => compareInformation(report, given, after));
  report.step('merge: symbols', () => compareAdded(report, given, after));
  report.step('merge: relocations', () => compareMeanings(report, given, after));
  report.step('merge: file', () => compareRest(report, given, readElf(merged)));
  const { patch } = given;
  if (patch !== undefined) report.step('merge: plan', () => compareTold(report, given, patch));
  return report.finish({ checked: 0, undecided: 0, byType: {} });
}

/** One verdict of two: of the merge, and of what was patched afterwards. */
export function withMerge(merge: Verification, patch: Verification): Verification {
  return {
    ...patch,
    ok: merge.ok && patch.ok,
    checks: [...merge.checks, ...patch.checks],
    findings: [...merge.findings, ...patch.findings],
  };
}

function checkObjects(report: Report, { objects, plan }: MergeCase): string {
  if (objects.length !== plan.objects.length)
    report.error('VER080', `the plan merges ${plan.objects.length} objects, and ${objects.length} were given`);
  objects.forEach(({ name, elf }, i) => {
    const told = plan.objects[i];
    const sha256 = createHash('sha256').update(elf.bytes).digest('hex');
    if (told?.name !== name || told.sha256 !== sha256 || told.size !== elf.bytes.length)
      report.error('VER080', `the plan does not speak of object ${name} as it is`);
  });
  return count(objects.length, 'object');
}
