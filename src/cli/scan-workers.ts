/**
 * Scanning in several threads. Each thread, this one too, takes the next batch of files from a counter that all share, so
 * none waits while there is work; results come back by message and are handed on in the order of the files.
 */
import type { Worker } from 'node:worker_threads';
import { FileScanner, type Outcome, type Scanned, type ScanRequest } from './file-scanner.ts';

/** What a thread is told to do. */
export interface WorkerOrder {
  readonly request: ScanRequest;
  readonly files: readonly string[];
  readonly batch: number;
  /** One number: the first file that nobody has taken yet. */
  readonly next: Int32Array;
}

export interface WorkerAnswer {
  readonly first: number;
  readonly outcomes: readonly Outcome[];
}

/** Takes batches until there are none, and calls `done` for each. */
export async function scanBatches(
  order: WorkerOrder,
  done: (answer: WorkerAnswer) => void | Promise<void>,
): Promise<void> {
  const { files, batch, next } = order;
  const take = () => Atomics.add(next, 0, batch);
  let first = take();
  if (first >= files.length) return;
  const scanner = new FileScanner(order.request);
  for (; first < files.length; first = take()) {
    const outcomes: Outcome[] = [];
    for (const path of files.slice(first, first + batch)) {
      const outcome = scanner.scan(path);
      outcomes.push(outcome instanceof Promise ? await outcome : outcome);
    }
    await done({ first, outcomes });
  }
}

/** The threads besides this one. They may be started before there is work: starting one takes tens of milliseconds. */
export class ScanWorkers {
  readonly #workers: Worker[] = [];
  #failure: unknown;
  #wake = () => {};

  /** Starts threads until there are `count`. */
  start(count: number): void {
    if (this.#workers.length >= count) return;
    // Loaded here, because most runs need no thread.
    const threads = process.getBuiltinModule('node:worker_threads');
    while (this.#workers.length < count) {
      const worker = new threads.Worker(workerScript(), { env: threads.SHARE_ENV, trackUnmanagedFds: false });
      this.#workers.push(worker.on('error', error => this.#fail(error)));
    }
  }

  get count(): number {
    return this.#workers.length;
  }

  /** @param batch files that a thread takes at once: many where a file takes microseconds, few where it takes long */
  async *scan(files: readonly string[], request: ScanRequest, batch: number): AsyncGenerator<readonly Scanned[]> {
    const order: WorkerOrder = { request, files, batch, next: new Int32Array(new SharedArrayBuffer(4)) };
    const results: (Outcome | undefined)[] = new Array(files.length);
    const take = ({ first, outcomes }: WorkerAnswer) => {
      outcomes.forEach((outcome, i) => {
        results[first + i] = outcome;
      });
      this.#wake();
    };
    for (const worker of this.#workers) worker.on('message', take).postMessage(order);
    const own = scanBatches(order, answer => {
      take(answer);
      return new Promise(resolve => setImmediate(resolve));
    }).catch(error => this.#fail(error));
    try {
      for (let i = 0; i < files.length; ) {
        const ready: Scanned[] = [];
        for (; results[i] !== undefined; i++) {
          ready.push({ path: files[i]!, outcome: results[i]! });
          results[i] = undefined;
        }
        if (ready.length > 0) yield ready;
        else {
          if (this.#failure !== undefined) throw this.#failure;
          await new Promise<void>(resolve => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      Atomics.store(order.next, 0, files.length);
      await own;
      this.stop();
    }
  }

  /** Ends the threads. Nobody waits for that but the end of the program. */
  stop(): void {
    for (const worker of this.#workers) void worker.terminate();
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#wake();
  }
}

/** The build puts this module into `dist/` itself or into `dist/chunks/`, and the worker's script always into `dist/`. */
function workerScript(): URL {
  const here = new URL('.', import.meta.url);
  return new URL(here.pathname.endsWith('/chunks/') ? '../scan-worker.cjs' : 'scan-worker.cjs', here);
}
