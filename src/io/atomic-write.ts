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
import * as fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { allocate } from './aligned.ts';
import { errnoOf, hasNul, ioError, writeFailure } from './diagnostics.ts';
import { createTemporary, forget, interruption, removeStrays } from './temporary-files.ts';

export interface WriteOptions {
  /** Permission bits of a target that does not exist yet, usually those of the input. */
  readonly mode?: number | undefined;
  /** Replace a target whose permissions forbid writing to it, as `cp -f` does. */
  readonly force?: boolean | undefined;
}

const PRIVATE_MODE = 0o600;
const NEW_FILE_MODE = 0o666;
const LINK_LIMIT = 40;
const WRITE_PIECE = 16 << 20;
const READ_PIECE = 1 << 20;

/** A file that is written, and not yet in its place. One of `commit` and `discard` ends it. */
export interface StagedFile {
  /** What the file holds, read from it again; `undefined` for a pipe or a device, which has not been written to yet. */
  readBack(): Promise<Uint8Array | undefined>;
  /** Whether that is `bytes`; of a pipe or a device that is to be seen. */
  holds(bytes: Uint8Array): Promise<boolean>;
  /** Waits until the disk has it, and puts it into its place. Throws as `writeAtomic`. */
  commit(): Promise<void>;
  /** Removes it: the target is as it was. */
  discard(): Promise<void>;
}

/**
 * Writes `bytes` to the path `target`, whole or not at all. The target may be the file that the bytes were read from.
 * Throws InputError IO030 to IO038, naming the target; then the target is as it was and no temporary file is left.
 */
export async function writeAtomic(target: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
  await (await stageFile(target, bytes, options)).commit();
}

/** The first half of `writeAtomic`: writes the file beside its place, and begins to flush it. Throws as `writeAtomic`. */
export async function stageFile(target: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<StagedFile> {
  try {
    if (hasNul(target)) throw ioError('IO030', 'the output path contains a NUL byte', { file: target });
    const existing = fs.statSync(target, { throwIfNoEntry: false });
    if (existing === undefined && target.endsWith('/')) throw isFolder(target);
    if (existing?.isDirectory()) throw isFolder(target);
    if (existing?.isFIFO() || existing?.isCharacterDevice()) return direct(target, bytes);
    if (existing !== undefined && !existing.isFile()) {
      throw ioError('IO034', 'is a block device or a socket', { file: target, expected: 'a regular file' });
    }
    const place = followLinks(target);
    if (existing !== undefined && options.force !== true) refuseProtected(target, place);
    removeStrays(place);
    const staged = new Staged(target, place, existing, options.mode);
    await staged.write(bytes);
    return staged;
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

class Staged implements StagedFile {
  readonly #target: string;
  readonly #place: string;
  readonly #existing: fs.Stats | undefined;
  readonly #mode: number | undefined;
  readonly #temporary: { readonly path: string; readonly fd: number };
  #size = 0;
  /** Of `fsync`, once it has begun. */
  #flushed: Promise<void> | undefined;

  constructor(target: string, place: string, existing: fs.Stats | undefined, mode: number | undefined) {
    this.#target = target;
    this.#place = place;
    this.#existing = existing;
    this.#mode = mode;
    const keepsMode = existing !== undefined || mode !== undefined;
    // Created on this thread, so that no signal handler can run between the creation and the note of it.
    this.#temporary = createTemporary(place, keepsMode ? PRIVATE_MODE : NEW_FILE_MODE);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { fd } = this.#temporary;
    try {
      await writeAll(fd, bytes);
      this.#size = bytes.length;
      if (this.#existing !== undefined) adopt(fd, this.#existing);
      else if (this.#mode !== undefined) fs.fchmodSync(fd, this.#mode & 0o777);
    } catch (error) {
      await this.discard();
      throw error;
    }
    this.#flushed = fsync(fd);
    // Whoever commits learns of a failure; until then nobody listens.
    this.#flushed.catch(() => {});
  }

  async readBack(): Promise<Uint8Array> {
    const bytes = allocate(this.#size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await read(this.#temporary.fd, bytes, length, bytes.length - length, length);
      if (bytesRead === 0) return bytes.subarray(0, length);
      length += bytesRead;
    }
    return bytes;
  }

  /** In pieces: memory that is used again costs nothing. One piece is read while the one before is compared. */
  async holds(bytes: Uint8Array): Promise<boolean> {
    const { fd } = this.#temporary;
    const buffers = [allocate(READ_PIECE), allocate(READ_PIECE)] as const;
    const next = (at: number, turn: number) => read(fd, buffers[turn & 1]!, 0, READ_PIECE, at);
    let coming = next(0, 0);
    for (let at = 0, turn = 0; ; turn++) {
      const { bytesRead } = await coming;
      if (bytesRead === 0) return at === bytes.length;
      const piece = buffers[turn & 1]!.subarray(0, bytesRead);
      coming = next(at + bytesRead, turn + 1);
      if (Buffer.compare(piece, bytes.subarray(at, at + bytesRead)) !== 0) {
        await coming;
        return false;
      }
      at += bytesRead;
    }
  }

  async commit(): Promise<void> {
    const { fd, path } = this.#temporary;
    let open = true;
    try {
      await this.#flushed;
      open = false;
      fs.closeSync(fd);
      const signal = interruption(path);
      if (signal !== undefined) throw ioError('IO037', `interrupted by ${signal}`, { file: this.#target });
      fs.renameSync(path, this.#place);
    } catch (error) {
      if (open) fs.closeSync(fd);
      fs.rmSync(path, { force: true });
      throw writeFailure(error, this.#target);
    } finally {
      forget(path);
    }
    try {
      await flushFolder(dirname(this.#place), this.#target);
    } catch (error) {
      throw writeFailure(error, this.#target);
    }
  }

  async discard(): Promise<void> {
    const { fd, path } = this.#temporary;
    // Another thread may be flushing it: its number must not be given to another file before.
    await this.#flushed?.catch(() => {});
    fs.closeSync(fd);
    fs.rmSync(path, { force: true });
    forget(path);
  }
}

const read = promisify(fs.read);
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

/** A pipe or a device, which cannot be written beside its place. */
function direct(target: string, bytes: Uint8Array): StagedFile {
  return {
    readBack: async () => undefined,
    holds: async () => true,
    commit: async () => {
      try {
        await writeDirectly(target, bytes);
      } catch (error) {
        throw writeFailure(error, target);
      }
    },
    discard: async () => {},
  };
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
