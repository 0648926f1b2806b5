// A boot as most tests want it: its console kept for whoever has to find out what went wrong, its results read.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BootOptions, bootKernel, cacheFolder } from '../harness/harness.ts';
import { type CanaryCounts, results } from './scripts.ts';

export interface Machine {
  /** The script's exit status, or null when it did not end. */
  readonly exitStatus: number | null;
  /** Real seconds from start to power-off. */
  readonly seconds: number;
  /** The RESULT lines. */
  readonly found: ReadonlyMap<string, string>;
  /** All that the machine printed. */
  readonly console: string;
  /** The end of it, for the message of an assertion. */
  readonly said: string;
}

/** @param name of the file, in the cache's log folder, that keeps what the machine printed */
export async function runMachine(name: string, options: BootOptions): Promise<Machine> {
  const { console, exitStatus, seconds, failure } = await bootKernel(options);
  const log = join(cacheFolder, 'log');
  mkdirSync(log, { recursive: true });
  writeFileSync(join(log, `${name}.console`), console);
  return { exitStatus, seconds, console, found: results(console), said: `${failure ?? ''}\n${console.slice(-6000)}` };
}

/** Counters of a run of the canary in which nothing was lost. */
export function clean(calls: number, result: 'original' | 'replaced' | 'other'): CanaryCounts {
  const none = { original: 0, replaced: 0, other: 0, r1: 0, r2: 0, lr: 0, nonvolatile: 0, cr: 0 };
  return { ...none, calls, [result]: calls };
}
