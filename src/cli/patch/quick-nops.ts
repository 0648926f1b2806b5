/**
 * `tocsin patch MODULE --nop '*' -o OUT` for modules that are laid out in the usual way: the same output, text and checks as
 * `patchCommand` has, in a fraction of its time. Two WebAssembly programs do what takes long: one takes the sites out
 * (`rewrite/quick-nops.ts`), the other judges what comes back from the disk (`verify/quick-nops.ts`). Whatever either does not answer
 * for begins anew in `patchCommand`, which refuses and complains.
 *
 *     this thread     start, hash of what comes in | plan, carry out | judge                   | compare, second reader
 *     other threads   read           compile       | read once more  | write, flush, read back | flush
 *
 * The hash is of the input as it came in, before any program had it. The judge makes the input anew out of the output's note and compares
 * it with its own reading: so what was hashed is what the judge has read. What was judged is compared with what the file holds.
 */
import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { crossCheck } from '../../cross-check/elf-tools.ts';
import { readElf } from '../../elf/read.ts';
import { stageFile } from '../../io/atomic-write.ts';
import { isUnchanged, readWhole } from '../../io/read-pieces.ts';
import { warm } from '../../io/warm-memory.ts';
import { MOST_LISTED, type NopsReport, nopsText } from '../../report/patch/text.ts';
import { compileTaking, QuickNops, type QuickPlan } from '../../rewrite/quick-nops.ts';
import type { ProgramsRoom } from '../../util/programs-room.ts';
import { version } from '../../util/version.ts';
import { PROOF_OF_NOPS } from '../../verify/patched/nops.ts';
import { compileJudging, QuickNopsJudge, type QuickVerdict } from '../../verify/quick-nops.ts';
import type { PatchArguments } from '../commands/patch.ts';
import { note, print } from '../terminal.ts';
import { type Early, FILE, INPUT, JUDGE, TABLES } from './early-nops.ts';
import { listedNops } from './listed-nops.ts';

/**
 * @param early the module, on its way into memory
 * @returns the exit code; `undefined` where `patchCommand` has to do it: then nothing has been written
 */
export async function takeAllOut(args: PatchArguments, early: Early): Promise<number | undefined> {
  const { file, room, reading } = early;
  const { size } = file;
  const compiling = compilePrograms();
  const hash = createHash('sha256');
  let isReadAgain = Promise.resolve(false);
  let warmed: Promise<unknown> = isReadAgain;
  const isRead = await reading.all(
    piece => hash.update(piece),
    () => {
      warmed = Promise.all(roomsInUse(early).map(warm));
      // The judge has an input of its own, which the maker never writes to.
      isReadAgain = readWhole(file, room.bytes(INPUT, size));
    },
  );
  const programs = await compiling;
  // Zeros that come later would take the place of what has been written.
  await warmed;
  const sha256 = hash.digest('hex');
  let made: Made | undefined;
  if (isRead && programs !== undefined) made = make(new QuickNops(programs[0], room, FILE, TABLES), size, sha256);
  if (!(await isReadAgain) || made === undefined || !isUnchanged(file)) return undefined;

  const bytes = room.bytes(FILE, made.size);
  const staging = stageFile(args.output!, bytes, { mode: file.mode, force: args.force });
  // While the system writes; whoever waits for it learns of a failure.
  staging.catch(() => {});
  const judge = new QuickNopsJudge(programs![1], room, INPUT, FILE, JUDGE);
  const verdict = judge.judge(made.plan.table, size, made.size, sha256, version);
  const staged = await staging;
  let report: NopsReport | undefined;
  try {
    if (verdict !== undefined && (await staged.holds(bytes)))
      report = await reportOf(args, made.plan, verdict, room, bytes);
  } finally {
    if (report === undefined) await staged.discard();
  }
  if (report === undefined) return undefined;
  await staged.commit();
  if (!args.quiet) print(nopsText(report));
  else for (const warning of report.warnings) note(`tocsin: ${args.file}: ${warning}`);
  return 0;
}

/** What the maker and the judge write to first, beside the file: more of it than most modules need. */
function roomsInUse({ file: { size }, room }: Early): Uint8Array[] {
  const some = size >>> 3;
  return [room.bytes(FILE).subarray(size, size + some), room.bytes(TABLES, some), room.bytes(JUDGE, size >>> 5)];
}

/** V8's flags, and what they are otherwise. */
const FLAGS = ['wasm-tier-up', 'wasm-dynamic-tiering', 'wasm-lazy-compilation'];
/** Majors of V8 that are known to have them (Node 20 to 24); others might complain. */
const KNOWN = [11, 12, 13];

/**
 * Each program runs once: to compile it better while it runs would take threads away from what else there is to do, and to compile
 * each function when it is called would take this one. Both in other threads; `undefined` where there is no WebAssembly.
 */
async function compilePrograms(): Promise<readonly [WebAssembly.Module, WebAssembly.Module] | undefined> {
  const isKnown = KNOWN.includes(Number.parseInt(process.versions.v8, 10));
  const set = (prefix: string) => {
    for (const flag of isKnown ? FLAGS : []) setFlagsFromString(`--${prefix}${flag}`);
  };
  set('no-');
  try {
    return await Promise.all([compileTaking(), compileJudging()]);
  } catch {
    return undefined;
  } finally {
    set('');
  }
}

interface Made {
  readonly plan: QuickPlan;
  /** Of the output, which stands where the input was. */
  readonly size: number;
}

function make(nops: QuickNops, size: number, sha256: string): Made | undefined {
  const plan = nops.plan(size);
  if (plan === undefined) return undefined;
  const made = nops.carryOut(plan, version, { size, sha256 });
  return made === undefined ? undefined : { plan, size: made };
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
  // Nobody needs the output any more: the package may turn its fields round.
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
