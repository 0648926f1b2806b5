// Hooks every function of stock modules that can be, with a hook that counts: one in another module, and one that is merged in, by
// turns.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { PatchDocument } from '../../../src/report/patch/document.ts';
import { buildOnce, cacheFolder, type Generation, kernel } from '../harness/harness.ts';
import { tocsin } from '../support/programs.ts';

export interface CountingHooks {
  /** The module with `stress_count`, and the version of that. */
  readonly counter: string;
  readonly symvers: string;
  /** The object with `stress_count_here`. */
  readonly object: string;
}

/** Built once for a kernel, and kept in the cache as long as the sources stay the same. */
export function countingHooks(generation: Generation): CountingHooks {
  const source = resolve(import.meta.dirname, 'hooks');
  const digest = createHash('sha256').update(kernel(generation).release);
  for (const name of ['Kbuild', 'stress_count.c', 'stress_object.c']) digest.update(readFileSync(join(source, name)));
  const folder = join(cacheFolder, 'modules', `stress-${generation}-${digest.digest('hex').slice(0, 12)}`);
  buildOnce(generation, source, folder);
  return {
    counter: join(folder, 'stress_count.ko'),
    symvers: join(folder, 'Module.symvers'),
    object: join(folder, 'stress_object.o'),
  };
}

export interface PatchedModule {
  /** What is to be loaded: patched, or as it was where nothing can be hooked. */
  readonly path: string;
  readonly hooks: readonly string[];
  /** Counts its own calls. */
  readonly isMerged: boolean;
  /** Functions with a call site that stay as they are, by code. */
  readonly refused: ReadonlyMap<string, number>;
  /** Functions that have no call site. */
  readonly without: number;
  /** Why nothing was written though it should have been. */
  readonly complaint?: string;
}

/** A function without a call site cannot be hooked, and neither can the hook itself be asked to. */
const NO_SITE = 'PAT004';

export async function hookAll(
  modules: readonly string[],
  { hooks, index, out }: { readonly hooks: CountingHooks; readonly index: string; readonly out: string },
): Promise<readonly PatchedModule[]> {
  mkdirSync(out, { recursive: true });
  const patched: PatchedModule[] = [];
  const waiting = modules.entries();
  const patchNext = async () => {
    for (const [at, path] of waiting) patched[at] = await hookOne(at, path);
  };
  const hookOne = async (at: number, path: string): Promise<PatchedModule> => {
    const isMerged = at % 2 === 1;
    const output = join(out, basename(path));
    const how = isMerged
      ? ['--with', hooks.object, '--hook', '*=stress_count_here']
      : ['--hook', '*=stress_count', '--symvers', hooks.symvers];
    const ran = await tocsin('patch', path, '-o', output, ...how, '--kernel', index, '--format', 'json');
    return outcome(path, output, isMerged, ran);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, patchNext));
  return patched;
}

function outcome(
  path: string,
  output: string,
  isMerged: boolean,
  { status, stdout, stderr }: { readonly status: number | null; readonly stdout: string; readonly stderr: string },
): PatchedModule {
  const untouched = { path, hooks: [], isMerged, refused: new Map<string, number>(), without: 0 };
  if (status === 1 && stderr.includes('[PAT063]')) {
    const { refused, without } = refusals(stderr);
    return { ...untouched, refused, without };
  }
  const bad = (why: string): PatchedModule => ({ ...untouched, complaint: `${basename(path)}: ${why}` });
  if (status !== 0 || !existsSync(output)) return bad(stderr.slice(0, 800));
  const doc = JSON.parse(stdout) as PatchDocument;
  if (doc.proof?.verdict !== 'proved' || doc.verification?.ok !== true) return bad('written, and not proved');
  const hooks = doc.actions.filter(action => action.kind === 'hook').map(action => action.function);
  return { path: output, hooks, isMerged, ...refusals(doc.warnings.join('\n')) };
}

/** `a, b and 12 more [PAT004]; c [PRV002], d [PRV002]`: how many, by code. */
function refusals(text: string): Pick<PatchedModule, 'refused' | 'without'> {
  const counts = new Map<string, number>();
  for (const [, list, code] of text.matchAll(
    /(?:^|[:;,] )((?:[^\s,;:[\]]+, )*[^\s,;:[\]]+(?: and \d+ more)?) \[([A-Z]{3}\d{3})\]/gm,
  )) {
    const more = Number(/ and (\d+) more$/.exec(list!)?.[1] ?? 0);
    counts.set(code!, (counts.get(code!) ?? 0) + list!.split(', ').length + more);
  }
  const without = counts.get(NO_SITE) ?? 0;
  for (const code of [NO_SITE, 'PAT063']) counts.delete(code);
  return { refused: counts, without };
}
