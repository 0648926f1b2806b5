/** What `patch` does in the end: result and report take their places together, and the terminal tells of it. */
import { type StagedFile, stageFile, writeAtomic } from '../../io/atomic-write.ts';
import type { PatchDocument } from '../../report/patch/document.ts';
import { symversText } from '../../report/patch/merged.ts';
import { patchText } from '../../report/patch/text.ts';
import type { PatchArguments } from '../commands/patch.ts';
import { formByEnding, mayReplace } from '../outputs.ts';
import { note, print } from '../terminal.ts';

/** Endings of `--report`, and its forms. */
export const REPORTS: Readonly<Record<string, (doc: PatchDocument) => string>> = {
  json: doc => `${JSON.stringify(doc, null, 2)}\n`,
  txt: doc => patchText(doc, true),
  symvers: doc => symversText(doc.merged),
};

/** Takes what `--format json` and `ndjson` print. */
export type Tell = (doc: PatchDocument) => void;

export function printJson(doc: PatchDocument, { format }: PatchArguments): void {
  print(`${format === 'ndjson' ? JSON.stringify(doc) : JSON.stringify(doc, null, 2)}\n`);
}

/** What judge and second reader found of a result, as documents have it; and whether both are content. */
export function judged<V extends { readonly ok: boolean }, R extends { readonly agreed: boolean }>(
  { dryRun }: Pick<PatchArguments, 'dryRun'>,
  verification: V,
  secondReader: R | undefined,
) {
  const ok = verification.ok && secondReader?.agreed === true;
  return { ok, result: { written: ok && !dryRun, verification, ...(secondReader && { secondReader }) } };
}

/** Where nothing is written but the report. Throws as `writeAtomic`. */
export async function show(args: PatchArguments, doc: PatchDocument, tell: Tell): Promise<void> {
  if (args.report !== undefined) await writeAtomic(args.report, reportOf(args.report, doc));
  say(args, doc, tell);
}

/**
 * Ends `staged`: puts it into its place where `doc` says that it is written. The report is on the disk, or has gone to its pipe or
 * device, before, so that neither a full disk nor a device that fails leaves the one without the other. Throws as `writeAtomic`; then neither
 * is in its place, unless the report's own rename fails; a pipe or device has the report already where the result's own does.
 */
export async function conclude(
  args: PatchArguments,
  doc: PatchDocument,
  staged: StagedFile,
  tell: Tell,
): Promise<void> {
  let report: StagedFile | undefined;
  try {
    report = await beside(args.report, doc);
    // Who reads both pipes, result and report, reads them in this order.
    if (args.output === undefined || mayReplace(args.output)) await report?.ready();
    if (doc.written) await staged.ready();
  } catch (error) {
    await staged.discard();
    await report?.discard();
    throw error;
  }
  if (!doc.written) await staged.discard();
  else
    await staged.commit().catch(async error => {
      await report?.discard();
      throw error;
    });
  await report?.commit();
  say(args, doc, tell);
}

async function beside(path: string | undefined, doc: PatchDocument): Promise<StagedFile | undefined> {
  return path === undefined ? undefined : stageFile(path, reportOf(path, doc));
}

function reportOf(path: string, doc: PatchDocument): Buffer {
  return Buffer.from(formByEnding(path, REPORTS)(doc));
}

function say(args: PatchArguments, doc: PatchDocument, tell: Tell): void {
  if (args.format !== 'text') tell(doc);
  else if (!args.quiet || doc.dryRun) print(patchText(doc, args.verbose));
  else for (const warning of doc.warnings) note(`tocsin: ${args.file}: ${warning}`);
}
