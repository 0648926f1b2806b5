// Modules as plain files, for programs that do not expand them.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { cacheFolder, type Kernel } from '../harness/harness.ts';

export interface PlainModule {
  /** As Debian packs it. */
  readonly packed: string;
  /** Expanded by xz, or the same path. */
  readonly plain: string;
}

/** Every module of a kernel. Those that are compressed are expanded into the cache once. */
export function plainModulesOf(kernel: Kernel): readonly PlainModule[] {
  const { modules } = kernel;
  if (!modules.some(path => path.endsWith('.xz'))) return modules.map(path => ({ packed: path, plain: path }));
  const folder = join(cacheFolder, 'plain', kernel.release);
  if (!existsSync(folder)) expand(kernel, folder);
  return modules.map(packed => ({
    packed,
    plain: join(folder, relative(kernel.modulesFolder, packed)).replace(/\.xz$/, ''),
  }));
}

function expand(kernel: Kernel, folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  const scratch = mkdtempSync(`${folder}.`);
  try {
    for (const path of kernel.modules) cpSync(path, join(scratch, relative(kernel.modulesFolder, path)));
    // Two at a time, a hundred files each.
    execFileSync('sh', ['-c', "find . -name '*.ko.xz' -print0 | xargs -0 -r -P 2 -n 100 xz -d"], { cwd: scratch });
    renameSync(scratch, folder);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
