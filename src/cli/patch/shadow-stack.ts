/** `--shadow-stack`: where what `shadow` has to bring back waits. */
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import type { ShadowStack } from '../../plan/plan.ts';
import { refusal } from '../../rewrite/refusals.ts';
import type { PatchArguments } from '../commands/patch.ts';

/** `kernel`: on the second stack that tasks have in a kernel with CONFIG_LIVEPATCH; `runtime`: in a table of the module. */
export type ShadowStackChoice = 'auto' | 'kernel' | 'runtime';

/**
 * @returns where that stack is; `undefined` where a table is to be used
 * @throws RefusalError PAT180 where it is asked for and not known
 */
export function shadowStack(
  { shadowStack: choice }: Pick<PatchArguments, 'shadowStack'>,
  kernel: KernelKnowledge | undefined,
): ShadowStack | undefined {
  if (choice === 'runtime') return undefined;
  const known = kernel?.livepatchStack;
  if (known !== undefined) return { threadInfo: known.threadInfo, sp: known.sp };
  if (choice === 'kernel') throw refusal('PAT180', { what: whyUnknown(kernel) });
  return undefined;
}

function whyUnknown(kernel: KernelKnowledge | undefined): string {
  if (kernel === undefined) return 'no kernel is given';
  if (!kernel.options.livepatch) return `${kernel.release} has no CONFIG_LIVEPATCH`;
  return `the livepatch_handler of ${kernel.release} is none that tocsin knows`;
}
