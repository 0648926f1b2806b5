/** `tocsin patch` of a linked kernel image: the steps of commands/patch.ts, with the image's own plan and judge. */
import { type ElfFile, readElf } from '../../elf/read.ts';
import { compress } from '../../io/compression.ts';
import type { ObjectFile } from '../../io/read.ts';
import { linkObjects } from '../../merge/image.ts';
import type { ImagePlan, ImageRest } from '../../plan/image.ts';
import { codeOfImage, type PatchDocument, proofDocument, type SecondReader } from '../../report/patch/document.ts';
import { mergedImageDocument } from '../../report/patch/merged.ts';
import { wordsOfImage } from '../../report/patch/words.ts';
import type { HookRequest } from '../../rewrite/hooks.ts';
import { type AppliedImage, applyImagePlan, type ImageApplyOptions } from '../../rewrite/image/apply.ts';
import { type ImageRequest, makeImagePlan } from '../../rewrite/image/plan.ts';
import { imageRefusal } from '../../rewrite/image/refusals.ts';
import { checkImageStrategy } from '../../rewrite/image/strategies.ts';
import { trampolineSymbol } from '../../trampoline/names.ts';
import { RefusalError } from '../../util/errors.ts';
import { isGlob } from '../../util/glob.ts';
import { version } from '../../util/version.ts';
import { verifyImage } from '../../verify/image/verify-image.ts';
import { PROOF_OF_NOPS } from '../../verify/patched/nops.ts';
import { type PatchProof, PatchProver } from '../../verify/patched/prove-patched.ts';
import type { Verification } from '../../verify/verification.ts';
import type { PatchArguments } from '../commands/patch.ts';
import { placeOf, unprovedOf } from './attempt.ts';
import { notAsWritten, unprovedComplaint } from './complaints.ts';
import { conclude, judged, show, type Tell } from './conclude.ts';
import { plain, readCustoms, withImageCustoms } from './custom.ts';
import { stageOutput } from './dry-run.ts';
import { hooksOf } from './hooks.ts';
import { askSecondReader } from './judged.ts';
import { readMergeObjects } from './merge.ts';
import { packedOriginal } from './packed-original.ts';
import { writtenRedirects } from './redirects.ts';

/**
 * @returns the exit code
 * @throws RefusalError PAT002 to PAT064, PAT101 to PAT127, the code of what is not proved, VER110 to VER119; InputError
 */
export async function patchImage(args: PatchArguments, elf: ElfFile, input: ObjectFile, tell: Tell): Promise<number> {
  refuseForImages(args);
  const written = writtenRedirects(args);
  for (const { strategy } of written) checkImageStrategy(strategy);
  const customs = await readCustoms(elf, written);
  const objects = [...(await readMergeObjects(args.objects)), ...customs.map(c => c.made.object)];
  const { hooks, retargets } = hooksOf(args);
  const additions = objects.length === 0 ? undefined : linkObjects(elf, objects);
  const redirects = additions === undefined ? plain(written) : withImageCustoms(written, customs, elf, additions);
  const relink = (rests: readonly ImageRest[]) => linkObjects(elf, objects, rests);
  const request = { nops: args.nops, redirects, hooks, retargets, additions, relink };
  const options = { toolVersion: version, packed: packedOriginal(input) };
  const { plan, applied, proof } = attemptImage(elf, request, options);
  const told = { proof: proofDocument(proof, []) };
  const complaint = unprovedComplaint(proof, [], args.allowUnproved);
  if (complaint !== undefined) {
    await show(args, document(args, elf, plan, { written: false, ...told }), tell);
    throw new RefusalError(complaint);
  }
  const { bytes, record } = applied;
  const stored = args.dryRun ? bytes : await compress(bytes, input.form);
  const staged = await stageOutput(args, stored, input.mode);
  let verdict: { readonly verification: Verification; readonly secondReader: SecondReader | undefined };
  try {
    const back = await staged.readBack();
    if (back !== undefined && Buffer.compare(back, stored) !== 0) throw notAsWritten();
    const merged = objects.map(o => o.elf);
    const renamed = customs.map(c => c.renamed);
    const verification = verifyImage(elf, bytes, plan, merged, renamed);
    verdict = { verification, secondReader: verification.ok ? await askSecondReader(bytes, undefined) : undefined };
  } catch (error) {
    await staged.discard();
    throw error;
  }
  const { verification, secondReader } = verdict;
  const { ok, result } = judged(args, verification, secondReader);
  const { original } = record;
  await conclude(args, document(args, elf, plan, { ...result, original, ...told }), staged, tell);
  if (ok) return 0;
  throw unverified(verification, secondReader);
}

