/** Files that `patch` reads: none of them is where it writes. */
import type { PatchArguments } from '../commands/patch.ts';
import { customPath } from './strategy.ts';

type Paths = readonly (string | undefined)[];

/** What nothing that is written may replace. */
export function alwaysRead({ objects, symvers, kernel, signing, planned, strategy }: PatchArguments): Paths {
  const strategies = [strategy, ...(planned?.redirects ?? []).map(r => r.strategy ?? 'auto')];
  const besides = [kernel, signing?.key, signing?.certificate, planned?.file];
  return [...objects, ...symvers, ...besides, ...strategies.map(customPath)];
}

/** What a plan may have written before, for another module. */
export function readModules({ file, modules }: PatchArguments): readonly string[] {
  return [file, ...modules];
}
