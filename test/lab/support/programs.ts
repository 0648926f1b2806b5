// Programs of this machine, run by the lab's tests.

import { execFile, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const root = resolve(import.meta.dirname, '../../..');

export interface Ran {
  /** Exit status; null where a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function runProgram(program: string, args: readonly string[]): Promise<Ran> {
  return new Promise((done, failed) => {
    execFile(program, args, { maxBuffer: 2 ** 30, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error !== null && (error as NodeJS.ErrnoException).syscall !== undefined) return failed(error);
      const code = error === null ? 0 : ((error as { code?: number | null }).code ?? null);
      done({ status: code, stdout, stderr });
    });
  });
}

/** The lines that a program prints, as they come. Throws where it fails. */
export async function* lines(program: string, args: readonly string[]): AsyncGenerator<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const complaint: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => complaint.push(text));
  const ended = new Promise<number | null>((done, failed) => child.on('error', failed).on('close', done));
  for await (const line of createInterface({ input: child.stdout })) yield line;
  const status = await ended;
  if (status !== 0) throw new Error(`${program} ended with status ${status}: ${complaint.join('').slice(0, 2000)}`);
}

/** The command line as users have it: built, from `bin`. */
export const tocsinProgram = [process.execPath, resolve(root, 'bin/tocsin.js')] as const;

export function tocsin(...args: readonly string[]): Promise<Ran> {
  return runProgram(tocsinProgram[0], [tocsinProgram[1], ...args]);
}

/** The same; throws unless it ends with 0. */
export async function tocsinDone(...args: readonly string[]): Promise<Ran> {
  const ran = await tocsin(...args);
  if (ran.status !== 0)
    throw new Error(`tocsin ${args.join(' ')} ended with ${ran.status}: ${ran.stderr}${ran.stdout}`);
  return ran;
}
