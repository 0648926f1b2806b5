/** Reading a large regular file into memory that is there, while this thread does other things. */
import * as fs from 'node:fs';
import { promisify } from 'node:util';

const read = promisify(fs.read);

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

/** Reads the file into `memory` while this thread does other things. @returns whether it was all there. Never rejects */
export async function readWhole({ fd, size }: OpenFile, memory: Uint8Array): Promise<boolean> {
  try {
    for (let at = 0; at < size; ) {
      const { bytesRead } = await read(fd, memory, at, size - at, at);
      if (bytesRead === 0) return false;
      at += bytesRead;
    }
    return true;
  } catch {
    return false;
  }
}
