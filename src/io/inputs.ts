/**
 * Which files a command works on: FILE arguments, folders (all modules below), and lists (`--files-from`).
 *
 * What cannot be read becomes a problem beside the files and never stops the rest. Files come in the order of the arguments,
 * those of a folder sorted by the bytes of their paths, as `find FOLDER | LC_ALL=C sort` has it; a path that comes twice is
 * taken once. Below a folder, a symbolic link to a module counts as a module, a symbolic link to a folder (`build`, `source`)
 * is not followed, so there are no circles.
 */
import * as fs from 'node:fs';
import { InputError } from '../util/errors.ts';
import { errnoOf, ioError, readFailure } from './diagnostics.ts';
import { readStored, STDIN } from './read.ts';

export interface ExpandedInputs {
  /** Paths that can be given to `readObject`; `-` is standard input. */
  readonly files: readonly string[];
  readonly problems: readonly InputError[];
}

export interface ExpandOptions {
  /** A file that lists paths, one a line, or separated by NUL bytes if it contains any; `-` for standard input. */
  readonly filesFrom?: string | undefined;
  /** Called as soon as a folder is known to hold hundreds of modules, while the others are still looked for. */
  readonly onMany?: () => void;
}

const MANY = 256;

const MODULE_NAME = /\.ko(?:\.xz|\.zst|\.gz)?$/;
const NUL = 0;

/** Never rejects for an input that cannot be read: that is a problem in the result (IO001, IO002, IO008, IO020 to IO023). */
export async function expandInputs(args: readonly string[], options: ExpandOptions = {}): Promise<ExpandedInputs> {
  const files = new Set<string>();
  const problems: InputError[] = [];
  const { filesFrom, onMany } = options;
  for (const path of args) {
    if (path !== STDIN) expandPath(path, files, problems, onMany);
    else if (filesFrom === STDIN)
      problems.push(ioError('IO022', 'standard input is already the list', { file: STDIN }));
    else files.add(STDIN);
  }
  if (filesFrom !== undefined) {
    try {
      for (const path of await readList(filesFrom)) expandPath(path, files, problems, onMany);
    } catch (error) {
      problems.push(asProblem(error));
    }
  }
  return { files: [...files], problems };
}

/** All modules below a folder, sorted by the bytes of their paths. */
export function modulesBelow(folder: string, onMany?: () => void): ExpandedInputs {
  const found: string[] = [];
  const problems: InputError[] = [];
  const pending = [folder.replace(/\/+$/, '')];
  for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
    // The root folder has become the empty string.
    const before = found.length;
    readFolder(below === '' ? '/' : below, `${below}/`, found, pending, problems);
    if (before < MANY && found.length >= MANY) onMany?.();
  }
  if (found.length === 0 && problems.length === 0) {
    problems.push(ioError('IO020', 'the folder holds no module', { file: folder }));
  }
  return { files: sortBytewise(found), problems };
}

function readFolder(folder: string, prefix: string, found: string[], pending: string[], problems: InputError[]): void {
  let entries: fs.Dirent[];
  try {
    entries = fs.readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    problems.push(asProblem(readFailure(error, folder)));
    return;
  }
  for (const entry of entries) {
    const path = prefix + entry.name;
    const isFolder = entry.isDirectory();
    if (!isFolder && !MODULE_NAME.test(entry.name)) continue;
    if (isMangled(path, entry.name)) {
      problems.push(ioError('IO023', 'the name is not valid UTF-8', { file: path }));
    } else if (isFolder) {
      pending.push(path);
    } else if (entry.isFile() || (entry.isSymbolicLink() && leadsToFile(path, problems))) {
      found.push(path);
    }
  }
}

/** Node puts U+FFFD for bytes that are not UTF-8; such a path does not exist. A name may also truly hold that character. */
function isMangled(path: string, name: string): boolean {
  return name.includes('\uFFFD') && fs.lstatSync(path, { throwIfNoEntry: false }) === undefined;
}

function leadsToFile(path: string, problems: InputError[]): boolean {
  try {
    return fs.statSync(path).isFile();
  } catch (error) {
    problems.push(asProblem(readFailure(error, path)));
    return false;
  }
}

/** A folder becomes the modules below it. Anything else that exists is taken as it is, whatever its name. */
function expandPath(path: string, files: Set<string>, problems: InputError[], onMany?: () => void): void {
  try {
    if (fs.statSync(path).isDirectory()) {
      const below = modulesBelow(path, onMany);
      for (const file of below.files) files.add(file);
      problems.push(...below.problems);
    } else {
      files.add(path);
    }
  } catch (error) {
    problems.push(asProblem(readFailure(error, path)));
  }
}

async function readList(list: string): Promise<string[]> {
  let bytes: Uint8Array;
  try {
    ({ bytes } = await readStored(list));
  } catch (error) {
    if (error instanceof InputError && error.code === 'IO005') throw emptyList(list);
    throw error;
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw ioError('IO023', 'the list holds a path that is not valid UTF-8', { file: list });
  }
  const paths = text.split(bytes.includes(NUL) ? '\0' : /\r?\n/).filter(path => path !== '');
  if (paths.length === 0) throw emptyList(list);
  // In a list, "-" is a file of that name.
  return paths.map(path => (path === STDIN ? `./${STDIN}` : path));
}

const emptyList = (file: string) => ioError('IO021', 'the list names no file', { file });

/** Anything but an InputError, or a system error that has become one, is a bug and is thrown on. */
function asProblem(error: unknown): InputError {
  if (error instanceof InputError) return error;
  if (errnoOf(error) !== undefined) throw new Error('a system error was not translated', { cause: error });
  throw error;
}

/** JavaScript compares UTF-16 units, which agrees with the order of UTF-8 bytes below the surrogates. */
function sortBytewise(paths: string[]): string[] {
  if (!paths.some(path => /[\uD800-\uFFFF]/.test(path))) return paths.sort();
  return paths
    .map(path => ({ path, bytes: Buffer.from(path) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ path }) => path);
}
