/**
 * What can go wrong between tocsin and the file system, as a table: every `IO…` code with its cause and its remedy.
 * The messages of the errors and the text of `tocsin explain IO…` both come from here.
 */
import type { Complaint } from '../util/errors.ts';
import { InputError } from '../util/errors.ts';

export interface Diagnostic {
  readonly cause: string;
  readonly remedy: string;
}

export const IO_DIAGNOSTICS = {
  IO001: {
    cause: 'No file has this path, or a symbolic link on the way leads nowhere.',
    remedy: 'check the spelling; a relative path counts from the current directory',
  },
  IO002: {
    cause: 'The file or the folder may not be read by this user.',
    remedy: 'run as a user who may read it, or change its permissions',
  },
  IO003: {
    cause: 'A folder was given where one file is needed.',
    remedy: 'name a file inside the folder',
  },
  IO004: {
    cause: 'The path is a device or a socket. Only regular files, pipes and standard input can be read.',
    remedy: 'copy the contents into a regular file first',
  },
  IO005: {
    cause: 'The input holds no byte at all, often because the program that should have written it failed.',
    remedy: 'build or copy the file again',
  },
  IO006: {
    cause: 'The input is larger than 2 GiB, more than tocsin holds in memory.',
    remedy: 'strip the debugging sections (objcopy --strip-debug) and try again',
  },
  IO007: {
    cause: 'Size or modification time changed while the file was read, so the bytes may mix two versions.',
    remedy: 'wait until the program that writes the file is done, then try again',
  },
  IO008: {
    cause: 'The operating system reported an error while reading.',
    remedy: 'look for messages about the disk or the network share in the kernel log',
  },
  IO009: {
    cause: 'Standard input was asked for, but it is a terminal.',
    remedy: 'pipe or redirect a file into the command',
  },
  IO010: {
    cause:
      'The compressed data is truncated, damaged (a checksum or a length disagrees), or followed by foreign bytes.',
    remedy: 'test the file with the program that packed it (xz -t, zstd -t, gzip -t) and fetch it again',
  },
  IO011: {
    cause: 'The data expands beyond the limit (1 GiB unless another is set), as a decompression bomb does.',
    remedy: 'if the file is to be trusted, decompress it by hand and give the result',
  },
  IO012: {
    cause:
      'The data is packed with something the decoder lacks: xz with SHA-256, with a filter such as --powerpc or with a dictionary above 64 MiB; zstd with a separate dictionary.',
    remedy: 'decompress it with the xz or zstd program and give the result',
  },
  IO013: {
    cause: 'Output in xz form is packed by the xz program, and there is none in PATH.',
    remedy: 'install the package xz-utils (Debian, Ubuntu) or xz (Fedora, SUSE), or write the output uncompressed',
  },
  IO014: {
    cause: 'The xz program failed; its own message is shown.',
    remedy: 'mend what the message of xz names (often too little memory), or write the output uncompressed',
  },
  IO015: {
    cause: 'The packed output did not expand to the bytes that went in. Nothing was written.',
    remedy: 'try again; if it happens twice, check memory and the installed xz program, and report it',
  },
  IO020: {
    cause: 'The folder holds no module: no file below it ends in .ko, .ko.xz, .ko.zst or .ko.gz.',
    remedy: 'name the files one by one if their names end otherwise',
  },
  IO021: {
    cause: 'The list given with --files-from names no file.',
    remedy: 'write one path per line (or separate them with NUL bytes, as find -print0 does)',
  },
  IO022: {
    cause: 'Standard input can be read once, but was asked for twice.',
    remedy: 'give the list or the object as a file',
  },
  IO023: {
    cause: 'The name is not valid UTF-8, so it cannot be passed on without loss.',
    remedy: 'rename the file or the folder',
  },
  IO030: {
    cause: 'The folder that the output should go into does not exist.',
    remedy: 'create the folder, or check the spelling of the output path',
  },
  IO031: {
    cause: 'This user may not create a file in the folder of the output. The output is written beside its final place.',
    remedy: 'write into a folder of your own, or run as a user who may write there',
  },
  IO032: {
    cause: 'The output path is a folder.',
    remedy: 'add the name of a file to the output path',
  },
  IO033: {
    cause: 'The disk is full or a quota is used up. The previous output, if any, is untouched.',
    remedy: 'make room, or write to another disk',
  },
  IO034: {
    cause: 'The output path is a block device or a socket.',
    remedy: 'write to a regular file',
  },
  IO035: {
    cause: 'The file system of the output is mounted read-only.',
    remedy: 'write to another place, or mount it for writing',
  },
  IO036: {
    cause: 'The operating system reported an error while writing. The previous output, if any, is untouched.',
    remedy: 'look for messages about the disk or the network share in the kernel log',
  },
  IO037: {
    cause: 'A signal ended the write before the output was in place. The previous output, if any, is untouched.',
    remedy: 'run the command again',
  },
  IO038: {
    cause: 'The output exists and its permissions forbid writing to it.',
    remedy: 'choose another output path, make the file writable, or force the replacement',
  },
  IO040: {
    cause: 'The output folder is there already and holds something else than an earlier output, or the path is a file.',
    remedy: 'choose another folder, or empty this one; --force replaces an earlier output',
  },
} as const satisfies Record<string, Diagnostic>;

