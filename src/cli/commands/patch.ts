import { type ElfFile, readElf } from '../../elf/read.ts';
import { compress } from '../../io/compression.ts';
import { type ObjectFile, readObject } from '../../io/read.ts';
import { warmMemory } from '../../io/warm-memory.ts';
import { type PatchPlan, type RedirectAt, SIGNATURE_DROPPED, type TocRecovery } from '../../plan/plan.ts';
import { codeOfPlan, type PatchDocument, type PlanComments, proofDocument } from '../../report/patch/document.ts';
import { mergedDocument } from '../../report/patch/merged.ts';
import { wordsOfPlan } from '../../report/patch/words.ts';
import { applyPlan } from '../../rewrite/apply.ts';
import { makePlan } from '../../rewrite/plan.ts';
import type { SigningHash } from '../../sign/hashes.ts';
import { inFile, RefusalError } from '../../util/errors.ts';
import { version } from '../../util/version.ts';
import { Expectation } from '../../verify/expectation.ts';
import { PROOF_OF_NOPS } from '../../verify/patched/nops.ts';
import { formByEnding, keepApart, tryPlace } from '../outputs.ts';
import type { Attempt } from '../patch/attempt.ts';
import { unprovedComplaint, unverified } from '../patch/complaints.ts';
import { conclude, judged, printJson, REPORTS, show, type Tell } from '../patch/conclude.ts';
import { stageOutput } from '../patch/dry-run.ts';
import { judge, signingWith, type Verdict } from '../patch/judged.ts';
import { packedOriginal } from '../patch/packed-original.ts';
import type { EpilogueEntry, HookEntry, RedirectEntry, RetargetEntry } from '../patch/plan-file.ts';
import { alwaysRead, readModules } from '../patch/read-files.ts';
import type { ShadowStackChoice } from '../patch/shadow-stack.ts';
import type { StrategyText } from '../patch/strategy.ts';
import { needsMore } from '../quick.ts';

