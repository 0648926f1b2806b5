/** What a quick patch begins with, before all of its code is there: another thread reads the module meanwhile. */
import * as fs from 'node:fs';
import { type OpenFile, openRegular, readWhole } from '../../io/read-whole.ts';
import { ProgramsRoom } from '../../util/programs-room.ts';
import type { PatchArguments } from '../commands/patch.ts';
import { needsMore } from '../quick.ts';

/** Larger than every module; what is larger may take its time. */
const LARGEST = 1 << 28;

/** Numbers of the rooms in the memory that the programs share: file, the judge's input, tables of both. */
export const FILE = 0;
export const INPUT = 1;
export const TABLES = 2;
export const JUDGE = 3;

/** Bytes of these rooms for a module of `size` bytes. What needs more is no plain module. */
export function roomSizes(size: number): readonly number[] {
  return [size + size / 4 + (1 << 18), size, size / 2 + (1 << 19), size / 4 + (1 << 19)];
}

/** A module on its way into memory. */
export interface Early {
  readonly file: OpenFile;
  readonly room: ProgramsRoom;
  /** Into `FILE`; whether all was there. Never rejects. */
  readonly reading: Promise<boolean>;
}

/** Whether the command asks for nothing but what `quick-nops.ts` does. */
export function isQuick(args: PatchArguments): boolean {
  const { nops, output, dryRun, report, format, verbose, signing } = args;
  const isText = report === undefined && format === 'text' && !verbose && !dryRun;
  return nops.length === 1 && nops[0] === '*' && output !== undefined && isText && !signing && !needsMore(args);
}

/** Whether the output is the file that is read, by this name or another one: `patchCommand` knows what to say of it. */
function mayBe(fd: number, output: string): boolean {
  try {
    const place = fs.statSync(output, { throwIfNoEntry: false });
    if (place === undefined) return false;
    const read = fs.fstatSync(fd);
    return place.ino === read.ino && place.dev === read.dev;
  } catch {
    return true;
  }
}

/** @returns the exit code; `undefined` where `patchCommand` has to do it: then nothing has been written */
export async function beginQuick(args: PatchArguments): Promise<number | undefined> {
  const file = openRegular(args.file, LARGEST);
  if (file === undefined) return undefined;
  try {
    if (mayBe(file.fd, args.output!)) return undefined;
    const room = ProgramsRoom.create(roomSizes(file.size));
    if (room === undefined) return undefined;
    const reading = readWhole(file, room.bytes(FILE));
    // A bundle of its own (scripts/build.js): the module is read while it is loaded.
    const { takeAllOut } = await import('./quick-nops.ts');
    return await takeAllOut(args, { file, room, reading });
  } finally {
    fs.closeSync(file.fd);
  }
}
