/** What the command line and a plan file both may say of a whole module. */
import type { PatchArguments } from '../commands/patch.ts';

export type PatchSettings = Pick<
  PatchArguments,
  'kernel' | 'signing' | 'strategy' | 'toc' | 'at' | 'shadowStack' | 'allowUnproved'
>;

/** Where something may not be said. */
export type SaidSettings = { readonly [K in keyof PatchSettings]?: PatchSettings[K] | undefined };

export function withDefaults({
  strategy,
  toc,
  shadowStack,
  allowUnproved,
  kernel,
  signing,
  at,
}: SaidSettings): PatchSettings {
  return {
    strategy: strategy ?? 'auto',
    toc: toc ?? 'recomputed',
    shadowStack: shadowStack ?? 'auto',
    allowUnproved: allowUnproved ?? false,
    kernel,
    signing,
    at,
  };
}