function unverified({ findings }: Verification, second: SecondReader | undefined): RefusalError {
  const finding = findings.find(f => f.level === 'error');
  return new RefusalError({
    code: finding?.code ?? 'VER900',
    message: `the result did not pass its own verification, nothing is written: ${finding?.message ?? second?.differences[0] ?? ''}`,
    section: finding?.section,
    offset: finding?.offset,
    function: finding?.function,
    remedy: 'this is a fault of tocsin or an input that it does not understand: please report it with the input',
  });
}

interface ImageAttempt {
  readonly plan: ImagePlan;
  readonly applied: AppliedImage;
  readonly proof: PatchProof;
}

/** As `attemptHooks`: what a pattern matches and is not proved with a hook stays as it is. */
function attemptImage(elf: ElfFile, request: ImageRequest, options: ImageApplyOptions): ImageAttempt {
  const hooks = request.hooks ?? [];
  const others = request.redirects.length + hooks.length + (request.retargets ?? []).length;
  const isPlain = others === 0 && request.additions === undefined;
  const prover = new PatchProver(elf, undefined);
  const except = new Map<string, string>();
  for (;;) {
    const patterns = hooks.map(h => (isGlob(h.functions) ? { ...h, except } : h));
    const plan = makeImagePlan(elf, { ...request, hooks: patterns });
    const applied = applyImagePlan(elf, plan, options);
    if (isPlain) return { plan, applied, proof: PROOF_OF_NOPS };
    const places = plan.actions.flatMap(placeOf);
    const proof = prover.prove(readElf(applied.bytes), places);
    const size = except.size;
    for (const [name, code] of unprovedByPattern(plan, proof, hooks)) except.set(name, code);
    if (proof.verdict !== 'proved' && except.size > size) continue;
    if (proof.verdict === 'proved') return { plan, applied, proof };
    const marked = Object.freeze({ ...plan, unproved: unprovedOf(proof) });
    return { plan: marked, applied: applyImagePlan(elf, marked, options), proof };
  }
}

/** Hooked functions that no request names, and that are not proved: all of their names, with a code. */
function unprovedByPattern(
  plan: ImagePlan,
  proof: PatchProof,
  hooks: readonly HookRequest[],
): ReadonlyMap<string, string> {
  const wrong = new Map(proof.functions.flatMap(f => (f.verdict === 'proved' ? [] : [[f.function, f.code!] as const])));
  const named = new Set(hooks.filter(h => !isGlob(h.functions)).map(h => h.functions));
  const found = new Map<string, string>();
  for (const action of plan.actions) {
    if (action.kind !== 'hook') continue;
    const names = [action.function, ...action.aliases];
    const all = names.flatMap(name => [name, trampolineSymbol('body', name), trampolineSymbol('hook', name)]);
    const code = all.map(name => wrong.get(name)).find(c => c !== undefined);
    if (code === undefined || names.some(name => named.has(name))) continue;
    for (const name of names) found.set(name, code);
  }
  return found;
}

/** What only modules have. @throws RefusalError PAT195 */
function refuseForImages(args: PatchArguments): void {
  const epilogues = args.epilogues.length + (args.planned?.epilogues.length ?? 0);
  const asked = [
    ['--epilogue', epilogues > 0, 'all of it shares one TOC, which its functions have no reason to bring back'],
    ['--sign-key', args.signing !== undefined, 'what boots a kernel decides how it is signed'],
    [
      '--symvers',
      args.symvers.length > 0,
      'it has all of its symbols itself, and imports nothing that needs a version',
    ],
    ['--modules', args.modules.length > 0, 'its functions are not reached by way of other modules'],
    [
      '--shadow-stack',
      args.shadowStack !== 'auto',
      'it shares one TOC, so no redirect of it has to keep anything for a return',
    ],
    ['--kernel', args.kernel !== undefined, 'it is the kernel; its own symbols and its own BTF are used'],
  ] as const;
  for (const [what, isAsked, why] of asked) if (isAsked) throw imageRefusal('PAT195', { what, why });
}

function document(
  args: PatchArguments,
  elf: ElfFile,
  plan: ImagePlan,
  result: Pick<PatchDocument, 'written' | 'proof' | 'verification' | 'original' | 'secondReader'>,
): PatchDocument {
  return {
    schema: 'tocsin.patch/1',
    file: args.file,
    ...(args.output !== undefined && !args.dryRun && { output: args.output }),
    dryRun: args.dryRun,
    ...(args.planned && { plan: { file: args.planned.file, ...args.planned.comments } }),
    actions: plan.actions,
    ...(plan.merged.length > 0 && { merged: mergedImageDocument(plan) }),
    words: wordsOfImage(plan, elf),
    newCode: codeOfImage(plan),
    removed: { relocations: plan.records.filter(r => r.after === 0n).length, records: plan.records.length },
    importedVersions: [],
    warnings: plan.warnings,
    ...result,
  };
}
