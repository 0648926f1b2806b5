/**
 * Kernels that are not given as an index: found, and their indexes kept in the user's cache folder (XDG_CACHE_HOME, or
 * ~/.cache), so that the work is done once. An entry is named after the build id and a digest of the size, the time and the
 * place of every piece, so a kernel that was installed anew is another entry. What is found there is taken only if it belongs to
 * this user, is whole, and is of that build; what cannot be kept is made again next time.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { writeAtomic } from '../../io/atomic-write.ts';
import { errnoOf, readFailure } from '../../io/diagnostics.ts';
import type { KernelKnowledge } from '../../kernel/knowledge/model.ts';
import { INDEX_VERSION, openIndex } from '../../kernel/knowledge/store.ts';
import { InputError } from '../../util/errors.ts';
import { version } from '../../util/version.ts';
import { type KernelChoice, openIndexFile } from '../kernel-option.ts';
import { peekBuildId } from './build-id.ts';
import { findPieces, type KernelPieces } from './pieces.ts';

/** @throws InputError KER013 and those of `makeIndex` */
export async function openInstalled(path: string, choice: KernelChoice): Promise<KernelKnowledge> {
  const pieces = piecesOf(path, choice.root);
  const image = pieces.images[0];
  // A pipe can be read once, and is another kernel each time.
  if (image !== undefined && !fs.statSync(image).isFile()) return openIndex((await makeFrom(pieces)).bytes);
  const buildId = image === undefined ? '' : peekBuildId(image);
  const folder = choice.cacheFolder ?? cacheFolder();
  const entry =
    folder === undefined ? undefined : join(folder, `kernel-${buildId || 'packed'}-${digest(pieces)}.index`);
  if (entry !== undefined) {
    const kept = trusted(entry, pieces.images);
    if (kept !== undefined) return kept;
  }
  const { bytes } = await makeFrom(pieces);
  if (folder !== undefined && entry !== undefined) await keep(folder, entry, bytes);
  return openIndex(bytes);
}

/** What makes an index is loaded only where one is missing. */
async function makeFrom(pieces: KernelPieces) {
  const { makeIndex } = await import('./make.ts');
  return makeIndex(pieces);
}

function piecesOf(path: string, root: string | undefined): KernelPieces {
  try {
    return findPieces(path, root);
  } catch (error) {
    throw readFailure(error, path);
  }
}

/** `undefined` where the user has no such folder. */
function cacheFolder(): string | undefined {
  const given = process.env.XDG_CACHE_HOME;
  // The XDG specification: relative paths are to be ignored.
  if (given !== undefined && isAbsolute(given)) return join(given, 'tocsin');
  try {
    const home = homedir();
    return isAbsolute(home) ? join(home, '.cache/tocsin') : undefined;
  } catch {
    return undefined;
  }
}

function digest({ images, systemMap, symvers, config, modulesFolder }: KernelPieces): string {
  const hash = createHash('sha256').update(`${version} ${INDEX_VERSION}\n`);
  for (const path of [...images, systemMap, symvers, config]) {
    if (path === undefined) continue;
    const { size, mtimeNs, ino } = fs.statSync(path, { bigint: true });
    hash.update(`${path} ${size} ${mtimeNs} ${ino}\n`);
  }
  hash.update(modulesFolder ?? '');
  return hash.digest('hex').slice(0, 24);
}

/** The index of an entry, if it may be used. */
function trusted(entry: string, images: readonly string[]): KernelKnowledge | undefined {
  try {
    const kind = fs.lstatSync(entry, { throwIfNoEntry: false });
    if (kind === undefined || !kind.isFile()) return undefined;
    if (kind.uid !== process.getuid?.() || (kind.mode & 0o022) !== 0) return undefined;
    const knowledge = openIndexFile(entry);
    // Packed images do not show theirs; the first of several may be none of a kernel.
    const isOfBuild = images.some(path => ['', knowledge?.buildId].includes(peekBuildId(path)));
    return isOfBuild ? knowledge : undefined;
  } catch (error) {
    // Damaged, of an older tocsin, or out of reach: it is made again.
    if (error instanceof InputError || errnoOf(error) !== undefined) return undefined;
    throw error;
  }
}

/** A cache that cannot be written (no home, read-only, full) is no reason to fail. */
async function keep(folder: string, entry: string, bytes: Uint8Array): Promise<void> {
  try {
    makeFolder(folder);
    // One that was not trusted would pass its permissions on.
    fs.rmSync(entry, { force: true });
    await writeAtomic(entry, bytes, { mode: 0o600, force: true });
    dropOldest(folder);
  } catch (error) {
    if (!(error instanceof InputError) && errnoOf(error) === undefined) throw error;
  }
}

/** Node's own `recursive` never ends where the system says that there is no such folder although its parent exists (/proc). */
function makeFolder(path: string): void {
  try {
    fs.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolder(dirname(path));
    fs.mkdirSync(path, { mode: 0o700 });
  }
}

const MOST_ENTRIES = 8;

function dropOldest(folder: string): void {
  const entries = fs
    .readdirSync(folder)
    .filter(name => /^kernel-\w+-\w+\.index$/.test(name))
    .map(name => join(folder, name))
    .map(path => ({ path, time: fs.statSync(path).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { path } of entries.slice(MOST_ENTRIES)) fs.rmSync(path, { force: true });
}
