/** Where the result of `patch` goes: beside its place, or with `--dry-run` nowhere. */
import { checkPlace, type StagedFile, stageFile } from '../../io/atomic-write.ts';
import type { PatchArguments } from '../commands/patch.ts';

/** What is judged then is what was made. */
const NOWHERE: StagedFile = {
  async readBack() {
    return undefined;
  },
  async ready() {},
  async commit() {},
  async discard() {},
};

/** @throws InputError IO030 to IO038, of a dry run too where it names an output */
export async function stageOutput(
  { output, dryRun, force }: Pick<PatchArguments, 'output' | 'dryRun' | 'force'>,
  stored: Uint8Array,
  mode: number | undefined,
): Promise<StagedFile> {
  if (!dryRun) return stageFile(output!, stored, { mode, force });
  if (output !== undefined) checkPlace(output, { force });
  return NOWHERE;
}
