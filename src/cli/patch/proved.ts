/** The part of `tocsin patch` that asks the prover and the kernel: redirects, and whatever a given kernel has to take. */
import { type ElfFile, readElf } from '../../elf/read.ts';
import type { MergeObject } from '../../merge/objects.ts';
import { type ApplyOptions, applyPlan } from '../../rewrite/apply.ts';
import { makePlan } from '../../rewrite/plan.ts';
import { hasShadowData } from '../../rewrite/shadow.ts';
import { exportersFor } from '../../verify/patched/exporters.ts';
import { refusedBy } from '../../verify/patched/load.ts';
import { PROOF_OF_NOPS } from '../../verify/patched/nops.ts';
import { PatchProver } from '../../verify/patched/prove-patched.ts';
import type { PatchArguments } from '../commands/patch.ts';
import { shadowObject } from '../package-files.ts';
import { type Attempt, marked } from './attempt.ts';
import { plain, readCustoms, type WrittenRedirect, withCustoms } from './custom.ts';
import { epiloguesOf, type MadeEpilogues, unprovedEpilogues } from './epilogues.ts';
import { attemptHooks, hooksOf } from './hooks.ts';
import { openPatchKernel, readExports } from './kernel.ts';
import { mergeInto, readMergeObject, readMergeObjects, undefinedNames } from './merge.ts';
import { writtenRedirects } from './redirects.ts';
import { withShadows } from './shadow.ts';

export { patchImage } from './image.ts';

/**
 * Of functions that a pattern gives an epilogue, those whose copies are not proved get none.
 *
 * @throws RefusalError PAT001 to PAT029, PAT160 to PAT168, InputError
 */
export async function proved(args: PatchArguments, elf: ElfFile, options: ApplyOptions): Promise<Attempt> {
  const asked = [...args.epilogues, ...(args.planned?.epilogues ?? []).map(e => e.functions)];
  const except = new Map<string, string>();
  for (;;) {
    const made = epiloguesOf(elf, asked, except);
    const found = await withShadows(writtenRedirects(args), redirects =>
      provedWith(args, redirects, elf, options, made),
    );
    const before = except.size;
    for (const [name, code] of unprovedEpilogues(found, asked)) except.set(name, code);
    if (except.size === before) return found;
  }
}

async function provedWith(
  args: PatchArguments,
  written: readonly WrittenRedirect[],
  elf: ElfFile,
  options: ApplyOptions,
  epilogues: MadeEpilogues | undefined,
): Promise<Attempt> {
  const { hooks, retargets } = hooksOf(args);
  const asks = written.length + hooks.length + retargets.length > 0;
  const kernel = args.kernel === undefined ? undefined : await openPatchKernel(args.kernel, asks);
  const customs = await readCustoms(elf, written);
  const shadows = written.some(r => r.strategy === 'shadow') && !hasShadowData(elf) ? [await readShadowData()] : [];
  const objects = [
    ...(await readMergeObjects(args.objects)),
    ...shadows,
    ...customs.map(c => c.made.object),
    ...(epilogues === undefined ? [] : [epilogues.object]),
  ];
  const targets = [...written.map(r => r.to), ...hooks.map(h => h.hook), ...retargets.map(r => r.to)];
  const exports = await readExports(args.symvers, kernel?.knowledge, [...targets, ...undefinedNames(objects)]);
  const merged = objects.length === 0 ? undefined : mergeInto(elf, objects, exports, kernel?.knowledge);
  const redirects = merged === undefined ? plain(written) : withCustoms(written, customs, merged);
  const request = {
    nops: args.nops,
    redirects,
    hooks,
    retargets,
    epilogues,
    exports,
    kernelBtf: kernel?.btf,
    allowUnversioned: args.allowUnproved,
    merge: merged?.plan,
  };
  const given = kernel && { kernel: kernel.knowledge, exporterOf: exportersFor(elf, exports) };
  if (!asks && merged === undefined) {
    const plan = makePlan(elf, request);
    const applied = applyPlan(elf, plan, options);
    const obstacle = given && refusedBy(readElf(applied.bytes), given);
    const proof = { ...PROOF_OF_NOPS, ...(given !== undefined && { kernel: given.kernel.release }) };
    if (obstacle === undefined) return { plan, applied, proof, passedOver: [] };
    return { plan, applied, proof: { ...proof, verdict: 'unknown', grounds: [], obstacle }, passedOver: [] };
  }
  const subject = merged?.elf ?? elf;
  const before = merged && { bytes: elf.bytes, merged: merged.middle };
  const found = attemptHooks(subject, request, { ...options, before }, new PatchProver(elf, given));
  const result = found.proof.verdict === 'proved' ? found : marked(subject, found, { ...options, before });
  return { ...result, merged: merged && { ...merged, renamed: customs.map(c => c.renamed) } };
}

function readShadowData(): Promise<MergeObject> {
  return readMergeObject(shadowObject());
}
