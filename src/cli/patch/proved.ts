/** The part of `tocsin patch` that asks the prover and the kernel: redirects, and whatever a given kernel has to take. */
import { type ElfFile, readElf } from '../../elf/read.ts';
import type { MergeObject } from '../../merge/objects.ts';
import { type ApplyOptions, applyPlan } from '../../rewrite/apply.ts';
import { makePlan } from '../../rewrite/plan.ts';
import { hasShadowData } from '../../rewrite/shadow.ts';
import { exportersFor } from '../../verify/patched/exporters.ts';
import { GivenModules } from '../../verify/patched/given-modules.ts';
import { refusedBy } from '../../verify/patched/load.ts';
import { PROOF_OF_NOPS } from '../../verify/patched/nops.ts';
import { PatchProver } from '../../verify/patched/prove-patched.ts';
import type { PatchArguments } from '../commands/patch.ts';
import { shadowObject } from '../package-files.ts';
import { type Attempt, marked, type World } from './attempt.ts';
import { plain, readCustoms, type WrittenRedirect, withCustoms } from './custom.ts';
import { epiloguesOf, type MadeEpilogues, unprovedEpilogues } from './epilogues.ts';
import { copiesOf, exportsOf, readGivenModules } from './given.ts';
import { attemptHooks, hooksOf } from './hooks.ts';
import { openPatchKernel, readExports } from './kernel.ts';
import { mergeInto, readMergeObject, readMergeObjects, undefinedNames } from './merge.ts';
import { writtenRedirects } from './redirects.ts';
import { shadowStack } from './shadow-stack.ts';
import type { StrategyText } from './strategy.ts';

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
    const found = await provedWith(args, writtenRedirects(args), elf, options, made);
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
  const own = await readMergeObjects(args.objects);
  const rest = [...(epilogues === undefined ? [] : [epilogues.object]), ...customs.map(c => c.made.object)];
  const stack = shadowStack(args, kernel?.knowledge);
  const hasData = hasShadowData(elf, stack !== undefined);
  const isAsked = (strategy: StrategyText) => !hasData && written.some(r => r.strategy === strategy);
  const isNeeded = isAsked('shadow') || isAsked('auto');
  const data = isNeeded ? [{ ...(await readMergeObject(shadowObject(stack !== undefined))), isOwn: true }] : [];
  const targets = [...written.map(r => r.to), ...hooks.map(h => h.hook), ...retargets.map(r => r.to)];
  const names = undefinedNames([...own, ...data, ...rest]);
  const modules = await readGivenModules(args.modules, elf);
  const wanted = [...targets, ...names];
  const exports = await readExports(args.symvers, kernel?.knowledge, wanted, exportsOf(modules));
  const copies = copiesOf(modules);
  const others = new Map(modules.flatMap(m => m.exports.names.map(name => [name, m.exports.module] as const)));
  const worldWith = (objects: readonly MergeObject[]): World => {
    const made = objects.length === 0 ? undefined : mergeInto(elf, objects, exports, kernel?.knowledge, others);
    const request = {
      nops: args.nops,
      redirects: (made === undefined ? plain(written) : withCustoms(written, customs, made)).map(r => ({
        ...r,
        stack,
      })),
      hooks,
      retargets,
      epilogues,
      exports,
      copies,
      kernelBtf: kernel?.btf,
      allowUnversioned: args.allowUnproved,
      merge: made?.plan,
    };
    const before = made && { bytes: elf.bytes, merged: made.middle };
    const merged = made && { ...made, renamed: customs.map(c => c.renamed) };
    return { elf: made?.elf ?? elf, request, options: { ...options, before }, merged };
  };
  const world = worldWith([...own, ...(isAsked('shadow') ? data : []), ...rest]);
  const given = kernel && { kernel: kernel.knowledge, exporterOf: exportersFor(elf, exports) };
  if (!asks && world.merged === undefined) {
    const plan = makePlan(elf, world.request);
    const applied = applyPlan(elf, plan, options);
    const obstacle = given && refusedBy(readElf(applied.bytes), given);
    const proof = { ...PROOF_OF_NOPS, ...(given !== undefined && { kernel: given.kernel.release }) };
    if (obstacle === undefined) return { plan, applied, proof, passedOver: [] };
    return { plan, applied, proof: { ...proof, verdict: 'unknown', grounds: [], obstacle }, passedOver: [] };
  }
  const withData = isAsked('shadow') || !isAsked('auto') ? undefined : () => worldWith([...own, ...data, ...rest]);
  const beside = modules.length === 0 ? undefined : new GivenModules(modules, kernel?.knowledge, exports);
  const found = attemptHooks(world, new PatchProver(elf, given, beside), withData);
  return found.proof.verdict === 'proved' ? found : marked(found);
}
