/** Reading a large regular file into memory that is there, piece by piece, while something is done with what has come already. */
import * as fs from 'node:fs';
import { promisify } from 'node:util';

const read = promisify(fs.read);

/** What another thread reads while the code that goes on with it is loaded. */
const PIECE = 8 << 20;

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

/** A file on its way into memory: the first piece is being read as soon as this is made. */
export class Reading {
  readonly #file: OpenFile;
  readonly #memory: Uint8Array;
  #next: Promise<{ readonly bytesRead: number }>;

  /** @param memory large enough for the file */
  constructor(file: OpenFile, memory: Uint8Array) {
    this.#file = file;
    this.#memory = memory;
    this.#next = this.#read(0);
    // Whoever waits for it learns of a failure.
    this.#next.catch(() => {});
  }

  #read(at: number): Promise<{ readonly bytesRead: number }> {
    const { fd, size } = this.#file;
    return read(fd, this.#memory, at, Math.min(PIECE, size - at), at);
  }

  /**
   * @param seen told of each piece, in order, while the next one is read
   * @param come called when the last piece has come, before it is told
   * @returns whether the file was all there and could be read. Never rejects
   */
  async all(seen: (piece: Uint8Array) => void, come: () => void): Promise<boolean> {
    const { size } = this.#file;
    try {
      for (let at = 0; at < size; ) {
        const { bytesRead } = await this.#next;
        if (bytesRead === 0) return false;
        const start = at;
        at += bytesRead;
        if (at < size) this.#next = this.#read(at);
        else come();
        seen(this.#memory.subarray(start, at));
      }
      return true;
    } catch {
      return false;
    }
  }
}