export interface PatchArguments {
  readonly file: string;
  readonly output: string | undefined;
  readonly nops: readonly string[];
  /** `F=G` each. */
  readonly redirects: readonly string[];
  /** Paths of objects that are merged into the module first. */
  readonly objects: readonly string[];
  /** `GLOB=H` each: H is called before the functions that match, or when they have returned. */
  readonly hooks: readonly string[];
  readonly exitHooks: readonly string[];
  /** `F:CALL=G` each. */
  readonly retargets: readonly string[];
  /** Patterns: functions that get a copy which keeps its caller's r2. */
  readonly epilogues: readonly string[];
  readonly strategy: StrategyText;
  readonly toc: TocRecovery;
  readonly shadowStack: ShadowStackChoice;
  /** `undefined`: behind the site; for hooks at the site where that cannot be. */
  readonly at: RedirectAt | undefined;
  readonly symvers: readonly string[];
  /** Paths of modules that are loaded before this one: what they export, and what is proved of it. */
  readonly modules: readonly string[];
  /** The kernel that the module is for: an index, a vmlinux or a release. Its BTF tells prototypes. */
  readonly kernel: string | undefined;
  readonly allowUnproved: boolean;
  readonly signing: SigningArguments | undefined;
  /** What a plan file asks for besides. */
  readonly planned?: PlannedWork | undefined;
  readonly dryRun: boolean;
  readonly report: string | undefined;
  readonly format: 'text' | 'json' | 'ndjson';
  readonly force: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

export interface PlannedWork {
  /** The plan's file, as it was given. */
  readonly file: string;
  readonly redirects: readonly RedirectEntry[];
  readonly hooks: readonly HookEntry[];
  readonly retargets: readonly RetargetEntry[];
  readonly epilogues: readonly EpilogueEntry[];
  readonly comments: PlanComments;
}

/** Who signs the result: files, and the digest's name. */
export interface SigningArguments {
  readonly key: string;
  readonly certificate: string;
  readonly hash: SigningHash;
}

/**
 * @param proving not asked for what `needsMore` says no to
 * @param tell takes what `--format json` and `ndjson` print
 * @returns the exit code
 */
export async function patchCommand(
  args: PatchArguments,
  proving: Proving,
  tell: Tell = doc => printJson(doc, args),
): Promise<number> {
  await checkOutputs(args);
  const input = await readObject(args.file);
  try {
    return await patchObject(args, input, proving, tell);
  } catch (error) {
    throw inFile(error, args.file);
  }
}

/** @throws InputError PAT220, CLI010, IO030 to IO038 */
async function checkOutputs(args: PatchArguments): Promise<void> {
  const { output, report } = args;
  keepApart([output, report], [...alwaysRead(args), ...readModules(args)]);
  if (report === undefined) return;
  formByEnding(report, REPORTS);
  await tryPlace(report);
}

async function patchObject(args: PatchArguments, input: ObjectFile, proving: Proving, tell: Tell): Promise<number> {
  const signs = args.signing === undefined ? undefined : await signingWith(args.signing);
  const elf = readElf(input.bytes);
  if (!elf.isRelocatable) return (await proving()).patchImage(args, elf, input, tell);
  const { plan, applied, proof, passedOver, merged, exports } = await found(args, elf, input, proving);
  const told = {
    proof: proofDocument(proof, passedOver),
    ...(merged && { merged: mergedDocument(merged.plan, merged.elf) }),
  };
  const subject = merged?.elf ?? elf;
  const complaint = unprovedComplaint(proof, passedOver, args.allowUnproved);
  if (complaint !== undefined) {
    await show(args, document(args, subject, plan, { written: false, ...told }), tell);
    throw new RefusalError(complaint);
  }
  const made = signs === undefined ? applied.bytes : signs.sign(applied.bytes);
  const stored = args.dryRun ? made : await compress(made, input.form);
  const staging = stageOutput(args, stored, input.mode);
  // While the system writes.
  const expected = new Expectation({ elf: subject, bytes: input.bytes }, plan, exports);
  const staged = await staging;
  let verdict: Verdict;
  try {
    const output = { made, size: applied.bytes.length, stored, signs };
    verdict = await judge({ elf, input, merged }, expected, output, staged);
  } catch (error) {
    await staged.discard();
    throw error;
  }
  const { verification, secondReader } = verdict;
  const { ok, result } = judged(args, verification, secondReader);
  const { original } = applied.record;
  const signature = signs?.summary;
  const said = { ...result, original, ...told, ...(signature && { signature }) };
  await conclude(args, document(args, subject, plan, said), staged, tell);
  if (ok) return 0;
  throw unverified(elf, verification, secondReader);
}

/** What a call of `patch` needs to know of kernels and proofs; loaded only where there is something to be proved. */
export type Proving = () => Promise<typeof import('../patch/proved.ts')>;

/** Call sites that are taken out need no proof: neither the prover nor what knows kernels has to be loaded. */
async function found(args: PatchArguments, elf: ElfFile, input: ObjectFile, proving: Proving): Promise<Attempt> {
  const options = { toolVersion: version, packed: packedOriginal(input) };
  if (needsMore(args)) return (await proving()).proved(args, elf, options);
  // In time for the result: planning takes longer.
  const warming = warmMemory(input.bytes.length * ROOM);
  const plan = makePlan(elf, { nops: args.nops, redirects: [] });
  const memory = await warming;
  return { plan, applied: applyPlan(elf, plan, { ...options, memory }), proof: PROOF_OF_NOPS, passedOver: [] };
}

/** A file with all its sites taken out, and with the note that tells of each, is an eighth larger than the input. */
const ROOM = 1.25;

function document(
  args: PatchArguments,
  elf: ElfFile,
  plan: PatchPlan,
  result: Pick<
    PatchDocument,
    'written' | 'merged' | 'proof' | 'verification' | 'original' | 'secondReader' | 'signature'
  >,
): PatchDocument {
  return {
    schema: 'tocsin.patch/1',
    file: args.file,
    ...(args.output !== undefined && !args.dryRun && { output: args.output }),
    dryRun: args.dryRun,
    ...(args.planned && { plan: { file: args.planned.file, ...args.planned.comments } }),
    actions: plan.actions,
    ...(listsWords(args) && { words: wordsOfPlan(plan, elf) }),
    newCode: codeOfPlan(plan, elf),
    removed: {
      relocations: plan.removedRelocations.length + plan.removedRecords.length,
      records: plan.removedRecords.length,
    },
    importedVersions: plan.addedVersions.map(v => ({ name: v.name, crc: `0x${v.crc.toString(16).padStart(8, '0')}` })),
    warnings: args.signing === undefined ? plan.warnings : plan.warnings.filter(w => w !== SIGNATURE_DROPPED),
    ...result,
  };
}

/** Thousands of words take longer to disassemble than to change. */
function listsWords(args: PatchArguments): boolean {
  return args.dryRun || args.verbose || args.format !== 'text' || args.report !== undefined;
}
