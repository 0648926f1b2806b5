/**
 * The judge of a write. It gets the input, the bytes of the output and the plan, and takes nobody's word for what lies
 * between them: it reads the output again and finds out from the two files alone whether the plan was carried out,
 * whether anything else happened, and whether the result is something that a kernel can load and run.
 *
 * It never imports what makes patches. All functions are pure.
 */
import type { ElfFile } from '../elf/read.ts';
import { readElf } from '../elf/read.ts';
import type { PatchPlan, PlannedAction } from '../plan/plan.ts';
import { ActionJudge } from './actions.ts';
import { compareNewCode } from './compare-code.ts';
import { compareContents } from './compare-contents.ts';
import { compareFile } from './compare-file.ts';
import { compareHeaders } from './compare-headers.ts';
import { compareRelocations } from './compare-relocations.ts';
import { compareStrings } from './compare-strings.ts';
import { compareSymbols, symbolsText } from './compare-symbols.ts';
import { Expectation, type VerifiedInput } from './expectation.ts';
import { checkImports } from './imports.ts';
import { checkLabels } from './labels.ts';
import { checkModinfo } from './modinfo.ts';
import { type Pairing, pairSections } from './pairing.ts';
import { checkPlan } from './planned.ts';
import { RelocationChecker } from './relocations.ts';
import { checkNote } from './restores.ts';
import { checkAlignment, checkStructure } from './structure.ts';
import { Report, type Verification } from './verification.ts';
import { wasThere } from './was-there.ts';

export type { VerifiedInput } from './expectation.ts';
export type { Verification } from './verification.ts';

const NOTHING_CHECKED = { checked: 0, undecided: 0, byType: {} };

/**
 * Verifies one write. Nothing is thrown for a bad output: that is what the findings are for.
 *
 * @param output the bytes as they would be written, or as they were read again; never changed
 */
export function verifyPatched(input: VerifiedInput, output: Uint8Array, plan: PatchPlan): Verification {
  return verifyOutput(new Expectation(input, plan), output);
}

/** As `verifyPatched`, where what input and plan ask for has been worked out. */
export function verifyOutput(expected: Expectation, output: Uint8Array): Verification {
  const report = new Report();
  const { planned } = expected;
  const { plan } = planned;
  const before = expected.input.elf;

  // The output as a file of its own. A step that cannot go on ends the walk: what it was to make is then used nowhere.
  const after = report.make('re-read', () => readElf(output), bytesText)!;
  report.step('structure', () => checkStructure(report, after, before));
  const relocations = report.make(
    'relocations',
    () => new RelocationChecker(report, after),
    checker => checker.run(),
  );

  // Input, plan and output side by side: all that the plan says, and nothing else.
  report.step('plan', () => checkPlan(report, before, planned, expected.checksums));
  report.stopOn('VER043');
  const pair = report.make('sections', () => pairSections(report, before, after, planned), sectionsText)!;
  report.step('alignment', () => checkAlignment(report, pair));
  const symbols = report.make('symbols', () => compareSymbols(report, pair, planned), symbolsText)!;
  report.step('headers', () => compareHeaders(report, pair, planned, symbols.kept));
  report.step('contents', () => compareContents(report, pair, planned));
  report.step('relocation entries', () => compareRelocations(report, pair, planned, symbols));
  const bad = relocations?.badExternals ?? [];
  report.step('external calls', () => relocations!.externalCalls(wasThere(pair, planned, symbols, bad)));
  report.step('names', () => compareStrings(report, pair, symbols));
  report.step('new code', () => compareNewCode(report, pair, planned));
  report.step('imports', () => checkImports(report, pair, symbols));
  report.step('note', () => checkNote(report, pair, expected));
  if (planned.informed >= 0) report.step('modinfo', () => checkModinfo(report, pair, expected));
  report.step('file', () => compareFile(report, pair, planned));
  report.step('every byte', () => report.account(output.length));

  // What the plan means.
  report.step('labels', () => checkLabels(report, pair, planned));
  const judge = report.make(
    'actions',
    () => new ActionJudge(report, pair, plan.actions),
    j => j.placed(),
  )!;
  report.step('call sites gone', () => judge.nops());
  report.step('redirects', () => judge.redirects());
  const asks = (kind: PlannedAction['kind']) => plan.actions.some(a => a.kind === kind);
  if (asks('hook')) report.step('hooks', () => judge.hooks());
  if (asks('epilogue')) report.step('epilogues', () => judge.epilogues());
  if (asks('retarget')) report.step('calls changed', () => judge.retargets());
  report.step('trampolines', () => judge.newCode());
  return report.finish(relocations?.counted() ?? NOTHING_CHECKED);
}

/** Structure and relocations of one object on its own: what can be said without a plan. */
export function verifyObject(elf: ElfFile): Verification {
  const report = new Report();
  report.step('structure', () => checkStructure(report, elf, undefined));
  const relocations = report.make(
    'relocations',
    () => new RelocationChecker(report, elf),
    checker => checker.run(),
  );
  report.step('external calls', () => relocations!.externalCalls());
  return report.finish(relocations?.counted() ?? NOTHING_CHECKED);
}

function bytesText({ bytes }: ElfFile): string {
  return `${bytes.length} bytes`;
}

function sectionsText({ kept, output }: Pairing): string {
  return `${kept} of the input, ${Math.max(output.sections.length - kept, 0)} new`;
}
