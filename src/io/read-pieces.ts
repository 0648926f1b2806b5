/** Reading a large regular file into memory that is there, piece by piece, while something is done with what has come already. */
import * as fs from 'node:fs';
import { promisify } from 'node:util';

const read = promisify(fs.read);

/** To read so much takes longer than to ask another thread for it. */
const PIECE = 1 << 20;

/** A regular file that is open, with what the system says of it. */
export interface OpenFile {
  readonly fd: number;
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  readonly modified: number;
}

/** `undefined` for what is no regular file of at most `most` bytes, or cannot be opened: `readObject` says why. */
export function openRegular(path: string, most: number): OpenFile | undefined {
  let fd: number | undefined;
  try {
    // Opening a pipe would wait for its writer.
    if (!fs.statSync(path).isFile()) return undefined;
    fd = fs.openSync(path, 'r');
    const { size, mode, mtimeMs } = fs.fstatSync(fd);
    if (size > 0 && size <= most) return { fd, size, mode: mode & 0o777, modified: mtimeMs };
  } catch {
    // Whoever reads it the general way is told the same.
  }
  if (fd !== undefined) fs.closeSync(fd);
  return undefined;
}

/** Whether the file is as it was when it was opened. */
export function isUnchanged({ fd, size, modified }: OpenFile): boolean {
  const now = fs.fstatSync(fd);
  return now.size === size && now.mtimeMs === modified;
}

/**
 * Reads the file into `memory`.
 *
 * @param seen told of each piece, in order, while the next one is read
 * @returns whether it was all there and could be read. Never rejects
 */
export function readPieces(file: OpenFile, memory: Uint8Array, seen: (piece: Uint8Array) => void): Promise<boolean> {
  return readAll(file, memory, seen).catch(() => false);
}

async function readAll(
  { fd, size }: OpenFile,
  memory: Uint8Array,
  seen: (piece: Uint8Array) => void,
): Promise<boolean> {
  const next = (at: number) => read(fd, memory, at, Math.min(PIECE, size - at), at);
  let reading = next(0);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await reading;
    if (bytesRead === 0) return false;
    const start = at;
    at += bytesRead;
    if (at < size) reading = next(at);
    seen(memory.subarray(start, at));
  }
  return true;
}
