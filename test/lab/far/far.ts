// A canary of which 40 MB of code are a part that take no room in the file, and functions behind them.

import { join } from 'node:path';
import { expect } from 'vitest';
import { runProgram } from '../support/programs.ts';

export async function assemble(source: string, object: string): Promise<string> {
  const ran = await runProgram('powerpc64le-linux-gnu-gcc', ['-c', '-o', object, source]);
  expect([ran.status, ran.stderr]).toEqual([0, '']);
  return object;
}

/** `canary` with the filler and the far functions behind its stubs, as a file in `folder`. */
export async function withGap(canary: string, folder: string): Promise<string> {
  const here = import.meta.dirname;
  const big = join(folder, 'big.ko');
  const object = await assemble(join(here, 'far.S'), join(folder, 'far.o'));
  const asked = ['-r', '-T', join(here, 'order.ld'), '-o', big, canary, object];
  const linked = await runProgram('powerpc64le-linux-gnu-ld', asked);
  expect([linked.status, linked.stderr]).toEqual([0, '']);
  return big;
}
