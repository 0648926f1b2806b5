/** What files that were checked together mean for each other; see verify/check/together.ts. */
import type { CheckedFile } from '../../report/check/document.ts';
import type { CheckFinding } from '../../verify/check/finding.ts';
import { circleFinding, duplicateFinding, loadOrder, type TogetherFile } from '../../verify/check/together.ts';
import type { FileChecker } from './checker.ts';
import { withOutsideCallers } from './outside-callers.ts';

/**
 * The same files in the same order, with what they mean for each other.
 *
 * @param mayExportTwice whether two of the modules may export the same symbol
 */
export async function checkTogether(
  checked: readonly CheckedFile[],
  checker: FileChecker,
  files: readonly string[],
  mayExportTwice = true,
): Promise<readonly CheckedFile[]> {
  const results = new Map(checked.map(c => [c.file, c]));
  const more = new Map<string, CheckFinding[]>();
  const say = (file: string, finding: CheckFinding) => {
    const list = more.get(file);
    if (list === undefined) more.set(file, [finding]);
    else list.push(finding);
  };
  const missing = new Set(checked.filter(c => 'result' in c && !c.result.loads).map(c => c.file));
  for (const circle of loadOrder(together(results)).circles)
    for (const { file, result } of together(results))
      if (circle.includes(result.module)) {
        missing.add(file);
        say(file, circleFinding(circle));
      }
  await recheck(results, missing, checker);
  const wanted = new Set(files);
  const duplicates = mayExportTwice ? (await checker.readContext()).duplicates() : [];
  for (const { symbol, files: exporting } of duplicates)
    for (const file of exporting)
      if (wanted.has(file))
        say(
          file,
          duplicateFinding(
            symbol,
            exporting.filter(f => f !== file),
          ),
        );
  return await withOutsideCallers(checked.map(({ file }) => withFindings(results.get(file)!, more.get(file))));
}

function together(results: ReadonlyMap<string, CheckedFile>): TogetherFile[] {
  return [...results.values()].flatMap(c => ('result' in c ? [{ file: c.file, result: c.result }] : []));
}

/** What a refused module exports is not there: whoever imports from it is looked at again, and may be refused in turn. */
async function recheck(results: Map<string, CheckedFile>, missing: Set<string>, checker: FileChecker): Promise<void> {
  for (let fresh = new Set(missing); fresh.size > 0; ) {
    const gone = new Set(together(results).flatMap(t => (fresh.has(t.file) ? [t.result.module] : [])));
    const touched = together(results).filter(t => t.result.uses.some(name => gone.has(name)));
    fresh = new Set();
    for (const { file } of touched) {
      const again = await checker.check(file, missing);
      results.set(file, again);
      if ('result' in again && !again.result.loads && !missing.has(file)) fresh.add(file);
    }
    for (const file of fresh) missing.add(file);
  }
}

function withFindings(checked: CheckedFile, findings: readonly CheckFinding[] | undefined): CheckedFile {
  if (findings === undefined || !('result' in checked)) return checked;
  return { file: checked.file, result: { ...checked.result, findings: [...checked.result.findings, ...findings] } };
}
