/** What a function owes its caller at the end of a run: ELF V2 ABI 2.2.1.1, 2.2.2. */
import type { Run } from './run.ts';

/** @param hasLeft it went on outside of the object @returns what was not paid, in words */
export function unpaid(run: Run, hasLeft: boolean): string[] {
  const broken: string[] = [];
  const { machine: m, entry, function: f } = run;
  for (const i of [1, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31])
    if (m.r[i] !== entry.r[i]) broken.push(`r${i} is not as it was`);
  for (let i = 2; i < 5; i++)
    if (m.field(i) !== ((entry.cr >>> (28 - 4 * i)) & 15)) broken.push(`CR${i} is not as it was`);
  if (hasLeft && f.convention !== 'open') broken.push('nobody restores r2');
  else if (f.convention === 'kept' && m.r[2] !== entry.r[2]) broken.push('r2 is not as it was');
  else if (f.convention !== 'kept' && f.convention !== 'open' && m.r[2] !== run.world.toc)
    broken.push('r2 is not the TOC');
  const top = entry.r[1]!;
  const { chain, link, toc } = run.caller;
  if (m.memory.read(top, 8) !== chain) broken.push("the caller's back chain is overwritten");
  if (m.memory.read(top + 24n, 8) !== toc) broken.push("the caller's TOC slot is overwritten");
  const saved = m.memory.read(top + 16n, 8);
  if (saved !== link && saved !== entry.lr && !run.slotIsShared) broken.push("the caller's LR slot is overwritten");
  return broken;
}
