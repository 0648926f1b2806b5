/**
 * Runs the built command line. `dist/` is built first where it is older than the sources; a lock keeps test files that run
 * at the same time from building twice.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { afterAll } from 'vitest';
import type { Order, Thread } from './cli-thread.ts';
import { root } from './samples.ts';

const bin = `${root}bin/tocsin.js`;

export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `tocsin` with `args` in the package's folder. */
export function tocsin(args: readonly string[], options: RunOptions = {}): RunResult {
  buildProgram();
  const done = spawnSync(process.execPath, [bin, ...args], {
    cwd: options.cwd ?? root,
    input: options.input ?? '',
    env: { ...process.env, ...options.env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (done.error !== undefined) throw done.error;
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

/** No command of a test takes longer. */
const THREAD_MS = 120_000;
let thread: { readonly port: MessagePort; readonly done: Int32Array } | undefined;

/**
 * What `tocsin` does and gives, without a process of its own: a thread stays, and has loaded and compiled the program for all
 * commands of a test file. For tests that are not about how a process starts, reads its stdin, or ends.
 */
export function inThread(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunResult {
  buildProgram();
  thread ??= startThread();
  const { port, done } = thread;
  Atomics.store(done, 0, 0);
  port.postMessage({ args, env } satisfies Order);
  if (Atomics.wait(done, 0, 0, THREAD_MS) === 'timed-out') throw new Error(`tocsin ${args.join(' ')} does not end`);
  const answer: RunResult | { readonly failure: string } = receiveMessageOnPort(port)!.message;
  if ('failure' in answer) throw new Error(answer.failure);
  return answer;
}

function startThread(): NonNullable<typeof thread> {
  const { outputFiles } = buildSync({
    entryPoints: [`${root}test/support/cli-thread.ts`],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    write: false,
    logLevel: 'warning',
  });
  const { port1: port, port2 } = new MessageChannel();
  const done = new Int32Array(new SharedArrayBuffer(4));
  const workerData: Thread = { root, port: port2, done };
  const worker = new Worker(outputFiles[0]!.text, { eval: true, workerData, transferList: [port2], execArgv: [] });
  worker.unref();
  port.unref();
  return { port, done };
}

/** Runs a shell command in which `$TOCSIN` starts the command line. */
export function shell(command: string, options: RunOptions = {}): RunResult {
  buildProgram();
  const done = spawnSync('bash', ['--norc', '-c', command], {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.env, TOCSIN: `${process.execPath} ${bin}` },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

/** A folder that goes when the tests of the file are done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const LOCK = `${root}node_modules/.tocsin-build-lock`;
/** A lock that is older belongs to a run that was killed. */
const STALE_MS = 120_000;
let isBuilt = false;

/** `dist/`, made anew where the sources are younger. */
export function buildProgram(): void {
  while (!isBuilt) {
    if (lock()) {
      try {
        if (newest(`${root}src`) > oldest())
          execFileSync(process.execPath, [`${root}scripts/build.js`, '--bundles'], { stdio: 'inherit' });
      } finally {
        rmdirSync(LOCK);
      }
      isBuilt = true;
    } else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
}

function lock(): boolean {
  try {
    mkdirSync(LOCK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const held = statSync(LOCK, { throwIfNoEntry: false });
    if (held !== undefined && Date.now() - held.mtimeMs > STALE_MS) rmdirSync(LOCK);
    return false;
  }
}

/** When the built command line was made; 0 where there is none. */
function oldest(): number {
  return statSync(`${root}dist/cli.js`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newest(folder: string): number {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    time = Math.max(time, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return time;
}
