/**
 * `tocsin patch`: read, plan, apply, prove, verify, and only then write.
 */
import { createHash } from 'node:crypto';
import { crossCheck } from '../../cross-check/elf-tools.ts';
import { type ElfFile, readElf } from '../../elf/read.ts';
import { type StagedFile, stageFile, writeAtomic } from '../../io/atomic-write.ts';
import { compress } from '../../io/compression.ts';
import { type ObjectFile, readObject } from '../../io/read.ts';
import { warmMemory } from '../../io/warm-memory.ts';
import { type PatchPlan, type RedirectAt, SIGNATURE_DROPPED, type TocRecovery } from '../../plan/plan.ts';
import { relocationName } from '../../ppc64/relocations.ts';
import {
  codeOfPlan,
  type PassedOverStrategy,
  type PatchDocument,
  type PlanComments,
  type PlanNames,
  proofDocument,
  type SecondReader,
  wordsOfPlan,
} from '../../report/patch/document.ts';
import { mergedDocument } from '../../report/patch/merged.ts';
import { patchText } from '../../report/patch/text.ts';
import { applyPlan } from '../../rewrite/apply.ts';
import { makePlan } from '../../rewrite/plan.ts';
import type { SigningHash } from '../../sign/hashes.ts';
import { type Complaint, InputError, inFile, RefusalError } from '../../util/errors.ts';
import { version } from '../../util/version.ts';
import { Expectation } from '../../verify/expectation.ts';
import { verifyMerge, withMerge } from '../../verify/merged/verify-merge.ts';
import { PROOF_OF_NOPS } from '../../verify/patched/nops.ts';
import type { PatchProof } from '../../verify/patched/prove-patched.ts';
import { type Verification, verifyObject, verifyOutput } from '../../verify/verify.ts';
import { keepApart, tryPlace } from '../outputs.ts';
import type { Attempt } from '../patch/attempt.ts';
import type { MergedModule } from '../patch/merge.ts';
import type { EpilogueEntry, HookEntry, RedirectEntry, RetargetEntry } from '../patch/plan-file.ts';
import type { ShadowStackChoice } from '../patch/shadow-stack.ts';
import { customPath, type StrategyText } from '../patch/strategy.ts';
import { needsMore } from '../quick.ts';
import { note, print } from '../terminal.ts';

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
  readonly format: 'text' | 'json';
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
 * @param tell takes what `--format json` prints
 * @returns the exit code
 */
export async function patchCommand(
  args: PatchArguments,
  proving: Proving,
  tell: (doc: PatchDocument) => void = printJson,
): Promise<number> {
  await checkOutputs(args);
  const input = await readObject(args.file);
  try {
    return await patchObject(args, input, proving, tell);
  } catch (error) {
    throw inFile(error, args.file);
  }
}

/**
 * The result may take the place of the module itself, as a user may want it: `revert` brings that back. Nothing brings back an object,
 * a plan or a key.
 *
 * @throws InputError PAT220, IO030 to IO038
 */
async function checkOutputs({ file, output, report, objects, symvers, kernel, signing, ...args }: PatchArguments) {
  const strategies = [args.strategy, ...(args.planned?.redirects ?? []).map(r => r.strategy ?? 'auto')];
  const read = [...objects, ...symvers, kernel, signing?.key, signing?.certificate, args.planned?.file];
  const result = args.dryRun ? undefined : output;
  keepApart([result, report], [...read, ...strategies.map(customPath)]);
  keepApart([report], [file]);
  if (report !== undefined) await tryPlace(report);
}

