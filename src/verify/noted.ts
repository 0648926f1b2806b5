/**
 * What the note in a patched file says of the patch, held against the file and the original that the note's script gives back: for
 * somebody who has neither plan nor input. A note that was edited by hand, or was copied from another file, says something that the
 * two files do not show.
 *
 * What came with objects that were merged into a module is in neither file by itself: actions on their functions, trampolines of the user's
 * own, and redirects of local callers beside them are not judged here. For kernel images: image/noted.ts.
 */
import { createHash } from 'node:crypto';
import type { ElfFile } from '../elf/read.ts';
import { readElf } from '../elf/read.ts';
import { modinfoOf } from '../kernel/modinfo.ts';
import type { PatchNote, PatchRecord } from '../kernel/patch-note.ts';
import { patchNoteSection, readPatchNote } from '../kernel/patch-note.ts';
import type { NewCode, PatchPlan, PlannedAction } from '../plan/plan.ts';
import { InputError } from '../util/errors.ts';
import { ActionJudge } from './actions.ts';
import { imageNoteFaults } from './image/noted.ts';
import { Labels } from './labels.ts';
import { doneBy, wantedInformation } from './modinfo.ts';
import { NamedFunctions } from './named-functions.ts';
import { isAction, lie, type NotedFault } from './noted-actions.ts';
import { Pairing } from './pairing.ts';
import { rebuild } from './restores.ts';
import { Report } from './verification.ts';

const NEW_CODE = /^\.(?:init\.|exit\.)?text\.tocsin/;
/** An original is hardly larger than what was made of it. */
const MOST = 4;
const SLACK = 1 << 20;

/** @returns what is wrong; nothing where all that can be judged is so */
export function judgeNote(elf: ElfFile, { record, script }: PatchNote): readonly NotedFault[] {
  const { bytes } = elf;
  const made = rebuild(script, bytes, bytes.length * MOST + SLACK);
  const isOriginal =
    made !== undefined && made.length === record.original.size && hashOf(made) === record.original.sha256;
  if (!isOriginal)
    return [
      {
        code: 'VER236',
        message: 'its script does not give the original back that it names: what it says of the patch is not judged',
      },
    ];
  let original: ElfFile;
  try {
    original = readElf(made);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return [{ code: 'VER236', message: `what its script gives back is no object: ${error.complaint.message}` }];
  }
  const faults = [...headFaults(elf, original, record)];
  const bad = record.actions.find(action => !isAction(action));
  if (bad !== undefined) return [...faults, lie('it lists something that is no action')];
  return [
    ...faults,
    ...(elf.isRelocatable ? actionFaults(elf, original, record) : imageNoteFaults(elf, original, record)),
  ];
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What it says of the patch as a whole. */
function* headFaults(elf: ElfFile, original: ElfFile, record: PatchRecord): Generator<NotedFault> {
  const layer = (readPatchNote(original)?.record.layer ?? 0) + 1;
  if (record.layer !== layer) yield lie(`it says that this is patch ${record.layer} of the file, and it is ${layer}`);
  if (record.merged === undefined && elf.isRelocatable) {
    const code = elf.sections.filter(s => NEW_CODE.test(s.name)).reduce((sum, s) => sum + s.sh_size, 0);
    const before = original.sections.filter(s => NEW_CODE.test(s.name)).reduce((sum, s) => sum + s.sh_size, 0);
    if (record.codeAdded !== code - before)
      yield lie(`it says that ${record.codeAdded} bytes of code were added, and ${code - before} were`);
  }
  const told = modinfoOf(elf)
    .filter(e => e.key === 'tocsin')
    .at(-1)?.value;
  const done = doneBy(record.actions, record.merged?.length);
  const wanted = wantedInformation(record.tool, done, record.original.sha256).slice('tocsin='.length, -1);
  if (told !== undefined && told !== wanted)
    yield lie(`.modinfo says "tocsin=${told}", and after the note it would be "tocsin=${wanted}"`);
}

function actionFaults(elf: ElfFile, original: ElfFile, { actions, merged }: PatchRecord): readonly NotedFault[] {
  const known = new NamedFunctions(original);
  const isThere = (a: PlannedAction) => known.sectionOver(a.function, a.section, a.offset) !== undefined;
  const faults: NotedFault[] = [];
  for (const action of actions)
    if (merged === undefined && !isThere(action))
      faults.push({ ...lie(`the original has no function ${action.function} there`), ...placeOf(action) });
  const judged = actions.filter(
    a =>
      isThere(a) &&
      !(merged !== undefined && a.kind === 'redirect' && (a.strategy === 'custom' || a.at === 'local-entry')),
  );
  const pair = pairOf(original, elf, judged);
  if (pair === undefined) return [...faults, lie('the sections of the original are not those of the file')];
  const report = new Report();
  report.step('labels', () => {
    const labels = new Labels(report, pair);
    for (const action of judged) labels.action(action);
    return '';
  });
  report.step('actions', () => {
    const judge = new ActionJudge(report, pair, judged);
    for (const step of [judge.nops, judge.redirects, judge.hooks, judge.epilogues, judge.retargets]) step.call(judge);
    return '';
  });
  for (const { code, message, level, section, offset, function: name } of report.finish({
    checked: 0,
    undecided: 0,
    byType: {},
  }).findings)
    if (level === 'error')
      faults.push({
        ...lie(`${message} [${code}]`),
        ...(section !== undefined && { section }),
        ...(offset !== undefined && { offset }),
        ...(name !== undefined && { function: name }),
      });
  return faults;
}

function placeOf({ section, offset, function: name }: PlannedAction) {
  return { section, offset, function: name };
}

/** Which section of the file is which of the original: they keep their order, and what is new stands between or behind them. */
function pairOf(original: ElfFile, elf: ElfFile, actions: readonly PlannedAction[]): Pairing | undefined {
  const replaced = patchNoteSection(original)?.index ?? -1;
  const newCode: NewCode[] = [];
  let next = 0;
  const skip = () => {
    if (next === replaced) next++;
  };
  for (const section of elf.sections) {
    skip();
    const was = original.sections[next];
    if (was !== undefined && was.name === section.name && was.sh_type === section.sh_type) next++;
    else if (was !== undefined)
      newCode.push({ name: section.name, before: next, alignment: 4, words: [], relocations: [] });
  }
  skip();
  if (next < original.sections.length) return undefined;
  const plan: PatchPlan = {
    schema: 'tocsin.plan/1',
    ...{ actions, newCode, words: [], removedRelocations: [], removedRecords: [], addedRelocations: [] },
    ...{ newSymbols: [], addedVersions: [], dropsSignature: false, warnings: [] },
  };
  const pair = new Pairing(original, elf, { plan, sections: new Map(), changesNothing: false, informed: -1 });
  pair.code.splice(0, pair.code.length);
  for (const section of pair.fresh()) if (section.isCode && NEW_CODE.test(section.name)) pair.code.push(section.index);
  return pair;
}
