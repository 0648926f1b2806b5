/**
 * Everything that tocsin does with a file, done to one that may be damaged. Each step ends in a result or in an InputError or
 * RefusalError; what a step promises about its result is checked as well.
 */
import { crossCheck } from '../../src/cross-check/elf-tools.ts';
import { diffObjects } from '../../src/diff/diff.ts';
import { readElf } from '../../src/elf/read.ts';
import { diffDocument } from '../../src/report/diff/document.ts';
import { diffJson } from '../../src/report/diff/json.ts';
import { diffText } from '../../src/report/diff/text.ts';
import { scanDocument } from '../../src/report/scan/json.ts';
import { scanTable } from '../../src/report/scan/table.ts';
import { applyPlan } from '../../src/rewrite/apply.ts';
import { makePlan, type PatchRequest } from '../../src/rewrite/plan.ts';
import { revert } from '../../src/rewrite/revert.ts';
import { QuickCounter } from '../../src/sites/quick-count.ts';
import { scanObject, summarize } from '../../src/sites/scan.ts';
import { InputError, RefusalError } from '../../src/util/errors.ts';
import { verifyPatched } from '../../src/verify/verify.ts';

export interface Finding {
  readonly step: string;
  readonly problem: string;
}

/** Code of the complaint that a step ended with, or `ok`. */
export type Ends = Map<string, number>;

/** One for all files, as when a tree is scanned. */
const counter = QuickCounter.create()!;

/** @returns what must not be, if anything */
export async function exercise(
  bytes: Uint8Array<ArrayBuffer>,
  original: Uint8Array,
  request: PatchRequest,
  withReports: boolean,
  ends: Ends,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const kept = bytes.slice();
  const step = async (name: string, action: () => unknown): Promise<boolean> => {
    let end = 'ok';
    try {
      end = ((await action()) as string | undefined) ?? 'ok';
    } catch (error) {
      if (error instanceof InputError || error instanceof RefusalError) end = error.code;
      else
        findings.push({ step: name, problem: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
    const key = `${name} ${end}`;
    ends.set(key, (ends.get(key) ?? 0) + 1);
    return end === 'ok';
  };

  await step('quick count', () => {
    const quick = counter.countCopy(bytes);
    if (quick === undefined) return 'declined';
    let counted: unknown;
    try {
      counted = summarize(readElf(bytes));
    } catch (error) {
      throw new Error(`the quick count takes what the summary refuses: ${error}`);
    }
    if (JSON.stringify(quick) !== JSON.stringify(counted))
      throw new Error(`quick count and summary disagree: ${JSON.stringify(quick)} and ${JSON.stringify(counted)}`);
    return 'ok';
  });
  const isScanned = await step('scan', () => {
    const counted = summarize(readElf(bytes));
    const full = scanObject(readElf(bytes), { calls: true });
    const { kind, profiling, counts, strayRecords, droppedRecords } = full;
    const short = { kind, profiling, counts, strayRecords, droppedRecords };
    if (JSON.stringify(counted) !== JSON.stringify(short))
      throw new Error(`summary and scan disagree: ${JSON.stringify(counted)} and ${JSON.stringify(short)}`);
    if (full.strayRecords !== full.strays.length)
      throw new Error(`${full.strayRecords} stray records, ${full.strays.length} listed`);
    scanTable('x', full);
    JSON.stringify(scanDocument('x', full));
  });
  if (!isScanned) {
    // The summary may be content with less than the full scan; it must not fail in another way.
    await step('summary', () => void summarize(readElf(bytes)));
  }
  await step('patch', async () => {
    const elf = readElf(bytes);
    const plan = makePlan(elf, request);
    const applied = applyPlan(elf, plan, { toolVersion: '0.0.0' });
    const verification = verifyPatched({ elf, bytes }, applied.bytes, plan);
    if (!verification.ok) return `not verified: ${verification.findings.find(f => f.level === 'error')?.code}`;
    const second = await crossCheck(applied.bytes);
    if (!second.agreed) return 'second reader disagrees';
    const back = revert(applied.bytes).original;
    if (Buffer.compare(back, bytes) !== 0) throw new Error('what revert gives is not the input');
    return 'ok';
  });
  await step('revert', () => void revert(bytes));
  await step('diff', async () => {
    const diff = diffObjects(readElf(original), readElf(bytes));
    if (!withReports) return;
    const document = await diffDocument(
      diff,
      { file: 'a', size: original.length },
      { file: 'b', size: bytes.length },
      {},
    );
    diffText(document, { style: (_style, text) => text, verbose: true });
    JSON.parse([...diffJson(document)].join(''));
  });
  if (Buffer.compare(bytes, kept) !== 0) findings.push({ step: 'input', problem: 'the input was changed' });
  return findings;
}
