/**
 * Writing a folder so that its path never holds half of it: the files go into a new folder beside it, are flushed, and one
 * rename puts the folder in place. An earlier output that is to be replaced steps aside for the moment of the rename.
 *
 * A killed process may leave its temporary folder, `.NAME.tocsin-PID-RANDOM.tmp`, behind; SIGINT, SIGTERM and an exit of the
 * process remove it.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { errnoOf, hasNul, ioError, writeFailure } from './diagnostics.ts';

export interface FolderOptions {
  /** Says of an existing folder's listing whether it may be replaced; without it only an empty one is. */
  readonly mayReplace?: (names: readonly string[]) => boolean;
}

/**
 * @param target path of the folder; the one it lies in must exist
 * @param files contents by name; names are single components
 * @throws InputError IO030 to IO036 and IO040, naming the target, which then is as it was
 */
export function writeFolderAtomic(
  target: string,
  files: ReadonlyMap<string, Uint8Array>,
  options: FolderOptions = {},
): void {
  try {
    if (hasNul(target)) throw ioError('IO030', 'the output path contains a NUL byte', { file: target });
    // A link to a folder stays; what it leads to is replaced.
    const place = fs.existsSync(target) ? fs.realpathSync(target) : resolve(target);
    const existing = listed(target, place);
    if (existing !== undefined && existing.length > 0 && options.mayReplace?.(existing) !== true)
      throw ioError('IO040', 'exists and is not empty', { file: target });
    replace(place, files, existing !== undefined);
  } catch (error) {
    throw writeFailure(error, target);
  }
}

/** Names in the folder; `undefined` where there is none. */
function listed(target: string, place: string): readonly string[] | undefined {
  const stats = fs.statSync(place, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isDirectory()) throw ioError('IO040', 'exists and is no folder', { file: target });
  return fs.readdirSync(place);
}

function replace(place: string, files: ReadonlyMap<string, Uint8Array>, exists: boolean): void {
  const temporary = besides(place);
  const before = besides(place);
  const drop = () => fs.rmSync(temporary, { recursive: true, force: true });
  const onSignal = (signal: NodeJS.Signals) => {
    drop();
    process.off(signal, onSignal);
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  fs.mkdirSync(temporary);
  process.on('exit', drop);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  try {
    for (const [name, bytes] of files) writeFile(join(temporary, name), bytes);
    flush(temporary);
    if (exists) fs.renameSync(place, before);
    try {
      fs.renameSync(temporary, place);
    } catch (error) {
      if (exists) fs.renameSync(before, place);
      throw error;
    }
    fs.rmSync(before, { recursive: true, force: true });
    flush(dirname(place));
  } finally {
    drop();
    process.off('exit', drop);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  }
}

function besides(place: string): string {
  const random = randomBytes(8).toString('hex');
  return join(dirname(place), `.${basename(place).slice(0, 40)}.tocsin-${process.pid}-${random}.tmp`);
}

function writeFile(path: string, bytes: Uint8Array): void {
  const fd = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL, 0o666);
  try {
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function flush(folder: string): void {
  let fd: number | undefined;
  try {
    fd = fs.openSync(folder, 'r');
    fs.fsyncSync(fd);
  } catch (error) {
    // Some network and FUSE file systems cannot flush a folder; one that may not be read cannot be opened.
    const errno = errnoOf(error);
    if (errno !== 'EACCES' && errno !== 'EINVAL') throw error;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}
