/**
 * Reading whole files. Two ways:
 *
 * - `readObject`: one file to keep, expanded where it is compressed, with what is needed to write it back the same way.
 * - `readPlainInto`: one file after the other into one buffer, for scanning thousands. Measured on 3,126 modules of 250 MB in
 *   the page cache, two cores: 55 to 65 ms (12 ms of it open and close); `cat` of the same files to /dev/null takes 150 ms.
 *   There is no fstat, which would cost 10 ms: a read of the whole buffer, if it is large enough, takes all. A second one
 *   that gives nothing tells the end, unless the caller has found all that it needs.
 */
import * as fs from 'node:fs';
import { inFile } from '../util/errors.ts';
import { allocate } from './aligned.ts';
import { decompress, detectForm, EXPANSION_LIMIT, type Form } from './compression.ts';
import { hasNul, ioError, readFailure } from './diagnostics.ts';

/** Stored bytes that are accepted: 2 GiB, which one read call and every typed array can hold. */
export const FILE_LIMIT = 2 ** 31;

/** The path that means standard input. */
export const STDIN = '-';
const STDIN_FD = 0;

/** Larger than every module of Debian, and small enough that V8 does not collect garbage because of it. */
const FIRST_CAPACITY = 16 << 20;
const RETRY_MS = 5;

export interface ObjectFile {
  /** The path as it was given. */
  readonly path: string;
  readonly form: Form;
  /** The object itself, expanded; starts on an 8-byte boundary of its buffer. */
  readonly bytes: Uint8Array;
  /** The bytes as they are in the file; the same array as `bytes` where the form is `plain`. */
  readonly stored: Uint8Array;
  /** Bytes in the file. */
  readonly compressedSize: number;
  /** Permission bits of a regular file, for the file that is made from it; undefined for a pipe or standard input. */
  readonly mode: number | undefined;
}

export interface ReadOptions {
  /** Bound of the expanded size in bytes; 1 GiB if absent. */
  readonly expansionLimit?: number | undefined;
}

/**
 * Reads a regular file, a pipe (as `<(command)` makes) or, for `-`, standard input, and expands it.
 * Throws InputError IO001 to IO012, naming the file.
 */
export async function readObject(path: string, options: ReadOptions = {}): Promise<ObjectFile> {
  const { bytes: stored, mode } = await readStored(path);
  const form = detectForm(stored);
  try {
    const bytes = await decompress(stored, form, options.expansionLimit ?? EXPANSION_LIMIT);
    if (bytes.length === 0) throw ioError('IO005', 'holds nothing but an empty compressed file');
    return { path, form, bytes, stored, compressedSize: stored.length, mode };
  } catch (error) {
    throw inFile(error, path);
  }
}

interface Stored {
  readonly bytes: Uint8Array;
  readonly mode: number | undefined;
}

/** The bytes of a file, a pipe or standard input as they are. Throws InputError IO001 to IO009. */
export async function readStored(path: string): Promise<Stored> {
  let stored: Stored;
  try {
    stored = path === STDIN ? { bytes: await readStdin(), mode: undefined } : await readFile(path);
  } catch (error) {
    throw readFailure(error, path);
  }
  if (stored.bytes.length === 0) throw empty(path);
  return stored;
}

async function readFile(path: string): Promise<Stored> {
  if (hasNul(path)) throw ioError('IO001', 'the path contains a NUL byte', { file: path });
  const kind = fs.statSync(path);
  if (kind.isFile()) return readRegular(path);
  if (kind.isDirectory()) throw ioError('IO003', 'is a folder', { file: path, expected: 'a file' });
  if (!kind.isFIFO()) throw isDevice(path);
  // Opening a pipe waits for its writer: not on this thread.
  const handle = await fs.promises.open(path, 'r');
  try {
    return { bytes: await readToEnd(handle.fd, path), mode: undefined };
  } finally {
    await handle.close();
  }
}

async function readRegular(path: string): Promise<Stored> {
  const fd = fs.openSync(path, 'r');
  try {
    const before = fs.fstatSync(fd);
    if (before.size > FILE_LIMIT) throw tooLarge(path, before.size);
    // Files of /proc say 0 bytes, those of /sys often more than they hold.
    const bytes = before.size === 0 ? await readToEnd(fd, path) : readSized(fd, before.size);
    const after = fs.fstatSync(fd);
    if (after.size !== before.size || after.mtimeMs !== before.mtimeMs) {
      throw ioError('IO007', 'changed while it was read', { file: path });
    }
    return { bytes, mode: before.mode & 0o777 };
  } finally {
    fs.closeSync(fd);
  }
}

