/**
 * A file that is written beside its place: created, written, flushed by another thread, read again, and renamed. `atomic-write.ts` says
 * what comes of that.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { allocate } from './aligned.ts';
import { errnoOf, ioError, writeFailure } from './diagnostics.ts';
import { createTemporary, forget, interruption } from './temporary-files.ts';

const PRIVATE_MODE = 0o600;
const NEW_FILE_MODE = 0o666;
/** Bytes. For larger ones the system looks for as much memory in one piece, which can take ten times as long. */
const WRITE_PIECE = 2 << 20;

/** `StageFile` and `Stage` of `atomic-write.ts`, for regular files. */
export class Staged {
  readonly #target: string;
  readonly #place: string;
  readonly #existing: fs.Stats | undefined;
  readonly #mode: number | undefined;
  readonly #temporary: { readonly path: string; readonly fd: number };
  #size = 0;
  /** Settled when no other thread writes or reads any more. */
  #passed: Promise<unknown> | undefined;
  /** Of `fsync`, once it has begun. */
  #flushed: Promise<unknown> | undefined;
  /** Of the `fdatasync` before that. */
  #begun: Promise<void> | undefined;

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
    await writeAll(this.#temporary.fd, bytes);
    this.#size = bytes.length;
  }

  /** All is written: gives the file its permissions, and begins to flush it. */
  seal(): void {
    const { fd } = this.#temporary;
    if (this.#existing !== undefined) adopt(fd, this.#existing);
    else if (this.#mode !== undefined) fs.fchmodSync(fd, this.#mode & 0o777);
    this.#flushed = Promise.all([this.#begun, fsync(fd)]);
    // Whoever commits learns of a failure; until then nobody listens.
    this.#flushed.catch(() => {});
  }

  pass(memory: Uint8Array): Promise<boolean> {
    const passed = this.#pass(memory).catch(error => {
      throw writeFailure(error, this.#target);
    });
    this.#passed = passed.catch(() => {});
    return passed;
  }

  async #pass(memory: Uint8Array): Promise<boolean> {
    const { fd } = this.#temporary;
    await writeAtOnce(fd, memory);
    this.#size = memory.length;
    // Most of it goes to the disk meanwhile. A failure is told once, and not again by the one that `seal` begins.
    this.#begun = fdatasync(fd);
    this.#begun.catch(() => {});
    for (let at = 0; at < memory.length; ) {
      const { bytesRead } = await read(fd, memory, at, memory.length - at, at);
      if (bytesRead === 0) return false;
      at += bytesRead;
    }
    return fs.fstatSync(fd).size === memory.length;
  }

  passPart(memory: Uint8Array, at: number, size: number): boolean {
    const { fd } = this.#temporary;
    const done = fs.writeSync(fd, memory, at, size, at) === size && fs.readSync(fd, memory, at, size, at) === size;
    return done && fs.fstatSync(fd).size === this.#size;
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

  async ready(): Promise<void> {
    try {
      await this.#flushed;
    } catch (error) {
      throw writeFailure(error, this.#target);
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
    // Another thread may be at it: its number must not be given to another file before.
    await this.#passed;
    await this.#begun?.catch(() => {});
    await this.#flushed?.catch(() => {});
    fs.closeSync(fd);
    fs.rmSync(path, { force: true });
    forget(path);
  }
}

const read = promisify(fs.read);
const write = promisify(fs.write);
const fsync = promisify(fs.fsync);
const fdatasync = promisify(fs.fdatasync);

export async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await write(fd, bytes, at, Math.min(bytes.length - at, WRITE_PIECE), null);
    at += bytesWritten;
  }
}

/** The same for an empty file, without a word from this thread between the pieces. Nothing is written any more when it has settled. */
async function writeAtOnce(fd: number, bytes: Uint8Array): Promise<void> {
  const pieces: Promise<void>[] = [];
  for (let at = 0; at < bytes.length; at += WRITE_PIECE)
    pieces.push(writeAt(fd, bytes.subarray(at, at + WRITE_PIECE), at));
  const settled = await Promise.allSettled(pieces);
  for (const piece of settled) if (piece.status === 'rejected') throw piece.reason;
}

async function writeAt(fd: number, bytes: Uint8Array, place: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await write(fd, bytes, at, bytes.length - at, place + at)).bytesWritten;
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
