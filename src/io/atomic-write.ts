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
 * - **Pipes and character devices** (`/dev/null`, `/dev/stdout`) cannot be replaced and are written directly; what went there
 *   cannot be taken back.
 *
 * A killed process leaves its temporary file, `.NAME.tocsin-PID-RANDOM.tmp`, behind. The next write to the same target
 * removes it if no one can still be writing it. The first half of RANDOM names the process-id space (this boot and this
 * container). In the same space a file goes if no process has its PID; in another one, on a shared disk perhaps, or if a
 * process has that PID (it may have got the number later), if it is older than a day. SIGINT, SIGTERM and an
 * exit of the process remove the files of writes that are under way.
 */
import * as fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { errnoOf, hasNul, ioError, writeFailure } from './diagnostics.ts';
import { Staged, writeAll } from './staged-file.ts';
import { removeStrays } from './temporary-files.ts';

export interface WriteOptions {
  /** Permission bits of a target that does not exist yet, usually those of the input. */
  readonly mode?: number | undefined;
  /** Replace a target whose permissions forbid writing to it, as `cp -f` does. */
  readonly force?: boolean | undefined;
}

const LINK_LIMIT = 40;

/** A file that is written, and not yet in its place. One of `commit` and `discard` ends it. */
export interface StagedFile {
  /** What the file holds, read from it again; `undefined` for a pipe or a device, which has not been written to yet. */
  readBack(): Promise<Uint8Array | undefined>;
  /**
   * All that can fail before `commit`: waits until the disk has the file, or writes to the pipe or device, whose reader sees the end
   * at `commit`. Throws as `writeAtomic`; `discard` comes then.
   */
  ready(): Promise<void>;
  /** Waits until the disk has it, and puts it into its place. Throws as `writeAtomic`. */
  commit(): Promise<void>;
  /** Removes it: the target is as it was. */
  discard(): Promise<void>;
}

/** A file beside its place that nothing has been written to yet. One of `commit` and `discard` ends it. */
export interface Stage extends Pick<StagedFile, 'commit' | 'discard'> {
  /**
   * Other threads write what `memory` holds, and then read what the file holds into it. Nobody else may change it meanwhile.
   *
   * @returns whether the file has as many bytes; of a pipe or a device, which is written to in `commit`, that is to be seen
   */
  pass(memory: Uint8Array): Promise<boolean>;
  /** The same for `size` bytes at `at`, at once, when `pass` is done. */
  passPart(memory: Uint8Array, at: number, size: number): boolean;
  /** Nothing more will be written: begins to flush it. */
  seal(): void;
}

/**
 * Writes `bytes` to the path `target`, whole or not at all. Throws InputError IO030 to IO038, naming the target; then the target is
 * as it was and no temporary file is left.
 */
export async function writeAtomic(target: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<void> {
  await (await stageFile(target, bytes, options)).commit();
}

/** The first half of `writeAtomic`: writes the file beside its place, and begins to flush it. Throws as `writeAtomic`. */
export async function stageFile(target: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<StagedFile> {
  const stage = openStage(target, options);
  try {
    await stage.write(bytes);
    stage.seal();
    return stage;
  } catch (error) {
    await stage.discard();
    throw writeFailure(error, target);
  }
}

/** Makes sure that `target` may be written, and creates the file beside it. Throws as `writeAtomic`. */
export function openStage(target: string, options: WriteOptions = {}): Staged | Direct {
  try {
    const { place, existing } = findPlace(target, options);
    if (place === undefined) return new Direct(target);
    removeStrays(place);
    return new Staged(target, place, existing, options.mode);
  } catch (error) {
    throw writeFailure(error, target);
  }
}

/** Makes as sure as can be without writing anything that `target` may be written. Throws as `writeAtomic`. */
export function checkPlace(target: string, options: WriteOptions = {}): void {
  try {
    const { place } = findPlace(target, options);
    fs.accessSync(place === undefined ? target : `${dirname(place)}/.`, fs.constants.W_OK);
  } catch (error) {
    throw writeFailure(error, target);
  }
}

/** The place at the end of all links; none for a pipe or a device. */
function findPlace(target: string, { force }: WriteOptions): { place?: string; existing?: fs.Stats | undefined } {
  if (hasNul(target)) throw ioError('IO030', 'the output path contains a NUL byte', { file: target });
  const existing = fs.statSync(target, { throwIfNoEntry: false });
  if (existing === undefined && target.endsWith('/')) throw isFolder(target);
  if (existing?.isDirectory()) throw isFolder(target);
  if (existing?.isFIFO() || existing?.isCharacterDevice()) return {};
  if (existing !== undefined && !existing.isFile()) {
    throw ioError('IO034', 'is a block device or a socket', { file: target, expected: 'a regular file' });
  }
  const place = followLinks(target);
  if (existing !== undefined && force !== true) refuseProtected(target, place);
  return { place, existing };
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

/** A pipe or a device, which cannot be written beside its place. */
class Direct implements Stage, StagedFile {
  readonly #target: string;
  #bytes: Uint8Array = new Uint8Array(0);
  #handle: fs.promises.FileHandle | undefined;

  constructor(target: string) {
    this.#target = target;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#bytes = bytes;
  }

  async pass(memory: Uint8Array): Promise<boolean> {
    this.#bytes = memory;
    return true;
  }

  passPart(): boolean {
    return true;
  }

  seal(): void {}

  async readBack(): Promise<undefined> {}

  async ready(): Promise<void> {
    try {
      // Opening a pipe waits for its reader: not on this thread.
      this.#handle ??= await fs.promises.open(this.#target, fs.constants.O_WRONLY);
      const bytes = this.#bytes;
      this.#bytes = new Uint8Array(0);
      await writeAll(this.#handle.fd, bytes);
    } catch (error) {
      throw writeFailure(error, this.#target);
    }
  }

  async commit(): Promise<void> {
    try {
      await this.ready();
    } finally {
      await this.discard();
    }
  }

  async discard(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }
}