function readSized(fd: number, size: number): Uint8Array {
  const bytes = allocate(size);
  let length = 0;
  while (length < size) {
    const count = fs.readSync(fd, bytes, length, size - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
  }
  return bytes;
}

async function readStdin(): Promise<Uint8Array> {
  if (process.getBuiltinModule('node:tty').isatty(STDIN_FD)) {
    throw ioError('IO009', 'standard input is a terminal', { file: STDIN });
  }
  return readToEnd(STDIN_FD, STDIN);
}

/** Reads what has no size beforehand. */
async function readToEnd(fd: number, path: string): Promise<Uint8Array> {
  let buffer = allocate(FIRST_CAPACITY);
  let length = 0;
  for (;;) {
    if (length === buffer.length) buffer = grown(buffer, path);
    const count = await readSome(fd, buffer, length);
    if (count === 0) return allocate(buffer.subarray(0, length));
    length += count;
  }
}

async function readSome(fd: number, buffer: Uint8Array, offset: number): Promise<number> {
  for (;;) {
    try {
      return await new Promise((resolve, reject) => {
        fs.read(fd, buffer, offset, buffer.length - offset, null, (error, count) =>
          error === null ? resolve(count) : reject(error),
        );
      });
    } catch (error) {
      // Whoever started us may have left its end of the pipe in non-blocking mode.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await new Promise(resolve => setTimeout(resolve, RETRY_MS));
    }
  }
}

function grown(buffer: Uint8Array, path: string): Uint8Array<ArrayBuffer> {
  const larger = allocate(roomAfter(buffer.length, path));
  larger.set(buffer);
  return larger;
}

/** The next larger size of a buffer of `length` bytes. */
function roomAfter(length: number, path: string, size = 0): number {
  if (length >= FILE_LIMIT) throw tooLarge(path, length);
  // One byte more than the file says it has, so that the end is seen without growing again.
  return Math.min(Math.max(length * 2, size + 1, FIRST_CAPACITY), FILE_LIMIT);
}

/** Of an open file, if it has one. A device may give bytes without end. Throws InputError IO004. */
function sizeOf(fd: number, file: string): number {
  const kind = fs.fstatSync(fd);
  if (kind.isCharacterDevice() || kind.isBlockDevice()) throw isDevice(file);
  return kind.size;
}

const isDevice = (file: string) => ioError('IO004', 'is a device or a socket', { file, expected: 'a regular file' });

const tooLarge = (file: string, size: number) =>
  ioError('IO006', 'is too large', { file, expected: `at most ${FILE_LIMIT} bytes`, found: `${size} or more` });

const empty = (file: string) => ioError('IO005', 'is empty', { file });

/** One growing buffer for many files. */
export interface ReadPool {
  /** Starts on an 8-byte boundary; another array after `grow`. */
  readonly buffer: Uint8Array;
  /** Makes `buffer` at least `size` bytes large; it keeps what it holds. */
  grow(size: number): void;
}

class OwnPool implements ReadPool {
  buffer: Uint8Array;

  constructor(capacity: number) {
    this.buffer = allocate(capacity);
  }

  grow(size: number): void {
    const larger = allocate(size);
    larger.set(this.buffer);
    this.buffer = larger;
  }
}

/** `capacity` in bytes; without one, the first file decides. */
export function createReadPool(capacity = 0): ReadPool {
  return new OwnPool(capacity);
}

/**
 * The bytes of a file as they are stored: a view into the pool, **valid until the next call** with the same pool. The view
 * starts where the pool's buffer starts; behind its end are bytes of earlier files.
 * Compressed files are not expanded: ask `detectForm`. Meant for regular files; a pipe blocks the thread.
 * Throws InputError IO001 to IO008.
 *
 * @param isEnough asked after each read that may have been the last one, with the bytes that are there; where it says so,
 *   the rest, if there is one, is not read
 */
export function readPlainInto(pool: ReadPool, path: string, isEnough?: (length: number) => boolean): Uint8Array {
  let fd: number;
  try {
    fd = fs.openSync(path, fs.constants.O_RDONLY);
  } catch (error) {
    throw readFailure(error, path);
  }
  try {
    let length = 0;
    for (;;) {
      if (length === pool.buffer.length) pool.grow(roomAfter(length, path, sizeOf(fd, path)));
      const { buffer } = pool;
      const count = fs.readSync(fd, buffer, length, buffer.length - length, null);
      length += count;
      if (length === 0) throw empty(path);
      if (count === 0 || (length < buffer.length && isEnough?.(length) === true))
        return new Uint8Array(buffer.buffer, buffer.byteOffset, length);
    }
  } catch (error) {
    throw readFailure(error, path);
  } finally {
    fs.closeSync(fd);
  }
}
