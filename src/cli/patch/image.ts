/** `tocsin patch` of a linked kernel image: the steps of commands/patch.ts, with the image's own plan and judge. */
import type { ElfFile } from '../../elf/read.ts';
import { stageFile } from '../../io/atomic-write.ts';
import { compress } from '../../io/compression.ts';
import type { ObjectFile } from '../../io/read.ts';
import type { ImagePlan } from '../../plan/image.ts';
import {
  codeOfImage,
  type PatchDocument,
  type PlanNames,
  proofDocument,
  wordsOfPlan,
} from '../../report/patch/document.ts';
import { applyImagePlan } from '../../rewrite/image/apply.ts';
import { makeImagePlan } from '../../rewrite/image/plan.ts';
import { imageRefusal } from '../../rewrite/image/refusals.ts';
import { RefusalError } from '../../util/errors.ts';
import { version } from '../../util/version.ts';
import { verifyImage } from '../../verify/image/verify-image.ts';
import { PROOF_OF_NOPS } from '../../verify/patched/nops.ts';
import { askSecondReader, notAsWritten, type PatchArguments, packedOriginal } from '../commands/patch.ts';
import { readHooks } from './hooks.ts';

/** @returns the exit code. @throws RefusalError PAT002 to PAT024, PAT120 to PAT129, VER110 to VER129; InputError */
export async function patchImage(
  args: PatchArguments,
  elf: ElfFile,
  input: ObjectFile,
  show: (doc: PatchDocument) => Promise<void>,
): Promise<number> {
  refuseForImages(args);
  const plan = makeImagePlan(elf, { nops: args.nops, redirects: [] });
  const told = { proof: proofDocument(PROOF_OF_NOPS, []) };
  if (args.dryRun) {
    await show(document(args, elf, plan, { written: false, ...told }));
    return 0;
  }
  const { bytes, record } = applyImagePlan(elf, plan, { toolVersion: version, packed: packedOriginal(input) });
  const stored = await compress(bytes, input.form);
  const staged = await stageFile(args.output!, stored, { mode: input.mode, force: args.force });
  try {
    const back = await staged.readBack();
    if (back !== undefined && Buffer.compare(back, stored) !== 0) throw notAsWritten();
    const verification = verifyImage(elf, bytes, plan);
    const secondReader = verification.ok ? await askSecondReader(bytes, undefined) : undefined;
    const ok = verification.ok && secondReader?.agreed === true;
    if (ok) await staged.commit();
    else await staged.discard();
    const { original } = record;
    await show(
      document(args, elf, plan, {
        written: ok,
        verification,
        original,
        ...told,
        ...(secondReader && { secondReader }),
      }),
    );
    if (ok) return 0;
    const finding = verification.findings.find(f => f.level === 'error');
    throw new RefusalError({
      code: finding?.code ?? 'VER900',
      message: `the result did not pass its own verification, nothing is written: ${finding?.message ?? secondReader?.differences[0] ?? ''}`,
      section: finding?.section,
      offset: finding?.offset,
      function: finding?.function,
      remedy: 'this is a fault of tocsin or an input that it does not understand: please report it with the input',
    });
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

/** What only modules have. */
function refuseForImages(args: PatchArguments): void {
  const { hooks, retargets } = readHooks(args);
  const { planned } = args;
  const asked = [
    ['--redirect', args.redirects.length + (planned?.redirects.length ?? 0) > 0],
    ['--hook', hooks.length + (planned?.hooks.length ?? 0) > 0],
    ['--retarget', retargets.length + (planned?.retargets.length ?? 0) > 0],
    ['--with', args.objects.length > 0],
    ['--sign-key', args.signing !== undefined],
    ['--symvers', args.symvers.length > 0],
    ['--kernel', args.kernel !== undefined],
  ] as const;
  for (const [what, isAsked] of asked) if (isAsked) throw imageRefusal('PAT120', { what });
}

function document(
  args: PatchArguments,
  elf: ElfFile,
  plan: ImagePlan,
  result: Pick<PatchDocument, 'written' | 'proof' | 'verification' | 'original' | 'secondReader'>,
): PatchDocument {
  const names: Pick<PlanNames, 'section'> = { section: index => elf.sections[index]?.name ?? `section ${index}` };
  return {
    schema: 'tocsin.patch/1',
    file: args.file,
    ...(args.output !== undefined && !args.dryRun && { output: args.output }),
    dryRun: args.dryRun,
    ...(args.planned && { plan: { file: args.planned.file, ...args.planned.comments } }),
    actions: plan.actions,
    words: wordsOfPlan({ words: plan.words.filter(w => elf.sections[w.section]!.isCode) }, names),
    newCode: codeOfImage(plan),
    removed: { relocations: plan.records.filter(r => r.after === 0n).length, records: plan.records.length },
    importedVersions: [],
    warnings: plan.warnings,
    ...result,
  };
}