export type IoCode = keyof typeof IO_DIAGNOSTICS;

type Detail = Omit<Partial<Complaint>, 'code' | 'message'>;

/** A complaint with the remedy of its code, unless `detail` has a better one. */
export function ioComplaint(code: IoCode, message: string, detail: Detail = {}): Complaint {
  return { remedy: IO_DIAGNOSTICS[code].remedy, ...detail, code, message };
}

export function ioError(code: IoCode, message: string, detail: Detail = {}): InputError {
  return new InputError(ioComplaint(code, message, detail));
}

/** The symbolic name (`ENOENT`) of an error that a system call gave; undefined for every other error. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** Node refuses such a path before any system call; there can be no such file. */
export function hasNul(path: string): boolean {
  return path.includes('\0');
}

/** What a failed open, stat, readdir or read means for a person. Errors of other kinds come back as they are. */
export function readFailure(error: unknown, file: string): unknown {
  const errno = errnoOf(error);
  switch (errno) {
    case undefined:
      return hasNul(file) ? ioError('IO001', 'the path contains a NUL byte', { file }) : error;
    case 'ENOENT':
      return ioError('IO001', 'no such file', { file });
    case 'ENOTDIR':
      return ioError('IO001', 'no such file: a part of the path is not a folder', { file });
    case 'ELOOP':
      return ioError('IO001', 'no such file: its symbolic links run in a circle', { file });
    case 'ENAMETOOLONG':
      return ioError('IO001', 'no such file: the path is longer than the system allows', { file });
    case 'EACCES':
    case 'EPERM':
      return ioError('IO002', 'no permission to read', { file });
    case 'EISDIR':
      return ioError('IO003', 'is a folder', { file, expected: 'a file' });
    case 'ENXIO':
    case 'ENODEV':
      return ioError('IO004', 'is a socket or a device without a driver', { file, expected: 'a regular file' });
    default:
      return ioError('IO008', `could not be read (${errno})`, { file });
  }
}

/** What a failed create, write, flush or rename means for a person. Errors of other kinds come back as they are. */
export function writeFailure(error: unknown, file: string): unknown {
  const errno = errnoOf(error);
  switch (errno) {
    case undefined:
      return hasNul(file) ? ioError('IO030', 'the output path contains a NUL byte', { file }) : error;
    case 'ENOENT':
      return ioError('IO030', 'the folder of the output does not exist', { file });
    case 'ENOTDIR':
      return ioError('IO030', 'a part of the output path is not a folder', { file });
    case 'ELOOP':
      return ioError('IO030', 'the symbolic links of the output path run in a circle', { file });
    case 'ENAMETOOLONG':
      return ioError('IO030', 'the output path is longer than the system allows', { file });
    case 'EACCES':
    case 'EPERM':
      return ioError('IO031', 'no permission to write in the folder of the output', { file });
    case 'EISDIR':
      return ioError('IO032', 'the output is a folder', { file });
    case 'ENOSPC':
    case 'EDQUOT':
      return ioError('IO033', errno === 'ENOSPC' ? 'no space left on the disk' : 'the disk quota is used up', { file });
    case 'EROFS':
      return ioError('IO035', 'the file system is read-only', { file });
    case 'EFBIG':
      return ioError('IO036', 'no file may become this large here (ulimit -f, or the file system)', { file });
    default:
      return ioError('IO036', `could not be written (${errno})`, { file });
  }
}