async function patchObject(
  args: PatchArguments,
  input: ObjectFile,
  proving: Proving,
  tell: (doc: PatchDocument) => void,
): Promise<number> {
  const signs = args.signing === undefined ? undefined : await signingWith(args.signing);
  const elf = readElf(input.bytes);
  if (!elf.isRelocatable) return (await proving()).patchImage(args, elf, input, doc => show(args, doc, tell));
  const { plan, applied, proof, passedOver, merged } = await found(args, elf, input, proving);
  const told = {
    proof: proofDocument(proof, passedOver),
    ...(merged && { merged: mergedDocument(merged.plan, merged.elf) }),
  };
  const subject = merged?.elf ?? elf;
  const complaint = unprovedComplaint(proof, passedOver, args.allowUnproved);
  if (args.dryRun || complaint !== undefined) {
    await show(args, document(args, subject, plan, { written: false, ...told }), tell);
    if (complaint !== undefined) throw new RefusalError(complaint);
    return 0;
  }
  const made = signs === undefined ? applied.bytes : signs.sign(applied.bytes);
  const stored = await compress(made, input.form);
  const staging = stageFile(args.output!, stored, { mode: input.mode, force: args.force });
  // While the system writes.
  const expected = new Expectation({ elf: subject, bytes: input.bytes }, plan);
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
  const ok = verification.ok && secondReader?.agreed === true;
  if (ok) await staged.commit();
  else await staged.discard();
  const { original } = applied.record;
  const signature = signs?.summary;
  const result = {
    written: ok,
    verification,
    original,
    ...told,
    ...(secondReader && { secondReader }),
    ...(signature && { signature }),
  };
  await show(args, document(args, subject, plan, result), tell);
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

/** What is to be written. */
interface Output {
  /** Unpacked, with its signature. */
  readonly made: Uint8Array;
  /** Bytes in front of the signature. */
  readonly size: number;
  /** Packed as the input was. */
  readonly stored: Uint8Array;
  readonly signs: Signing | undefined;
}

/** Signing, and looking at what was signed. */
type Signing = Awaited<ReturnType<typeof signingWith>>;

async function signingWith(how: SigningArguments) {
  const { readSigner, signatureFault, signatureOf, summaryOf } = await import('../patch/signing.ts');
  const signer = await readSigner(how.key, how.certificate, how.hash);
  return {
    summary: summaryOf(signer),
    sign: (module: Uint8Array): Uint8Array => Buffer.concat([module, signatureOf(module, signer)]),
    fault: (file: Uint8Array) => signatureFault(file, signer.certificate.publicKey),
  };
}

interface JudgedInput {
  readonly elf: ElfFile;
  readonly input: ObjectFile;
  /** Where objects were merged first. */
  readonly merged: MergedModule | undefined;
}

interface Verdict {
  readonly verification: Verification;
  /** Not asked about an output that has not passed verification. */
  readonly secondReader: SecondReader | undefined;
}

/**
 * Judges what the file holds that will take the output's place. A plain file is read again, and what comes back is what
 * everybody judges; a packed one is compared with the packed bytes, which are known to expand to `made`.
 */
async function judge(
  { elf, input, merged }: JudgedInput,
  expected: Expectation,
  { made, size, stored, signs }: Output,
  staged: StagedFile,
): Promise<Verdict> {
  const { plan } = expected.planned;
  const reading = staged.readBack();
  // While the system reads; for a file of megabytes it takes as long.
  expected.hash();
  const back = await reading;
  const plain = input.form === 'plain';
  if (back !== undefined && !plain && Buffer.compare(back, stored) !== 0) throw notAsWritten();
  // What is proved is proved of the bytes that were made.
  const isProved = merged !== undefined || plan.actions.some(a => a.kind !== 'nop');
  if (isProved && plain && back !== undefined && Buffer.compare(back, made) !== 0) throw notAsWritten();
  const bytes = plain && back !== undefined ? back : made;
  const patched = verifyOutput(expected, signs === undefined ? bytes : bytes.subarray(0, size));
  const verification =
    merged === undefined ? patched : withMerge(verifyMerge({ module: elf, ...merged }, merged.middle.bytes), patched);
  const fault = signs?.fault(bytes);
  if (fault !== undefined) throw badSignature(fault);
  // Where the file was read again, the bytes that it was made of serve nobody any more: the package may have them.
  const secondReader = verification.ok ? await askSecondReader(bytes, bytes === made ? undefined : made) : undefined;
  return { verification, secondReader };
}

export function packedOriginal(input: ObjectFile) {
  if (input.form === 'plain') return undefined;
  return { form: input.form, sha256: createHash('sha256').update(input.stored).digest('hex') };
}

function badSignature(fault: string): RefusalError {
  return new RefusalError({
    code: 'VER902',
    message: `the signature of the result does not verify, nothing is written: ${fault}`,
    remedy: 'this is a fault of tocsin: please report it with the input',
  });
}

export function notAsWritten(): RefusalError {
  return new RefusalError({
    code: 'VER901',
    message: 'the file does not hold what was written to it; nothing is put into place',
    remedy: 'look for messages about the disk in the kernel log, and write to another disk',
  });
}

export async function askSecondReader(bytes: Uint8Array, copy: Uint8Array | undefined): Promise<SecondReader> {
  const { agreed, sections, differences, skipped } = await crossCheck(bytes, readElf(bytes), copy);
  return {
    agreed,
    sections,
    differences: differences.map(
      d => `section ${d.section ?? '-'}, ${d.field}: tocsin reads ${d.tocsin}, elf-tools ${d.elfTools}`,
    ),
    ...(skipped !== undefined && { skipped }),
  };
}

/** Why a result that is not proved is not written; `undefined` where it may be. */
export function unprovedComplaint(
  { obstacle, kernel, functions }: PatchProof,
  passedOver: readonly PassedOverStrategy[],
  isAllowed: boolean,
): Complaint | undefined {
  if (obstacle?.isRefusal === true)
    return {
      code: obstacle.code,
      message: `the kernel ${kernel} would refuse the result, nothing is written: ${obstacle.message}`,
      remedy: 'look the code up with tocsin explain, or see what the kernel says of the input with tocsin check',
    };
  if (isAllowed) return undefined;
  const remedy = 'choose another strategy or replacement; --allow-unproved writes all the same';
  if (obstacle !== undefined)
    return {
      code: obstacle.code,
      message: `the result cannot be proved right, nothing is written: ${obstacle.message}`,
      remedy,
    };
  const wrong = functions.find(f => f.verdict !== 'proved');
  if (wrong === undefined) return undefined;
  const others = passedOver.map(p => `; ${p.strategy}: ${p.message} [${p.code}]`).join('');
  return {
    code: wrong.code!,
    message: `the result is ${wrong.verdict === 'refuted' ? 'wrong' : 'not proved right'}, nothing is written: ${wrong.message}${others}`,
    section: wrong.section,
    offset: wrong.offset,
    function: wrong.function,
    remedy,
  };
}

/** Why an output was not let through: the input broke a rule already, or tocsin made a mistake. */
function unverified(
  elf: ElfFile,
  verification: Verification,
  second: SecondReader | undefined,
): InputError | RefusalError {
  const errors = verification.findings.filter(f => f.level === 'error');
  const before = verifyObject(elf).findings.find(f => f.level === 'error' && errors.some(e => e.code === f.code));
  const finding = before ?? errors[0];
  const place = { section: finding?.section, offset: finding?.offset, function: finding?.function };
  const code = finding?.code ?? 'VER900';
  if (before !== undefined)
    return new InputError({
      code,
      message: `the input breaks a rule already, so nothing is written: ${before.message}`,
      ...place,
      remedy: 'build or copy the file again; a kernel would refuse it or run it wrong',
    });
  return new RefusalError({
    code,
    message: `the result did not pass its own verification, nothing is written: ${finding?.message ?? second?.differences[0] ?? ''}`,
    ...place,
    remedy: 'this is a fault of tocsin or an input that it does not understand: please report it with the input',
  });
}

function document(
  args: PatchArguments,
  elf: ElfFile,
  plan: PatchPlan,
  result: Pick<
    PatchDocument,
    'written' | 'merged' | 'proof' | 'verification' | 'original' | 'secondReader' | 'signature'
  >,
): PatchDocument {
  const names: PlanNames = {
    section: index => elf.sections[index]?.name ?? `section ${index}`,
    symbol: index => elf.symbols?.name(index) ?? `symbol ${index}`,
    relocationType: relocationName,
  };
  return {
    schema: 'tocsin.patch/1',
    file: args.file,
    ...(args.output !== undefined && !args.dryRun && { output: args.output }),
    dryRun: args.dryRun,
    ...(args.planned && { plan: { file: args.planned.file, ...args.planned.comments } }),
    actions: plan.actions,
    ...(listsWords(args) && { words: wordsOfPlan(plan, names) }),
    newCode: codeOfPlan(plan, names),
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
  return args.dryRun || args.verbose || args.format === 'json' || args.report !== undefined;
}

function printJson(doc: PatchDocument): void {
  print(`${JSON.stringify(doc, null, 2)}\n`);
}

async function show(args: PatchArguments, doc: PatchDocument, tell: (doc: PatchDocument) => void): Promise<void> {
  if (args.report !== undefined) {
    const text = args.report.endsWith('.json') ? `${JSON.stringify(doc, null, 2)}\n` : patchText(doc, true);
    await writeAtomic(args.report, Buffer.from(text));
  }
  if (args.format === 'json') tell(doc);
  else if (!args.quiet || doc.dryRun) print(patchText(doc, args.verbose));
  else for (const warning of doc.warnings) note(`tocsin: ${args.file}: ${warning}`);
}
