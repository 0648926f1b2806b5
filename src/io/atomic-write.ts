/**
 * Writing a file so that at every moment its path holds the old contents or the new, whole.
 *
 * The bytes go into a temporary file in the same folder, are flushed to the disk, and take the place of the target by one
 * rename; then the folder is flushed. What follows from that:
 *
 * - **Symbolic links** are written through, as objcopy does: the link stays and the file it leads to is replaced. A link that
 *   leads nowhere yet creates its file.
 * - **Hard links** part: other names of an existing target keep the old contents.
 * - **Permissions**: an existing target's, else `mode`, else those of any new file. Owner and group of an existing target are
 *   kept where the system allows it (root: always); where the group cannot be kept, the new group gets the rights of others.
 *   Set-uid bits, access lists and extended attributes are not carried over.
 * - **Pipes and character devices** (`/dev/null`, `/dev/stdout`) cannot be replaced and are written directly.
 *
 * A killed process leaves its temporary file, `.NAME.tocsin-PID-RANDOM.tmp`, behind. The next write to the same target
 * removes it if no one can still be writing it. The first half of RANDOM names the process-id space (this boot and this
 * container). In the same space a file goes if no process has its PID; in another one, on a shared disk perhaps, or if a
 * process has that PID (it may have got the number later), if it is older than a day. SIGINT, SIGTERM and an
 * exit of the process remove the files of writes that are under way.
 */
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf, hasNul, ioError, writeFailure } from './diagnostics.ts';

export interface WriteOptions {
  /** Permission bits of a target that does not exist yet, usually those of the input. */
  readonly mode?: number | undefined;
  /** Replace a target whose permissions forbid writing to it, as `cp -f` does. */
  readonly force?: boolean | undefined;
}

const PRIVATE_MODE = 0o600;
const NEW_FILE_MODE = 0o666;
const NAME_LIMIT = 255;
const LINK_LIMIT = 40;
const DAY_MS = 24 * 3600 * 1000;
const RESCAN_MS = 10_000;
const WRITE_PIECE = 16 << 20;

/**
 * Writes `bytes` to the path `target`, whole or not at all. The target may be the file that the bytes were read from.
 * Throws InputError IO030 to IO038, naming the target; then the target is as it was and no temporary file is left.
 */
export async function writeAtomic(target: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
  try {
    if (hasNul(target)) throw ioError('IO030', 'the output path contains a NUL byte', { file: target });
    const existing = fs.statSync(target, { throwIfNoEntry: false });
    if (existing === undefined && target.endsWith('/')) throw isFolder(target);
    if (existing?.isDirectory()) throw isFolder(target);
    if (existing?.isFIFO() || existing?.isCharacterDevice()) return await writeDirectly(target, bytes);
    if (existing !== undefined && !existing.isFile()) {
      throw ioError('IO034', 'is a block device or a socket', { file: target, expected: 'a regular file' });
    }
    const place = followLinks(target);
    if (existing !== undefined && options.force !== true) refuseProtected(target, place);
    removeStrays(place);
    await replace(target, place, bytes, existing, options.mode);
  } catch (error) {
    throw writeFailure(error, target);
  }
}

const isFolder = (file: string) => ioError('IO032', 'is a folder', { file, expected: 'the path of a file' });

function refuseProtected(target: string, place: string): void {
  try {
    fs.accessSync(place, fs.constants.W_OK);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    throw ioError('IO038', 'exists and is write-protected', { file: target });
  }
}

/** The path at the end of a chain of links; the folders on the way are left to the system. */
function followLinks(path: string): string {
  let place = path;
  for (let i = 0; i < LINK_LIMIT; i++) {
    if (!fs.lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink()) return place;
    // Relative to the true folder of the link: "x/../y" need not be "y" where x is a link.
    place = resolve(fs.realpathSync(dirname(place)), fs.readlinkSync(place));
  }
  throw ioError('IO030', 'the symbolic links of the output path run in a circle', { file: path });
}

async function replace(
  target: string,
  place: string,
  bytes: Uint8Array,
  existing: fs.Stats | undefined,
  mode: number | undefined,
): Promise<void> {
  const keepsMode = existing !== undefined || mode !== undefined;
  // Created on this thread, so that no signal handler can run between the creation and its entry in `underWay`.
  const temporary = createTemporary(place, keepsMode ? PRIVATE_MODE : NEW_FILE_MODE);
  let fd: number | undefined = temporary.fd;
  try {
    await writeAll(fd, bytes);
    if (existing !== undefined) adopt(fd, existing);
    else if (mode !== undefined) fs.fchmodSync(fd, mode & 0o777);
    await fsync(fd);
    const closing = fd;
    fd = undefined;
    fs.closeSync(closing);
    const signal = underWay.get(temporary.path);
    if (signal !== undefined) throw ioError('IO037', `interrupted by ${signal}`, { file: target });
    fs.renameSync(temporary.path, place);
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd);
    fs.rmSync(temporary.path, { force: true });
    throw error;
  } finally {
    forget(temporary.path);
  }
  await flushFolder(dirname(place), target);
}

const write = promisify(fs.write);
const fsync = promisify(fs.fsync);

async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await write(fd, bytes, at, Math.min(bytes.length - at, WRITE_PIECE), null);
    at += bytesWritten;
  }
}

