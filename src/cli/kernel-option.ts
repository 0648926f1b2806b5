/**
 * `--kernel`: an index that `tocsin kernel` wrote, a vmlinux (also packed), or an installed release by its name or folder.
 * An index is opened here and now; the others go through the cache of indexes, and what makes one is loaded only then.
 */
import * as fs from 'node:fs';
import { readFailure } from '../io/diagnostics.ts';
import type { KernelKnowledge } from '../kernel/knowledge/model.ts';
import { firstPart, INDEX_HEADER, isIndex, openIndex } from '../kernel/knowledge/store.ts';
import { inFile } from '../util/errors.ts';

export interface KernelChoice {
  /** Where an unpacked tree begins, for releases by name; `/` unless told. */
  readonly root?: string | undefined;
  /** The cache's folder; the user's own unless told. */
  readonly cacheFolder?: string | undefined;
}

/**
 * @param path FILE, folder, or release
 * @throws InputError KER002, KER010 to KER026, IO001 to IO012, ELF001 to ELF091
 */
export async function openKernel(path: string, choice: KernelChoice = {}): Promise<KernelKnowledge> {
  const index = openIndexFile(path);
  if (index !== undefined) return index;
  const { openInstalled } = await import('./kernel/installed.ts');
  return openInstalled(path, choice);
}

/**
 * The index in a file: its first part is read now, the symbols when one is asked for, through the same open file, so that a
 * file that takes its place meanwhile is not mixed with it.
 *
 * @returns `undefined` where the path is no file or its bytes are none of an index
 * @throws InputError KER011, KER012, IO002, IO008
 */
export function openIndexFile(path: string): KernelKnowledge | undefined {
  let file: number | undefined;
  let keep = false;
  try {
    const kind = fs.statSync(path, { throwIfNoEntry: false });
    // Opening a pipe would wait, and reading it would take its bytes away.
    if (kind === undefined || !kind.isFile()) return undefined;
    file = fs.openSync(path, fs.constants.O_RDONLY);
    const descriptor = file;
    const header = readAt(descriptor, 0, INDEX_HEADER);
    if (!isIndex(header)) return undefined;
    const first = firstPart(header);
    const { size } = fs.fstatSync(descriptor);
    // Damaged sizes are left to openIndex, which names them.
    if (first < INDEX_HEADER || first >= size) return openIndex(readAt(descriptor, 0, size));
    let rest: Uint8Array | undefined;
    // Asked for again where the bytes turned out to be damaged.
    const knowledge = openIndex(readAt(descriptor, 0, first), () => {
      rest ??= readRest(descriptor, path, first, size - first);
      return rest;
    });
    keep = true;
    return knowledge;
  } catch (error) {
    throw inFile(readFailure(error, path), path);
  } finally {
    if (file !== undefined && !keep) fs.closeSync(file);
  }
}

/** @throws InputError IO008 */
function readRest(descriptor: number, path: string, position: number, length: number): Uint8Array {
  try {
    return readAt(descriptor, position, length);
  } catch (error) {
    throw inFile(readFailure(error, path), path);
  } finally {
    fs.closeSync(descriptor);
  }
}

function readAt(descriptor: number, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = fs.readSync(descriptor, bytes, filled, length - filled, position + filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
