/**
 * The files that output is written to before it takes its place: their names, who removes them when a process was killed,
 * and what a signal does while one is there.
 */
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { basename } from 'node:path';
import { errnoOf } from './diagnostics.ts';

const NAME_LIMIT = 255;
const DAY_MS = 24 * 3600 * 1000;
const RESCAN_MS = 10_000;

let space: string | undefined;

/** Eight hex digits that differ between boots, machines and containers: where PIDs mean something else. */
function pidSpace(): string {
  if (space === undefined) {
    const hash = createHash('sha256');
    for (const read of [
      () => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'),
      () => fs.readlinkSync('/proc/self/ns/pid'),
    ]) {
      try {
        hash.update(read());
      } catch {
        // Without it (no /proc) the space of this process is unlike any other, and strays wait for a day.
        hash.update(randomBytes(8));
      }
    }
    space = hash.digest('hex').slice(0, 8);
  }
  return space;
}

/** The name before `.tocsin-`; cut where the whole would be longer than a file name may be. */
function stem(place: string): string {
  const suffix = `.tocsin-${2 ** 22}-${'0'.repeat(16)}.tmp`.length;
  let name = basename(place);
  while (Buffer.byteLength(name) > NAME_LIMIT - 1 - suffix) name = [...name].slice(0, -1).join('');
  return `.${name}`;
}

/** Creates the file for what will be at `place`, and takes note of it. */
export function createTemporary(place: string, mode: number): { path: string; fd: number } {
  const { O_CREAT, O_EXCL, O_RDWR } = fs.constants;
  for (;;) {
    const random = pidSpace() + randomBytes(4).toString('hex');
    const path = `${folderOf(place)}${stem(place)}.tocsin-${process.pid}-${random}.tmp`;
    try {
      const fd = fs.openSync(path, O_RDWR | O_CREAT | O_EXCL, mode);
      remember(path);
      return { path, fd };
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

const TEMPORARY = /^(\..+)\.tocsin-(\d+)-([0-9a-f]{8})[0-9a-f]{8}\.tmp$/s;

interface Stray {
  readonly path: string;
  readonly pid: number;
  readonly space: string;
}

/** Temporary files by stem, for each folder, so that writing thousands of files into one folder lists it rarely. */
const strays = new Map<string, { readonly at: number; readonly byStem: Map<string, Stray[]> }>();

/** Removes what killed processes left of earlier writes to `place`. */
export function removeStrays(place: string): void {
  const folder = folderOf(place);
  let known = strays.get(folder);
  if (known === undefined || Date.now() - known.at > RESCAN_MS) {
    known = { at: Date.now(), byStem: listStrays(folder) };
    strays.set(folder, known);
  }
  for (const stray of known.byStem.get(stem(place)) ?? []) {
    if (!isAbandoned(stray)) continue;
    try {
      fs.rmSync(stray.path, { force: true });
    } catch {
      // Another user's: it is no obstacle to the write.
    }
  }
}

function listStrays(folder: string): Map<string, Stray[]> {
  const byStem = new Map<string, Stray[]>();
  let names: string[];
  try {
    names = fs.readdirSync(folder === '' ? '.' : folder);
  } catch {
    // The write itself will say what is wrong with the folder, if it matters.
    return byStem;
  }
  for (const name of names) {
    const match = TEMPORARY.exec(name);
    if (match === null) continue;
    const [, of, pid, inSpace] = match;
    const list = byStem.get(of!) ?? [];
    list.push({ path: folder + name, pid: Number(pid), space: inSpace! });
    byStem.set(of!, list);
  }
  return byStem;
}

function isAbandoned(stray: Stray): boolean {
  if (underWay.has(stray.path)) return false;
  if (stray.space === pidSpace() && !isAlive(stray.pid)) return true;
  const stats = fs.lstatSync(stray.path, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > DAY_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}

/** Temporary files of this process, each with the signal that has ended its write, if any. */
const underWay = new Map<string, NodeJS.Signals | undefined>();
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
let hooked = false;

/**
 * The handlers stay from the first write on. Were they taken away between two writes, a signal that the system has
 * delivered but Node has not yet passed on would be lost, and with it the user's Ctrl-C.
 */
function remember(path: string): void {
  underWay.set(path, undefined);
  if (hooked) return;
  hooked = true;
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('exit', removeAll);
}

/** The file is in its place, or gone. */
export function forget(path: string): void {
  underWay.delete(path);
}

/** The signal that has ended the write, if any. */
export function interruption(path: string): NodeJS.Signals | undefined {
  return underWay.get(path);
}

function removeAll(): void {
  for (const path of underWay.keys()) fs.rmSync(path, { force: true });
}

/** Dies of the signal as if there were no handler, unless the program has one of its own: then the write fails with IO037. */
function onSignal(signal: NodeJS.Signals): void {
  removeAll();
  for (const path of underWay.keys()) underWay.set(path, signal);
  if (process.listenerCount(signal) > 1) return;
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}
