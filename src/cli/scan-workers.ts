/**
 * Scanning in several threads, for packed files: unpacking is what takes the time. Each worker takes the next file when it
 * has finished one; results are handed on in the order of the files.
 */
import { Worker } from 'node:worker_threads';
import type { Outcome, ScanRequest } from './commands/scan.ts';

/** A batch is large enough that messages cost nothing and small enough that no worker waits long at the end. */
const BATCH = 4;

export async function* scanInWorkers(
  files: readonly string[],
  request: ScanRequest,
  jobs: number,
): AsyncGenerator<{ path: string; outcome: Outcome }> {
  const results: (Outcome | undefined)[] = new Array(files.length);
  let next = 0;
  let wake: () => void = () => {};
  let failure: unknown;
  const workers = Array.from(
    { length: jobs },
    () => new Worker(new URL('./scan-worker.js', import.meta.url), { workerData: request }),
  );
  const feed = (worker: Worker) => {
    if (next >= files.length) return;
    worker.postMessage({ first: next, paths: files.slice(next, next + BATCH) });
    next += BATCH;
  };
  for (const worker of workers) {
    worker.on('message', ({ first, outcomes }: { first: number; outcomes: Outcome[] }) => {
      outcomes.forEach((outcome, i) => {
        results[first + i] = outcome;
      });
      feed(worker);
      wake();
    });
    worker.on('error', error => {
      failure = error;
      wake();
    });
    feed(worker);
  }
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
    await Promise.all(workers.map(w => w.terminate()));
  }
}
