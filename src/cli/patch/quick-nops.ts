/**
 * `tocsin patch MODULE --nop '*' -o OUT` for modules that are laid out in the usual way: the same output, text and checks as
 * `patchCommand` has, in a fraction of its time. Two WebAssembly programs do what takes long: one takes the sites out
 * (`rewrite/quick-nops.ts`), the other judges what comes back from the disk (`verify/quick-nops.ts`). Whatever either does not answer
 * for begins anew in `patchCommand`, which refuses and complains.
 *
 *     this thread     start        | plan, carry out | hash             | judge, second reader
 *     other threads   read compile | read once more  | write, read back | flush
 *
 * What is judged is what the file gives back: it is read into the place of what was made. The hash is of the judge's own reading. That the
 * maker has read the same follows from the note, out of which the judge makes its input anew. Only the hash itself comes late, and is
 * written to its places when all else has been.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { crossCheck } from '../../cross-check/elf-tools.ts';
import { readElf } from '../../elf/read.ts';
import { openStage, type Stage } from '../../io/atomic-write.ts';
import { isUnchanged, type OpenFile, readWhole } from '../../io/read-whole.ts';
import { MOST_LISTED, type NopsReport, nopsText } from '../../report/patch/text.ts';
import { QuickNops, type QuickPlan } from '../../rewrite/quick-nops.ts';
import { InputError, inFile } from '../../util/errors.ts';
import type { ProgramsRoom } from '../../util/programs-room.ts';
import { version } from '../../util/version.ts';
import { PROOF_OF_NOPS } from '../../verify/patched/nops.ts';
import { QuickNopsJudge, type QuickVerdict } from '../../verify/quick-nops.ts';
import type { PatchArguments } from '../commands/patch.ts';
import { guarded } from '../guarded.ts';
import { note, print } from '../terminal.ts';
import { type Early, FILE, INPUT, JUDGE, TABLES } from './early-nops.ts';
import { listedNops } from './listed-nops.ts';
import { compilePrograms, type NopPrograms } from './nop-programs.ts';

/**
 * @param early the module, on its way into memory
 * @returns the exit code; `undefined` where `patchCommand` has to do it: then nothing has been written
 */
export function takeAllOut(args: PatchArguments, early: Early): Promise<number | undefined> {
  return guarded(async () => {
    try {
      return await takeOut(args, early);
    } catch (error) {
      throw inFile(error, args.file);
    }
  });
}

async function takeOut(args: PatchArguments, early: Early): Promise<number | undefined> {
  const { file, room, reading } = early;
  const programs = compilePrograms();
  // The judge has an input of its own, which the maker never writes to.
  const readAgain = reading.then(isRead => isRead && readWhole(file, room.bytes(INPUT, file.size)));
  const stage = stageFor(args, file);
  let report: NopsReport | undefined;
  try {
    if (stage !== undefined && programs !== undefined && (await reading))
      report = await makeAndJudge(args, early, stage, programs, readAgain);
  } finally {
    await readAgain;
    if (report === undefined) await stage?.discard();
  }
  if (report === undefined) return undefined;
  await stage!.commit();
  if (!args.quiet) print(nopsText(report));
  else for (const warning of report.warnings) note(`tocsin: ${args.file}: ${warning}`);
  return 0;
}

/** `undefined` where there can be none: `patchCommand` says why, if it comes to that. */
function stageFor(args: PatchArguments, { mode }: OpenFile): Stage | undefined {
  try {
    return openStage(args.output!, { mode, force: args.force });
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** @returns `undefined` where either program leaves the file to others, or the judge and the second reader are not content */
async function makeAndJudge(
  args: PatchArguments,
  { file, room }: Early,
  stage: Stage,
  { taking, judging }: NopPrograms,
  readAgain: Promise<boolean>,
): Promise<NopsReport | undefined> {
  const { size } = file;
  const nops = new QuickNops(taking, room, FILE, TABLES);
  const plan = nops.plan(size);
  const carried = plan && nops.carryOut(plan, version, size);
  if (plan === undefined || carried === undefined) return undefined;
  const bytes = room.bytes(FILE, carried.size);
  const passing = stage.pass(bytes);
  // Whoever waits for it learns of a failure.
  passing.catch(() => {});
  const sha256 = (await readAgain) ? await digest(room.bytes(INPUT, size)) : undefined;
  if (!(await passing) || sha256 === undefined || !isUnchanged(file)) return undefined;
  nops.complete(carried, sha256);
  for (const { at, size } of carried.digests) if (!stage.passPart(bytes, at, size)) return undefined;
  stage.seal();
  const judge = new QuickNopsJudge(judging, room, INPUT, FILE, JUDGE);
  const verdict = judge.judge(plan.table, size, carried.size, sha256, version);
  return verdict && reportOf(args, plan, verdict, room, bytes);
}

const otherThings = promisify(setImmediate);
const HASHED_AT_ONCE = 4 << 20;

/** The SHA-256 of `bytes`, in hexadecimal. In between, what comes from other threads is seen to. */
async function digest(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += HASHED_AT_ONCE) {
    hash.update(bytes.subarray(at, at + HASHED_AT_ONCE));
    await otherThings();
  }
  return hash.digest('hex');
}

/** @returns `undefined` where the second reader does not agree */
async function reportOf(
  args: PatchArguments,
  plan: QuickPlan,
  verdict: QuickVerdict,
  room: ProgramsRoom,
  output: Uint8Array,
): Promise<NopsReport | undefined> {
  const elf = readElf(output);
  const listed = listedNops(elf, plan.table, room.memory, MOST_LISTED);
  const { agreed, sections, skipped } = await crossCheck(output, elf, output);
  if (!agreed) return undefined;
  const { calls, records, warnings, table } = plan;
  return {
    file: args.file,
    output: args.output!,
    sites: table.count,
    listed,
    removed: { relocations: calls + records, records },
    warnings,
    proof: { ...PROOF_OF_NOPS, passedOver: [] },
    checks: verdict.checks.length,
    compared: verdict.compared,
    relocations: verdict.relocations,
    secondReader: { agreed, sections, differences: [], ...(skipped !== undefined && { skipped }) },
  };
}