/** Gives the new file the owner, the group and the permissions of the old one, as far as the system lets us. */
function adopt(fd: number, old: fs.Stats): void {
  let mode = old.mode & 0o777;
  const now = fs.fstatSync(fd);
  if (now.uid !== old.uid || now.gid !== old.gid) {
    try {
      // Only root may give files away; anyone may choose among the own groups.
      fs.fchownSync(fd, process.geteuid?.() === 0 ? old.uid : -1, old.gid);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      if (now.gid !== old.gid) mode = (mode & ~0o070) | ((mode & 0o007) << 3);
    }
  }
  fs.fchmodSync(fd, mode);
}

/** Makes the rename itself last through a crash of the machine. */
async function flushFolder(folder: string, target: string): Promise<void> {
  let fd: number | undefined;
  try {
    fd = fs.openSync(folder, 'r');
    await fsync(fd);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    // A folder that may be written but not read cannot be opened; some network and FUSE file systems cannot flush one.
    if (errno === 'EACCES' || errno === 'EINVAL') return;
    throw ioError('IO036', `is in place, but its folder could not be flushed (${errno})`, { file: target });
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

async function writeDirectly(target: string, bytes: Uint8Array): Promise<void> {
  // Opening a pipe waits for its reader: not on this thread.
  const handle = await fs.promises.open(target, fs.constants.O_WRONLY);
  try {
    await writeAll(handle.fd, bytes);
  } finally {
    await handle.close();
  }
}

// --- temporary files ---

let space: string | undefined;

/** Eight hex digits that differ between boots, machines and containers: where PIDs mean something else. */
function pidSpace(): string {
  if (space === undefined) {
    const hash = createHash('sha256');
    for (const read of [
      () => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'),
      () => fs.readlinkSync('/proc/self/ns/pid'),
    ]) {
      try {
        hash.update(read());
      } catch {
        // Without it (no /proc) the space of this process is unlike any other, and strays wait for a day.
        hash.update(randomBytes(8));
      }
    }
    space = hash.digest('hex').slice(0, 8);
  }
  return space;
}

/** The name before `.tocsin-`; cut where the whole would be longer than a file name may be. */
function stem(place: string): string {
  const suffix = `.tocsin-${2 ** 22}-${'0'.repeat(16)}.tmp`.length;
  let name = basename(place);
  while (Buffer.byteLength(name) > NAME_LIMIT - 1 - suffix) name = [...name].slice(0, -1).join('');
  return `.${name}`;
}

function createTemporary(place: string, mode: number): { path: string; fd: number } {
  const { O_CREAT, O_EXCL, O_WRONLY } = fs.constants;
  for (;;) {
    const random = pidSpace() + randomBytes(4).toString('hex');
    const path = `${folderOf(place)}${stem(place)}.tocsin-${process.pid}-${random}.tmp`;
    try {
      const fd = fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL, mode);
      remember(path);
      return { path, fd };
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

const TEMPORARY = /^(\..+)\.tocsin-(\d+)-([0-9a-f]{8})[0-9a-f]{8}\.tmp$/s;

interface Stray {
  readonly path: string;
  readonly pid: number;
  readonly space: string;
}

/** Temporary files by stem, for each folder, so that writing thousands of files into one folder lists it rarely. */
const strays = new Map<string, { readonly at: number; readonly byStem: Map<string, Stray[]> }>();

function removeStrays(place: string): void {
  const folder = folderOf(place);
  let known = strays.get(folder);
  if (known === undefined || Date.now() - known.at > RESCAN_MS) {
    known = { at: Date.now(), byStem: listStrays(folder) };
    strays.set(folder, known);
  }
  for (const stray of known.byStem.get(stem(place)) ?? []) {
    if (!isAbandoned(stray)) continue;
    try {
      fs.rmSync(stray.path, { force: true });
    } catch {
      // Another user's: it is no obstacle to the write.
    }
  }
}

function listStrays(folder: string): Map<string, Stray[]> {
  const byStem = new Map<string, Stray[]>();
  let names: string[];
  try {
    names = fs.readdirSync(folder === '' ? '.' : folder);
  } catch {
    // The write itself will say what is wrong with the folder, if it matters.
    return byStem;
  }
  for (const name of names) {
    const match = TEMPORARY.exec(name);
    if (match === null) continue;
    const [, of, pid, inSpace] = match;
    const list = byStem.get(of!) ?? [];
    list.push({ path: folder + name, pid: Number(pid), space: inSpace! });
    byStem.set(of!, list);
  }
  return byStem;
}

function isAbandoned(stray: Stray): boolean {
  if (underWay.has(stray.path)) return false;
  if (stray.space === pidSpace() && !isAlive(stray.pid)) return true;
  const stats = fs.lstatSync(stray.path, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > DAY_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}

// --- signals ---

/** Temporary files of this process, each with the signal that has ended its write, if any. */
const underWay = new Map<string, NodeJS.Signals | undefined>();
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
let hooked = false;

/**
 * The handlers stay from the first write on. Were they taken away between two writes, a signal that the system has
 * delivered but Node has not yet passed on would be lost, and with it the user's Ctrl-C.
 */
function remember(path: string): void {
  underWay.set(path, undefined);
  if (hooked) return;
  hooked = true;
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('exit', removeAll);
}

function forget(path: string): void {
  underWay.delete(path);
}

function removeAll(): void {
  for (const path of underWay.keys()) fs.rmSync(path, { force: true });
}

/** Dies of the signal as if there were no handler, unless the program has one of its own: then the write fails with IO037. */
function onSignal(signal: NodeJS.Signals): void {
  removeAll();
  for (const path of underWay.keys()) underWay.set(path, signal);
  if (process.listenerCount(signal) > 1) return;
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}
