/**
 * Scanning in several threads. Each thread, this one too, takes the next batch of files from a counter that all share, so
 * none waits while there is work; results come back by message and are handed on in the order of the files.
 */
import { Worker } from 'node:worker_threads';
import { FileScanner, type Outcome, type ScanRequest } from './commands/scan.ts';

/** What a thread is told when it starts. */
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
  const scanner = new FileScanner(order.request);
  for (let first = Atomics.add(next, 0, batch); first < files.length; first = Atomics.add(next, 0, batch)) {
    const outcomes: Outcome[] = [];
    for (const path of files.slice(first, first + batch)) outcomes.push(await scanner.scan(path));
    await done({ first, outcomes });
  }
}

/**
 * @param jobs threads, this one included
 * @param batch files that a thread takes at once: many where a file takes microseconds, few where it takes long
 */
export async function* scanInWorkers(
  files: readonly string[],
  request: ScanRequest,
  jobs: number,
  batch: number,
): AsyncGenerator<{ path: string; outcome: Outcome }> {
  const order: WorkerOrder = { request, files, batch, next: new Int32Array(new SharedArrayBuffer(4)) };
  const results: (Outcome | undefined)[] = new Array(files.length);
  let wake = () => {};
  let failure: unknown;
  const take = ({ first, outcomes }: WorkerAnswer) => {
    outcomes.forEach((outcome, i) => {
      results[first + i] = outcome;
    });
    wake();
  };
  const fail = (error: unknown) => {
    failure = error;
    wake();
  };
  const workers = Array.from({ length: jobs - 1 }, () =>
    new Worker(workerScript(), { workerData: order }).on('message', take).on('error', fail),
  );
  const own = scanBatches(order, answer => {
    take(answer);
    return new Promise(resolve => setImmediate(resolve));
  }).catch(fail);
  try {
    for (let i = 0; i < files.length; i++) {
      while (results[i] === undefined) {
        if (failure !== undefined) throw failure;
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
      yield { path: files[i]!, outcome: results[i]! };
      results[i] = undefined;
    }
  } finally {
    Atomics.store(order.next, 0, files.length);
    await own;
    await Promise.all(workers.map(w => w.terminate()));
  }
}

/** The build puts this module into `dist/` itself or into `dist/chunks/`, and the worker's script always into `dist/`. */
function workerScript(): URL {
  const here = new URL('.', import.meta.url);
  return new URL(here.pathname.endsWith('/chunks/') ? '../scan-worker.cjs' : 'scan-worker.cjs', here);
}
